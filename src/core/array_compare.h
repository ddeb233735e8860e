/* array_compare.h — whether two arrays are the same, exactly or nearly. They are compared in the
 * type that they make together (array_types.h), a number that this does not hold in f64. */
#ifndef PERIGEE_CORE_ARRAY_COMPARE_H
#define PERIGEE_CORE_ARRAY_COMPARE_H

#include "core/types.h"

#include <stdbool.h>

typedef struct Tolerance {
    double rtol, atol;
    bool equal_nan;
} Tolerance;

/* |a − b| ≤ atol + rtol·|b| everywhere, a and b broadcast; infinities must be equal, and NaN is
 * near NaN only with equal_nan. *close is the answer; false with an error if they do not broadcast.
 */
bool array_allclose(const Array *const pair[2], const Tolerance *tolerance, bool *close,
                    Error *err);

/* The same shape and equal numbers, whatever the types. */
bool array_equal(const Array *const pair[2], bool *equal, Error *err);

#endif
