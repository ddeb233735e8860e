/* array_create.h — arrays from a rule or a generator. */
#ifndef PERIGEE_CORE_ARRAY_CREATE_H
#define PERIGEE_CORE_ARRAY_CREATE_H

#include "core/rng.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every element becomes `value`; false if the array's type does not hold it. */
bool array_fill(const char *where, Array *a, double value, Error *err);

/* Multiply a contiguous float32 array in its place, in double. False at the first product that
 * float32 does not hold; what stands before it is multiplied then. */
bool array_scale(const char *where, Array *a, double factor, Error *err);

/* Ones on diagonal k of a 2-d array (0 the main one, positive above it). */
void array_fill_diagonal(Array *a, ptrdiff_t k);

/* Numbers at even steps. */
typedef struct Range {
    double start, stop, step;
} Range;

/* start, start + step, …, before stop: ⌈(stop − start) / step⌉ elements. */
Array *array_arange(DType dtype, const Range *range, Error *err);

/* n numbers from start to stop, both included; the step follows from them. */
Array *array_linspace(DType dtype, const Range *range, size_t n, Error *err);

/* Uniform in [low, high) (for int32 arrays integers low … high − 1), or normal, in row-major order
 * of a contiguous array, whose type must hold the bounds. False: an interrupt made it give up
 * (progress.h). */
bool array_fill_uniform(Array *a, double low, double high, Rng *rng);
bool array_fill_normal(Array *a, double mean, double deviation, Rng *rng);

/* A random order of origin … origin + n − 1, int32. */
Array *array_permutation(size_t n, int32_t origin, Rng *rng, Error *err);

#endif
