/* Arrays from nothing: array.new, zeros, …. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"

#include "core/array_create.h"
#include "core/array_transfer.h"
#include "core/source.h"
#include "data/elements.h"

#include <string.h>

/* The table of options at `options`, the last argument, has the type alone. */
static DType last_dtype(lua_State *L, int options, DType fallback) {
    bind_end(L, options);
    ArrayOptions told = bind_array_options(L, options, array_create_fields);
    return array_options_dtype(&told, fallback);
}

static size_t check_size(lua_State *L, int arg) {
    return (size_t)bind_integer(L, arg, bind_where(L), "size", 0, LUA_MAXINTEGER);
}

/* A new array, every element `value`. */
static int push_filled(lua_State *L, DType dtype, const Sizes *sizes, double value) {
    const char *where = bind_where(L);
    Array *a = bind_push_new_array(L, where, dtype, sizes);
    BIND_TRY(L, value == 0 || array_fill(where, a, value, &err));
    return 1;
}

/* Where arguments end in sizes and options: the sizes, and the place of the options, which may be
 * the sizes' own table. */
typedef struct SizesEnd {
    Sizes sizes;
    int options;
} SizesEnd;

/* The sizes at first … and the options behind them. */
static ArrayOptions sizes_and_options(lua_State *L, int first, const Field *field, SizesEnd *end) {
    end->options = bind_array_sizes(L, first, &end->sizes);
    bind_end(L, end->options);
    return end->options == first ? bind_array_list_options(L, first, field)
                                 : bind_array_options(L, end->options, field);
}

/* ---- Constants and ranges -------------------------------------------------------------------- */

static const double zero = 0, one = 1; /* data of the functions that need no value */

/* zeros(sizes …, {dtype=}). */
static int constant(lua_State *L) {
    SizesEnd end;
    ArrayOptions options = sizes_and_options(L, 1, bind_here(L)->options->field, &end);
    DType dtype = array_options_dtype(&options, DTYPE_F32);
    return push_filled(L, dtype, &end.sizes, *(const double *)bind_here(L)->data);
}

/* full(size | {sizes}, value, {dtype=}). */
static int full(lua_State *L) {
    Sizes sizes;
    double value = bind_number(L, 2, "full", "value");
    DType dtype = last_dtype(L, 3, DTYPE_F32);
    lua_pushvalue(L, 1);
    int place = bind_array_sizes(L, lua_gettop(L), &sizes);
    if (lua_istable(L, place))
        bind_array_list_options(L, place, NULL);
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
    size_t rows = check_size(L, 1);
    bool square = lua_isnoneornil(L, 2) || lua_istable(L, 2);
    size_t cols = square ? rows : check_size(L, 2);
    int last = lua_istable(L, 2) ? 2 : 3;
    bind_end(L, last);
    ArrayOptions options = bind_array_options(L, last, bind_here(L)->options->field);
    DType dtype = array_options_dtype(&options, DTYPE_F32);
    array_fill_diagonal(bind_push_new_array(L, "eye", dtype, &(Sizes){ 2, { rows, cols } }),
                        options.diagonal);
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
        return bind_error(L, "arange: a step of 0");
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
    ArrayOptions options = bind_array_options(L, 2, array_create_fields);
    DType dtype = array_options_dtype(&options, a ? a->dtype : DTYPE_F32);
    if (a && options.dtype < 0)
        BIND_ARRAY_RETURN(L, array_copy("new", a, &err));
    if (a)
        BIND_ARRAY_RETURN(L, array_astype("new", a, dtype, &err));
    bind_to_array(L, 1, "new", "values", dtype);
    return 1;
}

/* ---- Random numbers -------------------------------------------------------------------------- */

/* A distribution of floats with two numbers. */
typedef bool Distribution(Array *a, double first, double second, Rng *rng);

/* rand(sizes …, {low=, high=, seed=, dtype=}), randn(sizes …, {mean=, std=, seed=, dtype=}). */
static int random_floats(lua_State *L) {
    Distribution *const *fill = bind_here(L)->data;
    const char *where = bind_where(L);
    SizesEnd end;
    ArrayOptions options = sizes_and_options(L, 1, bind_here(L)->options->field, &end);
    DType dtype = array_options_dtype(&options, DTYPE_F32);
    if (dtype_is_whole(dtype))
        bind_error(L, "%s: random numbers are f32 or f64; randint gives i32", where);
    for (int i = 0; i < 2; i++) {
        double value = options.parameter[i];
        BIND_TRY(L, dtype_holds(dtype, value) || dtype_refuse(where, dtype, value, &err));
    }
    Rng rng = bind_opt_rng(L, end.options, bind_here(L)->name, NULL);
    Array *a = bind_push_new_array(L, where, dtype, &end.sizes);
    BIND_TRY(L, (*fill)(a, options.parameter[0], options.parameter[1], &rng) ||
                    error_interrupted(&err, where));
    return 1;
}

/* randint(low, high, sizes …, {seed=}): low … high, both included as in math.random. */
static int random_integers(lua_State *L) {
    SizesEnd end;
    lua_Integer low = bind_integer(L, 1, "randint", "low", INT32_MIN, INT32_MAX);
    lua_Integer high = bind_integer(L, 2, "randint", "high", low, INT32_MAX);
    sizes_and_options(L, 3, bind_here(L)->options->field, &end);
    Rng rng = bind_opt_rng(L, end.options, "randint", NULL);
    Array *a = bind_push_new_array(L, "randint", DTYPE_I32, &end.sizes);
    BIND_TRY(L, array_fill_uniform(a, (double)low, (double)high + 1, &rng) ||
                    error_interrupted(&err, "randint"));
    return 1;
}

