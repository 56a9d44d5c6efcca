/* One step of a GRU layer with int8 weights. Gates r z n, reset after the product. */
#include "ern_cells_f32.h"
#include "ern_matvec_w8.h"

ERN_API void ern_gru_w8(const float *x, size_t inputs, const float *h, size_t hidden, const int8_t *weights,
                        const float *rows, float *h_next)
{
    const int8_t *w = weights;
    for (size_t unit = 0; unit < hidden; unit += ERN_LANES, rows += (size_t)10 * ERN_LANES) {
        ern_vf over_x[3] = {ern_all(0.0f), ern_all(0.0f), ern_all(0.0f)}, over_h[3] = {over_x[0], over_x[0], over_x[0]};
        const ern_vf old = ern_load_part(h + unit, hidden - unit);
        w = ern_mac3_w8(over_x, over_x + 2, w, x, inputs);
        w = ern_mac3_w8(over_h, over_h + 2, w, h, hidden);
        const ern_vf gate[2] = {
            ERN_ROW(0) + ERN_ROW(4) * over_x[0] + ERN_ROW(7) * over_h[0],
            ERN_ROW(1) + ERN_ROW(5) * over_x[1] + ERN_ROW(8) * over_h[1],
        };
        const ern_vf n_x = ERN_ROW(2) + ERN_ROW(6) * over_x[2], n_h = ERN_ROW(3) + ERN_ROW(9) * over_h[2];
        ern_store_part(h_next + unit, ern_gru_gates(gate, n_x, n_h, old), hidden - unit);
    }
}
