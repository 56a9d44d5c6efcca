/* Table look-up. */
#include "ern.h"

ERN_API void ern_embedding_f32(const int32_t *indices, size_t n, const float *table, size_t rows, size_t columns, float *y)
{
    for (size_t k = 0; k < n; k++) {
        size_t row = indices[k] > 0 ? (size_t)indices[k] : 0;
        row = row < rows ? row : rows - 1;
        ern_memcpy(y + k * columns, table + row * columns, columns * sizeof *y);
    }
}
