/* What an RNN layer in integers makes of its sums. */
#ifndef ERN_RNN_UNITS_H
#define ERN_RNN_UNITS_H

#include "ern_affine_s16.h"

ERN_INLINE ern_v32 ern_rnn_tanh(ern_v32 v, const void *context)
{
    const ern_rnn_s16_layer *layer = context;
    const ern_v32 wave = ern_rows_look(layer->tanh, v);
    if (layer->shift == 0)
        return ern_rows_sat16(wave);
    return ern_rows_sat16(ERN_SHIFT(wave + ((int32_t)1 << (layer->shift - 1)), layer->shift));
}

ERN_INLINE ern_v32 ern_rnn_ramp(ern_v32 v, const void *context)
{
    (void)context;
    return ern_rows_positive(v);
}

/* xh: x, then h, each padded. */
ERN_INLINE void ern_rnn_units(const ern_rnn_s16_layer *layer, const int16_t *xh, size_t columns, void *h_next,
                              ern_rows_function function, int narrow)
{
    const ern_affine_result to = {layer->hidden, layer->pre_shift, narrow, narrow, function, layer};
    ern_affine(layer->weights, layer->rows, xh, columns, h_next, to);
}

#endif
