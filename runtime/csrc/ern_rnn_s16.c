/* One step of an RNN layer in integers. */
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

ERN_INLINE void ern_rnn(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work, int16_t *h_next,
                        ern_rows_function function)
{
    int16_t *const xh = ern_vector_start(work);
    const size_t columns = (size_t)(ern_put_vector(ern_put_vector(xh, x, layer->inputs, 0), h, layer->hidden, 0) - xh);
    ern_affine(layer->weights, layer->rows, xh, columns, h_next, layer->hidden, function, layer);
}

ERN_API void ern_rnn_tanh_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn(layer, x, h, work, h_next, ern_rnn_tanh);
}

ERN_API void ern_rnn_relu_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next)
{
    ern_rnn(layer, x, h, work, h_next, ern_rnn_ramp);
}
