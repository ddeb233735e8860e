/* array_create.h — arrays from a rule or a generator. */
#ifndef PERIGEE_CORE_ARRAY_CREATE_H
#define PERIGEE_CORE_ARRAY_CREATE_H

#include "core/rng.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every element becomes `value`; false if an int32 array cannot hold it. */
bool array_fill(const char *where, Array *a, double value, Error *err);

/* Ones on diagonal k (0 the main one, positive above it), zeros elsewhere. */
Array *array_eye(const char *where, DType dtype, size_t rows, size_t cols, ptrdiff_t k, Error *err);

/* start, start + step, …, before `stop`: ⌈(stop − start) / step⌉ elements. */
Array *array_arange(const char *where, DType dtype, double start, double stop, double step,
                    Error *err);

/* n numbers evenly spaced from start to stop, both included. */
Array *array_linspace(const char *where, DType dtype, double start, double stop, size_t n,
                      Error *err);

/* Uniform in [low, high) (for int32 arrays integers low … high − 1), or normal, in row-major order
 * of a contiguous array. */
void array_fill_uniform(Array *a, double low, double high, Rng *rng);
void array_fill_normal(Array *a, double mean, double deviation, Rng *rng);

/* A random order of origin … origin + n − 1, int32. */
Array *array_permutation(const char *where, size_t n, int32_t origin, Rng *rng, Error *err);

#endif
