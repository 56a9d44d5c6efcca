/* One step of an RNN layer in integers, x and h of int8. */
#include "ern_rnn_units.h"

ERN_INLINE void ern_rnn_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                            int8_t *h_next, ern_rows_function function)
{
    int16_t *const xh = ern_vector_start(work);
    const size_t columns = (size_t)(ern_put_narrow(ern_put_narrow(xh, x, layer->inputs), h, layer->hidden) - xh);
    ern_rnn_units(layer, xh, columns, h_next, function, 1);
}

ERN_API void ern_rnn_tanh_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                              int8_t *h_next)
{
    ern_rnn_s8(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                              int8_t *h_next)
{
    ern_rnn_s8(layer, x, h, work, h_next, ern_rnn_ramp);
}
