/* UART 16550 (National Semiconductor, PC16550D), which many chips have; here with registers of a byte. */
#include "serial.h"

#define BYTE_AT(offset) (*(volatile uint8_t *)(uintptr_t)(EDGERNN_SERIAL_ADDRESS + (offset)))
#define DATA BYTE_AT(0)
#define DIVIDER_LOW BYTE_AT(0)
#define DIVIDER_HIGH BYTE_AT(1)
#define FCR BYTE_AT(2)
#define LCR BYTE_AT(3) /* bit 7: the first two registers are the divider */
#define LSR BYTE_AT(5) /* bit 0: received, bit 5: transmit register empty */

#define DIVIDER ((EDGERNN_SERIAL_CLOCK_HZ / 16u + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD)

void edgernn_serial_start(void)
{
    LCR = 1u << 7;
    DIVIDER_LOW = (uint8_t)(DIVIDER & 255u);
    DIVIDER_HIGH = (uint8_t)(DIVIDER >> 8 & 255u);
    LCR = 3u; /* eight bits, no parity */
    FCR = 7u; /* queues on and empty */
}

uint8_t edgernn_serial_get(void)
{
    while ((LSR & 1u) == 0) {
    }
    return DATA;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((LSR & 1u << 5) == 0) {
    }
    DATA = byte;
}
