/* Drawing a symbol from int8_t scores. */
#include "ern_sample.h"

ERN_API uint32_t ern_sample_s8(const int8_t *scores, size_t n, ern_score_unit unit, const ern_sampler *sampler,
                              uint32_t position)
{
    return ern_sample(scores, n, ERN_SCORES_S8, unit, sampler, position);
}
