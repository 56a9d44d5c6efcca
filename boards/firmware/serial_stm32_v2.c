/* USART of the STM32H7 (RM0433) and LPUART of the STM32L4+ (RM0432). An overrun would stop reception: it is disabled. */
#include "serial.h"

#define CR1 EDGERNN_REGISTER_AT(0x00)
#define CR3 EDGERNN_REGISTER_AT(0x08)
#define BRR EDGERNN_REGISTER_AT(0x0c)
#define ISR EDGERNN_REGISTER_AT(0x1c) /* bit 5: received, bit 7: transmit register empty */
#define RDR EDGERNN_REGISTER_AT(0x24)
#define TDR EDGERNN_REGISTER_AT(0x28)

#if defined(EDGERNN_SERIAL_LPUART)
#define STEPS 256u
#else
#define STEPS 1u
#endif

void edgernn_serial_start(void)
{
    CR1 = 0;
    CR3 = 1u << 12; /* OVRDIS */
    BRR = (uint32_t)(((uint64_t)STEPS * EDGERNN_SERIAL_CLOCK_HZ + EDGERNN_SERIAL_BAUD / 2u) / EDGERNN_SERIAL_BAUD);
    CR1 = 1u << 3 | 1u << 2 | 1u; /* TE, RE, UE */
}

uint8_t edgernn_serial_get(void)
{
    while ((ISR & 1u << 5) == 0) {
    }
    return (uint8_t)RDR;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((ISR & 1u << 7) == 0) {
    }
    TDR = byte;
}
