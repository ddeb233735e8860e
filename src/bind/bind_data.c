/* The `data` library: MNIST, the built-in digits, the user's own arrays, files in and out. */
#include "bind/bind_dataset.h"

#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array_types.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/notes.h"
#include "data/digits.h"
#include "data/idx.h"
#include "data/mnist.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A file's failure under the user's function; raises. */
static int raise_in(lua_State *L, const char *where, Error *err) {
    error_prefix(err, "%s", where);
    return bind_raise(L, err);
}

/* ---- MNIST and digits ------------------------------------------------------------------------ */

static const char *const part_words[] = { "train", "test", NULL };

static MnistPart check_part(lua_State *L, int arg, const char *where) {
    const char *word = lua_isnoneornil(L, arg) ? "train" : bind_string(L, arg, where, "part");
    for (int i = 0; part_words[i]; i++)
        if (strcmp(word, part_words[i]) == 0)
            return (MnistPart)i;
    bind_expected(L, arg, where, "part", "\"train\" or \"test\"");
    return MNIST_TRAIN;
}

/* The dataset as it is; without one the message gets the user's function in front. */
static Dataset *named(Dataset *dataset, const char *where, Error *err) {
    if (!dataset)
        error_prefix(err, "%s", where);
    return dataset;
}

static int data_mnist(lua_State *L) {
    MnistPart part = check_part(L, 1, "data.mnist");
    BIND_PUSH_NEW_DATASET(L, named(mnist_load(part, &err), "data.mnist", &err));
    return 1;
}

/* data.find_mnist(part): the folder, or nil and where it was looked for. */
static int data_find_mnist(lua_State *L) {
    MnistPart part = check_part(L, 1, "data.find_mnist");
    char folder[MNIST_PATH];
    Error err = { 0 };
    if (!mnist_find(part, folder, &err))
        return bind_nil_error(L, &err);
    lua_pushstring(L, folder);
    return 1;
}

/* data.has_mnist(): both parts are there. */
static int data_has_mnist(lua_State *L) {
    char folder[MNIST_PATH];
    lua_pushboolean(L,
                    mnist_find(MNIST_TRAIN, folder, NULL) && mnist_find(MNIST_TEST, folder, NULL));
    return 1;
}

