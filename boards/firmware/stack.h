/* How deep the stack got: painted from its limit up to the stack pointer, and looked at afterwards. Inlined, so that
 * nothing of this lies in what is painted. */
#ifndef EDGERNN_STACK_H
#define EDGERNN_STACK_H

#include <stdint.h>

#define EDGERNN_UNKNOWN 0xffffffffu

#if defined(__arm__) || (defined(__riscv) && __riscv_xlen == 32)
#define EDGERNN_PAINT 0xa5a5a5a5u

extern uint32_t edgernn_stack_limit[];

static inline __attribute__((always_inline)) volatile uint32_t *edgernn_stack_pointer(void)
{
    uint32_t sp;
#if defined(__arm__)
    __asm__ volatile("mov %0, sp" : "=r"(sp));
#else
    __asm__ volatile("mv %0, sp" : "=r"(sp));
#endif
    return (volatile uint32_t *)(uintptr_t)sp;
}

static inline __attribute__((always_inline)) void edgernn_stack_paint(void)
{
    volatile uint32_t *const end = edgernn_stack_pointer();
    for (volatile uint32_t *word = edgernn_stack_limit; word < end; word++)
        *word = EDGERNN_PAINT;
}

/* Bytes below the stack pointer that have been written to; EDGERNN_UNKNOWN when they reach the limit. */
static inline __attribute__((always_inline)) uint32_t edgernn_stack_used(void)
{
    volatile uint32_t *const end = edgernn_stack_pointer();
    volatile uint32_t *word = edgernn_stack_limit;
    if (word < end && *word != EDGERNN_PAINT)
        return EDGERNN_UNKNOWN;
    while (word < end && *word == EDGERNN_PAINT)
        word++;
    return (uint32_t)((uintptr_t)end - (uintptr_t)word);
}
#else
static inline void edgernn_stack_paint(void)
{
}

static inline uint32_t edgernn_stack_used(void)
{
    return 0;
}
#endif

#endif
