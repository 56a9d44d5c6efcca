/* Logarithms of the probabilities of int16_t scores. */
#include "ern_ctc.h"

ERN_API int32_t ern_log_row_s16(const int16_t *scores, size_t n, ern_score_unit unit, int32_t *y)
{
    return ern_log_row(scores, n, ERN_SCORES_S16, unit, y);
}
