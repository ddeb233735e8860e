/* Arrays from nothing: array.new, zeros, …. */
#include "bind/bind_array.h"

#include "core/array_create.h"

#include <math.h>
#include <string.h>

/* ---- Types and sizes as arguments ------------------------------------------------------------ */

DType bind_array_dtype(lua_State *L, int arg, const char *where) {
    static const struct {
        const char *word;
        DType dtype;
    } words[] = {
        { "f32", DTYPE_F32 },     { "f64", DTYPE_F64 },     { "i32", DTYPE_I32 },
        { "float32", DTYPE_F32 }, { "float64", DTYPE_F64 }, { "int32", DTYPE_I32 },
    };
    const char *word = lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg) : "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].dtype;
    bind_expected(L, arg, where, "dtype",
                  "\"f32\" (\"float32\"), \"f64\" (\"float64\") or \"i32\" (\"int32\")");
    return DTYPE_F32;
}

DType bind_array_opt_dtype(lua_State *L, int arg, const char *where, DType fallback) {
    DType dtype = fallback;
    if (bind_opt_push(L, arg, "dtype") != LUA_TNIL)
        dtype = bind_array_dtype(L, -1, where);
    lua_pop(L, 1);
    return dtype;
}

static size_t check_size(lua_State *L, int arg, const char *where) {
    return (size_t)bind_integer(L, arg, where, "size", 0, LUA_MAXINTEGER);
}

int bind_array_shape(lua_State *L, int first, const char *where, size_t shape[ARRAY_MAX_DIMS],
                     int *options) {
    int ndim = 0;
    if (lua_istable(L, first)) {
        lua_Integer n = (lua_Integer)lua_rawlen(L, first);
        for (lua_Integer i = 1; i <= n && ndim < ARRAY_MAX_DIMS; i++) {
            lua_rawgeti(L, first, i);
            shape[ndim++] = check_size(L, -1, where);
            lua_pop(L, 1);
        }
        if (n > ARRAY_MAX_DIMS)
            luaL_error(L, "%s: %I dimensions; an array has at most %d", where, n, ARRAY_MAX_DIMS);
        /* zeros{2, 3, dtype = "i32"}: the table is its own options. */
        *options = lua_isnoneornil(L, first + 1) ? first : first + 1;
        return ndim;
    }
    int arg = first, top = lua_gettop(L);
    for (; arg <= top && !lua_istable(L, arg) && !lua_isnil(L, arg); arg++) {
        if (ndim == ARRAY_MAX_DIMS)
            luaL_error(L, "%s: more than %d dimensions", where, ARRAY_MAX_DIMS);
        shape[ndim++] = check_size(L, arg, where);
    }
    if (ndim == 0)
        bind_expected(L, first, where, "size", "sizes, as in (2, 3) or {2, 3}");
    *options = arg;
    return ndim;
}

/* ---- Creation -------------------------------------------------------------------------------- */

static const char *const dtype_option[] = { "dtype", NULL };

static int fill_with(lua_State *L, const char *where, Array *a, double value) {
    Error err = { 0 };
    if (value != 0 && !array_fill(where, a, value, &err))
        return bind_raise(L, &err);
    return 1;
}

/* The options behind a shape that began at `first`: where they stand in the shape's own table, its
 * list is no option. */
static void shape_options(lua_State *L, int first, int options, const char *where,
                          const char *const *valid) {
    bind_end(L, options);
    if (options == first)
        bind_options_list(L, options, where, valid);
    else
        bind_options(L, options, where, valid);
}

/* f(sizes …, {dtype=}), every element `value`. */
static int constant(lua_State *L, const char *where, double value) {
    size_t shape[ARRAY_MAX_DIMS];
    int options, ndim = bind_array_shape(L, 1, where, shape, &options);
    shape_options(L, 1, options, where, dtype_option);
    DType dtype = bind_array_opt_dtype(L, options, where, DTYPE_F32);
    return fill_with(L, where, bind_push_new_array(L, where, dtype, ndim, shape), value);
}

static int zeros(lua_State *L) {
    return constant(L, "zeros", 0);
}

static int ones(lua_State *L) {
    return constant(L, "ones", 1);
}

