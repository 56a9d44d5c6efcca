/* One step of a GRU layer in integers, x of int8, reset after the product, products in fours of columns. Gates r z n. */
#include "ern_gru_dot.h"

ERN_API void ern_gru_s8(const ern_gru_s16_layer *layer, const int8_t *x, const int16_t *h, int16_t *work, int16_t *h_next)
{
    int8_t *const start = (int8_t *)work, *const middle = ern_dot_put_narrow(start, x, layer->inputs);
    (void)ern_dot_put_shortened(middle, h, layer->hidden, layer->shift);
    ern_gru_dot(layer, start, middle, h, h_next, 1);
}
