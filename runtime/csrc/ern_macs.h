/* Products of packed weights and a vector, for one type of weights: included by ern_matvec_f32.h and ern_matvec_w8.h.
 *
 * ERN_WEIGHT: type of a weight. ERN_WIDEN(p): ERN_LANES weights from p on as floats. ERN_MAC(n): name of the function for n
 * groups of lanes. ERN_EIGHT3, ERN_EIGHT4, where they are defined: eight columns of 3 and 4 groups for one lane, as the
 * expressions below; they move w and x on. */
#define ERN_V(k) ERN_WIDEN(w + (size_t)(k) * ERN_LANES)
#define ERN_MAC3(k) a0 += ERN_V(3 * (k)) * x[k], a1 += ERN_V(3 * (k) + 1) * x[k], a2 += ERN_V(3 * (k) + 2) * x[k]
#define ERN_MAC4(k)                                                                                                \
    a0 += ERN_V(4 * (k)) * x[k], a1 += ERN_V(4 * (k) + 1) * x[k], a2 += ERN_V(4 * (k) + 2) * x[k],                 \
        a3 += ERN_V(4 * (k) + 3) * x[k]

/* acc[g] += sum over k of w[k][g] x[k] for 4 groups of lanes; returns the end of the weights. */
ERN_INLINE const ERN_WEIGHT *ERN_MAC(4)(ern_vf acc[4], const ERN_WEIGHT *w, const float *x, size_t n)
{
    ern_vf a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
#if ERN_LANES == 1
#if defined(ERN_EIGHT4)
    for (size_t left = n / 8; left > 0; left--)
        ERN_EIGHT4;
#else
    for (size_t left = n / 8; left > 0; left--, x += 8, w += 32) {
        ERN_MAC4(0), ERN_MAC4(1), ERN_MAC4(2), ERN_MAC4(3);
        ERN_MAC4(4), ERN_MAC4(5), ERN_MAC4(6), ERN_MAC4(7);
    }
#endif
    n %= 8;
#else
    ern_vf b0 = ern_all(0.0f), b1 = b0, b2 = b0, b3 = b0;
    for (size_t left = n / 2; left > 0; left--, x += 2, w += (size_t)8 * ERN_LANES) {
        const float p = x[0], q = x[1];
        a0 += ERN_V(0) * p, a1 += ERN_V(1) * p, a2 += ERN_V(2) * p, a3 += ERN_V(3) * p;
        b0 += ERN_V(4) * q, b1 += ERN_V(5) * q, b2 += ERN_V(6) * q, b3 += ERN_V(7) * q;
    }
    a0 += b0, a1 += b1, a2 += b2, a3 += b3;
    n %= 2;
#endif
    for (; n > 0; n--, x++, w += (size_t)4 * ERN_LANES)
        a0 += ERN_V(0) * *x, a1 += ERN_V(1) * *x, a2 += ERN_V(2) * *x, a3 += ERN_V(3) * *x;
    acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
    return w;
}

/* For 3 groups, the third of which goes to *third. */
ERN_INLINE const ERN_WEIGHT *ERN_MAC(3)(ern_vf acc[2], ern_vf *third, const ERN_WEIGHT *w, const float *x, size_t n)
{
    ern_vf a0 = acc[0], a1 = acc[1], a2 = *third;
#if ERN_LANES == 1
#if defined(ERN_EIGHT3)
    for (size_t left = n / 8; left > 0; left--)
        ERN_EIGHT3;
#else
    for (size_t left = n / 8; left > 0; left--, x += 8, w += 24) {
        ERN_MAC3(0), ERN_MAC3(1), ERN_MAC3(2), ERN_MAC3(3);
        ERN_MAC3(4), ERN_MAC3(5), ERN_MAC3(6), ERN_MAC3(7);
    }
#endif
    n %= 8;
#else
    ern_vf b0 = ern_all(0.0f), b1 = b0, b2 = b0;
    for (size_t left = n / 2; left > 0; left--, x += 2, w += (size_t)6 * ERN_LANES) {
        const float p = x[0], q = x[1];
        a0 += ERN_V(0) * p, a1 += ERN_V(1) * p, a2 += ERN_V(2) * p;
        b0 += ERN_V(3) * q, b1 += ERN_V(4) * q, b2 += ERN_V(5) * q;
    }
    a0 += b0, a1 += b1, a2 += b2;
    n %= 2;
#endif
    for (; n > 0; n--, x++, w += (size_t)3 * ERN_LANES)
        a0 += ERN_V(0) * *x, a1 += ERN_V(1) * *x, a2 += ERN_V(2) * *x;
    acc[0] = a0, acc[1] = a1, *third = a2;
    return w;
}

/* For one group. */
ERN_INLINE const ERN_WEIGHT *ERN_MAC(1)(ern_vf *acc, const ERN_WEIGHT *w, const float *x, size_t n)
{
    ern_vf a0 = *acc, a1 = ern_all(0.0f), a2 = a1, a3 = a1;
    for (size_t left = n / 4; left > 0; left--, x += 4, w += (size_t)4 * ERN_LANES)
        a0 += ERN_V(0) * x[0], a1 += ERN_V(1) * x[1], a2 += ERN_V(2) * x[2], a3 += ERN_V(3) * x[3];
    for (n %= 4; n > 0; n--, x++, w += ERN_LANES)
        a0 += ERN_V(0) * *x;
    *acc = (a0 + a1) + (a2 + a3);
    return w;
}

#undef ERN_V
#undef ERN_MAC3
#undef ERN_MAC4
#undef ERN_EIGHT3
#undef ERN_EIGHT4
#undef ERN_WEIGHT
#undef ERN_WIDEN
#undef ERN_MAC
