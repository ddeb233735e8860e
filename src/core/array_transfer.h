/* array_transfer.h — copying elements between arrays of any layout and type.
 *
 * The work behind array_contiguous, array_copy and array_assign (array.h), which is what others
 * call. */
#ifndef PERIGEE_CORE_ARRAY_TRANSFER_H
#define PERIGEE_CORE_ARRAY_TRANSFER_H

#include "core/types.h"

#include <stdbool.h>

/* Copy `from`, broadcast, into every element of `to`, whose shape it must broadcast to; they must
 * not share memory. False, with nothing written, if to is int32 and a float of from is NaN or does
 * not fit. */
bool array_transfer(const char *where, const Array *from, Array *to, Error *err);

#endif
