#include "data/dataset.h"

#include "core/array.h"
#include "core/bytes.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/printable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Rows ------------------------------------------------------------------------------------ */

struct DatasetRows {
    Array *x;
    Array *from;      /* NULL, or x is still to be filled with its rows … */
    size_t *position; /* … at these places */
};

static void rows_free(DatasetRows *rows) {
    if (!rows)
        return;
    array_free(rows->x);
    array_free(rows->from);
    free(rows->position);
    free(rows);
}

static void fill_body(void *context, size_t first, size_t last, int worker) {
    const DatasetRows *rows = context;
    size_t bytes = rows->x->shape[1] * dtype_size(rows->x->dtype);
    char *to = rows->x->data;
    const char *from = rows->from->data;
    (void)worker;
    for (size_t i = first; i < last; i++)
        memcpy(to + i * bytes, from + rows->position[i] * bytes, bytes);
}

static void fill(DatasetRows *rows) {
    enum { VALUES = 1 << 18 };
    const Array *x = rows->x;
    parallel_for(x->shape[0], parallel_piece(VALUES, x->shape[1]), fill_body, rows);
    array_free(rows->from);
    free(rows->position);
    rows->from = NULL;
    rows->position = NULL;
}

Array *dataset_x(const Dataset *dataset) {
    if (dataset->rows->from)
        fill(dataset->rows);
    return dataset->rows->x;
}

size_t dataset_count(const Dataset *dataset) {
    return dataset->rows->x->shape[0];
}

size_t dataset_features(const Dataset *dataset) {
    return dataset->rows->x->shape[1];
}

DType dataset_dtype(const Dataset *dataset) {
    return dataset->rows->x->dtype;
}

size_t dataset_own_bytes(const Dataset *dataset) {
    const Array *x = dataset->rows->x;
    return array_is_sole(x) ? array_bytes(x) : 0;
}

void dataset_free(Dataset *dataset) {
    if (!dataset)
        return;
    rows_free(dataset->rows);
    array_free(dataset->y);
    labels_clear(&dataset->classes);
    class_names_clear(&dataset->names);
    free(dataset->source);
    free(dataset);
}

bool dataset_add_names(Dataset *dataset, const ClassNames *names, Error *err) {
    return class_names_join(&dataset->names, names, err);
}

/* ---- Building -------------------------------------------------------------------------------- */

/* SIZE_MAX, a size no array has, if there are more values than can be counted. */
static size_t product(int ndim, const size_t *shape) {
    size_t size = 1;
    for (int d = 0; d < ndim; d++)
        if (__builtin_mul_overflow(size, shape[d], &size))
            return SIZE_MAX;
    return size;
}

/* A dataset over x (n × features, f32 or u8) and y (n, i32), both contiguous; it takes ownership of
 * them even if it fails. */
static Dataset *assemble(const char *where, Array *x, Array *y, const Dataset *like,
                         const char *source, Error *err) {
    Dataset *dataset = calloc(1, sizeof *dataset);
    DatasetRows *rows = calloc(1, sizeof *rows);
    if (!dataset || !rows || !x || !y) {
        if (x && y)
            error_memory(err, where, sizeof *dataset);
        array_free(x);
        array_free(y);
        free(rows);
        free(dataset);
        return NULL;
    }
    rows->x = x;
    dataset->rows = rows;
    dataset->y = y;
    array_freeze(x);
    array_freeze(y);
    dataset->sample_ndim = like->sample_ndim;
    memcpy(dataset->sample_shape, like->sample_shape, sizeof dataset->sample_shape);
    dataset->source = printable_utf8(source);
    if (!dataset->source ||
        !labels_from(where, array_i32(y), y->shape[0], &dataset->classes, err)) {
        if (!dataset->source)
            error_memory(err, where, strlen(source));
        dataset_free(dataset);
        return NULL;
    }
    if (!dataset_add_names(dataset, &like->names, err)) {
        dataset_free(dataset);
        return NULL;
    }
    return dataset;
}

