/* y = f(requantized W x), four rows a word: linear and RNN layers. */
#ifndef ERN_AFFINE_WORDS_H
#define ERN_AFFINE_WORDS_H

#include "ern_affine_s16.h"
#include "ern_words.h"

/* x: padded. Weights: groups of 4 rows, the last one padded. */
ERN_INLINE void ern_affine_words(const int8_t *w, const int32_t *rows, const int16_t *x, size_t columns, void *y,
                                 ern_affine_result to)
{
    const int32_t excess = ern_words_excess(x, columns);
    for (size_t row = 0; row < to.outputs; row += 4) {
        int32_t acc[4];
        const size_t left = to.outputs - row;
        w = ern_words_dot4(w, x, columns, excess, acc);
        rows = ern_affine_finish(acc, left < 4 ? (int)left : 4, rows, y, row, to);
    }
}

#endif
