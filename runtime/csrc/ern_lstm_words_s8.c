/* One step of an LSTM layer in integers, x and h of int8, four rows a word. Gates i f g o. */
#include "ern_lstm_words.h"

ERN_API void ern_lstm_s8(const ern_lstm_s16_layer *layer, const int8_t *x, const int8_t *h, const int16_t *c, int16_t *work,
                         int8_t *h_next, int16_t *c_next)
{
    int16_t *const xh = ern_words_start(work);
    const size_t columns = (size_t)(ern_words_put_narrow(ern_words_put_narrow(xh, x, layer->inputs), h, layer->out) - xh);
    ern_lstm_words(layer, xh, columns, c, h_next, c_next, 1);
}
