#include "files/data_file.h"

#include "core/array.h"
#include "core/fail.h"
#include "data/class_tensors.h"

#include <math.h>

static const TensorName value_name = { NULL, "value" }, x_name = { NULL, "x" },
                        y_name = { NULL, "y" }, shape_name = { NULL, "shape" };

bool array_to(const Array *array, Tensors *tensors, Error *err) {
    Array *whole = array_contiguous("save", array, array->dtype, err);
    bool ok = whole && tensors_add(tensors, value_name, whole, err);
    array_free(whole);
    return ok;
}

Array *array_from(const Tensors *tensors, Error *err) {
    const Array *value = tensors_read(tensors, value_name, err);
    return value ? array_share(value, err) : NULL;
}

bool dataset_to(const Dataset *dataset, Tensors *tensors, Error *err) {
    double shape[ARRAY_MAX_DIMS];
    size_t ndim = (size_t)dataset->sample_ndim;
    for (size_t d = 0; d < ndim; d++)
        shape[d] = (double)dataset->sample_shape[d];
    return tensors_add(tensors, x_name, dataset_x(dataset), err) &&
           tensors_add(tensors, y_name, dataset->y, err) &&
           tensors_add_values(tensors, shape_name, &(TensorValues){ DTYPE_F64, shape, 1, &ndim },
                              err) &&
           class_names_to(&dataset->names, tensors, err) &&
           tensors_set_text(tensors, "source", dataset->source, err);
}

/* The sides of a sample; false where they are none. */
static bool read_shape(const Array *sides, Sizes *shape, Error *err) {
    size_t ndim = array_size(sides);
    bool fits = ndim >= 1 && ndim <= ARRAY_MAX_DIMS;
    for (size_t d = 0; fits && d < ndim; d++) {
        double side = array_f64(sides)[d];
        fits = side >= 1 && side <= 1e9 && side == floor(side);
        shape->size[d] = fits ? (size_t)side : 0;
    }
    shape->ndim = (int)ndim;
    return fits || error_set(err, ERROR_FILE, "a dataset's shape is damaged");
}

/* Floats or bytes, by what is there. */
static const Array *rows_from(const Tensors *tensors, Error *err) {
    const Array *x = tensors_read(tensors, x_name, err);
    DType dtype = x && x->dtype == DTYPE_U8 ? DTYPE_U8 : DTYPE_F32;
    return x ? tensors_require(tensors, x_name, (TensorForm){ dtype, 2 }, err) : NULL;
}

Dataset *dataset_from(const Tensors *tensors, Error *err) {
    const Array *x = rows_from(tensors, err);
    const Array *y = tensors_require(tensors, y_name, (TensorForm){ DTYPE_I32, 1 }, err);
    const Array *sides = tensors_require(tensors, shape_name, (TensorForm){ DTYPE_F64, 1 }, err);
    const char *source = tensors_text(tensors, "source");
    DatasetParts parts = { .x = x, .y = y, .source = source ? source : "a file" };
    if (!x || !y || !sides || !read_shape(sides, &parts.sample, err))
        return NULL;
    ClassNames classes;
    const TensorName names_name = { NULL, class_tensor };
    const Array *names = NULL;
    if (tensors_index(tensors, names_name) >= 0 &&
        !(names = tensors_require(tensors, names_name, (TensorForm){ DTYPE_I32, 2 }, err)))
        return NULL;
    if (!class_names_from(names, &classes, err))
        return NULL;
    parts.names = &classes;
    Dataset *dataset = dataset_new("a dataset", &parts, err);
    class_names_clear(&classes);
    return dataset;
}
