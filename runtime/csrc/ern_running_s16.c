/* Statistics of all frames so far, in integers. */
#include "ern_s16.h"
#include "ern_walk.h"

#define ERN_MOST_FRAMES ((int32_t)1 << 24)
#define ERN_MOST_SUM (((int64_t)1 << 47) - 1)
#define ERN_MOST_WEIGHT ((int32_t)1 << 30)

ERN_INLINE int64_t ern_joined(int32_t high, int32_t low)
{
    return (int64_t)high * 65536 + low;
}

ERN_API void ern_running_sum_s16(const int16_t *x, size_t n, const int32_t *high, const int32_t *low, int32_t multiplier,
                                 uint32_t shift, int16_t *y, int32_t *high_next, int32_t *low_next)
{
    for (size_t k = 0; k < n; k++) {
        int64_t sum = ern_joined(high[k], low[k]) + x[k];
        sum = sum > ERN_MOST_SUM ? ERN_MOST_SUM : sum < -ERN_MOST_SUM ? -ERN_MOST_SUM : sum;
        y[k] = ern_sat16_wide(ERN_SHIFT(sum * multiplier + ((int64_t)1 << (shift - 1)), shift));
        high_next[k] = (int32_t)ERN_SHIFT(sum, 16);
        low_next[k] = (int32_t)(sum & 65535);
    }
}

ERN_API void ern_running_mean_s16(const int16_t *x, size_t n, const int32_t *high, const int32_t *low,
                                  const int32_t *count, int32_t multiplier, uint32_t shift, int16_t *y,
                                  int32_t *high_next, int32_t *low_next, int32_t *count_next)
{
    const int32_t before = *count, frames = before < ERN_MOST_FRAMES ? before + 1 : ERN_MOST_FRAMES;
    const int64_t half = (int64_t)frames << shift;
    for (size_t k = 0; k < n; k++) {
        int64_t sum = ern_joined(high[k], low[k]);
        if (before >= ERN_MOST_FRAMES)
            sum -= ern_floor_divide(sum, before);
        sum += x[k];
        y[k] = ern_sat16_wide(ern_floor_divide(2 * sum * multiplier + half, 2 * half));
        high_next[k] = (int32_t)ERN_SHIFT(sum, 16);
        low_next[k] = (int32_t)(sum & 65535);
    }
    *count_next = frames;
}

/* exp(-d) in Q0.15, d >= 0; 2^15 for 0 */
static int32_t ern_decay(int32_t d, uint32_t multiplier, uint32_t shift, const int16_t *table)
{
    if (d == 0)
        return (int32_t)1 << 15;
    const uint32_t u = ((uint32_t)(d < 65535 ? d : 65535) * multiplier + ((uint32_t)1 << (shift - 1))) >> shift;
    return ern_look(table, (int32_t)(u < 65535 ? u : 65535) - 32768);
}

ERN_API void ern_running_weights_s16(const int16_t *score, size_t n, const int32_t *total, const int32_t *top,
                                     uint32_t multiplier, uint32_t shift, int32_t log_two, const int16_t *exp_table,
                                     int32_t *ratio, int32_t *total_next, int32_t *top_next)
{
    for (size_t k = 0; k < n; k++) {
        const int32_t highest = top[k] > score[k] ? top[k] : score[k];
        const int32_t weight = ern_decay(highest - score[k], multiplier, shift, exp_table);
        const int64_t kept = (int64_t)total[k] * ern_decay(highest - top[k], multiplier, shift, exp_table);
        const int64_t sum = ERN_SHIFT(kept + (1 << 14), 15) + weight;
        const int large = sum > ERN_MOST_WEIGHT;
        ratio[k] = (int32_t)(((int64_t)weight << 30) / sum);
        total_next[k] = (int32_t)(large ? ERN_SHIFT(sum, 1) : sum);
        top_next[k] = large ? highest + log_two : highest;
    }
}

ERN_API void ern_running_softmax_s16(const int16_t *x, const int32_t *ratio, const ern_walk *walk, const int32_t *mean,
                                     int32_t multiplier, uint32_t shift, int16_t *y, int32_t *mean_next)
{
    uint32_t index[ERN_MAX_AXES] = {0};
    const uint32_t last = walk->axes - 1;
    size_t i = 0, j = 0;
    do {
        for (size_t k = 0; k < walk->size[last]; k++) {
            const int64_t away = (int64_t)x[i + k * walk->a_step[last]] * 32768 - *mean;
            const int64_t rise = away * ratio[j + k * walk->b_step[last]];
            const int64_t next = *mean++ + ERN_SHIFT(rise + ((int64_t)1 << 29), 30);
            *mean_next++ = (int32_t)next;
            *y++ = ern_sat16_wide(ERN_SHIFT(next * multiplier + ((int64_t)1 << (shift - 1)), shift));
        }
    } while (ern_walk_next(walk, index, &i, &j));
}
