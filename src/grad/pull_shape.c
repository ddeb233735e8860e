/* pull_shape.c — the way back through what only moves or repeats elements: gradients go to where
 * the elements came from. */
#include "core/array.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_sort.h"
#include "core/fail.h"
#include "grad/operations.h"

#include <string.h>

bool pull_reshape(const Pull *pull, Error *err) {
    const Sizes *sizes = &pull_input(pull)->form.sizes;
    return pull_give(pull, array_reshape("grad", pull->dy, sizes, err), err);
}

/* What has the input's elements, perhaps repeated, or in another type. */
bool pull_same(const Pull *pull, Error *err) {
    return pull_give(pull, array_share(pull->dy, err), err);
}

/* The attributes are the axes, or none for all in reverse. */
bool pull_transpose(const Pull *pull, Error *err) {
    const int *axes = pull->node->attributes;
    int back[ARRAY_MAX_DIMS];
    for (int d = 0; axes && d < pull->dy->ndim; d++)
        back[axes[d]] = d;
    return pull_give(pull, array_transpose("grad", pull->dy, axes ? back : NULL, err), err);
}

/* Add values to the place, which has their size. Takes the place over. */
static bool add_to(Array *place, const Array *values, Error *err) {
    bool ok =
        place && array_apply_into(array_op("add"), (const Array *[]){ place, values }, place, err);
    array_free(place);
    return ok;
}

bool pull_slice(const Pull *pull, Error *err) {
    Array *dx = pull_room(pull, err);
    return dx && add_to(array_slice(dx, pull->node->attributes, err), pull->dy, err);
}

/* ---- Positions ------------------------------------------------------------------------------- */

/* A contiguous array as outer × n × inner around one axis. */
typedef struct Around {
    size_t outer, n, inner;
} Around;

static Around around(const Sizes *sizes, int axis) {
    Around a = { 1, axis < 0 ? sizes_product(sizes) : sizes->size[axis], 1 };
    for (int d = 0; axis >= 0 && d < sizes->ndim; d++)
        *(d < axis ? &a.outer : &a.inner) *= d == axis ? 1 : sizes->size[d];
    return a;
}

/* to[o, position[i]] += from[o, i] */
#define SCATTER(name, T)                                                                           \
    static void name(const Chosen *chosen, Around a, const T *from, T *to) {                       \
        for (size_t o = 0; o < a.outer; o++, to += a.n * a.inner)                                  \
            for (size_t i = 0; i < chosen->count; i++, from += a.inner)                            \
                for (size_t j = 0; j < a.inner; j++)                                               \
                    to[chosen->position[i] * a.inner + j] += from[j];                              \
    }
SCATTER(scatter_f32, float)
SCATTER(scatter_f64, double)

bool pull_chosen(const Pull *pull, Error *err) {
    const Chosen *chosen = pull->node->attributes;
    Around a = around(&pull_input(pull)->form.sizes, chosen->axis);
    Array *dx = pull_room(pull, err);
    Array *dy = dx ? array_contiguous("grad", pull->dy, dx->dtype, err) : NULL;
    if (!dy)
        return false;
    if (dx->dtype == DTYPE_F32)
        scatter_f32(chosen, a, array_f32(dy), array_f32(dx));
    else
        scatter_f64(chosen, a, array_f64(dy), array_f64(dx));
    array_free(dy);
    return true;
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* to[o, position[o, i, j], j] = from[o, i, j] */
#define UNSORT(name, T)                                                                            \
    static void name(const int32_t *position, Around a, const T *from, T *to) {                    \
        for (size_t o = 0; o < a.outer; o++, to += a.n * a.inner)                                  \
            for (size_t i = 0; i < a.n; i++)                                                       \
                for (size_t j = 0; j < a.inner; j++)                                               \
                    to[(size_t)*position++ * a.inner + j] = *from++;                               \
    }
UNSORT(unsort_f32, float)
UNSORT(unsort_f64, double)

/* Equal elements keep their order. */
bool pull_sort(const Pull *pull, Error *err) {
    SortOrder order = *(const SortOrder *)pull->node->attributes;
    const Form *form = &pull_input(pull)->form;
    Around a = around(&form->sizes, order.axis);
    order.origin = 0;
    Array *position = array_argsort(pull_x(pull, 0), &order, err);
    Array *dy = position ? array_contiguous("grad", pull->dy, form->dtype, err) : NULL;
    Array *dx = dy ? array_uninitialised("grad", form->dtype, &form->sizes, err) : NULL;
    if (dx && form->dtype == DTYPE_F32)
        unsort_f32(array_i32(position), a, array_f32(dy), array_f32(dx));
    else if (dx)
        unsort_f64(array_i32(position), a, array_f64(dy), array_f64(dx));
    array_free(position);
    array_free(dy);
    return pull_give(pull, dx, err);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static void all_of(const Array *a, Slice slices[ARRAY_MAX_DIMS]) {
    for (int d = 0; d < a->ndim; d++)
        slices[d] = (Slice){ .count = a->shape[d], .step = 1 };
}

/* The attribute is the axis. */
bool pull_concatenate(const Pull *pull, Error *err) {
    int axis = *(const int *)pull->node->attributes;
    Slice slices[ARRAY_MAX_DIMS];
    all_of(pull->dy, slices);
    slices[axis].count = pull_input(pull)->form.sizes.size[axis];
    for (size_t k = 0; k < pull->k; k++)
        slices[axis].first += pull->node->input[k].form.sizes.size[axis];
    if (slices[axis].count == 0)
        slices[axis].first = 0;
    return pull_give(pull, array_slice(pull->dy, slices, err), err);
}

bool pull_stack(const Pull *pull, Error *err) {
    int axis = *(const int *)pull->node->attributes;
    Slice slices[ARRAY_MAX_DIMS];
    all_of(pull->dy, slices);
    slices[axis] = (Slice){ .first = pull->k, .count = 1, .step = 1, .drop = true };
    return pull_give(pull, array_slice(pull->dy, slices, err), err);
}
