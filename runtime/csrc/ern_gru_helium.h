/* The units of a GRU layer in integers, for Helium, for int16 and for int8 x. Gates r z n. */
#ifndef ERN_GRU_HELIUM_H
#define ERN_GRU_HELIUM_H

#include "ern_helium.h"

/* Weights: for each 8 units r and z over [x; h], n over x, n over h. start: x, padded; from middle on h as the products
 * read it, padded. h: the state. */
ERN_INLINE void ern_gru_helium(const ern_gru_s16_layer *layer, const void *start, size_t inputs, const void *middle,
                               size_t hidden, const int16_t *h, int16_t *h_next, int narrow)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    const int16_t *const sigmoid = layer->sigmoid;
    const size_t columns = inputs + hidden;
    const uint32_t shift = layer->pre_shift;
    for (size_t unit = 0; unit < layer->hidden; unit += ERN_HELIUM_ROWS) {
        const size_t left = layer->hidden - unit;
        const ern_s16x8 r = ern_helium_look(sigmoid, ern_helium_results(&w, start, columns, &rows, shift, narrow));
        const ern_s16x8 z = ern_helium_look(sigmoid, ern_helium_results(&w, start, columns, &rows, shift, narrow));
        const ern_s16x8 n_x = ern_helium_results(&w, start, inputs, &rows, shift, narrow);
        const ern_s16x8 n_h = ern_helium_results(&w, middle, hidden, &rows, shift, narrow);
        const ern_s16x8 n = ern_helium_look(layer->tanh, ern_helium_add_product(n_x, r, n_h));
        ern_helium_store(h_next + unit, ern_helium_interpolate(z, ern_helium_load(h + unit, left), n), left);
    }
}

#endif
