/* pull_reduce.c — the way back through reductions: what was one number becomes many again. */
#include "core/array.h"
#include "core/array_math.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "grad/operations.h"

#include <math.h>
#include <stdlib.h>

static const Reduce *reduce_of(const Pull *pull) {
    return pull->node->attributes;
}

static bool is_along(const Reduce *what, int d) {
    bool any = false;
    for (int i = 0; i < ARRAY_MAX_DIMS; i++)
        any = any || what->along[i];
    return !any || what->along[d];
}

/* The input's sizes with 1 for the axes that were reduced. */
static Sizes kept_sizes(const Pull *pull) {
    Sizes sizes = pull_input(pull)->form.sizes;
    for (int d = 0; d < sizes.ndim; d++)
        if (is_along(reduce_of(pull), d))
            sizes.size[d] = 1;
    return sizes;
}

/* How many elements made one. */
static double group_size(const Pull *pull) {
    const Sizes *sizes = &pull_input(pull)->form.sizes;
    double size = 1;
    for (int d = 0; d < sizes->ndim; d++)
        if (is_along(reduce_of(pull), d))
            size *= (double)sizes->size[d];
    return size;
}

/* dy or y with the reduced axes in place again, in the input's type. */
static Array *kept(const Pull *pull, const Array *reduced, Error *err) {
    Sizes sizes = kept_sizes(pull);
    DType dtype = pull_input(pull)->form.dtype;
    Array *cast = dtype == DTYPE_F32 ? array_from_doubles("grad", reduced, dtype, err)
                                     : array_contiguous("grad", reduced, dtype, err);
    Array *shaped = cast ? array_reshape("grad", cast, &sizes, err) : NULL;
    array_free(cast);
    return shaped;
}

static bool scale(Array *a, double factor, Error *err) {
    const Array number = { .dtype = DTYPE_F64, .origin = ORIGIN_FLOATS, .data = &factor };
    return array_apply_into(array_op("mul"), (const Array *[]){ a, &number }, a, err);
}

/* factor · dy, repeated along the axes: without memory of its own. */
static bool give_repeated(const Pull *pull, double factor, Error *err) {
    Array *dy = kept(pull, pull->dy, err), *repeated = NULL;
    bool ok = dy != NULL;
    if (ok && factor != 1 && !array_is_sole(dy)) { /* somebody else reads it */
        Array *own = array_copy("grad", dy, err);
        array_free(dy);
        dy = own;
    }
    ok = dy && (factor == 1 || scale(dy, factor, err));
    if (ok)
        repeated = array_broadcast_to("grad", dy, &pull_input(pull)->form.sizes, err);
    array_free(dy);
    return pull_give(pull, repeated, err);
}

bool pull_sum(const Pull *pull, Error *err) {
    return give_repeated(pull, 1, err);
}

bool pull_mean(const Pull *pull, Error *err) {
    return give_repeated(pull, 1 / group_size(pull), err);
}

/* a · b, both taken over; NULL on failure. */
static Array *product(Array *a, Array *b, Error *err) {
    Array *made = a && b ? array_binary("mul", a, b, err) : NULL;
    array_free(a);
    array_free(b);
    return made;
}

/* where(mask, a, 0), both taken over. */
static Array *masked(Array *mask, Array *a, Error *err) {
    double zero = 0;
    const Array nothing = { .dtype = DTYPE_F64, .origin = ORIGIN_FLOATS, .data = &zero };
    Array *made = mask && a
                      ? array_apply(array_op("where"), (const Array *[]){ mask, a, &nothing }, err)
                      : NULL;
    array_free(mask);
    array_free(a);
    return made;
}

/* dy / y, and 0 where y is. */
static Array *divided(const Pull *pull, Error *err) {
    Array *dy = kept(pull, pull->dy, err), *y = kept(pull, pull_y(pull), err);
    Array *quotient = dy && y ? array_binary("div", dy, y, err) : NULL;
    Array *mask = quotient ? array_unary("truth", y, err) : NULL;
    array_free(dy);
    array_free(y);
    return masked(mask, quotient, err);
}

/* x − its means. */
static Array *deviations(const Pull *pull, Error *err) {
    Reduce what = *reduce_of(pull);
    Sizes sizes = kept_sizes(pull);
    what.reduction = REDUCE_MEAN;
    what.keepdims = true;
    Array *mean = array_reduce(pull_x(pull, 0), &what, err);
    Array *shaped = mean ? array_reshape("grad", mean, &sizes, err) : NULL;
    Array *made = shaped ? array_binary("sub", pull_x(pull, 0), shaped, err) : NULL;
    array_free(mean);
    array_free(shaped);
    return made;
}

/* The least of every group, or the greatest, with the reduced axes in place. */
static Array *extreme(const Pull *pull, Reduction reduction, Error *err) {
    Reduce what = *reduce_of(pull);
    Sizes sizes = kept_sizes(pull);
    what.reduction = reduction;
    what.keepdims = true;
    Array *found = array_reduce(pull_x(pull, 0), &what, err);
    Array *shaped = found ? array_reshape("grad", found, &sizes, err) : NULL;
    array_free(found);
    return shaped;
}

