/* Decoding: from the outputs of a model to symbols, in integers. C99, no heap, no globals; the caller owns all memory.
 *
 * docs/decoding.md defines all results; edgernn.runtime.decode computes the same, bit for bit.
 */
#ifndef ERN_DECODE_H
#define ERN_DECODE_H

#include "ern.h"

/* What one unit of integer scores stands for, times log2(e), in Q.24: multiplier / 2^shift. The header of a model has it;
 * scores in float32 are read in units of 2^-16. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} ern_score_unit;

#define ERN_UNIT_F32 ((ern_score_unit){1549082005, 22})

/* How the next symbol is drawn. Only the top_k likeliest are taken (0: all); of these only the likeliest that together
 * have the share top_p / 65536 of their probability (0, and 65536 and more: all). */
typedef struct {
    uint32_t temperature; /* in units of 1/65536; 0 takes the likeliest */
    uint32_t top_k;
    uint32_t top_p;
    uint64_t seed;
} ern_sampler;

/* ern_sample_*.c: the symbol that is drawn from n > 0 scores (logits, or logarithms of probabilities). The same for the same
 * sampler, position and scores. Of equal scores the one with the lower index is likelier. */
ERN_API uint32_t ern_sample_f32(const float *scores, size_t n, const ern_sampler *sampler, uint32_t position);
ERN_API uint32_t ern_sample_s16(const int16_t *scores, size_t n, ern_score_unit unit, const ern_sampler *sampler,
                                uint32_t position);
ERN_API uint32_t ern_sample_s8(const int8_t *scores, size_t n, ern_score_unit unit, const ern_sampler *sampler,
                               uint32_t position);

#endif
