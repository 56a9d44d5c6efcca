/* Affine map of each frame. */
#include "ern_matvec_f32.h"

static void ern_linear_frame(const float *x, size_t inputs, const float *w, float *y, size_t outputs)
{
    size_t row = 0;
    for (; row + 4 * ERN_LANES <= outputs; row += 4 * ERN_LANES) {
        ern_vf total[4] = {ERN_W(0), ERN_W(1), ERN_W(2), ERN_W(3)};
        w = ern_mac4_f32(total, w + (size_t)4 * ERN_LANES, x, inputs);
        for (size_t k = 0; k < 4; k++)
            ern_store(y + row + k * ERN_LANES, total[k]);
    }
    for (; row < outputs; row += ERN_LANES) {
        ern_vf total = ERN_W(0);
        w = ern_mac1_f32(&total, w + ERN_LANES, x, inputs);
        ern_store_part(y + row, total, outputs - row);
    }
}

ERN_API void ern_linear_f32(const float *x, size_t frames, size_t inputs, const float *weights, float *y, size_t outputs)
{
    for (size_t t = 0; t < frames; t++)
        ern_linear_frame(x + t * inputs, inputs, weights, y + t * outputs, outputs);
}
