/* Drawing a symbol from float scores. */
#include "ern_sample.h"

ERN_API uint32_t ern_sample_f32(const float *scores, size_t n, const ern_sampler *sampler, uint32_t position)
{
    return ern_sample(scores, n, ERN_SCORES_F32, ERN_UNIT_F32, sampler, position);
}
