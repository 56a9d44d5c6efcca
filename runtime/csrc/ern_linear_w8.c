/* Affine map of each frame, with int8 weights. */
#include "ern_matvec_w8.h"

static void ern_linear_frame_w8(const float *x, size_t inputs, const int8_t *w, const float *rows, float *y,
                                size_t outputs)
{
    size_t row = 0;
    for (; row + 4 * ERN_LANES <= outputs; row += 4 * ERN_LANES, rows += (size_t)8 * ERN_LANES) {
        ern_vf sum[4] = {ern_all(0.0f), ern_all(0.0f), ern_all(0.0f), ern_all(0.0f)};
        w = ern_mac4_w8(sum, w, x, inputs);
        for (size_t k = 0; k < 4; k++)
            ern_store(y + row + k * ERN_LANES, ERN_ROW(k) + ERN_ROW(4 + k) * sum[k]);
    }
    for (; row < outputs; row += ERN_LANES, rows += (size_t)2 * ERN_LANES) {
        ern_vf sum = ern_all(0.0f);
        w = ern_mac1_w8(&sum, w, x, inputs);
        ern_store_part(y + row, ERN_ROW(0) + ERN_ROW(1) * sum, outputs - row);
    }
}

ERN_API void ern_linear_w8(const float *x, size_t frames, size_t inputs, const int8_t *weights, const float *rows, float *y,
                           size_t outputs)
{
    for (size_t t = 0; t < frames; t++)
        ern_linear_frame_w8(x + t * inputs, inputs, weights, rows, y + t * outputs, outputs);
}
