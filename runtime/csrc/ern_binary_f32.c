/* Elementwise arithmetic of two operands. */
#include "ern_walk.h"

ERN_INLINE ern_vf ern_maximum(ern_vf a, ern_vf b)
{
    return ern_choose(ern_less(a, b), b, ern_choose((ern_vi)(b == b), a, b));
}

ERN_INLINE ern_vf ern_minimum(ern_vf a, ern_vf b)
{
    return ern_choose(ern_less(b, a), b, ern_choose((ern_vi)(b == b), a, b));
}

/* Along the last axis operands advance by one element, or stay. */
#define ERN_DEFINE(name, expression)                                                                          \
    static void ern_##name##_row(const float *a, size_t a_step, const float *b, size_t b_step, float *y, size_t n) \
    {                                                                                                         \
        for (size_t k = 0; k < n; k += ERN_LANES) {                                                           \
            const ern_vf v = a_step ? ern_load_part(a + k, n - k) : ern_all(*a);                              \
            const ern_vf w = b_step ? ern_load_part(b + k, n - k) : ern_all(*b);                              \
            ern_store_part(y + k, (expression), n - k);                                                       \
        }                                                                                                     \
    }                                                                                                         \
    ERN_BINARY(name)                                                                                          \
    {                                                                                                         \
        uint32_t index[ERN_MAX_AXES] = {0};                                                                   \
        const uint32_t last = walk->axes - 1;                                                                 \
        size_t a_offset = 0, b_offset = 0;                                                                    \
        do {                                                                                                  \
            ern_##name##_row(a + a_offset, walk->a_step[last], b + b_offset, walk->b_step[last], y, walk->size[last]); \
            y += walk->size[last];                                                                            \
        } while (ern_walk_next(walk, index, &a_offset, &b_offset));                                           \
    }

ERN_DEFINE(add, v + w)
ERN_DEFINE(sub, v - w)
ERN_DEFINE(mul, v *w)
ERN_DEFINE(div, v / w)
ERN_DEFINE(maximum, ern_maximum(v, w))
ERN_DEFINE(minimum, ern_minimum(v, w))
