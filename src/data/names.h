/* names.h — a list of strings that are not empty: folders, columns, classes. */
#ifndef PERIGEE_DATA_NAMES_H
#define PERIGEE_DATA_NAMES_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Names {
    char **text; /* owned, as each of them is */
    size_t count, room;
} Names;

/* A copy at the end; false only without memory. */
bool names_add(Names *names, const char *text, size_t length, Error *err);

/* Among sorted ones, at its place, where it is not there yet. */
bool names_insert(Names *names, const char *text, size_t length, Error *err);

/* By their bytes. */
void names_sort(Names *names);

/* The place among sorted ones, or −1. */
ptrdiff_t names_find(const Names *names, const char *text, size_t length);

void names_clear(Names *names);

/* Labels with what they are called. Without labels they are 0, 1, … */
typedef struct ClassNames {
    Names names;
    int32_t *label; /* of each name, owned; NULL: its place */
} ClassNames;

void class_names_clear(ClassNames *classes);

/* The label of the i-th name. */
int32_t class_names_label(const ClassNames *classes, size_t i);

/* Another label with its name, at the end. */
bool class_names_add(ClassNames *classes, int32_t label, const char *name, Error *err);

/* Those of `from` that are not there yet; a label that goes by two names is a failure. */
bool class_names_join(ClassNames *into, const ClassNames *from, Error *err);

#endif
