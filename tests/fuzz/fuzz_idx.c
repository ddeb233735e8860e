/* idx.h: images and labels, gzip or not. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    array_free(idx_parse_samples("fuzz", bytes, size, &err));
    array_free(idx_parse_labels("fuzz", bytes, size, &err));
    return 0;
}