/* dy / y, and 0 where all of a group are equal: their mean is rounded, and y hardly ever 0. */
static Array *divided_by_spread(const Pull *pull, Error *err) {
    Array *least = extreme(pull, REDUCE_MIN, err);
    Array *most = least ? extreme(pull, REDUCE_MAX, err) : NULL;
    Array *differ = most ? array_binary("ne", least, most, err) : NULL;
    array_free(least);
    array_free(most);
    return masked(differ, differ ? divided(pull, err) : NULL, err);
}

/* var: 2 dy (x − mean) / (n − ddof); std: half of that by y. */
bool pull_deviation(const Pull *pull, Error *err) {
    const Reduce *what = reduce_of(pull);
    bool root = what->reduction == REDUCE_STD;
    Array *d = deviations(pull, err);
    Array *dy = !d ? NULL : root ? divided_by_spread(pull, err) : kept(pull, pull->dy, err);
    Array *dx = product(d, dy, err);
    if (dx && !scale(dx, (root ? 1 : 2) / (group_size(pull) - what->ddof), err)) {
        array_free(dx);
        return false;
    }
    return pull_give(pull, dx, err);
}

/* dy, shared among the elements of a group that the mask has, which is taken over. */
static Array *shared_among(const Pull *pull, Array *mask, Error *err) {
    Reduce count = *reduce_of(pull);
    Sizes sizes = kept_sizes(pull);
    count.reduction = REDUCE_COUNT;
    count.keepdims = true;
    Array *dy = mask ? kept(pull, pull->dy, err) : NULL;
    Array *counted = dy ? array_reduce(mask, &count, err) : NULL;
    Array *counts = counted ? array_reshape("grad", counted, &sizes, err) : NULL;
    Array *part = counts ? array_binary("div", dy, counts, err) : NULL;
    Array *made = part ? masked(mask, part, err) : NULL;
    if (!part)
        array_free(mask);
    array_free(dy);
    array_free(counted);
    array_free(counts);
    return made;
}

/* a or b, both taken over. */
static Array *either(Array *a, Array *b, Error *err) {
    Array *made = a && b ? array_binary("logical_or", a, b, err) : NULL;
    array_free(a);
    array_free(b);
    return made;
}

/* As `kept` gives it: contiguous. */
static bool has_nan(const Array *y) {
    bool any = false;
    for (size_t i = 0, n = array_size(y); i < n; i++)
        any = any || isnan(y->dtype == DTYPE_F32 ? (double)array_f32(y)[i] : array_f64(y)[i]);
    return any;
}

/* Where x is what the reduction found; where that is NaN, so is x. */
static Array *found(const Pull *pull, const Array *x, Error *err) {
    Array *y = kept(pull, pull_y(pull), err);
    Array *mask = y ? array_binary("eq", x, y, err) : NULL;
    bool nan = mask && has_nan(y);
    array_free(y);
    return nan ? either(mask, array_unary("isnan", x, err), err) : mask;
}

/* Equal extremes share it, as in PyTorch's amax. */
bool pull_extreme(const Pull *pull, Error *err) {
    return pull_give(pull, shared_among(pull, found(pull, pull_x(pull, 0), err), err), err);
}

static Array *largest_share(const Pull *pull, Error *err) {
    Array *size = array_unary("abs", pull_x(pull, 0), err);
    Array *mask = size ? found(pull, size, err) : NULL;
    array_free(size);
    return shared_among(pull, mask, err);
}

/* 1: the sign; 2: x / y, 0 where all are 0; infinite: the sign, shared among the largest. */
bool pull_norm(const Pull *pull, Error *err) {
    Reduction norm = reduce_of(pull)->reduction;
    Array *direction = norm == REDUCE_NORM2 ? array_share(pull_x(pull, 0), err)
                                            : array_unary("sign", pull_x(pull, 0), err);
    if (!direction)
        return false;
    Array *share = norm == REDUCE_NORM1   ? kept(pull, pull->dy, err)
                   : norm == REDUCE_NORM2 ? divided(pull, err)
                                          : largest_share(pull, err);
    return pull_give(pull, product(direction, share, err), err);
}

/* Split the softmax p of one group in double: p becomes what p is more than `whole`, 1 at the first
 * of the greatest and 0 elsewhere. There p is 1 less the others, whose digits 1 has no room for. */
static void split(double *p, double *whole, size_t n) {
    size_t greatest = 0;
    double others = 0;
    for (size_t i = 1; i < n; i++)
        greatest = p[i] > p[greatest] ? i : greatest;
    for (size_t i = 0; i < n; i++)
        others += i == greatest ? 0 : p[i];
    for (size_t i = 0; i < n; i++)
        whole[i] = i == greatest;
    p[greatest] = isnan(p[greatest]) ? p[greatest] : -others;
}

