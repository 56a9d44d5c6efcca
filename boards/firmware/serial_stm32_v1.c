/* USART of the STM32F4 (RM0390, RM0090): one status and one data register. Reading both clears an overrun. */
#include "serial.h"

#define SR EDGERNN_REGISTER_AT(0x00) /* bit 5: received, bit 7: transmit register empty */
#define DR EDGERNN_REGISTER_AT(0x04)
#define BRR EDGERNN_REGISTER_AT(0x08)
#define CR1 EDGERNN_REGISTER_AT(0x0c)

void edgernn_serial_start(void)
{
    BRR = (EDGERNN_SERIAL_CLOCK_HZ + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD;
    CR1 = 1u << 13 | 1u << 3 | 1u << 2; /* UE, TE, RE */
}

uint8_t edgernn_serial_get(void)
{
    while ((SR & 1u << 5) == 0) {
    }
    return (uint8_t)DR;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((SR & 1u << 7) == 0) {
    }
    DR = byte;
}
