/* Real transform of frames by a complex one of half the size: mixed radix 4, 2, 3, 5, self-sorting stages from one buffer
 * to another. Included by the file of each number format, which defines
 *
 *   ERN_NUMBER          a number                        ERN_HALF(a)            a / 2
 *   ERN_SUM2(a,b,c,d)   a b + c d, b and d roots        ERN_DIFFERENCE2        a b - c d
 *   ERN_TIMES(a,b)      a b, b a root                   ERN_COS_3 ... ERN_SIN_5_2   roots of three and five
 *
 * edgernn/ops/rfft.py defines the order of factors and roots. */
#ifndef ERN_RFFT_H
#define ERN_RFFT_H

#include "ern_lanes.h"

typedef struct {
    ERN_NUMBER re, im;
} ern_complex;

ERN_INLINE ern_complex ern_plus(ern_complex a, ern_complex b)
{
    return (ern_complex){a.re + b.re, a.im + b.im};
}

ERN_INLINE ern_complex ern_minus(ern_complex a, ern_complex b)
{
    return (ern_complex){a.re - b.re, a.im - b.im};
}

/* a - i b, and a + i b */
ERN_INLINE ern_complex ern_minus_i(ern_complex a, ern_complex b)
{
    return (ern_complex){a.re + b.im, a.im - b.re};
}

ERN_INLINE ern_complex ern_plus_i(ern_complex a, ern_complex b)
{
    return (ern_complex){a.re - b.im, a.im + b.re};
}

ERN_INLINE ern_complex ern_turn(ern_complex a, const ERN_NUMBER *root)
{
    return (ern_complex){ERN_DIFFERENCE2(a.re, root[0], a.im, root[1]), ERN_SUM2(a.re, root[1], a.im, root[0])};
}

/* x[j] of a butterfly to y[j]: y[j] = sum of x[k] exp(-2 pi i j k / radix). */
ERN_INLINE void ern_butterfly_2(const ern_complex *x, size_t step, ern_complex y[5])
{
    y[0] = ern_plus(x[0], x[step]);
    y[1] = ern_minus(x[0], x[step]);
}

ERN_INLINE void ern_butterfly_3(const ern_complex *x, size_t step, ern_complex y[5])
{
    const ern_complex sum = ern_plus(x[step], x[2 * step]), difference = ern_minus(x[step], x[2 * step]);
    const ern_complex p = {x[0].re + ERN_TIMES(sum.re, ERN_COS_3), x[0].im + ERN_TIMES(sum.im, ERN_COS_3)};
    const ern_complex q = {ERN_TIMES(difference.re, ERN_SIN_3), ERN_TIMES(difference.im, ERN_SIN_3)};
    y[0] = ern_plus(x[0], sum);
    y[1] = ern_minus_i(p, q);
    y[2] = ern_plus_i(p, q);
}

ERN_INLINE void ern_butterfly_4(const ern_complex *x, size_t step, ern_complex y[5])
{
    const ern_complex a = ern_plus(x[0], x[2 * step]), b = ern_minus(x[0], x[2 * step]);
    const ern_complex c = ern_plus(x[step], x[3 * step]), d = ern_minus(x[step], x[3 * step]);
    y[0] = ern_plus(a, c);
    y[1] = ern_minus_i(b, d);
    y[2] = ern_minus(a, c);
    y[3] = ern_plus_i(b, d);
}

