/* Normalisation of rows. */
#include "ern_math_f32.h"

/* Mean of (x - centre), or of its square. */
ERN_INLINE float ern_moment(const float *x, size_t n, float centre, int squared)
{
    ern_vf total = ern_all(0.0f);
    float rest = 0.0f;
    size_t k = 0;
    for (; k + ERN_LANES <= n; k += ERN_LANES) {
        const ern_vf d = ern_load(x + k) - centre;
        total += squared ? d * d : d;
    }
    for (; k < n; k++) {
        const float d = x[k] - centre;
        rest += squared ? d * d : d;
    }
    return (ern_sum_lanes(total) + rest) / (float)n;
}

static void ern_layer_norm_row(const float *x, size_t n, const float *gamma, const float *beta, float eps, float *y)
{
    const float mean = ern_moment(x, n, 0.0f, 0);
    const ern_vf scale = 1.0f / ern_sqrt(ern_all(ern_moment(x, n, mean, 1) + eps));
    for (size_t k = 0; k < n; k += ERN_LANES) {
        const ern_vf v = (ern_load_part(x + k, n - k) - mean) * scale;
        ern_store_part(y + k, v * ern_load_part(gamma + k, n - k) + ern_load_part(beta + k, n - k), n - k);
    }
}

ERN_API void ern_layer_norm_f32(const float *x, size_t rows, size_t n, const float *gamma, const float *beta, float eps,
                                float *y)
{
    for (size_t row = 0; row < rows; row++)
        ern_layer_norm_row(x + row * n, n, gamma, beta, eps, y + row * n);
}
