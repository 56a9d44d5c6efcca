/* The units of a GRU layer in integers, four rows a word, for int16 and for int8 x. Gates r z n. */
#ifndef ERN_GRU_WORDS_H
#define ERN_GRU_WORDS_H

#include "ern_gru_units.h"
#include "ern_words.h"

/* start: x, padded; from middle on h as the products read it, padded. h: the state. Four units: r z of two of them, r z of
 * the others, all over [x; h]; n of the four over x, then over h. */
ERN_INLINE void ern_gru_words(const ern_gru_s16_layer *layer, const int16_t *start, size_t inputs, size_t hidden,
                              const int16_t *h, int16_t *h_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const middle = start + inputs;
    const int32_t excess_x = ern_words_excess(start, inputs), excess_h = ern_words_excess(middle, hidden);
    for (size_t unit = 0; unit < layer->hidden; unit += 4) {
        int32_t gates[8], n_x[4], n_h[4];
        w = ern_words_dot4(w, start, inputs + hidden, excess_x + excess_h, gates);
        w = ern_words_dot4(w, start, inputs + hidden, excess_x + excess_h, gates + 4);
        w = ern_words_dot4(w, start, inputs, excess_x, n_x);
        w = ern_words_dot4(w, middle, hidden, excess_h, n_h);
        for (size_t k = 0; k < 4 && unit + k < layer->hidden; k++, rows += ERN_GRU_ROWS) {
            const int32_t sum[4] = {gates[2 * k], gates[2 * k + 1], n_x[k], n_h[k]};
            h_next[unit + k] = (int16_t)ern_gru_cell(layer, sum, rows, h[unit + k], narrow);
        }
    }
}

#endif
