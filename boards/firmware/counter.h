/* The core's own counter of cycles: DWT CYCCNT from Cortex-M3 on, SysTick on M0 and M0+, mcycle on RISC-V, and the
 * performance counter of the ESP32-C3. */
#ifndef EDGERNN_COUNTER_H
#define EDGERNN_COUNTER_H

#include <stdint.h>

#include "stack.h"

enum {
    EDGERNN_COUNTER_NONE = 0,
    EDGERNN_COUNTER_DWT = 1,
    EDGERNN_COUNTER_SYSTICK = 2,
    EDGERNN_COUNTER_MCYCLE = 3,
    EDGERNN_COUNTER_MPCCR = 4
};

#define EDGERNN_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define EDGERNN_LOOPS 1024u

#if defined(__arm__) && defined(__ARM_ARCH_6M__)
#define EDGERNN_COUNTER EDGERNN_COUNTER_SYSTICK
#define SYST_CSR EDGERNN_REGISTER(0xE000E010u)
#define SYST_RVR EDGERNN_REGISTER(0xE000E014u)
#define SYST_CVR EDGERNN_REGISTER(0xE000E018u)

static inline void edgernn_counter_start(void)
{
    SYST_RVR = 0xffffffu;
    SYST_CVR = 0;
    SYST_CSR = 5u; /* on, clock of the core, no interrupt */
}

/* Writing the value clears it and the flag of an overflow; 24 bits, downwards. */
static inline __attribute__((always_inline)) uint32_t edgernn_counter_begin(void)
{
    SYST_CVR = 0;
    return SYST_CVR;
}

static inline __attribute__((always_inline)) uint32_t edgernn_counter_end(uint32_t begin)
{
    const uint32_t now = SYST_CVR;
    return (SYST_CSR & 1u << 16) != 0 ? EDGERNN_UNKNOWN : (begin - now) & 0xffffffu;
}

#elif defined(__arm__)
#define EDGERNN_COUNTER EDGERNN_COUNTER_DWT
#define DEMCR EDGERNN_REGISTER(0xE000EDFCu)
#define DWT_CTRL EDGERNN_REGISTER(0xE0001000u)
#define DWT_CYCCNT EDGERNN_REGISTER(0xE0001004u)
#define DWT_LAR EDGERNN_REGISTER(0xE0001FB0u)

static inline void edgernn_counter_start(void)
{
    DEMCR |= 1u << 24; /* TRCENA */
#if defined(EDGERNN_DWT_LOCK)
    DWT_LAR = 0xC5ACCE55u; /* Cortex-M7: the unit is locked */
#endif
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
}

static inline __attribute__((always_inline)) uint32_t edgernn_counter_begin(void)
{
    return DWT_CYCCNT;
}

static inline __attribute__((always_inline)) uint32_t edgernn_counter_end(uint32_t begin)
{
    return DWT_CYCCNT - begin;
}

#elif defined(__riscv) && __riscv_xlen == 32
/* By number: assemblers do not know the registers of the ESP32-C3 by name. Assemblers want to be told that
 * there are such registers, which is an extension of its own since 2019. */
#define EDGERNN_CSR(text) ".option push\n\t.option arch, +zicsr\n\t" text "\n\t.option pop"
#if defined(EDGERNN_ESP32_C3)
#define EDGERNN_COUNTER EDGERNN_COUNTER_MPCCR
#define EDGERNN_CYCLE_CSR "0x7e2"
static inline void edgernn_counter_start(void)
{
    __asm__ volatile(EDGERNN_CSR("csrwi 0x7e0, 1\n\tcsrwi 0x7e1, 1")); /* mpcer: count cycles; mpcmr: on */
}
#else
#define EDGERNN_COUNTER EDGERNN_COUNTER_MCYCLE
#define EDGERNN_CYCLE_CSR "0xb00"
static inline void edgernn_counter_start(void)
{
    __asm__ volatile(EDGERNN_CSR("csrci 0x320, 1")); /* mcountinhibit.CY, which Hazard3 sets at reset */
}
#endif

static inline __attribute__((always_inline)) uint32_t edgernn_counter_begin(void)
{
    uint32_t cycles;
    __asm__ volatile(EDGERNN_CSR("csrr %0, " EDGERNN_CYCLE_CSR) : "=r"(cycles));
    return cycles;
}

static inline __attribute__((always_inline)) uint32_t edgernn_counter_end(uint32_t begin)
{
    return edgernn_counter_begin() - begin;
}

#else
#define EDGERNN_COUNTER EDGERNN_COUNTER_NONE
static inline void edgernn_counter_start(void)
{
}

static inline uint32_t edgernn_counter_begin(void)
{
    return 0;
}

static inline uint32_t edgernn_counter_end(uint32_t begin)
{
    (void)begin;
    return EDGERNN_UNKNOWN;
}
#endif

/* Cycles of a loop whose length every core's manual bounds: EDGERNN_LOOPS times a subtraction and a branch that is taken.
 * A counter that stands still, or that counts something else than cycles, shows by it. */
static inline uint32_t edgernn_counter_loop(void)
{
#if defined(__arm__) || defined(__riscv)
    uint32_t left = EDGERNN_LOOPS;
    const uint32_t begin = edgernn_counter_begin();
#if defined(__arm__)
    __asm__ volatile(".syntax unified\n\t.p2align 3\n1:\n\tsubs %0, %0, #1\n\tbne 1b" : "+l"(left)::"cc");
#else
    __asm__ volatile(".p2align 3\n1:\n\taddi %0, %0, -1\n\tbnez %0, 1b" : "+r"(left));
#endif
    return edgernn_counter_end(begin);
#else
    return 0;
#endif
}

#endif
