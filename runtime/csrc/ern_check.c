/* Checks of inputs, made before any state changes. */
#include "ern_lanes.h"

/* The exponent bits of NaN and infinity are all ones. */
ERN_API int ern_all_finite_f32(const float *x, size_t n)
{
    ern_vi bad = ern_bits(ern_all(0.0f));
    int32_t lanes[ERN_LANES], any = 0;
    for (size_t k = 0; k < n; k += ERN_LANES) {
        const ern_vi exponent = ern_bits(ern_load_part(x + k, n - k)) & 0x7f800000;
        bad |= exponent == 0x7f800000;
    }
    ern_memcpy(lanes, &bad, sizeof lanes);
    for (size_t k = 0; k < ERN_LANES; k++)
        any |= lanes[k];
    return !any;
}

ERN_API int ern_all_between_i32(const int32_t *x, size_t n, int32_t low, int32_t high)
{
    int bad = 0;
    for (size_t k = 0; k < n; k++)
        bad |= x[k] < low || x[k] > high;
    return !bad;
}
