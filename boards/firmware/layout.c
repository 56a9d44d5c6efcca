/* What a host needs to know of a model and C knows best. It stands in the ELF file and takes no memory on the board.
 * Compiled with EDGERNN_HEADER, the model's header, and EDGERNN_STATE, the name of its structure. */
#include <stdint.h>

#include EDGERNN_HEADER

extern const uint32_t edgernn_layout[2];

/* Bytes and alignment of the structure. */
__attribute__((section(".edgernn.layout"), used)) const uint32_t edgernn_layout[2] = {
    (uint32_t)sizeof(EDGERNN_STATE),
    (uint32_t)__alignof__(EDGERNN_STATE),
};
