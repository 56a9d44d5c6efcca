/* One step of an RNN layer in integers, products in fours of columns. */
#include "ern_affine_dot.h"
#include "ern_rnn_units.h"

ERN_INLINE void ern_rnn_dot_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                                int16_t *h_next, ern_rows_function function)
{
    const ern_affine_result to = {layer->hidden, layer->pre_shift, 0, 0, function, layer};
    int8_t *const xh = (int8_t *)work;
    (void)ern_dot_put(ern_dot_put(xh, x, layer->inputs, 0), h, layer->hidden, 0);
    ern_affine_dot(layer->weights, layer->rows, xh, ern_dot_padded(layer->inputs) + ern_dot_padded(layer->hidden), h_next, to);
}

ERN_API void ern_rnn_tanh_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_dot_s16(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_dot_s16(layer, x, h, work, h_next, ern_rnn_ramp);
}
