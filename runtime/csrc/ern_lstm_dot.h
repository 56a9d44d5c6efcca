/* The units of an LSTM layer in integers, products in fours of columns, for int16 and for int8 x and h. Gates i f g o. */
#ifndef ERN_LSTM_DOT_H
#define ERN_LSTM_DOT_H

#include "ern_dot.h"
#include "ern_lstm_units.h"

/* Units from "unit" on: c, h_next and c_next are those of the layer. sum: products of the gates. */
ERN_INLINE void ern_lstm_dot_units(const ern_lstm_s16_layer *layer, size_t unit, const ern_v32 sum[4], const int32_t *rows,
                                   const int16_t *c, void *h_next, int16_t *c_next, int narrow)
{
    const uint32_t pre_shift = layer->pre_shift;
    const size_t left = layer->hidden - unit;
    ern_v32 cell = ern_rows_load(c + unit, left);
    const ern_v32 gate[4] = {
        ern_finish(sum[0], rows, pre_shift, narrow),
        ern_finish(sum[1], rows + 2 * ERN_ROWS, pre_shift, narrow),
        ern_finish(sum[2], rows + 4 * ERN_ROWS, pre_shift, narrow),
        ern_finish(sum[3], rows + 6 * ERN_ROWS, pre_shift, narrow),
    };
    ern_give(h_next, unit, ern_lstm_cell(layer, gate, &cell), left, narrow);
    ern_rows_store(c_next + unit, cell, left);
}

/* xh: x, then h, as ern_dot.h puts them. Over int16 values the functions of two blocks of units follow the products of
 * both, so that they overlap. */
ERN_INLINE void ern_lstm_dot(const ern_lstm_s16_layer *layer, const int8_t *xh, const int16_t *c, void *h_next,
                             int16_t *c_next, int narrow)
{
    const size_t columns = ern_dot_padded(layer->inputs) + ern_dot_padded(layer->out);
    const ern_v32 zero = ern_rows_all(0);
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const size_t together = narrow ? 1 : 2;
    for (size_t unit = 0; unit < layer->hidden; unit += together * ERN_ROWS, rows += 8 * together * ERN_ROWS) {
        const int both = together == 2 && unit + ERN_ROWS < layer->hidden;
        ern_v32 first[4] = {zero, zero, zero, zero}, second[4] = {zero, zero, zero, zero};
        w = ern_dot_sums(first, 4, w, xh, columns, narrow);
        if (both)
            w = ern_dot_sums(second, 4, w, xh, columns, narrow);
        ern_lstm_dot_units(layer, unit, first, rows, c, h_next, c_next, narrow);
        if (both)
            ern_lstm_dot_units(layer, unit + ERN_ROWS, second, rows + 8 * ERN_ROWS, c, h_next, c_next, narrow);
    }
}

#endif