/* The labels in the option "classes" (a table) as digits 0 … 9; their number. */
static int digit_classes(lua_State *L, int arg, int32_t classes[10]) {
    int count = 0;
    if (bind_opt_push(L, arg, "classes") != LUA_TNIL) {
        if (!lua_istable(L, -1))
            bind_expected(L, -1, "data.digits", "classes", "a table of digits");
        lua_Integer given = (lua_Integer)lua_rawlen(L, -1);
        if (given < 1 || given > 10)
            luaL_error(L, "data.digits: classes: expected 1 to 10 digits, got %I", given);
        for (; count < given; count++) {
            lua_rawgeti(L, -1, count + 1);
            classes[count] = (int32_t)bind_integer(L, -1, "data.digits", "classes", 0, 9);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return count;
}

/* data.digits(n, { seed =, classes = }) */
static int data_digits(lua_State *L) {
    lua_Integer n = bind_integer(L, 1, "data.digits", "n", 0, 100000000);
    bind_options(L, 2, "data.digits", (const char *const[]){ "seed", "classes", NULL });
    DigitsOptions options = { .n = (size_t)n };
    options.class_count = digit_classes(L, 2, options.classes);
    bind_opt_rng(L, 2, "data.digits", &options.seed);
    Progress progress = progress_new();
    BIND_PUSH_NEW_DATASET(L, digits_new(&options, &progress, &err));
    size_t drawn = dataset_count(bind_test_dataset(L, -1));
    if (drawn < options.n)
        note_leave("stopped; %zu of the %zu digits were drawn", drawn, options.n);
    return 1;
}

/* ---- The user's own -------------------------------------------------------------------------- */

/* The option's array (or table of numbers), pushed. */
static Array *required_array(lua_State *L, int arg, const char *where, const char *key,
                             DType dtype) {
    if (bind_opt_push(L, arg, key) == LUA_TNIL)
        luaL_error(L, "%s: %s is missing", where, key);
    /* An array of labels keeps its type: the dataset refuses fractions instead of cutting them. */
    if (dtype == DTYPE_I32 && bind_test_array(L, -1))
        return bind_test_array(L, -1);
    return bind_to_array(L, -1, where, key, dtype);
}

/* The option "shape" (0 if absent). */
static int shape_option(lua_State *L, int arg, const char *where, size_t shape[ARRAY_MAX_DIMS]) {
    int ndim = 0;
    if (bind_opt_push(L, arg, "shape") != LUA_TNIL)
        ndim = bind_sample_shape(L, -1, where, shape);
    lua_pop(L, 1);
    return ndim;
}

/* data.new{ x =, y =, shape =, source = } */
static int data_new(lua_State *L) {
    static const char where[] = "data.new";
    size_t shape[ARRAY_MAX_DIMS];
    bind_options(L, 1, where, (const char *const[]){ "x", "y", "shape", "source", NULL });
    const char *source = bind_opt_string(L, 1, where, "source", "arrays");
    int ndim = shape_option(L, 1, where, shape);
    const Array *x = required_array(L, 1, where, "x", DTYPE_F32);
    const Array *y = required_array(L, 1, where, "y", DTYPE_I32);
    BIND_PUSH_NEW_DATASET(L, dataset_new(where, x, y, ndim, shape, source, &err));
    return 1;
}

/* data.idx(samples, labels) */
static int data_idx(lua_State *L) {
    const char *samples = bind_string(L, 1, "data.idx", "samples");
    const char *labels = bind_string(L, 2, "data.idx", "labels");
    BIND_PUSH_NEW_DATASET(L, named(idx_load(samples, labels, samples, &err), "data.idx", &err));
    return 1;
}

/* Multiply the numbers in their place; false if float32 does not hold one of them. */
static bool scale_by(Array *floats, double scale, Error *err) {
    float *x = array_f32(floats);
    size_t n = array_size(floats);
    for (size_t i = 0; i < n; i++) {
        double value = x[i] * scale;
        if (!dtype_holds(DTYPE_F32, value))
            return dtype_refuse("data.npz", DTYPE_F32, value, err);
        x[i] = (float)value;
    }
    return true;
}

/* x as float32, multiplied by the scale. */
static void push_scaled(lua_State *L, const Array *x, double scale) {
    Error err = { 0 };
    Array *floats = array_contiguous("data.npz", x, DTYPE_F32, &err);
    if (floats && scale != 1) {
        bind_push_array(L, floats, &err); /* perhaps the file's own: the copy is ours */
        floats = array_copy("data.npz", floats, &err);
    }
    bind_push_array(L, floats, &err);
    if (scale != 1 && !scale_by(floats, scale, &err))
        bind_raise(L, &err);
}

/* A box for a table of arrays, so that an error on the way frees it. */
static void release_tensors(void *object) {
    tensors_clear(object);
}

static const BoxType tensors_type = { .name = "perigee.tensors",
                                      .shown = "a table of arrays",
                                      .release = release_tensors };

/* Push a userdata that holds an empty table of arrays, and a box that clears it. */
static Tensors *push_tensors(lua_State *L) {
    Tensors *tensors = lua_newuserdatauv(L, sizeof *tensors, 0);
    tensors_init(tensors);
    void **box = bind_new_box(L, &tensors_type);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1); /* the memory outlives the box */
    *box = tensors;
    return tensors;
}

/* data.npz(path, { x = "x", y = "y", shape =, scale =, source = }) */
static int data_npz(lua_State *L) {
    static const char where[] = "data.npz";
    const char *path = bind_string(L, 1, where, "path");
    bind_options(L, 2, where, (const char *const[]){ "x", "y", "shape", "scale", "source", NULL });
    const char *names[3] = { bind_opt_string(L, 2, where, "x", "x"),
                             bind_opt_string(L, 2, where, "y", "y"), NULL };
    const char *source = bind_opt_string(L, 2, where, "source", path);
    double scale = bind_opt_number(L, 2, where, "scale", -HUGE_VAL, HUGE_VAL, 1);
    size_t shape[ARRAY_MAX_DIMS];
    int ndim = shape_option(L, 2, where, shape);
    Tensors *tensors = push_tensors(L);
    Error failure = { 0 };
    if (!npz_load(path, names, tensors, &failure))
        return raise_in(L, where, &failure);
    push_scaled(L, tensors_find(tensors, NULL, names[0]), scale);
    const Array *x = bind_test_array(L, -1), *y = tensors_find(tensors, NULL, names[1]);
    BIND_PUSH_NEW_DATASET(L, dataset_new(where, x, y, ndim, shape, source, &err));
    return 1;
}

/* ---- Arrays in and out ----------------------------------------------------------------------- */

/* data.npy(path) */
static int data_npy(lua_State *L) {
    const char *path = bind_string(L, 1, "data.npy", "path");
    Error err = { 0 };
    bool tried = false;
    Array *a;
    do
        a = npy_load(path, &err);
    while (!a && bind_retry(L, &err, &tried));
    if (!a)
        return raise_in(L, "data.npy", &err);
    return bind_push_array(L, a, &err);
}

/* An array as it is, or a table of numbers as doubles. */
static Array *array_to_save(lua_State *L, int arg, const char *where, const char *name) {
    Array *a = bind_test_array(L, arg);
    return a ? a : bind_to_array(L, arg, where, name, DTYPE_F64);
}

/* data.save_npy(path, a): the path. */
static int data_save_npy(lua_State *L) {
    const char *path = bind_string(L, 1, "data.save_npy", "path");
    const Array *a = array_to_save(L, 2, "data.save_npy", "array");
    Error err = { 0 };
    if (!npy_save(a, path, &err))
        return raise_in(L, "data.save_npy", &err);
    lua_settop(L, 1);
    return 1;
}

/* Push { [name] = array } of all. */
static void push_table(lua_State *L, const Tensors *tensors) {
    lua_createtable(L, 0, (int)tensors->count);
    for (size_t i = 0; i < tensors->count; i++) {
        Error err = { 0 };
        bind_push_array(L, array_share(tensors->entry[i].array, &err), &err);
        lua_setfield(L, -2, tensors->entry[i].name);
        bind_account(L, array_bytes(tensors->entry[i].array));
    }
}

/* data.read_npz(path): { [name] = array } */
static int data_read_npz(lua_State *L) {
    const char *path = bind_string(L, 1, "data.read_npz", "path");
    Tensors *tensors = push_tensors(L);
    Error err = { 0 };
    if (!npz_load(path, NULL, tensors, &err))
        return raise_in(L, "data.read_npz", &err);
    push_table(L, tensors);
    return 1;
}

/* The table of arrays at arg into pushed tensors. */
static Tensors *push_arrays_of(lua_State *L, int arg, const char *where) {
    if (!lua_istable(L, arg))
        bind_expected(L, arg, where, "arrays", "a table { name = array }");
    Tensors *tensors = push_tensors(L);
    int top = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, arg); lua_settop(L, top + 1)) {
        Error err = { 0 };
        if (lua_type(L, top + 1) != LUA_TSTRING)
            luaL_error(L, "%s: arrays: names are strings, got a %s", where,
                       luaL_typename(L, top + 1));
        const char *name = lua_tostring(L, top + 1);
        const Array *a = array_to_save(L, top + 2, where, name);
        if (!tensors_add(tensors, (TensorName){ NULL, name }, a, &err))
            raise_in(L, where, &err);
    }
    return tensors;
}

