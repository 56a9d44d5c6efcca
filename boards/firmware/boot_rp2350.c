/* The block by which the ROM of the RP2350 recognises a program (data sheet, 5.9.5): start, type of image, last item,
 * offset to the next block (none), end. */
#include <stdint.h>

#if defined(__riscv)
#define IMAGE_TYPE 0x11010142u /* executable, RISC-V, RP2350: entered at its first byte */
#else
#define IMAGE_TYPE 0x10210142u /* executable, Arm in the secure state, RP2350: begins with a vector table */
#endif

extern const uint32_t edgernn_image[5];

__attribute__((section(".edgernn.image"), used)) const uint32_t edgernn_image[5] = {
    0xffffded3u, IMAGE_TYPE, 0x000001ffu, 0, 0xab123579u,
};
