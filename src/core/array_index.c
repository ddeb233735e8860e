#include "core/array_index.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_stream.h"
#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* ---- Positions ------------------------------------------------------------------------------- */

/* A contiguous array as outer × n × row bytes around one axis. */
typedef struct Rows {
    size_t outer, n, bytes;
} Rows;

static Rows rows_around(const Array *a, int axis) {
    Rows r = { .outer = 1, .n = a->shape[axis], .bytes = dtype_size(a->dtype) };
    for (int d = 0; d < axis; d++)
        r.outer *= a->shape[d];
    for (int d = axis + 1; d < a->ndim; d++)
        r.bytes *= a->shape[d];
    return r;
}

Array *array_take(const char *where, const Array *a, int axis, const size_t *positions,
                  size_t count, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    memcpy(shape, a->shape, sizeof shape);
    shape[axis] = count;
    Array *input = array_contiguous(where, a, a->dtype, err);
    Array *out = input ? array_uninitialised(where, a->dtype, a->ndim, shape, err) : NULL;
    if (out) {
        Rows r = rows_around(input, axis);
        char *to = out->data;
        for (size_t o = 0; o < r.outer; o++)
            for (size_t i = 0; i < count; i++, to += r.bytes)
                memcpy(to, (char *)input->data + (o * r.n + positions[i]) * r.bytes, r.bytes);
    }
    array_free(input);
    return out;
}

bool array_put_at(const char *where, const Array *values, int axis, const size_t *positions,
                  size_t count, Array *out, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    memcpy(shape, out->shape, sizeof shape);
    shape[axis] = count;
    Array *wide = array_broadcast_to(where, values, out->ndim, shape, err);
    /* All converted before the first is written, so that a refusal leaves out as it was; and values
     * that are part of out are copied, because the first row written may be one still to be read.
     */
    Array *rows = NULL;
    if (wide && wide->buffer == out->buffer && wide->dtype == out->dtype)
        rows = array_copy(where, wide, err);
    else if (wide)
        rows = array_contiguous(where, wide, out->dtype, err);
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        Slice from[ARRAY_MAX_DIMS], to[ARRAY_MAX_DIMS];
        for (int d = 0; d < out->ndim; d++)
            from[d] = to[d] = (Slice){ .count = shape[d], .step = 1 };
        from[axis] = (Slice){ .first = i, .count = 1, .step = 1 };
        to[axis] = (Slice){ .first = positions[i], .count = 1, .step = 1 };
        Array *source = array_slice(rows, from, err), *target = array_slice(out, to, err);
        ok = source && target && array_assign(where, source, target, err);
        array_free(source);
        array_free(target);
    }
    array_free(rows);
    array_free(wide);
    return ok;
}

/* ---- Masks ----------------------------------------------------------------------------------- */

/* The flat places of what is not 0, as a malloc'd list. */
static bool flat_places(const char *where, const Array *mask, size_t **places, size_t *count,
                        Error *err) {
    double found;
    if (!array_reduce_all(where, mask, REDUCE_COUNT, &found, err))
        return false;
    Array *truth = array_unary("truth", mask, err);
    if (!truth)
        return false;
    *count = (size_t)found;
    *places = malloc((*count ? *count : 1) * sizeof **places);
    if (!*places) {
        array_free(truth);
        return error_memory(err, where, *count * sizeof **places);
    }
    const int32_t *t = array_i32(truth);
    size_t n = array_size(truth), k = 0;
    for (size_t i = 0; i < n; i++)
        if (t[i])
            (*places)[k++] = i;
    array_free(truth);
    return true;
}

