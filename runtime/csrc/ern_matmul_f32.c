/* Products of matrices of a frame. */
#include "ern_lanes.h"

/* One row of y: the rows of b, weighted. */
static void ern_matmul_row(const float *a, const float *b, float *y, size_t k, size_t n)
{
    for (size_t column = 0; column < n; column += ERN_LANES) {
        ern_vf total = ern_all(0.0f);
        for (size_t i = 0; i < k; i++)
            total += ern_load_part(b + i * n + column, n - column) * a[i];
        ern_store_part(y + column, total, n - column);
    }
}

ERN_API void ern_matmul_f32(const float *a, size_t a_step, const float *b, size_t b_step, float *y, size_t batch, size_t m,
                            size_t k, size_t n)
{
    for (size_t matrix = 0; matrix < batch; matrix++, a += a_step, b += b_step, y += m * n)
        for (size_t row = 0; row < m; row++)
            ern_matmul_row(a + row * k, b, y + row * n, k, n);
}
