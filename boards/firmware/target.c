/* The model of a program as the target of a link: what it says of itself, and steps with their cycles and stack.
 *
 * Compiled with EDGERNN_PORTS, a generated header: EDGERNN_INPUT_BYTES, EDGERNN_OUTPUT_BYTES, EDGERNN_SNAPSHOT_BYTES, and
 * the model's functions under fixed names. EDGERNN_BOARD is the board's id, EDGERNN_CORE_CLOCK_HZ the clock that the
 * program runs at.
 */
#include "target.h"

#include EDGERNN_PORTS
#include "counter.h"

#define BOARD_BYTES 32
#define HELLO_BYTES (44u + ERN_FINGERPRINT_BYTES + BOARD_BYTES)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define PAYLOAD_BYTES                                                                                                  \
    LARGER(LARGER(EDGERNN_INPUT_BYTES, EDGERNN_OUTPUT_BYTES + EDGERNN_LINK_COUNTER_BYTES),                             \
           LARGER(EDGERNN_SNAPSHOT_BYTES, HELLO_BYTES))
#define BUFFER_WORDS ((EDGERNN_LINK_FRAME_BYTES + PAYLOAD_BYTES + 3u) / 4u)
#define TIMINGS 4

static EDGERNN_STATE model;
static uint32_t request[BUFFER_WORDS], reply[BUFFER_WORDS];
static uint8_t hello[HELLO_BYTES];
static uint32_t overhead; /* cycles that reading the counter takes */

static void reset(void)
{
    edgernn_model_reset(&model);
}

static uint8_t step(const uint8_t *inputs, uint8_t *counters, uint8_t *outputs)
{
    edgernn_stack_paint();
    const uint32_t begin = edgernn_counter_begin();
    const ern_status status = edgernn_model_step(&model, inputs, outputs);
    const uint32_t cycles = edgernn_counter_end(begin), stack_bytes = edgernn_stack_used();
    if (stack_bytes == EDGERNN_UNKNOWN)
        return EDGERNN_STACK_OVERFLOW;
    edgernn_put_u32(counters, cycles == EDGERNN_UNKNOWN || cycles < overhead ? cycles : cycles - overhead);
    edgernn_put_u32(counters + 4, stack_bytes);
    return (uint8_t)status;
}

static void snapshot(uint8_t *blob)
{
    edgernn_model_snapshot(&model, blob);
}

static uint8_t restore(const uint8_t *blob, uint32_t blob_bytes)
{
    return (uint8_t)edgernn_model_restore(&model, blob, blob_bytes);
}

static const edgernn_target target = {
    hello, HELLO_BYTES, EDGERNN_INPUT_BYTES, EDGERNN_OUTPUT_BYTES, EDGERNN_SNAPSHOT_BYTES, reset, step, snapshot, restore,
};

/* Least and most cycles of the loop, and the least of reading the counter. The first pass fills caches. */
static void time_loops(uint32_t *least, uint32_t *most)
{
    *least = EDGERNN_UNKNOWN;
    *most = 0;
    overhead = EDGERNN_UNKNOWN;
    edgernn_counter_start();
    (void)edgernn_counter_loop();
    for (uint32_t k = 0; k < TIMINGS; k++) {
        const uint32_t nothing = edgernn_counter_end(edgernn_counter_begin()), cycles = edgernn_counter_loop();
        overhead = nothing < overhead ? nothing : overhead;
        *least = cycles < *least ? cycles : *least;
        *most = cycles > *most ? cycles : *most;
    }
}

static void say_hello(void)
{
    const char board[] = EDGERNN_BOARD;
    uint32_t least, most;
    time_loops(&least, &most);
    const uint32_t words[11] = {
        EDGERNN_LINK_VERSION, EDGERNN_COUNTER, EDGERNN_CORE_CLOCK_HZ, EDGERNN_LINK_FRAME_BYTES + PAYLOAD_BYTES,
        EDGERNN_INPUT_BYTES, EDGERNN_OUTPUT_BYTES, EDGERNN_SNAPSHOT_BYTES, (uint32_t)sizeof model,
        EDGERNN_LOOPS, least, most,
    };
    uint8_t *next = hello;
    for (uint32_t k = 0; k < 11; k++, next += 4)
        edgernn_put_u32(next, words[k]);
    for (uint32_t k = 0; k < ERN_FINGERPRINT_BYTES; k++)
        *next++ = edgernn_model_fingerprint[k];
    for (uint32_t k = 0; k < BOARD_BYTES; k++)
        *next++ = k < sizeof board ? (uint8_t)board[k] : 0;
}

void edgernn_target_start(edgernn_link *link)
{
    edgernn_model_init(&model);
    say_hello();
    edgernn_link_init(link, &target, (uint8_t *)request, (uint8_t *)reply, (uint32_t)sizeof request);
}
