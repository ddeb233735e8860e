/* npz.h: an archive of arrays. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    Tensors tensors;
    if (npz_parse("fuzz", bytes, size, NULL, &tensors, &err))
        tensors_clear(&tensors);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_zip(bytes, size, most, seed);
}
