/* Exact products of packed int8 weights and an int16 vector, kept in registers: the innermost floor of integer models.
 *
 * ERN_DSP: weights of two rows a, b and one column as the 16-bit number 256 b + a. Then SMLALD of two columns adds
 * 256 b.x + a.x, and SMLAD of their low bytes (SXTB16) adds a.x: three instructions for four products.
 */
#ifndef ERN_MATVEC_S8_H
#define ERN_MATVEC_S8_H

#include "ern_rows_s16.h"

/* Vectors are padded to a multiple of ERN_COLUMNS elements; with ERN_DSP they start at a multiple of 4 bytes. */
#if ERN_DSP
#define ERN_COLUMNS 8
#elif ERN_ROWS > 1
#define ERN_COLUMNS 2
#else
#define ERN_COLUMNS 1
#endif

ERN_INLINE size_t ern_padded(size_t n)
{
    return (n + ERN_COLUMNS - 1) / ERN_COLUMNS * ERN_COLUMNS;
}

/* The first address in work at which a vector may start. Workspaces have one spare element for this. */
ERN_INLINE int16_t *ern_vector_start(int16_t *work)
{
#if ERN_DSP
    return work + ((uintptr_t)work >> 1 & 1);
#else
    return work;
#endif
}

/* y = round(x / 2^shift), padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_put_vector(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    const int32_t half = shift ? (int32_t)1 << (shift - 1) : 0;
    size_t k = 0;
    if (shift == 0) {
        ern_memcpy(y, x, n * sizeof *y);
        k = n;
    }
    for (; k < n; k++)
        y[k] = (int16_t)ERN_SHIFT(x[k] + half, shift);
    for (; k < ern_padded(n); k++)
        y[k] = 0;
    return y + k;
}

#if ERN_DSP && (ERN_LANES != 1)
#error "ERN_DSP is for targets with ERN_LANES 1"
#endif

#if ERN_DSP && defined(__ARM_FEATURE_DSP) && defined(__thumb2__)

/* Naked functions: the loops need all 14 registers, among them the one that compilers keep for a frame pointer.
 *
 * r0 weights, r1 x, r12 and lr sums of rows 0 and 2, r9:r8 and r11:r10 those of SMLALD, r2..r7 words that were read. */
#define ERN_DSP_ASSEMBLY 1
#define ERN_NAKED static __attribute__((naked, noinline, unused))
#define ERN_IGNORED __attribute__((unused))

/* What the loop over n columns counts with: bit 31 tells that the number of groups of 8 is odd, and twice the rest begins
 * r9 of the loop. */
ERN_INLINE uint32_t ern_dsp_counter(size_t n)
{
    const uint32_t groups = (uint32_t)n / 8;
    return (groups & 1) << 31 | ((groups - 1) / 2 << 15) | 1 << 14;
}

#define ERN_ASM_COLUMNS_4X4                                                                         \
    "ldmia r0!, {r2, r3, r4, r5}\n ldmia r1!, {r6, r7}\n"                                           \
    "smlald r8, r9, r2, r6\n sxtb16 r2, r2\n smlald r10, r11, r3, r6\n sxtb16 r3, r3\n"            \
    "smlad r12, r2, r6, r12\n smlad lr, r3, r6, lr\n"                                              \
    "smlald r8, r9, r4, r7\n sxtb16 r4, r4\n smlald r10, r11, r5, r7\n sxtb16 r5, r5\n"            \
    "smlad r12, r4, r7, r12\n smlad lr, r5, r7, lr\n"

