/* y = f(requantized W x), all rows of packed 4-bit weights: linear and RNN layers. */
#ifndef ERN_AFFINE_W4_H
#define ERN_AFFINE_W4_H

#include "ern_affine_s16.h"
#include "ern_matvec_w4.h"

/* The sums of four groups of rows; returns the end of the weights. */
ERN_INLINE const int8_t *ern_sum4_w4(ern_v32 sum[4], const int8_t *w, const int16_t *x, size_t columns, int32_t begin)
{
    sum[0] = sum[1] = sum[2] = sum[3] = ern_rows_all(begin);
#if ERN_DSP
    return ern_dsp_dot4_w4(w, x, columns, sum);
#else
    return ern_dot_w4(sum, 4, w, x, columns);
#endif
}

/* x: padded. Weights: groups of 4 ERN_ROWS rows, then of ERN_ROWS rows (with ERN_DSP groups of 4, the last one padded). */
ERN_INLINE void ern_affine_w4(const int8_t *w, const int32_t *rows, const int16_t *x, size_t columns, int16_t *y,
                              ern_affine_result to)
{
    const int32_t begin = ern_begin_w4(x, columns);
    size_t row = 0;
    for (; row + (ERN_DSP ? 1 : 4 * ERN_ROWS) <= to.outputs; row += 4 * ERN_ROWS) {
        ern_v32 acc[4];
        w = ern_sum4_w4(acc, w, x, columns, begin);
        rows = ern_affine_finish(acc, 4, rows, y, row, to);
    }
#if !ERN_DSP
    for (; row < to.outputs; row += ERN_ROWS) {
        ern_v32 acc = ern_rows_all(begin);
        w = ern_dot_w4(&acc, 1, w, x, columns);
        rows = ern_affine_finish(&acc, 1, rows, y, row, to);
    }
#endif
}

#endif
