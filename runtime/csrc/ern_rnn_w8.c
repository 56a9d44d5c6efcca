/* One step of an RNN layer with int8 weights. */
#include "ern_cells_f32.h"
#include "ern_matvec_w8.h"

#define ERN_RNN_W8(name, function)                                                                                   \
    ERN_API void ern_rnn_##name##_w8(const float *x, size_t inputs, const float *h, size_t hidden,                   \
                                     const int8_t *weights, const float *rows, float *h_next)                        \
    {                                                                                                                \
        const int8_t *w = weights;                                                                                   \
        for (size_t unit = 0; unit < hidden; unit += ERN_LANES, rows += (size_t)3 * ERN_LANES) {                     \
            ern_vf over_x = ern_all(0.0f), over_h = over_x;                                                          \
            w = ern_mac1_w8(&over_x, w, x, inputs);                                                                  \
            w = ern_mac1_w8(&over_h, w, h, hidden);                                                                  \
            const ern_vf total = ERN_ROW(0) + ERN_ROW(1) * over_x + ERN_ROW(2) * over_h;                             \
            ern_store_part(h_next + unit, function(total), hidden - unit);                                           \
        }                                                                                                            \
    }

ERN_RNN_W8(tanh, ern_tanh)
ERN_RNN_W8(relu, ern_rnn_relu)
