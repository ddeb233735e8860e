/* fuzz.h — the entry that libFuzzer calls with each mutated file. */
#ifndef PERIGEE_TESTS_FUZZ_H
#define PERIGEE_TESTS_FUZZ_H

#include "core/array_values.h"
#include "core/error.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#endif