/* The sample's shape from x, or the given one if its product is the length of a row of x. */
static bool settle_shape(const char *where, const DatasetParts *parts, Dataset *out, Error *err) {
    const Array *x = parts->x;
    const size_t *shape = parts->sample.size;
    int ndim = parts->sample.ndim;
    char text[128], given[128];
    if (x->ndim < 2)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: x of shape %s: expected samples × features, or samples × a sample's"
                         " shape",
                         where, array_shape_text(x->ndim, x->shape, text));
    /* One axis is for the samples. */
    if (ndim >= ARRAY_MAX_DIMS)
        return error_set(err, ERROR_ARGUMENT, "%s: a sample of %d dimensions; at most %d are taken",
                         where, ndim, ARRAY_MAX_DIMS - 1);
    if (ndim > 0 && product(ndim, shape) != array_row_size(x))
        return error_set(err, ERROR_ARGUMENT,
                         "%s: x of shape %s: a sample of shape %s has %zu values, a row has %zu",
                         where, array_shape_text(x->ndim, x->shape, text),
                         array_shape_text(ndim, shape, given), product(ndim, shape),
                         array_row_size(x));
    out->sample_ndim = ndim > 0 ? ndim : x->ndim - 1;
    memcpy(out->sample_shape, ndim > 0 ? shape : x->shape + 1,
           (size_t)out->sample_ndim * sizeof *shape);
    return true;
}

/* x as n × features, contiguous: bytes, or else float32. */
static Array *as_rows(const char *where, const Array *x, Error *err) {
    DType dtype = x->dtype == DTYPE_U8 ? DTYPE_U8 : DTYPE_F32;
    Array *whole = array_contiguous(where, x, dtype, err);
    if (!whole || whole->ndim == 2)
        return whole;
    array_set_shape(whole, &(Sizes){ 2, { whole->shape[0], array_row_size(whole) } });
    return whole;
}

/* y as int32, contiguous. */
static Array *as_labels(const char *where, const Array *y, Error *err) {
    for (size_t i = 0; y->dtype != DTYPE_I32 && i < y->shape[0]; i++) {
        double value = array_get(y, &i);
        if (value != trunc(value)) {
            error_set(err, ERROR_ARGUMENT, "%s: label %zu is %g, not a whole number", where, i + 1,
                      value);
            return NULL;
        }
    }
    return array_contiguous(where, y, DTYPE_I32, err);
}

/* Labels one behind the other: n, or a column of n (or a row, as MATLAB keeps them) as a view on
 * the stack. */
static bool settle_labels(const char *where, const DatasetParts *parts, Array *out, Error *err) {
    const Array *x = parts->x, *y = parts->y;
    size_t n = x->shape[0];
    char text[128], other[128];
    *out = *y;
    if (y->ndim == 2 && y->shape[0] == n && y->shape[1] == 1)
        out->ndim = 1;
    else if (y->ndim == 2 && y->shape[0] == 1 && y->shape[1] == n) {
        out->ndim = 1;
        out->shape[0] = n;
        out->stride[0] = y->stride[1];
    }
    bool one_hot = y->ndim == 2 && y->shape[0] == n && y->shape[1] > 1;
    return (out->ndim == 1 && out->shape[0] == n) ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: x of shape %s and y of shape %s: expected one label per sample%s", where,
                     array_shape_text(x->ndim, x->shape, text),
                     array_shape_text(y->ndim, y->shape, other),
                     one_hot ? "; of one-hot rows these are y:argmax(2) - 1" : "");
}

bool dataset_check_read(const char *path, const Array *x, Error *err) {
    size_t width = array_row_size(x), count = x->shape[0] * width;
    const float *value = x->dtype == DTYPE_F32 ? array_f32(x) : NULL;
    for (size_t i = 0; value && i < count; i++)
        if (!isfinite(value[i]))
            return error_set(err, ERROR_FILE,
                             "%s: sample %zu, value %zu is %s: not a finite number", path,
                             i / width + 1, i % width + 1, isnan(value[i]) ? "NaN" : "infinite");
    return true;
}

