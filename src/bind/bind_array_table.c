/* Lua's numbers and tables as arrays, and back; what comes beside arrays as an operand. */
#include "bind/bind_array.h"

#include <stdio.h>
#include <string.h>

/* Where a table's numbers go. */
typedef struct Reader {
    lua_State *L;
    const char *where, *name;
    DType dtype;   /* wanted */
    bool plain;    /* none is wanted: f64 until it is seen what comes */
    unsigned seen; /* OPERAND_ bits of what came */
    Array *out;
    size_t next;                      /* elements written */
    lua_Integer path[ARRAY_MAX_DIMS]; /* the 1-based place of what is read now, for messages */
} Reader;

/* ---- Complaints ------------------------------------------------------------------------------ */

static const char *path_text(const Reader *r, int depth, char text[128]) {
    size_t used = 0;
    text[0] = '\0';
    for (int d = 0; d < depth && used < 100; d++)
        used += (size_t)snprintf(text + used, 128 - used, "[%lld]", (long long)r->path[d]);
    return text;
}

/* The value on the top is not what its depth wants. */
static void refuse(const Reader *r, int depth, const char *expected) {
    char path[128], got[128];
    bind_describe(r->L, -1, got);
    if (lua_istable(r->L, -1))
        snprintf(got, sizeof got, "a table of %lld", (long long)lua_rawlen(r->L, -1));
    bind_error(r->L, "%s: %s%s: expected %s, got %s", r->where, r->name, path_text(r, depth, path),
               expected, got);
}

static void refuse_length(const Reader *r, int depth) {
    char expected[64];
    snprintf(expected, sizeof expected, "%zu elements as in the first row (ragged table)",
             r->out->shape[depth]);
    refuse(r, depth, expected);
}

/* The list of n elements on the top has no other key: { 1, 2, dtype = "f64" } does not say what it
 * seems to. (The n of table.pack is fine.) */
static void refuse_keys(const Reader *r, int depth, lua_Integer n) {
    lua_State *L = r->L;
    char path[128], key[128];
    if (n == 0 && luaL_getmetafield(L, -1, "__index") != LUA_TNIL)
        bind_error(L, "%s: %s%s: expected numbers in the table, got a metatable with __index alone",
                   r->where, r->name, path_text(r, depth, path));
    if (n == 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, n); /* what follows it, mostly nothing, comes after the list */
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        bool element =
            lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= n;
        bool count = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "n") == 0;
        if (!element && !count)
            bind_error(L, "%s: %s%s: expected a list of numbers, got the key %s as well", r->where,
                       r->name, path_text(r, depth, path), bind_describe(L, -1, key));
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void store(Reader *r, int depth, double value) {
    static const char *const fitting[] = { "a number that fits float32", "a number",
                                           "an integer that fits int32",
                                           "an integer from 0 to 255" };
    size_t i = r->next++;
    if (!dtype_holds(r->dtype, value))
        refuse(r, depth, fitting[r->dtype]);
    if (r->dtype == DTYPE_F32)
        ((float *)r->out->data)[i] = (float)value;
    else if (r->dtype == DTYPE_F64)
        ((double *)r->out->data)[i] = value;
    else if (r->dtype == DTYPE_U8)
        ((uint8_t *)r->out->data)[i] = (uint8_t)value;
    else
        ((int32_t *)r->out->data)[i] = (int32_t)value;
}

/* An array in the place of a sub-table: its elements, if its shape is the one wanted here. */
static void read_array(Reader *r, const Array *a, int depth) {
    const Array *out = r->out;
    int ndim = out->ndim - depth;
    if (a->ndim != ndim ||
        memcmp(a->shape, out->shape + depth, (size_t)ndim * sizeof *a->shape) != 0) {
        char want[128], expected[192];
        snprintf(expected, sizeof expected, "the shape %s of the first element",
                 array_shape_text(ndim, out->shape + depth, want));
        refuse(r, depth, expected);
    }
    r->seen |= operand_bits(a->dtype, a->origin);
    Array *same = bind_to_array(r->L, -1, r->where, r->name, out->dtype);
    memcpy((char *)out->data + r->next * dtype_size(out->dtype), same->data, array_bytes(same));
    r->next += array_size(same);
    lua_pop(r->L, 1);
}

/* The number on the top. What it is matters to readers of plain tables alone. */
static inline void read_number(Reader *r, int depth) {
    if (r->plain)
        r->seen |= lua_isinteger(r->L, -1) ? OPERAND_INTEGERS : OPERAND_FLOATS;
    store(r, depth, lua_tonumber(r->L, -1));
}

/* The value on the top of the stack, at `depth` indices into the table. */
static void read_value(Reader *r, int depth) {
    lua_State *L = r->L;
    const Array *a;
    bool innermost = depth == r->out->ndim;
    int type = lua_type(L, -1);
    if (innermost && type == LUA_TNUMBER) {
        read_number(r, depth);
    } else if (innermost && type == LUA_TBOOLEAN) {
        r->seen |= OPERAND_INTEGERS;
        store(r, depth, lua_toboolean(L, -1));
    } else if ((a = bind_test_array(L, -1)) != NULL) {
        read_array(r, a, depth);
    } else if (innermost) {
        refuse(r, depth, "a number");
    } else if (!lua_istable(L, -1) || lua_rawlen(L, -1) != r->out->shape[depth]) {
        refuse_length(r, depth);
    } else {
        lua_Integer n = (lua_Integer)r->out->shape[depth];
        for (lua_Integer i = 1; i <= n; i++) {
            r->path[depth] = i;
            if (lua_rawgeti(L, -1, i) == LUA_TNUMBER && depth + 1 == r->out->ndim)
                read_number(r, depth + 1); /* most are */
            else
                read_value(r, depth + 1);
            lua_pop(L, 1);
        }
        refuse_keys(r, depth, n);
    }
}

