/* bundle.h — files inside a file: whole safetensors contents as parts of one.
 *
 * A part's arrays and texts stand in the outer file under "name/": what was written for a file of
 * its own is read back unchanged, and Python still sees every array. */
#ifndef PERIGEE_DATA_BUNDLE_H
#define PERIGEE_DATA_BUNDLE_H

#include "data/safetensors.h"

/* Add all of `part` (shared headers of its arrays, which are read where they are still in a file;
 * copied texts) under `name`, which has no '/'. */
bool bundle_put(Tensors *bundle, const char *name, const Tensors *part, Error *err);

/* Move the part out of the bundle, which gives it once: however often a file names its parts, it
 * has no more of them than it is long. `part` is initialised here and empty if there is none left.
 */
bool bundle_take(const Tensors *bundle, const char *name, Tensors *part, Error *err);

#endif
