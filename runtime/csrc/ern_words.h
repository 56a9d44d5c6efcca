/* Exact products of packed int8 weights and an int16 vector, four rows in one 32-bit word: for cores that multiply 32 by 32
 * bits to 32 in one instruction, but neither multiply and add at once nor load signed bytes cheaply (Cortex-M0+).
 *
 * A word holds one column of four rows a b c d, each weight w as the byte w + 128. The sums of (W >> 24) x, (W >> 16) x,
 * (W >> 8) x and W x, modulo 2^32, are d, c + 2^8 d, b + 2^8 c + 2^16 d and so on, from which all four follow: three shifts,
 * four multiplications and four additions for four products. What 128 adds is 128 times the sum of x for each row. */
#ifndef ERN_WORDS_H
#define ERN_WORDS_H

#include "ern_narrow.h"

#if ERN_LANES != 1
#error "words of four rows are for targets with ERN_LANES 1"
#endif

/* Vectors are padded to a multiple of 4 columns and start at a multiple of 4 bytes. */
ERN_INLINE size_t ern_words_padded(size_t n)
{
    return (n + 3) / 4 * 4;
}

/* The first address in work at which a vector may start. Workspaces have one spare element for this. */
ERN_INLINE int16_t *ern_words_start(int16_t *work)
{
    return work + ((uintptr_t)work >> 1 & 1);
}

ERN_INLINE int16_t *ern_words_pad(int16_t *y, size_t n)
{
    size_t k = n;
    for (; k < ern_words_padded(n); k++)
        y[k] = 0;
    return y + k;
}

/* y = round(x / 2^shift), padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_words_put(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    (void)ern_put_vector(y, x, n, shift);
    return ern_words_pad(y, n);
}

ERN_INLINE int16_t *ern_words_put_narrow(int16_t *y, const int8_t *x, size_t n)
{
    (void)ern_put_narrow(y, x, n);
    return ern_words_pad(y, n);
}

/* y = sat8(round(x / 2^shift)), shift > 0, padded with zeros; returns the end. */
ERN_INLINE int16_t *ern_words_put_shortened(int16_t *y, const int16_t *x, size_t n, uint32_t shift)
{
    (void)ern_put_shortened(y, x, n, shift);
    return ern_words_pad(y, n);
}

/* What the bytes hold too much of, in each sum over x. */
ERN_INLINE int32_t ern_words_excess(const int16_t *x, size_t n)
{
    int32_t sum = 0;
    for (const int16_t *end = x + n; x != end; x++)
        sum += *x;
    return 128 * sum;
}

#if defined(__thumb__) && !defined(__thumb2__)

/* r0 weights, r1 x, r2 r3 words, r4 r5 pairs of x, r6 one x, r7 a product; sums in r8 to r11; r12 end of x. */
#define ERN_ASM_WORD(word)                                                                          \
    "lsrs r7, " word ", #8\n muls r7, r6\n add r9, r9, r7\n lsrs r7, " word ", #16\n muls r7, r6\n" \
    "add r10, r10, r7\n lsrs r7, " word ", #24\n muls r7, r6\n add r11, r11, r7\n"                  \
    "muls " word ", r6\n add r8, r8, " word "\n"
#define ERN_ASM_WORDS2(pair)                                                                          \
    "ldmia r0!, {r2, r3}\n sxth r6, " pair "\n" ERN_ASM_WORD("r2") "asrs r6, " pair ", #16\n" ERN_ASM_WORD("r3")
#define ERN_ASM_WORDS4 "ldmia r1!, {r4, r5}\n" ERN_ASM_WORDS2("r4") ERN_ASM_WORDS2("r5")

/* acc[r] = row r times x, for n columns, n a multiple of 4 and at least 4; before, acc[0] is the excess. Returns the end of
 * the weights. A pass of the loop takes 8 columns; an odd number of groups of 4 enters in the middle. */
static __attribute__((naked, noinline, unused)) const int8_t *
ern_words_sum4(__attribute__((unused)) const int8_t *w, __attribute__((unused)) const int16_t *x,
               __attribute__((unused)) size_t n, __attribute__((unused)) int32_t acc[4])
{
    __asm__ volatile(".syntax unified\n"
                     "push {r3, r4, r5, r6, r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n"
                     "push {r4, r5, r6, r7}\n"
                     "lsls r4, r2, #1\n adds r4, r4, r1\n mov r12, r4\n"
                     "movs r4, #0\n mov r8, r4\n mov r9, r4\n mov r10, r4\n mov r11, r4\n"
                     "lsrs r2, r2, #3\n bcs 2f\n"
                     "1:\n" ERN_ASM_WORDS4 "2:\n" ERN_ASM_WORDS4 "cmp r1, r12\n bne 1b\n"
                     "ldr r1, [sp, #16]\n ldr r2, [r1]\n"
                     "mov r3, r8\n mov r4, r9\n mov r5, r10\n mov r6, r11\n"
                     "lsls r7, r4, #8\n subs r3, r3, r7\n lsls r7, r5, #8\n subs r4, r4, r7\n"
                     "lsls r7, r6, #8\n subs r5, r5, r7\n"
                     "subs r3, r3, r2\n subs r4, r4, r2\n subs r5, r5, r2\n subs r6, r6, r2\n"
                     "stmia r1!, {r3, r4, r5, r6}\n"
                     "pop {r4, r5, r6, r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n"
                     "pop {r3, r4, r5, r6, r7, pc}\n");
}

#else

ERN_INLINE const int8_t *ern_words_sum4(const int8_t *w, const int16_t *x, size_t n, int32_t acc[4])
{
    acc[0] = acc[1] = acc[2] = acc[3] = 0;
    for (const int16_t *end = x + n; x != end; x++, w += 4)
        for (int row = 0; row < 4; row++)
            acc[row] += ((uint8_t)w[row] - 128) * *x;
    return w;
}

#endif

/* acc[r] = row r times x, for n columns, a multiple of 4 and at least 4, with ern_words_excess of x. */
ERN_INLINE const int8_t *ern_words_dot4(const int8_t *w, const int16_t *x, size_t n, int32_t excess, int32_t acc[4])
{
    acc[0] = excess;
    return ern_words_sum4(w, x, n, acc);
}

#endif
