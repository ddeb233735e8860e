/* name_list.h — the first few of many names, for a message: "a, b, c, d, e and 7 more",
 * "a, b and c". */
#ifndef PERIGEE_CORE_NAME_LIST_H
#define PERIGEE_CORE_NAME_LIST_H

#include <stddef.h>

enum { NAME_LIST_NAMES = 5, NAME_LIST_TEXT = 400 };

/* Empty if it is all 0. */
typedef struct NameList {
    char text[NAME_LIST_TEXT];
    size_t count, shown;
    size_t last; /* where the last one shown begins */
} NameList;

/* One more; it is shown where it is among the first and there is room for all of it. */
void name_list_add(NameList *list, const char *name);

/* The list's text, with how many are not shown; once, when all are there. */
const char *name_list_text(NameList *list);

#endif
