/* npy.h: one array. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    array_free(npy_parse("fuzz", bytes, size, &err));
    return 0;
}
