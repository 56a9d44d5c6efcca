/* One step of an LSTM layer in integers, products in fours of columns. Gates i f g o. */
#include "ern_lstm_dot.h"

ERN_API void ern_lstm_s16(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                          int16_t *work, int16_t *h_next, int16_t *c_next)
{
    int8_t *const xh = (int8_t *)work;
    (void)ern_dot_put(ern_dot_put(xh, x, layer->inputs, 0), h, layer->out, 0);
    ern_lstm_dot(layer, xh, c, h_next, c_next, 0);
}
