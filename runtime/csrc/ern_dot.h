/* Products of packed int8 weights in fours of columns: for SDOT, VNNI and AVX2, and the same in plain C.
 *
 * Weights: for each "groups" times ERN_ROWS rows that are computed together, the sum of each row's weights (int32), then
 * [four columns][group][row][column].
 *
 * Vectors take 4 bytes for each four int8 elements, and 8 for each four of int16. VNNI multiplies signed by unsigned bytes
 * and SDOT signed by signed ones, so elements are split into bytes where one of them is used: four low bytes, then four
 * high ones, of which some are moved by 128. What this adds to a sum is a multiple of the row's sum of weights.
 * Without either, elements are whole: int8 products by VPMADDUBSW of magnitudes (exact for weights from -127 on), int16
 * products by VPMADDWD. */
#ifndef ERN_DOT_H
#define ERN_DOT_H

#include "ern_narrow.h"

#if defined(ERN_ROWS_AVX2) && defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define ERN_DOT_VNNI(acc, x, w) _mm256_dpbusd_epi32(acc, x, w)
#elif defined(ERN_ROWS_AVX2) && defined(__AVXVNNI__)
#define ERN_DOT_VNNI(acc, x, w) _mm256_dpbusd_avx_epi32(acc, x, w)
#elif defined(ERN_ROWS_NEON) && defined(__ARM_FEATURE_DOTPROD) && defined(__aarch64__)
#define ERN_DOT_NEON 1
#endif

/* What is added to each byte, modulo 256: to elements of int8, to the low and to the high byte of elements of int16. */
#if defined(ERN_DOT_VNNI)
#define ERN_DOT_SPLIT 1
#define ERN_DOT_FLIP8 0x80
#define ERN_DOT_FLIP_LOW 0
#define ERN_DOT_FLIP_HIGH 0x80
#elif defined(ERN_DOT_NEON)
#define ERN_DOT_SPLIT 1
#define ERN_DOT_FLIP8 0
#define ERN_DOT_FLIP_LOW 0x80
#define ERN_DOT_FLIP_HIGH 0
#else
#define ERN_DOT_SPLIT 0
#define ERN_DOT_FLIP8 0
#endif

ERN_INLINE size_t ern_dot_padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

typedef int16_t ern_dot_eight __attribute__((vector_size(16)));

/* round(x / 2^shift) of the first "left" of eight elements, or of all; 0 for the others. */
ERN_INLINE ern_dot_eight ern_dot_rounded(const int16_t *x, size_t left, uint32_t shift)
{
    ern_dot_eight v;
    if (left >= 8) {
        ern_memcpy(&v, x, sizeof v);
    } else {
        int16_t part[8] = {0};
        for (size_t k = 0; k < left; k++)
            part[k] = x[k];
        ern_memcpy(&v, part, sizeof v);
    }
    return shift ? ERN_SHIFT(v, (int16_t)shift) + (ERN_SHIFT(v, (int16_t)(shift - 1)) & 1) : v;
}

/* Eight elements of int16. */
ERN_INLINE void ern_dot_put8(int8_t *y, ern_dot_eight x)
{
#if ERN_DOT_SPLIT && defined(ERN_ROWS_AVX2)
    const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
    const __m128i flips = _mm_set1_epi64x((int64_t)0x8080808000000000u);
    const __m128i bytes = _mm_shuffle_epi8((__m128i)x, order);
    _mm_storeu_si128((__m128i *)(void *)y, _mm_xor_si128(bytes, flips));
#elif ERN_DOT_SPLIT
    const uint8x16_t order = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
    const uint8x16_t flips = vreinterpretq_u8_u64(vdupq_n_u64(0x80808080));
    vst1q_u8((uint8_t *)y, veorq_u8(vqtbl1q_u8(vreinterpretq_u8_s16((int16x8_t)x), order), flips));
#else
    ern_memcpy(y, &x, sizeof x);
#endif
}

/* Eight elements, saturated to int8. */
ERN_INLINE void ern_dot_put8_narrow(int8_t *y, ern_dot_eight x)
{
#if defined(ERN_ROWS_AVX2)
    const __m128i bytes = _mm_packs_epi16((__m128i)x, (__m128i)x);
    _mm_storel_epi64((__m128i *)(void *)y, _mm_xor_si128(bytes, _mm_set1_epi8((char)ERN_DOT_FLIP8)));
#elif defined(ERN_ROWS_NEON)
    vst1_s8(y, veor_s8(vqmovn_s16((int16x8_t)x), vdup_n_s8((int8_t)ERN_DOT_FLIP8)));
#else
    for (int k = 0; k < 8; k++)
        y[k] = (int8_t)((uint8_t)ern_sat8(x[k]) ^ ERN_DOT_FLIP8);
#endif
}

/* round(x / 2^shift) as the products read it, padded; returns the end. Up to 8 bytes behind it are written. */
ERN_INLINE int8_t *ern_dot_put(int8_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (size_t k = 0; k < n; k += 8)
        ern_dot_put8(y + 2 * k, ern_dot_rounded(x + k, n - k, shift));
    return y + 2 * ern_dot_padded(n);
}

