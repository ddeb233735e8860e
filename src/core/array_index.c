#include "core/array_index.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/progress.h"

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

/* The shape of a with as many elements along the axis as there are positions. */
static Sizes places_shape(const Array *a, const Places *places) {
    Sizes shape = array_sizes(a);
    shape.size[places->axis] = places->count;
    return shape;
}

/* The rows of a contiguous array at these positions into `to`; false where it gave up. */
static bool take_rows(const Array *input, const Places *places, char *to) {
    enum { LOOK = 1 << 12 }; /* once in so many rows */
    Rows r = rows_around(input, places->axis);
    double started = progress_clock();
    for (size_t o = 0; o < r.outer; o++)
        for (size_t i = 0; i < places->count; i++, to += r.bytes) {
            if ((o + i) % LOOK == 0 && progress_gives_up(started))
                return false;
            memcpy(to, (char *)input->data + (o * r.n + places->position[i]) * r.bytes, r.bytes);
        }
    return true;
}

Array *array_take(const char *where, const Array *a, const Places *places, Error *err) {
    Sizes shape = places_shape(a, places);
    Array *input = array_contiguous(where, a, a->dtype, err);
    Array *out = input ? array_uninitialised(where, a->dtype, &shape, err) : NULL;
    bool whole = !out || take_rows(input, places, out->data);
    array_free(input);
    if (out)
        out->origin = a->origin == ORIGIN_MASK ? ORIGIN_MASK : ORIGIN_ARRAY;
    if (whole)
        return out;
    array_free(out);
    error_interrupted(err, where);
    return NULL;
}

/* Row i along the axis as a header on the stack. */
static Array part_at(const Array *a, int axis, size_t i) {
    Array part = *a;
    part.shape[axis] = 1;
    part.data = (char *)a->data + (ptrdiff_t)i * a->stride[axis] * (ptrdiff_t)dtype_size(a->dtype);
    return part;
}

bool array_put_at(const Array *values, const Places *places, Array *out, Error *err) {
    if (!array_writable("put", out, err))
        return false;
    Sizes shape = places_shape(out, places);
    Array *rows = NULL, *wide = array_broadcast_to("put", values, &shape, err);
    /* All converted before the first is written, so that a refusal leaves out as it was; and values
     * that are part of out are copied, because the first row written may be one still to be read.
     */
    if (wide && wide->buffer == out->buffer && wide->dtype == out->dtype)
        rows = array_copy("put", wide, err);
    else if (wide)
        rows = array_contiguous("put", wide, out->dtype, err);
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < places->count; i++) {
        Array from = part_at(rows, places->axis, i);
        Array to = part_at(out, places->axis, places->position[i]);
        ok = array_assign("put", &from, &to, err);
    }
    array_free(rows);
    array_free(wide);
    return ok;
}

/* ---- One position for each place ------------------------------------------------------------- */

static bool check_gathered(const Array *a, const Array *positions, int axis, Error *err) {
    char first[128], second[128];
    bool keeps = positions->ndim == a->ndim, fits = keeps || positions->ndim == a->ndim - 1;
    for (int d = 0; fits && d < a->ndim; d++)
        fits = d == axis || positions->shape[keeps || d < axis ? d : d - 1] == a->shape[d];
    return fits || error_set(err, ERROR_ARGUMENT,
                             "gather: positions of shape %s for an array of shape %s: expected "
                             "its sizes, with any number or without one along axis %d",
                             array_shape_text(positions->ndim, positions->shape, first),
                             array_shape_text(a->ndim, a->shape, second), axis + 1);
}

/* A contiguous array as outer × n × inner around the axis, beside its positions, outer × count ×
 * inner: element i of the positions is at place_among(…) of the array. */
typedef struct Gathering {
    const Places *places;
    size_t n, count, inner;
} Gathering;

static Gathering gathering_of(const Sizes *shape, const Places *places) {
    Gathering g = { .places = places, .n = shape->size[places->axis], .inner = 1 };
    size_t outer = 1;
    for (int d = 0; d < shape->ndim; d++)
        *(d < places->axis ? &outer : &g.inner) *= d == places->axis ? 1 : shape->size[d];
    g.count = outer && g.inner ? places->count / (outer * g.inner) : 0;
    return g;
}

static size_t place_among(const Gathering *g, size_t i) {
    // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): there is an element i
    size_t outer = i / (g->count * g->inner);
    return (outer * g->n + g->places->position[i]) * g->inner + i % g->inner;
}

Array *array_gather(const Array *a, const Array *positions, const Places *places, Error *err) {
    if (!check_gathered(a, positions, places->axis, err))
        return NULL;
    Sizes from = array_sizes(a), shape = array_sizes(positions);
    Gathering g = gathering_of(&from, places);
    size_t bytes = dtype_size(a->dtype);
    Array *input = array_contiguous("gather", a, a->dtype, err);
    Array *out = input ? array_uninitialised("gather", a->dtype, &shape, err) : NULL;
    double started = progress_clock();
    bool whole = true;
    for (size_t i = 0; whole && out && i < places->count; i++) {
        memcpy((char *)out->data + i * bytes, (char *)input->data + place_among(&g, i) * bytes,
               bytes);
        whole = !progress_gives_up_at(i, started) || error_interrupted(err, "gather");
    }
    array_free(input);
    if (out)
        out->origin = a->origin == ORIGIN_MASK ? ORIGIN_MASK : ORIGIN_ARRAY;
    if (whole)
        return out;
    array_free(out);
    return NULL;
}

