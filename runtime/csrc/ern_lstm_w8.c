/* One step of an LSTM layer with int8 weights. Gates i f g o. */
#include "ern_cells_f32.h"
#include "ern_matvec_w8.h"

ERN_API void ern_lstm_w8(const float *x, size_t inputs, const float *h, size_t out, const float *c, size_t hidden,
                         const int8_t *weights, const float *rows, float *h_next, float *c_next)
{
    const int8_t *w = weights;
    for (size_t unit = 0; unit < hidden; unit += ERN_LANES, rows += (size_t)12 * ERN_LANES) {
        ern_vf over_x[4] = {ern_all(0.0f), ern_all(0.0f), ern_all(0.0f), ern_all(0.0f)};
        ern_vf over_h[4] = {over_x[0], over_x[0], over_x[0], over_x[0]};
        ern_vf cell = ern_load_part(c + unit, hidden - unit);
        w = ern_mac4_w8(over_x, w, x, inputs);
        w = ern_mac4_w8(over_h, w, h, out);
        const ern_vf gate[4] = {
            ERN_ROW(0) + ERN_ROW(4) * over_x[0] + ERN_ROW(8) * over_h[0],
            ERN_ROW(1) + ERN_ROW(5) * over_x[1] + ERN_ROW(9) * over_h[1],
            ERN_ROW(2) + ERN_ROW(6) * over_x[2] + ERN_ROW(10) * over_h[2],
            ERN_ROW(3) + ERN_ROW(7) * over_x[3] + ERN_ROW(11) * over_h[3],
        };
        ern_store_part(h_next + unit, ern_lstm_gates(gate, &cell), hidden - unit);
        ern_store_part(c_next + unit, cell, hidden - unit);
    }
}
