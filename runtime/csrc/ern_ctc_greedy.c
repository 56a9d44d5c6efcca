/* The text of the likeliest symbols: repetitions are one, blanks none. */
#include "ern_decode.h"

ERN_API int32_t ern_ctc_greedy(int32_t likeliest, int32_t blank, int32_t *last)
{
    const int32_t before = *last;
    *last = likeliest;
    return likeliest == blank || likeliest == before ? -1 : likeliest;
}
