/* One step of an LSTM layer in integers. Gates i f g o. */
#include "ern_matvec_s8.h"

/* gate: pre-activations in Q3.12. Returns h and replaces the cell. */
ERN_INLINE ern_v32 ern_lstm_cell(const ern_lstm_s16_layer *layer, const ern_v32 gate[4], ern_v32 *cell)
{
    const ern_v32 i = ern_rows_look(layer->sigmoid, gate[0]), f = ern_rows_look(layer->sigmoid, gate[1]);
    const ern_v32 g = ern_rows_look(layer->tanh, gate[2]), o = ern_rows_look(layer->sigmoid, gate[3]);
    const ern_v32 c = ern_rows_sat16(ERN_SHIFT(f * *cell + ERN_SHIFT(i * g, layer->product_shift) + (1 << 14), 15));
    const ern_v32 v = ERN_SHIFT(ern_rows_sat16(c * ((int32_t)1 << layer->wave_up)), layer->wave_down);
    *cell = c;
    return ern_rows_sat16(ERN_SHIFT(o * ern_rows_look(layer->tanh, v) + layer->out_half, layer->out_shift));
}

ERN_API void ern_lstm_s16(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                          int16_t *work, int16_t *h_next, int16_t *c_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    int16_t *const xh = ern_vector_start(work);
    const size_t columns = (size_t)(ern_put_vector(ern_put_vector(xh, x, layer->inputs, 0), h, layer->out, 0) - xh);
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_ROWS) {
        ern_v32 gate[4] = {ern_rows_all(0), ern_rows_all(0), ern_rows_all(0), ern_rows_all(0)};
        const size_t left = layer->hidden - unit;
        ern_v32 cell = ern_rows_load(c + unit, left);
#if ERN_DSP
        w = ern_dsp_dot4(w, xh, columns, gate);
#else
        w = ern_dot(gate, 4, w, xh, columns);
#endif
        gate[0] = ern_rows_requantize(gate[0], rows);
        gate[1] = ern_rows_requantize(gate[1], rows + 2 * ERN_ROWS);
        gate[2] = ern_rows_requantize(gate[2], rows + 4 * ERN_ROWS);
        gate[3] = ern_rows_requantize(gate[3], rows + 6 * ERN_ROWS);
        rows += 8 * ERN_ROWS;
        ern_rows_store(h_next + unit, ern_lstm_cell(layer, gate, &cell), left);
        ern_rows_store(c_next + unit, cell, left);
    }
}
