/* Reductions over some axes: "outer" walks the others, "inner" those that are reduced. */
#include "ern_s16.h"
#include "ern_walk.h"

#define ERN_DEFINE_REDUCE(name, update)                                                                    \
    static int32_t ern_total_##name(const int16_t *x, const ern_walk *inner, int32_t total)                \
    {                                                                                                      \
        uint32_t index[ERN_MAX_AXES] = {0};                                                                \
        const uint32_t last = inner->axes - 1;                                                             \
        size_t i = 0, unused = 0;                                                                          \
        do {                                                                                               \
            for (size_t k = 0; k < inner->size[last]; k++) {                                               \
                const int32_t v = x[i + k * inner->a_step[last]];                                          \
                total = (update);                                                                          \
            }                                                                                              \
        } while (ern_walk_next(inner, index, &i, &unused));                                                \
        return total;                                                                                      \
    }

ERN_DEFINE_REDUCE(sum, total + v)
ERN_DEFINE_REDUCE(max, v > total ? v : total)
ERN_DEFINE_REDUCE(min, v < total ? v : total)

#define ERN_DEFINE_OUTER(name, value)                                                                      \
    ERN_REDUCE_S16(name)                                                                                   \
    {                                                                                                      \
        uint32_t index[ERN_MAX_AXES] = {0};                                                                \
        const uint32_t last = outer->axes - 1;                                                             \
        size_t i = 0, unused = 0;                                                                          \
        (void)multiplier;                                                                                  \
        do {                                                                                               \
            for (size_t k = 0; k < outer->size[last]; k++) {                                               \
                const int16_t *from = x + i + k * outer->a_step[last];                                     \
                *y++ = (int16_t)(value);                                                                   \
            }                                                                                              \
        } while (ern_walk_next(outer, index, &i, &unused));                                                \
    }

ERN_DEFINE_OUTER(sum, ern_requantize(ern_total_sum(from, inner, 0), multiplier, 0))
ERN_DEFINE_OUTER(max, ern_total_max(from, inner, *from))
ERN_DEFINE_OUTER(min, ern_total_min(from, inner, *from))
