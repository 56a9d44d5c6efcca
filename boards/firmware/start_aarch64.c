/* Entry of a program for AArch64 that is emulated without an operating system. */
__asm__(".section .text.edgernn_reset,\"ax\",@progbits\n"
        ".global edgernn_reset\n"
        ".type edgernn_reset, @function\n"
        "edgernn_reset:\n"
        "    adrp x0, edgernn_stack_top\n"
        "    add x0, x0, :lo12:edgernn_stack_top\n"
        "    mov sp, x0\n"
        "    bl edgernn_start\n"
        ".size edgernn_reset, . - edgernn_reset\n"
        ".text\n");

typedef int edgernn_only_assembly;
