#include "core/name_list.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of " and 18446744073709551615 more". */
enum { TAIL = 32 };

void name_list_add(NameList *list, const char *name) {
    size_t used = strlen(list->text), length = strlen(name);
    bool fits = used + length + 2 + TAIL < NAME_LIST_TEXT;
    if (list->shown == list->count && list->shown < NAME_LIST_NAMES && fits) {
        snprintf(list->text + used, NAME_LIST_TEXT - used, "%s%s", list->shown ? ", " : "", name);
        list->last = used + (list->shown ? 2 : 0);
        list->shown++;
    }
    list->count++;
}

/* ", c" at the end becomes " and c". */
static void join_last(NameList *list) {
    static const char word[] = " and ";
    const size_t comma = 2, length = sizeof word - 1;
    char *last = list->text + list->last;
    memmove(last - comma + length, last, strlen(last) + 1);
    memcpy(last - comma, word, length);
}

const char *name_list_text(NameList *list) {
    size_t used = strlen(list->text), left = list->count - list->shown;
    if (left > 0)
        snprintf(list->text + used, NAME_LIST_TEXT - used, "%s%zu%s", used ? " and " : "", left,
                 used ? " more" : " with long names");
    else if (list->shown > 1)
        join_last(list);
    return list->text;
}
