/* One step of an RNN layer in integers, x and h of int8, for Helium. */
#include "ern_rnn_helium.h"

/* Puts x and h side by side; returns the columns. */
ERN_INLINE size_t ern_rnn_vectors_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int8_t *xh)
{
    int8_t *const middle = ern_helium_put_narrow(xh, x, layer->inputs);
    return (size_t)(ern_helium_put_narrow(middle, h, layer->hidden) - xh);
}

ERN_API void ern_rnn_tanh_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                             int8_t *h_next)
{
    ern_rnn_helium(layer, work, ern_rnn_vectors_s8(layer, x, h, (int8_t *)work), h_next, 1, 1);
}

ERN_API void ern_rnn_relu_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                             int8_t *h_next)
{
    ern_rnn_helium(layer, work, ern_rnn_vectors_s8(layer, x, h, (int8_t *)work), h_next, 0, 1);
}
