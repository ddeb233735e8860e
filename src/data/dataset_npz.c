#include "data/dataset_npz.h"

#include "core/array.h"
#include "core/array_create.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "data/dataset_fields.h"
#include "data/npz.h"

Dataset *dataset_load_npz(const char *path, const DatasetOptions *options, const Sizes *sample,
                          Error *err) {
    Tensors tensors;
    Dataset *dataset = NULL;
    const NpzWanted wanted = { { options->x, options->y }, options->x };
    tensors_init(&tensors);
    if (!npz_load(path, &wanted, &tensors, err)) {
        error_prefix(err, "data.npz");
        return NULL;
    }
    Array *x = tensors_find(&tensors, NULL, options->x);
    if (options->scale == 1 || array_scale("data.npz", x, options->scale, err)) {
        DatasetParts parts = { x, tensors_find(&tensors, NULL, options->y), options->source,
                               *sample };
        dataset = dataset_new("data.npz", &parts, err);
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
              npz_save(&tensors, true, path, err);
    array_free(x);
    tensors_clear(&tensors);
    return ok;
}