Dataset *dataset_new(const char *where, const DatasetParts *parts, Error *err) {
    const Array *x = parts->x;
    Dataset like = { 0 };
    Array y;
    if (parts->names)
        like.names = *parts->names; /* borrowed */
    if (!settle_shape(where, parts, &like, err) || !settle_labels(where, parts, &y, err))
        return NULL;
    Array *labels = as_labels(where, &y, err);
    Array *rows = labels ? as_rows(where, x, err) : NULL;
    return assemble(where, rows, labels, &like, parts->source, err);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

Array *dataset_floats(const Dataset *dataset, size_t first, size_t count, Error *err) {
    if (dataset_dtype(dataset) == DTYPE_F32)
        return array_rows(dataset_x(dataset), first, count, err);
    size_t width = dataset_features(dataset);
    Array *floats = array_uninitialised("dataset", DTYPE_F32, &(Sizes){ 2, { count, width } }, err);
    if (floats)
        bytes_to_floats(array_u8(dataset_x(dataset)) + first * width, count * width,
                        array_f32(floats));
    return floats;
}

const float *dataset_row(const Dataset *dataset, size_t i, float *room) {
    size_t width = dataset_features(dataset);
    if (dataset_dtype(dataset) == DTYPE_F32)
        return array_f32(dataset_x(dataset)) + i * width;
    bytes_to_floats(array_u8(dataset_x(dataset)) + i * width, width, room);
    return room;
}

static Array *as_bytes(const Dataset *dataset, Error *err) {
    size_t width = dataset_features(dataset), size = array_size(dataset_x(dataset));
    Sizes shape = array_sizes(dataset_x(dataset));
    Array *bytes = array_uninitialised("store", DTYPE_U8, &shape, err);
    size_t done =
        bytes ? bytes_from_floats(array_f32(dataset_x(dataset)), size, array_u8(bytes)) : 0;
    if (!bytes || done == size)
        return bytes;
    array_free(bytes);
    error_set(
        err, ERROR_ARGUMENT,
        "store: feature %zu of sample %zu is %.9g, not one of the k / 255 that bytes stand for",
        done % width + 1, done / width + 1, array_f32(dataset_x(dataset))[done]);
    return NULL;
}

Dataset *dataset_stored_as(const Dataset *dataset, DType dtype, Error *err) {
    Array *y = array_share(dataset->y, err);
    Array *x = !y                                ? NULL
               : dataset_dtype(dataset) == dtype ? array_share(dataset_x(dataset), err)
               : dtype == DTYPE_U8               ? as_bytes(dataset, err)
                                   : dataset_floats(dataset, 0, dataset_count(dataset), err);
    return assemble("store", x, y, dataset, dataset->source, err);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

Array *dataset_images(const Dataset *dataset, Error *err) {
    Sizes shape = { dataset->sample_ndim + 1, { dataset_count(dataset) } };
    Array view = *dataset_x(dataset);
    memcpy(shape.size + 1, dataset->sample_shape,
           (size_t)dataset->sample_ndim * sizeof *shape.size);
    array_set_shape(&view, &shape);
    return array_view(&view, err);
}

Dataset *dataset_range(const Dataset *dataset, size_t first, size_t count, Error *err) {
    size_t n = dataset_count(dataset);
    if (first > n || count > n - first) {
        error_set(err, ERROR_ARGUMENT, "slice: samples %zu to %zu of %zu", first + 1, first + count,
                  n);
        return NULL;
    }
    Array *y = array_rows(dataset->y, first, count, err);
    Array *x = y ? array_rows(dataset_x(dataset), first, count, err) : NULL;
    return assemble("slice", x, y, dataset, dataset->source, err);
}

/* Where the rows are, of one whose own are not copied yet. */
static bool set_places(const Dataset *dataset, const size_t *position, DatasetRows *out,
                       Error *err) {
    const DatasetRows *rows = dataset->rows;
    size_t count = out->x->shape[0], bytes = count * sizeof *out->position;
    out->position = malloc(bytes + 1);
    if (!out->position)
        return error_memory(err, "take", bytes);
    for (size_t i = 0; i < count; i++)
        out->position[i] = rows->from ? rows->position[position[i]] : position[i];
    out->from = array_share(rows->from ? rows->from : rows->x, err);
    return out->from != NULL;
}

/* Is it better copied at once? Until it is, it keeps the memory of all that it is a part of, and a
 * place for each row. */
static bool is_small(const DatasetRows *part) {
    static const size_t SMALL = 4 << 20, SHARE = 4, NARROW = 64;
    size_t bytes = array_bytes(part->x);
    return bytes < SMALL || bytes < array_buffer_bytes(part->from) / SHARE ||
           bytes < part->x->shape[0] * NARROW;
}

Dataset *dataset_take(const Dataset *dataset, const size_t *position, size_t count, Error *err) {
    size_t n = dataset_count(dataset), width = dataset_features(dataset);
    DType dtype = dataset_dtype(dataset);
    for (size_t i = 0; i < count; i++)
        if (position[i] >= n) {
            error_set(err, ERROR_ARGUMENT, "take: position %zu of %zu samples", position[i] + 1, n);
            return NULL;
        }
    Array *y = array_new1("take", DTYPE_I32, count, err);
    Array *x = y ? array_uninitialised("take", dtype, &(Sizes){ 2, { count, width } }, err) : NULL;
    for (size_t i = 0; x && i < count; i++)
        array_i32(y)[i] = array_i32(dataset->y)[position[i]];
    Dataset *part = assemble("take", x, y, dataset, dataset->source, err);
    if (part && !set_places(dataset, position, part->rows, err)) {
        dataset_free(part);
        return NULL;
    }
    if (part && is_small(part->rows))
        fill(part->rows);
    return part;
}

/* Which samples to visit, in which order: file order, or a random one. */
static void visiting_order(size_t n, Rng *rng, size_t *order) {
    if (rng)
        rng_permutation(rng, n, order);
    else
        for (size_t i = 0; i < n; i++)
            order[i] = i;
}

static bool too_few(const Dataset *dataset, size_t wanted, const size_t *missing, Error *err) {
    for (size_t c = 0; c < dataset->classes.count; c++)
        if (missing[c] > 0)
            return error_set(err, ERROR_ARGUMENT,
                             "per_class: class %d has %zu samples, %zu are asked for",
                             dataset->classes.label[c], wanted - missing[c], wanted);
    return true;
}

static int compare_positions(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

Dataset *dataset_per_class(const Dataset *dataset, size_t n, Rng *rng, Error *err) {
    size_t total = dataset_count(dataset), classes = dataset->classes.count, chosen = 0;
    size_t *order = malloc((total + 1) * sizeof *order);
    size_t *missing = malloc((classes + 1) * sizeof *missing);
    Dataset *result = NULL;
    if (order && missing) {
        for (size_t c = 0; c < classes; c++)
            missing[c] = n;
        visiting_order(total, rng, order);
        for (size_t i = 0; i < total; i++) { /* the chosen ones gather at the front of the order */
            ptrdiff_t c = labels_find(&dataset->classes, array_i32(dataset->y)[order[i]]);
            if (missing[c] > 0) {
                missing[c]--;
                order[chosen++] = order[i];
            }
        }
        qsort(order, chosen, sizeof *order, compare_positions);
        if (too_few(dataset, n, missing, err))
            result = dataset_take(dataset, order, chosen, err);
    } else {
        error_memory(err, "per_class", total * sizeof *order);
    }
    free(order);
    free(missing);
    return result;
}

/* ---- Conditions ------------------------------------------------------------------------------ */

/* The positions, in room for all of a dataset, or NULL. */
static size_t *new_positions(const Dataset *dataset, const char *where, Error *err) {
    size_t bytes = (dataset_count(dataset) + 1) * sizeof(size_t), *position = malloc(bytes);
    if (!position)
        error_memory(err, where, bytes);
    return position;
}

Dataset *dataset_masked(const Dataset *dataset, const Array *mask, Error *err) {
    size_t n = dataset_count(dataset), found = 0, *position;
    char text[128];
    if (mask->ndim != 1 || mask->shape[0] != n) {
        error_set(err, ERROR_ARGUMENT, "where: a mask of shape %s for %zu samples",
                  array_shape_text(mask->ndim, mask->shape, text), n);
        return NULL;
    }
    if (!(position = new_positions(dataset, "where", err)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (array_get(mask, &i) != 0)
            position[found++] = i;
    Dataset *part = dataset_take(dataset, position, found, err);
    free(position);
    return part;
}

static bool among(int32_t label, const Array *labels) {
    size_t count = array_size(labels);
    for (size_t k = 0; k < count; k++)
        if (array_i32(labels)[k] == label)
            return true;
    return false;
}

Dataset *dataset_labelled(const Dataset *dataset, const Array *labels, Error *err) {
    size_t n = dataset_count(dataset), found = 0;
    size_t *position = new_positions(dataset, "where", err);
    if (!position)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (among(array_i32(dataset->y)[i], labels))
            position[found++] = i;
    Dataset *part = dataset_take(dataset, position, found, err);
    free(position);
    return part;
}

void dataset_class_counts(const Dataset *dataset, size_t *counts) {
    size_t n = dataset_count(dataset);
    memset(counts, 0, dataset->classes.count * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        counts[labels_find(&dataset->classes, array_i32(dataset->y)[i])]++;
}

/* ---- Joining --------------------------------------------------------------------------------- */

static bool same_sample_shape(const Dataset *a, const Dataset *b) {
    return a->sample_ndim == b->sample_ndim &&
           memcmp(a->sample_shape, b->sample_shape,
                  (size_t)a->sample_ndim * sizeof *a->sample_shape) == 0;
}

/* "MNIST train + MNIST test", naming a repeated source once. malloc'd. */
static char *joined_source(const Dataset *const *parts, size_t count) {
    size_t room = 1;
    for (size_t i = 0; i < count; i++)
        room += strlen(parts[i]->source) + 3;
    char *text = calloc(1, room);
    for (size_t i = 0; text && i < count; i++) {
        if (i > 0 && strcmp(parts[i]->source, parts[i - 1]->source) == 0)
            continue;
        strcat(strcat(text, i ? " + " : ""), parts[i]->source);
    }
    return text;
}

static bool check_parts(const Dataset *const *parts, size_t count, size_t *total, Error *err) {
    char text[128], other[128];
    *total = 0;
    if (count == 0)
        return error_set(err, ERROR_ARGUMENT, "concat: no datasets");
    for (size_t i = 0; i < count; i++) {
        if (!same_sample_shape(parts[0], parts[i]))
            return error_set(
                err, ERROR_ARGUMENT, "concat: samples of shape %s and %s",
                array_shape_text(parts[0]->sample_ndim, parts[0]->sample_shape, text),
                array_shape_text(parts[i]->sample_ndim, parts[i]->sample_shape, other));
        *total += dataset_count(parts[i]);
    }
    return true;
}

/* Those of all parts; without them the result goes. */
static bool join_names(Dataset *result, const Dataset *const *parts, size_t count, Error *err) {
    for (size_t i = 1; i < count; i++)
        if (!dataset_add_names(result, &parts[i]->names, err)) {
            error_prefix(err, "concat");
            dataset_free(result);
            return false;
        }
    return true;
}

/* Bytes where all are. */
static Array *joined_rows(const Dataset *const *parts, size_t count, size_t total, Error *err) {
    size_t width = dataset_features(parts[0]);
    DType dtype = DTYPE_U8;
    for (size_t i = 0; i < count; i++)
        if (dataset_dtype(parts[i]) == DTYPE_F32)
            dtype = DTYPE_F32;
    Array *x = array_uninitialised("concat", dtype, &(Sizes){ 2, { total, width } }, err);
    char *to = x ? x->data : NULL;
    for (size_t i = 0; x && i < count; i++) {
        const Array *from = dataset_x(parts[i]);
        if (from->dtype == dtype)
            memcpy(to, from->data, array_bytes(from));
        else
            bytes_to_floats(array_u8(from), array_size(from), (float *)to);
        to += array_size(from) * dtype_size(dtype);
    }
    return x;
}

Dataset *dataset_concat(const Dataset *const *parts, size_t count, Error *err) {
    size_t total, done = 0;
    if (!check_parts(parts, count, &total, err))
        return NULL;
    char *source = joined_source(parts, count);
    if (!source) {
        error_memory(err, "concat", 1);
        return NULL;
    }
    Array *y = array_new1("concat", DTYPE_I32, total, err);
    Array *x = y ? joined_rows(parts, count, total, err) : NULL;
    for (size_t i = 0; x && i < count; i++) {
        size_t n = dataset_count(parts[i]);
        memcpy(array_i32(y) + done, array_i32(parts[i]->y), n * sizeof(int32_t));
        done += n;
    }
    Dataset *result = assemble("concat", x, y, parts[0], source, err);
    free(source);
    return result && join_names(result, parts, count, err) ? result : NULL;
}
