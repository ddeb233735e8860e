#include "core/array_shape.h"

#include "core/array.h"
#include "core/fail.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Put the −1 of `wanted` right and compare the sizes. */
static bool resolve_shape(const char *where, const Array *a, int ndim, const ptrdiff_t *wanted,
                          size_t *shape, Error *err) {
    size_t known = 1, span = 1, total = array_size(a);
    int unknown = -1, unknowns = 0;
    bool fits = ndim >= 0 && ndim <= ARRAY_MAX_DIMS;
    for (int d = 0; fits && d < ndim; d++) {
        shape[d] = (size_t)wanted[d];
        if (wanted[d] == -1) {
            unknown = d;
            unknowns++;
        } else {
            /* Strides are products of sizes, also where one of them is 0. */
            fits = wanted[d] >= 0 && !__builtin_mul_overflow(known, shape[d], &known) &&
                   !__builtin_mul_overflow(span, shape[d] ? shape[d] : 1, &span);
        }
    }
    fits = fits && unknowns <= 1 && (unknowns ? known > 0 && total % known == 0 : known == total);
    if (!fits) {
        char from[128], to[160] = "(";
        for (int d = 0; d < ndim && d < ARRAY_MAX_DIMS; d++) {
            size_t used = strlen(to);
            snprintf(to + used, sizeof to - used, d ? ", %td" : "%td", wanted[d]);
        }
        return error_set(err, ERROR_ARGUMENT, "%s: %s with %zu elements cannot become %s)", where,
                         array_shape_text(a->ndim, a->shape, from), total, to);
    }
    if (unknowns)
        shape[unknown] = total / known;
    return true;
}

/* Strides that show a under the new shape without a copy; false if there are none. Old and new axes
 * are matched from the left in groups of the same number of elements; within a group the old axes
 * must run on into one another. Axes of size 1 have been left out of `old`; no size is 0. */
static bool reshape_strides(const Array *old, int ndim, const size_t *shape, ptrdiff_t *stride) {
    int i = 0, j = 0;
    while (i < old->ndim && j < ndim) {
        int old_start = i, new_start = j;
        size_t old_size = old->shape[i++], new_size = shape[j++];
        while (old_size != new_size) {
            if (old_size < new_size)
                old_size *= old->shape[i++];
            else
                new_size *= shape[j++];
        }
        for (int k = old_start; k + 1 < i; k++)
            if (old->stride[k] != (ptrdiff_t)old->shape[k + 1] * old->stride[k + 1])
                return false;
        ptrdiff_t step = old->stride[i - 1];
        for (int k = j - 1; k >= new_start; k--) {
            stride[k] = step;
            step *= (ptrdiff_t)shape[k];
        }
    }
    for (; j < ndim; j++) /* what is left has size 1 */
        stride[j] = 1;
    return true;
}

static void row_major(int ndim, const size_t *shape, ptrdiff_t *stride) {
    ptrdiff_t step = 1;
    for (int d = ndim - 1; d >= 0; d--) {
        stride[d] = step;
        step *= (ptrdiff_t)shape[d];
    }
}

Array *array_reshape(const char *where, const Array *a, int ndim, const ptrdiff_t *wanted,
                     Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS];
    if (!resolve_shape(where, a, ndim, wanted, shape, err))
        return NULL;
    row_major(ndim, shape, stride);
    if (array_is_contiguous(a))
        return array_view(a, ndim, shape, stride, a->data, err);
    Array old = *a;
    old.ndim = 0;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1) {
            old.shape[old.ndim] = a->shape[d];
            old.stride[old.ndim++] = a->stride[d];
        }
    if (reshape_strides(&old, ndim, shape, stride))
        return array_view(a, ndim, shape, stride, a->data, err);
    Array *copy = array_copy(where, a, err);
    if (!copy)
        return NULL;
    row_major(ndim, shape, stride);
    Array *out = array_view(copy, ndim, shape, stride, copy->data, err);
    array_free(copy);
    return out;
}

Array *array_transpose(const char *where, const Array *a, const int *axes, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS];
    bool used[ARRAY_MAX_DIMS] = { false };
    for (int d = 0; d < a->ndim; d++) {
        int from = axes ? axes[d] : a->ndim - 1 - d;
        if (from < 0 || from >= a->ndim || used[from]) {
            error_set(err, ERROR_ARGUMENT, "%s: the axes must name each of the %d axes once", where,
                      a->ndim);
            return NULL;
        }
        used[from] = true;
        shape[d] = a->shape[from];
        stride[d] = a->stride[from];
    }
    return array_view(a, a->ndim, shape, stride, a->data, err);
}

Array *array_squeeze(const char *where, const Array *a, int axis, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS];
    int ndim = 0;
    if (axis >= 0 && a->shape[axis] != 1) {
        char text[128];
        error_set(err, ERROR_ARGUMENT, "%s: axis %d of %s has size %zu, not 1", where, axis + 1,
                  array_shape_text(a->ndim, a->shape, text), a->shape[axis]);
        return NULL;
    }
    for (int d = 0; d < a->ndim; d++) {
        if (axis >= 0 ? d == axis : a->shape[d] == 1)
            continue;
        shape[ndim] = a->shape[d];
        stride[ndim++] = a->stride[d];
    }
    return array_view(a, ndim, shape, stride, a->data, err);
}

Array *array_expand_dims(const char *where, const Array *a, int axis, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS];
    if (a->ndim == ARRAY_MAX_DIMS) {
        error_set(err, ERROR_ARGUMENT, "%s: an array has at most %d dimensions", where,
                  ARRAY_MAX_DIMS);
        return NULL;
    }
    for (int d = 0, from = 0; d <= a->ndim; d++) {
        shape[d] = d == axis ? 1 : a->shape[from];
        stride[d] = d == axis ? 1 : a->stride[from];
        from += d != axis;
    }
    return array_view(a, a->ndim + 1, shape, stride, a->data, err);
}

Array *array_broadcast_to(const char *where, const Array *a, int ndim, const size_t *shape,
                          Error *err) {
    ptrdiff_t stride[ARRAY_MAX_DIMS];
    bool fits = a->ndim <= ndim;
    size_t total = 1;
    for (int d = 1; fits && d <= ndim; d++) {
        bool own = d <= a->ndim && a->shape[a->ndim - d] == shape[ndim - d];
        fits = (own || d > a->ndim || a->shape[a->ndim - d] == 1) &&
               !__builtin_mul_overflow(total, shape[ndim - d], &total);
        stride[ndim - d] = own ? a->stride[a->ndim - d] : 0;
    }
    if (!fits) {
        char from[128], to[128];
        error_set(err, ERROR_ARGUMENT, "%s: %s does not broadcast to %s", where,
                  array_shape_text(a->ndim, a->shape, from), array_shape_text(ndim, shape, to));
        return NULL;
    }
    return array_view(a, ndim, shape, stride, a->data, err);
}

Array *array_slice(const Array *a, const Slice *slices, Error *err) {
    size_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t stride[ARRAY_MAX_DIMS], offset = 0;
    int ndim = 0;
    for (int d = 0; d < a->ndim; d++) {
        const Slice *s = &slices[d];
        assert(s->count == 0 || s->first < a->shape[d]);
        if (s->count)
            offset += (ptrdiff_t)s->first * a->stride[d];
        if (s->drop)
            continue;
        shape[ndim] = s->count;
        stride[ndim++] = s->step * a->stride[d];
    }
    return array_view(a, ndim, shape, stride,
                      (char *)a->data + offset * (ptrdiff_t)dtype_size(a->dtype), err);
}
