/* Rows of weights over a band of each frame. */
#include "ern_lanes.h"

ERN_API void ern_banded_f32(const float *x, size_t frames, size_t inputs, const float *weights, const int32_t *starts,
                            const int32_t *lengths, float *y, size_t outputs)
{
    for (size_t t = 0; t < frames; t++, x += inputs) {
        const float *w = weights;
        for (size_t row = 0; row < outputs; row++) {
            const float *band = x + starts[row];
            const size_t n = (size_t)lengths[row];
            float total = 0.0f;
            for (size_t k = 0; k < n; k++)
                total += w[k] * band[k];
            w += n;
            *y++ = total;
        }
    }
}
