/* Affine map of each int8 frame, in integers, to int8 or to int16. */
#include "ern_linear_units.h"

ERN_API void ern_linear_s8(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int8_t *y)
{
    int16_t *const start = ern_vector_start(work);
    for (size_t t = 0; t < frames; t++, x += layer->inputs, y += layer->outputs) {
        (void)ern_put_narrow(start, x, layer->inputs);
        ern_linear_units(layer, start, y, 1, 1);
    }
}

ERN_API void ern_linear_s8_s16(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int16_t *y)
{
    int16_t *const start = ern_vector_start(work);
    for (size_t t = 0; t < frames; t++, x += layer->inputs, y += layer->outputs) {
        (void)ern_put_narrow(start, x, layer->inputs);
        ern_linear_units(layer, start, y, 1, 0);
    }
}
