/* Table look-up in integers, the table in 4 bits: a row begins with a byte of its own. */
#include "ern_s16.h"

ERN_API void ern_embedding_s16_w4(const int32_t *indices, size_t n, const int8_t *table, const int32_t *multipliers,
                                  size_t rows, size_t columns, int16_t *y)
{
    for (size_t k = 0; k < n; k++, y += columns) {
        size_t row = indices[k] > 0 ? (size_t)indices[k] : 0;
        row = row < rows ? row : rows - 1;
        const int8_t *const entries = table + row * ((columns + 1) / 2);
        for (size_t i = 0; i < columns; i++) {
            const int32_t entry = ((uint8_t)entries[i / 2] >> (i % 2 * 4) & 15) - 8;
            y[i] = (int16_t)ern_sat16(ERN_SHIFT(entry * multipliers[row] + (1 << 15), 16));
        }
    }
}
