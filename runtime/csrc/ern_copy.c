/* Copies between strided arrays: transpose, slice, expand, concatenate. */
#include "ern_walk.h"

static void ern_copy_row(const uint8_t *x, size_t x_step, uint8_t *y, size_t y_step, size_t n, size_t element_bytes)
{
    if (x_step == 1 && y_step == 1) {
        ern_memcpy(y, x, n * element_bytes);
        return;
    }
    x_step *= element_bytes;
    y_step *= element_bytes;
    if (element_bytes == 4)
        for (size_t k = 0; k < n; k++)
            ern_memcpy(y + k * y_step, x + k * x_step, 4);
    else
        for (size_t k = 0; k < n; k++)
            ern_memcpy(y + k * y_step, x + k * x_step, element_bytes);
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
