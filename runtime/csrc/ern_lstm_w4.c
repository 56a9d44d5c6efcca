/* One step of an LSTM layer in integers with 4-bit weights. Gates i f g o. */
#include "ern_affine_w4.h"
#include "ern_lstm_units.h"

ERN_API void ern_lstm_s16_w4(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                             int16_t *work, int16_t *h_next, int16_t *c_next)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    int16_t *const xh = ern_start_w4(work);
    const size_t columns = (size_t)(ern_put_w4(ern_put_w4(xh, x, layer->inputs, 0), h, layer->out, 0) - xh);
    const int32_t begin = ern_begin_w4(xh, columns);
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_ROWS, rows += 8 * ERN_ROWS) {
        ern_v32 gate[4];
        const size_t left = layer->hidden - unit;
        ern_v32 cell = ern_rows_load(c + unit, left);
        w = ern_sum4_w4(gate, w, xh, columns, begin);
        gate[0] = ern_rows_requantize(gate[0], rows);
        gate[1] = ern_rows_requantize(gate[1], rows + 2 * ERN_ROWS);
        gate[2] = ern_rows_requantize(gate[2], rows + 4 * ERN_ROWS);
        gate[3] = ern_rows_requantize(gate[3], rows + 6 * ERN_ROWS);
        ern_rows_store(h_next + unit, ern_lstm_cell(layer, gate, &cell), left);
        ern_rows_store(c_next + unit, cell, left);
    }
}
