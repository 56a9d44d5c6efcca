/* Exact products of packed 4-bit weights and an int16 vector, kept in registers: the innermost floor of models of scheme
 * int16x4.
 *
 * A weight w is stored as w + 8, 0 to 15. The sums begin at -8 times the sum of x, which takes the 8 out again: weights are
 * only masked and shifted on their way, never brought to signed bytes. Vectors are padded to a multiple of 4 columns. */
#ifndef ERN_MATVEC_W4_H
#define ERN_MATVEC_W4_H

#include "ern_rows_s16.h"

#if ERN_DSP
#define ERN_COLUMNS_W4 8
#else
#define ERN_COLUMNS_W4 4
#endif

ERN_INLINE size_t ern_padded_w4(size_t n)
{
    return (n + ERN_COLUMNS_W4 - 1) / ERN_COLUMNS_W4 * ERN_COLUMNS_W4;
}

/* The first address in work at which a vector may start. Workspaces have one spare element for this. */
ERN_INLINE int16_t *ern_start_w4(int16_t *work)
{
#if ERN_DSP
    return work + ((uintptr_t)work >> 1 & 1);
#else
    return work;
#endif
}

/* y = round(x / 2^shift), padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_put_w4(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    const int32_t half = shift ? (int32_t)1 << (shift - 1) : 0;
    const size_t end = ern_padded_w4(n);
    size_t k = 0;
    for (; k < n; k++)
        y[k] = (int16_t)ERN_SHIFT(x[k] + half, shift);
    for (; k < end; k++)
        y[k] = 0;
    return y + end;
}

/* What every sum over x begins with. */
ERN_INLINE int32_t ern_begin_w4(const int16_t *x, size_t n)
{
    int32_t sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k];
    return -8 * sum;
}

#if ERN_DSP && defined(__ARM_FEATURE_DSP) && defined(__thumb2__)

/* A word holds two columns of four rows a, b, c, d: in each half a | b << 4 | c << 8 | d << 12, where d alone is signed.
 * SMLALD adds a + 16 b + 256 c + 4096 d, masked words give a, b and c: seven instructions for eight weights.
 *
 * r0 weights, r1 x, r2 mask, r3 end of x, r5:r4 sum of SMLALD, r6 r7 r8 sums of a b c, r9 r10 weights, r11 r12 x, lr. */
#define ERN_NAKED_W4 static __attribute__((naked, noinline, unused))
#define ERN_IGNORED_W4 __attribute__((unused))

#define ERN_ASM_COLUMNS_W4                                                                     \
    "ldmia r0!, {r9, r10}\n ldmia r1!, {r11, r12}\n"                                           \
    "smlald r4, r5, r9, r11\n and lr, r2, r9\n smlad r6, lr, r11, r6\n"                        \
    "and lr, r2, r9, lsr #4\n smlad r7, lr, r11, r7\n and lr, r2, r9, lsr #8\n"                \
    "smlad r8, lr, r11, r8\n smlald r4, r5, r10, r12\n and lr, r2, r10\n"                      \
    "smlad r6, lr, r12, r6\n and lr, r2, r10, lsr #4\n smlad r7, lr, r12, r7\n"                \
    "and lr, r2, r10, lsr #8\n smlad r8, lr, r12, r8\n"

/* acc[r] = row r times x, for n columns, n a multiple of 8 and at least 8, where all acc[r] are ern_begin_w4 before;
 * returns the end of the weights. */
ERN_NAKED_W4 const int8_t *ern_dsp_dot4_w4(ERN_IGNORED_W4 const int8_t *w, ERN_IGNORED_W4 const int16_t *x,
                                           ERN_IGNORED_W4 size_t n, ERN_IGNORED_W4 int32_t acc[4])
{
    __asm__ volatile("push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
                     "ldr r6, [r3]\n add r3, r1, r2, lsl #1\n mov r7, r6\n mov r8, r6\n"
                     "movw r2, #273\n smull r4, r5, r6, r2\n mov r2, #0x000f000f\n"
                     "1:\n" ERN_ASM_COLUMNS_W4 ERN_ASM_COLUMNS_W4 "cmp r1, r3\n bne 1b\n"
                     "ldr r3, [sp]\n"
                     "subs r4, r4, r6\n sbc r5, r5, r6, asr #31\n"
                     "asr r9, r7, #28\n subs r4, r4, r7, lsl #4\n sbc r5, r5, r9\n"
                     "asr r9, r8, #24\n subs r4, r4, r8, lsl #8\n sbc r5, r5, r9\n"
                     "lsr r4, r4, #12\n orr r4, r4, r5, lsl #20\n"
                     "stmia r3, {r6, r7, r8}\n str r4, [r3, #12]\n"
                     "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

#elif ERN_DSP

ERN_INLINE const int8_t *ern_dsp_dot4_w4(const int8_t *w, const int16_t *x, size_t n, int32_t acc[4])
{
    for (size_t k = 0; k < n; k++, w += 2) {
        const int32_t low = (uint8_t)w[0], high = (uint8_t)w[1];
        acc[0] += (low & 15) * x[k];
        acc[1] += (low >> 4) * x[k];
        acc[2] += (high & 15) * x[k];
        acc[3] += ((high >> 4) ^ 8) * x[k];
    }
    return w;
}

#else

/* Bytes that hold two vectors of weights, in their low and high halves: two columns of ERN_ROWS rows, or one weight. */
#define ERN_BYTES_W4 (ERN_ROWS > 1 ? 2 * ERN_ROWS : 1)

#if ERN_ROWS == 1

typedef int32_t ern_x_w4;
ERN_INLINE ern_x_w4 ern_x_of_w4(const int16_t *x)
{
    return *x;
}
#define ERN_STEP_W4 1

/* *a += products of the low halves and p, *b += those of the high halves and q. */
ERN_INLINE void ern_mac_w4(ern_v32 *a, ern_v32 *b, const int8_t *w, ern_x_w4 p, ern_x_w4 q)
{
    const int32_t both = (uint8_t)*w;
    *a += (both & 15) * p;
    *b += (both >> 4) * q;
}

#elif defined(ERN_ROWS_AVX2)

#define ERN_STEP_W4 2
typedef __m256i ern_x_w4;
ERN_INLINE ern_x_w4 ern_x_of_w4(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}

ERN_INLINE void ern_mac_w4(ern_v32 *a, ern_v32 *b, const int8_t *w, ern_x_w4 p, ern_x_w4 q)
{
    const __m256i both = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
    *a += (ern_v32)_mm256_madd_epi16(_mm256_and_si256(both, _mm256_set1_epi16(15)), p);
    *b += (ern_v32)_mm256_madd_epi16(_mm256_srli_epi16(both, 4), q);
}

#elif defined(ERN_ROWS_SSE2)

#define ERN_STEP_W4 2
typedef __m128i ern_x_w4;
ERN_INLINE ern_x_w4 ern_x_of_w4(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return _mm_set1_epi32(pair);
}

ERN_INLINE void ern_mac_w4(ern_v32 *a, ern_v32 *b, const int8_t *w, ern_x_w4 p, ern_x_w4 q)
{
    const __m128i both = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)w), _mm_setzero_si128());
    *a += (ern_v32)_mm_madd_epi16(_mm_and_si128(both, _mm_set1_epi16(15)), p);
    *b += (ern_v32)_mm_madd_epi16(_mm_srli_epi16(both, 4), q);
}

