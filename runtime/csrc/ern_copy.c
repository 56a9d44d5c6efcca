/* Copies between strided arrays: transpose, slice, expand, concatenate. */
#include "ern_walk.h"

/* From so many bytes on, a call costs less than a loop. */
#define ERN_LONG_ROW 16

/* Elements lie at multiples of their size, which the type of the pointers tells the compiler. */
#define ERN_COPY_ELEMENTS(type)                                                                   \
    for (size_t k = 0; k < n; k++)                                                                \
        ern_memcpy((type *)y + k * y_step, (const type *)x + k * x_step, sizeof(type))

static void ern_copy_row(const void *x, size_t x_step, void *y, size_t y_step, size_t n, size_t element_bytes)
{
    if (x_step == 1 && y_step == 1 && n * element_bytes >= ERN_LONG_ROW)
        ern_memcpy(y, x, n * element_bytes);
    else if (element_bytes == 4)
        ERN_COPY_ELEMENTS(uint32_t);
    else if (element_bytes == 2)
        ERN_COPY_ELEMENTS(uint16_t);
    else
        ERN_COPY_ELEMENTS(uint8_t);
}

ERN_API void ern_copy(const void *x, void *y, size_t element_bytes, const ern_walk *walk)
{
    uint32_t index[ERN_MAX_AXES] = {0};
    const uint32_t last = walk->axes - 1;
    size_t i = 0, j = 0;
    do {
        ern_copy_row((const uint8_t *)x + i * element_bytes, walk->a_step[last], (uint8_t *)y + j * element_bytes,
                     walk->b_step[last], walk->size[last], element_bytes);
    } while (ern_walk_next(walk, index, &i, &j));
}
