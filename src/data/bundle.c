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
    for (size_t i = 0; ok && i < part->count; i++)
        ok = tensors_add(bundle, (TensorName){ prefix, part->entry[i].name }, part->entry[i].array,
                         err);
    for (size_t i = 0; ok && i < part->text_count; i++)
        ok = put_text(bundle, prefix, &part->text[i], err);
    return ok;
}

bool bundle_get(const Tensors *bundle, const char *name, Tensors *part, Error *err) {
    char prefix[MAX_NAME];
    tensors_init(part);
    bool ok = inner_name(name, prefix, err);
    size_t length = ok ? strlen(prefix) : 0;
    const struct NamedArray *entry = ok ? bundle->entry + tensors_first(bundle, prefix) : NULL;
    const struct NamedText *text = ok ? bundle->text + tensors_first_text(bundle, prefix) : NULL;
    for (; ok && entry < bundle->entry + bundle->count; entry++) {
        if (strncmp(entry->name, prefix, length) != 0)
            break;
        ok = tensors_add(part, (TensorName){ NULL, entry->name + length }, entry->array, err);
    }
    for (; ok && text < bundle->text + bundle->text_count; text++) {
        if (strncmp(text->key, prefix, length) != 0)
            break;
        ok = tensors_set_text(part, text->key + length, text->value, err);
    }
    if (!ok)
        tensors_clear(part);
    return ok;
}
