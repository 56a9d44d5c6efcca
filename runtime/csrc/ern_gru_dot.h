/* The units of a GRU layer in integers, products in fours of columns, for int16 and for int8 x. Gates r z n. */
#ifndef ERN_GRU_DOT_H
#define ERN_GRU_DOT_H

#include "ern_dot.h"
#include "ern_gru_units.h"

/* sum: products of r, z, n over x, n over h of a block of units. Returns the end of the weights. */
ERN_INLINE const int8_t *ern_gru_dot_sums(ern_v32 sum[4], const int8_t *w, const int8_t *start, size_t inputs,
                                          const int8_t *middle, size_t hidden, int narrow)
{
    const ern_v32 zero = ern_rows_all(0);
    ern_v32 over_x[3] = {zero, zero, zero};
    w = ern_dot_sums(over_x, 3, w, start, inputs, narrow);
    ern_v32 over_h[3] = {over_x[0], over_x[1], zero};
    w = ern_dot_sums(over_h, 3, w, middle, hidden, narrow);
    sum[0] = over_h[0];
    sum[1] = over_h[1];
    sum[2] = over_x[2];
    sum[3] = over_h[2];
    return w;
}

/* start: x, then from middle on h as the products read it, as ern_dot.h puts them. h: the state. Over int16 values the
 * functions of two blocks of units follow the products of both, so that they overlap. */
ERN_INLINE void ern_gru_dot(const ern_gru_s16_layer *layer, const int8_t *start, const int8_t *middle, const int16_t *h,
                            int16_t *h_next, int narrow)
{
    const size_t inputs = ern_dot_padded(layer->inputs), hidden = ern_dot_padded(layer->hidden);
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const size_t together = narrow ? 1 : 2;
    for (size_t unit = 0; unit < layer->hidden; unit += together * ERN_ROWS, rows += together * ERN_GRU_ROWS) {
        const size_t left = layer->hidden - unit, next = unit + ERN_ROWS;
        const int both = together == 2 && left > ERN_ROWS;
        ern_v32 first[4], second[4];
        w = ern_gru_dot_sums(first, w, start, inputs, middle, hidden, narrow);
        if (both)
            w = ern_gru_dot_sums(second, w, start, inputs, middle, hidden, narrow);
        ern_rows_store(h_next + unit, ern_gru_cell(layer, first, rows, ern_rows_load(h + unit, left), narrow), left);
        if (both) {
            const ern_v32 before = ern_rows_load(h + next, left - ERN_ROWS);
            ern_rows_store(h_next + next, ern_gru_cell(layer, second, rows + ERN_GRU_ROWS, before, narrow), left - ERN_ROWS);
        }
    }
}

#endif
