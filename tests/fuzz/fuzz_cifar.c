/* cifar.h: records of labels and pixels. See tests/fuzz/run. */
#include "fuzz.h"

#include "data/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Error err = { 0 };
    dataset_free(cifar_parse(&cifar10, "fuzz", bytes, size, 0, &err));
    dataset_free(cifar_parse(&cifar100, "fuzz", bytes, size, 1, &err));
    return 0;
}
