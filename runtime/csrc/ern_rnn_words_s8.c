/* One step of an RNN layer in integers, x and h of int8, four rows a word. */
#include "ern_affine_words.h"
#include "ern_rnn_units.h"

ERN_INLINE void ern_rnn_words_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                                 int8_t *h_next, ern_rows_function function)
{
    const ern_affine_result to = {layer->hidden, layer->pre_shift, 1, 1, function, layer};
    int16_t *const xh = ern_words_start(work);
    const size_t columns = (size_t)(ern_words_put_narrow(ern_words_put_narrow(xh, x, layer->inputs), h, layer->hidden) - xh);
    ern_affine_words(layer->weights, layer->rows, xh, columns, h_next, to);
}

ERN_API void ern_rnn_tanh_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                             int8_t *h_next)
{
    ern_rnn_words_s8(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work,
                             int8_t *h_next)
{
    ern_rnn_words_s8(layer, x, h, work, h_next, ern_rnn_ramp);
}
