/* What every program does before main: initialised variables from flash, the others zero. */
#include <stdint.h>

extern uint32_t edgernn_data_load[], edgernn_data_start[], edgernn_data_end[];
extern uint32_t edgernn_bss_start[], edgernn_bss_end[];

int main(void);
void edgernn_start(void);

__attribute__((noreturn)) void edgernn_start(void)
{
    const uint32_t *from = edgernn_data_load;
    for (uint32_t *to = edgernn_data_start; to < edgernn_data_end;)
        *to++ = *from++;
    for (uint32_t *to = edgernn_bss_start; to < edgernn_bss_end;)
        *to++ = 0;
    main();
    for (;;)
        __asm__ volatile("");
}
