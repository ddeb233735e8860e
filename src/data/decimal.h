/* decimal.h — numbers in text, with a point in every locale.
 *
 *     [+-] digits [. digits] [(e|E) [+-] digits], or nan, inf, infinity in any case
 *
 * Rounded to the nearest float32, ties to even: what strtof gives, several times as fast for
 * numbers of up to 19 digits and powers of ten up to 22. */
#ifndef PERIGEE_DATA_DECIMAL_H
#define PERIGEE_DATA_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* All of text[0 … length−1] as a number; false, and *out as it was, where it is none. What is too
 * large becomes infinite. */
bool decimal_float(const char *text, size_t length, float *out);

/* The shortest text from which decimal_float makes the same finite number; returns its length. */
enum { DECIMAL_TEXT = 32 };
size_t decimal_text(float value, char text[DECIMAL_TEXT]);

#endif
