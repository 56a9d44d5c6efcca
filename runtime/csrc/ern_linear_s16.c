/* Affine map of each frame, in integers. */
#include "ern_linear_units.h"

ERN_API void ern_linear_s16(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work, int16_t *y)
{
    const size_t inputs = layer->inputs;
    int16_t *const start = ern_vector_start(work);
    for (size_t t = 0; t < frames; t++, x += inputs, y += layer->outputs) {
        const int16_t *vector = x;
        if (ern_padded(inputs) != inputs || (ERN_DSP && ((uintptr_t)x & 3) != 0)) {
            (void)ern_put_vector(start, x, inputs, 0);
            vector = start;
        }
        ern_linear_units(layer, vector, y, 0, 0);
    }
}
