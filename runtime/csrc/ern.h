/* EdgeRNN kernels: status codes, lane width, and the kernels that a generated model calls.
 *
 * C99. No heap, no stdio, no libm, no mutable globals. All sizes are in elements unless named _bytes.
 * Vectors are dense and need the alignment of their element only; packed weights need that of ERN_ALIGNED.
 * Results may not overlap operands unless a kernel says so.
 */
#ifndef ERN_H
#define ERN_H

#include <stddef.h>
#include <stdint.h>

/* Floats that one instruction of the target processes: 16 with AVX-512, 8 with AVX2, 4 with SSE or NEON, else 1.
 * Weights are packed for it when the model is generated, so all files of a model are compiled with the same value. */
#ifndef ERN_LANES
#define ERN_LANES 1
#endif

/* 1 when the int8 weights of an integer model are packed for the DSP extension of Cortex-M4, M7 and M33; the exporter sets
 * it in the copy of this file that it writes. The kernels use the extension where the compiler's target has it, and
 * compute the same in plain C where not. */
#ifndef ERN_DSP
#define ERN_DSP 0
#endif

/* Linkage of the kernels. A build of all files as one translation unit sets it to "static". */
#ifndef ERN_API
#define ERN_API
#endif

#if defined(__GNUC__)
#define ERN_ALIGNED __attribute__((aligned(ERN_LANES == 1 ? 16 : 64)))
#define ERN_INFINITY (__builtin_inff())
#define ERN_NAN (__builtin_nanf(""))
#define ern_memcpy __builtin_memcpy
#define ern_memset __builtin_memset
#else
#include <math.h>
#include <string.h>
#define ERN_ALIGNED
#define ERN_INFINITY INFINITY
#define ERN_NAN NAN
#define ern_memcpy memcpy
#define ern_memset memset
#endif

typedef enum {
    ERN_OK = 0,
    ERN_NOT_FINITE = 1,         /* an input holds NaN or infinity; the state is unchanged */
    ERN_OUT_OF_RANGE = 2,       /* an index is negative or too large; the state is unchanged */
    ERN_SNAPSHOT_DAMAGED = 3,   /* not a snapshot, of another version or length, or its CRC or values are wrong */
    ERN_SNAPSHOT_FOREIGN = 4    /* a snapshot of another model */
} ern_status;

/* Axes over which operands are walked, outermost first; a step is the distance of neighbours in elements. */
#define ERN_MAX_AXES 8
typedef struct {
    uint32_t axes;
    uint32_t size[ERN_MAX_AXES];
    uint32_t a_step[ERN_MAX_AXES];
    uint32_t b_step[ERN_MAX_AXES];
} ern_walk;

/* One state inside the structure of a model. */
typedef struct {
    uint32_t offset_bytes;
    uint32_t count;
    uint8_t element_bytes;
    uint8_t is_float;
} ern_state_info;

#define ERN_FINGERPRINT_BYTES 16
#define ERN_SNAPSHOT_HEADER_BYTES 32

/* ern_check.c: whether all n values are finite, or in [low, high]. */
ERN_API int ern_all_finite_f32(const float *x, size_t n);
ERN_API int ern_all_between_i32(const int32_t *x, size_t n, int32_t low, int32_t high);

/* ern_snapshot.c: states as portable bytes, and back. */
ERN_API void ern_snapshot_write(const ern_state_info *states, size_t n, const uint8_t *fingerprint, const void *model,
                                uint8_t *blob);
ERN_API ern_status ern_snapshot_read(const ern_state_info *states, size_t n, const uint8_t *fingerprint, void *model,
                                     const uint8_t *blob, size_t blob_bytes);

/* ern_lstm_f32.c: gates i f g o. out: size of h (hidden, or that of the projection done by the caller).
 * c_next may be c. Weights: for each ERN_LANES units [bias, then each x, then each h][gate][lane]. */
ERN_API void ern_lstm_f32(const float *x, size_t inputs, const float *h, size_t out, const float *c, size_t hidden,
                          const float *weights, float *h_next, float *c_next);

/* ern_gru_f32.c: gates r z n, reset after the product. Weights: for each ERN_LANES units
 * [bias r, z, n of x, n of h][lane], then [each x, then each h][r z n][lane]. */
ERN_API void ern_gru_f32(const float *x, size_t inputs, const float *h, size_t hidden, const float *weights, float *h_next);

