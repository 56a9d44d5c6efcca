/* Products of packed int8 weights for Helium (MVE), and the arithmetic of eight rows at a time.
 *
 * Weights: for each 8 rows, of which the last are padded, rows 0 2 4 6 and then rows 1 3 5 7: [group of columns][row]
 * [column], with groups of 8 columns for int16 vectors and of 16 for int8 ones. "rows" of the layer: four multipliers and four biases of the even rows, then of the odd ones. Narrowing the two
 * vectors of sums to even and odd lanes puts the eight results in order. Without Helium the same in plain C.
 */
#ifndef ERN_HELIUM_H
#define ERN_HELIUM_H

#include "ern_s16.h"

#define ERN_HELIUM_ROWS 8

/* Columns of a group: of vectors of int16 and of int8, which fill one register. */
#define ERN_HELIUM_COLUMNS 8
#define ERN_HELIUM_COLUMNS8 16

/* Columns of a vector of n elements, padded. */
ERN_INLINE size_t ern_helium_padded(size_t n, int narrow)
{
    const size_t group = narrow ? ERN_HELIUM_COLUMNS8 : ERN_HELIUM_COLUMNS;
    return (n + group - 1) / group * group;
}

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

typedef int16x8_t ern_s16x8;

#define ERN_HELIUM_ROW(sum) "vldrb.s16 q1, [%[w]], #8\n vmladava.s16 %[" sum "], q1, q0\n"
#define ERN_HELIUM_GROUP                                                                    \
    "vldrh.u16 q0, [%[x]], #16\n" ERN_HELIUM_ROW("a") ERN_HELIUM_ROW("b") ERN_HELIUM_ROW("c") \
        ERN_HELIUM_ROW("d")
#define ERN_HELIUM_ROW8(sum) "vldrb.u8 q1, [%[w]], #16\n vmladava.s8 %[" sum "], q1, q0\n"
#define ERN_HELIUM_GROUP8                                                                     \
    "vldrb.u8 q0, [%[x]], #16\n" ERN_HELIUM_ROW8("a") ERN_HELIUM_ROW8("b") ERN_HELIUM_ROW8("c") \
        ERN_HELIUM_ROW8("d")

/* Sums of four rows over groups > 0 groups of columns. Two groups a pass; an odd one enters in the middle. */
#define ERN_HELIUM_DOT4(name, type, group)                                                                               \
    ERN_INLINE int32x4_t name(const int8_t **weights, const type *x, size_t groups)                                      \
    {                                                                                                                    \
        int32_t a = 0, b = 0, c = 0, d = 0;                                                                              \
        const int8_t *w = *weights;                                                                                      \
        int32x4_t sums;                                                                                                  \
        __asm__ volatile("dls lr, %[passes]\n cbnz %[odd], 2f\n"                                                         \
                         "1:\n" group "2:\n" group "le lr, 1b\n"                                                         \
                         "vmov %q[sums][2], %q[sums][0], %[a], %[c]\n vmov %q[sums][3], %q[sums][1], %[b], %[d]\n"      \
                         : [w] "+l"(w), [x] "+r"(x), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c), [d] "+Te"(d),             \
                           [sums] "=w"(sums)                                                                             \
                         : [passes] "r"((groups + 1) / 2), [odd] "l"(groups & 1)                                         \
                         : "lr", "q0", "q1", "cc", "memory");                                                            \
        *weights = w;                                                                                                    \
        return sums;                                                                                                     \
    }

ERN_HELIUM_DOT4(ern_helium_dot4, int16_t, ERN_HELIUM_GROUP)
ERN_HELIUM_DOT4(ern_helium_dot4_narrow, int8_t, ERN_HELIUM_GROUP8)

ERN_INLINE int32x4_t ern_helium_requantize(int32x4_t sums, const int32_t *rows)
{
    return vaddq_s32(vrmulhq_s32(sums, vld1q_s32(rows)), vld1q_s32(rows + 4));
}

ERN_INLINE ern_s16x8 ern_helium_narrow(int32x4_t even, int32x4_t odd)
{
    return vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), even), odd);
}

