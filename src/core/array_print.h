/* array_print.h — arrays as text, however large. */
#ifndef PERIGEE_CORE_ARRAY_PRINT_H
#define PERIGEE_CORE_ARRAY_PRINT_H

#include "core/array.h"

enum { ARRAY_TEXT_SIZE = 32 << 10 };

/* "Array<f32>[60000x784]". */
char *array_title(const Array *a, char text[160]);

/* The title, how many elements are NaN or infinite if any are, and the elements in aligned columns,
 * nested in brackets by axis. Of more than a thousand only those near the ends of each axis are
 * shown. Always terminated; returns the length. */
size_t array_print(const Array *a, char text[ARRAY_TEXT_SIZE]);

#endif
