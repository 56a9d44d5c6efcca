/* Layer normalisation of each row, in integers. */
#include "ern_s16.h"

/* floor(sqrt(v)), bit by bit */
static uint32_t ern_square_root(uint64_t v)
{
    uint64_t root = 0, bit = (uint64_t)1 << 62;
    while (bit > v)
        bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        const uint64_t trial = root + bit;
        root >>= 1;
        if (v >= trial) {
            v -= trial;
            root += bit;
        }
    }
    return (uint32_t)root;
}

static void ern_layer_norm_row(const int16_t *x, size_t n, const int32_t *gain, const int32_t *bias, uint64_t epsilon,
                               int16_t *y)
{
    int32_t sum = 0;
    uint64_t squares = 0;
    for (size_t k = 0; k < n; k++)
        sum += x[k];
    for (size_t k = 0; k < n; k++) {
        const int64_t d = (int32_t)n * x[k] - sum;
        squares += (uint64_t)(d * d);
    }
    uint32_t root = ern_square_root(squares / n + epsilon), bits = 0;
    root = root > 0 ? root : 1;
    while (bits < 32 && root >> bits != 0)
        bits++;
    const int64_t inverse = (int64_t)(((uint64_t)1 << (30 + bits)) / root), half = (int64_t)1 << (17 + bits);
    for (size_t k = 0; k < n; k++) {
        const int64_t d = (int32_t)n * x[k] - sum, t = ERN_SHIFT(d * inverse + half, 18 + bits);
        const int64_t v = bias[k] + ERN_SHIFT(t * gain[k] + (1 << 19), 20);
        y[k] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
    }
}

ERN_API void ern_layer_norm_s16(const int16_t *x, size_t rows, size_t n, const int32_t *gain, const int32_t *bias,
                                uint64_t epsilon, int16_t *y)
{
    for (size_t row = 0; row < rows; row++)
        ern_layer_norm_row(x + row * n, n, gain, bias, epsilon, y + row * n);
}
