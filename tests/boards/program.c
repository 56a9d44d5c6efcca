/* What the tests of the emulator call. No floating point, so that no run-time library is needed. */
#include <stddef.h>
#include <stdint.h>

typedef uintptr_t word;

/* Nine arguments: more than any calling convention here has registers for. */
word weighted(word a, word b, word c, word d, word e, word f, word g, word h, word i);
word weighted(word a, word b, word c, word d, word e, word f, word g, word h, word i)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
}

void spin(void);
void spin(void)
{
    for (;;)
        __asm__ volatile("");
}

static int count = 41;
static int calls;

int next_count(void);
int next_count(void)
{
    calls++;
    count += calls;
    return count;
}

word recurse(word n);
__attribute__((noinline)) word recurse(word n)
{
    volatile word local = n;
    return n == 0 ? 0 : recurse(n - 1) + local;
}

void write_word(uint32_t *at, uint32_t value);
void write_word(uint32_t *at, uint32_t value)
{
    *(volatile uint32_t *)at = value;
}

uint32_t read_word(const uint32_t *at);
uint32_t read_word(const uint32_t *at)
{
    return *(const volatile uint32_t *)at;
}

extern const uint32_t lookup[4];
const uint32_t lookup[4] = {2, 3, 5, 7};

void overwrite_table(word index);
void overwrite_table(word index)
{
    *((volatile uint32_t *)(word)lookup + index) = 1;
}

void jump(void (*function)(void));
void jump(void (*function)(void))
{
    function();
}

void fill(uint8_t *bytes, word n, word value);
void fill(uint8_t *bytes, word n, word value)
{
    __builtin_memset(bytes, (int)value, n);
}

void copy(uint8_t *to, const uint8_t *from, word n);
void copy(uint8_t *to, const uint8_t *from, word n)
{
    __builtin_memmove(to, from, n);
}

/* loop(n): 3 n + 1 instructions. use_stack(x): writes x 64 bytes below, then returns; 4 instructions.
 * conditional(n): 4 instructions, of which the third is skipped unless n is 0. */
#define FUNCTION(name) ".global " #name "\n.type " #name ", %function\n" #name ":\n"
#define END(name) ".size " #name ", . - " #name "\n"
void loop(word n);
void use_stack(word n);
word conditional(word n);
word dsp(word a, word b);
void vector(void);
__asm__(".text\n"
#if defined(__arm__)
        ".syntax unified\n.thumb\n"
        ".thumb_func\n" FUNCTION(loop) "1: nop\n subs r0, r0, #1\n bne 1b\n bx lr\n" END(loop)
        ".thumb_func\n" FUNCTION(use_stack) "sub sp, #64\n str r0, [sp]\n add sp, #64\n bx lr\n" END(use_stack)
        ".thumb_func\n" FUNCTION(dsp) ".short 0xfb20, 0xf001\n bx lr\n" END(dsp)          /* smuad r0, r0, r1 */
        ".thumb_func\n" FUNCTION(vector) ".short 0xee30, 0x0a20\n bx lr\n" END(vector)    /* vadd.f32 s0, s0, s1 */
#if __ARM_ARCH > 6
        ".thumb_func\n" FUNCTION(conditional) "cmp r0, #0\n it eq\n addeq.w r0, r0, #5\n bx lr\n" END(conditional)
#else
        ".thumb_func\n" FUNCTION(conditional) "cmp r0, #0\n bne 1f\n adds r0, #5\n1: bx lr\n" END(conditional)
#endif
#elif defined(__riscv)
        FUNCTION(loop) "1: nop\n addi a0, a0, -1\n bnez a0, 1b\n ret\n" END(loop)
        FUNCTION(use_stack) "addi sp, sp, -64\n sw a0, 0(sp)\n addi sp, sp, 64\n ret\n" END(use_stack)
        FUNCTION(conditional) "bnez a0, 1f\n addi a0, a0, 5\n1: ret\n" END(conditional)
        FUNCTION(dsp) ".word 0\n" END(dsp) FUNCTION(vector) ".word 0\n" END(vector)
#else
        FUNCTION(loop) "1: nop\n subs x0, x0, #1\n b.ne 1b\n ret\n" END(loop)
        FUNCTION(use_stack) "sub sp, sp, #64\n str x0, [sp]\n add sp, sp, #64\n ret\n" END(use_stack)
        FUNCTION(conditional) "cbnz x0, 1f\n add x0, x0, #5\n1: ret\n" END(conditional)
        FUNCTION(dsp) ".word 0\n" END(dsp) FUNCTION(vector) ".word 0\n" END(vector)
#endif
);
