/* The units of a GRU layer in integers, for int16 and for int8 x. Gates r z n. */
#ifndef ERN_GRU_UNITS_H
#define ERN_GRU_UNITS_H

#include "ern_narrow.h"

#define ERN_GRU_ROWS (8 * ERN_ROWS)

/* sum: products of r, z, n over x, n over h. Returns the next h. */
ERN_INLINE ern_v32 ern_gru_cell(const ern_gru_s16_layer *layer, const ern_v32 sum[4], const int32_t *rows, ern_v32 h,
                                int narrow)
{
    const uint32_t pre_shift = layer->pre_shift;
    const ern_v32 r = ern_rows_look(layer->sigmoid, ern_finish(sum[0], rows, pre_shift, narrow));
    const ern_v32 z = ern_rows_look(layer->sigmoid, ern_finish(sum[1], rows + 2 * ERN_ROWS, pre_shift, narrow));
    const ern_v32 n_x = ern_finish(sum[2], rows + 4 * ERN_ROWS, pre_shift, narrow);
    const ern_v32 n_h = ern_finish(sum[3], rows + 6 * ERN_ROWS, pre_shift, narrow);
    const ern_v32 n = ern_rows_look(layer->tanh, ern_rows_sat16(n_x + ERN_SHIFT(r * n_h, 15)));
    return ERN_SHIFT(z * h + (32768 - z) * n + (1 << 14), 15);
}

/* start: x, padded; from middle on h as the products read it, padded. h: the state. */
ERN_INLINE void ern_gru_units(const ern_gru_s16_layer *layer, const int16_t *start, size_t inputs, size_t hidden,
                              const int16_t *h, int16_t *h_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const middle = start + inputs;
#if ERN_DSP
    for (size_t unit = 0; unit < layer->hidden; unit += 2, rows += 2 * ERN_GRU_ROWS) {
        int32_t gates[4], n_x[2], n_h[2];
        w = ern_dsp_dot4(w, start, inputs + hidden, gates);
        w = ern_dsp_dot2(w, start, inputs, n_x);
        w = ern_dsp_dot2(w, middle, hidden, n_h);
        const int32_t first[4] = {gates[0], gates[1], n_x[0], n_h[0]}, second[4] = {gates[2], gates[3], n_x[1], n_h[1]};
        h_next[unit] = (int16_t)ern_gru_cell(layer, first, rows, h[unit], narrow);
        if (unit + 1 < layer->hidden)
            h_next[unit + 1] = (int16_t)ern_gru_cell(layer, second, rows + ERN_GRU_ROWS, h[unit + 1], narrow);
    }
#else
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_ROWS, rows += ERN_GRU_ROWS) {
        ern_v32 sum[4] = {ern_rows_all(0), ern_rows_all(0), ern_rows_all(0), ern_rows_all(0)};
        const size_t left = layer->hidden - unit;
        w = ern_dot(sum, 3, w, start, inputs);
        ern_v32 over_h[3] = {sum[0], sum[1], ern_rows_all(0)};
        w = ern_dot(over_h, 3, w, middle, hidden);
        sum[0] = over_h[0];
        sum[1] = over_h[1];
        sum[3] = over_h[2];
        ern_rows_store(h_next + unit, ern_gru_cell(layer, sum, rows, ern_rows_load(h + unit, left), narrow), left);
    }
#endif
}

#endif
