/* Table look-up in integers. An index outside of the table reads the nearest row. */
#include "ern_s16.h"

ERN_INLINE size_t ern_row_of(int32_t index, size_t rows)
{
    const size_t row = index > 0 ? (size_t)index : 0;
    return row < rows ? row : rows - 1;
}

#define ERN_DEFINE_EMBEDDING(name, to, saturate)                                                               \
    ERN_EMBEDDING(name, to)                                                                                    \
    {                                                                                                          \
        for (size_t k = 0; k < n; k++, y += columns) {                                                         \
            const size_t row = ern_row_of(indices[k], rows);                                                   \
            for (size_t i = 0; i < columns; i++)                                                               \
                y[i] = (to)saturate(ERN_SHIFT(table[row * columns + i] * multipliers[row] + (1 << 15), 16));   \
        }                                                                                                      \
    }

ERN_DEFINE_EMBEDDING(s16, int16_t, ern_sat16)
ERN_DEFINE_EMBEDDING(s8, int8_t, ern_sat8)

ERN_API void ern_take_s16(const int32_t *indices, size_t n, const int16_t *table, size_t rows, size_t columns, int16_t *y)
{
    for (size_t k = 0; k < n; k++)
        ern_memcpy(y + k * columns, table + ern_row_of(indices[k], rows) * columns, columns * sizeof *y);
}