/* sat16(requantize(W x)) of eight rows, x of int16. */
ERN_INLINE ern_s16x8 ern_helium_rows(const int8_t **weights, const int16_t *x, size_t columns, const int32_t **rows)
{
    const int32_t *const r = *rows;
    const int32x4_t even = ern_helium_requantize(ern_helium_dot4(weights, x, columns / ERN_HELIUM_COLUMNS), r);
    const int32x4_t odd = ern_helium_requantize(ern_helium_dot4(weights, x, columns / ERN_HELIUM_COLUMNS), r + 8);
    *rows = r + 16;
    return ern_helium_narrow(even, odd);
}

/* The same, x of int8. */
ERN_INLINE ern_s16x8 ern_helium_rows8(const int8_t **weights, const int8_t *x, size_t columns, const int32_t **rows,
                                      uint32_t pre_shift)
{
    const int32_t *const r = *rows;
    const int32x4_t even = ern_helium_dot4_narrow(weights, x, columns / ERN_HELIUM_COLUMNS8);
    const int32x4_t odd = ern_helium_dot4_narrow(weights, x, columns / ERN_HELIUM_COLUMNS8);
    *rows = r + 16;
    return ern_helium_narrow(ern_helium_requantize(vshlq_r_s32(even, (int32_t)pre_shift), r),
                             ern_helium_requantize(vshlq_r_s32(odd, (int32_t)pre_shift), r + 8));
}

/* y = round(x / 2^shift), padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_helium_put_vector(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (int32_t left = (int32_t)n; left > 0; left -= 8, x += 8, y += 8) {
        const int16x8_t part = vldrhq_z_s16(x, vctp16q((uint32_t)left));
        vst1q_s16(y, vrshlq_n_s16(part, -(int32_t)shift));
    }
    return y;
}

/* y = x, padded with zeros; returns the end. */
ERN_INLINE int8_t *ern_helium_put_narrow(int8_t *y, const int8_t *x, size_t n)
{
    for (int32_t left = (int32_t)n; left > 0; left -= 16, x += 16, y += 16)
        vst1q_s8(y, vldrbq_z_s8(x, vctp8q((uint32_t)left)));
    return y;
}

/* y = sat8(round(x / 2^shift)), padded with zeros; returns the end. */
ERN_INLINE int8_t *ern_helium_put_shortened(int8_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (int32_t left = (int32_t)ern_helium_padded(n, 1), given = (int32_t)n; left > 0; left -= 8, given -= 8, x += 8, y += 8) {
        const int16x8_t part = vldrhq_z_s16(x, vctp16q((uint32_t)(given > 0 ? given : 0)));
        const int8x16_t short_part = vqmovnbq_s16(vdupq_n_s8(0), vrshlq_n_s16(part, -(int32_t)shift));
        vstrbq_s16(y, vreinterpretq_s16_s8(short_part));
    }
    return y;
}

/* The first "left" values, or all. */
ERN_INLINE ern_s16x8 ern_helium_load(const int16_t *p, size_t left)
{
    return vldrhq_z_s16(p, vctp16q((uint32_t)left));
}

ERN_INLINE void ern_helium_store(int16_t *p, ern_s16x8 v, size_t left)
{
    vstrhq_p_s16(p, v, vctp16q((uint32_t)left));
}

/* Saturated to int8. */
ERN_INLINE void ern_helium_store8(int8_t *p, ern_s16x8 v, size_t left)
{
    vstrbq_p_s16(p, vreinterpretq_s16_s8(vqmovnbq_s16(vdupq_n_s8(0), v)), vctp16q((uint32_t)left));
}

/* As ern_look, for a function whose slopes are not negative. */
ERN_INLINE ern_s16x8 ern_helium_look(const int16_t *table, ern_s16x8 v)
{
    const uint16x8_t u = vreinterpretq_u16_s16(v), interval = vshrq_n_u16(veorq_u16(u, vdupq_n_u16(0x8000)), 8);
    const uint16x8_t at = vaddq_u16(interval, interval);
    const uint16x8_t value = vldrhq_gather_shifted_offset_u16((const uint16_t *)(const void *)table, at);
    const uint16x8_t slope = vldrhq_gather_shifted_offset_u16((const uint16_t *)(const void *)(table + 1), at);
    return vreinterpretq_s16_u16(vaddq_u16(value, vmulhq_u16(slope, vshlq_n_u16(u, 8))));
}