/* full(size | {sizes}, value, {dtype=}). */
static int full(lua_State *L) {
    size_t shape[ARRAY_MAX_DIMS];
    int unused;
    double value = bind_number(L, 2, "full", "value");
    bind_options(L, 3, "full", dtype_option);
    DType dtype = bind_array_opt_dtype(L, 3, "full", DTYPE_F32);
    lua_pushvalue(L, 1);
    int ndim = bind_array_shape(L, lua_gettop(L), "full", shape, &unused);
    return fill_with(L, "full", bind_push_new_array(L, "full", dtype, ndim, shape), value);
}

/* f(x, {dtype=}): the shape of x, and its type unless another is named. */
static int constant_like(lua_State *L, const char *where, int options, double value) {
    const Array *x = bind_array_input(L, 1, where);
    bind_options(L, options, where, dtype_option);
    DType dtype = bind_array_opt_dtype(L, options, where, x->dtype);
    return fill_with(L, where, bind_push_new_array(L, where, dtype, x->ndim, x->shape), value);
}

static int zeros_like(lua_State *L) {
    return constant_like(L, "zeros_like", 2, 0);
}

static int ones_like(lua_State *L) {
    return constant_like(L, "ones_like", 2, 1);
}

static int full_like(lua_State *L) {
    return constant_like(L, "full_like", 3, bind_number(L, 2, "full_like", "value"));
}

