/* One step of an LSTM layer. Gates i f g o. */
#include "ern_cells_f32.h"
#include "ern_matvec_f32.h"

ERN_API void ern_lstm_f32(const float *x, size_t inputs, const float *h, size_t out, const float *c, size_t hidden,
                          const float *weights, float *h_next, float *c_next)
{
    const float *w = weights;
    for (size_t unit = 0; unit < hidden; unit += ERN_LANES) {
        ern_vf gate[4] = {ERN_W(0), ERN_W(1), ERN_W(2), ERN_W(3)};
        ern_vf cell = ern_load_part(c + unit, hidden - unit);
        w = ern_mac4_f32(gate, w + (size_t)4 * ERN_LANES, x, inputs);
        w = ern_mac4_f32(gate, w, h, out);
        ern_store_part(h_next + unit, ern_lstm_gates(gate, &cell), hidden - unit);
        ern_store_part(c_next + unit, cell, hidden - unit);
    }
}
