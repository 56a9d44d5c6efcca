/* Framing and sessions. A message is COBS-encoded between two zero bytes: kind, version or status, u16 zero, u32 bytes of
 * payload, u32 sequence, u32 session, payload, u32 CRC-32 (polynomial 0xedb88320) of all before; little-endian. */
#include "link.h"

#define LENGTH 4
#define SEQUENCE 8
#define SESSION 12
#define COBS_RUN 254u

void edgernn_put_u32(uint8_t *bytes, uint32_t value)
{
    for (uint32_t k = 0; k < 4; k++)
        bytes[k] = (uint8_t)(value >> 8 * k & 255u);
}

uint32_t edgernn_get_u32(const uint8_t *bytes)
{
    uint32_t value = 0;
    for (uint32_t k = 0; k < 4; k++)
        value |= (uint32_t)bytes[k] << 8 * k;
    return value;
}

static uint32_t crc32(const uint8_t *bytes, uint32_t n)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffffu;
    for (uint32_t k = 0; k < n; k++) {
        crc ^= bytes[k];
        crc = crc >> 4 ^ nibbles[crc & 15u];
        crc = crc >> 4 ^ nibbles[crc & 15u];
    }
    return ~crc;
}

static uint32_t largest(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t edgernn_link_capacity(const edgernn_target *target)
{
    const uint32_t result = target->output_bytes + EDGERNN_LINK_COUNTER_BYTES;
    const uint32_t payload = largest(largest(target->input_bytes, result),
                                     largest(target->snapshot_bytes, target->hello_bytes));
    return EDGERNN_LINK_FRAME_BYTES + payload;
}

void edgernn_link_init(edgernn_link *link, const edgernn_target *target, uint8_t *request, uint8_t *reply,
                       uint32_t capacity)
{
    link->target = target;
    link->request = request;
    link->reply = reply;
    link->capacity = capacity;
    link->received = 0;
    link->code = link->left = link->lost = 0;
    link->session = link->sequence = link->reply_bytes = link->outgoing_bytes = 0;
    link->outgoing = reply;
}

static uint32_t finish(uint8_t *message, uint8_t kind, uint8_t status, uint32_t payload_bytes, uint32_t sequence,
                       uint32_t session)
{
    const uint32_t n = EDGERNN_LINK_HEADER_BYTES + payload_bytes;
    edgernn_put_u32(message, (uint32_t)kind | (uint32_t)status << 8);
    edgernn_put_u32(message + LENGTH, payload_bytes);
    edgernn_put_u32(message + SEQUENCE, sequence);
    edgernn_put_u32(message + SESSION, session);
    edgernn_put_u32(message + n, crc32(message, n));
    return n + EDGERNN_LINK_CRC_BYTES;
}

static int send_notice(edgernn_link *link, uint8_t kind, uint8_t status, uint32_t sequence, uint32_t session)
{
    link->outgoing_bytes = finish(link->notice, kind, status, 0, sequence, session);
    link->outgoing = link->notice;
    return 1;
}

static int send_reply(edgernn_link *link)
{
    link->outgoing = link->reply;
    link->outgoing_bytes = link->reply_bytes;
    return 1;
}

/* Execute a request; returns its status, and the bytes that it wrote to the reply's payload. */
static uint8_t execute(edgernn_link *link, uint8_t kind, uint32_t payload_bytes, uint32_t *result_bytes)
{
    const edgernn_target *target = link->target;
    const uint8_t *payload = link->request + EDGERNN_LINK_HEADER_BYTES;
    uint8_t *result = link->reply + EDGERNN_LINK_HEADER_BYTES;
    *result_bytes = 0;
    if (kind == EDGERNN_RESTORE)
        return target->restore(payload, payload_bytes);
    if (kind < EDGERNN_OPEN || kind > EDGERNN_RESTORE)
        return EDGERNN_UNKNOWN_KIND;
    if (payload_bytes != (kind == EDGERNN_STEP ? target->input_bytes : 0))
        return EDGERNN_BAD_LENGTH;
    if (kind == EDGERNN_STEP) {
        const uint8_t status = target->step(payload, result, result + EDGERNN_LINK_COUNTER_BYTES);
        *result_bytes = status == EDGERNN_DONE ? EDGERNN_LINK_COUNTER_BYTES + target->output_bytes : 0;
        return status;
    }
    if (kind == EDGERNN_SNAPSHOT) {
        target->snapshot(result);
        *result_bytes = target->snapshot_bytes;
        return EDGERNN_DONE;
    }
    target->reset();
    for (; kind == EDGERNN_OPEN && *result_bytes < target->hello_bytes; ++*result_bytes)
        result[*result_bytes] = target->hello[*result_bytes];
    return EDGERNN_DONE;
}

static int answer(edgernn_link *link, uint8_t kind, uint32_t payload_bytes, uint32_t sequence, uint32_t session)
{
    uint32_t result_bytes;
    const uint8_t status = execute(link, kind, payload_bytes, &result_bytes);
    link->session = session;
    link->sequence = sequence;
    link->reply_bytes = finish(link->reply, (uint8_t)(kind | EDGERNN_REPLY), status, result_bytes, sequence, session);
    return send_reply(link);
}

/* A message of n bytes has arrived whole. */
static int handle(edgernn_link *link, uint32_t n)
{
    const uint8_t *message = link->request;
    const uint8_t kind = message[0], reply = (uint8_t)(kind | EDGERNN_REPLY);
    const uint32_t payload_bytes = n - EDGERNN_LINK_FRAME_BYTES;
    const uint32_t sequence = edgernn_get_u32(message + SEQUENCE), session = edgernn_get_u32(message + SESSION);
    const uint32_t ahead = sequence - link->sequence;
    if (edgernn_get_u32(message + LENGTH) != payload_bytes)
        return send_notice(link, EDGERNN_REPLY, EDGERNN_DAMAGED, 0, 0);
    if (message[1] != EDGERNN_LINK_VERSION)
        return send_notice(link, reply, EDGERNN_OTHER_VERSION, sequence, session);
    if (session == 0 || (session != link->session && kind != EDGERNN_OPEN))
        return send_notice(link, reply, EDGERNN_NO_SESSION, sequence, session);
    if (session != link->session || ahead == 1)
        return answer(link, kind, payload_bytes, sequence, session);
    if (ahead == 0)
        return send_reply(link);
    if (ahead >> 31 != 0)
        return 0; /* a late repetition of what the host has the answer to */
    return send_notice(link, reply, EDGERNN_OUT_OF_ORDER, sequence, session);
}

static int end_of_message(edgernn_link *link)
{
    const uint32_t n = link->received;
    const int anything = link->code != 0;
    const int whole = link->left == 0 && link->lost == 0 && n >= EDGERNN_LINK_FRAME_BYTES;
    link->received = 0;
    link->code = link->left = link->lost = 0;
    if (!anything)
        return 0;
    if (!whole)
        return send_notice(link, EDGERNN_REPLY, EDGERNN_DAMAGED, 0, 0);
    if (edgernn_get_u32(link->request + n - EDGERNN_LINK_CRC_BYTES)
        != crc32(link->request, n - EDGERNN_LINK_CRC_BYTES))
        return send_notice(link, EDGERNN_REPLY, EDGERNN_DAMAGED, 0, 0);
    return handle(link, n);
}

static void store(edgernn_link *link, uint8_t byte)
{
    if (link->received < link->capacity)
        link->request[link->received++] = byte;
    else
        link->lost = 1;
}

int edgernn_link_take(edgernn_link *link, uint8_t byte)
{
    if (byte == 0)
        return end_of_message(link);
    if (link->left != 0) {
        link->left--;
        store(link, byte);
        return 0;
    }
    if (link->code != 0 && link->code != COBS_RUN + 1)
        store(link, 0);
    link->code = byte;
    link->left = (uint8_t)(byte - 1);
    return 0;
}

void edgernn_link_send(const edgernn_link *link, void (*put)(uint8_t byte))
{
    const uint8_t *message = link->outgoing;
    const uint32_t n = link->outgoing_bytes;
    put(0);
    for (uint32_t k = 0;;) {
        uint32_t run = 0;
        while (run < COBS_RUN && k + run < n && message[k + run] != 0)
            run++;
        put((uint8_t)(run + 1));
        for (const uint32_t end = k + run; k < end; k++)
            put(message[k]);
        if (k == n)
            break;
        if (run < COBS_RUN)
            k++;
    }
    put(0);
}