/* eye(rows [, cols], {k=, dtype=}). */
static int eye(lua_State *L) {
    static const char *const options[] = { "dtype", "k", NULL };
    size_t rows = check_size(L, 1, "eye");
    bool square = lua_isnoneornil(L, 2) || lua_istable(L, 2);
    size_t cols = square ? rows : check_size(L, 2, "eye");
    int place = lua_istable(L, 2) ? 2 : 3;
    bind_end(L, place);
    bind_options(L, place, "eye", options);
    DType dtype = bind_array_opt_dtype(L, place, "eye", DTYPE_F32);
    lua_Integer k = bind_opt_integer(L, place, "eye", "k", -INT32_MAX, INT32_MAX, 0);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_eye("eye", dtype, rows, cols, (ptrdiff_t)k, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* arange(stop), arange(start, stop [, step]), options last: i32 where all are integers. */
static int arange(lua_State *L) {
    double number[3] = { 0, 0, 1 };
    bool integers = true;
    int given = 0;
    while (given < 3 && lua_type(L, given + 1) == LUA_TNUMBER) {
        integers = integers && lua_isinteger(L, given + 1);
        number[given] = lua_tonumber(L, given + 1);
        given++;
    }
    if (given == 0)
        return bind_expected(L, 1, "arange", "stop", "a number");
    if (given == 1) {
        number[1] = number[0];
        number[0] = 0;
    }
    if (number[2] == 0)
        return luaL_error(L, "arange: a step of 0");
    bind_end(L, given + 1);
    bind_options(L, given + 1, "arange", dtype_option);
    DType dtype = bind_array_opt_dtype(L, given + 1, "arange", integers ? DTYPE_I32 : DTYPE_F32);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_arange("arange", dtype, number[0], number[1], number[2], &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* linspace(start, stop [, n = 50], {dtype=}). */
static int linspace(lua_State *L) {
    double start = bind_number(L, 1, "linspace", "start");
    double stop = bind_number(L, 2, "linspace", "stop");
    bool counted = lua_type(L, 3) == LUA_TNUMBER;
    size_t n = counted ? check_size(L, 3, "linspace") : 50;
    int options = counted || lua_isnoneornil(L, 3) ? 4 : 3;
    bind_end(L, options);
    bind_options(L, options, "linspace", dtype_option);
    DType dtype = bind_array_opt_dtype(L, options, "linspace", DTYPE_F32);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_linspace("linspace", dtype, start, stop, n, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* new(values [, {dtype=}]): from a table, a number, or an array (a copy). */
static int new_array(lua_State *L) {
    const Array *a = bind_test_array(L, 1);
    bind_options(L, 2, "new", dtype_option);
    DType dtype = bind_array_opt_dtype(L, 2, "new", a ? a->dtype : DTYPE_F32);
    if (a && a->dtype == dtype) {
        void **box = bind_new_box(L, &bind_array_type);
        BIND_ARRAY_MAKE(L, *box, array_copy("new", a, &err));
        bind_account(L, array_bytes(*box));
    } else {
        bind_to_array(L, 1, "new", "values", dtype);
    }
    return 1;
}

/* ---- Random numbers -------------------------------------------------------------------------- */

static DType float_dtype(lua_State *L, int options, const char *where) {
    DType dtype = bind_array_opt_dtype(L, options, where, DTYPE_F32);
    if (dtype == DTYPE_I32)
        luaL_error(L, "%s: random numbers are f32 or f64; randint gives i32", where);
    return dtype;
}

/* rand(sizes …, {low=, high=, seed=, dtype=}): uniform in [low, high). */
static int random_uniform(lua_State *L) {
    static const char *const valid[] = { "seed", "dtype", "low", "high", NULL };
    size_t shape[ARRAY_MAX_DIMS];
    int options, ndim = bind_array_shape(L, 1, "rand", shape, &options);
    shape_options(L, 1, options, "rand", valid);
    DType dtype = float_dtype(L, options, "rand");
    double low = bind_opt_number(L, options, "rand", "low", -HUGE_VAL, HUGE_VAL, 0);
    double high = bind_opt_number(L, options, "rand", "high", -HUGE_VAL, HUGE_VAL, 1);
    Rng rng = bind_opt_rng(L, options, "rand", NULL);
    array_fill_uniform(bind_push_new_array(L, "rand", dtype, ndim, shape), low, high, &rng);
    return 1;
}

/* randn(sizes …, {mean=, std=, seed=, dtype=}). */
static int random_normal(lua_State *L) {
    static const char *const valid[] = { "seed", "dtype", "mean", "std", NULL };
    size_t shape[ARRAY_MAX_DIMS];
    int options, ndim = bind_array_shape(L, 1, "randn", shape, &options);
    shape_options(L, 1, options, "randn", valid);
    DType dtype = float_dtype(L, options, "randn");
    double mean = bind_opt_number(L, options, "randn", "mean", -HUGE_VAL, HUGE_VAL, 0);
    double deviation = bind_opt_number(L, options, "randn", "std", 0, HUGE_VAL, 1);
    Rng rng = bind_opt_rng(L, options, "randn", NULL);
    array_fill_normal(bind_push_new_array(L, "randn", dtype, ndim, shape), mean, deviation, &rng);
    return 1;
}

/* randint(low, high, sizes …, {seed=}): low … high, both included as in math.random. */
static int random_integers(lua_State *L) {
    static const char *const valid[] = { "seed", NULL };
    size_t shape[ARRAY_MAX_DIMS];
    lua_Integer low = bind_integer(L, 1, "randint", "low", INT32_MIN, INT32_MAX);
    lua_Integer high = bind_integer(L, 2, "randint", "high", low, INT32_MAX);
    int options, ndim = bind_array_shape(L, 3, "randint", shape, &options);
    shape_options(L, 3, options, "randint", valid);
    Rng rng = bind_opt_rng(L, options, "randint", NULL);
    array_fill_uniform(bind_push_new_array(L, "randint", DTYPE_I32, ndim, shape), (double)low,
                       (double)high + 1, &rng);
    return 1;
}

/* randperm(n, {seed=}): 1 … n in random order. */
static int random_permutation(lua_State *L) {
    static const char *const valid[] = { "seed", NULL };
    size_t n = check_size(L, 1, "randperm");
    bind_options(L, 2, "randperm", valid);
    Rng start = bind_opt_rng(L, 2, "randperm", NULL), rng;
    void **box = bind_new_box(L, &bind_array_type);
    /* A second try after a collection draws the same numbers. */
    BIND_ARRAY_MAKE(L, *box, (rng = start, array_permutation("randperm", n, 1, &rng, &err)));
    bind_account(L, array_bytes(*box));
    return 1;
}

const BindFunction bind_array_creators[] = {
    BIND("new", new_array, 2),
    BIND("zeros", zeros, BIND_ANY),
    BIND("ones", ones, BIND_ANY),
    BIND("full", full, 3),
    BIND("zeros_like", zeros_like, 2),
    BIND("ones_like", ones_like, 2),
    BIND("full_like", full_like, 3),
    BIND("eye", eye, BIND_ANY),
    BIND("arange", arange, BIND_ANY),
    BIND("linspace", linspace, BIND_ANY),
    BIND("rand", random_uniform, BIND_ANY),
    BIND("randn", random_normal, BIND_ANY),
    BIND("randint", random_integers, BIND_ANY),
    BIND("randperm", random_permutation, 2),
    BIND_LAST,
};
