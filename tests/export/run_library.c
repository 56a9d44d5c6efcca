/* Steps the shared library of a model over frames: run_library model.so frames.bin outputs.bin steps.
 *
 * frames.bin holds all inputs of the first step, one after the other, then those of the next one; outputs.bin is alike.
 * Exit code: 0, or the line where something failed, modulo 256. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "ern_library.h"

#define REQUIRE(condition)             \
    do {                               \
        if (!(condition))              \
            return __LINE__ % 255 + 1; \
    } while (0)

static void **places(const uint32_t *bytes, uint32_t count)
{
    void **pointers = calloc(count + 1, sizeof *pointers);
    for (uint32_t k = 0; pointers && k < count; k++)
        pointers[k] = malloc(bytes[k]);
    return pointers;
}

int main(int count, char **arguments)
{
    REQUIRE(count == 5);
    void *const handle = dlopen(arguments[1], RTLD_NOW);
    REQUIRE(handle != NULL);
    const ern_library_table *const table = dlsym(handle, "ern_library");
    REQUIRE(table != NULL && table->version == ERN_LIBRARY_VERSION);
    FILE *const frames = fopen(arguments[2], "rb"), *const results = fopen(arguments[3], "wb");
    REQUIRE(frames != NULL && results != NULL);
    void **const inputs = places(table->input_bytes, table->inputs);
    void **const outputs = places(table->output_bytes, table->outputs);
    void *const model = aligned_alloc(64, ((size_t)table->model_bytes + 63) / 64 * 64);
    REQUIRE(inputs != NULL && outputs != NULL && model != NULL);
    table->reset(model);
    for (int left = atoi(arguments[4]); left > 0; left--) {
        for (uint32_t k = 0; k < table->inputs; k++)
            REQUIRE(fread(inputs[k], table->input_bytes[k], 1, frames) == 1);
        REQUIRE(table->step(model, (const void *const *)inputs, outputs) == ERN_OK);
        for (uint32_t k = 0; k < table->outputs; k++)
            REQUIRE(fwrite(outputs[k], table->output_bytes[k], 1, results) == 1);
    }
    REQUIRE(fclose(results) == 0);
    return 0;
}
