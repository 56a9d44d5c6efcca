/* Snapshots: the states of a model as bytes that any engine of the model restores.
 *
 * Layout, little-endian: "ERNS", u16 version 1, u16 zero, 16 bytes of the model's fingerprint, u32 payload bytes, u32
 * CRC-32 (polynomial 0xedb88320) of the 28 bytes before it and the payload, then the states in order.
 */
#include "ern.h"

#define ERN_CRC_OFFSET 28

static uint32_t ern_crc32(uint32_t crc, const uint8_t *bytes, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    crc = ~crc;
    for (size_t k = 0; k < n; k++) {
        crc ^= bytes[k];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void ern_put(uint8_t *bytes, uint32_t value, size_t n)
{
    for (size_t k = 0; k < n; k++)
        bytes[k] = (uint8_t)(value >> 8 * k & 255);
}

static uint32_t ern_get(const uint8_t *bytes, size_t n)
{
    uint32_t value = 0;
    for (size_t k = 0; k < n; k++)
        value |= (uint32_t)bytes[k] << 8 * k;
    return value;
}

static size_t ern_payload_bytes(const ern_state_info *states, size_t n)
{
    size_t total = 0;
    for (size_t k = 0; k < n; k++)
        total += (size_t)states[k].count * states[k].element_bytes;
    return total;
}

/* One element between native and little-endian order. */
static void ern_element_out(const uint8_t *element, size_t n, uint8_t *bytes)
{
    uint32_t word = 0;
    uint16_t half = 0;
    if (n == 4)
        ern_memcpy(&word, element, 4);
    else if (n == 2)
        ern_memcpy(&half, element, 2);
    else
        word = *element;
    ern_put(bytes, n == 2 ? half : word, n);
}

static void ern_element_in(uint8_t *element, size_t n, const uint8_t *bytes)
{
    const uint32_t word = ern_get(bytes, n);
    const uint16_t half = (uint16_t)(word & 0xffff);
    if (n == 4)
        ern_memcpy(element, &word, 4);
    else if (n == 2)
        ern_memcpy(element, &half, 2);
    else
        *element = (uint8_t)(word & 255);
}

static int ern_payload_is_finite(const ern_state_info *states, size_t n, const uint8_t *bytes)
{
    for (size_t k = 0; k < n; bytes += (size_t)states[k].count * states[k].element_bytes, k++)
        for (size_t i = 0; states[k].is_float && i < states[k].count; i++)
            if ((ern_get(bytes + 4 * i, 4) & 0x7f800000) == 0x7f800000)
                return 0;
    return 1;
}

ERN_API void ern_snapshot_write(const ern_state_info *states, size_t n, const uint8_t *fingerprint, const void *model,
                                uint8_t *blob)
{
    const size_t payload_bytes = ern_payload_bytes(states, n);
    uint8_t *payload = blob + ERN_SNAPSHOT_HEADER_BYTES;
    ern_memcpy(blob, "ERNS\1\0\0\0", 8);
    ern_memcpy(blob + 8, fingerprint, ERN_FINGERPRINT_BYTES);
    ern_put(blob + 24, (uint32_t)payload_bytes, 4);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < states[k].count; i++, payload += states[k].element_bytes)
            ern_element_out((const uint8_t *)model + states[k].offset_bytes + i * states[k].element_bytes,
                            states[k].element_bytes, payload);
    payload = blob + ERN_SNAPSHOT_HEADER_BYTES;
    ern_put(blob + ERN_CRC_OFFSET, ern_crc32(ern_crc32(0, blob, ERN_CRC_OFFSET), payload, payload_bytes), 4);
}

ERN_API ern_status ern_snapshot_read(const ern_state_info *states, size_t n, const uint8_t *fingerprint, void *model,
                                     const uint8_t *blob, size_t blob_bytes)
{
    const size_t payload_bytes = ern_payload_bytes(states, n);
    const uint8_t *payload = blob + ERN_SNAPSHOT_HEADER_BYTES;
    if (blob_bytes < ERN_SNAPSHOT_HEADER_BYTES || ern_get(blob, 4) != 0x534e5245 || ern_get(blob + 4, 2) != 1)
        return ERN_SNAPSHOT_DAMAGED;
    const size_t found_bytes = blob_bytes - ERN_SNAPSHOT_HEADER_BYTES;
    if (ern_get(blob + 24, 4) != found_bytes
        || ern_get(blob + ERN_CRC_OFFSET, 4) != ern_crc32(ern_crc32(0, blob, ERN_CRC_OFFSET), payload, found_bytes))
        return ERN_SNAPSHOT_DAMAGED;
    for (size_t k = 0; k < ERN_FINGERPRINT_BYTES; k++)
        if (blob[8 + k] != fingerprint[k])
            return ERN_SNAPSHOT_FOREIGN;
    if (found_bytes != payload_bytes || !ern_payload_is_finite(states, n, payload))
        return ERN_SNAPSHOT_DAMAGED;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < states[k].count; i++, payload += states[k].element_bytes)
            ern_element_in((uint8_t *)model + states[k].offset_bytes + i * states[k].element_bytes,
                           states[k].element_bytes, payload);
    return ERN_OK;
}
