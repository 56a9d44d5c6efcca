/* Elementary functions of ern_vf, to about 1e-7 relative, without libm.
 *
 * Method: range reduction, then a polynomial or rational function that is minimax in the relative error. The
 * coefficients are those that tools/minimax.py prints. NaN gives NaN; overflow gives infinity.
 */
#ifndef ERN_MATH_F32_H
#define ERN_MATH_F32_H

#include "ern_lanes.h"

#ifdef __FAST_MATH__
#error "compile without -ffast-math: rounding to an integer below relies on the order of operations"
#endif

/* Adding it leaves the nearest integer in the low bits of the sum, for |x| < 2^22. */
#define ERN_ROUNDER 12582912.0f

ERN_INLINE ern_vf ern_clamp(ern_vf x, float low, float high)
{
    x = ern_choose(ern_less(x, ern_all(low)), ern_all(low), x);
    return ern_choose(ern_less(ern_all(high), x), ern_all(high), x);
}

/* 2^k for -126 <= k <= 127, infinity for 128. */
ERN_INLINE ern_vf ern_power_of_two(ern_vi k)
{
    return ern_from_bits(((k + 127) & 255) << 23);
}

/* x = k log(2) + r, |r| <= log(2) / 2; returns (exp(r) - 1). */
ERN_INLINE ern_vf ern_exp_reduce(ern_vf x, ern_vi *k)
{
    const ern_vf shifted = x * 1.44269504f + ERN_ROUNDER;
    const ern_vf n = shifted - ERN_ROUNDER;
    const ern_vf r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    ern_vf p = r * 1.38144669e-3f + 8.36878041e-3f;
    p = p * r + 4.16683942e-2f;
    p = p * r + 1.66665201e-1f;
    p = p * r + 4.99999934e-1f;
    *k = ern_bits(shifted) - 0x4b400000;
    return r + (r * r) * p;
}

ERN_INLINE ern_vf ern_exp(ern_vf x)
{
    ern_vi k;
    const ern_vf p = ern_exp_reduce(ern_clamp(x, -104.0f, 89.0f), &k) + 1.0f;
    const ern_vi half = k >> 1;
    return p * ern_power_of_two(half) * ern_power_of_two(k - half);
}

/* exp(x) for -87 <= x <= 88. */
ERN_INLINE ern_vf ern_exp_bounded(ern_vf x)
{
    ern_vi k;
    const ern_vf p = ern_exp_reduce(x, &k) + 1.0f;
    return p * ern_power_of_two(k);
}

/* exp(x) - 1 for x <= 0. */
ERN_INLINE ern_vf ern_expm1_negative(ern_vf x)
{
    ern_vi k;
    const ern_vf p = ern_exp_reduce(ern_choose(ern_less(x, ern_all(-87.0f)), ern_all(-87.0f), x), &k);
    const ern_vf scale = ern_power_of_two(k);
    return p * scale + (scale - 1.0f);
}

/* At 88.5 the power of two becomes infinite, and the result zero. */
ERN_INLINE ern_vf ern_sigmoid(ern_vf x)
{
    return 1.0f / (1.0f + ern_exp_bounded(ern_clamp(-x, -87.0f, 88.5f)));
}

/* At most 1 in magnitude. */
ERN_INLINE ern_vf ern_tanh(ern_vf x)
{
    const ern_vf a = ern_clamp(ern_abs(x), 0.0f, 10.0f), z = a * a;
    const ern_vf high = 1.0f - 2.0f / (1.0f + ern_exp_bounded(2.0f * a));
    ern_vf p = z * -6.20742984e-3f + 2.10272184e-2f;
    p = p * z - 5.38422781e-2f;
    p = p * z + 1.33324989e-1f;
    p = p * z - 3.33333153e-1f;
    return ern_with_sign(ern_choose(ern_less(a, ern_all(0.55f)), a + a * (z * p), high), x);
}

/* tanh of a gate: as above, but cheaper, to 4e-7 relative, and up to 1.0000002. */
ERN_INLINE ern_vf ern_tanh_gate(ern_vf x)
{
    const ern_vf v = ern_clamp(x, -9.0f, 9.0f), z = v * v;
    ern_vf p = z * 1.33842944e-8f + 2.06358251e-5f;
    ern_vf q = z * 7.79025065e-7f + 3.28851762e-4f;
    p = p * z + 3.49745785e-3f;
    q = q * z + 2.58843616e-2f;
    p = p * z + 1.33826874e-1f;
    q = q * z + 4.67160087e-1f;
    p = v * (p * z) + v;
    q = q * z + 1.0f;
    return p / q;
}

/* sigmoid of a gate: cheaper, to 2e-7 absolute, and up to 1.0000001. */
ERN_INLINE ern_vf ern_sigmoid_gate(ern_vf x)
{
    return 0.5f + 0.5f * ern_tanh_gate(0.5f * x);
}

