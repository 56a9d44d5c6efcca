/* Reset of a Cortex-M: the vector table, and access to the floating-point unit. */
#include <stdint.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* coprocessor access control */
#define CCR (*(volatile uint32_t *)0xE000ED14u)   /* configuration and control */

extern uint32_t edgernn_stack_top[];

void edgernn_start(void);
void edgernn_reset(void);
void edgernn_fault(void);

void edgernn_reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
#if defined(__ARM_ARCH_8_1M_MAIN__)
    CCR |= 1u << 19; /* low-overhead loops */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    edgernn_start();
}

void edgernn_fault(void)
{
    for (;;)
        __asm__ volatile("");
}

typedef void (*vector)(void);

/* Stack pointer, reset, NMI, hard fault, and the other exceptions of the core; interrupts stay off. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    vector handlers[15];
} edgernn_vectors = {
    edgernn_stack_top,
    {edgernn_reset, edgernn_fault, edgernn_fault, edgernn_fault, edgernn_fault, edgernn_fault, edgernn_fault, 0, 0, 0,
     edgernn_fault, edgernn_fault, 0, edgernn_fault, edgernn_fault},
};
