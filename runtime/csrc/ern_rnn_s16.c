/* One step of an RNN layer in integers. */
#include "ern_rnn_units.h"

ERN_INLINE void ern_rnn_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                            int16_t *h_next, ern_rows_function function)
{
    int16_t *const xh = ern_vector_start(work);
    const size_t columns = (size_t)(ern_put_vector(ern_put_vector(xh, x, layer->inputs, 0), h, layer->hidden, 0) - xh);
    ern_rnn_units(layer, xh, columns, h_next, function, 0);
}

ERN_API void ern_rnn_tanh_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_s16(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_s16(layer, x, h, work, h_next, ern_rnn_ramp);
}
