/* A serial port, polled. Each driver is a file; the board's description says which, and where its registers are. */
#ifndef EDGERNN_SERIAL_H
#define EDGERNN_SERIAL_H

#include <stdint.h>

#define EDGERNN_REGISTER_AT(offset) (*(volatile uint32_t *)(uintptr_t)(EDGERNN_SERIAL_ADDRESS + (offset)))

/* Clocks and pins are set up. */
void edgernn_serial_start(void);

/* Wait for a byte. */
uint8_t edgernn_serial_get(void);

/* Wait until a byte can be sent, and send it. */
void edgernn_serial_put(uint8_t byte);

#endif
