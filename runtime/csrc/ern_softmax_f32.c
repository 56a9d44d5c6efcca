/* Softmax and its logarithm. */
#include "ern_math_f32.h"

static float ern_max_of(const float *x, size_t n, size_t step)
{
    float best = x[0];
    for (size_t k = 1; k < n; k++)
        best = x[k * step] > best ? x[k * step] : best;
    return best;
}

/* y = exp(x - top), where y may be NULL; returns the sum. */
static float ern_exp_sum(const float *x, float *y, size_t n, size_t step, float top)
{
    float total = 0.0f;
    for (size_t k = 0; k < n; k += ERN_LANES) {
        const size_t count = n - k < ERN_LANES ? n - k : ERN_LANES;
        float part[ERN_LANES] = {0};
        for (size_t i = 0; i < count; i++)
            part[i] = x[(k + i) * step] - top;
        ern_store(part, ern_exp(ern_load(part)));
        for (size_t i = 0; i < count; i++) {
            total += part[i];
            if (y)
                y[(k + i) * step] = part[i];
        }
    }
    return total;
}

static void ern_softmax_line(const float *x, float *y, size_t n, size_t step)
{
    const float scale = 1.0f / ern_exp_sum(x, y, n, step, ern_max_of(x, n, step));
    for (size_t k = 0; k < n; k++)
        y[k * step] *= scale;
}

static void ern_log_softmax_line(const float *x, float *y, size_t n, size_t step)
{
    const float top = ern_max_of(x, n, step);
    float part[ERN_LANES];
    ern_store(part, ern_log(ern_all(ern_exp_sum(x, NULL, n, step, top))));
    for (size_t k = 0; k < n; k++)
        y[k * step] = (x[k * step] - top) - part[0];
}

ERN_API void ern_softmax_f32(const float *x, float *y, size_t outer, size_t n, size_t inner)
{
    for (size_t i = 0; i < outer; i++)
        for (size_t k = 0; k < inner; k++)
            ern_softmax_line(x + i * n * inner + k, y + i * n * inner + k, n, inner);
}

ERN_API void ern_masked_softmax_f32(const float *x, const int32_t *mask, float *y, size_t rows, size_t n)
{
    for (size_t row = 0; row < rows; row++, x += n, y += n) {
        float top = -3.402823466e38f, total = 0.0f;
        for (size_t k = 0; k < n; k++)
            top = mask[k] != 0 && x[k] > top ? x[k] : top;
        for (size_t k = 0; k < n; k++)
            y[k] = mask[k] != 0 ? x[k] : top;
        (void)ern_exp_sum(y, y, n, 1, top);
        for (size_t k = 0; k < n; k++) {
            y[k] = mask[k] != 0 ? y[k] : 0.0f;
            total += y[k];
        }
        const float scale = total > 0.0f ? 1.0f / total : 0.0f;
        for (size_t k = 0; k < n; k++)
            y[k] *= scale;
    }
}

ERN_API void ern_log_softmax_f32(const float *x, float *y, size_t outer, size_t n, size_t inner)
{
    for (size_t i = 0; i < outer; i++)
        for (size_t k = 0; k < inner; k++)
            ern_log_softmax_line(x + i * n * inner + k, y + i * n * inner + k, n, inner);
}