/* ern_rnn_f32.c: h_next = tanh or relu of W [x; h] + b, packed as for ern_linear_f32 with inputs + hidden columns. */
ERN_API void ern_rnn_tanh_f32(const float *x, size_t inputs, const float *h, size_t hidden, const float *weights,
                              float *h_next);
ERN_API void ern_rnn_relu_f32(const float *x, size_t inputs, const float *h, size_t hidden, const float *weights,
                              float *h_next);

/* ern_linear_f32.c: y[frame] = W x[frame] + b. Weights: while 4 ERN_LANES rows are left, a group of 4 ERN_LANES, then
 * groups of ERN_LANES, the last one padded; each group [bias, then each column][row]. */
ERN_API void ern_linear_f32(const float *x, size_t frames, size_t inputs, const float *weights, float *y, size_t outputs);

/* ern_matmul_f32.c: y (m, n) = a (m, k) b (k, n), for each of batch matrices; a batch step of 0 repeats an operand. */
ERN_API void ern_matmul_f32(const float *a, size_t a_step, const float *b, size_t b_step, float *y, size_t batch, size_t m,
                            size_t k, size_t n);

/* ern_embedding_f32.c: y[i] = table[indices[i]]; an index outside of [0, rows) reads the nearest row. */
ERN_API void ern_embedding_f32(const int32_t *indices, size_t n, const float *table, size_t rows, size_t columns, float *y);

/* Scheme weights8: the same layers with int8 weights. "weights" are packed as the float ones, but without the biases; "rows"
 * holds them and the scales of the weights' rows: for each group of lanes of
 *   LSTM    [bias][gate], [scale over x][gate], [scale over h][gate]
 *   GRU     bias r, z, n over x, n over h, [scale over x][gate], [scale over h][gate]
 *   RNN     bias, scale over x, scale over h (groups of ERN_LANES rows only)
 *   linear  biases, then scales, of each group of 4 ERN_LANES rows, then of ERN_LANES rows */
ERN_API void ern_lstm_w8(const float *x, size_t inputs, const float *h, size_t out, const float *c, size_t hidden,
                         const int8_t *weights, const float *rows, float *h_next, float *c_next);
ERN_API void ern_gru_w8(const float *x, size_t inputs, const float *h, size_t hidden, const int8_t *weights,
                        const float *rows, float *h_next);
ERN_API void ern_rnn_tanh_w8(const float *x, size_t inputs, const float *h, size_t hidden, const int8_t *weights,
                             const float *rows, float *h_next);
ERN_API void ern_rnn_relu_w8(const float *x, size_t inputs, const float *h, size_t hidden, const int8_t *weights,
                             const float *rows, float *h_next);
ERN_API void ern_linear_w8(const float *x, size_t frames, size_t inputs, const int8_t *weights, const float *rows, float *y,
                           size_t outputs);
ERN_API void ern_embedding_w8(const int32_t *indices, size_t n, const int8_t *table, const float *scales, size_t rows,
                              size_t columns, float *y);

/* ern_layer_norm_f32.c: (x - mean) / sqrt(variance + eps) * gamma + beta of each row; y may be x. */
ERN_API void ern_layer_norm_f32(const float *x, size_t rows, size_t n, const float *gamma, const float *beta, float eps,
                                float *y);

/* ern_softmax_f32.c: along the middle axis of (outer, n, inner); y may be x. */
ERN_API void ern_softmax_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);
ERN_API void ern_masked_softmax_f32(const float *x, const int32_t *mask, float *y, size_t rows, size_t n);
ERN_API void ern_log_softmax_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);

/* ern_reduce_f32.c: over the middle axis of (outer, n, inner). */
ERN_API void ern_reduce_sum_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);
ERN_API void ern_reduce_mean_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);
ERN_API void ern_reduce_max_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);
ERN_API void ern_reduce_min_f32(const float *x, float *y, size_t outer, size_t n, size_t inner);

/* ern_copy.c: y[b steps] = x[a steps] for elements of 1, 2 or 4 bytes. */
ERN_API void ern_copy(const void *x, void *y, size_t element_bytes, const ern_walk *walk);

/* ern_select.c: y = a where the signal is not zero, otherwise b. y may be a or b. */
ERN_API void ern_select(const int32_t *signal, const void *a, const void *b, void *y, size_t bytes);

/* ern_binary_f32.c, ern_pow_f32.c: y = f(a, b) over the walk, y dense. y may be an operand that the walk visits in order. */
#define ERN_BINARY(name) ERN_API void ern_##name##_f32(const float *a, const float *b, float *y, const ern_walk *walk)
ERN_BINARY(add);
ERN_BINARY(sub);
ERN_BINARY(mul);
ERN_BINARY(div);
ERN_BINARY(maximum);
ERN_BINARY(minimum);
ERN_BINARY(pow);

