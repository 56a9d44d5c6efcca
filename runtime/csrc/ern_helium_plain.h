/* ern_helium.h in plain C, where there is no Helium: for tests, and for models that were packed for another core. */
#ifndef ERN_HELIUM_PLAIN_H
#define ERN_HELIUM_PLAIN_H

typedef struct {
    int16_t v[ERN_HELIUM_ROWS];
} ern_s16x8;

#define ERN_EACH(k) for (int k = 0; k < ERN_HELIUM_ROWS; k++)

ERN_INLINE int32_t ern_helium_halved(int32_t v, uint32_t shift)
{
    return shift ? ERN_SHIFT(v + ((int32_t)1 << (shift - 1)), shift) : v;
}

/* x16 or x8: the vector; the other one is NULL. */
ERN_INLINE ern_s16x8 ern_helium_plain_rows(const int8_t **weights, const int16_t *x16, const int8_t *x8, size_t columns,
                                           const int32_t **rows, uint32_t pre_shift)
{
    const size_t group = x8 ? ERN_HELIUM_COLUMNS8 : ERN_HELIUM_COLUMNS;
    ern_s16x8 y;
    for (size_t k = 0; k < ERN_HELIUM_ROWS; k++) {
        const size_t half = k / 4, lane = k % 4;
        const int8_t *w = *weights + half * 4 * columns + lane * group;
        const int32_t *const r = *rows + 8 * half + lane;
        int32_t sum = 0;
        for (size_t i = 0; i < columns; i += group, w += 4 * group)
            for (size_t j = 0; j < group; j++)
                sum += w[j] * (x8 ? x8[i + j] : x16[i + j]);
        y.v[2 * lane + half] = (int16_t)ern_requantize(sum * ((int32_t)1 << pre_shift), r[0], r[4]);
    }
    *weights += ERN_HELIUM_ROWS * columns;
    *rows += 2 * ERN_HELIUM_ROWS;
    return y;
}

ERN_INLINE ern_s16x8 ern_helium_rows(const int8_t **weights, const int16_t *x, size_t columns, const int32_t **rows)
{
    return ern_helium_plain_rows(weights, x, NULL, columns, rows, 0);
}

ERN_INLINE ern_s16x8 ern_helium_rows8(const int8_t **weights, const int8_t *x, size_t columns, const int32_t **rows,
                                      uint32_t pre_shift)
{
    return ern_helium_plain_rows(weights, NULL, x, columns, rows, pre_shift);
}

ERN_INLINE int16_t *ern_helium_put_vector(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (size_t k = 0; k < ern_helium_padded(n, 0); k++)
        *y++ = (int16_t)(k < n ? ern_helium_halved(x[k], shift) : 0);
    return y;
}

ERN_INLINE int8_t *ern_helium_put_narrow(int8_t *y, const int8_t *x, size_t n)
{
    for (size_t k = 0; k < ern_helium_padded(n, 1); k++)
        *y++ = k < n ? x[k] : (int8_t)0;
    return y;
}

ERN_INLINE int8_t *ern_helium_put_shortened(int8_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    for (size_t k = 0; k < ern_helium_padded(n, 1); k++)
        *y++ = (int8_t)(k < n ? ern_sat8(ern_helium_halved(x[k], shift)) : 0);
    return y;
}

ERN_INLINE ern_s16x8 ern_helium_load(const int16_t *p, size_t left)
{
    ern_s16x8 y;
    ERN_EACH(k)
        y.v[k] = (size_t)k < left ? p[k] : (int16_t)0;
    return y;
}

ERN_INLINE void ern_helium_store(int16_t *p, ern_s16x8 v, size_t left)
{
    ERN_EACH(k)
        if ((size_t)k < left)
            p[k] = v.v[k];
}

ERN_INLINE void ern_helium_store8(int8_t *p, ern_s16x8 v, size_t left)
{
    ERN_EACH(k)
        if ((size_t)k < left)
            p[k] = (int8_t)ern_sat8(v.v[k]);
}

ERN_INLINE ern_s16x8 ern_helium_look(const int16_t *table, ern_s16x8 v)
{
    ERN_EACH(k)
        v.v[k] = (int16_t)ern_look(table, v.v[k]);
    return v;
}

ERN_INLINE ern_s16x8 ern_helium_blend(ern_s16x8 a, ern_s16x8 b, ern_s16x8 c, ern_s16x8 d, uint32_t shift)
{
    ERN_EACH(k)
        a.v[k] = (int16_t)ern_sat16(ERN_SHIFT(a.v[k] * b.v[k] + ERN_SHIFT(c.v[k] * d.v[k], shift) + (1 << 14), 15));
    return a;
}

ERN_INLINE ern_s16x8 ern_helium_scale(ern_s16x8 a, ern_s16x8 b, uint32_t shift)
{
    ERN_EACH(k)
        a.v[k] = (int16_t)ern_sat16(ern_helium_halved(a.v[k] * b.v[k], shift));
    return a;
}

ERN_INLINE ern_s16x8 ern_helium_interpolate(ern_s16x8 z, ern_s16x8 h, ern_s16x8 n)
{
    ERN_EACH(k)
        z.v[k] = (int16_t)ERN_SHIFT(z.v[k] * h.v[k] + (32768 - z.v[k]) * n.v[k] + (1 << 14), 15);
    return z;
}

ERN_INLINE ern_s16x8 ern_helium_add_product(ern_s16x8 a, ern_s16x8 b, ern_s16x8 c)
{
    ERN_EACH(k)
        a.v[k] = (int16_t)ern_sat16(a.v[k] + ERN_SHIFT(b.v[k] * c.v[k], 15));
    return a;
}

ERN_INLINE ern_s16x8 ern_helium_shift(ern_s16x8 v, uint32_t up, uint32_t down)
{
    ERN_EACH(k)
        v.v[k] = (int16_t)ERN_SHIFT(ern_sat16(v.v[k] * ((int32_t)1 << up)), down);
    return v;
}

ERN_INLINE ern_s16x8 ern_helium_round(ern_s16x8 v, uint32_t shift)
{
    ERN_EACH(k)
        v.v[k] = (int16_t)ern_helium_halved(v.v[k], shift);
    return v;
}

ERN_INLINE ern_s16x8 ern_helium_positive(ern_s16x8 v)
{
    ERN_EACH(k)
        v.v[k] = v.v[k] < 0 ? (int16_t)0 : v.v[k];
    return v;
}

#undef ERN_EACH

#endif
