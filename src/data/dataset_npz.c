#include "data/dataset_npz.h"

#include "core/array.h"
#include "core/array_create.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "data/dataset_fields.h"
#include "data/npz.h"

/* x as float32, multiplied by the scale. */
static Array *scaled(const Array *x, double scale, Error *err) {
    Array *floats = array_contiguous("data.npz", x, DTYPE_F32, err);
    if (scale == 1 || !floats)
        return floats;
    Array *own = array_copy("data.npz", floats, err); /* they are perhaps the file's own */
    array_free(floats);
    if (own && array_scale("data.npz", own, scale, err))
        return own;
    array_free(own);
    return NULL;
}

Dataset *dataset_load_npz(const char *path, const DatasetOptions *options, const Sizes *sample,
                          Error *err) {
    Tensors tensors;
    Dataset *dataset = NULL;
    tensors_init(&tensors);
    if (!npz_load(path, (const char *const[]){ options->x, options->y, NULL }, &tensors, err)) {
        error_prefix(err, "data.npz");
        return NULL;
    }
    Array *x = scaled(tensors_find(&tensors, NULL, options->x), options->scale, err);
    if (x) {
        DatasetParts parts = { x, tensors_find(&tensors, NULL, options->y), options->source,
                               *sample };
        dataset = dataset_new("data.npz", &parts, err);
    }
    array_free(x);
    tensors_clear(&tensors);
    return dataset;
}

bool dataset_save_npz(const Dataset *dataset, const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    Array *x = dataset_images(dataset, err);
    bool ok = x && tensors_add(&tensors, (TensorName){ NULL, "x" }, x, err) &&
              tensors_add(&tensors, (TensorName){ NULL, "y" }, dataset->y, err) &&
              npz_save(&tensors, true, path, err);
    array_free(x);
    tensors_clear(&tensors);
    return ok;
}