/* ern_unary_f32.c, ern_trigonometry_f32.c: y = f(x), elementwise; y may be x. Definitions are those of torch.nn.functional. */
#define ERN_UNARY(name) ERN_API void ern_##name##_f32(const float *x, float *y, size_t n)
#define ERN_UNARY1(name, p) ERN_API void ern_##name##_f32(const float *x, float *y, size_t n, float p)
#define ERN_UNARY2(name, p, q) ERN_API void ern_##name##_f32(const float *x, float *y, size_t n, float p, float q)
ERN_UNARY(relu);
ERN_UNARY(sigmoid);
ERN_UNARY(tanh);
ERN_UNARY(exp);
ERN_UNARY(log);
ERN_UNARY(sqrt);
ERN_UNARY(rsqrt);
ERN_UNARY(reciprocal);
ERN_UNARY(square);
ERN_UNARY(abs);
ERN_UNARY(neg);
ERN_UNARY(sin);
ERN_UNARY(cos);
ERN_UNARY(erf);
ERN_UNARY2(clip, low, high);
ERN_UNARY1(leaky_relu, slope);
ERN_UNARY1(elu, alpha);
ERN_UNARY1(celu, alpha);
ERN_UNARY(selu);
ERN_UNARY(gelu);
ERN_UNARY(gelu_tanh);
ERN_UNARY(silu);
ERN_UNARY(mish);
ERN_UNARY2(softplus, beta, threshold);
ERN_UNARY(softsign);
ERN_UNARY(hard_sigmoid);
ERN_UNARY(hard_swish);
ERN_UNARY(log_sigmoid);
ERN_UNARY(tanh_shrink);
ERN_UNARY1(soft_shrink, limit);
ERN_UNARY1(hard_shrink, limit);

/* ern_rfft_f32.c: transform of real frames. radices and roots as edgernn/ops/rfft.py has them; work: 2 size numbers. A frame
 * of y is (2, size / 2 + 1), of re^2 + im^2 (bins). */
ERN_API void ern_rfft_f32(const float *x, size_t frames, size_t inputs, size_t size, const int8_t *radices, size_t stages,
                          const float *roots, float *work, float *y);
ERN_API void ern_squared_magnitude_f32(const float *x, size_t frames, size_t bins, float *y);

/* ern_banded_f32.c: y[row] = sum of the next lengths[row] weights times x[starts[row]] and its successors. */
ERN_API void ern_banded_f32(const float *x, size_t frames, size_t inputs, const float *weights, const int32_t *starts,
                            const int32_t *lengths, float *y, size_t outputs);

/* Kernels of integer models: int16 values, int8 weights, no floating point. docs/integer-arithmetic.md defines all results.
 *
 * Weights are packed for ERN_LANES and ERN_DSP. R = 1, 4 or 8 (for more lanes) rows are computed together, from P = 2
 * columns at once where R > 1, else 1. "rows" holds for each R rows in the order of use R multipliers, then R biases.
 * work: as many elements as the vectors read, each rounded up to a multiple of 8, and one more.
 * pre_shift: by how much sums over int8 values are shifted to the left; kernels over int16 values do not read it.
 * With "words" in the name of a file (see ern_words.h) weights are in groups of four rows, the last one padded, and in groups
 * of four columns; the GRU's are for each four units r z of two, r z of the others, n over x, n over h.
 * Tables have 256 lines (value, slope) and are aligned to 4 bytes. */

/* Weights: while 4 R rows are left [column pair][group of 4][row][column], then groups of R rows, the last one padded.
 * With ERN_DSP (see ern_matvec_s8.h) four rows, then two. */
typedef struct {
    uint32_t inputs, outputs, pre_shift;
    const int8_t *weights;
    const int32_t *rows;
} ern_linear_s16_layer;

/* Weights: for each R units [column pair of x, then of h][gate i f g o][row][column].
 * product_shift: 15 less the fraction bits of c. wave_up, wave_down: shifts to the left, then to the right, that make
 * Q3.12 of c. out_shift: 30 less the fraction bits of h; out_half: 2^(out_shift - 1). */
typedef struct {
    uint32_t inputs, out, hidden;
    uint32_t product_shift, wave_up, wave_down, out_shift, pre_shift;
    int32_t out_half;
    const int8_t *weights;
    const int32_t *rows;
    const int16_t *sigmoid, *tanh;
} ern_lstm_s16_layer;

