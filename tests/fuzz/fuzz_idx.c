/* idx.h: images and labels, gzip or not. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    array_free(idx_parse_samples("fuzz", bytes, size, &err));
    array_free(idx_parse_labels("fuzz", bytes, size, &err));
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_gzip(bytes, size, most, seed);
}
