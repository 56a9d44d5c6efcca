/* The units of an RNN layer in integers, for Helium, for int16 and for int8. */
#ifndef ERN_RNN_HELIUM_H
#define ERN_RNN_HELIUM_H

#include "ern_helium.h"

/* xh: x, then h, each padded. */
ERN_INLINE void ern_rnn_helium(const ern_rnn_s16_layer *layer, const void *xh, size_t columns, void *h_next, int is_tanh,
                               int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    for (size_t row = 0; row < layer->hidden; row += ERN_HELIUM_ROWS) {
        ern_s16x8 v = ern_helium_results(&w, xh, columns, &rows, layer->pre_shift, narrow);
        v = is_tanh ? ern_helium_round(ern_helium_look(layer->tanh, v), layer->shift) : ern_helium_positive(v);
        ern_helium_give(h_next, row, v, layer->hidden - row, narrow);
    }
}

#endif