ERN_INLINE void ern_butterfly_5(const ern_complex *x, size_t step, ern_complex y[5])
{
    const ern_complex s1 = ern_plus(x[step], x[4 * step]), d1 = ern_minus(x[step], x[4 * step]);
    const ern_complex s2 = ern_plus(x[2 * step], x[3 * step]), d2 = ern_minus(x[2 * step], x[3 * step]);
    const ern_complex p1 = {x[0].re + ERN_SUM2(s1.re, ERN_COS_5_1, s2.re, ERN_COS_5_2),
                            x[0].im + ERN_SUM2(s1.im, ERN_COS_5_1, s2.im, ERN_COS_5_2)};
    const ern_complex p2 = {x[0].re + ERN_SUM2(s1.re, ERN_COS_5_2, s2.re, ERN_COS_5_1),
                            x[0].im + ERN_SUM2(s1.im, ERN_COS_5_2, s2.im, ERN_COS_5_1)};
    const ern_complex q1 = {ERN_SUM2(d1.re, ERN_SIN_5_1, d2.re, ERN_SIN_5_2),
                            ERN_SUM2(d1.im, ERN_SIN_5_1, d2.im, ERN_SIN_5_2)};
    const ern_complex q2 = {ERN_DIFFERENCE2(d1.re, ERN_SIN_5_2, d2.re, ERN_SIN_5_1),
                            ERN_DIFFERENCE2(d1.im, ERN_SIN_5_2, d2.im, ERN_SIN_5_1)};
    y[0] = ern_plus(x[0], ern_plus(s1, s2));
    y[1] = ern_minus_i(p1, q1);
    y[2] = ern_minus_i(p2, q2);
    y[3] = ern_plus_i(p2, q2);
    y[4] = ern_plus_i(p1, q1);
}

/* One stage: x[group][radix][column] to y[radix][group][column], turned by roots[radix - 1][column]. */
#define ERN_DEFINE_STAGE(radix)                                                                                    \
    static void ern_stage_##radix(const ern_complex *x, ern_complex *y, size_t groups, size_t columns,             \
                                  const ERN_NUMBER *roots)                                                         \
    {                                                                                                              \
        const size_t apart = groups * columns;                                                                     \
        for (size_t group = 0; group < groups; group++) {                                                          \
            const ern_complex *from = x + group * radix * columns;                                                 \
            ern_complex *to = y + group * columns, z[5];                                                           \
            ern_butterfly_##radix(from, columns, z);                                                               \
            for (size_t j = 0; j < radix; j++)                                                                     \
                to[j * apart] = z[j];                                                                              \
            for (size_t k = 1; k < columns; k++) {                                                                 \
                ern_butterfly_##radix(from + k, columns, z);                                                       \
                to[k] = z[0];                                                                                      \
                for (size_t j = 1; j < radix; j++)                                                                 \
                    to[j * apart + k] = ern_turn(z[j], roots + 2 * ((j - 1) * columns + k));                       \
            }                                                                                                      \
        }                                                                                                          \
    }

ERN_DEFINE_STAGE(2)
ERN_DEFINE_STAGE(3)
ERN_DEFINE_STAGE(4)
ERN_DEFINE_STAGE(5)

/* All stages over "half" numbers of z[0]; returns the buffer with the result. "roots" is moved behind those it used. */
static ern_complex *ern_stages(ern_complex *z[2], size_t half, const int8_t *radices, size_t count, const ERN_NUMBER **roots)
{
    size_t groups = 1, now = 0;
    for (size_t stage = 0; stage < count; stage++, now ^= 1) {
        const size_t radix = (size_t)radices[stage], columns = half / groups / radix;
        if (radix == 4)
            ern_stage_4(z[now], z[now ^ 1], groups, columns, *roots);
        else if (radix == 2)
            ern_stage_2(z[now], z[now ^ 1], groups, columns, *roots);
        else if (radix == 3)
            ern_stage_3(z[now], z[now ^ 1], groups, columns, *roots);
        else
            ern_stage_5(z[now], z[now ^ 1], groups, columns, *roots);
        *roots += 2 * (radix - 1) * columns;
        groups *= radix;
    }
    return z[now];
}

/* The transform of the real sequence whose even and odd elements are the parts of the numbers that z transforms. */
static void ern_join(const ern_complex *z, size_t half, const ERN_NUMBER *roots, ERN_NUMBER *re, ERN_NUMBER *im)
{
    re[0] = z[0].re + z[0].im;
    im[0] = 0;
    re[half] = z[0].re - z[0].im;
    im[half] = 0;
    for (size_t k = 1; 2 * k <= half; k++) {
        const ern_complex a = z[k], b = {z[half - k].re, -z[half - k].im};
        const ern_complex sum = ern_plus(a, b), turned = ern_turn(ern_minus(a, b), roots + 2 * k);
        re[k] = ERN_HALF(sum.re + turned.im);
        im[k] = ERN_HALF(sum.im - turned.re);
        re[half - k] = ERN_HALF(sum.re - turned.im);
        im[half - k] = ERN_HALF(-sum.im - turned.re);
    }
}

#endif
