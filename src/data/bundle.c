#include "data/bundle.h"

#include "core/fail.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 256 };

static bool inner_name(const char *part, char text[MAX_NAME], Error *err) {
    int length = snprintf(text, MAX_NAME, "%s/", part);
    return (length > 0 && length < MAX_NAME) ||
           error_set(err, ERROR_ARGUMENT, "save: the name \"%.40s…\" is too long", part);
}

static bool put_text(Tensors *bundle, const char *prefix, const struct NamedText *text,
                     Error *err) {
    char key[2 * MAX_NAME];
    int length = snprintf(key, sizeof key, "%s%s", prefix, text->key);
    if (length < 0 || (size_t)length >= sizeof key)
        return error_set(err, ERROR_ARGUMENT, "save: the name \"%.40s…\" is too long", text->key);
    return tensors_set_text(bundle, key, text->value, err);
}

bool bundle_put(Tensors *bundle, const char *name, const Tensors *part, Error *err) {
    char prefix[MAX_NAME];
    bool ok = inner_name(name, prefix, err);
    for (size_t i = 0; ok && i < part->count; i++) {
        const char *inner = part->entry[i].name;
        const Array *array = tensors_read(part, (TensorName){ NULL, inner }, err);
        ok = array && tensors_add(bundle, (TensorName){ prefix, inner }, array, err);
    }
    for (size_t i = 0; ok && i < part->text_count; i++)
        ok = put_text(bundle, prefix, &part->text[i], err);
    return ok;
}

bool bundle_take(const Tensors *bundle, const char *name, Tensors *part, Error *err) {
    char prefix[MAX_NAME];
    tensors_init(part);
    bool ok = inner_name(name, prefix, err);
    size_t length = ok ? strlen(prefix) : 0;
    for (size_t i = ok ? tensors_first(bundle, prefix) : 0; ok && i < bundle->count; i++) {
        const struct NamedArray *entry = &bundle->entry[i];
        if (strncmp(entry->name, prefix, length) != 0)
            break;
        if (entry->array || entry->claim)
            ok = tensors_move(part, entry->name + length, bundle, i, err);
    }
    for (size_t i = ok ? tensors_first_text(bundle, prefix) : 0; ok && i < bundle->text_count;
         i++) {
        struct NamedText *text = &bundle->text[i];
        if (strncmp(text->key, prefix, length) != 0)
            break;
        ok = !text->value || tensors_move_text(part, text->key + length, text, err);
    }
    if (!ok)
        tensors_clear(part);
    return ok;
}
