/* One step of an RNN layer. */
#include "ern_cells_f32.h"
#include "ern_matvec_f32.h"

#define ERN_RNN(name, function)                                                                                     \
    ERN_API void ern_rnn_##name##_f32(const float *x, size_t inputs, const float *h, size_t hidden,                 \
                                      const float *weights, float *h_next)                                          \
    {                                                                                                               \
        const float *w = weights;                                                                                   \
        size_t unit = 0;                                                                                            \
        for (; unit + 4 * ERN_LANES <= hidden; unit += 4 * ERN_LANES) {                                             \
            ern_vf total[4] = {ERN_W(0), ERN_W(1), ERN_W(2), ERN_W(3)};                                             \
            w = ern_mac4_f32(total, w + (size_t)4 * ERN_LANES, x, inputs);                                          \
            w = ern_mac4_f32(total, w, h, hidden);                                                                  \
            for (size_t k = 0; k < 4; k++)                                                                          \
                ern_store(h_next + unit + k * ERN_LANES, function(total[k]));                                       \
        }                                                                                                           \
        for (; unit < hidden; unit += ERN_LANES) {                                                                  \
            ern_vf total = ERN_W(0);                                                                                \
            w = ern_mac1_f32(&total, w + ERN_LANES, x, inputs);                                                     \
            w = ern_mac1_f32(&total, w, h, hidden);                                                                 \
            ern_store_part(h_next + unit, function(total), hidden - unit);                                          \
        }                                                                                                           \
    }

ERN_RNN(tanh, ern_tanh)
ERN_RNN(relu, ern_rnn_relu)
