/* Sine and cosine.
 *
 * Method: x = q pi/2 + r, |r| <= pi/4, then a minimax polynomial of r (tools/minimax.py). Up to 8192 pi/2 is
 * subtracted in three parts whose products with q are exact; beyond, x is multiplied by the bits of 2/pi that matter
 * (M. Payne and R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983).
 */
#include "ern_math_f32.h"

#define ERN_SMALL_ANGLE 8192.0f

static float ern_reduce_large(float x, int32_t *quadrant)
{
    static const uint32_t two_over_pi[8] = {
        0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab,
    };
    uint32_t bits, window[3];
    uint64_t low, middle, turn;
    ern_memcpy(&bits, &x, sizeof bits);
    const uint32_t mantissa = (bits & 0x7fffff) | 0x800000, start = 30 + (bits >> 23 & 255) - 150;
    for (uint32_t k = 0; k < 3; k++) {
        const uint64_t pair = (uint64_t)two_over_pi[start / 32 + k] << 32 | two_over_pi[start / 32 + k + 1];
        window[k] = (uint32_t)(pair >> (32 - start % 32));
    }
    low = (uint64_t)mantissa * window[2];
    middle = (uint64_t)mantissa * window[1] + (low >> 32);
    turn = ((uint64_t)mantissa * window[0] + (middle >> 32)) << 32 | (middle & 0xffffffff);
    const uint64_t nearest = (turn >> 62) + (turn >> 61 & 1), part = turn << 2;
    const float r = (part >> 63 ? -(float)(~part + 1) : (float)part) * 8.51530395e-20f;
    *quadrant = (int32_t)(x < 0 ? 0 - nearest : nearest);
    return x < 0 ? -r : r;
}

ERN_INLINE ern_vf ern_reduce_angle(ern_vf x, ern_vi *quadrant)
{
    const ern_vf shifted = ern_clamp(x, -ERN_SMALL_ANGLE, ERN_SMALL_ANGLE) * 0.636619772f + ERN_ROUNDER;
    const ern_vf q = shifted - ERN_ROUNDER;
    *quadrant = ern_bits(shifted) & 3;
    return ((x - q * 1.5703125f) - q * 4.83751297e-4f) - q * 7.54978995e-8f;
}

/* Replaces the results of the lanes whose angle is large; infinity gives NaN. */
static void ern_reduce_large_lanes(const float *x, size_t n, float *r, int32_t *quadrant)
{
    for (size_t k = 0; k < n; k++) {
        if (!(x[k] > -ERN_INFINITY && x[k] < ERN_INFINITY))
            r[k] = ERN_NAN;
        else if (x[k] > ERN_SMALL_ANGLE || x[k] < -ERN_SMALL_ANGLE)
            r[k] = ern_reduce_large(x[k], &quadrant[k]);
    }
}

static int ern_any_large(const float *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (!(x[k] <= ERN_SMALL_ANGLE && x[k] >= -ERN_SMALL_ANGLE))
            return 1;
    return 0;
}

/* sin(r + quadrant pi/2) */
ERN_INLINE ern_vf ern_sin_reduced(ern_vf r, ern_vi quadrant)
{
    const ern_vf z = r * r;
    ern_vf s = z * -1.95108392e-4f + 8.33213150e-3f;
    ern_vf c = z * 2.44312051e-5f - 1.38873060e-3f;
    s = s * z - 1.66666542e-1f;
    c = c * z + 4.16666457e-2f;
    s = r + r * (z * s);
    c = (1.0f - 0.5f * z) + (z * z) * c;
    return ern_from_bits(ern_bits(ern_choose(-(quadrant & 1), c, s)) ^ (-(quadrant >> 1) & INT32_MIN));
}

ERN_INLINE void ern_sin_block(const float *x, float *y, size_t n, int32_t phase)
{
    ern_vi quadrant;
    ern_vf r = ern_reduce_angle(ern_load_part(x, n), &quadrant);
    n = n < ERN_LANES ? n : ERN_LANES;
    if (ern_any_large(x, n)) {
        float parts[ERN_LANES];
        int32_t quadrants[ERN_LANES];
        ern_store(parts, r);
        ern_memcpy(quadrants, &quadrant, sizeof quadrants);
        ern_reduce_large_lanes(x, n, parts, quadrants);
        r = ern_load(parts);
        ern_memcpy(&quadrant, quadrants, sizeof quadrants);
    }
    ern_store_part(y, ern_sin_reduced(r, (quadrant + phase) & 3), n);
}

ERN_UNARY(sin)
{
    for (size_t k = 0; k < n; k += ERN_LANES)
        ern_sin_block(x + k, y + k, n - k, 0);
}

ERN_UNARY(cos)
{
    for (size_t k = 0; k < n; k += ERN_LANES)
        ern_sin_block(x + k, y + k, n - k, 1);
}
