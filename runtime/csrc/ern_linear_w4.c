/* Affine map of each frame in integers, with 4-bit weights. */
#include "ern_affine_w4.h"
#include "ern_linear_units.h"

ERN_API void ern_linear_s16_w4(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work,
                               int16_t *y)
{
    const size_t inputs = layer->inputs, columns = ern_padded_w4(inputs);
    const ern_affine_result to = {layer->outputs, 0, 0, 0, ern_linear_same, NULL};
    int16_t *const start = ern_start_w4(work);
    for (size_t t = 0; t < frames; t++, x += inputs, y += layer->outputs) {
        const int16_t *vector = x;
        if (columns != inputs || (ERN_DSP && ((uintptr_t)x & 3) != 0)) {
            (void)ern_put_w4(start, x, inputs, 0);
            vector = start;
        }
        ern_affine_w4(layer->weights, layer->rows, vector, columns, y, to);
    }
}
