/* Logarithms of power in bands, in integers. */
#include "ern_s16.h"

static uint64_t ern_band_power(const int16_t *a, const int16_t *b, const int16_t *weights, size_t n)
{
    uint64_t total = 0;
    for (size_t k = 0; k < n; k++) {
        const uint32_t square = (uint32_t)((int32_t)a[k] * a[k]) + (uint32_t)((int32_t)b[k] * b[k]);
        total += (uint64_t)square * (uint64_t)(uint16_t)weights[k];
    }
    return total;
}

/* Bits below the leading one of v > 0. */
ERN_INLINE uint32_t ern_log2_floor(uint64_t v)
{
    const uint32_t high = (uint32_t)(v >> 32);
    uint32_t word = high != 0 ? high : (uint32_t)v, k = high != 0 ? 32 : 0;
    for (uint32_t n = 16; n != 0; n >>= 1)
        if (word >> n != 0) {
            word >>= n;
            k += n;
        }
    return k;
}

/* log(power) in Q.15 */
static int32_t ern_log_of_power(const int16_t *table, uint64_t power)
{
    const uint32_t k = ern_log2_floor(power);
    const uint32_t mantissa = (uint32_t)(k > 16 ? power >> (k - 16) : power << (16 - k));
    return ern_look(table, (int32_t)mantissa - 65536 - 32768) + (int32_t)k * 22713;
}

ERN_API void ern_log_power_s16(const int16_t *a, const int16_t *b, size_t frames, size_t bins, const int16_t *weights,
                               const int32_t *starts, const int32_t *lengths, size_t bands, uint64_t offset,
                               uint64_t floor, int32_t gain, int64_t bias, const int16_t *log_table, int16_t *y)
{
    for (size_t t = 0; t < frames; t++, a += bins, b += bins) {
        const int16_t *w = weights;
        for (size_t band = 0; band < bands; band++) {
            const size_t n = (size_t)lengths[band];
            const uint64_t sum = offset + ern_band_power(a + starts[band], b + starts[band], w, n);
            const int64_t log = ern_log_of_power(log_table, sum > floor ? sum : floor);
            *y++ = ern_sat16_wide(ERN_SHIFT(log * gain + bias + (1 << 23), 24));
            w += n;
        }
    }
}
