/* One step of a GRU layer in integers, reset after the product. Gates r z n. */
#include "ern_matvec_s8.h"

#define ERN_GRU_ROWS (8 * ERN_ROWS)

/* sum: products of r, z, n over x, n over h. Returns the next h. */
ERN_INLINE ern_v32 ern_gru_cell(const ern_gru_s16_layer *layer, const ern_v32 sum[4], const int32_t *rows, ern_v32 h)
{
    const ern_v32 r = ern_rows_look(layer->sigmoid, ern_rows_requantize(sum[0], rows));
    const ern_v32 z = ern_rows_look(layer->sigmoid, ern_rows_requantize(sum[1], rows + 2 * ERN_ROWS));
    const ern_v32 n_x = ern_rows_requantize(sum[2], rows + 4 * ERN_ROWS);
    const ern_v32 n_h = ern_rows_requantize(sum[3], rows + 6 * ERN_ROWS);
    const ern_v32 n = ern_rows_look(layer->tanh, ern_rows_sat16(n_x + ERN_SHIFT(r * n_h, 15)));
    return ERN_SHIFT(z * h + (32768 - z) * n + (1 << 14), 15);
}

ERN_API void ern_gru_s16(const ern_gru_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work, int16_t *h_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    int16_t *const start = ern_vector_start(work), *const middle = ern_put_vector(start, x, layer->inputs, 0);
    const size_t inputs = (size_t)(middle - start);
    const size_t hidden = (size_t)(ern_put_vector(middle, h, layer->hidden, layer->shift) - middle);
#if ERN_DSP
    for (size_t unit = 0; unit < layer->hidden; unit += 2, rows += 2 * ERN_GRU_ROWS) {
        int32_t gates[4], n_x[2], n_h[2];
        w = ern_dsp_dot4(w, start, inputs + hidden, gates);
        w = ern_dsp_dot2(w, start, inputs, n_x);
        w = ern_dsp_dot2(w, middle, hidden, n_h);
        const int32_t first[4] = {gates[0], gates[1], n_x[0], n_h[0]}, second[4] = {gates[2], gates[3], n_x[1], n_h[1]};
        h_next[unit] = (int16_t)ern_gru_cell(layer, first, rows, h[unit]);
        if (unit + 1 < layer->hidden)
            h_next[unit + 1] = (int16_t)ern_gru_cell(layer, second, rows + ERN_GRU_ROWS, h[unit + 1]);
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
        ern_rows_store(h_next + unit, ern_gru_cell(layer, sum, rows, ern_rows_load(h + unit, left)), left);
    }
#endif
}
