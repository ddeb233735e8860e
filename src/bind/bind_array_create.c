/* Arrays from nothing: array.new, zeros, …. */
#include "bind/bind_array.h"
#include "bind/bind_array_parts.h"
#include "bind/bind_array_table.h"

#include "core/array_create.h"
#include "core/array_transfer.h"
#include "core/error.h"

#include <math.h>

static const char *const dtype_option[] = { "dtype", NULL };

/* The table of options at `options`, the last argument, has the type alone. */
static DType last_dtype(lua_State *L, int options, DType fallback) {
    bind_end(L, options);
    bind_options(L, options, bind_array_name(L), dtype_option);
    return bind_array_opt_dtype(L, options, fallback);
}

static size_t check_size(lua_State *L, int arg) {
    return (size_t)bind_integer(L, arg, bind_array_name(L), "size", 0, LUA_MAXINTEGER);
}

/* A new array, every element `value`. */
static int push_filled(lua_State *L, DType dtype, const Sizes *sizes, double value) {
    const char *where = bind_array_name(L);
    Array *a = bind_push_new_array(L, where, dtype, sizes);
    BIND_ARRAY_TRY(L, value == 0 || array_fill(where, a, value, &err));
    return 1;
}

/* The sizes at first … and the options behind them, which are checked: where they stand in the
 * sizes' own table, its list is no option. Answers their place. */
static int sizes_and_options(lua_State *L, int first, Sizes *sizes, const char *const *valid) {
    int options = bind_array_sizes(L, first, sizes);
    bind_end(L, options);
    if (options == first)
        bind_options_list(L, options, bind_array_name(L), valid);
    else
        bind_options(L, options, bind_array_name(L), valid);
    return options;
}

/* ---- Constants and ranges -------------------------------------------------------------------- */

static const double zero = 0, one = 1; /* data of the functions that need no value */

/* zeros(sizes …, {dtype=}). */
static int constant(lua_State *L) {
    Sizes sizes;
    int options = sizes_and_options(L, 1, &sizes, dtype_option);
    DType dtype = bind_array_opt_dtype(L, options, DTYPE_F32);
    return push_filled(L, dtype, &sizes, *(const double *)bind_here(L)->data);
}

/* full(size | {sizes}, value, {dtype=}). */
static int full(lua_State *L) {
    Sizes sizes;
    double value = bind_number(L, 2, "full", "value");
    DType dtype = last_dtype(L, 3, DTYPE_F32);
    lua_pushvalue(L, 1);
    int place = bind_array_sizes(L, lua_gettop(L), &sizes);
    if (lua_istable(L, place))
        bind_options_list(L, place, "full", dtype_option + 1);
    return push_filled(L, dtype, &sizes, value);
}

/* zeros_like(x, {dtype=}), full_like(x, value, {dtype=}): the shape of x, and its type unless
 * another is named (float32 where it is a table). */
static int constant_like(lua_State *L) {
    const double *fixed = bind_here(L)->data;
    const Array *x = bind_array_input(L, 1);
    int options = fixed ? 2 : 3;
    double value = fixed ? *fixed : bind_number(L, 2, "full_like", "value");
    DType dtype = last_dtype(L, options, array_is_plain(x) ? DTYPE_F32 : x->dtype);
    Sizes sizes = array_sizes(x);
    return push_filled(L, dtype, &sizes, value);
}

/* eye(rows [, cols], {k=, dtype=}). */
static int eye(lua_State *L) {
    static const char *const valid[] = { "dtype", "k", NULL };
    size_t rows = check_size(L, 1);
    bool square = lua_isnoneornil(L, 2) || lua_istable(L, 2);
    size_t cols = square ? rows : check_size(L, 2);
    int options = lua_istable(L, 2) ? 2 : 3;
    bind_end(L, options);
    bind_options(L, options, "eye", valid);
    DType dtype = bind_array_opt_dtype(L, options, DTYPE_F32);
    lua_Integer k = bind_opt_integer(L, options, "eye", "k", -INT32_MAX, INT32_MAX, 0);
    array_fill_diagonal(bind_push_new_array(L, "eye", dtype, &(Sizes){ 2, { rows, cols } }),
                        (ptrdiff_t)k);
    return 1;
}

/* arange(stop), arange(start, stop [, step]), options last: i32 where all are integers. */
static int arange(lua_State *L) {
    double number[3] = { 0, 0, 1 };
    bool integers = true;
    int given = 0;
    for (; given < 3 && lua_type(L, given + 1) == LUA_TNUMBER; given++) {
        integers = integers && lua_isinteger(L, given + 1);
        number[given] = lua_tonumber(L, given + 1);
    }
    if (given == 0)
        return bind_expected(L, 1, "arange", "stop", "a number");
    Range range = { number[0], number[1], number[2] };
    if (given == 1)
        range = (Range){ 0, number[0], 1 };
    if (range.step == 0)
        return luaL_error(L, "arange: a step of 0");
    DType dtype = last_dtype(L, given + 1, integers ? DTYPE_I32 : DTYPE_F32);
    BIND_ARRAY_RETURN(L, array_arange(dtype, &range, &err));
}

