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

/* ern_log_row_*.c: y = log2 of the probabilities (softmax) of n > 0 scores in Q.20, at least -512; returns the likeliest. */
ERN_API int32_t ern_log_row_f32(const float *scores, size_t n, int32_t *y);
ERN_API int32_t ern_log_row_s16(const int16_t *scores, size_t n, ern_score_unit unit, int32_t *y);
ERN_API int32_t ern_log_row_s8(const int8_t *scores, size_t n, ern_score_unit unit, int32_t *y);

/* ern_ctc_greedy.c: given the likeliest symbol of each frame, the next symbol of the text, or -1. *last: the likeliest of the
 * frame before, at first the blank. */
ERN_API int32_t ern_ctc_greedy(int32_t likeliest, int32_t blank, int32_t *last);

/* ern_ctc_beam.c: prefix beam search, frame by frame. */

/* A prefix: the symbol after a shorter one. Numbers of nodes; 0 is the empty prefix, and none. */
typedef struct {
    uint16_t parent, child, sibling;
    int16_t symbol;
} ern_ctc_node;

/* A prefix of the beam: log2 of its probability with and without a blank at the end, and of both together, less that of the
 * best one, in Q.20. next: while a frame is searched, a symbol that follows the node, or -1. */
typedef struct {
    int32_t blank, symbol, total;
    uint16_t node;
    int16_t next;
} ern_ctc_path;

/* All memory is the caller's. After a frame paths[0 .. count - 1] are the prefixes, best first. */
typedef struct {
    ern_ctc_node *nodes; /* "capacity" of them: the prefixes, and all their beginnings */
    ern_ctc_path *paths; /* width */
    ern_ctc_path *work;  /* width */
    uint16_t capacity, width, count;
    uint16_t free, room; /* the first of "room" unused nodes */
    int16_t blank;
    int32_t threshold; /* in Q.20: symbols less likely are not tried; ERN_CTC_ALL tries all */
    int64_t log2_best; /* of the best prefix, in Q.20 */
} ern_ctc_beam;

#define ERN_CTC_ALL INT32_MIN

/* capacity > width > 0. The threshold may be changed afterwards. */
ERN_API void ern_ctc_begin(ern_ctc_beam *beam, ern_ctc_node *nodes, uint16_t capacity, ern_ctc_path *paths,
                           ern_ctc_path *work, uint16_t width, int16_t blank);

/* A frame: log2 of n probabilities in Q.20. Returns 0, and has changed nothing, where there is no room for more prefixes:
 * settle some symbols first. */
ERN_API int ern_ctc_frame(ern_ctc_beam *beam, const int32_t *row, size_t n);

/* Write the first "capacity" symbols of the best prefix; returns how many it has. The search may go on. */
ERN_API size_t ern_ctc_best(const ern_ctc_beam *beam, int16_t *symbols, size_t capacity);

/* Take the first "count" symbols of the best prefix for decided: write them, drop the prefixes that begin otherwise, and
 * forget them. Returns how many they were, which is fewer where the prefix is shorter. */
ERN_API size_t ern_ctc_settle(ern_ctc_beam *beam, int16_t *symbols, size_t count);

/* ern_event.c: events in a score, by two thresholds and the frames that confirm them. */
typedef struct {
    int32_t on, off;     /* in units of the scores */
    uint32_t rise, fall; /* frames in a row that begin and end an event, at least 1 */
    uint32_t frame, run, active;
} ern_event;

typedef enum { ERN_EVENT_NONE, ERN_EVENT_BEGAN, ERN_EVENT_ENDED } ern_event_change;

/* The score in units of 2^-16, for models in float32. */
ERN_API int32_t ern_event_score_f32(float score);
ERN_API void ern_event_begin(ern_event *event, int32_t on, int32_t off, uint32_t rise, uint32_t fall);

/* A frame. An event begins with the first of "rise" frames in a row whose score is at least "on", and ends before the first of
 * "fall" frames in a row below "off". *at: the frame in which it began or ended, counted from 0. */
ERN_API ern_event_change ern_event_step(ern_event *event, int32_t score, uint32_t *at);

#endif
