#include "core/array_shape.h"

#include "core/array.h"
#include "core/array_transfer.h"
#include "core/fail.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool refuse_reshape(const char *where, const Array *a, const Sizes *wanted, Error *err) {
    char from[128], to[192] = "(";
    for (int d = 0; d < wanted->ndim && d < ARRAY_MAX_DIMS; d++) {
        size_t used = strlen(to);
        snprintf(to + used, sizeof to - used, d ? ", %td" : "%td", (ptrdiff_t)wanted->size[d]);
    }
    return error_set(err, ERROR_ARGUMENT, "%s: %s with %zu elements cannot become %s)", where,
                     array_shape_text(a->ndim, a->shape, from), array_size(a), to);
}

/* Put the SIZE_REST of `shape` right and compare the sizes. */
static bool resolve_shape(const Array *a, Sizes *shape) {
    size_t known = 1, span = 1, total = array_size(a);
    int unknown = -1, unknowns = 0;
    bool fits = shape->ndim >= 0 && shape->ndim <= ARRAY_MAX_DIMS;
    for (int d = 0; fits && d < shape->ndim; d++) {
        size_t size = shape->size[d];
        if (size == SIZE_REST) {
            unknown = d;
            unknowns++;
        } else {
            /* Strides are products of sizes, also where one of them is 0. */
            fits = size <= PTRDIFF_MAX && !__builtin_mul_overflow(known, size, &known) &&
                   !__builtin_mul_overflow(span, size ? size : 1, &span);
        }
    }
    if (fits && unknowns == 1 && known > 0 && total % known == 0)
        shape->size[unknown] = total / known;
    return fits && (unknowns ? unknowns == 1 && known > 0 && total % known == 0 : known == total);
}

/* Strides that show `old` under the sizes of `made` without a copy; false if there are none. Old
 * and new axes are matched from the left in groups of the same number of elements; within a group
 * the old axes must run on into one another. Axes of size 1 have been left out of `old`; no size is
 * 0. */
static bool reshape_strides(const Array *old, Array *made) {
    int i = 0, j = 0;
    while (i < old->ndim && j < made->ndim) {
        int old_start = i, new_start = j;
        size_t old_size = old->shape[i++], new_size = made->shape[j++];
        while (old_size != new_size) {
            if (old_size < new_size)
                old_size *= old->shape[i++];
            else
                new_size *= made->shape[j++];
        }
        for (int k = old_start; k + 1 < i; k++)
            if (old->stride[k] != (ptrdiff_t)old->shape[k + 1] * old->stride[k + 1])
                return false;
        ptrdiff_t step = old->stride[i - 1];
        for (int k = j - 1; k >= new_start; k--) {
            made->stride[k] = step;
            step *= (ptrdiff_t)made->shape[k];
        }
    }
    for (; j < made->ndim; j++) /* what is left has size 1 */
        made->stride[j] = 1;
    return true;
}

/* Keep axis `from` of a as the next axis of `view`. */
static void keep_axis(const Array *a, int from, Array *view) {
    view->shape[view->ndim] = a->shape[from];
    view->stride[view->ndim++] = a->stride[from];
}

Array *array_reshape(const char *where, const Array *a, const Sizes *wanted, Error *err) {
    Sizes shape = *wanted;
    if (!resolve_shape(a, &shape)) {
        refuse_reshape(where, a, wanted, err);
        return NULL;
    }
    Array made = *a, old = *a;
    array_set_shape(&made, &shape);
    if (array_is_contiguous(a))
        return array_view(&made, err);
    old.ndim = 0;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != 1)
            keep_axis(a, d, &old);
    if (reshape_strides(&old, &made))
        return array_view(&made, err);
    Array *copy = array_copy(where, a, err);
    if (copy)
        array_set_shape(copy, &shape);
    return copy;
}

Array *array_transpose(const char *where, const Array *a, const int *axes, Error *err) {
    bool used[ARRAY_MAX_DIMS] = { false };
    Array view = *a;
    view.ndim = 0;
    for (int d = 0; d < a->ndim; d++) {
        int from = axes ? axes[d] : a->ndim - 1 - d;
        if (from < 0 || from >= a->ndim || used[from]) {
            error_set(err, ERROR_ARGUMENT, "%s: the axes must name each of the %d axes once", where,
                      a->ndim);
            return NULL;
        }
        used[from] = true;
        keep_axis(a, from, &view);
    }
    return array_view(&view, err);
}

