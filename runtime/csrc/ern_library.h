/* What the shared library of a model offers to the process that loads it, through the symbol ern_library. */
#ifndef ERN_LIBRARY_H
#define ERN_LIBRARY_H

#include "ern.h"

#define ERN_LIBRARY_VERSION 1

typedef struct {
    uint32_t version;
    uint32_t inputs;
    uint32_t outputs;
    uint32_t states;
    uint32_t model_bytes;
    uint32_t snapshot_bytes;
    const uint32_t *input_bytes;
    const uint32_t *output_bytes;
    const ern_state_info *state_info;
    const uint8_t *fingerprint;
    void (*reset)(void *model);
    ern_status (*step)(void *model, const void *const *inputs, void *const *outputs);
    void (*snapshot)(const void *model, uint8_t *blob);
    ern_status (*restore)(void *model, const uint8_t *blob, size_t blob_bytes);
} ern_library_table;

/* What a model of whole segments offers besides, through the symbol ern_segment: segments of any length. */
typedef struct {
    uint32_t max_frames;
    uint32_t buffer_bytes;
    uint32_t state_bytes;
    ern_status (*run)(void *model, size_t frames, const void *const *inputs, void *const *outputs);
} ern_segment_table;

#if defined(__GNUC__)
#define ERN_EXPORT __attribute__((visibility("default")))
#else
#define ERN_EXPORT
#endif

extern ERN_EXPORT const ern_library_table ern_library;
extern ERN_EXPORT const ern_segment_table ern_segment;

#endif
