/* array_transfer.h — copies of arrays: of any layout into any other, and from type to type.
 *
 * Behind array_contiguous and array_copy of array_values.h. Between types these are casts
 * (array_types.h): what the new type does not hold is an error. */
#ifndef PERIGEE_CORE_ARRAY_TRANSFER_H
#define PERIGEE_CORE_ARRAY_TRANSFER_H

#include "core/types.h"

#include <stdbool.h>

/* A contiguous copy of that type, never shared and not a mask. */
Array *array_astype(const char *where, const Array *a, DType dtype, Error *err);

/* double[…] as an array of `dtype`, for the end of a computation: to f32 it is rounded, and what
 * leaves the range becomes ±inf, as elsewhere in arithmetic; to i32 it is a cast. */
Array *array_from_doubles(const char *where, const Array *values, DType dtype, Error *err);

/* May these values be written into out? Into a mask only 0 and 1 may. */
bool array_mask_takes(const char *where, const Array *values, const Array *out, Error *err);

/* Copy `values`, broadcast and converted, into every element of `out` (which may share memory with
 * them), if it may be written and takes them. On failure out is unchanged. */
bool array_assign(const char *where, const Array *values, Array *out, Error *err);

#endif