#define ERN_ASM_COLUMNS_2X8                                                                         \
    "ldmia r0!, {r2, r3, r4, r5}\n ldmia r1!, {r6, r7}\n"                                           \
    "smlald r8, r9, r2, r6\n sxtb16 r2, r2\n smlald r8, r9, r3, r7\n sxtb16 r3, r3\n"              \
    "smlad r12, r2, r6, r12\n smlad r12, r3, r7, r12\n ldmia r1!, {r6, r7}\n"                      \
    "smlald r8, r9, r4, r6\n sxtb16 r4, r4\n smlald r8, r9, r5, r7\n sxtb16 r5, r5\n"              \
    "smlad r12, r4, r6, r12\n smlad r12, r5, r7, r12\n"

/* Sums of four rows: r12, r8, lr, r10. S = 256 b + a has the low byte of a, so b = (S >> 8) - (a >> 8).
 *
 * A pass of the loop takes 16 columns; an odd number of groups of 8 enters in the middle. The passes are counted in the
 * upper half of r9, which sums of at most 41 bits do not reach; 2^15 below it keeps their sign out of the count. */
#define ERN_ASM_SUM4                                                                                \
    "push {r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"                                             \
    "lsls r9, r2, #1\n mov r8, #0\n mov r10, #0\n mov r11, #0\n mov r12, #0\n mov lr, #0\n bcs 2f\n" \
    "1:\n" ERN_ASM_COLUMNS_4X4 ERN_ASM_COLUMNS_4X4                                                  \
    "2:\n" ERN_ASM_COLUMNS_4X4 ERN_ASM_COLUMNS_4X4                                                  \
    "subs r9, r9, #65536\n bpl 1b\n"                                                                \
    "lsr r8, r8, #8\n orr r8, r8, r9, lsl #24\n sub r8, r8, r12, asr #8\n"                          \
    "lsr r10, r10, #8\n orr r10, r10, r11, lsl #24\n sub r10, r10, lr, asr #8\n"                    \
    "ldr r3, [sp]\n"

