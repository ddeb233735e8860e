/* array_print.h — arrays as text, however large. */
#ifndef PERIGEE_CORE_ARRAY_PRINT_H
#define PERIGEE_CORE_ARRAY_PRINT_H

#include "core/types.h"

#include <stddef.h>

enum { ARRAY_TEXT_SIZE = 32 << 10 };

/* "Array<f32>[60000x784]". */
char *array_title(const Array *a, char text[160]);

/* Where the text goes: characters per line, and the most lines (0: as many as it takes). */
typedef struct ArrayPrintRoom {
    size_t width, lines;
} ArrayPrintRoom;

/* The title, how many elements are NaN or infinite if any are, and the elements in aligned columns,
 * nested in brackets by axis. Where there are more than a thousand, or not enough lines for all,
 * only those near the ends of each axis are shown. Lines wider than the room occur only where two
 * numbers do not fit. `room` may be NULL: 90 wide, any number of lines. Always terminated; returns
 * the length. */
size_t array_print(const Array *a, const ArrayPrintRoom *room, char text[ARRAY_TEXT_SIZE]);

#endif
