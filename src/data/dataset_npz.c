#include "data/dataset_npz.h"

#include "core/array.h"
#include "core/array_create.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "data/class_tensors.h"
#include "data/dataset_fields.h"
#include "data/npz.h"

#include <stdio.h>
#include <string.h>

/* What samples and labels are called, by this program and others; the first pair that is there
 * counts. */
static const char *const pairs[][2] = {
    { "x", "y" },
    { "X", "y" },
    { "X", "Y" },
    { "x_train", "y_train" },
    { "X_train", "y_train" },
    { "X_train", "Y_train" },
    { "train_images", "train_labels" },
    { "x_test", "y_test" },
    { "X_test", "y_test" },
    { "X_test", "Y_test" },
    { "test_images", "test_labels" },
    { "images", "labels" },
    { "data", "labels" },
    { "data", "target" },
    { "features", "labels" },
    { "inputs", "targets" },
    { "samples", "labels" },
    { "arr_0", "arr_1" },
};

static bool is_there(const Names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->text[i], name) == 0)
            return true;
    return false;
}

/* "x_test, x_train, y_test", as much as fits. */
static void list_names(const Names *names, size_t room, char *text) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < names->count && used + 64 < room; i++)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%.48s", i ? ", " : "", names->text[i]);
}

static bool agrees(const char *given, const char *name) {
    return !given || strcmp(given, name) == 0;
}

/* Names that the options leave open: of a pair that agrees with the one that is given, else x and y
 * themselves. */
static bool choose(const char *path, const Names *names, DatasetOptions *options, Error *err) {
    char list[512];
    const char *x = options->x ? options->x : "x", *y = options->y ? options->y : "y";
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
        if (agrees(options->x, pairs[p][0]) && agrees(options->y, pairs[p][1]) &&
            is_there(names, pairs[p][0]) && is_there(names, pairs[p][1])) {
            x = pairs[p][0];
            y = pairs[p][1];
            break;
        }
    if (is_there(names, x) && is_there(names, y)) {
        options->x = x;
        options->y = y;
        return true;
    }
    list_names(names, sizeof list, list);
    const char *lacks = options->x && !is_there(names, options->x)   ? options->x
                        : options->y && !is_there(names, options->y) ? options->y
                                                                     : NULL;
    if (lacks)
        return error_set(err, ERROR_FILE, "%s: holds no array '%s' (it holds: %s)", path, lacks,
                         list);
    return error_set(err, ERROR_FILE,
                     "%s: which of its arrays are samples and labels is not plain from their names "
                     "(it holds: %s): say { x = \"…\", y = \"…\" }",
                     path, list);
}

/* And whether the archive has names of classes. */
static bool find_names(const char *path, DatasetOptions *options, bool *named, Error *err) {
    Names names;
    if (!npz_names(path, &names, err))
        return false;
    *named = is_there(&names, class_tensor);
    bool ok = (options->x && options->y) || choose(path, &names, options, err);
    names_clear(&names);
    return ok;
}

static Dataset *named_dataset(const char *path, DatasetParts *parts, const Tensors *tensors,
                              Error *err) {
    ClassNames classes;
    if (!class_names_from(tensors_find(tensors, NULL, class_tensor), &classes, err)) {
        error_prefix(err, "data.npz: %s", path);
        return NULL;
    }
    parts->names = &classes;
    Dataset *dataset = dataset_new("data.npz", parts, err);
    class_names_clear(&classes);
    return dataset;
}

Dataset *dataset_load_npz(const char *path, const DatasetOptions *given, const Sizes *sample,
                          Error *err) {
    Tensors tensors;
    Dataset *dataset = NULL;
    DatasetOptions options = *given;
    bool named;
    tensors_init(&tensors);
    if (!find_names(path, &options, &named, err) ||
        !npz_load(path,
                  &(NpzWanted){ { options.x, options.y, named ? class_tensor : NULL }, options.x },
                  &tensors, err)) {
        error_prefix(err, "data.npz");
        return NULL;
    }
    Array *x = tensors_find(&tensors, NULL, options.x);
    if (options.scale == 1 || array_scale("data.npz", x, options.scale, err)) {
        DatasetParts parts = { x, tensors_find(&tensors, NULL, options.y), options.source, *sample,
                               NULL };
        dataset = named_dataset(path, &parts, &tensors, err);
    }
    tensors_clear(&tensors);
    return dataset;
}

bool dataset_save_npz(const Dataset *dataset, const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    Array *x = dataset_images(dataset, err);
    bool ok = x && tensors_add(&tensors, (TensorName){ NULL, "x" }, x, err) &&
              tensors_add(&tensors, (TensorName){ NULL, "y" }, dataset->y, err) &&
              class_names_to(&dataset->names, &tensors, err) && npz_save(&tensors, true, path, err);
    array_free(x);
    tensors_clear(&tensors);
    return ok;
}
