#include "data/class_tensors.h"

#include "core/array.h"
#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

const char class_tensor[] = "perigee_names";

bool class_names_to(const ClassNames *classes, Tensors *tensors, Error *err) {
    size_t count = classes->names.count, longest = 0;
    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(classes->names.text[i]);
        longest = length > longest ? length : longest;
    }
    Array *array = array_new2("save", DTYPE_I32, count, 1 + longest, err);
    for (size_t i = 0; array && i < count; i++) {
        int32_t *row = array_i32(array) + i * (1 + longest);
        const char *name = classes->names.text[i];
        row[0] = class_names_label(classes, i);
        for (size_t j = 0; name[j]; j++)
            row[1 + j] = (unsigned char)name[j];
    }
    bool ok = array && tensors_add(tensors, (TensorName){ NULL, class_tensor }, array, err);
    array_free(array);
    return ok;
}

/* The name in a row, into `text`, which has room for it; false where it is none. */
static bool read_name(const Array *array, size_t row, char *text) {
    size_t place[] = { row, 1 }, length = 0;
    for (; place[1] < array->shape[1]; place[1]++) {
        double byte = array_get(array, place);
        if (byte == 0)
            break;
        if (!(byte >= 1 && byte <= 255))
            return false;
        text[length++] = (char)(unsigned char)byte;
    }
    text[length] = '\0';
    return length > 0;
}

bool class_names_from(const Array *array, ClassNames *out, Error *err) {
    *out = (ClassNames){ 0 };
    if (!array)
        return true;
    if (array->ndim != 2 || array->shape[1] < 2)
        return error_set(err, ERROR_FILE, "the names of classes are damaged");
    char *text = malloc(array->shape[1]);
    bool ok = text != NULL || error_memory(err, "names", array->shape[1]);
    for (size_t i = 0; ok && i < array->shape[0]; i++) {
        double label = array_get(array, (const size_t[]){ i, 0 });
        if (!dtype_holds(DTYPE_I32, label) || !read_name(array, i, text))
            ok = error_set(err, ERROR_FILE, "the names of classes are damaged");
        else
            ok = class_names_add(out, (int32_t)label, text, err);
    }
    free(text);
    if (!ok)
        class_names_clear(out);
    return ok;
}
