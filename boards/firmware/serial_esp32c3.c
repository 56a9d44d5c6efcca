/* UART of the ESP32-C3 (technical reference manual, chapter UART Controller). The loader in ROM has set up its pins and format
 * for its own messages; the rate is set here, from the crystal. */
#include "serial.h"

#define FIFO EDGERNN_REGISTER_AT(0x00)
#define CLKDIV EDGERNN_REGISTER_AT(0x14)
#define STATUS EDGERNN_REGISTER_AT(0x1c) /* bytes in the receive queue: bits 0 to 9, in the transmit queue: 16 to 25 */
#define CLK_CONF EDGERNN_REGISTER_AT(0x78)
#define UPDATE EDGERNN_REGISTER_AT(0x80)
#define QUEUE_BYTES 128u

/* In 16ths. */
#define DIVIDER ((16u * EDGERNN_SERIAL_CLOCK_HZ + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD)

void edgernn_serial_start(void)
{
    CLK_CONF = 1u << 25 | 1u << 24 | 1u << 22 | 3u << 20; /* clocks on, from the crystal, undivided */
    CLKDIV = DIVIDER >> 4 | (DIVIDER & 15u) << 20;
    UPDATE |= 1u << 31;
    while ((UPDATE & 1u << 31) != 0) {
    }
}

uint8_t edgernn_serial_get(void)
{
    while ((STATUS & 0x3ffu) == 0) {
    }
    return (uint8_t)FIFO;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((STATUS >> 16 & 0x3ffu) >= QUEUE_BYTES - 1u) {
    }
    FIFO = byte;
}
