/* safetensors.h: header, ranges, types. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    Tensors tensors;
    if (tensors_parse("fuzz", bytes, size, &tensors, &err))
        tensors_clear(&tensors);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_tensors(bytes, size, most, seed);
}
