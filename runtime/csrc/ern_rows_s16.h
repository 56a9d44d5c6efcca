/* ern_v32: one 32-bit value for each of ERN_ROWS rows that are computed together; int32_t for one row.
 *
 * Beside the functions here, +, -, * and ERN_SHIFT work on it. With more rows a GCC or clang vector, for AVX2, SSE2,
 * NEON, or whatever the compiler makes of it.
 */
#ifndef ERN_ROWS_S16_H
#define ERN_ROWS_S16_H

#include "ern_s16.h"

#if ERN_LANES == 1
#define ERN_ROWS 1
#elif ERN_LANES == 4
#define ERN_ROWS 4
#else
#define ERN_ROWS 8
#endif

#if ERN_ROWS == 8 && defined(__AVX2__)
#define ERN_ROWS_AVX2 1
#include <immintrin.h>
#elif ERN_ROWS == 4 && defined(__ARM_NEON)
#define ERN_ROWS_NEON 1
#include <arm_neon.h>
#elif ERN_ROWS == 4 && defined(__SSE2__)
#define ERN_ROWS_SSE2 1
#include <emmintrin.h>
#endif

#if ERN_ROWS == 1

typedef int32_t ern_v32;

ERN_INLINE ern_v32 ern_rows_load32(const int32_t *p)
{
    return *p;
}

ERN_INLINE ern_v32 ern_rows_all(int32_t s)
{
    return s;
}

ERN_INLINE ern_v32 ern_rows_load(const int16_t *p, size_t n)
{
    (void)n;
    return *p;
}

ERN_INLINE void ern_rows_store(int16_t *p, ern_v32 v, size_t n)
{
    (void)n;
    *p = (int16_t)v;
}

/* Saturated to int8. */
ERN_INLINE void ern_rows_store8(int8_t *p, ern_v32 v, size_t n)
{
    (void)n;
    *p = (int8_t)ern_sat8(v);
}

/* v * 2^n, which fits. */
ERN_INLINE ern_v32 ern_rows_left(ern_v32 v, uint32_t n)
{
    return v * ((int32_t)1 << n);
}

ERN_INLINE ern_v32 ern_rows_sat16(ern_v32 v)
{
    return ern_sat16(v);
}

ERN_INLINE ern_v32 ern_rows_positive(ern_v32 v)
{
    return v < 0 ? 0 : v;
}

/* rows: multiplier, bias */
ERN_INLINE ern_v32 ern_rows_requantize(ern_v32 acc, const int32_t *rows)
{
    return ern_requantize(acc, rows[0], rows[1]);
}

ERN_INLINE ern_v32 ern_rows_look(const int16_t *table, ern_v32 v)
{
    return ern_look(table, v);
}

#else

#if defined(ERN_ROWS_NEON)
typedef int32x4_t ern_v32;
#else
typedef int32_t ern_v32 __attribute__((vector_size(4 * ERN_ROWS)));
#endif

ERN_INLINE ern_v32 ern_rows_load32(const int32_t *p)
{
    ern_v32 v;
    ern_memcpy(&v, p, sizeof v);
    return v;
}

ERN_INLINE ern_v32 ern_rows_all(int32_t s)
{
    int32_t part[ERN_ROWS];
    for (int k = 0; k < ERN_ROWS; k++)
        part[k] = s;
    return ern_rows_load32(part);
}

/* The first n of ERN_ROWS values. */
ERN_INLINE ern_v32 ern_rows_load(const int16_t *p, size_t n)
{
    int32_t part[ERN_ROWS];
#if defined(ERN_ROWS_AVX2)
    if (n >= ERN_ROWS)
        return (ern_v32)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
#endif
    for (size_t k = 0; k < ERN_ROWS; k++)
        part[k] = k < n ? p[k] : 0;
    return ern_rows_load32(part);
}

ERN_INLINE void ern_rows_store(int16_t *p, ern_v32 v, size_t n)
{
    int32_t part[ERN_ROWS];
#if defined(ERN_ROWS_AVX2)
    if (n >= ERN_ROWS) {
        const __m128i low = _mm256_castsi256_si128((__m256i)v), high = _mm256_extracti128_si256((__m256i)v, 1);
        _mm_storeu_si128((__m128i *)(void *)p, _mm_packs_epi32(low, high));
        return;
    }
#endif
    ern_memcpy(part, &v, sizeof part);
    for (size_t k = 0; k < ERN_ROWS; k++)
        if (k < n)
            p[k] = (int16_t)part[k];
}

