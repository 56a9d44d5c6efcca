/* Affine map of each frame, in integers, products in fours of columns. */
#include "ern_affine_dot.h"
#include "ern_linear_units.h"

ERN_API void ern_linear_s16(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work, int16_t *y)
{
    const ern_affine_result to = {layer->outputs, layer->pre_shift, 0, 0, ern_linear_same, NULL};
    int8_t *const vector = (int8_t *)work;
    for (size_t t = 0; t < frames; t++, x += layer->inputs, y += layer->outputs) {
        (void)ern_dot_put(vector, x, layer->inputs, 0);
        ern_affine_dot(layer->weights, layer->rows, vector, ern_dot_padded(layer->inputs), y, to);
    }
}
