/* The firmware's side of the protocol as a library of this machine: bytes in, bytes out, and a reset. */
#include <stddef.h>

#include "target.h"

static edgernn_link board;
static uint8_t out[1 << 16];
static size_t out_bytes;
static unsigned long steps;

void board_reset(void);
size_t board_take(const uint8_t *bytes, size_t n, uint8_t *answer, size_t answer_capacity);
unsigned long board_steps(void);

static void put(uint8_t byte)
{
    if (out_bytes < sizeof out)
        out[out_bytes++] = byte;
}

void board_reset(void)
{
    edgernn_target_start(&board);
}

/* Requests that were executed, by the sequence number of the session. */
unsigned long board_steps(void)
{
    return steps;
}

size_t board_take(const uint8_t *bytes, size_t n, uint8_t *answer, size_t answer_capacity)
{
    out_bytes = 0;
    for (size_t k = 0; k < n; k++) {
        const uint32_t before = board.sequence;
        if (edgernn_link_take(&board, bytes[k]))
            edgernn_link_send(&board, put);
        steps += board.sequence != before;
    }
    for (size_t k = 0; k < out_bytes && k < answer_capacity; k++)
        answer[k] = out[k];
    return out_bytes;
}
