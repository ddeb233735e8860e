/* Several elements by index, as NumPy has it: x[mask], x[positions], x[{first, last}]. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"
#include "bind/bind_samples.h"

#include "core/array_index.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"

static bool chooses_rows(const Array *mask, const Array *a) {
    return mask->ndim == 1 && a->ndim > 1;
}

/* The rows of the range at 2, as a view, pushed. */
static void push_range(lua_State *L, const Array *a, Slice slices[ARRAY_MAX_DIMS]) {
    lua_pushvalue(L, 2);
    slices[0] = bind_range(L, "array", a->shape[0]);
    lua_pop(L, 1);
    for (int d = 1; d < a->ndim; d++)
        slices[d] = (Slice){ .first = 0, .count = a->shape[d], .step = 1 };
    BIND_ARRAY_PUSH(L, array_slice(a, slices, &err));
}

/* The positions at `index`, counted from `origin`, as places of the first axis; pushed. */
static Places push_places(lua_State *L, int index, int origin, const Array *a) {
    const Array *given = bind_to_array(L, index, "array", "index", DTYPE_I32);
    if (given->ndim != 1)
        bind_error(L, "array: index: positions are a 1-d array, got %d dimensions", given->ndim);
    size_t count = array_size(given);
    size_t *positions = lua_newuserdatauv(L, (count + 1) * sizeof *positions, 0);
    for (size_t i = 0; i < count; i++) {
        lua_Integer at = array_i32(given)[i];
        positions[i] = origin == 0 ? (size_t)at : bind_array_index(L, at, a, 0);
    }
    return (Places){ 0, positions, count };
}

void bind_array_tell_mask(lua_State *L, const Array *mask, int axis) {
    if (!bind_wants_attributes(L))
        return;
    BIND_ARRAY_PUSH(L, array_reshape("array", mask, &(Sizes){ 1, { SIZE_REST } }, &err));
    const Array *flat = bind_test_array(L, -1);
    BIND_ARRAY_PUSH(L, array_nonzero(flat, 0, &err));
    const Array *places = bind_test_array(L, -1);
    size_t count = array_size(places);
    size_t *position = lua_newuserdatauv(L, (count + 1) * sizeof *position, 0);
    for (size_t i = 0; i < count; i++)
        position[i] = (size_t)array_i32(places)[i];
    bind_tell_chosen(L, axis, position, count);
    lua_pop(L, 3);
}

int bind_array_push_chosen(lua_State *L, void *object) {
    const Array *a = object, *key = bind_test_array(L, 2);
    if (a->ndim == 0 || (!key && !lua_istable(L, 2)))
        return 0;
    if (!key) {
        Slice slices[ARRAY_MAX_DIMS];
        push_range(L, a, slices);
        if (bind_grad_hears(L, a)) {
            bind_tell(L, slices, sizeof slices);
            bind_grad_result(L, "slice", a);
        }
    } else if (key->origin == ORIGIN_MASK) {
        int axis = chooses_rows(key, a) ? 0 : -1;
        BIND_ARRAY_PUSH(L, array_compress(a, key, axis, &err));
        if (bind_grad_hears(L, a)) {
            bind_array_tell_mask(L, key, axis);
            bind_grad_result(L, "compress", a);
        }
    } else {
        Places places = push_places(L, 2, 1, a);
        BIND_ARRAY_PUSH(L, array_take("array", a, &places, &err));
        if (bind_grad_hears(L, a)) {
            bind_tell_chosen(L, 0, places.position, places.count);
            bind_grad_result(L, "take", a);
        }
    }
    return 1;
}

/* Write to where the mask, of the array's own shape or as long as its first axis, is not 0. */
static void assign_to_mask(lua_State *L, Array *a, const Array *mask, const Array *values) {
    char one[128], other[128];
    bool rows = chooses_rows(mask, a);
    if (rows ? mask->shape[0] != a->shape[0] : !array_same_shape(mask, a))
        bind_error(L, "array: a mask of shape %s for an array of shape %s",
                   array_shape_text(mask->ndim, mask->shape, one),
                   array_shape_text(a->ndim, a->shape, other));
    if (rows || a->ndim == 1) {
        BIND_ARRAY_PUSH(L, array_nonzero(mask, 0, &err));
        Places places = push_places(L, lua_gettop(L), 0, a);
        BIND_TRY(L, array_put_at(values, &places, a, &err));
        return;
    }
    /* in a flat copy, which then takes the array's place */
    const Sizes flat = { .ndim = 1, .size = { array_size(a) } };
    BIND_ARRAY_PUSH(L, array_copy("array", a, &err));
    const Array *copy = bind_test_array(L, -1);
    BIND_ARRAY_PUSH(L, array_reshape("array", copy, &flat, &err));
    Array *line = bind_test_array(L, -1);
    BIND_ARRAY_PUSH(L, array_reshape("array", mask, &flat, &err));
    const Array *flat_mask = bind_test_array(L, -1);
    BIND_ARRAY_PUSH(L, array_nonzero(flat_mask, 0, &err));
    Places places = push_places(L, lua_gettop(L), 0, line);
    BIND_TRY(L, array_put_at(values, &places, line, &err));
    BIND_TRY(L, array_assign("array", copy, a, &err));
}

bool bind_array_assign_chosen(lua_State *L, Array *a) {
    const Array *key = bind_test_array(L, 2);
    if (a->ndim == 0 || (!key && !lua_istable(L, 2)))
        return false;
    const Array *values = bind_array_input(L, 3);
    if (!key) {
        Slice slices[ARRAY_MAX_DIMS];
        push_range(L, a, slices);
        BIND_TRY(L, array_assign("array", values, bind_test_array(L, -1), &err));
    } else if (key->origin == ORIGIN_MASK) {
        assign_to_mask(L, a, key, values);
    } else {
        Places places = push_places(L, 2, 1, a);
        BIND_TRY(L, array_put_at(values, &places, a, &err));
    }
    return true;
}
