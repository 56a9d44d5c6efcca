/* Drawing a symbol from int16_t scores. */
#include "ern_sample.h"

ERN_API uint32_t ern_sample_s16(const int16_t *scores, size_t n, ern_score_unit unit, const ern_sampler *sampler,
                              uint32_t position)
{
    return ern_sample(scores, n, ERN_SCORES_S16, unit, sampler, position);
}
