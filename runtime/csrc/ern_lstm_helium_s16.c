/* One step of an LSTM layer in integers, for Helium. Gates i f g o. */
#include "ern_lstm_helium.h"

ERN_API void ern_lstm_s16(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                          int16_t *work, int16_t *h_next, int16_t *c_next)
{
    int16_t *const middle = ern_helium_put_vector(work, x, layer->inputs, 0);
    const size_t columns = (size_t)(ern_helium_put_vector(middle, h, layer->out, 0) - work);
    ern_lstm_helium(layer, work, columns, c, h_next, c_next, 0);
}
