/* Softmax of each row, in integers. */
#include "ern_s16.h"

static int32_t ern_row_maximum(const int16_t *x, size_t n)
{
    int32_t most = x[0];
    for (size_t k = 1; k < n; k++)
        most = x[k] > most ? x[k] : most;
    return most;
}

/* exp(-d) in Q0.15 */
ERN_INLINE int32_t ern_exp_minus(const int16_t *table, int32_t d, uint32_t multiplier, uint32_t shift)
{
    const uint32_t u = ((uint32_t)d * multiplier + ((uint32_t)1 << (shift - 1))) >> shift;
    return ern_look(table, (int32_t)(u < 65535 ? u : 65535) - 32768);
}

ERN_API void ern_softmax_s16(const int16_t *x, int16_t *y, size_t rows, size_t n, uint32_t multiplier, uint32_t shift,
                             const int16_t *exp_table)
{
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        const int32_t most = ern_row_maximum(x, n);
        uint32_t total = 0;
        for (size_t k = 0; k < n; k++) {
            const int32_t e = ern_exp_minus(exp_table, most - x[k], multiplier, shift);
            y[k] = (int16_t)e;
            total += (uint32_t)e;
        }
        for (size_t k = 0; k < n; k++) {
            const uint32_t v = (((uint32_t)y[k] << 15) + (total >> 1)) / total;
            y[k] = (int16_t)(v < 32767 ? v : 32767);
        }
    }
}

ERN_API void ern_masked_softmax_s16(const int16_t *x, const int32_t *mask, int16_t *y, size_t rows, size_t n,
                                    uint32_t multiplier, uint32_t shift, const int16_t *exp_table)
{
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        int32_t most = -32768;
        for (size_t k = 0; k < n; k++)
            most = mask[k] != 0 && x[k] > most ? x[k] : most;
        uint32_t total = 0;
        for (size_t k = 0; k < n; k++) {
            const int32_t e = mask[k] != 0 ? ern_exp_minus(exp_table, most - x[k], multiplier, shift) : 0;
            y[k] = (int16_t)e;
            total += (uint32_t)e;
        }
        uint32_t rest = total >> 1;
        for (size_t k = 0; k < n && total > 0; k++) {
            rest += (uint32_t)y[k] << 15;
            const uint32_t v = rest / total;
            rest -= v * total;
            y[k] = (int16_t)(v < 32767 ? v : 32767);
        }
    }
}

/* log(total / 2^15) in Q0.15, total > 0 */
static int32_t ern_log_q15(const int16_t *table, uint32_t total)
{
    uint32_t k = 31;
    while (total >> k == 0)
        k--;
    const uint32_t mantissa = k < 16 ? total << (16 - k) : total >> (k - 16);
    return ern_look(table, (int32_t)mantissa - 65536 - 32768) + ((int32_t)k - 15) * 22713;
}

ERN_API void ern_log_softmax_s16(const int16_t *x, int16_t *y, size_t rows, size_t n, uint32_t multiplier, uint32_t shift,
                                 int32_t gain, int32_t log_gain, const int16_t *exp_table, const int16_t *log_table)
{
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        const int32_t most = ern_row_maximum(x, n);
        uint32_t total = 0;
        for (size_t k = 0; k < n; k++)
            total += (uint32_t)ern_exp_minus(exp_table, most - x[k], multiplier, shift);
        const int64_t base = (int64_t)ern_log_q15(log_table, total) * log_gain - (1 << 15);
        for (size_t k = 0; k < n; k++) {
            const int64_t v = ERN_SHIFT((int64_t)(x[k] - most) * gain - base, 16);
            y[k] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
        }
    }
}
