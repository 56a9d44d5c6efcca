/* Affine map of one vector, in integers. */
#ifndef ERN_LINEAR_UNITS_H
#define ERN_LINEAR_UNITS_H

#include "ern_affine_s16.h"

ERN_INLINE ern_v32 ern_linear_same(ern_v32 v, const void *context)
{
    (void)context;
    return v;
}

/* x: padded. */
ERN_INLINE void ern_linear_units(const ern_linear_s16_layer *layer, const int16_t *x, void *y, int narrow_x, int narrow_y)
{
    const ern_affine_result to = {layer->outputs, layer->pre_shift, narrow_x, narrow_y, ern_linear_same, NULL};
    ern_affine(layer->weights, layer->rows, x, ern_padded(layer->inputs), y, to);
}

#endif