/* int8 elements as the products read them, padded; returns the end. */
ERN_INLINE int8_t *ern_dot_put_narrow(int8_t *y, const int8_t *x, size_t n)
{
    typedef uint8_t bytes __attribute__((vector_size(16)));
    size_t k = 0;
    for (; k + 16 <= n; k += 16) {
        bytes part;
        ern_memcpy(&part, x + k, sizeof part);
        part ^= ERN_DOT_FLIP8;
        ern_memcpy(y + k, &part, sizeof part);
    }
    for (; k < n; k++)
        y[k] = (int8_t)((uint8_t)x[k] ^ ERN_DOT_FLIP8);
    for (; k < ern_dot_padded(n); k++)
        y[k] = 0;
    return y + k;
}

/* sat8(round(x / 2^shift)) as the products read it, padded; returns the end. Up to 4 bytes behind it are written. */
ERN_INLINE int8_t *ern_dot_put_shortened(int8_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (size_t k = 0; k < n; k += 8)
        ern_dot_put8_narrow(y + k, ern_dot_rounded(x + k, n - k, shift));
    return y + ern_dot_padded(n);
}

/* Four elements, repeated for all rows.
 *
 * ern_dot_wide   adds the products of four int16 elements and of ERN_ROWS rows: to "low" and "high" as ern_dot_total joins them
 * ern_dot_bytes  the same of int8 elements, to one sum */
#if defined(ERN_DOT_VNNI) || defined(ERN_DOT_NEON)

#if defined(ERN_DOT_VNNI)
typedef __m256i ern_dot_four;

ERN_INLINE ern_dot_four ern_dot_repeat(const int8_t *x)
{
    int32_t four;
    ern_memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
}

typedef __m256i ern_dot_weights;

ERN_INLINE ern_dot_weights ern_dot_weights_at(const int8_t *w)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)w);
}

/* In a register, so that two products read memory once. */
ERN_INLINE ern_dot_weights ern_dot_weights_kept(const int8_t *w)
{
    ern_dot_weights v = ern_dot_weights_at(w);
    __asm__("" : "+x"(v));
    return v;
}

ERN_INLINE ern_v32 ern_dot_mac(ern_v32 sum, ern_dot_weights w, ern_dot_four x)
{
    return (ern_v32)ERN_DOT_VNNI((__m256i)sum, x, w);
}
#else
typedef int8x16_t ern_dot_four;