/* The first n of ERN_ROWS values, which fit int16, saturated to int8. */
ERN_INLINE void ern_rows_store8(int8_t *p, ern_v32 v, size_t n)
{
    int32_t part[ERN_ROWS];
#if defined(ERN_ROWS_AVX2)
    if (n >= ERN_ROWS) {
        const __m128i low = _mm256_castsi256_si128((__m256i)v), high = _mm256_extracti128_si256((__m256i)v, 1);
        const __m128i shorts = _mm_packs_epi32(low, high);
        _mm_storel_epi64((__m128i *)(void *)p, _mm_packs_epi16(shorts, shorts));
        return;
    }
#endif
    ern_memcpy(part, &v, sizeof part);
    for (size_t k = 0; k < ERN_ROWS; k++)
        if (k < n)
            p[k] = (int8_t)ern_sat8(part[k]);
}

/* v * 2^n, which fits. */
ERN_INLINE ern_v32 ern_rows_left(ern_v32 v, uint32_t n)
{
    return v << ern_rows_all((int32_t)n);
}

#if defined(ERN_ROWS_AVX2)

ERN_INLINE ern_v32 ern_rows_sat16(ern_v32 v)
{
    const __m256i low = _mm256_set1_epi32(-32768), high = _mm256_set1_epi32(32767);
    return (ern_v32)_mm256_min_epi32(_mm256_max_epi32((__m256i)v, low), high);
}

ERN_INLINE ern_v32 ern_rows_positive(ern_v32 v)
{
    return (ern_v32)_mm256_max_epi32((__m256i)v, _mm256_setzero_si256());
}

/* rows: multipliers, then biases */
ERN_INLINE ern_v32 ern_rows_requantize(ern_v32 acc, const int32_t *rows)
{
    const __m256i a = (__m256i)acc, m = (__m256i)ern_rows_load32(rows), half = _mm256_set1_epi64x((int64_t)1 << 31);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, m), half);
    const __m256i odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(m, 32));
    const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), _mm256_add_epi64(odd, half), 0xaa);
    return ern_rows_sat16((ern_v32)high + ern_rows_load32(rows + ERN_ROWS));
}

ERN_INLINE ern_v32 ern_rows_look(const int16_t *table, ern_v32 v)
{
    const __m256i index = (__m256i)ERN_SHIFT(v, 8);
    const ern_v32 line = (ern_v32)_mm256_i32gather_epi32((const int *)(const void *)(table + 256), index, 4);
    return ERN_SHIFT((ern_v32)_mm256_slli_epi32((__m256i)line, 16), 16) + ERN_SHIFT(ERN_SHIFT(line, 16) * (v & 255), 8);
}

#else

ERN_INLINE ern_v32 ern_rows_choose(ern_v32 mask, ern_v32 yes, ern_v32 no)
{
    return (mask & yes) | (~mask & no);
}

ERN_INLINE ern_v32 ern_rows_sat16(ern_v32 v)
{
    const ern_v32 low = ern_rows_all(-32768), high = ern_rows_all(32767);
    v = ern_rows_choose((ern_v32)(v < low), low, v);
    return ern_rows_choose((ern_v32)(v > high), high, v);
}

ERN_INLINE ern_v32 ern_rows_positive(ern_v32 v)
{
    return ern_rows_choose((ern_v32)(v < ern_rows_all(0)), ern_rows_all(0), v);
}

ERN_INLINE ern_v32 ern_rows_requantize(ern_v32 acc, const int32_t *rows)
{
    int32_t part[ERN_ROWS];
    ern_memcpy(part, &acc, sizeof part);
    for (int k = 0; k < ERN_ROWS; k++)
        part[k] = ern_requantize(part[k], rows[k], rows[ERN_ROWS + k]);
    return ern_rows_load32(part);
}

ERN_INLINE ern_v32 ern_rows_look(const int16_t *table, ern_v32 v)
{
    int32_t part[ERN_ROWS];
    ern_memcpy(part, &v, sizeof part);
    for (int k = 0; k < ERN_ROWS; k++)
        part[k] = ern_look(table, part[k]);
    return ern_rows_load32(part);
}

#endif

#endif

#endif
