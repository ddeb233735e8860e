/* fuzz.h — what the harnesses share: libFuzzer's entries, a file of the bytes that are tried, and
 * mutations that keep a file's outer shape whole, so that what is inside is reached as well. */
#ifndef PERIGEE_TESTS_FUZZ_H
#define PERIGEE_TESTS_FUZZ_H

#include "core/array_values.h"
#include "core/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most); /* libFuzzer's own */

/* Memory asked for meanwhile is somebody else's, Lua's say: quick.c does not look after it. */
extern bool fuzz_unguarded;

/* A harness has this one if it has garbage to collect before memory can be compared. */
void fuzz_settle(void);

/* A file without a name that holds these bytes, and the path that opens it, until the next call. */
const char *fuzz_file(const uint8_t *bytes, size_t size);

/* A safetensors file: its bytes, its header beside a length that fits, or the JSON text in its
 * metadata. */
size_t fuzz_mutate_tensors(uint8_t *bytes, size_t size, size_t most, unsigned seed);

/* gzip: what is packed in it. */
size_t fuzz_mutate_gzip(uint8_t *bytes, size_t size, size_t most, unsigned seed);

/* PNG and stored zip: afterwards the checksums fit. */
size_t fuzz_mutate_png(uint8_t *bytes, size_t size, size_t most, unsigned seed);
size_t fuzz_mutate_zip(uint8_t *bytes, size_t size, size_t most, unsigned seed);

#endif
