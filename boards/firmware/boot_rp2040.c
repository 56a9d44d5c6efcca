/* The second stage of the boot loader of the RP2040, which its ROM copies from the first 256 bytes of flash to RAM:
 * sets the serial interface (data sheet, 4.10) to the command 03h, which every flash chip knows, one bit at a time at a
 * quarter of the core's clock, and enters the program through its vector table. It may run anywhere, and its last
 * word, the checksum, is filled in after linking. */
__asm__(".syntax unified\n"
        ".section .edgernn.boot,\"ax\",%progbits\n"
        ".global edgernn_boot\n"
        ".type edgernn_boot, %function\n"
        ".balign 4\n"
        ".thumb_func\n"
        "edgernn_boot:\n"
        "    ldr r1, boot_interface\n"
        "    movs r0, #0\n"
        "    str r0, [r1, #0x08]\n" /* SSIENR: off while it is set up */
        "    str r0, [r1, #0x04]\n" /* CTRLR1: one frame a read */
        "    movs r0, #4\n"
        "    str r0, [r1, #0x14]\n" /* BAUDR: clock divider */
        "    ldr r0, boot_frames\n"
        "    str r0, [r1, #0x00]\n" /* CTRLR0 */
        "    movs r2, r1\n"
        "    adds r2, #0xf4\n"
        "    ldr r0, boot_command\n"
        "    str r0, [r2]\n" /* SPI_CTRLR0 */
        "    movs r0, #1\n"
        "    str r0, [r1, #0x08]\n"
        "    ldr r0, boot_vectors\n"
        "    ldr r1, boot_vector_register\n"
        "    str r0, [r1]\n"
        "    ldr r1, [r0]\n"
        "    ldr r0, [r0, #4]\n"
        "    msr msp, r1\n"
        "    bx r0\n"
        ".balign 4\n"
        "boot_interface: .word 0x18000000\n"
        "boot_frames: .word 0x001f0300\n"  /* 32 bits a frame; command and address out, data in; one bit wide */
        "boot_command: .word 0x03000218\n" /* read with 8 bits of command and 24 of address */
        "boot_vectors: .word 0x10000100\n"
        "boot_vector_register: .word 0xe000ed08\n" /* VTOR */
        ".size edgernn_boot, . - edgernn_boot\n"
        ".org 252\n"
        ".word 0\n"
        ".text\n");

typedef int edgernn_only_assembly;