Array *array_compress(const char *where, const Array *a, const Array *mask, int axis, Error *err) {
    size_t *places, count, size = array_size(a);
    char first[128], second[128];
    bool fits =
        axis < 0 ? array_same_shape(a, mask) : mask->ndim == 1 && mask->shape[0] == a->shape[axis];
    if (!fits) {
        error_set(err, ERROR_ARGUMENT, "%s: a mask of shape %s does not fit %s of shape %s", where,
                  array_shape_text(mask->ndim, mask->shape, first),
                  axis < 0 ? "an array" : "that axis of an array",
                  array_shape_text(a->ndim, a->shape, second));
        return NULL;
    }
    if (!flat_places(where, mask, &places, &count, err))
        return NULL;
    Array *input = axis < 0 ? array_reshape(where, a, 1, &(ptrdiff_t){ (ptrdiff_t)size }, err)
                            : array_share(a, err);
    Array *out = input ? array_take(where, input, axis < 0 ? 0 : axis, places, count, err) : NULL;
    array_free(input);
    free(places);
    return out;
}

Array *array_nonzero(const char *where, const Array *a, int32_t origin, Error *err) {
    size_t *places, count, width = a->ndim ? (size_t)a->ndim : 1;
    if (!flat_places(where, a, &places, &count, err))
        return NULL;
    Array *out = a->ndim <= 1 ? array_new1(where, DTYPE_I32, count, err)
                              : array_new2(where, DTYPE_I32, count, width, err);
    for (size_t i = 0; out && i < count; i++) {
        size_t rest = places[i];
        for (size_t d = width; d-- > 0;) {
            size_t n = a->ndim ? a->shape[d] : 1;
            array_i32(out)[i * width + d] = (int32_t)(rest % n) + origin;
            rest /= n;
        }
    }
    free(places);
    return out;
}

/* ---- Joining --------------------------------------------------------------------------------- */

static bool check_joined(const char *where, const Array *first, const Array *part, int axis,
                         Error *err) {
    char one[128], other[128];
    bool fits = first->ndim == part->ndim && axis < first->ndim;
    for (int d = 0; fits && d < first->ndim; d++)
        fits = d == axis || first->shape[d] == part->shape[d];
    return fits || error_set(err, ERROR_ARGUMENT, "%s: shapes %s and %s do not join along axis %d",
                             where, array_shape_text(first->ndim, first->shape, one),
                             array_shape_text(part->ndim, part->shape, other), axis + 1);
}

Array *array_concatenate(const char *where, const Array *const *parts, size_t count, int axis,
                         Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    DType dtype = parts[0]->dtype;
    memcpy(shape, parts[0]->shape, sizeof shape);
    for (size_t i = 0; i < count; i++) {
        if (!check_joined(where, parts[0], parts[i], axis, err))
            return NULL;
        dtype = dtype_promote(dtype, parts[i]->dtype);
        shape[axis] += i ? parts[i]->shape[axis] : 0;
    }
    Array *out = array_uninitialised(where, dtype, parts[0]->ndim, shape, err);
    size_t place = 0;
    for (size_t i = 0; out && i < count; i++) {
        Slice slices[ARRAY_MAX_DIMS];
        for (int d = 0; d < out->ndim; d++)
            slices[d] = (Slice){ .count = parts[i]->shape[d], .step = 1 };
        slices[axis].first = place;
        place += parts[i]->shape[axis];
        Array *target = array_slice(out, slices, err);
        if (!target || !array_assign(where, parts[i], target, err)) {
            array_free(out);
            out = NULL;
        }
        array_free(target);
    }
    return out;
}

Array *array_stack(const char *where, const Array *const *parts, size_t count, int axis,
                   Error *err) {
    char one[128], other[128];
    Array **wide = calloc(count, sizeof(Array *));
    if (!wide) {
        error_memory(err, where, count * sizeof(Array *));
        return NULL;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = array_same_shape(parts[0], parts[i]) ||
             error_set(err, ERROR_ARGUMENT, "%s: shapes %s and %s differ", where,
                       array_shape_text(parts[0]->ndim, parts[0]->shape, one),
                       array_shape_text(parts[i]->ndim, parts[i]->shape, other));
        ok = ok && (wide[i] = array_expand_dims(where, parts[i], axis, err)) != NULL;
    }
    Array *out = ok ? array_concatenate(where, (const Array *const *)wide, count, axis, err) : NULL;
    for (size_t i = 0; i < count; i++)
        array_free(wide[i]);
    free(wide);
    return out;
}
