/* PrimeCell UART PL011 (Arm DDI 0183), as in the RP2040 and the RP2350. */
#include "serial.h"

#define DR EDGERNN_REGISTER_AT(0x00)
#define FR EDGERNN_REGISTER_AT(0x18) /* bit 4: nothing received, bit 5: transmit queue full */
#define IBRD EDGERNN_REGISTER_AT(0x24)
#define FBRD EDGERNN_REGISTER_AT(0x28)
#define LCR_H EDGERNN_REGISTER_AT(0x2c)
#define CR EDGERNN_REGISTER_AT(0x30)

/* In 64ths of the bit time over 16. */
#define DIVIDER ((4u * EDGERNN_SERIAL_CLOCK_HZ + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD)

void edgernn_serial_start(void)
{
    CR = 0;
    IBRD = DIVIDER >> 6;
    FBRD = DIVIDER & 63u;
    LCR_H = 3u << 5 | 1u << 4; /* eight bits, queues; takes over the divider */
    CR = 1u << 9 | 1u << 8 | 1u; /* RXE, TXE, UARTEN */
}

uint8_t edgernn_serial_get(void)
{
    while ((FR & 1u << 4) != 0) {
    }
    return (uint8_t)DR;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((FR & 1u << 5) != 0) {
    }
    DR = byte;
}
