/* Arithmetic of integer models: shifts, saturation, requantization, tables. docs/integer-arithmetic.md specifies it. */
#ifndef ERN_S16_H
#define ERN_S16_H

#include "ern_lanes.h"

#if defined(__ARM_FEATURE_SAT) && defined(__ARM_FEATURE_DSP) && defined(__clang__)
#include <arm_acle.h>
#define ERN_SAT16(v) (int32_t)__ssat(v, 16)
#endif

/* C99 leaves the right shift of negative numbers to the implementation. These kernels need floor(v / 2^n), which all
 * compilers for two's complement machines give; any other one stops here. */
typedef char ern_shift_is_arithmetic[(-1 >> 1) == -1 && ((int64_t)-3 >> 1) == -2 ? 1 : -1];

/* floor(v / 2^n), 0 <= n < 32. A macro, so that it also shifts vectors. */
#define ERN_SHIFT(v, n) ((v) >> (n))

ERN_INLINE int32_t ern_sat16(int32_t v)
{
#if defined(ERN_SAT16)
    return ERN_SAT16(v);
#elif defined(__ARM_FEATURE_SAT) && defined(__ARM_FEATURE_DSP) && defined(__arm__)
    int32_t saturated;
    __asm__("ssat %0, #16, %1" : "=r"(saturated) : "r"(v));
    return saturated;
#else
    return v > 32767 ? 32767 : v < -32768 ? -32768 : v;
#endif
}

ERN_INLINE int32_t ern_sat8(int32_t v)
{
    return v > 127 ? 127 : v < -128 ? -128 : v;
}

ERN_INLINE int16_t ern_sat16_wide(int64_t v)
{
    return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

/* floor(a / b), b > 0 */
ERN_INLINE int64_t ern_floor_divide(int64_t a, int64_t b)
{
    const int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

/* floor((a * m + 2^31) / 2^32) for 0 <= m < 2^31. */
ERN_INLINE int32_t ern_multiply_high(int32_t a, int32_t m)
{
#if defined(__ARM_ARCH_6M__) || defined(ERN_NO_LONG_MULTIPLY)
    /* Halves, for cores that multiply 32 by 32 bits to 32 only; the rounding bit is added in units of 2^16. */
    const int32_t a_high = ERN_SHIFT(a, 16), m_high = m >> 16;
    const uint32_t a_low = (uint32_t)a & 0xffff, m_low = (uint32_t)m & 0xffff;
    const int32_t cross = a_high * (int32_t)m_low;
    const uint32_t rest = a_low * (uint32_t)m_high + (a_low * m_low >> 16) + 0x8000;
    const uint32_t carry = (((uint32_t)cross & 0xffff) + (rest & 0xffff)) >> 16;
    return a_high * m_high + ERN_SHIFT(cross, 16) + (int32_t)((rest >> 16) + carry);
#else
    return (int32_t)ERN_SHIFT((int64_t)a * m + ((int64_t)1 << 31), 32);
#endif
}

/* sat16(b + round(acc * m / 2^32)) */
ERN_INLINE int32_t ern_requantize(int32_t acc, int32_t m, int32_t b)
{
#if defined(__ARM_FEATURE_DSP) && defined(__arm__)
    int32_t v;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(v) : "r"(acc), "r"(m), "r"(b));
    return ern_sat16(v);
#else
    return ern_sat16(b + ern_multiply_high(acc, m));
#endif
}

/* Piecewise linear function of -32768 <= v < 32768; the table holds (value, slope) of 256 intervals. Not saturated. */
ERN_INLINE int32_t ern_look(const int16_t *table, int32_t v)
{
#if defined(__ARM_FEATURE_DSP) && defined(__arm__)
    int32_t interval, line, rise;
    __asm__("asr %0, %1, #8" : "=r"(interval) : "r"(v));
    ern_memcpy(&line, table + 256 + interval * 2, sizeof line);
    __asm__("smultb %0, %1, %2" : "=r"(rise) : "r"(line), "r"(v & 255));
    return (int16_t)line + ERN_SHIFT(rise, 8);
#else
    const int16_t *line = table + 256 + ERN_SHIFT(v, 8) * 2;
    return line[0] + ERN_SHIFT(line[1] * (v & 255), 8);
#endif
}

#if defined(__ARM_FEATURE_DSP) && defined(__arm__)

/* ern_look of the low, and of the high int16 of a pair. */
ERN_INLINE int32_t ern_look_low(const int16_t *table, uint32_t pair)
{
    int32_t interval, line, rise;
    __asm__("sbfx %0, %1, #8, #8" : "=r"(interval) : "r"(pair));
    ern_memcpy(&line, table + 256 + interval * 2, sizeof line);
    __asm__("smultb %0, %1, %2" : "=r"(rise) : "r"(line), "r"(pair & 255));
    return (int16_t)line + ERN_SHIFT(rise, 8);
}

ERN_INLINE int32_t ern_look_high(const int16_t *table, uint32_t pair)
{
    int32_t interval, line, rise;
    __asm__("asr %0, %1, #24" : "=r"(interval) : "r"(pair));
    ern_memcpy(&line, table + 256 + interval * 2, sizeof line);
    __asm__("smultb %0, %1, %2" : "=r"(rise) : "r"(line), "r"(pair >> 16 & 255));
    return (int16_t)line + ERN_SHIFT(rise, 8);
}

#endif

#endif
