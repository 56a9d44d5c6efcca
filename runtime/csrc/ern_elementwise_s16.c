/* Elementwise arithmetic of int16 values. */
#include "ern_s16.h"
#include "ern_walk.h"

/* Over the walk: y dense; "value" computes an element from p and q. */
#define ERN_DEFINE_PAIRWISE(name, value)                                                                          \
    ERN_PAIRWISE_S16(name)                                                                                        \
    {                                                                                                             \
        uint32_t index[ERN_MAX_AXES] = {0};                                                                       \
        const uint32_t last = walk->axes - 1;                                                                     \
        const int32_t half = (int32_t)1 << (shift - 1);                                                           \
        size_t i = 0, j = 0;                                                                                      \
        do {                                                                                                      \
            for (size_t k = 0; k < walk->size[last]; k++) {                                                       \
                const int32_t p = a[i + k * walk->a_step[last]] * m_a, q = b[j + k * walk->b_step[last]] * m_b;   \
                *y++ = (int16_t)ern_sat16(ERN_SHIFT((value) + half, shift));                                      \
            }                                                                                                     \
        } while (ern_walk_next(walk, index, &i, &j));                                                             \
    }

ERN_DEFINE_PAIRWISE(add, p + q)
ERN_DEFINE_PAIRWISE(maximum, p > q ? p : q)
ERN_DEFINE_PAIRWISE(minimum, p < q ? p : q)

ERN_API void ern_mul_s16(const int16_t *a, const int16_t *b, int16_t *y, const ern_walk *walk, int32_t multiplier)
{
    uint32_t index[ERN_MAX_AXES] = {0};
    const uint32_t last = walk->axes - 1;
    size_t i = 0, j = 0;
    do {
        for (size_t k = 0; k < walk->size[last]; k++)
            *y++ = (int16_t)ern_requantize(a[i + k * walk->a_step[last]] * b[j + k * walk->b_step[last]], multiplier, 0);
    } while (ern_walk_next(walk, index, &i, &j));
}

ERN_API void ern_div_s16(const int16_t *a, const int16_t *b, int16_t *y, const ern_walk *walk, int32_t multiplier,
                         uint32_t shift)
{
    uint32_t index[ERN_MAX_AXES] = {0};
    const uint32_t last = walk->axes - 1;
    size_t i = 0, j = 0;
    do {
        for (size_t k = 0; k < walk->size[last]; k++) {
            const int32_t p = a[i + k * walk->a_step[last]], q = b[j + k * walk->b_step[last]];
            const int64_t divisor = (int64_t)(q == 0 ? 1 : q < 0 ? -q : q) << shift;
            const int64_t v = ern_floor_divide((int64_t)(q < 0 ? -p : p) * 2 * multiplier + divisor, 2 * divisor);
            *y++ = ern_sat16_wide(v);
        }
    } while (ern_walk_next(walk, index, &i, &j));
}

#define ERN_DEFINE_RESCALE(name, from, to, saturate)                                            \
    ERN_RESCALE(name, from, to)                                                                 \
    {                                                                                           \
        const int32_t half = (int32_t)1 << (shift - 1);                                         \
        for (size_t k = 0; k < n; k++)                                                          \
            y[k] = (to)saturate(ERN_SHIFT(x[k] * multiplier + half, shift));                    \
    }

ERN_DEFINE_RESCALE(s16, int16_t, int16_t, ern_sat16)
ERN_DEFINE_RESCALE(s16_s8, int16_t, int8_t, ern_sat8)
ERN_DEFINE_RESCALE(s8, int8_t, int8_t, ern_sat8)
ERN_DEFINE_RESCALE(s8_s16, int8_t, int16_t, ern_sat16)

ERN_API void ern_table_s16(const int16_t *x, int16_t *y, size_t n, const int16_t *table)
{
    for (size_t k = 0; k < n; k++)
        y[k] = (int16_t)ern_sat16(ern_look(table, x[k]));
}

ERN_API void ern_clip_s16(const int16_t *x, int16_t *y, size_t n, int32_t low, int32_t high)
{
    for (size_t k = 0; k < n; k++)
        y[k] = (int16_t)(x[k] < low ? low : x[k] > high ? high : x[k]);
}
