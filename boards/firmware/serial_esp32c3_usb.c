/* USB serial port of the ESP32-C3 (technical reference manual, chapter USB Serial/JTAG Controller). What is written is sent when
 * the queue is full or flushed: a message ends with a zero byte. */
#include "serial.h"

#define EP1 EDGERNN_REGISTER_AT(0x00)
#define EP1_CONF EDGERNN_REGISTER_AT(0x04) /* bit 0: send now, bit 1: there is room, bit 2: received */

void edgernn_serial_start(void)
{
}

uint8_t edgernn_serial_get(void)
{
    while ((EP1_CONF & 4u) == 0) {
    }
    return (uint8_t)EP1;
}

void edgernn_serial_put(uint8_t byte)
{
    while ((EP1_CONF & 2u) == 0) {
    }
    EP1 = byte;
    if (byte == 0)
        EP1_CONF = 1u;
}
