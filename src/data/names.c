#include "data/names.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

static bool insert_at(Names *names, size_t place, const char *text, size_t length, Error *err) {
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 16;
        char **grown = realloc(names->text, room * sizeof *grown);
        if (!grown)
            return error_memory(err, "names", room * sizeof *grown);
        names->text = grown;
        names->room = room;
    }
    char *copy = strndup(text, length);
    if (!copy)
        return error_memory(err, "names", length);
    memmove(names->text + place + 1, names->text + place,
            (names->count - place) * sizeof *names->text);
    names->text[place] = copy;
    names->count++;
    return true;
}

bool names_add(Names *names, const char *text, size_t length, Error *err) {
    return insert_at(names, names->count, text, length, err);
}

static int compare_part(const char *text, size_t length, const char *name) {
    int order = strncmp(text, name, length);
    return order ? order : -(name[length] != '\0');
}

/* The first that is not before it. */
static size_t lower_bound(const Names *names, const char *text, size_t length) {
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_part(text, length, names->text[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool names_insert(Names *names, const char *text, size_t length, Error *err) {
    size_t place = lower_bound(names, text, length);
    return (place < names->count && compare_part(text, length, names->text[place]) == 0) ||
           insert_at(names, place, text, length, err);
}

ptrdiff_t names_find(const Names *names, const char *text, size_t length) {
    size_t place = lower_bound(names, text, length);
    bool there = place < names->count && compare_part(text, length, names->text[place]) == 0;
    return there ? (ptrdiff_t)place : -1;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(Names *names) {
    if (names->count > 1)
        qsort(names->text, names->count, sizeof *names->text, compare_names);
}

void names_clear(Names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->text[i]);
    free(names->text);
    *names = (Names){ 0 };
}

void class_names_clear(ClassNames *classes) {
    names_clear(&classes->names);
    free(classes->label);
    classes->label = NULL;
}

int32_t class_names_label(const ClassNames *classes, size_t i) {
    return classes->label ? classes->label[i] : (int32_t)i;
}

bool class_names_add(ClassNames *classes, int32_t label, const char *name, Error *err) {
    size_t count = classes->names.count;
    if (classes->label || label != (int32_t)count) {
        int32_t *grown = realloc(classes->label, (count + 1) * sizeof *grown);
        if (!grown)
            return error_memory(err, "names", (count + 1) * sizeof *grown);
        for (size_t i = 0; !classes->label && i < count; i++)
            grown[i] = (int32_t)i;
        grown[count] = label;
        classes->label = grown;
    }
    return names_add(&classes->names, name, strlen(name), err);
}

/* A name, by the label that it stands for. */
typedef struct Called {
    int32_t label;
    const char *name;
} Called;

static int compare_called(const void *a, const void *b) {
    int32_t x = ((const Called *)a)->label, y = ((const Called *)b)->label;
    return (x > y) - (x < y);
}

/* All of them, by their labels; NULL only without memory. */
static Called *sorted(const ClassNames *classes, Error *err) {
    size_t count = classes->names.count, bytes = (count + 1) * sizeof(Called);
    Called *called = malloc(bytes);
    if (!called) {
        error_memory(err, "names", bytes);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        called[i] = (Called){ class_names_label(classes, i), classes->names.text[i] };
    qsort(called, count, sizeof *called, compare_called);
    return called;
}

static const char *find_called(const Called *called, size_t count, int32_t label) {
    const Called *found =
        bsearch(&(Called){ .label = label }, called, count, sizeof *called, compare_called);
    return found ? found->name : NULL;
}

bool class_names_join(ClassNames *into, const ClassNames *from, Error *err) {
    size_t known = into->names.count;
    Called *called = sorted(into, err);
    bool ok = called != NULL;
    for (size_t i = 0; ok && i < from->names.count; i++) {
        int32_t label = class_names_label(from, i);
        const char *name = from->names.text[i], *other = find_called(called, known, label);
        if (other && strcmp(name, other) != 0)
            ok = error_set(err, ERROR_ARGUMENT, "class %d is called \"%.80s\" and \"%.80s\"", label,
                           other, name);
        else if (!other)
            ok = class_names_add(into, label, name, err);
    }
    free(called);
    return ok;
}
