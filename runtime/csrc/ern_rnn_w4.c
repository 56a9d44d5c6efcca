/* One step of an RNN layer in integers with 4-bit weights. */
#include "ern_affine_w4.h"
#include "ern_rnn_units.h"

ERN_INLINE void ern_rnn_w4(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                           int16_t *h_next, ern_rows_function function)
{
    int16_t *const xh = ern_start_w4(work);
    const size_t columns = (size_t)(ern_put_w4(ern_put_w4(xh, x, layer->inputs, 0), h, layer->hidden, 0) - xh);
    const ern_affine_result to = {layer->hidden, 0, 0, 0, function, layer};
    ern_affine_w4(layer->weights, layer->rows, xh, columns, h_next, to);
}

ERN_API void ern_rnn_tanh_s16_w4(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                                 int16_t *h_next)
{
    ern_rnn_w4(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s16_w4(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                                 int16_t *h_next)
{
    ern_rnn_w4(layer, x, h, work, h_next, ern_rnn_ramp);
}
