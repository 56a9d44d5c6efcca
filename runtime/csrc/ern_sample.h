/* Drawing a symbol, over scores of one type: it is a constant where these functions are called.
 *
 * Nothing is sorted and nothing stored. The order is by score, then by index; what is kept of it is all scores less than "limit"
 * below the highest, and the first "ties" of those that are just that far below. */
#ifndef ERN_SAMPLE_H
#define ERN_SAMPLE_H

#include "ern_decode_math.h"

#define ERN_DIGIT_BITS 4
#define ERN_DIGITS (1 << ERN_DIGIT_BITS)

typedef struct {
    const void *scores;
    size_t n;
    ern_score_type type;
    ern_score_unit unit;
    uint32_t highest;
    uint32_t limit;
    size_t ties;
} ern_kept;

/* How far score k is below the highest. */
ERN_INLINE uint32_t ern_below(const ern_kept *kept, size_t k)
{
    return kept->highest - (uint32_t)ern_score(kept->scores, k, kept->type);
}

/* Whether the next score in order of index is kept; "tied" counts those at the limit that came before. */
ERN_INLINE int ern_is_kept(const ern_kept *kept, uint32_t below, size_t *tied)
{
    return below != kept->limit ? below < kept->limit : (*tied)++ < kept->ties;
}

ERN_INLINE uint32_t ern_weight(const ern_kept *kept, uint32_t below, int counted)
{
    return counted ? 1 : ern_power(ern_exponent(below, kept->unit));
}

ERN_INLINE size_t ern_likeliest(const void *scores, size_t n, ern_score_type type)
{
    size_t best = 0;
    int32_t highest = ern_score(scores, 0, type);
    for (size_t k = 1; k < n; k++) {
        const int32_t score = ern_score(scores, k, type);
        if (score > highest) {
            highest = score;
            best = k;
        }
    }
    return best;
}

ERN_INLINE uint64_t ern_total(const ern_kept *kept)
{
    uint64_t total = 0;
    size_t tied = 0;
    for (size_t k = 0; k < kept->n; k++) {
        const uint32_t below = ern_below(kept, k);
        if (ern_is_kept(kept, below, &tied))
            total += ern_weight(kept, below, 0);
    }
    return total;
}

/* Keep the shortest beginning of what is kept whose weights (or number, if "counted") reach "needed": the limit is found
 * digit by digit, from the highest on. needed > 0, and not more than all together. */
ERN_INLINE void ern_narrow_kept(ern_kept *kept, uint64_t needed, int counted)
{
    uint32_t shift = kept->type == ERN_SCORES_F32 ? 32 : kept->type == ERN_SCORES_S16 ? 16 : 8;
    uint32_t limit = 0;
    uint64_t before = 0;
    do {
        uint64_t sums[ERN_DIGITS] = {0};
        uint32_t digit = 0;
        size_t tied = 0;
        shift -= ERN_DIGIT_BITS;
        for (size_t k = 0; k < kept->n; k++) {
            const uint32_t below = ern_below(kept, k), from = below - limit;
            if (from >> shift < ERN_DIGITS && below >= limit && ern_is_kept(kept, below, &tied))
                sums[from >> shift] += ern_weight(kept, below, counted);
        }
        for (; before + sums[digit] < needed; digit++)
            before += sums[digit];
        limit += digit << shift;
    } while (shift > 0);
    const uint64_t each = ern_weight(kept, limit, counted);
    kept->limit = limit;
    kept->ties = (size_t)((needed - before + each - 1) / each);
}

/* ceil(total * share / 65536) */
ERN_INLINE uint64_t ern_share(uint64_t total, uint32_t share)
{
    return (total >> 16) * share + (((total & 0xffff) * share + 0xffff) >> 16);
}

ERN_INLINE size_t ern_pick(const ern_kept *kept, uint32_t word)
{
    const uint64_t total = ern_total(kept);
    const uint64_t drawn = (total >> 32) * word + (((total & 0xffffffff) * word) >> 32);
    uint64_t sum = 0;
    size_t tied = 0, k = 0;
    for (;; k++) {
        const uint32_t below = ern_below(kept, k);
        if (ern_is_kept(kept, below, &tied))
            sum += ern_weight(kept, below, 0);
        if (sum > drawn)
            return k;
    }
}

ERN_INLINE uint32_t ern_sample(const void *scores, size_t n, ern_score_type type, ern_score_unit unit,
                               const ern_sampler *sampler, uint32_t position)
{
    const size_t best = ern_likeliest(scores, n, type);
    if (sampler->temperature == 0)
        return (uint32_t)best;
    ern_kept kept = {scores, n, type, ern_tempered(unit, sampler->temperature), 0, UINT32_MAX, SIZE_MAX};
    kept.highest = (uint32_t)ern_score(scores, best, type);
    if (sampler->top_k > 0 && sampler->top_k < n)
        ern_narrow_kept(&kept, sampler->top_k, 1);
    if (sampler->top_p > 0 && sampler->top_p < 65536)
        ern_narrow_kept(&kept, ern_share(ern_total(&kept), sampler->top_p), 0);
    return (uint32_t)ern_pick(&kept, ern_philox(sampler->seed, position));
}

#endif