#elif defined(ERN_ROWS_NEON)

#define ERN_STEP_W4 2
typedef int16x4_t ern_x_w4;
ERN_INLINE ern_x_w4 ern_x_of_w4(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return vreinterpret_s16_s32(vdup_n_s32(pair));
}

/* Each half word: first column of a, of b, second column of a, of b. */
ERN_INLINE void ern_mac_w4(ern_v32 *a, ern_v32 *b, const int8_t *w, ern_x_w4 p, ern_x_w4 q)
{
    const uint16x4_t four = vreinterpret_u16_s8(vld1_s8(w)), mask = vdup_n_u16(15);
    *a = vmlal_lane_s16(*a, vreinterpret_s16_u16(vand_u16(four, mask)), p, 0);
    *b = vmlal_lane_s16(*b, vreinterpret_s16_u16(vand_u16(vshr_n_u16(four, 4), mask)), q, 0);
    *a = vmlal_lane_s16(*a, vreinterpret_s16_u16(vand_u16(vshr_n_u16(four, 8), mask)), p, 1);
    *b = vmlal_lane_s16(*b, vreinterpret_s16_u16(vshr_n_u16(four, 12)), q, 1);
}

#else

#define ERN_STEP_W4 2
typedef const int16_t *ern_x_w4;
ERN_INLINE ern_x_w4 ern_x_of_w4(const int16_t *x)
{
    return x;
}

ERN_INLINE void ern_mac_w4(ern_v32 *a, ern_v32 *b, const int8_t *w, ern_x_w4 p, ern_x_w4 q)
{
    int32_t low[ERN_ROWS], high[ERN_ROWS];
    for (int k = 0; k < ERN_ROWS; k++) {
        const int32_t first = (uint8_t)w[2 * k], second = (uint8_t)w[2 * k + 1];
        low[k] = (first & 15) * p[0] + (second & 15) * p[1];
        high[k] = (first >> 4) * q[0] + (second >> 4) * q[1];
    }
    *a += ern_rows_load32(low);
    *b += ern_rows_load32(high);
}

#endif

/* acc[g] += sum over k of w[k][g] x[k] for 4, 3 or 1 groups, a constant where this is called; n is a multiple of 4. */
ERN_INLINE const int8_t *ern_dot_w4(ern_v32 *acc, int groups, const int8_t *w, const int16_t *x, size_t n)
{
    const ptrdiff_t step = ERN_BYTES_W4;
    ern_v32 a = acc[0], b = ern_rows_all(0), c = b, d = b;
    if (groups > 1)
        b = acc[1], c = acc[2];
    if (groups > 3)
        d = acc[3];
    for (const int16_t *end = x + n; x != end; x += 2 * ERN_STEP_W4, w += groups * step) {
        const ern_x_w4 p = ern_x_of_w4(x), q = ern_x_of_w4(x + ERN_STEP_W4);
        if (groups == 4) {
            ern_mac_w4(&a, &b, w, p, p);
            ern_mac_w4(&c, &d, w + step, p, p);
            ern_mac_w4(&a, &b, w + 2 * step, q, q);
            ern_mac_w4(&c, &d, w + 3 * step, q, q);
        } else if (groups == 3) {
            ern_mac_w4(&a, &b, w, p, p);
            ern_mac_w4(&c, &a, w + step, p, q);
            ern_mac_w4(&b, &c, w + 2 * step, q, q);
        } else {
            ern_mac_w4(&a, &b, w, p, q);
        }
    }
    acc[0] = groups > 1 ? a : a + b;
    if (groups > 1)
        acc[1] = b, acc[2] = c;
    if (groups > 3)
        acc[3] = d;
    return w;
}

#endif

#endif
