/* The functions that compilers call for copies and fills, for programs without a C library. Whole words where both
 * ends allow it. The empty statements keep the loops from being recognised as calls of these very functions. */
#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) word;
typedef uint16_t __attribute__((may_alias)) half;

#define KEEP_LOOP __asm__ volatile("")
#define MULTIPLES(a, b, n, size) ((((uintptr_t)(a) | (uintptr_t)(b) | (n)) & ((size)-1u)) == 0)
#define WORDS(a, b, n) MULTIPLES(a, b, n, 4u)

/* Copies and moves both pointers on. */
#if defined(__thumb__)
/* A register that calls do not preserve where instructions reach it: a word less on the stack. */
#if defined(__thumb2__)
#define FOURTH "r12"
#else
#define FOURTH "r6"
#endif
#define COPY_16_BYTES(to, from)                                                                                        \
    __asm__ volatile("ldmia %1!, {r3, r4, r5, " FOURTH "}\n stmia %0!, {r3, r4, r5, " FOURTH "}"                        \
                     : "+l"(to), "+l"(from)                                                                            \
                     :                                                                                                 \
                     : "r3", "r4", "r5", FOURTH, "memory")
#else
#define COPY_16_BYTES(to, from)                                                                                        \
    do {                                                                                                               \
        const word first = from[0], second = from[1], third = from[2], fourth = from[3];                               \
        to[0] = first, to[1] = second, to[2] = third, to[3] = fourth;                                                  \
        to += 4, from += 4;                                                                                            \
        KEEP_LOOP;                                                                                                     \
    } while (0)
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    if (WORDS(to, from, n)) {
        word *a = to;
        const word *b = from;
        for (; n >= 16; n -= 16)
            COPY_16_BYTES(a, b);
        for (; n != 0; n -= 4) {
            *a++ = *b++;
            KEEP_LOOP;
        }
        return to;
    }
    if (MULTIPLES(to, from, n, 2u)) {
        half *a = to;
        const half *b = from;
        for (; n != 0; n -= 2) {
            *a++ = *b++;
            KEEP_LOOP;
        }
        return to;
    }
    uint8_t *a = to;
    const uint8_t *b = from;
    for (; n != 0; n--) {
        *a++ = *b++;
        KEEP_LOOP;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *a = to;
    const uint8_t *b = from;
    if ((uintptr_t)a - (uintptr_t)b >= n)
        return memcpy(to, from, n);
    while (n != 0) {
        n--;
        a[n] = b[n];
        KEEP_LOOP;
    }
    return to;
}

void *memset(void *to, int value, size_t n)
{
    const uint8_t byte = (uint8_t)value;
    if (WORDS(to, 0, n)) {
        word *a = to;
        for (; n != 0; n -= 4) {
            *a++ = byte * (uint32_t)0x01010101u;
            KEEP_LOOP;
        }
        return to;
    }
    uint8_t *a = to;
    for (; n != 0; n--) {
        *a++ = byte;
        KEEP_LOOP;
    }
    return to;
}

#if defined(__arm__)
/* Names of the run-time ABI for the Arm architecture (IHI 0043), 4.3.4: the suffix tells the alignment. */
#define COPY(name) void *name(void *restrict to, const void *restrict from, size_t n) __attribute__((alias("memcpy")))
#define MOVE(name) void *name(void *to, const void *from, size_t n) __attribute__((alias("memmove")))
#define FILL(name)                                                                                                     \
    void name(void *to, size_t n, int value);                                                                          \
    void name(void *to, size_t n, int value)                                                                           \
    {                                                                                                                  \
        memset(to, value, n);                                                                                          \
    }
#define CLEAR(name)                                                                                                    \
    void name(void *to, size_t n);                                                                                     \
    void name(void *to, size_t n)                                                                                      \
    {                                                                                                                  \
        memset(to, 0, n);                                                                                              \
    }
COPY(__aeabi_memcpy);
COPY(__aeabi_memcpy4);
COPY(__aeabi_memcpy8);
MOVE(__aeabi_memmove);
MOVE(__aeabi_memmove4);
MOVE(__aeabi_memmove8);
FILL(__aeabi_memset)
FILL(__aeabi_memset4)
FILL(__aeabi_memset8)
CLEAR(__aeabi_memclr)
CLEAR(__aeabi_memclr4)
CLEAR(__aeabi_memclr8)
#endif
