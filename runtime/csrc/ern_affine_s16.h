/* y = f(requantized W x), all rows of packed weights: linear and RNN layers. */
#ifndef ERN_AFFINE_S16_H
#define ERN_AFFINE_S16_H

#include "ern_narrow.h"

typedef ern_v32 (*ern_rows_function)(ern_v32 v, const void *context);

/* pre_shift  of sums over int8 values; 0 for int16
 * narrow     whether y is of int8
 * function   of results, with its context */
typedef struct {
    size_t outputs;
    uint32_t pre_shift;
    int narrow_x, narrow_y;
    ern_rows_function function;
    const void *context;
} ern_affine_result;

ERN_INLINE const int32_t *ern_affine_finish(const ern_v32 *acc, int groups, const int32_t *rows, void *y, size_t row,
                                            ern_affine_result to)
{
    for (int k = 0; k < groups; k++, rows += 2 * ERN_ROWS, row += ERN_ROWS)
        if (row < to.outputs) {
            const ern_v32 v = to.function(ern_finish(acc[k], rows, to.pre_shift, to.narrow_x), to.context);
            ern_give(y, row, v, to.outputs - row, to.narrow_y);
        }
    return rows;
}

/* x: ern_padded columns. Weights: groups of 4 ERN_ROWS rows, then of ERN_ROWS rows (of 2 with ERN_DSP). */
ERN_INLINE void ern_affine(const int8_t *w, const int32_t *rows, const int16_t *x, size_t columns, void *y,
                           ern_affine_result to)
{
    size_t row = 0;
    for (; row + 4 * ERN_ROWS <= to.outputs; row += 4 * ERN_ROWS) {
        ern_v32 acc[4];
        w = ern_sum4(acc, w, x, columns);
        rows = ern_affine_finish(acc, 4, rows, y, row, to);
    }
#if ERN_DSP
    for (; row < to.outputs; row += 2) {
        int32_t acc[2];
        w = ern_dsp_dot2(w, x, columns, acc);
        rows = ern_affine_finish(acc, 2, rows, y, row, to);
    }
#else
    for (; row < to.outputs; row += ERN_ROWS) {
        ern_v32 acc = ern_rows_all(0);
        w = ern_dot(&acc, 1, w, x, columns);
        rows = ern_affine_finish(&acc, 1, rows, y, row, to);
    }
#endif
}

#endif
