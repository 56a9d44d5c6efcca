/* The units of an LSTM layer in integers, for int16 and for int8 x and h. Gates i f g o. */
#ifndef ERN_LSTM_UNITS_H
#define ERN_LSTM_UNITS_H

#include "ern_narrow.h"

/* Gates after their functions. Returns h and replaces the cell. */
ERN_INLINE ern_v32 ern_lstm_update(const ern_lstm_s16_layer *layer, ern_v32 i, ern_v32 f, ern_v32 g, ern_v32 o, ern_v32 *cell)
{
    const ern_v32 c = ern_rows_sat16(ERN_SHIFT(f * *cell + ERN_SHIFT(i * g, layer->product_shift) + (1 << 14), 15));
    const ern_v32 v = ERN_SHIFT(ern_rows_sat16(c * ((int32_t)1 << layer->wave_up)), layer->wave_down);
    *cell = c;
    return ern_rows_sat16(ERN_SHIFT(o * ern_rows_look(layer->tanh, v) + layer->out_half, layer->out_shift));
}

/* gate: pre-activations in Q3.12. Returns h and replaces the cell. */
ERN_INLINE ern_v32 ern_lstm_cell(const ern_lstm_s16_layer *layer, const ern_v32 gate[4], ern_v32 *cell)
{
    const ern_v32 i = ern_rows_look(layer->sigmoid, gate[0]), f = ern_rows_look(layer->sigmoid, gate[1]);
    const ern_v32 g = ern_rows_look(layer->tanh, gate[2]), o = ern_rows_look(layer->sigmoid, gate[3]);
    return ern_lstm_update(layer, i, f, g, o, cell);
}

#if ERN_DSP_ASSEMBLY

/* As ern_lstm_units, over int16 values. */
ERN_INLINE void ern_lstm_units_dsp(const ern_lstm_s16_layer *layer, const int16_t *xh, size_t columns, const int16_t *c,
                                   int16_t *h_next, int16_t *c_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows, *const end = rows + 8 * layer->hidden;
    const uint32_t counter = ern_dsp_counter(columns);
    for (; rows != end; rows += 8, w += 4 * columns) {
        const uint64_t gates = ern_dsp_gates4(w, xh, counter, rows);
        const uint32_t i_f = (uint32_t)gates, g_o = (uint32_t)(gates >> 32);
        const int32_t i = ern_look_low(layer->sigmoid, i_f), f = ern_look_high(layer->sigmoid, i_f);
        const int32_t g = ern_look_low(layer->tanh, g_o), o = ern_look_high(layer->sigmoid, g_o);
        int32_t cell = *c++;
        *h_next++ = (int16_t)ern_lstm_update(layer, i, f, g, o, &cell);
        *c_next++ = (int16_t)cell;
    }
}

#endif

/* xh: x, then h, each padded. */
ERN_INLINE void ern_lstm_units(const ern_lstm_s16_layer *layer, const int16_t *xh, size_t columns, const int16_t *c,
                               void *h_next, int16_t *c_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const uint32_t pre_shift = layer->pre_shift;
#if ERN_DSP_ASSEMBLY
    if (!narrow) {
        ern_lstm_units_dsp(layer, xh, columns, c, h_next, c_next);
        return;
    }
#endif
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_ROWS, rows += 8 * ERN_ROWS) {
        ern_v32 sum[4];
        const size_t left = layer->hidden - unit;
        ern_v32 cell = ern_rows_load(c + unit, left);
        w = ern_sum4(sum, w, xh, columns);
        const ern_v32 gate[4] = {ern_finish(sum[0], rows, pre_shift, narrow),
                                 ern_finish(sum[1], rows + 2 * ERN_ROWS, pre_shift, narrow),
                                 ern_finish(sum[2], rows + 4 * ERN_ROWS, pre_shift, narrow),
                                 ern_finish(sum[3], rows + 6 * ERN_ROWS, pre_shift, narrow)};
        ern_give(h_next, unit, ern_lstm_cell(layer, gate, &cell), left, narrow);
        ern_rows_store(c_next + unit, cell, left);
    }
}

#endif