/* acc[r] = row r times x; returns the end of the weights. */
ERN_NAKED const int8_t *ern_dsp_sum4(ERN_IGNORED const int8_t *w, ERN_IGNORED const int16_t *x,
                                     ERN_IGNORED uint32_t counter, ERN_IGNORED int32_t acc[4])
{
    __asm__ volatile(ERN_ASM_SUM4 "strd r12, r8, [r3]\n strd lr, r10, [r3, #8]\n"
                                  "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

/* The sums, requantized by four multipliers and biases, as four int16 in one number, the first one lowest. */
ERN_NAKED uint64_t ern_dsp_gates4(ERN_IGNORED const int8_t *w, ERN_IGNORED const int16_t *x, ERN_IGNORED uint32_t counter,
                                  ERN_IGNORED const int32_t rows[8])
{
    __asm__ volatile(ERN_ASM_SUM4 "ldmia r3, {r0, r1, r2, r3, r4, r5, r6, r7}\n"
                                  "smmlar r0, r12, r0, r1\n smmlar r2, r8, r2, r3\n"
                                  "smmlar r4, lr, r4, r5\n smmlar r6, r10, r6, r7\n"
                                  "ssat r0, #16, r0\n ssat r2, #16, r2\n ssat r4, #16, r4\n ssat r6, #16, r6\n"
                                  "pkhbt r0, r0, r2, lsl #16\n pkhbt r1, r4, r6, lsl #16\n"
                                  "pop {r3, r4, r5, r6, r7, r8, r9, r10, r11, pc}\n");
}

/* acc[r] = row r times x, for n columns, n a multiple of 8 and at least 8; returns the end of the weights. */
ERN_INLINE const int8_t *ern_dsp_dot4(const int8_t *w, const int16_t *x, size_t n, int32_t acc[4])
{
    return ern_dsp_sum4(w, x, ern_dsp_counter(n), acc);
}

/* As ern_dsp_dot4, for two rows. */
ERN_NAKED const int8_t *ern_dsp_dot2(ERN_IGNORED const int8_t *w, ERN_IGNORED const int16_t *x, ERN_IGNORED size_t n,
                                     ERN_IGNORED int32_t acc[2])
{
    __asm__ volatile("push {r3, r4, r5, r6, r7, r8, r9, lr}\n"
                     "add lr, r1, r2, lsl #1\n mov r8, #0\n mov r9, #0\n mov r12, #0\n"
                     "1:\n" ERN_ASM_COLUMNS_2X8 "cmp r1, lr\n bne 1b\n"
                     "ldr r3, [sp]\n"
                     "lsr r8, r8, #8\n orr r8, r8, r9, lsl #24\n sub r8, r8, r12, asr #8\n"
                     "strd r12, r8, [r3]\n"
                     "pop {r3, r4, r5, r6, r7, r8, r9, pc}\n");
}

#elif ERN_DSP

#define ERN_DSP_ASSEMBLY 0

/* One column of rows a, b. */
ERN_INLINE void ern_dsp_column(int32_t acc[2], const int8_t *w, int32_t x)
{
    const int32_t raw = 256 * w[1] + (int32_t)(uint8_t)w[0], low = w[0];
    acc[0] += low * x;
    acc[1] += ERN_SHIFT(raw - low, 8) * x;
}

ERN_INLINE const int8_t *ern_dsp_dot4(const int8_t *w, const int16_t *x, size_t n, int32_t acc[4])
{
    for (size_t k = 0; k < 4; k++)
        acc[k] = 0;
    for (size_t k = 0; k < n; k += 2, w += 8)
        for (size_t j = 0; j < 2; j++) {
            ern_dsp_column(acc, w + 2 * j, x[k + j]);
            ern_dsp_column(acc + 2, w + 4 + 2 * j, x[k + j]);
        }
    return w;
}

ERN_INLINE const int8_t *ern_dsp_dot2(const int8_t *w, const int16_t *x, size_t n, int32_t acc[2])
{
    acc[0] = acc[1] = 0;
    for (size_t k = 0; k < n; k++, w += 2)
        ern_dsp_column(acc, w, x[k]);
    return w;
}

#else

#define ERN_DSP_ASSEMBLY 0
#define ERN_MAX_GROUPS 4

#if ERN_ROWS == 1

/* acc[g] += sum over k of w[k][g] x[k]; the number of groups is a constant where this is called. */
ERN_INLINE const int8_t *ern_dot(ern_v32 *acc, int groups, const int8_t *w, const int16_t *x, size_t n)
{
    int32_t a = acc[0], b = groups > 1 ? acc[1] : 0, c = groups > 2 ? acc[2] : 0, d = groups > 3 ? acc[3] : 0;
#define ERN_COLUMN(k)                         \
    do {                                      \
        const int32_t v = x[k];               \
        a += w[groups * (k)] * v;             \
        if (groups > 1)                       \
            b += w[groups * (k) + 1] * v;     \
        if (groups > 2)                       \
            c += w[groups * (k) + 2] * v;     \
        if (groups > 3)                       \
            d += w[groups * (k) + 3] * v;     \
    } while (0)
    for (const int16_t *end = x + n / 4 * 4; x != end; x += 4, w += groups * 4) {
        ERN_COLUMN(0);
        ERN_COLUMN(1);
        ERN_COLUMN(2);
        ERN_COLUMN(3);
    }
    for (n %= 4; n > 0; n--, x++, w += groups)
        ERN_COLUMN(0);
#undef ERN_COLUMN
    acc[0] = a;
    if (groups > 1)
        acc[1] = b;
    if (groups > 2)
        acc[2] = c;
    if (groups > 3)
        acc[3] = d;
    return w;
}

#else

#if defined(__GNUC__)
#define ERN_PREFETCH(p) __builtin_prefetch(p)
#else
#define ERN_PREFETCH(p) (void)(p)
#endif

/* acc += products of two columns of ERN_ROWS rows */
#if defined(ERN_ROWS_AVX2)
ERN_INLINE ern_v32 ern_pair(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return (ern_v32)_mm256_set1_epi32(pair);
}

ERN_INLINE ern_v32 ern_mac_pair(ern_v32 acc, const int8_t *w, ern_v32 pair)
{
    const __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
    return acc + (ern_v32)_mm256_madd_epi16(weights, (__m256i)pair);
}
typedef ern_v32 ern_x_pair;
#elif defined(ERN_ROWS_SSE2)
ERN_INLINE ern_v32 ern_pair(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return (ern_v32)_mm_set1_epi32(pair);
}

ERN_INLINE ern_v32 ern_mac_pair(ern_v32 acc, const int8_t *w, ern_v32 pair)
{
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)w);
    const __m128i weights = _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
    return acc + (ern_v32)_mm_madd_epi16(weights, (__m128i)pair);
}
typedef ern_v32 ern_x_pair;
#elif defined(ERN_ROWS_NEON)
typedef int16x4_t ern_x_pair;
ERN_INLINE ern_x_pair ern_pair(const int16_t *x)
{
    int32_t pair;
    ern_memcpy(&pair, x, sizeof pair);
    return vreinterpret_s16_s32(vdup_n_s32(pair));
}

