/* y = f(requantized W x), all rows of packed weights: linear and RNN layers. */
#ifndef ERN_AFFINE_S16_H
#define ERN_AFFINE_S16_H

#include "ern_matvec_s8.h"

typedef ern_v32 (*ern_rows_function)(ern_v32 v, const void *context);

ERN_INLINE const int32_t *ern_affine_finish(const ern_v32 *acc, int groups, const int32_t *rows, int16_t *y, size_t left,
                                            ern_rows_function function, const void *context)
{
    for (int k = 0; k < groups; k++, rows += 2 * ERN_ROWS) {
        const size_t done = (size_t)k * ERN_ROWS;
        if (done < left)
            ern_rows_store(y + done, function(ern_rows_requantize(acc[k], rows), context), left - done);
    }
    return rows;
}

/* x: ern_padded columns. Weights: groups of 4 ERN_ROWS rows, then of ERN_ROWS rows (of 2 with ERN_DSP). */
ERN_INLINE void ern_affine(const int8_t *w, const int32_t *rows, const int16_t *x, size_t columns, int16_t *y,
                           size_t outputs, ern_rows_function function, const void *context)
{
    size_t row = 0;
    for (; row + 4 * ERN_ROWS <= outputs; row += 4 * ERN_ROWS) {
        ern_v32 acc[4] = {ern_rows_all(0), ern_rows_all(0), ern_rows_all(0), ern_rows_all(0)};
#if ERN_DSP
        w = ern_dsp_dot4(w, x, columns, acc);
#else
        w = ern_dot(acc, 4, w, x, columns);
#endif
        rows = ern_affine_finish(acc, 4, rows, y + row, outputs - row, function, context);
    }
#if ERN_DSP
    for (; row < outputs; row += 2) {
        int32_t acc[2];
        w = ern_dsp_dot2(w, x, columns, acc);
        rows = ern_affine_finish(acc, 2, rows, y + row, outputs - row, function, context);
    }
#else
    for (; row < outputs; row += ERN_ROWS) {
        ern_v32 acc = ern_rows_all(0);
        w = ern_dot(&acc, 1, w, x, columns);
        rows = ern_affine_finish(&acc, 1, rows, y + row, outputs - row, function, context);
    }
#endif
}

#endif
