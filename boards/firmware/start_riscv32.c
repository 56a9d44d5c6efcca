/* Entry of a 32-bit RISC-V: global pointer and stack. */
__asm__(".section .text.edgernn_reset,\"ax\",@progbits\n"
        ".global edgernn_reset\n"
        ".type edgernn_reset, @function\n"
        "edgernn_reset:\n"
        "    .option push\n"
        "    .option norelax\n"
        "    la gp, __global_pointer$\n"
        "    .option pop\n"
        "    la sp, edgernn_stack_top\n"
        "    call edgernn_start\n"
        ".size edgernn_reset, . - edgernn_reset\n"
        ".text\n");

typedef int edgernn_only_assembly;
