/* foreign.h — files that other programs keep numbers in and that are not read here, told by their
 * first bytes, with the lines that bring them here. */
#ifndef PERIGEE_DATA_FOREIGN_H
#define PERIGEE_DATA_FOREIGN_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

/* True, and the Error says what it is, if the file called `name` starts as one of them. */
bool foreign_refuse(const char *name, const void *start, size_t size, Error *err);

/* The same of the file at the path, unless it starts with `but`; false too if it cannot be read. */
bool foreign_refuse_file(const char *path, const char *but, Error *err);

#endif
