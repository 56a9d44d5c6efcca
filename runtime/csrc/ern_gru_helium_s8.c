/* One step of a GRU layer in integers, x of int8, reset after the product, for Helium. Gates r z n. */
#include "ern_gru_helium.h"

ERN_API void ern_gru_s8(const ern_gru_s16_layer *layer, const int8_t *x, const int16_t *h, int16_t *work, int16_t *h_next)
{
    int8_t *const start = (int8_t *)work, *const middle = ern_helium_put_narrow(start, x, layer->inputs);
    const size_t hidden = (size_t)(ern_helium_put_shortened(middle, h, layer->hidden, layer->shift) - middle);
    ern_gru_helium(layer, start, (size_t)(middle - start), middle, hidden, h, h_next, 1);
}
