/* lender.h — memory that is somebody else's, a mapping for one, and that arrays are made of without
 * a copy. It is given back when the last of them is gone. */
#ifndef PERIGEE_CORE_LENDER_H
#define PERIGEE_CORE_LENDER_H

#include "core/types.h"

#include <stddef.h>

typedef struct Lender Lender;

/* For `size` bytes, which may be written to; `release` is called in the end, on the main thread.
 * NULL only on lack of memory: they are the caller's then. */
Lender *lender_new(void *bytes, size_t size, void (*release)(const void *bytes));
Lender *lender_retain(Lender *lender);
void lender_release(Lender *lender); /* NULL is allowed */

unsigned char *lender_bytes(const Lender *lender);
size_t lender_size(const Lender *lender);

/* An array whose elements begin at that byte, where those of the dtype may stand; they are there.
 */
Array *array_lent(Lender *lender, size_t at, DType dtype, const Sizes *shape, Error *err);

#endif