Array *array_squeeze(const Array *a, int axis, Error *err) {
    Array view = *a;
    view.ndim = 0;
    if (axis >= 0 && a->shape[axis] != 1) {
        char text[128];
        error_set(err, ERROR_ARGUMENT, "squeeze: axis %d of %s has size %zu, not 1", axis + 1,
                  array_shape_text(a->ndim, a->shape, text), a->shape[axis]);
        return NULL;
    }
    for (int d = 0; d < a->ndim; d++)
        if (axis >= 0 ? d != axis : a->shape[d] != 1)
            keep_axis(a, d, &view);
    return array_view(&view, err);
}

Array *array_expand_dims(const Array *a, int axis, Error *err) {
    Array view = *a;
    view.ndim = 0;
    if (a->ndim == ARRAY_MAX_DIMS) {
        error_set(err, ERROR_ARGUMENT, "expand_dims: an array has at most %d dimensions",
                  ARRAY_MAX_DIMS);
        return NULL;
    }
    for (int d = 0; d <= a->ndim; d++) {
        if (d == axis) {
            view.shape[view.ndim] = 1;
            view.stride[view.ndim++] = 1;
        }
        if (d < a->ndim)
            keep_axis(a, d, &view);
    }
    return array_view(&view, err);
}

Array *array_broadcast_to(const char *where, const Array *a, const Sizes *shape, Error *err) {
    Array view = *a;
    bool fits = a->ndim <= shape->ndim;
    size_t total = 1;
    view.ndim = shape->ndim;
    for (int d = 1; fits && d <= shape->ndim; d++) {
        size_t size = view.shape[shape->ndim - d] = shape->size[shape->ndim - d];
        bool own = d <= a->ndim && a->shape[a->ndim - d] == size;
        fits = (own || d > a->ndim || a->shape[a->ndim - d] == 1) &&
               !__builtin_mul_overflow(total, size, &total) &&
               total <= PTRDIFF_MAX / sizeof(double);
        view.stride[shape->ndim - d] = own ? a->stride[a->ndim - d] : 0;
    }
    if (!fits) {
        char from[128], to[128];
        error_set(err, ERROR_ARGUMENT, "%s: %s does not broadcast to %s", where,
                  array_shape_text(a->ndim, a->shape, from),
                  array_shape_text(shape->ndim, shape->size, to));
        return NULL;
    }
    return array_view(&view, err);
}

/* The first of place, place + step, … that is 0 or more, for a place below 0; without overflow. */
static int64_t first_on_grid(int64_t place, int64_t step) {
    int64_t rest = place % step; /* −step < rest ≤ 0 */
    return rest < 0 ? rest + step : 0;
}

Slice slice_between(int64_t first, int64_t last, int64_t step, size_t size) {
    int64_t n = (int64_t)size;
    bool up = step > 0;
    first = first < 0 ? n + first + 1 : first;
    last = last < 0 ? n + last + 1 : last;
    if (up) {
        first = first < 1 ? 1 + first_on_grid(first - 1, step) : first;
        last = last > n ? n : last;
    } else {
        first = first > n ? n - first_on_grid(n - first, -step) : first;
        last = last < 1 ? 1 : last;
    }
    if (n == 0 || (up ? first > last : first < last))
        return (Slice){ .first = 0, .count = 0, .step = 1 };
    return (Slice){ (size_t)first - 1, (size_t)((last - first) / step) + 1, (ptrdiff_t)step,
                    false };
}

ptrdiff_t place_of(int64_t index, size_t n) {
    int64_t size = (int64_t)n, place = index < 0 ? size + index : index - 1;
    return index == 0 || place < 0 || place >= size ? -1 : (ptrdiff_t)place;
}

Array *array_row(const Array *a, size_t i, Error *err) {
    Array row = *a;
    row.ndim = 0;
    row.data = (char *)a->data + (ptrdiff_t)i * a->stride[0] * (ptrdiff_t)dtype_size(a->dtype);
    for (int d = 1; d < a->ndim; d++)
        keep_axis(a, d, &row);
    return array_view(&row, err);
}

Array *array_slice(const Array *a, const Slice *slices, Error *err) {
    Array view = *a;
    ptrdiff_t offset = 0;
    view.ndim = 0;
    for (int d = 0; d < a->ndim; d++) {
        const Slice *s = &slices[d];
        assert(s->count == 0 || s->first < a->shape[d]);
        if (s->count)
            offset += (ptrdiff_t)s->first * a->stride[d];
        if (s->drop)
            continue;
        view.shape[view.ndim] = s->count;
        view.stride[view.ndim++] = s->step * a->stride[d];
    }
    view.data = (char *)a->data + offset * (ptrdiff_t)dtype_size(a->dtype);
    return array_view(&view, err);
}
