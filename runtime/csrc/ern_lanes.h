/* ern_vf and ern_vi: ERN_LANES floats or 32-bit integers that are processed together; plain scalars for one lane.
 * More lanes are vector extensions of GCC and clang. Masks are -1 where true, 0 where false. */
#ifndef ERN_LANES_H
#define ERN_LANES_H

#include "ern.h"

#if ERN_LANES == 1
typedef float ern_vf;
typedef int32_t ern_vi;
#elif (ERN_LANES == 4 || ERN_LANES == 8 || ERN_LANES == 16) && defined(__GNUC__)
typedef float ern_vf __attribute__((vector_size(4 * ERN_LANES)));
typedef int32_t ern_vi __attribute__((vector_size(4 * ERN_LANES)));
#else
#error "ERN_LANES must be 1, or 4, 8 or 16 with GCC or clang"
#endif

#if defined(__GNUC__)
#define ERN_INLINE static inline __attribute__((always_inline))
#else
#define ERN_INLINE static inline
#endif

ERN_INLINE ern_vf ern_load(const float *p)
{
    ern_vf v;
    ern_memcpy(&v, p, sizeof v);
    return v;
}

ERN_INLINE void ern_store(float *p, ern_vf v)
{
    ern_memcpy(p, &v, sizeof v);
}

ERN_INLINE ern_vi ern_bits(ern_vf v)
{
    ern_vi i;
    ern_memcpy(&i, &v, sizeof i);
    return i;
}

ERN_INLINE ern_vf ern_from_bits(ern_vi i)
{
    ern_vf v;
    ern_memcpy(&v, &i, sizeof v);
    return v;
}

#if ERN_LANES == 1

ERN_INLINE ern_vf ern_all(float s)
{
    return s;
}

ERN_INLINE ern_vf ern_load_part(const float *p, size_t n)
{
    (void)n;
    return *p;
}

ERN_INLINE void ern_store_part(float *p, ern_vf v, size_t n)
{
    (void)n;
    *p = v;
}

ERN_INLINE ern_vi ern_less(ern_vf a, ern_vf b)
{
    return a < b ? -1 : 0;
}

ERN_INLINE ern_vf ern_to_float(ern_vi i)
{
    return (float)i;
}

ERN_INLINE ern_vf ern_choose(ern_vi mask, ern_vf yes, ern_vf no)
{
    return mask ? yes : no;
}

ERN_INLINE float ern_sum_lanes(ern_vf v)
{
    return v;
}

#else

ERN_INLINE ern_vf ern_all(float s)
{
    const ern_vf zero = {0};
    return s - zero;
}

ERN_INLINE ern_vf ern_load_part(const float *p, size_t n)
{
    float part[ERN_LANES];
    if (n >= ERN_LANES)
        return ern_load(p);
    for (size_t k = 0; k < ERN_LANES; k++)
        part[k] = k < n ? p[k] : 0.0f;
    return ern_load(part);
}

ERN_INLINE void ern_store_part(float *p, ern_vf v, size_t n)
{
    float part[ERN_LANES];
    if (n >= ERN_LANES) {
        ern_store(p, v);
        return;
    }
    ern_store(part, v);
    for (size_t k = 0; k < ERN_LANES; k++)
        if (k < n)
            p[k] = part[k];
}

ERN_INLINE ern_vi ern_less(ern_vf a, ern_vf b)
{
    return (ern_vi)(a < b);
}

ERN_INLINE ern_vf ern_to_float(ern_vi i)
{
    return __builtin_convertvector(i, ern_vf);
}

ERN_INLINE ern_vf ern_choose(ern_vi mask, ern_vf yes, ern_vf no)
{
    return ern_from_bits((mask & ern_bits(yes)) | (~mask & ern_bits(no)));
}

ERN_INLINE float ern_sum_lanes(ern_vf v)
{
    float part[ERN_LANES];
    ern_store(part, v);
    for (int half = ERN_LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            part[k] += part[k + half];
    return part[0];
}

#endif

/* NaN gives b. */
ERN_INLINE ern_vf ern_min(ern_vf a, ern_vf b)
{
    return ern_choose(ern_less(a, b), a, b);
}

ERN_INLINE ern_vf ern_max(ern_vf a, ern_vf b)
{
    return ern_choose(ern_less(b, a), a, b);
}

ERN_INLINE ern_vf ern_abs(ern_vf a)
{
    return ern_from_bits(ern_bits(a) & 0x7fffffff);
}

/* Magnitude of a with the sign bit of b. */
ERN_INLINE ern_vf ern_with_sign(ern_vf a, ern_vf b)
{
    return ern_from_bits((ern_bits(a) & 0x7fffffff) | (ern_bits(b) & INT32_MIN));
}

#endif
