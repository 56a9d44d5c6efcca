/* The units of an LSTM layer in integers, four rows a word, for int16 and for int8 x and h. Gates i f g o. */
#ifndef ERN_LSTM_WORDS_H
#define ERN_LSTM_WORDS_H

#include "ern_lstm_units.h"
#include "ern_words.h"

/* xh: x, then h, each padded. */
ERN_INLINE void ern_lstm_words(const ern_lstm_s16_layer *layer, const int16_t *xh, size_t columns, const int16_t *c,
                               void *h_next, int16_t *c_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows, excess = ern_words_excess(xh, columns);
    for (size_t unit = 0; unit < layer->hidden; unit++) {
        int32_t gate[4], cell = c[unit];
        w = ern_words_dot4(w, xh, columns, excess, gate);
        for (int k = 0; k < 4; k++, rows += 2)
            gate[k] = ern_finish(gate[k], rows, layer->pre_shift, narrow);
        ern_give(h_next, unit, ern_lstm_cell(layer, gate, &cell), 1, narrow);
        c_next[unit] = (int16_t)cell;
    }
}

#endif
