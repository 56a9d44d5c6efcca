/* The program of a board on a serial port: it answers requests, for ever.
 *
 * EDGERNN_SETUP holds the writes to registers that give the port its clock and pins, as the board's description lists
 * them: address, mask, value, and whether to wait for the value instead of writing it.
 */
#include "serial.h"
#include "target.h"

typedef struct {
    uint32_t address, mask, value, wait;
} setup;

static const setup steps[] = {EDGERNN_SETUP};

/* A mask of all ones writes without reading, for registers that act on being read or set bits by being written. */
static void set_up(void)
{
    for (uint32_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        volatile uint32_t *const place = (volatile uint32_t *)(uintptr_t)steps[k].address;
        const uint32_t mask = steps[k].mask, value = steps[k].value;
        if (steps[k].wait != 0)
            while ((*place & mask) != value) {
            }
        else if (steps[k].address != 0)
            *place = mask == 0xffffffffu ? value : (*place & ~mask) | value;
    }
}

int main(void)
{
    edgernn_link link;
    set_up();
    edgernn_serial_start();
    edgernn_target_start(&link);
    for (;;)
        if (edgernn_link_take(&link, edgernn_serial_get()))
            edgernn_link_send(&link, edgernn_serial_put);
}