static void add_axis(const Reader *r, Sizes *sizes, size_t size) {
    if (sizes->ndim == ARRAY_MAX_DIMS)
        bind_error(r->L, "%s: %s: nested deeper than the %d dimensions of an array", r->where,
                   r->name, ARRAY_MAX_DIMS);
    sizes->size[sizes->ndim++] = size;
}

/* The shape that the first elements at every depth announce. */
static Sizes announced_sizes(const Reader *r, int arg) {
    lua_State *L = r->L;
    Sizes sizes = { .ndim = 0 };
    int top = lua_gettop(L);
    luaL_checkstack(L, 3 * ARRAY_MAX_DIMS, r->where);
    lua_pushvalue(L, arg);
    while (lua_istable(L, -1)) {
        add_axis(r, &sizes, lua_rawlen(L, -1));
        lua_rawgeti(L, -1, 1);
    }
    const Array *a = bind_test_array(L, -1);
    for (int d = 0; a && d < a->ndim; d++)
        add_axis(r, &sizes, a->shape[d]);
    lua_settop(L, top);
    return sizes;
}

/* The number or table at arg as a new array of the reader's type, pushed. */
static Array *read_from(Reader *r, int arg) {
    lua_State *L = r->L;
    if (!lua_istable(L, arg) && lua_type(L, arg) != LUA_TNUMBER &&
        !(r->plain && lua_isboolean(L, arg)))
        bind_expected(L, arg, r->where, r->name, "an array, a number or a table of numbers");
    Sizes sizes = announced_sizes(r, arg);
    r->out = bind_push_new_array(L, r->where, r->dtype, &sizes);
    lua_pushvalue(L, arg);
    read_value(r, 0);
    lua_pop(L, 1);
    return r->out;
}

Array *bind_to_array(lua_State *L, int arg, const char *where, const char *name, DType dtype) {
    Array *a = bind_test_array(L, arg);
    arg = lua_absindex(L, arg);
    if (a && a->dtype == dtype && array_is_contiguous(a)) {
        lua_pushvalue(L, arg);
        return a;
    }
    if (!a)
        return read_from(&(Reader){ .L = L, .where = where, .name = name, .dtype = dtype }, arg);
    const char *argument = lua_pushfstring(L, "%s: %s", where, name);
    BIND_ARRAY_PUSH(L, array_contiguous(argument, a, dtype, &err));
    lua_remove(L, -2);
    return bind_test_array(L, -1);
}

Array *bind_to_kept_array(lua_State *L, int arg, const char *where, const char *name, DType dtype) {
    const Array *given = bind_test_array(L, arg);
    Array *a = bind_to_array(L, arg, where, name, dtype);
    if (a == given && !array_is_frozen(a)) {
        BIND_ARRAY_PUSH(L, array_copy(where, given, &err));
        lua_remove(L, -2);
        a = bind_test_array(L, -1);
    }
    array_freeze(a);
    return a;
}

/* ---- Operands -------------------------------------------------------------------------------- */

/* The array at arg, or a new one in its place. */
static Array *input(lua_State *L, int arg, const char *name) {
    Array *a = bind_test_array(L, arg);
    if (a)
        return a;
    Reader r = { .L = L, .where = bind_where(L), .name = name, .dtype = DTYPE_F64, .plain = true };
    a = read_from(&r, arg);
    if (!(r.seen & ~(unsigned)OPERAND_PLAIN)) {
        a->origin = r.seen & OPERAND_FLOATS ? ORIGIN_FLOATS : ORIGIN_INTEGERS;
    } else { /* arrays among them */
        a = bind_to_array(L, -1, r.where, name, operands_dtype(r.seen));
        lua_remove(L, -2);
        a->origin = r.seen == OPERAND_MASK ? ORIGIN_MASK : ORIGIN_ARRAY;
    }
    lua_replace(L, arg);
    return a;
}

Array *bind_array_input(lua_State *L, int arg) {
    return input(L, arg, "array");
}

void bind_array_operand(lua_State *L, int arg, Operand *operand) {
    bool boolean = lua_isboolean(L, arg);
    if (lua_type(L, arg) != LUA_TNUMBER && !boolean) {
        operand->array = input(L, arg, "operand");
        return;
    }
    bool integer = boolean || lua_isinteger(L, arg);
    operand->value = boolean ? lua_toboolean(L, arg) : lua_tonumber(L, arg);
    operand->scalar = (Array){ .dtype = DTYPE_F64,
                               .origin = integer ? ORIGIN_INTEGERS : ORIGIN_FLOATS,
                               .data = &operand->value };
    operand->array = &operand->scalar;
}

Sizes bind_listed_sizes(lua_State *L, int arg) {
    Sizes sizes = { 0 };
    size_t count = lua_isnil(L, arg) ? 0 : (size_t)lua_rawlen(L, arg);
    for (; sizes.ndim < ARRAY_MAX_DIMS && (size_t)sizes.ndim < count; lua_pop(L, 1)) {
        lua_rawgeti(L, arg, sizes.ndim + 1);
        sizes.size[sizes.ndim++] = (size_t)lua_tointeger(L, -1);
    }
    return sizes;
}

/* ---- Back to tables -------------------------------------------------------------------------- */

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
    const Array *a = bind_array_input(L, 1);
    size_t index[ARRAY_MAX_DIMS] = { 0 };
    luaL_checkstack(L, 2 * ARRAY_MAX_DIMS, "totable");
    push_nested(L, a, 0, index);
    return 1;
}
