/* Lua tables to arrays and back. */
#include "bind/bind_array.h"

#include <stdio.h>
#include <string.h>

/* Where a table's numbers go. `path` is the 1-based place of what is read now, for messages. */
typedef struct Reader {
    lua_State *L;
    const char *where, *name;
    Array *out;
    size_t next; /* elements written */
    lua_Integer path[ARRAY_MAX_DIMS];
} Reader;

static const char *path_text(const Reader *r, int depth, char text[128]) {
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < depth && used < 100; d++)
        used += (size_t)snprintf(text + used, 128 - used, "[%lld]", (long long)r->path[d]);
    return text;
}

/* The value on the top is neither a number nor what its depth wants. */
static void refuse(Reader *r, int depth, const char *expected) {
    char path[128], got[128];
    bind_describe(r->L, -1, got);
    if (lua_istable(r->L, -1))
        snprintf(got, sizeof got, "a table of %lld", (long long)lua_rawlen(r->L, -1));
    luaL_error(r->L, "%s: %s%s: expected %s, got %s", r->where, r->name, path_text(r, depth, path),
               expected, got);
}

static void refuse_length(Reader *r, int depth) {
    char expected[64];
    snprintf(expected, sizeof expected, "%zu elements as in the first row (ragged table)",
             r->out->shape[depth]);
    refuse(r, depth, expected);
}

static void store(Reader *r, int depth, double value) {
    Array *out = r->out;
    char path[128];
    switch (out->dtype) {
    case DTYPE_F32:
        ((float *)out->data)[r->next++] = (float)value;
        return;
    case DTYPE_F64:
        ((double *)out->data)[r->next++] = value;
        return;
    case DTYPE_I32:
        if (!(value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value))
            luaL_error(r->L, "%s: %s%s: expected an integer that fits int32, got %f", r->where,
                       r->name, path_text(r, depth, path), value);
        ((int32_t *)out->data)[r->next++] = (int32_t)value;
        return;
    }
}

/* An array in the place of a sub-table: its elements, if its shape is the one wanted here. */
static void read_array(Reader *r, const Array *a, int depth) {
    const Array *out = r->out;
    int ndim = out->ndim - depth;
    if (a->ndim != ndim || memcmp(a->shape, out->shape + depth, (size_t)ndim * sizeof *a->shape)) {
        char want[128], expected[192];
        snprintf(expected, sizeof expected, "the shape %s of the first element",
                 array_shape_text(ndim, out->shape + depth, want));
        refuse(r, depth, expected);
    }
    Array *same = bind_to_array(r->L, -1, r->where, r->name, out->dtype);
    memcpy((char *)out->data + r->next * dtype_size(out->dtype), same->data, array_bytes(same));
    r->next += array_size(same);
    lua_pop(r->L, 1);
}

/* The value on the top of the stack, at `depth` indices into the table. */
static void read_value(Reader *r, int depth) {
    lua_State *L = r->L;
    const Array *a;
    if (depth == r->out->ndim && lua_type(L, -1) == LUA_TNUMBER) {
        store(r, depth, lua_tonumber(L, -1));
    } else if (depth == r->out->ndim && lua_isboolean(L, -1)) {
        store(r, depth, lua_toboolean(L, -1));
    } else if ((a = bind_test_array(L, -1)) != NULL) {
        read_array(r, a, depth);
    } else if (depth == r->out->ndim) {
        refuse(r, depth, "a number");
    } else if (!lua_istable(L, -1) || lua_rawlen(L, -1) != r->out->shape[depth]) {
        refuse_length(r, depth);
    } else {
        for (size_t i = 1; i <= r->out->shape[depth]; i++) {
            r->path[depth] = (lua_Integer)i;
            lua_rawgeti(L, -1, (lua_Integer)i);
            read_value(r, depth + 1);
            lua_pop(L, 1);
        }
    }
}

