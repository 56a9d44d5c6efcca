/* UART of the nRF51 (reference manual 3.0), which the nRF52840 has as well (product specification, UART): tasks begin, and events
 * tell of each byte. */
#include "serial.h"

#define TASKS_STARTRX EDGERNN_REGISTER_AT(0x000)
#define TASKS_STARTTX EDGERNN_REGISTER_AT(0x008)
#define EVENTS_RXDRDY EDGERNN_REGISTER_AT(0x108)
#define EVENTS_TXDRDY EDGERNN_REGISTER_AT(0x11c)
#define ENABLE EDGERNN_REGISTER_AT(0x500)
#define PSELTXD EDGERNN_REGISTER_AT(0x50c)
#define PSELRXD EDGERNN_REGISTER_AT(0x514)
#define RXD EDGERNN_REGISTER_AT(0x518)
#define TXD EDGERNN_REGISTER_AT(0x51c)
#define BAUDRATE EDGERNN_REGISTER_AT(0x524)

void edgernn_serial_start(void)
{
    PSELTXD = EDGERNN_SERIAL_TX_PIN;
    PSELRXD = EDGERNN_SERIAL_RX_PIN;
    /* The rate in units of 16 MHz / 2^32, of which the lowest twelve bits are not used. */
    BAUDRATE = (uint32_t)((((uint64_t)EDGERNN_SERIAL_BAUD << 32) / 16000000u + 0x800u) & 0xfffff000u);
    ENABLE = 4u;
    EVENTS_RXDRDY = 0;
    EVENTS_TXDRDY = 0;
    TASKS_STARTRX = 1u;
    TASKS_STARTTX = 1u;
}

uint8_t edgernn_serial_get(void)
{
    while (EVENTS_RXDRDY == 0) {
    }
    EVENTS_RXDRDY = 0; /* before the byte is taken, which may bring the next event at once */
    return (uint8_t)RXD;
}

void edgernn_serial_put(uint8_t byte)
{
    EVENTS_TXDRDY = 0;
    TXD = byte;
    while (EVENTS_TXDRDY == 0) {
    }
}
