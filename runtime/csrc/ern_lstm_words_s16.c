/* One step of an LSTM layer in integers, four rows a word. Gates i f g o. */
#include "ern_lstm_words.h"

ERN_API void ern_lstm_s16(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                          int16_t *work, int16_t *h_next, int16_t *c_next)
{
    int16_t *const xh = ern_words_start(work);
    const size_t columns = (size_t)(ern_words_put(ern_words_put(xh, x, layer->inputs, 0), h, layer->out, 0) - xh);
    ern_lstm_words(layer, xh, columns, c, h_next, c_next, 0);
}