/* The same of rows, p (taken over) being reduced along its last axis: dy · whole is given first, so
 * that what it cancels is gone when dy · p comes. */
static bool give_split(const Pull *pull, Array *p, Error *err) {
    Sizes sizes = array_sizes(p);
    size_t n = sizes.size[sizes.ndim - 1];
    Array *whole = array_new("grad", DTYPE_F64, &sizes, err);
    for (size_t at = 0; whole && at < array_size(p); at += n)
        split(array_f64(p) + at, array_f64(whole) + at, n);
    bool ok = whole && pull_give(pull, product(whole, kept(pull, pull->dy, err), err), err);
    if (ok)
        return pull_give(pull, product(p, kept(pull, pull->dy, err), err), err);
    array_free(p);
    return false;
}

/* Rows in double, as scores are. */
static bool are_rows(const Pull *pull, const Array *share) {
    int last = share->ndim - 1;
    bool along = last >= 0 && share->dtype == DTYPE_F64 && share->shape[last] > 0 &&
                 is_along(reduce_of(pull), last) && array_is_contiguous(share);
    for (int d = 0; along && d < last; d++)
        along = !is_along(reduce_of(pull), d);
    return along;
}

/* dy · exp(x − y): the softmax. */
bool pull_logsumexp(const Pull *pull, Error *err) {
    Array *y = kept(pull, pull_y(pull), err);
    Array *below = y ? array_binary("sub", pull_x(pull, 0), y, err) : NULL;
    Array *share = below ? array_unary("exp", below, err) : NULL;
    array_free(below);
    array_free(y);
    if (share && are_rows(pull, share))
        return give_split(pull, share, err);
    return pull_give(pull, product(share, share ? kept(pull, pull->dy, err) : NULL, err), err);
}

/* ---- Products of elements -------------------------------------------------------------------- */

/* The axes of a group last. */
static void group_axes(const Pull *pull, int axes[ARRAY_MAX_DIMS]) {
    int ndim = pull_input(pull)->form.sizes.ndim, next = 0;
    for (int along = 0; along < 2; along++)
        for (int d = 0; d < ndim; d++)
            if (is_along(reduce_of(pull), d) == along)
                axes[next++] = d;
}

/* d[i] becomes the product of the other elements: those before it times those behind it. */
static void others(const double *x, double *d, size_t n) {
    double before = 1, behind = 1;
    for (size_t i = 0; i < n; i++) {
        d[i] = before;
        before *= x[i];
    }
    for (size_t i = n; i-- > 0;) {
        d[i] *= behind;
        behind *= x[i];
    }
}

/* The products of the others, in the order of x. */
static Array *products_of_others(const Pull *pull, Error *err) {
    int axes[ARRAY_MAX_DIMS], back[ARRAY_MAX_DIMS];
    size_t n = (size_t)group_size(pull);
    group_axes(pull, axes);
    for (int d = 0; d < pull_x(pull, 0)->ndim; d++)
        back[axes[d]] = d; // NOLINT(clang-analyzer-core.uninitialized.*): each axis is in one half
    Array *grouped = array_transpose("grad", pull_x(pull, 0), axes, err);
    Array *x = grouped ? array_contiguous("grad", grouped, DTYPE_F64, err) : NULL;
    Sizes sizes = x ? array_sizes(x) : (Sizes){ 0 };
    Array *d = x ? array_uninitialised("grad", DTYPE_F64, &sizes, err) : NULL;
    size_t total = d ? array_size(d) : 0;
    for (size_t i = 0; n > 0 && i < total; i += n)
        others(array_f64(x) + i, array_f64(d) + i, n);
    Array *made = d ? array_transpose("grad", d, back, err) : NULL;
    array_free(grouped);
    array_free(x);
    array_free(d);
    return made;
}

bool pull_prod(const Pull *pull, Error *err) {
    Array *d = products_of_others(pull, err);
    return pull_give(pull, product(d, d ? kept(pull, pull->dy, err) : NULL, err), err);
}

/* ---- Running sums ---------------------------------------------------------------------------- */

/* Backwards along the axis: a view. */
static Array *reversed(const Array *a, int axis, Error *err) {
    Slice slices[ARRAY_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++)
        slices[d] = (Slice){ .count = a->shape[d], .step = 1 };
    if (a->shape[axis] > 0)
        slices[axis] = (Slice){ a->shape[axis] - 1, a->shape[axis], -1, false };
    return array_slice(a, slices, err);
}

bool pull_cumsum(const Pull *pull, Error *err) {
    int told = *(const int *)pull->node->attributes, axis = told < 0 ? 0 : told;
    Array *back = reversed(pull->dy, axis, err);
    Array *summed = back ? array_cumsum(back, axis, err) : NULL;
    Array *forth = summed ? reversed(summed, axis, err) : NULL;
    Array *dx = forth ? array_reshape("grad", forth, &pull_input(pull)->form.sizes, err) : NULL;
    array_free(back);
    array_free(summed);
    array_free(forth);
    return pull_give(pull, dx, err);
}