/* 2 atanh(s) for 0 <= |s| <= 1/3. */
ERN_INLINE ern_vf ern_twice_atanh(ern_vf s)
{
    const ern_vf z = s * s;
    ern_vf p = z * 1.21541603e-1f + 1.07129261e-1f;
    p = p * z + 1.43085176e-1f;
    p = p * z + 1.99994364e-1f;
    p = p * z + 3.33333378e-1f;
    return 2.0f * (s + s * (z * p));
}

/* log(1 + u) for 0 <= u <= 1. */
ERN_INLINE ern_vf ern_log1p_unit(ern_vf u)
{
    return ern_twice_atanh(u / (2.0f + u));
}

ERN_INLINE ern_vf ern_log(ern_vf x)
{
    const ern_vi tiny = ern_less(x, ern_all(1.17549435e-38f));
    const ern_vf scaled = ern_choose(tiny, x * 33554432.0f, x);
    const ern_vi shifted = (ern_bits(scaled) & 0x7fffffff) - 0x3f3504f3;
    const ern_vf m = ern_from_bits((shifted & 0x7fffff) + 0x3f3504f3);
    const ern_vf n = ern_to_float(shifted >> 23) + ern_choose(tiny, ern_all(-25.0f), ern_all(0.0f));
    const ern_vf f = m - 1.0f;
    ern_vf y = ern_twice_atanh(f / (2.0f + f)) - n * 2.12194440e-4f + n * 0.693359375f;
    y = ern_choose(ern_less(x, ern_all(ERN_INFINITY)), y, x);
    y = ern_choose(ern_less(ern_all(0.0f), x), y, ern_all(-ERN_INFINITY));
    return ern_choose(ern_less(x, ern_all(0.0f)), ern_all(ERN_NAN), ern_choose((ern_vi)(x == x), y, x));
}

ERN_INLINE ern_vf ern_softplus(ern_vf x)
{
    const ern_vf a = -ern_abs(x);
    const ern_vf u = ern_choose(ern_less(a, ern_all(-87.0f)), ern_all(0.0f), ern_exp_bounded(ern_clamp(a, -87.0f, 0.0f)));
    return ern_choose(ern_less(x, ern_all(0.0f)), ern_log1p_unit(u), x + ern_log1p_unit(u));
}

/* 1 / sqrt(x) for normal x > 0: Newton's method from the exponent halved. */
ERN_INLINE ern_vf ern_rsqrt_normal(ern_vf x)
{
    const ern_vf half = 0.5f * x;
    ern_vf y = ern_from_bits(0x5f3759df - ((ern_bits(x) & 0x7fffffff) >> 1));
    y = y * (1.5f - half * y * y);
    y = y * (1.5f - half * y * y);
    y = y * (1.5f - half * y * y);
    return y;
}

ERN_INLINE ern_vf ern_sqrt(ern_vf x)
{
    const ern_vi tiny = ern_less(x, ern_all(1e-30f));
    const ern_vf v = ern_choose(tiny, x * 1.2676506e30f, x);
    const ern_vf y = ern_rsqrt_normal(v);
    const ern_vf s = v * y;
    ern_vf root = s + (v - s * s) * (0.5f * y);
    root = ern_choose(tiny, root * 8.8817842e-16f, root);
    root = ern_choose(ern_less(ern_all(0.0f), x), root, x);
    root = ern_choose(ern_less(x, ern_all(0.0f)), ern_all(ERN_NAN), root);
    return ern_choose(ern_less(x, ern_all(ERN_INFINITY)), root, x);
}

ERN_INLINE ern_vf ern_erf(ern_vf x)
{
    const ern_vf a = ern_clamp(ern_abs(x), 0.0f, 4.0f);
    const ern_vf z = a * a;
    ern_vf low = z * 7.37441137e-5f - 7.20812689e-4f;
    ern_vf high = a * -1.95937287e-4f + 3.04321785e-3f;
    low = low * z + 4.60883914e-3f;
    high = high * a - 2.22269220e-2f;
    low = low * z - 2.38034982e-2f;
    high = high * a + 1.03931600e-1f;
    low = low * z + 9.99991920e-2f;
    high = high * a + 6.37182244e-1f;
    low = low * z - 3.33333297e-1f;
    high = high * a + 1.12767563f;
    low = (low * z) * (1.12837917f * a) + 1.12837917f * a;
    high = 1.0f - ern_exp_bounded(-(high * a + 1.95675153e-4f));
    return ern_choose((ern_vi)(x == x), ern_with_sign(ern_choose(ern_less(a, ern_all(0.93f)), low, high), x), x);
}

#endif
