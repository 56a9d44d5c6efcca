/* Logarithms of the probabilities of int8_t scores. */
#include "ern_ctc.h"

ERN_API int32_t ern_log_row_s8(const int8_t *scores, size_t n, ern_score_unit unit, int32_t *y)
{
    return ern_log_row(scores, n, ERN_SCORES_S8, unit, y);
}
