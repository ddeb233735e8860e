/* suggest.h — the word that somebody who mistyped it probably meant. */
#ifndef PERIGEE_CORE_SUGGEST_H
#define PERIGEE_CORE_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap two neighbours) that turn a into b, case counted half:
 * twice the optimal-string-alignment distance. */
size_t suggest_distance(const char *a, const char *b);

/* The nearest of `words` (NULL-terminated), or NULL if none is near enough to be meant. */
const char *suggest_nearest(const char *word, const char *const *words);

#endif
