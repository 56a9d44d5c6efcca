/* Powers, as C99 defines pow (annex F.9.4.4). Method: 2^(b log2 a) in double, by the series of atanh and exp. */
#include "ern_walk.h"

static double ern_log2_positive(float a)
{
    int32_t bits;
    float m;
    int32_t extra = 0;
    if (a < 1.17549435e-38f) {
        a *= 33554432.0f;
        extra = 25;
    }
    ern_memcpy(&bits, &a, sizeof bits);
    bits -= 0x3f3504f3;
    const int32_t n = (bits >> 23) - extra;
    bits = (bits & 0x7fffff) + 0x3f3504f3;
    ern_memcpy(&m, &bits, sizeof m);
    const double s = ((double)m - 1.0) / ((double)m + 1.0), z = s * s;
    double p = 0.0;
    for (int k = 17; k > 0; k -= 2)
        p = p * z + 1.0 / k;
    return n + 2.88539008177792681 * s * p;
}

/* 2^t for -160 < t < 129 */
static float ern_exp2_double(double t)
{
    const int64_t n = (int64_t)(t + (t < 0 ? -0.5 : 0.5));
    const double r = (t - (double)n) * 0.693147180559945309;
    const int64_t bits = (n + 1023) * ((int64_t)1 << 52);
    double p = 1.0, scale;
    for (int k = 10; k > 0; k--)
        p = p * r / k + 1.0;
    ern_memcpy(&scale, &bits, sizeof scale);
    return (float)(p * scale);
}

static float ern_pow_positive(float a, float b)
{
    if (!(a < ERN_INFINITY))
        return b < 0 ? 0.0f : a;
    if (a == 0)
        return b < 0 ? ERN_INFINITY : 0.0f;
    const double t = (double)b * ern_log2_positive(a);
    return t >= 129 ? ERN_INFINITY : t <= -160 ? 0.0f : ern_exp2_double(t);
}

static float ern_pow_scalar(float a, float b)
{
    if (a == 1 || b == 0)
        return 1.0f;
    if (a != a || b != b)
        return ERN_NAN;
    if (a > 0)
        return ern_pow_positive(a, b);
    const int huge = b >= 16777216.0f || b <= -16777216.0f;
    const int whole = huge || (float)(int32_t)b == b;
    const int odd = whole && !huge && ((int32_t)b & 1);
    if (a < 0 && a > -ERN_INFINITY && !whole)
        return ERN_NAN;
    if (a == -1 && huge)
        return 1.0f;
    const float magnitude = ern_pow_positive(-a, b);
    int32_t bits;
    ern_memcpy(&bits, &a, sizeof bits);
    return odd && bits < 0 ? -magnitude : magnitude;
}

ERN_BINARY(pow)
{
    uint32_t index[ERN_MAX_AXES] = {0};
    const uint32_t last = walk->axes - 1;
    size_t i = 0, j = 0;
    do {
        for (size_t k = 0; k < walk->size[last]; k++)
            *y++ = ern_pow_scalar(a[i + k * walk->a_step[last]], b[j + k * walk->b_step[last]]);
    } while (ern_walk_next(walk, index, &i, &j));
}
