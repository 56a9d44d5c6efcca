/* Affine map of each frame, in integers, for Helium. */
#include "ern_linear_helium.h"

ERN_API void ern_linear_s16(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work, int16_t *y)
{
    const size_t inputs = layer->inputs, columns = ern_helium_padded(inputs, 0);
    for (size_t t = 0; t < frames; t++, x += inputs, y += layer->outputs) {
        const int16_t *vector = x;
        if (columns != inputs) {
            (void)ern_helium_put_vector(work, x, inputs, 0);
            vector = work;
        }
        ern_linear_helium(layer, vector, columns, y, 0, 0);
    }
}
