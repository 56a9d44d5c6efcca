/* The device's side of the protocol between a host and a model on a board (docs/board-protocol.md).
 *
 * Bytes go in one at a time, answers come out; what lies below is a UART, an emulated one, or a test. C99, no heap, no
 * globals. A request that is repeated is answered again and not executed again.
 */
#ifndef EDGERNN_LINK_H
#define EDGERNN_LINK_H

#include <stdint.h>

#define EDGERNN_LINK_VERSION 1u
#define EDGERNN_LINK_HEADER_BYTES 16u
#define EDGERNN_LINK_CRC_BYTES 4u
#define EDGERNN_LINK_FRAME_BYTES (EDGERNN_LINK_HEADER_BYTES + EDGERNN_LINK_CRC_BYTES)
#define EDGERNN_LINK_COUNTER_BYTES 8u /* cycles and stack bytes, before the outputs of a step */

enum {
    EDGERNN_OPEN = 1,     /* begin a session: states to their initial values */
    EDGERNN_RESET = 2,    /* states to their initial values */
    EDGERNN_STEP = 3,     /* inputs -> cycles, stack bytes, outputs */
    EDGERNN_SNAPSHOT = 4, /* -> snapshot */
    EDGERNN_RESTORE = 5,  /* snapshot -> */
    EDGERNN_REPLY = 0x80  /* added to the kind of the request */
};

/* Up to 15 as ern_status. */
enum {
    EDGERNN_DONE = 0,
    EDGERNN_DAMAGED = 16,        /* what arrived is not a message: send it again */
    EDGERNN_NO_SESSION = 17,     /* the board has been reset, or another host has opened a session */
    EDGERNN_OUT_OF_ORDER = 18,   /* a request before this one has not arrived */
    EDGERNN_BAD_LENGTH = 19,     /* the payload is not what the request needs */
    EDGERNN_UNKNOWN_KIND = 20,
    EDGERNN_OTHER_VERSION = 21,
    EDGERNN_STACK_OVERFLOW = 22  /* the step used more stack than is kept for it */
};

/* What requests act on. Payloads lie at addresses that are multiples of 4, if the buffers do. */
typedef struct {
    const uint8_t *hello;
    uint32_t hello_bytes, input_bytes, output_bytes, snapshot_bytes;
    void (*reset)(void);
    uint8_t (*step)(const uint8_t *inputs, uint8_t *counters, uint8_t *outputs);
    void (*snapshot)(uint8_t *blob);
    uint8_t (*restore)(const uint8_t *blob, uint32_t blob_bytes);
} edgernn_target;

typedef struct {
    const edgernn_target *target;
    uint8_t *request, *reply; /* capacity bytes each */
    uint32_t capacity;
    uint32_t received;        /* bytes of the message that is arriving */
    uint8_t code, left, lost; /* COBS: the block's code and what is left of it; whether the message is spoilt */
    uint32_t session, sequence; /* of the last request that was executed; no session: 0 */
    uint32_t reply_bytes;
    const uint8_t *outgoing; /* what edgernn_link_send sends */
    uint32_t outgoing_bytes;
    uint8_t notice[EDGERNN_LINK_FRAME_BYTES]; /* an answer to what was not executed, beside the kept reply */
} edgernn_link;

/* Bytes that each of the two buffers of a link needs. */
uint32_t edgernn_link_capacity(const edgernn_target *target);

void edgernn_link_init(edgernn_link *link, const edgernn_target *target, uint8_t *request, uint8_t *reply,
                       uint32_t capacity);

/* Take a byte that has arrived. Returns 1 when there is something to send. */
int edgernn_link_take(edgernn_link *link, uint8_t byte);

/* Send the answer, byte by byte. */
void edgernn_link_send(const edgernn_link *link, void (*put)(uint8_t byte));

/* Little-endian words. */
void edgernn_put_u32(uint8_t *bytes, uint32_t value);
uint32_t edgernn_get_u32(const uint8_t *bytes);

#endif