static int compare_names(const void *a, const void *b) {
    const NpzEntry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* data.save_npz(path, { [name] = array }, { compress = }): the path. */
static int data_save_npz(lua_State *L) {
    static const char where[] = "data.save_npz";
    const char *path = bind_string(L, 1, where, "path");
    bind_options(L, 3, where, (const char *const[]){ "compress", NULL });
    bool compress = bind_opt_boolean(L, 3, where, "compress", false);
    const Tensors *tensors = push_arrays_of(L, 2, where);
    NpzEntry *entries = lua_newuserdatauv(L, (tensors->count + 1) * sizeof *entries, 0);
    for (size_t i = 0; i < tensors->count; i++)
        entries[i] = (NpzEntry){ tensors->entry[i].name, tensors->entry[i].array };
    qsort(entries, tensors->count, sizeof *entries, compare_names);
    Error err = { 0 };
    if (!npz_save(entries, tensors->count, compress, path, &err))
        return raise_in(L, where, &err);
    lua_settop(L, 1);
    return 1;
}

/* data.safetensors(path): { [name] = array }, { [key] = text } */
static int data_safetensors(lua_State *L) {
    const char *path = bind_string(L, 1, "data.safetensors", "path");
    Tensors *tensors = push_tensors(L);
    Error err = { 0 };
    if (!tensors_load(tensors, path, &err))
        return raise_in(L, "data.safetensors", &err);
    push_table(L, tensors);
    lua_createtable(L, 0, (int)tensors->text_count);
    for (size_t i = 0; i < tensors->text_count; i++) {
        lua_pushstring(L, tensors->text[i].value);
        lua_setfield(L, -2, tensors->text[i].key);
    }
    return 2;
}

/* data.save_safetensors(path, { [name] = array }, { [key] = text }): the path. */
static int data_save_safetensors(lua_State *L) {
    static const char where[] = "data.save_safetensors";
    const char *path = bind_string(L, 1, where, "path");
    lua_settop(L, 3);
    if (!lua_isnil(L, 3) && !lua_istable(L, 3))
        return bind_expected(L, 3, where, "metadata", "a table { key = text }");
    Tensors *tensors = push_arrays_of(L, 2, where);
    Error err = { 0 };
    if (lua_istable(L, 3))
        for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
                return luaL_error(L, "%s: metadata: expected texts under names", where);
            if (!tensors_set_text(tensors, lua_tostring(L, -2), lua_tostring(L, -1), &err))
                return raise_in(L, where, &err);
        }
    if (!tensors_save(tensors, path, &err))
        return raise_in(L, where, &err);
    lua_settop(L, 1);
    return 1;
}

/* ---- The library ----------------------------------------------------------------------------- */

static const luaL_Reg library[] = {
    { "mnist", data_mnist },
    { "has_mnist", data_has_mnist },
    { "find_mnist", data_find_mnist },
    { "digits", data_digits },
    { "new", data_new },
    { "idx", data_idx },
    { "npz", data_npz },
    { "npy", data_npy },
    { "save_npy", data_save_npy },
    { "read_npz", data_read_npz },
    { "save_npz", data_save_npz },
    { "safetensors", data_safetensors },
    { "save_safetensors", data_save_safetensors },
    { "concat", bind_dataset_concat },
    { NULL, NULL },
};

int open_data(lua_State *L) {
    bind_dataset_open(L);
    bind_new_owner(L, &tensors_type);
    luaL_newlib(L, library);
    return 1;
}
