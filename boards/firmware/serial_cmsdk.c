/* UART of the Cortex-M System Design Kit (Arm DDI 0479), as on the MPS2 and MPS3 boards. */
#include "serial.h"

#define DATA EDGERNN_REGISTER_AT(0x00)
#define STATE EDGERNN_REGISTER_AT(0x04) /* bit 0: transmit buffer full, bit 1: receive buffer full */
#define CTRL EDGERNN_REGISTER_AT(0x08)
#define BAUDDIV EDGERNN_REGISTER_AT(0x10)

void edgernn_serial_start(void)
{
    BAUDDIV = (EDGERNN_SERIAL_CLOCK_HZ + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD;
    CTRL = 3u; /* transmit, receive */
}

uint8_t edgernn_serial_get(void)
{
    while ((STATE & 2u) == 0) {
    }
    return (uint8_t)DATA;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((STATE & 1u) != 0) {
    }
    DATA = byte;
}
