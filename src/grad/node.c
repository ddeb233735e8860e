#include "grad/node.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/fail.h"

#include <math.h>
#include <string.h>

Form form_of(const Array *a) {
    return (Form){ a->dtype, array_sizes(a) };
}

static bool has_form(const Array *a, const Form *form) {
    return a->dtype == form->dtype && a->ndim == form->sizes.ndim &&
           (a->ndim == 0 ||
            memcmp(a->shape, form->sizes.size, (size_t)a->ndim * sizeof *a->shape) == 0);
}

/* Its sum, unrounded, as a scalar. */
static Array *sum_all(const Array *a, Error *err) {
    double sum;
    if (!array_reduce_all(a, &(Reduce){ .reduction = REDUCE_SUM }, &sum, err))
        return NULL;
    const Array scalar = { .dtype = DTYPE_F64, .origin = ORIGIN_FLOATS, .data = &sum };
    return array_copy("grad", &scalar, err);
}

/* The sums over the axes along which these sizes were repeated. */
static Array *sum_broadcast(const Array *a, const Sizes *sizes, Error *err) {
    Reduce along = { .reduction = REDUCE_SUM, .keepdims = true };
    int extra = a->ndim - sizes->ndim;
    bool any = false;
    for (int d = 0; d < a->ndim; d++) {
        along.along[d] = d < extra || (sizes->size[d - extra] == 1 && a->shape[d] != 1);
        any = any || along.along[d];
    }
    if (sizes->ndim == 0 && a->ndim > 0)
        return sum_all(a, err);
    Array *summed = any ? array_reduce(a, &along, err) : array_share(a, err);
    Array *shaped = summed ? array_reshape("grad", summed, sizes, err) : NULL;
    array_free(summed);
    return shaped;
}

/* dx, taken over, in that form: NULL on failure. */
static Array *fitted(Array *dx, const Form *form, Error *err) {
    Array *shaped = NULL, *cast = NULL;
    if (!dx || has_form(dx, form))
        return dx;
    shaped = sum_broadcast(dx, &form->sizes, err);
    array_free(dx);
    if (!shaped || shaped->dtype == form->dtype)
        return shaped;
    cast = form->dtype == DTYPE_F32 ? array_from_doubles("grad", shaped, DTYPE_F32, err)
                                    : array_astype("grad", shaped, form->dtype, err);
    array_free(shaped);
    return cast;
}

bool was_written(Error *err) {
    return error_set(err, ERROR_ARGUMENT,
                     "an array whose numbers it needs was written into since it was recorded: "
                     "write into a copy, x:copy(), or go back first");
}

bool gradient_is_own(const Array *gradient) {
    return array_is_sole(gradient) && array_is_contiguous(gradient) && !gradient->read_only;
}

Array *pull_room(const Pull *pull, Error *err) {
    Array **gradient = pull->gradient;
    const Form *form = &pull_input(pull)->form;
    if (*gradient && gradient_is_own(*gradient))
        return *gradient;
    Array *room = *gradient ? array_copy("grad", *gradient, err)
                            : array_new("grad", form->dtype, &form->sizes, err);
    if (!room)
        return NULL;
    array_free(*gradient);
    return *gradient = room;
}

/* sum += more; what rounding takes from it is added to *rest (Knuth's TwoSum). */
static bool add_exactly(Array *sum, const Array *more, Array **rest, Error *err) {
    double *a = array_f64(sum);
    const double *b = array_f64(more);
    Sizes sizes = array_sizes(sum);
    for (size_t i = 0, n = array_size(sum); i < n; i++) {
        double both = a[i] + b[i], part = both - a[i];
        double lost = (a[i] - (both - part)) + (b[i] - part);
        a[i] = both;
        if (lost == 0 || !isfinite(lost))
            continue;
        if (!*rest && !(*rest = array_new("grad", DTYPE_F64, &sizes, err)))
            return false;
        array_f64(*rest)[i] += lost;
    }
    return true;
}

bool output_complete(NodeOutput *output, Error *err) {
    Array *rest = output->rest;
    if (!rest)
        return true;
    const Array *both[2] = { output->gradient, rest };
    Array *sum = array_apply(array_op("add"), both, err);
    array_free(rest);
    output->rest = NULL;
    if (sum) {
        array_free(output->gradient);
        output->gradient = sum;
    }
    return sum != NULL;
}

bool pull_give(const Pull *pull, Array *dx, Error *err) {
    Array **gradient = pull->gradient;
    dx = fitted(dx, &pull_input(pull)->form, err);
    if (!dx)
        return false;
    if (!*gradient) {
        *gradient = dx;
        return true;
    }
    if (dx->dtype == DTYPE_F64 && array_is_contiguous(dx)) {
        Array *room = pull_room(pull, err);
        bool added = room && add_exactly(room, dx, pull->rest, err);
        array_free(dx);
        return added;
    }
    const Array *both[2] = { *gradient, dx };
    Array *sum = NULL;
    bool ok = gradient_is_own(*gradient) ? array_apply_into(array_op("add"), both, *gradient, err)
                                         : (sum = array_apply(array_op("add"), both, err)) != NULL;
    array_free(dx);
    if (sum) {
        array_free(*gradient);
        *gradient = sum;
    }
    return ok;
}
