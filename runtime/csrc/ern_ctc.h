/* Rows of scores as logarithms of probabilities, and sums of such: docs/decoding.md. Coefficients: tools/minimax.py. */
#ifndef ERN_CTC_H
#define ERN_CTC_H

#include "ern_decode_math.h"

#define ERN_LOG_FRACTION 20
#define ERN_LOG_ONE (1 << ERN_LOG_FRACTION)
#define ERN_LOG_ZERO (-(1 << 30))
#define ERN_LOG_LEAST (-(512 << ERN_LOG_FRACTION))

/* log2(1 + f) in Q.20 for 0 <= f <= 1 in Q0.31 */
ERN_INLINE int32_t ern_log2_above_one(uint32_t f)
{
    static const int32_t q[8] = {1549076463, -774345892, 513982709, -372911706, 259700330, -147662425, 55897926, -9995634};
    int32_t sum = q[7];
    for (size_t k = 7; k-- > 0;)
        sum = q[k] + (int32_t)ERN_SHIFT((int64_t)sum * f, 31);
    return (int32_t)ERN_SHIFT((int64_t)sum * f + ((int64_t)1 << 40), 41);
}

/* log2(n / 2^31) in Q.20, n > 0 */
ERN_INLINE int32_t ern_log2_q31(uint64_t n)
{
    int32_t whole = 0;
    for (; n >= (uint64_t)1 << 32; n >>= 1)
        whole++;
    for (; n < (uint64_t)1 << 31; n <<= 1)
        whole--;
    return whole * ERN_LOG_ONE + ern_log2_above_one((uint32_t)(n - ((uint64_t)1 << 31)));
}

/* log2(2^a + 2^b) in Q.20 */
ERN_INLINE int32_t ern_log_add(int32_t a, int32_t b)
{
    const int32_t more = a > b ? a : b, less = a > b ? b : a;
    if (less <= ERN_LOG_ZERO)
        return more;
    const uint64_t apart = (uint64_t)(uint32_t)(more - less) << (ERN_POWER_FRACTION - ERN_LOG_FRACTION);
    return more + ern_log2_above_one(ern_power(apart));
}

ERN_INLINE int32_t ern_log_row(const void *scores, size_t n, ern_score_type type, ern_score_unit unit, int32_t *y)
{
    int32_t highest = ern_score(scores, 0, type), best = 0;
    uint64_t total = 0;
    unit = ern_tempered(unit, 65536);
    for (size_t k = 1; k < n; k++) {
        const int32_t score = ern_score(scores, k, type);
        if (score > highest) {
            highest = score;
            best = (int32_t)k;
        }
    }
    for (size_t k = 0; k < n; k++) {
        const uint64_t u = ern_exponent((uint32_t)highest - (uint32_t)ern_score(scores, k, type), unit);
        const uint64_t limit = (uint64_t)512 << ERN_POWER_FRACTION, half = 1 << (ERN_POWER_FRACTION - ERN_LOG_FRACTION - 1);
        total += ern_power(u);
        y[k] = -(int32_t)(((u < limit ? u : limit) + half) >> (ERN_POWER_FRACTION - ERN_LOG_FRACTION));
    }
    const int32_t shift = ern_log2_q31(total);
    for (size_t k = 0; k < n; k++)
        y[k] = y[k] - shift > ERN_LOG_LEAST ? y[k] - shift : ERN_LOG_LEAST;
    return best;
}

#endif
