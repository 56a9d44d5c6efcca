/* Matrix product of two int16 values, summed in 64 bits. */
#include "ern_s16.h"

static void ern_matmul_one(const int16_t *a, const int16_t *b, int16_t *y, size_t m, size_t k, size_t n, int32_t multiplier)
{
    for (size_t row = 0; row < m; row++, a += k)
        for (size_t column = 0; column < n; column++) {
            int64_t total = 0;
            for (size_t i = 0; i < k; i++)
                total += a[i] * b[i * n + column];
            *y++ = (int16_t)ern_requantize((int32_t)ERN_SHIFT(total, 15), multiplier, 0);
        }
}

ERN_API void ern_matmul_s16(const int16_t *a, size_t a_step, const int16_t *b, size_t b_step, int16_t *y, size_t batch,
                            size_t m, size_t k, size_t n, int32_t multiplier)
{
    for (size_t t = 0; t < batch; t++, a += a_step, b += b_step, y += m * n)
        ern_matmul_one(a, b, y, m, k, n, multiplier);
}
