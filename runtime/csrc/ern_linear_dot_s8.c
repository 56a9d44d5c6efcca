/* Affine map of each int8 frame, in integers, to int8 or to int16, products in fours of columns. */
#include "ern_affine_dot.h"
#include "ern_linear_units.h"

ERN_INLINE void ern_linear_dot_s8(const ern_linear_s16_layer *layer, const int8_t *x, int16_t *work, void *y, int narrow_y)
{
    const ern_affine_result to = {layer->outputs, layer->pre_shift, 1, narrow_y, ern_linear_same, NULL};
    int8_t *const vector = (int8_t *)work;
    (void)ern_dot_put_narrow(vector, x, layer->inputs);
    ern_affine_dot(layer->weights, layer->rows, vector, ern_dot_padded(layer->inputs), y, to);
}

ERN_API void ern_linear_s8(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int8_t *y)
{
    for (size_t t = 0; t < frames; t++, x += layer->inputs, y += layer->outputs)
        ern_linear_dot_s8(layer, x, work, y, 1);
}

ERN_API void ern_linear_s8_s16(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int16_t *y)
{
    for (size_t t = 0; t < frames; t++, x += layer->inputs, y += layer->outputs)
        ern_linear_dot_s8(layer, x, work, y, 0);
}
