/* Affine map of each int8 frame, in integers, to int8 or to int16, for Helium. */
#include "ern_linear_helium.h"

/* x, padded: where it is, or in work. */
ERN_INLINE const int8_t *ern_linear_vector(const int8_t *x, size_t inputs, int16_t *work)
{
    if (ern_helium_padded(inputs, 1) == inputs)
        return x;
    (void)ern_helium_put_narrow((int8_t *)work, x, inputs);
    return (const int8_t *)work;
}

ERN_API void ern_linear_s8(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int8_t *y)
{
    const size_t inputs = layer->inputs, columns = ern_helium_padded(inputs, 1);
    for (size_t t = 0; t < frames; t++, x += inputs, y += layer->outputs)
        ern_linear_helium(layer, ern_linear_vector(x, inputs, work), columns, y, 1, 1);
}

ERN_API void ern_linear_s8_s16(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int16_t *y)
{
    const size_t inputs = layer->inputs, columns = ern_helium_padded(inputs, 1);
    for (size_t t = 0; t < frames; t++, x += inputs, y += layer->outputs)
        ern_linear_helium(layer, ern_linear_vector(x, inputs, work), columns, y, 1, 0);
}
