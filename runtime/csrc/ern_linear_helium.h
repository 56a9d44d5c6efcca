/* Affine map of one vector, in integers, for Helium, for int16 and for int8. */
#ifndef ERN_LINEAR_HELIUM_H
#define ERN_LINEAR_HELIUM_H

#include "ern_helium.h"

/* x: padded to "columns". */
ERN_INLINE void ern_linear_helium(const ern_linear_s16_layer *layer, const void *x, size_t columns, void *y, int narrow_x,
                                  int narrow_y)
{
    const int8_t *w = layer->weights;
    const int32_t *rows = layer->rows;
    for (size_t row = 0; row < layer->outputs; row += ERN_HELIUM_ROWS) {
        const ern_s16x8 v = ern_helium_results(&w, x, columns, &rows, layer->pre_shift, narrow_x);
        ern_helium_give(y, row, v, layer->outputs - row, narrow_y);
    }
}

#endif
