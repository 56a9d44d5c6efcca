/* Table look-up, the table in int8 with a scale for each row. */
#include "ern.h"

ERN_API void ern_embedding_w8(const int32_t *indices, size_t n, const int8_t *table, const float *scales, size_t rows,
                              size_t columns, float *y)
{
    for (size_t k = 0; k < n; k++, y += columns) {
        size_t row = indices[k] > 0 ? (size_t)indices[k] : 0;
        row = row < rows ? row : rows - 1;
        for (size_t i = 0; i < columns; i++)
            y[i] = (float)table[row * columns + i] * scales[row];
    }
}
