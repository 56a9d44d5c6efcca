/* Reductions over one axis. */
#include "ern_lanes.h"

/* Walks the outer and inner axes; "value" computes one result from line[k * inner], k < n. */
#define ERN_REDUCE(name, first, update, value)                                                            \
    ERN_API void ern_reduce_##name##_f32(const float *x, float *y, size_t outer, size_t n, size_t inner) \
    {                                                                                                     \
        for (size_t i = 0; i < outer; i++, x += n * inner)                                                \
            for (size_t j = 0; j < inner; j++) {                                                          \
                float total = (first);                                                                    \
                for (size_t k = 0; k < n; k++) {                                                          \
                    const float v = x[k * inner + j];                                                     \
                    total = (update);                                                                     \
                }                                                                                         \
                *y++ = (value);                                                                           \
            }                                                                                             \
    }

ERN_REDUCE(sum, 0.0f, total + v, total)
ERN_REDUCE(mean, 0.0f, total + v, total / (float)n)
ERN_REDUCE(max, x[j], v > total || v != v ? v : total, total)
ERN_REDUCE(min, x[j], v < total || v != v ? v : total, total)
