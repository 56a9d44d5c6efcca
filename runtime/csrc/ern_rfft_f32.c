/* Transform of real frames in float32. */
#define ERN_NUMBER float
#define ERN_HALF(a) ((a)*0.5f)
#define ERN_SUM2(a, b, c, d) ((a) * (b) + (c) * (d))
#define ERN_DIFFERENCE2(a, b, c, d) ((a) * (b) - (c) * (d))
#define ERN_TIMES(a, b) ((a) * (b))
#define ERN_COS_3 -0.5f
#define ERN_SIN_3 0.866025404f
#define ERN_COS_5_1 0.309016994f
#define ERN_COS_5_2 -0.809016994f
#define ERN_SIN_5_1 0.951056516f
#define ERN_SIN_5_2 0.587785252f
#include "ern_rfft.h"

ERN_API void ern_rfft_f32(const float *x, size_t frames, size_t inputs, size_t size, const int8_t *radices, size_t stages,
                          const float *roots, float *work, float *y)
{
    const size_t half = size / 2;
    ern_complex *const first = (ern_complex *)(void *)work;
    for (size_t t = 0; t < frames; t++, x += inputs, y += 2 * (half + 1)) {
        ern_complex *z[2] = {first, first + half};
        const float *rest = roots;
        ern_memcpy(work, x, inputs * sizeof *x);
        ern_memset(work + inputs, 0, (size - inputs) * sizeof *x);
        const ern_complex *done = ern_stages(z, half, radices, stages, &rest);
        ern_join(done, half, rest, y, y + half + 1);
    }
}

ERN_API void ern_squared_magnitude_f32(const float *x, size_t frames, size_t bins, float *y)
{
    for (size_t t = 0; t < frames; t++, x += 2 * bins, y += bins)
        for (size_t k = 0; k < bins; k++)
            y[k] = x[k] * x[k] + x[bins + k] * x[bins + k];
}
