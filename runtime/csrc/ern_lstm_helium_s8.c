/* One step of an LSTM layer in integers, x and h of int8, for Helium. Gates i f g o. */
#include "ern_lstm_helium.h"

ERN_API void ern_lstm_s8(const ern_lstm_s16_layer *layer, const int8_t *x, const int8_t *h, const int16_t *c, int16_t *work,
                         int8_t *h_next, int16_t *c_next)
{
    int8_t *const xh = (int8_t *)work, *const middle = ern_helium_put_narrow(xh, x, layer->inputs);
    const size_t columns = (size_t)(ern_helium_put_narrow(middle, h, layer->out) - xh);
    ern_lstm_helium(layer, xh, columns, c, h_next, c_next, 1);
}
