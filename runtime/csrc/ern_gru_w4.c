/* One step of a GRU layer in integers with 4-bit weights, reset after the product. Gates r z n. */
#include "ern_gru_units.h"
#include "ern_matvec_w4.h"

#if ERN_DSP

/* Four units: r z of two of them, r z of the others, all over [x; h]; n of the four over x, then over h. */
ERN_INLINE void ern_gru_units_w4(const ern_gru_s16_layer *layer, const int16_t *start, size_t inputs, size_t hidden,
                                 const int16_t *h, int16_t *h_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const middle = start + inputs;
    const int32_t begin_x = ern_begin_w4(start, inputs), begin_h = ern_begin_w4(middle, hidden), begin = begin_x + begin_h;
    for (size_t unit = 0; unit < layer->hidden; unit += 4) {
        int32_t gates[8] = {begin, begin, begin, begin, begin, begin, begin, begin};
        int32_t n_x[4] = {begin_x, begin_x, begin_x, begin_x}, n_h[4] = {begin_h, begin_h, begin_h, begin_h};
        w = ern_dsp_dot4_w4(w, start, inputs + hidden, gates);
        w = ern_dsp_dot4_w4(w, start, inputs + hidden, gates + 4);
        w = ern_dsp_dot4_w4(w, start, inputs, n_x);
        w = ern_dsp_dot4_w4(w, middle, hidden, n_h);
        for (size_t k = 0; k < 4 && unit + k < layer->hidden; k++, rows += ERN_GRU_ROWS) {
            const int32_t sum[4] = {gates[2 * k], gates[2 * k + 1], n_x[k], n_h[k]};
            h_next[unit + k] = (int16_t)ern_gru_cell(layer, sum, rows, h[unit + k], 0);
        }
    }
}

#else

ERN_INLINE void ern_gru_units_w4(const ern_gru_s16_layer *layer, const int16_t *start, size_t inputs, size_t hidden,
                                 const int16_t *h, int16_t *h_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const middle = start + inputs;
    const ern_v32 begin_x = ern_rows_all(ern_begin_w4(start, inputs)), begin_h = ern_rows_all(ern_begin_w4(middle, hidden));
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_ROWS, rows += ERN_GRU_ROWS) {
        ern_v32 over_x[3] = {begin_x, begin_x, begin_x};
        const size_t left = layer->hidden - unit;
        w = ern_dot_w4(over_x, 3, w, start, inputs);
        ern_v32 over_h[3] = {over_x[0] + begin_h, over_x[1] + begin_h, begin_h};
        w = ern_dot_w4(over_h, 3, w, middle, hidden);
        const ern_v32 sum[4] = {over_h[0], over_h[1], over_x[2], over_h[2]};
        ern_rows_store(h_next + unit, ern_gru_cell(layer, sum, rows, ern_rows_load(h + unit, left), 0), left);
    }
}

#endif

ERN_API void ern_gru_s16_w4(const ern_gru_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                            int16_t *h_next)
{
    int16_t *const start = ern_start_w4(work), *const middle = ern_put_w4(start, x, layer->inputs, 0);
    const int16_t *const end = ern_put_w4(middle, h, layer->hidden, layer->shift);
    ern_gru_units_w4(layer, start, (size_t)(middle - start), (size_t)(end - middle), h, h_next);
}