ERN_INLINE ern_v32 ern_mac_pair(ern_v32 acc, const int8_t *w, ern_x_pair pair)
{
    const int16x4_t both = vreinterpret_s16_s8(vld1_s8(w));
    acc = vmlal_lane_s16(acc, vshr_n_s16(vshl_n_s16(both, 8), 8), pair, 0);
    return vmlal_lane_s16(acc, vshr_n_s16(both, 8), pair, 1);
}
#else
typedef const int16_t *ern_x_pair;
ERN_INLINE ern_x_pair ern_pair(const int16_t *x)
{
    return x;
}

ERN_INLINE ern_v32 ern_mac_pair(ern_v32 acc, const int8_t *w, ern_x_pair pair)
{
    int32_t part[ERN_ROWS];
    for (int k = 0; k < ERN_ROWS; k++)
        part[k] = w[2 * k] * pair[0] + w[2 * k + 1] * pair[1];
    return acc + ern_rows_load32(part);
}
#endif

/* acc[g] += sum over k of w[k][g] x[k]; the number of groups is a constant where this is called. n is even. */
ERN_INLINE const int8_t *ern_dot(ern_v32 *acc, int groups, const int8_t *w, const int16_t *x, size_t n)
{
    const ptrdiff_t step = 2 * ERN_ROWS;
    ern_v32 a = acc[0], b = a, c = a, d = a;
    if (groups > 1)
        b = acc[1];
    if (groups > 2)
        c = acc[2];
    if (groups > 3)
        d = acc[3];
#define ERN_PAIR(k)                                                      \
    do {                                                                 \
        const ern_x_pair pair = ern_pair(x + 2 * (k));                   \
        const int8_t *v = w + (k) * groups * step;                       \
        a = ern_mac_pair(a, v, pair);                                    \
        if (groups > 1)                                                  \
            b = ern_mac_pair(b, v + step, pair);                         \
        if (groups > 2)                                                  \
            c = ern_mac_pair(c, v + 2 * step, pair);                     \
        if (groups > 3)                                                  \
            d = ern_mac_pair(d, v + 3 * step, pair);                     \
    } while (0)
    for (size_t left = n / 4; left > 0; left--, x += 4, w += 2 * groups * step) {
        ERN_PREFETCH(w + 1024);
        ERN_PREFETCH(w + 1088);
        ERN_PAIR(0);
        ERN_PAIR(1);
    }
    if (n % 4 != 0) {
        ERN_PAIR(0);
        w += groups * step;
    }
#undef ERN_PAIR
    acc[0] = a;
    if (groups > 1)
        acc[1] = b;
    if (groups > 2)
        acc[2] = c;
    if (groups > 3)
        acc[3] = d;
    return w;
}

#endif

#endif

#endif
