/* Logarithms of the probabilities of float scores. */
#include "ern_ctc.h"

ERN_API int32_t ern_log_row_f32(const float *scores, size_t n, int32_t *y)
{
    return ern_log_row(scores, n, ERN_SCORES_F32, ERN_UNIT_F32, y);
}
