/* The `data` library: the built-in digits, the user's own arrays, files of arrays in and out. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"

#include "core/notes.h"
#include "data/dataset_bytes.h"
#include "data/dataset_fields.h"
#include "data/dataset_npz.h"
#include "data/digits.h"
#include "data/npy.h"
#include "data/npz.h"
#include "data/safetensors.h"

#include <string.h>

/* An option that is a list of integers, 1 to `most` of them. */
typedef struct ListOption {
    const char *key, *expected;
    int most, low, high;
} ListOption;

/* The numbers of the list in the options at `arg`; how many, 0 if it is absent. */
static int list_option(lua_State *L, int arg, const ListOption *list, size_t *number) {
    const char *where = bind_where(L);
    lua_Integer count = 0;
    if (bind_opt_push(L, arg, list->key) != LUA_TNIL) {
        if (!lua_istable(L, -1))
            bind_expected(L, -1, where, list->key, list->expected);
        count = (lua_Integer)lua_rawlen(L, -1);
        if (count < 1 || count > list->most)
            bind_error(L, "%s: %s: expected 1 to %d numbers, got %I", where, list->key, list->most,
                       count);
        for (int i = 0; i < count; i++) {
            lua_rawgeti(L, -1, i + 1);
            number[i] = (size_t)bind_integer(L, -1, where, list->key, list->low, list->high);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return (int)count;
}

/* ---- Digits ---------------------------------------------------------------------------------- */

/* What was read, as it is; without it the message gets the user's function in front. */
static void *named(lua_State *L, void *read, Error *err) {
    if (!read)
        error_prefix(err, "%s", bind_where(L));
    return read;
}

/* The path at 1, when what was to be written there is. */
static int answer_path(lua_State *L, bool ok, Error *err) {
    return ok ? bind_answer(L, 1, ok, err) : bind_raise_in(L, bind_where(L), err);
}

/* data.digits(n, { seed =, classes = }) */
static int data_digits(lua_State *L) {
    lua_Integer n = bind_integer(L, 1, "data.digits", "n", 0, 100000000);
    static const ListOption list = { "classes", "a table of digits", 10, 0, 9 };
    DigitsOptions options = { .n = (size_t)n };
    size_t classes[10];
    bind_fields(L, 2, "data.digits", digits_fields, &options);
    options.class_count = list_option(L, 2, &list, classes);
    for (int i = 0; i < options.class_count; i++)
        options.classes[i] = (int32_t)classes[i];
    bind_opt_rng(L, 2, "data.digits", &options.seed);
    Progress progress = progress_new();
    BIND_PUSH_NEW_DATASET(L, digits_new(&options, &progress, &err));
    size_t drawn = dataset_count(bind_test_dataset(L, -1));
    if (drawn < options.n)
        note_leave("stopped; %zu of the %zu digits were drawn", drawn, options.n);
    return 1;
}

/* ---- The user's own -------------------------------------------------------------------------- */

/* The last argument, at `arg`, is a table of options and not arrays without names. */
static void check_named(lua_State *L, int arg, const char *where, const char *call) {
    bool list = lua_istable(L, arg) && lua_rawlen(L, arg) > 0;
    char got[128];
    if (lua_istable(L, arg) || lua_isnoneornil(L, arg))
        bind_end(L, arg);
    if (list || !lua_istable(L, arg))
        bind_error(L, "%s: expected arrays by name, as in %s{ x = samples, y = labels }, got %s",
                   where, call, list ? "a list" : bind_describe(L, arg, got));
}

/* The option's array (or table of numbers), pushed, or else the one at hand. */
static const Array *option_array(lua_State *L, int arg, const char *where, const char *key,
                                 const Array *own) {
    DType dtype = *key == 'x' ? DTYPE_F32 : DTYPE_I32;
    const Array *given = NULL;
    if (bind_opt_push(L, arg, key) != LUA_TNIL)
        given = bind_test_array(L, -1);
    else if (own)
        return own;
    else
        bind_error(L, "%s: %s is missing", where, key);
    if (given && dtype == DTYPE_F32 && given->dtype == DTYPE_U8)
        dtype = DTYPE_U8;
    /* Labels of another type the dataset copies, and says which is a fraction. */
    if (given && dtype == DTYPE_I32 && given->dtype != dtype)
        return given;
    return bind_to_kept_array(L, -1, where, key, dtype);
}

static Sizes sample_shape(lua_State *L, int arg) {
    Sizes sample;
    const ListOption list = { "shape", "a table of sizes, as { 28, 28 }", ARRAY_MAX_DIMS - 1, 1,
                              1 << 30 };
    sample.ndim = list_option(L, arg, &list, sample.size);
    return sample;
}

/* Bytes may be pictures, k / 255, or small numbers: it must be said, by `store` or by what they
 * take the place of. */
static void check_bytes(lua_State *L, const char *where, const Array *x, int store) {
    if (x->dtype == DTYPE_U8 && store < 0)
        bind_error(L,
                   "%s: x: bytes: give store = \"u8\" where they stand for k / 255, or x:astype "
                   "\"f32\" where they are the numbers themselves",
                   where);
}

/* Push the dataset of these parts, stored as is asked for. */
static int push_stored(lua_State *L, const char *where, const DatasetParts *parts, int store) {
    BIND_PUSH_NEW_DATASET(L, dataset_new(where, parts, &err));
    if (store < 0)
        return 1;
    const Dataset *given = bind_test_dataset(L, -1);
    BIND_DATASET_RETURN(L, dataset_stored_as(given, store_dtype(store), &err));
}

/* data.new{ x =, y =, shape =, store =, source =, names = } */
static int data_new(lua_State *L) {
    static const char where[] = "data.new";
    DatasetOptions options = dataset_new_initial;
    check_named(L, 1, where, where);
    bind_fields(L, 1, where, dataset_new_fields, &options);
    Sizes sample = sample_shape(L, 1);
    const Array *x = option_array(L, 1, where, "x", NULL),
                *y = option_array(L, 1, where, "y", NULL);
    check_bytes(L, where, x, options.store);
    DatasetParts parts = { x, y, options.source, sample, bind_opt_names(L, 1, where, NULL) };
    return push_stored(L, where, &parts, options.store);
}

/* ds:with{ x =, y =, shape =, store =, source =, names = }: what is not given is ds's own, and
 * shared. */
int bind_dataset_with(lua_State *L) {
    static const char where[] = "with";
    const Dataset *ds = bind_check_dataset(L, 1, where, "self");
    DatasetOptions options = { .source = ds->source, .store = -1 };
    check_named(L, 2, where, "d:with");
    bind_fields(L, 2, where, dataset_with_fields, &options);
    Sizes sample = sample_shape(L, 2);
    bool has_x = bind_opt_push(L, 2, "x") != LUA_TNIL;
    const Array *x = option_array(L, 2, where, "x", has_x ? NULL : dataset_x(ds));
    const Array *y = option_array(L, 2, where, "y", ds->y);
    if (sample.ndim == 0 && x->ndim == 2 && x->shape[1] == dataset_features(ds))
        sample = sizes_of(ds->sample_ndim, ds->sample_shape);
    if (dataset_dtype(ds) != DTYPE_U8)
        check_bytes(L, where, x, options.store);
    DatasetParts parts = { x, y, options.source, sample, bind_opt_names(L, 2, where, &ds->names) };
    return push_stored(L, where, &parts, options.store);
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
    DatasetOptions options = dataset_npz_initial;
    options.source = path;
    bind_fields(L, 2, where, dataset_npz_fields, &options);
    Sizes sample = sample_shape(L, 2);
    BIND_DATASET_RETURN(L, dataset_load_npz(path, &options, &sample, &err));
}

/* ---- Arrays in and out ----------------------------------------------------------------------- */

/* data.npy(path) */
static int data_npy(lua_State *L) {
    const char *path = bind_string(L, 1, "data.npy", "path");
    BIND_ARRAY_RETURN(L, named(L, npy_load(path, &err), &err));
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
    return answer_path(L, npy_save(a, path, &err), &err);
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

/* Push { [key] = text } of all. */
static void push_texts(lua_State *L, const Tensors *tensors) {
    lua_createtable(L, 0, (int)tensors->text_count);
    for (size_t i = 0; i < tensors->text_count; i++)
        bind_set_string(L, tensors->text[i].key, tensors->text[i].value);
}

/* data.read_npz(path): { [name] = array }, { [member left out] = reason } */
static int data_read_npz(lua_State *L) {
    const char *path = bind_string(L, 1, bind_where(L), "path");
    Tensors *tensors = push_tensors(L);
    Error err = { 0 };
    if (!npz_load(path, NULL, tensors, &err))
        return bind_raise_in(L, bind_where(L), &err);
    push_table(L, tensors);
    push_texts(L, tensors);
    return 2;
}

/* data.safetensors(path): { [name] = array }, { [key] = text }, and where some cannot be read
 * { [name] = reason } */
static int data_safetensors(lua_State *L) {
    const char *path = bind_string(L, 1, bind_where(L), "path");
    Tensors *tensors = push_tensors(L), *left = push_tensors(L);
    Error err = { 0 };
    if (!tensors_open(tensors, path, &err) || !tensors_read_all(tensors, left, &err)) {
        tensors_clear(tensors);
        return bind_raise_in(L, bind_where(L), &err);
    }
    push_table(L, tensors);
    push_texts(L, tensors);
    if (left->text_count == 0)
        return 2;
    push_texts(L, left);
    return 3;
}

/* A string that a file can hold: none that C would cut. */
static const char *whole_text(lua_State *L, int arg, const char *where) {
    size_t length;
    const char *text = lua_tolstring(L, arg, &length);
    if (strlen(text) != length)
        bind_error(L, "%s: a text that contains NUL", where);
    return text;
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
            bind_expected(L, top + 1, where, "arrays", "names that are strings");
        const char *name = whole_text(L, top + 1, where);
        const Array *a = array_to_save(L, top + 2, where, name);
        if (!tensors_add(tensors, (TensorName){ NULL, name }, a, &err))
            bind_raise_in(L, where, &err);
    }
    return tensors;
}

/* data.save_npz(path, { [name] = array }, { compress = }): the path. */
static int data_save_npz(lua_State *L) {
    static const char where[] = "data.save_npz";
    const char *path = bind_string(L, 1, where, "path");
    bool compress = false;
    bind_fields(L, 3, where, npz_save_fields, &compress);
    const Tensors *tensors = push_arrays_of(L, 2, where);
    Error err = { 0 };
    return answer_path(L, npz_save(tensors, compress, path, &err), &err);
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
                return bind_error(L, "%s: metadata: expected texts under names", where);
            if (!tensors_set_text(tensors, whole_text(L, -2, where), whole_text(L, -1, where),
                                  &err))
                return bind_raise_in(L, where, &err);
        }
    return answer_path(L, tensors_save(tensors, path, &err), &err);
}

/* ---- The library ----------------------------------------------------------------------------- */

#define OPTIONS(...) (&(const Fields){ __VA_ARGS__ })
static const bool plain = false; /* not compressed */

static const BindFunction library[] = {
    BIND_WITH("digits", data_digits, 2, OPTIONS(digits_fields, NULL)),
    BIND_WITH("new", data_new, 2, OPTIONS(dataset_new_fields, &dataset_new_initial)),
    BIND_WITH("npz", data_npz, 2, OPTIONS(dataset_npz_fields, &dataset_npz_initial)),
    BIND("npy", data_npy, 1),
    BIND("save_npy", data_save_npy, 2),
    BIND("read_npz", data_read_npz, 1),
    BIND_WITH("save_npz", data_save_npz, 3, OPTIONS(npz_save_fields, &plain)),
    BIND("safetensors", data_safetensors, 1),
    BIND("save_safetensors", data_save_safetensors, 3),
    BIND("concat", bind_dataset_concat, BIND_ANY),
    BIND_LAST,
};

int open_data(lua_State *L) {
    bind_dataset_open(L);
    bind_new_owner(L, &tensors_type);
    lua_newtable(L);
    bind_set_functions(L, library);
    bind_data_readers(L);
    return 1;
}
