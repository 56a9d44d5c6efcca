/* Scores as integers, powers of two, and random words. Coefficients: tools/minimax.py. */
#ifndef ERN_DECODE_MATH_H
#define ERN_DECODE_MATH_H

#include "ern_decode.h"
#include "ern_s16.h"

#define ERN_POWER_FRACTION 24
#define ERN_PHILOX_ROUNDS 10

typedef enum { ERN_SCORES_F32, ERN_SCORES_S16, ERN_SCORES_S8 } ern_score_type;

/* In units of 2^-16, clipped to +-32767, halves away from zero; NaN is the lowest. */
ERN_INLINE int32_t ern_score_of_float(float x)
{
    const float clipped = x > -32767.0f ? (x < 32767.0f ? x : 32767.0f) : -32767.0f;
    const float scaled = clipped * 65536.0f;
    const int32_t whole = (int32_t)scaled;
    const float rest = scaled - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

/* "type" is a constant where this is called. */
ERN_INLINE int32_t ern_score(const void *scores, size_t k, ern_score_type type)
{
    if (type == ERN_SCORES_F32)
        return ern_score_of_float(((const float *)scores)[k]);
    return type == ERN_SCORES_S16 ? ((const int16_t *)scores)[k] : ((const int8_t *)scores)[k];
}

/* 2^-u in Q0.31 for u in Q.24: at most 2^31, and 0 from u = 32 on. */
ERN_INLINE uint32_t ern_power(uint64_t u)
{
    static const int32_t p[6] = {1488522039, -515878639, 119168801, -20577648, 2743352, -236086};
    const int32_t fraction = (int32_t)(u & (((uint32_t)1 << ERN_POWER_FRACTION) - 1));
    int32_t sum = p[5];
    if (u >= (uint64_t)32 << ERN_POWER_FRACTION)
        return 0;
    for (size_t k = 5; k-- > 0;)
        sum = p[k] + (int32_t)ERN_SHIFT((int64_t)sum * fraction, ERN_POWER_FRACTION);
    sum = (int32_t)ERN_SHIFT((int64_t)sum * fraction, ERN_POWER_FRACTION);
    return (((uint32_t)1 << 31) - (uint32_t)sum) >> (uint32_t)(u >> ERN_POWER_FRACTION);
}

/* The unit divided by a temperature > 0 in Q16.16; shift is then in 0..62. */
ERN_INLINE ern_score_unit ern_tempered(ern_score_unit unit, uint32_t temperature)
{
    uint64_t multiplier = ((uint64_t)(uint32_t)unit.multiplier << 32) / temperature;
    unit.shift += 16;
    for (; multiplier > INT32_MAX; multiplier >>= 1)
        unit.shift--;
    unit.multiplier = unit.shift < 0 ? INT32_MAX : unit.shift > 62 ? 0 : (int32_t)multiplier;
    unit.shift = unit.shift < 0 || unit.shift > 62 ? 0 : unit.shift;
    return unit;
}

/* How much less likely a score is than one that lies "distance" above it: the exponent u of 2^-u, in Q.24. */
ERN_INLINE uint64_t ern_exponent(uint32_t distance, ern_score_unit unit)
{
    const uint64_t half = ((uint64_t)1 << unit.shift) >> 1;
    return ((uint64_t)distance * (uint32_t)unit.multiplier + half) >> unit.shift;
}

/* First word of Philox 4x32-10 for the key "seed" and the counter (position, 0, 0, 0): Salmon, Moraes, Dror, Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", 2011. */
ERN_INLINE uint32_t ern_philox(uint64_t seed, uint32_t position)
{
    uint32_t a = position, b = 0, c = 0, d = 0, low = (uint32_t)seed, high = (uint32_t)(seed >> 32);
    for (int round = 0; round < ERN_PHILOX_ROUNDS; round++) {
        const uint64_t first = (uint64_t)0xd2511f53 * a, second = (uint64_t)0xcd9e8d57 * c;
        a = (uint32_t)(second >> 32) ^ b ^ low;
        b = (uint32_t)second;
        c = (uint32_t)(first >> 32) ^ d ^ high;
        d = (uint32_t)first;
        low += 0x9e3779b9;
        high += 0xbb67ae85;
    }
    return a;
}

#endif
