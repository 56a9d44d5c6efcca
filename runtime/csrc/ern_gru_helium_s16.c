/* One step of a GRU layer in integers, reset after the product, for Helium. Gates r z n. */
#include "ern_gru_helium.h"

ERN_API void ern_gru_s16(const ern_gru_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work, int16_t *h_next)
{
    int16_t *const middle = ern_helium_put_vector(work, x, layer->inputs, 0);
    const size_t hidden = (size_t)(ern_helium_put_vector(middle, h, layer->hidden, layer->shift) - middle);
    ern_gru_helium(layer, work, (size_t)(middle - work), middle, hidden, h, h_next, 0);
}
