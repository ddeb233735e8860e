/* denormals.h — numbers too small for a full mantissa (below 1.2e-38 in float32, 2.2e-308 in
 * float64), of which most processors are slow to compute: matrix products, networks and SVMs take
 * them for 0, in what they read and in what they compute.
 *
 *     DenormalMode caller = denormals_flush();
 *     …
 *     denormals_restore(caller);
 *
 * The mode is the calling thread's. It stands around the innermost loops alone, on the thread that
 * runs them, so that no code of Lua or of a library's caller ever sees it; array functions that
 * compute number by number keep denormals, as NumPy's do. Calls may be nested. */
#ifndef PERIGEE_CORE_DENORMALS_H
#define PERIGEE_CORE_DENORMALS_H

#include <stdint.h>

/* The processor's control word for floating point; 0 where it has none that we know. */
typedef uint64_t DenormalMode;

/* Returns how it was. */
DenormalMode denormals_flush(void);
void denormals_restore(DenormalMode caller);

#endif
