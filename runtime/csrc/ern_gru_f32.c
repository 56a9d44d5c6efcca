/* One step of a GRU layer. Gates r z n. */
#include "ern_cells_f32.h"
#include "ern_matvec_f32.h"

ERN_API void ern_gru_f32(const float *x, size_t inputs, const float *h, size_t hidden, const float *weights, float *h_next)
{
    const float *w = weights;
    for (size_t unit = 0; unit < hidden; unit += ERN_LANES) {
        ern_vf gate[2] = {ERN_W(0), ERN_W(1)}, n_x = ERN_W(2), n_h = ERN_W(3);
        const ern_vf old = ern_load_part(h + unit, hidden - unit);
        w = ern_mac3_f32(gate, &n_x, w + (size_t)4 * ERN_LANES, x, inputs);
        w = ern_mac3_f32(gate, &n_h, w, h, hidden);
        ern_store_part(h_next + unit, ern_gru_gates(gate, n_x, n_h, old), hidden - unit);
    }
}
