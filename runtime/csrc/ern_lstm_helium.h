/* The units of an LSTM layer in integers, for Helium, for int16 and for int8 x and h. Gates i f g o. */
#ifndef ERN_LSTM_HELIUM_H
#define ERN_LSTM_HELIUM_H

#include "ern_helium.h"

/* xh: x, then h, each padded. */
ERN_INLINE void ern_lstm_helium(const ern_lstm_s16_layer *layer, const void *xh, size_t columns, const int16_t *c,
                                void *h_next, int16_t *c_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const sigmoid = layer->sigmoid;
    const size_t hidden = layer->hidden;
    const uint32_t shift = layer->pre_shift;
    for (size_t unit = 0; unit < hidden; unit += ERN_HELIUM_ROWS) {
        const size_t left = hidden - unit;
        const ern_s16x8 i = ern_helium_look(sigmoid, ern_helium_results(&w, xh, columns, &rows, shift, narrow));
        const ern_s16x8 f = ern_helium_look(sigmoid, ern_helium_results(&w, xh, columns, &rows, shift, narrow));
        const ern_s16x8 g = ern_helium_look(layer->tanh, ern_helium_results(&w, xh, columns, &rows, shift, narrow));
        const ern_s16x8 o = ern_helium_look(sigmoid, ern_helium_results(&w, xh, columns, &rows, shift, narrow));
        const ern_s16x8 cell = ern_helium_blend(f, ern_helium_load(c + unit, left), i, g, layer->product_shift);
        const ern_s16x8 wave = ern_helium_look(layer->tanh, ern_helium_shift(cell, layer->wave_up, layer->wave_down));
        ern_helium_store(c_next + unit, cell, left);
        ern_helium_give(h_next, unit, ern_helium_scale(o, wave, layer->out_shift), left, narrow);
    }
}

#endif