/* sat16((a b + (c d >> shift) + 2^14) >> 15) */
ERN_INLINE ern_s16x8 ern_helium_blend(ern_s16x8 a, ern_s16x8 b, ern_s16x8 c, ern_s16x8 d, uint32_t shift)
{
    const int32_t down = -(int32_t)shift;
    const int32x4_t even = vaddq_s32(vmullbq_int_s16(a, b), vshlq_r_s32(vmullbq_int_s16(c, d), down));
    const int32x4_t odd = vaddq_s32(vmulltq_int_s16(a, b), vshlq_r_s32(vmulltq_int_s16(c, d), down));
    return vqrshrntq_n_s32(vqrshrnbq_n_s32(vdupq_n_s16(0), even, 15), odd, 15);
}

/* sat16(round(a b / 2^shift)) */
ERN_INLINE ern_s16x8 ern_helium_scale(ern_s16x8 a, ern_s16x8 b, uint32_t shift)
{
    const int32_t down = -(int32_t)shift;
    return ern_helium_narrow(vrshlq_n_s32(vmullbq_int_s16(a, b), down), vrshlq_n_s32(vmulltq_int_s16(a, b), down));
}

/* (z h + (2^15 - z) n + 2^14) >> 15, 0 <= z */
ERN_INLINE ern_s16x8 ern_helium_interpolate(ern_s16x8 z, ern_s16x8 h, ern_s16x8 n)
{
    const int32x4_t even = vsubq_s32(vmullbq_int_s16(z, h), vmullbq_int_s16(z, n));
    const int32x4_t odd = vsubq_s32(vmulltq_int_s16(z, h), vmulltq_int_s16(z, n));
    const ern_s16x8 low = vqrshrnbq_n_s32(vdupq_n_s16(0), vaddq_s32(even, vshllbq_n_s16(n, 15)), 15);
    return vqrshrntq_n_s32(low, vaddq_s32(odd, vshlltq_n_s16(n, 15)), 15);
}

/* sat16(a + (b c >> 15)), 0 <= b */
ERN_INLINE ern_s16x8 ern_helium_add_product(ern_s16x8 a, ern_s16x8 b, ern_s16x8 c)
{
    return vqaddq_s16(a, vqdmulhq_s16(b, c));
}

/* sat16(v 2^up) >> down */
ERN_INLINE ern_s16x8 ern_helium_shift(ern_s16x8 v, uint32_t up, uint32_t down)
{
    return vshlq_r_s16(vqshlq_r_s16(v, (int32_t)up), -(int32_t)down);
}

/* round(v / 2^shift) */
ERN_INLINE ern_s16x8 ern_helium_round(ern_s16x8 v, uint32_t shift)
{
    return vrshlq_n_s16(v, -(int32_t)shift);
}

ERN_INLINE ern_s16x8 ern_helium_positive(ern_s16x8 v)
{
    return vmaxq_s16(v, vdupq_n_s16(0));
}

#else

#include "ern_helium_plain.h"

#endif

/* sat16(requantize(W x)) of eight rows, x of int8 where narrow. */
ERN_INLINE ern_s16x8 ern_helium_results(const int8_t **weights, const void *x, size_t columns, const int32_t **rows,
                                        uint32_t pre_shift, int narrow)
{
    return narrow ? ern_helium_rows8(weights, x, columns, rows, pre_shift) : ern_helium_rows(weights, x, columns, rows);
}

/* y[at], ... = v: the first "left" values, saturated to int8 where y is narrow. */
ERN_INLINE void ern_helium_give(void *y, size_t at, ern_s16x8 v, size_t left, int narrow)
{
    if (narrow)
        ern_helium_store8((int8_t *)y + at, v, left);
    else
        ern_helium_store((int16_t *)y + at, v, left);
}

#endif