/* linspace(start, stop [, n = 50], {dtype=}). */
static int linspace(lua_State *L) {
    Range range = { .start = bind_number(L, 1, "linspace", "start"),
                    .stop = bind_number(L, 2, "linspace", "stop") };
    bool counted = lua_type(L, 3) == LUA_TNUMBER;
    size_t n = counted ? check_size(L, 3) : 50;
    DType dtype = last_dtype(L, counted || lua_isnoneornil(L, 3) ? 4 : 3, DTYPE_F32);
    BIND_ARRAY_RETURN(L, array_linspace(dtype, &range, n, &err));
}

/* new(values [, {dtype=}]): from a table, a number, or an array (a copy). */
static int new_array(lua_State *L) {
    const Array *a = bind_test_array(L, 1);
    bind_options(L, 2, "new", dtype_option);
    bool told = bind_opt_push(L, 2, "dtype") != LUA_TNIL;
    if (a && !told)
        BIND_ARRAY_RETURN(L, array_copy("new", a, &err));
    DType dtype = told ? bind_array_dtype(L, -1) : DTYPE_F32;
    if (a)
        BIND_ARRAY_RETURN(L, array_astype("new", a, dtype, &err));
    bind_to_array(L, 1, "new", "values", dtype);
    return 1;
}

/* ---- Random numbers -------------------------------------------------------------------------- */

/* A distribution of floats: the names and defaults of its two numbers. */
typedef struct Distribution {
    const char *options[5];
    double value[2];
    double least; /* of the second number */
    void (*fill)(Array *a, double first, double second, Rng *rng);
} Distribution;

static const Distribution uniform = {
    { "low", "high", "seed", "dtype", NULL }, { 0, 1 }, -HUGE_VAL, array_fill_uniform
};
static const Distribution normal = {
    { "mean", "std", "seed", "dtype", NULL }, { 0, 1 }, 0, array_fill_normal
};

/* One of the two numbers, which the type must hold. */
static double parameter(lua_State *L, int options, int i, DType dtype) {
    const Distribution *d = bind_here(L)->data;
    const char *where = bind_array_name(L);
    double value = bind_opt_number(L, options, where, d->options[i], i ? d->least : -HUGE_VAL,
                                   HUGE_VAL, d->value[i]);
    BIND_ARRAY_TRY(L, dtype_holds(dtype, value) || dtype_refuse(where, dtype, value, &err));
    return value;
}

/* rand(sizes …, {low=, high=, seed=, dtype=}), randn(sizes …, {mean=, std=, seed=, dtype=}). */
static int random_floats(lua_State *L) {
    const Distribution *d = bind_here(L)->data;
    const char *where = bind_array_name(L);
    Sizes sizes;
    int options = sizes_and_options(L, 1, &sizes, d->options);
    DType dtype = bind_array_opt_dtype(L, options, DTYPE_F32);
    if (dtype == DTYPE_I32)
        luaL_error(L, "%s: random numbers are f32 or f64; randint gives i32", where);
    double first = parameter(L, options, 0, dtype), second = parameter(L, options, 1, dtype);
    Rng rng = bind_opt_rng(L, options, where, NULL);
    d->fill(bind_push_new_array(L, where, dtype, &sizes), first, second, &rng);
    return 1;
}

static const char *const seed_option[] = { "seed", NULL };

/* randint(low, high, sizes …, {seed=}): low … high, both included as in math.random. */
static int random_integers(lua_State *L) {
    Sizes sizes;
    lua_Integer low = bind_integer(L, 1, "randint", "low", INT32_MIN, INT32_MAX);
    lua_Integer high = bind_integer(L, 2, "randint", "high", low, INT32_MAX);
    int options = sizes_and_options(L, 3, &sizes, seed_option);
    Rng rng = bind_opt_rng(L, options, "randint", NULL);
    array_fill_uniform(bind_push_new_array(L, "randint", DTYPE_I32, &sizes), (double)low,
                       (double)high + 1, &rng);
    return 1;
}

/* randperm(n, {seed=}): 1 … n in random order. */
static int random_permutation(lua_State *L) {
    size_t n = check_size(L, 1);
    bind_options(L, 2, "randperm", seed_option);
    Rng start = bind_opt_rng(L, 2, "randperm", NULL), rng;
    /* A second try after a collection draws the same numbers. */
    BIND_ARRAY_RETURN(L, (rng = start, array_permutation(n, 1, &rng, &err)));
}

/* clang-format off */
const BindFunction bind_array_creators[] = {
    BIND("new", new_array, 2), BIND_AS("zeros", constant, BIND_ANY, &zero),
    BIND_AS("ones", constant, BIND_ANY, &one), BIND("full", full, 3),
    BIND_AS("zeros_like", constant_like, 2, &zero), BIND_AS("ones_like", constant_like, 2, &one),
    BIND("full_like", constant_like, 3), BIND("eye", eye, BIND_ANY),
    BIND("arange", arange, BIND_ANY), BIND("linspace", linspace, BIND_ANY),
    BIND_AS("rand", random_floats, BIND_ANY, &uniform),
    BIND_AS("randn", random_floats, BIND_ANY, &normal),
    BIND("randint", random_integers, BIND_ANY), BIND("randperm", random_permutation, 2), BIND_LAST,
};
/* clang-format on */