/* randperm(n, {seed=}): 1 … n in random order. */
static int random_permutation(lua_State *L) {
    size_t n = check_size(L, 1);
    Rng start = bind_opt_seed(L, 2), rng;
    /* A second try after a collection draws the same numbers. */
    BIND_ARRAY_RETURN(L, (rng = start, array_permutation(n, 1, &rng, &err)));
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* How frombytes' elements are stored: the names of array types, and what files have besides. */
static const struct Stored {
    const char *name;
    ElementKind kind;
} stored[] = {
    { "f32", ELEMENT_F32 },   { "f64", ELEMENT_F64 },     { "i32", ELEMENT_I32 },
    { "u8", ELEMENT_U8 },     { "i8", ELEMENT_I8 },       { "u16", ELEMENT_U16 },
    { "i16", ELEMENT_I16 },   { "u32", ELEMENT_U32 },     { "i64", ELEMENT_I64 },
    { "f16", ELEMENT_F16 },   { "float32", ELEMENT_F32 }, { "float64", ELEMENT_F64 },
    { "int32", ELEMENT_I32 }, { "uint8", ELEMENT_U8 },
};

static ElementKind check_stored(lua_State *L, int arg) {
    const char *name = lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg) : "";
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        if (strcmp(name, stored[i].name) == 0)
            return stored[i].kind;
    bind_expected(L, arg, "frombytes", "dtype",
                  "\"f32\", \"f64\", \"i32\", \"u8\", \"i8\", \"u16\", \"i16\", "
                  "\"u32\", \"i64\" or \"f16\"");
    return ELEMENT_F32;
}

/* The shape at 3, of which the bytes are exactly the elements; 1-d without it. */
static Sizes check_shape_of_bytes(lua_State *L, size_t bytes, size_t each) {
    Sizes sizes = { 1, { bytes / each } };
    char text[128];
    size_t wanted;
    if (bytes % each != 0)
        bind_error(L, "frombytes: %I bytes are no multiple of the %I of an element",
                   (lua_Integer)bytes, (lua_Integer)each);
    if (lua_isnoneornil(L, 3))
        return sizes;
    bind_array_sizes(L, 3, &sizes);
    if (lua_istable(L, 3))
        bind_array_list_options(L, 3, NULL);
    bool fits = true;
    wanted = each;
    for (int d = 0; d < sizes.ndim; d++)
        fits = !__builtin_mul_overflow(wanted, sizes.size[d], &wanted) && fits;
    if (!fits || wanted != bytes)
        bind_error(L, "frombytes: %I bytes are not the shape %s with %I an element",
                   (lua_Integer)bytes, array_shape_text(sizes.ndim, sizes.size, text),
                   (lua_Integer)each);
    return sizes;
}

/* frombytes(bytes, dtype [, shape]): little-endian. */
static int from_bytes(lua_State *L) {
    if (lua_type(L, 1) != LUA_TSTRING)
        bind_expected(L, 1, "frombytes", "bytes", "a string");
    Elements elements = { .name = "frombytes", .kind = check_stored(L, 2) };
    size_t n;
    const char *bytes = lua_tolstring(L, 1, &n);
    elements.shape = check_shape_of_bytes(L, n, element_size(elements.kind));
    Source source;
    ByteStream stream;
    BIND_ARRAY_RETURN(L, (source = source_of("frombytes", bytes, n),
                          stream = source_stream(&source, n),
                          elements_read(&elements, &stream, &err)));
}

/* tobytes(x): the elements as they are, row-major and little-endian. */
int bind_array_tobytes(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_PUSH(L, array_copy("tobytes", a, &err));
    const Array *copy = bind_test_array(L, -1);
    lua_pushlstring(L, copy->data, array_bytes(copy));
    return 1;
}

#define CONSTANT(user, value)                                                                      \
    { user, constant, BIND_ANY, value, ARRAY_OPTIONS(array_create_fields) }
#define RANDOM(user, fill, fields)                                                                 \
    { user, random_floats, BIND_ANY, (&(Distribution *const){ fill }), ARRAY_OPTIONS(fields) }

/* clang-format off */
const BindFunction bind_array_creators[] = {
    BIND("new", new_array, 2), CONSTANT("zeros", &zero), CONSTANT("ones", &one),
    BIND_WITH("full", full, 3, ARRAY_OPTIONS(array_create_fields)), BIND("full_like", constant_like, 3),
    BIND_AS("zeros_like", constant_like, 2, &zero), BIND_AS("ones_like", constant_like, 2, &one),
    BIND_WITH("eye", eye, BIND_ANY, ARRAY_OPTIONS(array_eye_fields)), BIND("arange", arange, BIND_ANY),
    BIND_WITH("linspace", linspace, BIND_ANY, ARRAY_OPTIONS(array_create_fields)),
    RANDOM("rand", array_fill_uniform, array_uniform_fields),
    RANDOM("randn", array_fill_normal, array_normal_fields),
    BIND_WITH("randint", random_integers, BIND_ANY, ARRAY_OPTIONS(array_seed_fields)),
    BIND_WITH("randperm", random_permutation, 2, ARRAY_OPTIONS(array_seed_fields)),
    BIND("frombytes", from_bytes, 3), BIND_LAST,
};
/* clang-format on */