/* The shape that the first elements at every depth announce. */
static int announced_shape(lua_State *L, int arg, const char *where, const char *name,
                           size_t shape[ARRAY_MAX_DIMS]) {
    int ndim = 0, top = lua_gettop(L);
    luaL_checkstack(L, 3 * ARRAY_MAX_DIMS, where);
    lua_pushvalue(L, arg);
    while (lua_istable(L, -1)) {
        if (ndim == ARRAY_MAX_DIMS)
            luaL_error(L, "%s: %s: nested deeper than the %d dimensions of an array", where, name,
                       ARRAY_MAX_DIMS);
        shape[ndim++] = lua_rawlen(L, -1);
        lua_rawgeti(L, -1, 1);
    }
    const Array *a = bind_test_array(L, -1);
    for (int d = 0; a && d < a->ndim; d++) {
        if (ndim == ARRAY_MAX_DIMS)
            luaL_error(L, "%s: %s: more than the %d dimensions of an array", where, name,
                       ARRAY_MAX_DIMS);
        shape[ndim++] = a->shape[d];
    }
    lua_settop(L, top);
    return ndim;
}

Array *bind_array_from_table(lua_State *L, int arg, const char *where, const char *name,
                             DType dtype) {
    size_t shape[ARRAY_MAX_DIMS];
    arg = lua_absindex(L, arg);
    int ndim = announced_shape(L, arg, where, name, shape);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_new(where, dtype, ndim, shape, &err));
    Reader reader = { .L = L, .where = where, .name = name, .out = *box };
    bind_account(L, array_bytes(*box));
    lua_pushvalue(L, arg);
    read_value(&reader, 0);
    lua_pop(L, 1);
    return *box;
}

/* An array's number as a contiguous 0-d array. */
static Array *from_number(lua_State *L, int arg, const char *where, const char *name, DType dtype) {
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_new(where, dtype, 0, NULL, &err));
    Reader reader = { .L = L, .where = where, .name = name, .out = *box };
    store(&reader, 0, lua_tonumber(L, arg));
    return *box;
}

Array *bind_to_array(lua_State *L, int arg, const char *where, const char *name, DType dtype) {
    arg = lua_absindex(L, arg);
    Array *a = bind_test_array(L, arg);
    if (a && a->dtype == dtype && array_is_contiguous(a)) {
        lua_pushvalue(L, arg);
        return a;
    }
    if (a) {
        void **box = bind_new_box(L, &bind_array_type);
        BIND_ARRAY_MAKE(L, *box, array_contiguous(where, a, dtype, &err));
        bind_account(L, array_bytes(*box));
        return *box;
    }
    if (lua_type(L, arg) == LUA_TNUMBER)
        return from_number(L, arg, where, name, dtype);
    if (!lua_istable(L, arg))
        bind_expected(L, arg, where, name, "an array, a number or a table of numbers");
    return bind_array_from_table(L, arg, where, name, dtype);
}

/* Push the sub-array at `depth` as nested tables of numbers. */
static void push_nested(lua_State *L, const Array *a, int depth, size_t index[ARRAY_MAX_DIMS]) {
    if (depth == a->ndim) {
        bind_array_push_number(L, array_get(a, index), a->dtype);
        return;
    }
    size_t n = a->shape[depth];
    lua_createtable(L, n < INT32_MAX ? (int)n : INT32_MAX, 0);
    for (index[depth] = 0; index[depth] < n; index[depth]++) {
        push_nested(L, a, depth + 1, index);
        lua_rawseti(L, -2, (lua_Integer)index[depth] + 1);
    }
}

int bind_array_totable(lua_State *L) {
    const Array *a = bind_check_array(L, 1, "totable", "array");
    size_t index[ARRAY_MAX_DIMS] = { 0 };
    luaL_checkstack(L, 2 * ARRAY_MAX_DIMS, "totable");
    push_nested(L, a, 0, index);
    return 1;
}
