/* Elementwise functions. */
#include "ern_math_f32.h"

#define ERN_SELU_ALPHA 1.67326324f
#define ERN_SELU_SCALE 1.05070099f

ERN_INLINE ern_vf ern_relu(ern_vf x)
{
    return ern_choose(ern_less(x, ern_all(0.0f)), ern_all(0.0f), x);
}

ERN_INLINE ern_vf ern_rsqrt(ern_vf x)
{
    return 1.0f / ern_sqrt(x);
}

/* x where x > 0, else scale (exp(x / divisor) - 1). */
ERN_INLINE ern_vf ern_elu(ern_vf x, float scale, float divisor)
{
    const ern_vi positive = ern_less(ern_all(0.0f), x);
    const ern_vf inner = ern_choose(positive, ern_all(0.0f), x) / divisor;
    return ern_choose(positive, x, ern_expm1_negative(inner) * scale);
}

ERN_INLINE ern_vf ern_gelu_tanh(ern_vf x)
{
    return 0.5f * x * (1.0f + ern_tanh(0.797884561f * (x + 0.044715f * x * x * x)));
}

ERN_INLINE ern_vf ern_softplus_beta(ern_vf x, float beta, float threshold)
{
    const ern_vf scaled = x * beta;
    return ern_choose(ern_less(ern_all(threshold), scaled), x, ern_softplus(scaled) / beta);
}

ERN_INLINE ern_vf ern_hard_sigmoid(ern_vf x)
{
    return ern_clamp(x / 6.0f + 0.5f, 0.0f, 1.0f);
}

ERN_INLINE ern_vf ern_leaky_relu(ern_vf x, float slope)
{
    return ern_choose(ern_less(ern_all(0.0f), x), x, slope * x);
}

ERN_INLINE ern_vf ern_soft_shrink(ern_vf x, float limit)
{
    const ern_vf low = ern_choose(ern_less(x, ern_all(-limit)), x + limit, ern_all(0.0f));
    return ern_choose(ern_less(ern_all(limit), x), x - limit, low);
}

ERN_INLINE ern_vf ern_hard_shrink(ern_vf x, float limit)
{
    return ern_choose(ern_less(ern_all(limit), ern_abs(x)), x, ern_all(0.0f));
}

#define ERN_EACH(expression)                                        \
    {                                                               \
        for (size_t k = 0; k < n; k += ERN_LANES) {                 \
            const ern_vf v = ern_load_part(x + k, n - k);           \
            ern_store_part(y + k, (expression), n - k);             \
        }                                                           \
    }

ERN_UNARY(relu) ERN_EACH(ern_relu(v))
ERN_UNARY(sigmoid) ERN_EACH(ern_sigmoid(v))
ERN_UNARY(tanh) ERN_EACH(ern_tanh(v))
ERN_UNARY(exp) ERN_EACH(ern_exp(v))
ERN_UNARY(log) ERN_EACH(ern_log(v))
ERN_UNARY(sqrt) ERN_EACH(ern_sqrt(v))
ERN_UNARY(rsqrt) ERN_EACH(ern_rsqrt(v))
ERN_UNARY(reciprocal) ERN_EACH(1.0f / v)
ERN_UNARY(square) ERN_EACH(v * v)
ERN_UNARY(abs) ERN_EACH(ern_abs(v))
ERN_UNARY(neg) ERN_EACH(-v)
ERN_UNARY(erf) ERN_EACH(ern_erf(v))
ERN_UNARY2(clip, low, high) ERN_EACH(ern_clamp(v, low, high))
ERN_UNARY1(leaky_relu, slope) ERN_EACH(ern_leaky_relu(v, slope))
ERN_UNARY1(elu, alpha) ERN_EACH(ern_elu(v, alpha, 1.0f))
ERN_UNARY1(celu, alpha) ERN_EACH(ern_elu(v, alpha, alpha))
ERN_UNARY(selu) ERN_EACH(ERN_SELU_SCALE * ern_elu(v, ERN_SELU_ALPHA, 1.0f))
ERN_UNARY(gelu) ERN_EACH(0.5f * v * (1.0f + ern_erf(v * 0.707106781f)))
ERN_UNARY(gelu_tanh) ERN_EACH(ern_gelu_tanh(v))
ERN_UNARY(silu) ERN_EACH(v * ern_sigmoid(v))
ERN_UNARY(mish) ERN_EACH(v * ern_tanh(ern_softplus(v)))
ERN_UNARY2(softplus, beta, threshold) ERN_EACH(ern_softplus_beta(v, beta, threshold))
ERN_UNARY(softsign) ERN_EACH(v / (1.0f + ern_abs(v)))
ERN_UNARY(hard_sigmoid) ERN_EACH(ern_hard_sigmoid(v))
ERN_UNARY(hard_swish) ERN_EACH(v * ern_hard_sigmoid(v))
ERN_UNARY(log_sigmoid) ERN_EACH(-ern_softplus(-v))
ERN_UNARY(tanh_shrink) ERN_EACH(v - ern_tanh(v))
ERN_UNARY1(soft_shrink, limit) ERN_EACH(ern_soft_shrink(v, limit))
ERN_UNARY1(hard_shrink, limit) ERN_EACH(ern_hard_shrink(v, limit))