/* Weights: as for the LSTM with gates r z n; with ERN_DSP for each two units r z of both over [x; h], n over x, n over h.
 * rows: r, z, n over x, n over h. h is read with its lowest "shift" bits rounded away. */
typedef struct {
    uint32_t inputs, hidden, shift, pre_shift;
    const int8_t *weights;
    const int32_t *rows;
    const int16_t *sigmoid, *tanh;
} ern_gru_s16_layer;

/* Weights: as for a linear layer over [x; h]. shift: 15 less the fraction bits of h. */
typedef struct {
    uint32_t inputs, hidden, shift, pre_shift;
    const int8_t *weights;
    const int32_t *rows;
    const int16_t *tanh;
} ern_rnn_s16_layer;

/* h_next may be h or x (where they are of one type); c_next may be c. *_s8: x of int8, h too but for the GRU. */
ERN_API void ern_lstm_s16(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                          int16_t *work, int16_t *h_next, int16_t *c_next);
ERN_API void ern_gru_s16(const ern_gru_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work, int16_t *h_next);
ERN_API void ern_rnn_tanh_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next);
ERN_API void ern_rnn_relu_s16(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                              int16_t *h_next);
ERN_API void ern_linear_s16(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work, int16_t *y);

ERN_API void ern_lstm_s8(const ern_lstm_s16_layer *layer, const int8_t *x, const int8_t *h, const int16_t *c, int16_t *work,
                         int8_t *h_next, int16_t *c_next);
ERN_API void ern_gru_s8(const ern_gru_s16_layer *layer, const int8_t *x, const int16_t *h, int16_t *work, int16_t *h_next);
ERN_API void ern_rnn_tanh_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work, int8_t *h_next);
ERN_API void ern_rnn_relu_s8(const ern_rnn_s16_layer *layer, const int8_t *x, const int8_t *h, int16_t *work, int8_t *h_next);
ERN_API void ern_linear_s8(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int8_t *y);
ERN_API void ern_linear_s8_s16(const ern_linear_s16_layer *layer, const int8_t *x, size_t frames, int16_t *work, int16_t *y);

/* Scheme int16x4: matrices with entries in -8..7 take half a byte an entry (see ern_matvec_w4.h). Weights are packed as above,
 * the vectors of one row or of two columns of R rows in pairs, the first in the low halves of the bytes; with ERN_DSP in
 * groups of four rows, each column in two bytes. Tables: each row from a byte of its own on. */
ERN_API void ern_lstm_s16_w4(const ern_lstm_s16_layer *layer, const int16_t *x, const int16_t *h, const int16_t *c,
                             int16_t *work, int16_t *h_next, int16_t *c_next);
ERN_API void ern_gru_s16_w4(const ern_gru_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                            int16_t *h_next);
ERN_API void ern_rnn_tanh_s16_w4(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                                 int16_t *h_next);
ERN_API void ern_rnn_relu_s16_w4(const ern_rnn_s16_layer *layer, const int16_t *x, const int16_t *h, int16_t *work,
                                 int16_t *h_next);
ERN_API void ern_linear_s16_w4(const ern_linear_s16_layer *layer, const int16_t *x, size_t frames, int16_t *work,
                               int16_t *y);
ERN_API void ern_embedding_s16_w4(const int32_t *indices, size_t n, const int8_t *table, const int32_t *multipliers,
                                  size_t rows, size_t columns, int16_t *y);

/* ern_embedding_s16.c: int8 rows with a multiplier each, to int16 or int8; int16 rows as they are. */
#define ERN_EMBEDDING(name, to)                                                                                        \
    ERN_API void ern_embedding_##name(const int32_t *indices, size_t n, const int8_t *table, const int32_t *multipliers, \
                                      size_t rows, size_t columns, to *y)
ERN_EMBEDDING(s16, int16_t);
ERN_EMBEDDING(s8, int8_t);
ERN_API void ern_take_s16(const int32_t *indices, size_t n, const int16_t *table, size_t rows, size_t columns, int16_t *y);

/* ern_elementwise_s16.c: y dense; y may be an operand that is walked in order. */
#define ERN_PAIRWISE_S16(name)                                                                                        \
    ERN_API void ern_##name##_s16(const int16_t *a, const int16_t *b, int16_t *y, const ern_walk *walk, int32_t m_a,  \
                                  int32_t m_b, uint32_t shift)
