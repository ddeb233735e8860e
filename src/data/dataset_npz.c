#include "data/dataset_npz.h"

#include "core/array.h"
#include "core/array_create.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "data/class_tensors.h"
#include "data/dataset_bytes.h"
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

/* What beside samples and labels the archive has: names of classes, and what bytes are multiplied
 * by to be samples. */
typedef struct Beside {
    bool names, scale;
} Beside;

static const char scale_tensor[] = "scale";

static bool find_names(const char *path, DatasetOptions *options, Beside *beside, Error *err) {
    Names names;
    if (!npz_names(path, &names, err))
        return false;
    *beside = (Beside){ is_there(&names, class_tensor), is_there(&names, scale_tensor) };
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
    parts->names = NULL;
    return dataset;
}

/* Do they stand for k / 255: as is asked for, or as dataset_save_npz wrote them? */
static bool are_pictures(const DatasetOptions *options, const Tensors *tensors) {
    const Array *x = tensors_find(tensors, NULL, options->x);
    const Array *scale = tensors_find(tensors, NULL, scale_tensor);
    bool ours =
        options->scale == 1 && scale && scale->ndim == 0 && array_get(scale, NULL) == 1.0 / 255;
    return x->dtype == DTYPE_U8 && (ours || options->store == STORE_U8);
}

static bool check_store(const DatasetOptions *options, Error *err) {
    return options->store != STORE_U8 || options->scale == 1 ||
           error_set(err, ERROR_ARGUMENT,
                     "data.npz: store: bytes stand for k / 255, and take no scale of their own");
}

/* The samples, still bytes where these stand for k / 255. A new header. */
static Array *read_rows(const DatasetOptions *options, const Tensors *tensors, Error *err) {
    const Array *x = tensors_find(tensors, NULL, options->x);
    if (!check_store(options, err))
        return NULL;
    if (are_pictures(options, tensors))
        return array_share(x, err);
    Array *floats = array_contiguous("data.npz", x, DTYPE_F32, err);
    if (!floats || options->scale == 1 || array_scale("data.npz", floats, options->scale, err))
        return floats;
    array_free(floats);
    return NULL;
}

/* In the place of the dataset, which it frees. */
static Dataset *as_floats(Dataset *dataset, Error *err) {
    Dataset *floats = dataset_stored_as(dataset, DTYPE_F32, err);
    dataset_free(dataset);
    return floats;
}

Dataset *dataset_load_npz(const char *path, const DatasetOptions *given, const Sizes *sample,
                          Error *err) {
    Tensors tensors;
    Dataset *dataset = NULL;
    DatasetOptions options = *given;
    Beside beside;
    tensors_init(&tensors);
    if (!find_names(path, &options, &beside, err)) {
        error_prefix(err, "data.npz");
        return NULL;
    }
    NpyAs as = options.store == STORE_U8 ? NPY_BYTES : beside.scale ? NPY_AS_THEY_ARE : NPY_FLOATS;
    NpzWanted wanted = { { options.x, options.y }, options.x, as };
    size_t more = 2;
    if (beside.names)
        wanted.names[more++] = class_tensor;
    if (beside.scale)
        wanted.names[more++] = scale_tensor;
    if (!npz_load(path, &wanted, &tensors, err)) {
        error_prefix(err, "data.npz");
        return NULL;
    }
    Array *x = read_rows(&options, &tensors, err);
    DatasetParts parts = { x, tensors_find(&tensors, NULL, options.y), options.source, *sample,
                           NULL };
    if (x && x->ndim > 0 && !dataset_check_read(path, x, err))
        error_prefix(err, "data.npz");
    else if (x)
        dataset = named_dataset(path, &parts, &tensors, err);
    array_free(x);
    tensors_clear(&tensors);
    return dataset && options.store == STORE_F32 ? as_floats(dataset, err) : dataset;
}

/* What bytes stand for, beside them. */
static bool add_scale(const Dataset *dataset, Tensors *tensors, Error *err) {
    const double scale = 1.0 / 255;
    const TensorValues values = { DTYPE_F64, &scale, 0, NULL };
    return dataset_dtype(dataset) != DTYPE_U8 ||
           tensors_add_values(tensors, (TensorName){ NULL, scale_tensor }, &values, err);
}

bool dataset_save_npz(const Dataset *dataset, const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    Array *x = dataset_images(dataset, err);
    bool ok = x && tensors_add(&tensors, (TensorName){ NULL, "x" }, x, err) &&
              tensors_add(&tensors, (TensorName){ NULL, "y" }, dataset->y, err) &&
              add_scale(dataset, &tensors, err) && class_names_to(&dataset->names, &tensors, err) &&
              npz_save(&tensors, true, path, err);
    array_free(x);
    tensors_clear(&tensors);
    return ok;
}
