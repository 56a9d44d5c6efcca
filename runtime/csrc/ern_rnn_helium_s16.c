/* One step of an RNN layer in integers, for Helium. */
#include "ern_rnn_helium.h"

/* Puts x and h side by side; returns the columns. */
ERN_INLINE size_t ern_rnn_vectors_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *xh)
{
    int16_t *const middle = ern_helium_put_vector(xh, x, layer->inputs, 0);
    return (size_t)(ern_helium_put_vector(middle, h, layer->hidden, 0) - xh);
}

ERN_API void ern_rnn_tanh_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_helium(layer, work, ern_rnn_vectors_s16(layer, x, h, work), h_next, 1, 0);
}

ERN_API void ern_rnn_relu_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn_helium(layer, work, ern_rnn_vectors_s16(layer, x, h, work), h_next, 0, 0);
}
