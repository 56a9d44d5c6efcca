/* y = f(requantized W x), products in fours of columns: linear and RNN layers. */
#ifndef ERN_AFFINE_DOT_H
#define ERN_AFFINE_DOT_H

#include "ern_affine_s16.h"
#include "ern_dot.h"

/* x: as ern_dot.h puts it. Weights: groups of 4 ERN_ROWS rows, then of ERN_ROWS rows. */
ERN_INLINE void ern_affine_dot(const int8_t *w, const int32_t *rows, const int8_t *x, size_t columns, void *y,
                               ern_affine_result to)
{
    const ern_v32 zero = ern_rows_all(0);
    size_t row = 0;
    for (; row + 4 * ERN_ROWS <= to.outputs; row += 4 * ERN_ROWS) {
        ern_v32 acc[4] = {zero, zero, zero, zero};
        w = ern_dot_sums(acc, 4, w, x, columns, to.narrow_x);
        rows = ern_affine_finish(acc, 4, rows, y, row, to);
    }
    for (; row < to.outputs; row += ERN_ROWS) {
        ern_v32 acc = zero;
        w = ern_dot_sums(&acc, 1, w, x, columns, to.narrow_x);
        rows = ern_affine_finish(&acc, 1, rows, y, row, to);
    }
}

#endif
