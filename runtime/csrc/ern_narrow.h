/* Products over int16 or int8 activations by one text: "narrow" is a constant where these functions are called.
 *
 * Products read vectors of int16 in any case: int8 values are widened once, when they are put side by side. */
#ifndef ERN_NARROW_H
#define ERN_NARROW_H

#include "ern_matvec_s8.h"

/* y = x, padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_put_narrow(int16_t *y, const int8_t *x, size_t n)
{
    size_t k = 0;
    for (; k < n; k++)
        y[k] = x[k];
    for (; k < ern_padded(n); k++)
        y[k] = 0;
    return y + k;
}

/* y = sat8(round(x / 2^shift)), shift > 0, padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_put_shortened(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    const int32_t half = shift ? (int32_t)1 << (shift - 1) : 0;
    size_t k = 0;
    for (; k < n; k++)
        y[k] = (int16_t)ern_sat8(ERN_SHIFT(x[k] + half, shift));
    for (; k < ern_padded(n); k++)
        y[k] = 0;
    return y + k;
}

/* The sums of all groups of a block of rows, 4 of them; returns the end of the weights. */
ERN_INLINE const int8_t *ern_sum4(ern_v32 sum[4], const int8_t *w, const int16_t *x, size_t columns)
{
#if ERN_DSP
    return ern_dsp_dot4(w, x, columns, sum);
#else
    sum[0] = sum[1] = sum[2] = sum[3] = ern_rows_all(0);
    return ern_dot(sum, 4, w, x, columns);
#endif
}

/* Sums as results; those over int8 values are shifted to the left first. */
ERN_INLINE ern_v32 ern_finish(ern_v32 sum, const int32_t *rows, uint32_t pre_shift, int narrow)
{
    return ern_rows_requantize(narrow ? ern_rows_left(sum, pre_shift) : sum, rows);
}

/* y[at], ... = v: the first n of ERN_ROWS values, which fit int16, saturated to int8 where y is narrow. */
ERN_INLINE void ern_give(void *y, size_t at, ern_v32 v, size_t n, int narrow)
{
    if (narrow)
        ern_rows_store8((int8_t *)y + at, v, n);
    else
        ern_rows_store((int16_t *)y + at, v, n);
}

#endif