Array *array_gather_pull(const Array *dy, const Sizes *shape, const Places *places, Error *err) {
    Gathering g = gathering_of(shape, places);
    Array *slope = array_contiguous("gather", dy, dy->dtype, err);
    Array *dx = slope ? array_new("gather", dy->dtype, shape, err) : NULL;
    for (size_t i = 0; dx && i < places->count; i++) {
        size_t at = place_among(&g, i);
        if (dy->dtype == DTYPE_F32)
            array_f32(dx)[at] += array_f32(slope)[i];
        else
            array_f64(dx)[at] += array_f64(slope)[i];
    }
    array_free(slope);
    return dx;
}

/* ---- Masks ----------------------------------------------------------------------------------- */

/* The flat places of what is not 0, in a malloc'd list. */
static size_t *flat_places(const char *where, const Array *mask, size_t *count, Error *err) {
    Array *truth = array_unary("truth", mask, err);
    Array *flat = truth ? array_contiguous(where, truth, DTYPE_I32, err) : NULL;
    array_free(truth);
    if (!flat)
        return NULL;
    const int32_t *t = array_i32(flat);
    size_t n = array_size(flat), k = 0;
    *count = 0;
    for (size_t i = 0; i < n; i++)
        *count += t[i] != 0;
    size_t *places = malloc((*count ? *count : 1) * sizeof *places);
    for (size_t i = 0; places && i < n; i++)
        if (t[i])
            places[k++] = i;
    if (!places)
        error_memory(err, where, *count * sizeof *places);
    array_free(flat);
    return places;
}

static bool check_mask(const Array *a, const Array *mask, int axis, Error *err) {
    char first[128], second[128];
    bool fits =
        axis < 0 ? array_same_shape(a, mask) : mask->ndim == 1 && mask->shape[0] == a->shape[axis];
    return fits || error_set(err, ERROR_ARGUMENT,
                             "compress: a mask of shape %s does not fit %s of shape %s",
                             array_shape_text(mask->ndim, mask->shape, first),
                             axis < 0 ? "an array" : "that axis of an array",
                             array_shape_text(a->ndim, a->shape, second));
}

Array *array_compress(const Array *a, const Array *mask, int axis, Error *err) {
    Places places = { .axis = axis < 0 ? 0 : axis };
    if (!check_mask(a, mask, axis, err))
        return NULL;
    size_t *position = flat_places("compress", mask, &places.count, err);
    if (!position)
        return NULL;
    places.position = position;
    Array *input = axis < 0 ? array_reshape("compress", a, &(Sizes){ 1, { array_size(a) } }, err)
                            : array_view(a, err);
    Array *out = input ? array_take("compress", input, &places, err) : NULL;
    array_free(input);
    free(position);
    return out;
}

Array *array_nonzero(const Array *a, int32_t origin, Error *err) {
    size_t count, width = a->ndim ? (size_t)a->ndim : 1;
    size_t *places = flat_places("nonzero", a, &count, err);
    if (!places)
        return NULL;
    Array *out = a->ndim <= 1 ? array_new1("nonzero", DTYPE_I32, count, err)
                              : array_new2("nonzero", DTYPE_I32, count, width, err);
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

static bool check_joined(const Array *first, const Array *part, int axis, Error *err) {
    char one[128], other[128];
    bool fits = first->ndim == part->ndim && axis < first->ndim;
    for (int d = 0; fits && d < first->ndim; d++)
        fits = d == axis || first->shape[d] == part->shape[d];
    return fits ||
           error_set(err, ERROR_ARGUMENT, "concatenate: shapes %s and %s do not join along axis %d",
                     array_shape_text(first->ndim, first->shape, one),
                     array_shape_text(part->ndim, part->shape, other), axis + 1);
}

Array *array_concatenate(const Array *const *parts, size_t count, int axis, Error *err) {
    Sizes shape = array_sizes(parts[0]);
    for (size_t i = 0; i < count; i++) {
        if (!check_joined(parts[0], parts[i], axis, err))
            return NULL;
        shape.size[axis] += i ? parts[i]->shape[axis] : 0;
    }
    DType dtype = array_chosen_dtype(parts, count);
    Array *out = array_uninitialised("concatenate", dtype, &shape, err);
    size_t place = 0;
    double started = progress_clock();
    for (size_t i = 0; out && i < count; i++) {
        Array target = part_at(out, axis, place);
        target.shape[axis] = parts[i]->shape[axis];
        place += parts[i]->shape[axis];
        if (progress_gives_up(started) ? !error_interrupted(err, "concatenate")
                                       : !array_assign("concatenate", parts[i], &target, err)) {
            array_free(out);
            return NULL;
        }
    }
    if (out && array_masks(parts, count))
        out->origin = ORIGIN_MASK;
    return out;
}

Array *array_stack(const Array *const *parts, size_t count, int axis, Error *err) {
    char one[128], other[128];
    Array **wide = calloc(count, sizeof(Array *));
    if (!wide) {
        error_memory(err, "stack", count * sizeof(Array *));
        return NULL;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = array_same_shape(parts[0], parts[i]) ||
             error_set(err, ERROR_ARGUMENT, "stack: shapes %s and %s differ",
                       array_shape_text(parts[0]->ndim, parts[0]->shape, one),
                       array_shape_text(parts[i]->ndim, parts[i]->shape, other));
        ok = ok && (wide[i] = array_expand_dims(parts[i], axis, err)) != NULL;
        if (ok)
            wide[i]->origin = parts[i]->origin; /* a table's numbers are still a table's */
    }
    Array *out = ok ? array_concatenate((const Array *const *)wide, count, axis, err) : NULL;
    for (size_t i = 0; i < count; i++)
        array_free(wide[i]);
    free(wide);
    return out;
}