ERN_INLINE ern_dot_four ern_dot_repeat(const int8_t *x)
{
    int32_t four;
    ern_memcpy(&four, x, sizeof four);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

typedef int8x16_t ern_dot_weights;

ERN_INLINE ern_dot_weights ern_dot_weights_at(const int8_t *w)
{
    return vld1q_s8(w);
}

#define ern_dot_weights_kept ern_dot_weights_at

ERN_INLINE ern_v32 ern_dot_mac(ern_v32 sum, ern_dot_weights w, ern_dot_four x)
{
    return vdotq_s32(sum, w, x);
}
#endif

typedef struct {
    ern_dot_four low, high;
} ern_dot_x;

ERN_INLINE ern_dot_x ern_dot_load(const int8_t *x, int narrow)
{
    const ern_dot_x four = {ern_dot_repeat(x), ern_dot_repeat(narrow ? x : x + 4)};
    return four;
}

ERN_INLINE void ern_dot_wide(ern_v32 *low, ern_v32 *high, const int8_t *w, ern_dot_x x)
{
    const ern_dot_weights weights = ern_dot_weights_kept(w);
    *low = ern_dot_mac(*low, weights, x.low);
    *high = ern_dot_mac(*high, weights, x.high);
}

ERN_INLINE ern_v32 ern_dot_bytes(ern_v32 sum, const int8_t *w, ern_dot_x x)
{
    return ern_dot_mac(sum, ern_dot_weights_at(w), x.low);
}

ERN_INLINE ern_v32 ern_dot_total(ern_v32 low, ern_v32 high, ern_v32 weights, int narrow)
{
#if defined(ERN_DOT_VNNI)
    return narrow ? low + high - ern_rows_left(weights, 7) : low + ern_rows_left(high, 8) - ern_rows_left(weights, 15);
#else
    return narrow ? low + high : low + ern_rows_left(high, 8) + ern_rows_left(weights, 7);
#endif
}

#elif defined(ERN_ROWS_AVX2)

typedef struct {
    __m256i four, magnitude;
} ern_dot_x;

ERN_INLINE ern_dot_x ern_dot_load(const int8_t *x, int narrow)
{
    ern_dot_x both;
    int32_t bytes;
    int64_t shorts;
    if (narrow) {
        ern_memcpy(&bytes, x, sizeof bytes);
        both.four = _mm256_set1_epi32(bytes);
        both.magnitude = _mm256_abs_epi8(both.four);
    } else {
        ern_memcpy(&shorts, x, sizeof shorts);
        both.four = both.magnitude = _mm256_set1_epi64x(shorts);
    }
    return both;
}

ERN_INLINE ern_v32 ern_dot_half(ern_v32 sum, const int8_t *w, __m256i x)
{
    const __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
    return sum + (ern_v32)_mm256_madd_epi16(weights, x);
}

/* Rows 0 to 3, and 4 to 7, in halves of two columns. */
ERN_INLINE void ern_dot_wide(ern_v32 *low, ern_v32 *high, const int8_t *w, ern_dot_x x)
{
    *low = ern_dot_half(*low, w, x.four);
    *high = ern_dot_half(*high, w + 16, x.four);
}

ERN_INLINE ern_v32 ern_dot_bytes(ern_v32 sum, const int8_t *w, ern_dot_x x)
{
    const __m256i weights = _mm256_sign_epi8(_mm256_loadu_si256((const __m256i *)(const void *)w), x.four);
    const __m256i pairs = _mm256_maddubs_epi16(x.magnitude, weights);
    return sum + (ern_v32)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

ERN_INLINE ern_v32 ern_dot_total(ern_v32 low, ern_v32 high, ern_v32 weights, int narrow)
{
    (void)weights;
    if (narrow)
        return low + high;
    return (ern_v32)_mm256_permute4x64_epi64(_mm256_hadd_epi32((__m256i)low, (__m256i)high), 0xd8);
}

#else

typedef const int8_t *ern_dot_x;

ERN_INLINE ern_dot_x ern_dot_load(const int8_t *x, int narrow)
{
    (void)narrow;
    return x;
}

ERN_INLINE void ern_dot_wide(ern_v32 *low, ern_v32 *high, const int8_t *w, ern_dot_x x)
{
    int32_t part[ERN_ROWS];
    int16_t four[4];
    (void)high;
    ern_memcpy(four, x, sizeof four);
    for (int k = 0; k < ERN_ROWS; k++, w += 4)
        part[k] = w[0] * four[0] + w[1] * four[1] + w[2] * four[2] + w[3] * four[3];
    *low = *low + ern_rows_load32(part);
}

ERN_INLINE ern_v32 ern_dot_bytes(ern_v32 sum, const int8_t *w, ern_dot_x x)
{
    int32_t part[ERN_ROWS];
    for (int k = 0; k < ERN_ROWS; k++, w += 4)
        part[k] = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
    return sum + ern_rows_load32(part);
}

ERN_INLINE ern_v32 ern_dot_total(ern_v32 low, ern_v32 high, ern_v32 weights, int narrow)
{
    (void)weights;
    (void)narrow;
    return low + high;
}

#endif

/* sum[g] += sums of the rows of each group; their number is a constant where this is called. Returns the end of the
 * weights. columns is a multiple of 4. Fours of columns are added up in turns: instructions that take several cycles do not
 * wait for each other. */
ERN_INLINE const int8_t *ern_dot_sums(ern_v32 *sum, int groups, const int8_t *w, const int8_t *x, size_t columns, int narrow)
{
    const ptrdiff_t step = 4 * ERN_ROWS, four = narrow ? 4 : 8;
    const ern_v32 zero = ern_rows_all(0);
    const int8_t *const weights = w;
    ern_v32 low[4] = {zero, zero, zero, zero}, high[4] = {zero, zero, zero, zero};
    ern_v32 next_low[4] = {zero, zero, zero, zero}, next_high[4] = {zero, zero, zero, zero};
    w += groups * step;
#define ERN_DOT_GROUP(g, turn)                                                                               \
    do {                                                                                                     \
        if (groups > g) {                                                                                    \
            if (narrow && (turn))                                                                            \
                high[g] = ern_dot_bytes(high[g], w + g * step, now);                                         \
            else if (narrow)                                                                                 \
                low[g] = ern_dot_bytes(low[g], w + g * step, now);                                           \
            else if ((turn) && groups < 4)                                                                   \
                ern_dot_wide(&next_low[g], &next_high[g], w + g * step, now);                                \
            else                                                                                             \
                ern_dot_wide(&low[g], &high[g], w + g * step, now);                                          \
        }                                                                                                    \
    } while (0)
#define ERN_DOT_FOUR(turn)                             \
    do {                                               \
        const ern_dot_x now = ern_dot_load(x, narrow); \
        ERN_DOT_GROUP(0, turn);                        \
        ERN_DOT_GROUP(1, turn);                        \
        ERN_DOT_GROUP(2, turn);                        \
        ERN_DOT_GROUP(3, turn);                        \
        x += four;                                     \
        w += groups * step;                            \
    } while (0)
    for (size_t left = columns / 8; left > 0; left--) {
        ERN_DOT_FOUR(0);
        ERN_DOT_FOUR(1);
    }
    if (columns % 8 != 0)
        ERN_DOT_FOUR(0);
#undef ERN_DOT_FOUR
#undef ERN_DOT_GROUP
    for (int g = 0; g < groups; g++) {
        int32_t part[ERN_ROWS];
        ern_memcpy(part, weights + g * step, sizeof part);
        low[g] = low[g] + next_low[g];
        high[g] = high[g] + next_high[g];
        sum[g] = sum[g] + ern_dot_total(low[g], high[g], ern_rows_load32(part), narrow);
    }
    return w;
}

#endif