ERN_PAIRWISE_S16(add);
ERN_PAIRWISE_S16(maximum);
ERN_PAIRWISE_S16(minimum);
ERN_API void ern_mul_s16(const int16_t *a, const int16_t *b, int16_t *y, const ern_walk *walk, int32_t multiplier);
ERN_API void ern_div_s16(const int16_t *a, const int16_t *b, int16_t *y, const ern_walk *walk, int32_t multiplier,
                         uint32_t shift);
/* y may be x where they are of one type. */
#define ERN_RESCALE(name, from, to) \
    ERN_API void ern_rescale_##name(const from *x, to *y, size_t n, int32_t multiplier, uint32_t shift)
ERN_RESCALE(s16, int16_t, int16_t);
ERN_RESCALE(s16_s8, int16_t, int8_t);
ERN_RESCALE(s8, int8_t, int8_t);
ERN_RESCALE(s8_s16, int8_t, int16_t);
ERN_API void ern_table_s16(const int16_t *x, int16_t *y, size_t n, const int16_t *table);
ERN_API void ern_clip_s16(const int16_t *x, int16_t *y, size_t n, int32_t low, int32_t high);

/* Of each row of n elements; y may be x. */
ERN_API void ern_layer_norm_s16(const int16_t *x, size_t rows, size_t n, const int32_t *gain, const int32_t *bias,
                                uint64_t epsilon, int16_t *y);
ERN_API void ern_softmax_s16(const int16_t *x, int16_t *y, size_t rows, size_t n, uint32_t multiplier, uint32_t shift,
                             const int16_t *exp_table);
ERN_API void ern_masked_softmax_s16(const int16_t *x, const int32_t *mask, int16_t *y, size_t rows, size_t n,
                                    uint32_t multiplier, uint32_t shift, const int16_t *exp_table);
ERN_API void ern_log_softmax_s16(const int16_t *x, int16_t *y, size_t rows, size_t n, uint32_t multiplier, uint32_t shift,
                                 int32_t gain, int32_t log_gain, const int16_t *exp_table, const int16_t *log_table);

/* ern_log_power_s16.c: log of max(offset + sum of the next lengths[band] weights times a^2 + b^2, floor), from starts[band]. */
ERN_API void ern_log_power_s16(const int16_t *a, const int16_t *b, size_t frames, size_t bins, const int16_t *weights,
                               const int32_t *starts, const int32_t *lengths, size_t bands, uint64_t offset,
                               uint64_t floor, int32_t gain, int64_t bias, const int16_t *log_table, int16_t *y);

/* ern_reduce_s16.c: for each element of the walk outer, over the walk inner from there. */
#define ERN_REDUCE_S16(name)                                                                                          \
    ERN_API void ern_reduce_##name##_s16(const int16_t *x, int16_t *y, const ern_walk *outer, const ern_walk *inner,  \
                                         int32_t multiplier)
ERN_REDUCE_S16(sum);
ERN_REDUCE_S16(max);
ERN_REDUCE_S16(min);

/* ern_running_s16.c: statistics of all frames so far; the states are written over, or to another place. ern_running_weights
 * gives the share (Q2.30) of the current frame in the weighted mean, which ern_running_softmax then computes. */
ERN_API void ern_running_sum_s16(const int16_t *x, size_t n, const int32_t *high, const int32_t *low, int32_t multiplier,
                                 uint32_t shift, int16_t *y, int32_t *high_next, int32_t *low_next);
ERN_API void ern_running_mean_s16(const int16_t *x, size_t n, const int32_t *high, const int32_t *low,
                                  const int32_t *count, int32_t multiplier, uint32_t shift, int16_t *y,
                                  int32_t *high_next, int32_t *low_next, int32_t *count_next);
ERN_API void ern_running_weights_s16(const int16_t *score, size_t n, const int32_t *total, const int32_t *top,
                                     uint32_t multiplier, uint32_t shift, int32_t log_two, const int16_t *exp_table,
                                     int32_t *ratio, int32_t *total_next, int32_t *top_next);
ERN_API void ern_running_softmax_s16(const int16_t *x, const int32_t *ratio, const ern_walk *walk, const int32_t *mean,
                                     int32_t multiplier, uint32_t shift, int16_t *y, int32_t *mean_next);

/* As ern_matmul_f32. */
ERN_API void ern_matmul_s16(const int16_t *a, size_t a_step, const int16_t *b, size_t b_step, int16_t *y, size_t batch,
                            size_t m, size_t k, size_t n, int32_t multiplier);

#endif
