/* The dataset's box: fields, parts, random choices; and samples as arguments. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_samples.h"
#include "bind/bind_model.h"
#include "core/array_shape.h"
#include "core/array_values.h"
#include "core/folds.h"
#include "core/labels.h"
#include "core/rng.h"
#include "data/dataset.h"
#include "data/dataset_fields.h"
#include "data/dataset_save.h"
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- The type -------------------------------------------------------------------------------- */

static void release(void *object) {
    dataset_free(object);
}

static void describe(const void *object, char text[128]) {
    const Dataset *ds = object;
    Sizes shape = sizes_of(ds->sample_ndim, ds->sample_shape);
    int used = snprintf(text, 128, "a dataset of %zu samples of ", dataset_count(object));
    shape_words(&shape, 128 - (size_t)used, text + used);
}

const BoxType bind_dataset_type = {
    .name = "perigee.dataset", .shown = "a dataset", .release = release, .describe = describe
};

enum { DATASET_SMALL = 768 }; /* its struct, two arrays' headers, the classes */

void bind_account_dataset(lua_State *L, const Dataset *dataset) {
    bind_account(L, DATASET_SMALL + array_bytes(dataset->y) + dataset_own_bytes(dataset));
}

int bind_push_dataset(lua_State *L, Dataset *dataset, const Error *err) {
    if (!dataset)
        return bind_raise(L, err);
    bind_box(L, &bind_dataset_type, dataset);
    bind_account_dataset(L, dataset);
    return 1;
}

Dataset *bind_check_dataset(lua_State *L, int arg, const char *where, const char *name) {
    return bind_check(L, arg, &bind_dataset_type, where, name);
}

Dataset *bind_test_dataset(lua_State *L, int arg) {
    return bind_test(L, arg, &bind_dataset_type);
}

/* ---- Samples as arguments -------------------------------------------------------------------- */

/* Push a header of our own: a model written in Lua may close the user's box while we still read. */
static const Array *push_held(lua_State *L, const Array *a) {
    Error err = { 0 };
    void **box = bind_new_box(L, &bind_array_type);
    *box = array_share(a, &err);
    if (!*box)
        bind_raise(L, &err);
    return *box;
}

/* The rows of all samples as floats, pushed. */
static const Array *push_floats(lua_State *L, const Dataset *ds) {
    if (dataset_dtype(ds) == DTYPE_F32)
        return push_held(L, dataset_x(ds));
    BIND_ARRAY_PUSH(L, dataset_floats(ds, 0, dataset_count(ds), &err));
    return bind_test_array(L, -1);
}

Samples bind_check_training(lua_State *L, int arg, const char *where, const char *name) {
    const Dataset *ds = bind_check_dataset(L, arg, where, name);
    size_t n = dataset_count(ds), features = dataset_features(ds);
    const Array *y = push_held(L, ds->y), *x = push_floats(L, ds);
    return (Samples){ array_f32(x), array_i32(y), n, features };
}

Samples bind_check_stored_training(lua_State *L, int arg, const char *where, const char *name) {
    const Dataset *ds = bind_check_dataset(L, arg, where, name);
    if (dataset_dtype(ds) == DTYPE_F32)
        return bind_check_training(L, arg, where, name);
    const Array *y = push_held(L, ds->y), *x = push_held(L, dataset_x(ds));
    return (Samples){ .y = array_i32(y),
                      .n = dataset_count(ds),
                      .features = dataset_features(ds),
                      .bytes = array_u8(x) };
}

/* What is taken from a dataset, or from an array of one sample or one a row. */
static BindSamples samples_of(const Array *x, int sample_ndim, const size_t *shape) {
    BindSamples samples = { .x = array_f32(x), .n = 1, .sample_ndim = sample_ndim };
    if (x->ndim > 1)
        samples.n = x->shape[0];
    samples.features = x->ndim > 1 ? array_row_size(x) : x->shape[0];
    memcpy(samples.sample_shape, shape, (size_t)sample_ndim * sizeof *shape);
    return samples;
}

static const char bytes_as_samples[] =
    "samples in floats (the dataset itself, whose bytes stand for k / 255, or x / 255)";

BindSamples bind_check_samples(lua_State *L, int arg, const char *where, const char *name) {
    const Dataset *ds = bind_test_dataset(L, arg);
    if (ds) {
        const int32_t *y = array_i32(push_held(L, ds->y));
        BindSamples samples = samples_of(push_floats(L, ds), ds->sample_ndim, ds->sample_shape);
        samples.y = y;
        return samples;
    }
    if (!bind_test_array(L, arg) && !lua_istable(L, arg))
        bind_expected(L, arg, where, name, "samples (a dataset or an array)");
    const Array *given = bind_test_array(L, arg);
    if (given && given->dtype == DTYPE_U8)
        bind_expected(L, arg, where, name, bytes_as_samples);
    const Array *a = bind_to_array(L, arg, where, name, DTYPE_F32);
    if (a->ndim == 0)
        bind_expected(L, arg, where, name, "samples (one as a 1-d array, or one a row)");
    a = push_held(L, a);
    bool rows = a->ndim > 1;
    return samples_of(a, a->ndim - rows, a->shape + rows);
}

void bind_check_layout(lua_State *L, int arg, const Model *model, const char *where) {
    const Dataset *ds = bind_test_dataset(L, arg);
    const Array *a = bind_test_array(L, arg);
    Sizes sample = { 0 };
    Error err;
    if (ds)
        sample = sizes_of(ds->sample_ndim, ds->sample_shape);
    else if (a && a->ndim > 1)
        sample = sizes_of(a->ndim - 1, a->shape + 1);
    if (!model_check_layout(model, &sample, where, &err))
        bind_raise(L, &err);
}

Batch bind_check_batch(lua_State *L, int arg, const Model *model, const char *name) {
    const char *where = bind_where(L);
    BindSamples samples = bind_check_samples(L, arg, where, name);
    bind_check_layout(L, arg, model, where);
    return (Batch){ samples.x, samples.n, samples.features, where };
}

Batch bind_check_pieces(lua_State *L, int arg, const Model *model, const char *name) {
    const Dataset *ds = bind_test_dataset(L, arg);
    if (!ds || dataset_dtype(ds) == DTYPE_F32)
        return bind_check_batch(L, arg, model, name);
    const char *where = bind_where(L);
    size_t n = dataset_count(ds), features = dataset_features(ds);
    size_t rows = n < MODEL_PIECE ? n : MODEL_PIECE;
    bind_check_layout(L, arg, model, where);
    Batch batch = { .n = n, .features = features, .where = where };
    batch.bytes = array_u8(push_held(L, dataset_x(ds)));
    batch.room = lua_newuserdatauv(L, (rows * features + 1) * sizeof(float), 0);
    return batch;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_dtype(lua_State *L, const void *object) {
    lua_pushstring(L, dtype_name(dataset_dtype(object)));
}

static void push_x(lua_State *L, const void *object) {
    const Array *x = dataset_x(object);
    bind_push_shared(L, &x);
}

static void push_images(lua_State *L, const void *object) {
    Error err = { 0 };
    bind_push_array(L, dataset_images(object, &err), &err);
}

static void push_shape(lua_State *L, const void *object) {
    const Dataset *ds = object;
    bind_push_sizes(L, ds->sample_ndim, ds->sample_shape);
}

static void push_features(lua_State *L, const void *object) {
    lua_pushinteger(L, (lua_Integer)dataset_features(object));
}

static void push_names(lua_State *L, const void *object) {
    if (bind_push_names(L, &((const Dataset *)object)->names) == 0)
        lua_pushnil(L);
}

static const BindProperty properties[] = {
    BIND_PROPERTY("x", push_x),
    BIND_KEPT_MEMBER("y", bind_push_shared, Dataset, y),
    BIND_PROPERTY("shape", push_shape),
    BIND_MEMBER("classes", bind_push_labels, Dataset, classes),
    BIND_MEMBER("source", bind_push_text, Dataset, source),
    BIND_PROPERTY("names", push_names),
    BIND_PROPERTY("images", push_images),
    BIND_PROPERTY("features", push_features),
    BIND_PROPERTY("dtype", push_dtype),
    BIND_LAST,
};

/* ---- Places ---------------------------------------------------------------------------------- */

/* Scratch for `count` positions, pushed so that the collector frees it. */
static size_t *push_positions(lua_State *L, size_t count) {
    return lua_newuserdatauv(L, (count ? count : 1) * sizeof(size_t), 0);
}

/* The places of the range on top of the stack. */
static Places range_places(lua_State *L, const char *where, size_t n) {
    Slice range = bind_range(L, where, n);
    size_t *place = push_positions(L, range.count);
    for (size_t i = 0; i < range.count; i++)
        place[i] = range.first + i * (size_t)range.step;
    return (Places){ 0, place, range.count };
}

Places bind_places(lua_State *L, int arg, const char *where, size_t n) {
    if (!bind_test_array(L, arg) && !lua_istable(L, arg))
        bind_expected(L, arg, where, "positions", "an array or table of positions");
    const Array *wanted = bind_to_array(L, arg, where, "positions", DTYPE_I32);
    if (wanted->ndim != 1)
        bind_error(L, "%s: positions: expected one dimension, got %d", where, wanted->ndim);
    size_t count = wanted->shape[0], *place = push_positions(L, count);
    for (size_t i = 0; i < count; i++)
        place[i] = bind_place(L, where, array_i32(wanted)[i], n);
    return (Places){ 0, place, count };
}

/* The places of the samples where the mask is not 0. */
static Places push_masked(lua_State *L, const Array *mask, const char *where, size_t n) {
    char shape[128];
    if (mask->ndim != 1 || mask->shape[0] != n)
        bind_error(L, "%s: a mask of shape %s for %I samples", where,
                   array_shape_text(mask->ndim, mask->shape, shape), (lua_Integer)n);
    Error err;
    bind_push_array(L, array_nonzero(mask, 1, &err), &err);
    return bind_places(L, lua_gettop(L), where, n);
}

bool bind_chosen_places(lua_State *L, const char *where, size_t n, Places *chosen) {
    const Array *given = bind_test_array(L, 2);
    if (!given && !lua_istable(L, 2))
        return false;
    if (!given)
        *chosen = range_places(L, where, n);
    else if (given->origin == ORIGIN_MASK)
        *chosen = push_masked(L, given, where, n);
    else
        *chosen = bind_places(L, 2, where, n);
    return true;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* ds[i] */
static int push_sample(lua_State *L, void *object, lua_Integer position) {
    const Dataset *ds = object;
    if (position == (lua_Integer)dataset_count(ds) + 1)
        return 0; /* nil just past the end lets ipairs finish */
    size_t place = bind_place(L, "dataset", position, dataset_count(ds));
    BIND_PUSH_NEW_DATASET(L, dataset_range(ds, place, 1, &err));
    if (dataset_dtype(ds) == DTYPE_F32)
        return 1;
    const Dataset *bytes = bind_test_dataset(L, -1);
    BIND_DATASET_RETURN(L, dataset_stored_as(bytes, DTYPE_F32, &err));
}

/* ds[{first, last}], ds[mask], ds[positions]: in their order, as ds:take. */
static int push_some(lua_State *L, void *object) {
    const Dataset *ds = object;
    Places places;
    if (!bind_chosen_places(L, "dataset", dataset_count(ds), &places))
        return 0;
    BIND_DATASET_RETURN(L, dataset_take(ds, places.position, places.count, &err));
}

static int meta_len(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)dataset_count(bind_check_dataset(L, 1, "#", "self")));
    return 1;
}

typedef struct Stretch {
    size_t first, n;
} Stretch;

/* Positions i … j at 2 and 3, both included; either may be nil or negative. */
static Stretch bounds_of(lua_State *L, const Dataset *ds, const char *where) {
    lua_Integer n = (lua_Integer)dataset_count(ds), bound[2] = { 1, n };
    for (int k = 0; k < 2; k++) {
        if (lua_isnoneornil(L, 2 + k))
            continue;
        lua_Integer most = k == 0 && n == 0 ? 1 : n; /* 1 to 0 is all of no samples */
        bound[k] = bind_integer(L, 2 + k, where, k ? "last" : "first", -n, most);
        if (bound[k] < 0)
            bound[k] += n + 1;
    }
    if (bound[0] < 1 || bound[1] < bound[0] - 1)
        bind_error(L, "%s: from %I to %I of %I samples", where, bound[0], bound[1], n);
    return (Stretch){ (size_t)bound[0] - 1, (size_t)(bound[1] - bound[0] + 1) };
}

/* ds:slice([first [, last]]) */
static int dataset_slice(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    Stretch rows = bounds_of(L, ds, "slice");
    BIND_DATASET_RETURN(L, dataset_range(ds, rows.first, rows.n, &err));
}

/* ds:floats([first [, last]]): their rows as floats, in [0, 1] where they are stored as bytes. */
static int dataset_float_rows(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    Stretch rows = bounds_of(L, ds, "floats");
    BIND_ARRAY_PUSH(L, dataset_floats(ds, rows.first, rows.n, &err));
    bind_test_array(L, -1)->read_only = true;
    return 1;
}

static int push_taken(lua_State *L, const Dataset *ds, const size_t *positions, size_t count) {
    BIND_DATASET_RETURN(L, dataset_take(ds, positions, count, &err));
}

/* ds:take(positions): 1-based, in that order, repeats allowed. */
static int dataset_take_positions(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    Places places = bind_places(L, 2, bind_where(L), dataset_count(ds));
    return push_taken(L, ds, places.position, places.count);
}

/* ---- Random choices -------------------------------------------------------------------------- */

/* A random order of the samples, pushed; the seed from the options at `arg`. */
static const size_t *push_order(lua_State *L, const Dataset *ds, int arg) {
    Rng rng = bind_opt_seed(L, arg);
    size_t n = dataset_count(ds), *order = push_positions(L, n);
    rng_permutation(&rng, n, order);
    return order;
}

static int dataset_shuffle(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    const size_t *order = push_order(L, ds, 2);
    return push_taken(L, ds, order, dataset_count(ds));
}

/* ds:split(p): a random floor(p·n) samples, and the others. */
static int dataset_split(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    double share = bind_number(L, 2, "split", "share");
    if (!(share > 0 && share < 1))
        return bind_expected(L, 2, "split", "share", "a number between 0 and 1");
    const size_t *order = push_order(L, ds, 3);
    size_t n = dataset_count(ds), first = (size_t)floor(share * (double)n + 1e-9);
    push_taken(L, ds, order, first);
    return 1 + push_taken(L, ds, order + first, n - first);
}

/* ds:folds(k): the fold of each sample, 1 … k: those that a fit by folds draws for the seed. */
static int dataset_folds(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    size_t n = dataset_count(ds);
    uint64_t seed;
    lua_Integer k = bind_integer(L, 2, "folds", "k", 2, n > 2 ? (lua_Integer)n : 2);
    bind_fields(L, 3, "folds", bind_seed_options.field, &seed);
    FoldsOf of = { "fit", array_i32(ds->y), n, (int)k };
    const int32_t *fold = bind_push_folds(L, 3, &of, NULL);
    Array *made = bind_push_new_array(L, "folds", DTYPE_I32, &(Sizes){ 1, { n } });
    for (size_t i = 0; i < n; i++)
        array_i32(made)[i] = fold[i] + 1;
    return 1;
}

/* ds:sample(n): a random n of them, each at most once. */
static int dataset_sample(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    lua_Integer wanted = bind_integer(L, 2, "sample", "n", 0, (lua_Integer)dataset_count(ds));
    const size_t *order = push_order(L, ds, 3);
    return push_taken(L, ds, order, (size_t)wanted);
}

/* ds:per_class(n): the first n of each class; with a seed a random n. */
static int dataset_each_class(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    size_t n = (size_t)bind_integer(L, 2, "per_class", "n", 0, 1 << 30);
    uint64_t seed;
    bind_fields(L, 3, "per_class", bind_seed_options.field, &seed);
    bool random = bind_opt_push(L, 3, "seed") != LUA_TNIL;
    Rng rng = random ? bind_opt_rng(L, 3, "per_class", NULL) : (Rng){ 0 };
    BIND_DATASET_RETURN(L, dataset_per_class(ds, n, random ? &rng : NULL, &err));
}

/* ---- Conditions ------------------------------------------------------------------------------ */

/* ds:where(mask), ds:where(3), ds:where{ 3, 7 }, ds:where{ y = … }; by a function it is in
 * lua/perigee/data.lua. */
static int dataset_where(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    const Array *mask = bind_test_array(L, 2);
    lua_settop(L, 2);
    if (!mask && !lua_istable(L, 2) && lua_type(L, 2) != LUA_TNUMBER)
        return bind_expected(L, 2, "where", "condition",
                             "a mask, a function, a label or labels, or { y = labels }");
    if (mask)
        BIND_DATASET_RETURN(L, dataset_masked(ds, mask, &err));
    if (lua_istable(L, 2) && lua_rawlen(L, 2) == 0) {
        bind_options(L, 2, "where", (const char *const[]){ "y", NULL });
        bind_opt_push(L, 2, "y");
    }
    if (lua_type(L, -1) != LUA_TNUMBER && !lua_istable(L, -1))
        bind_expected(L, -1, "where", "y", "a label or a list of labels");
    const Array *labels = bind_to_array(L, -1, "where", "labels", DTYPE_I32);
    BIND_DATASET_RETURN(L, dataset_labelled(ds, labels, &err));
}

/* ---- Batches, joining, counting, saving ------------------------------------------------------ */

/* data.concat(a, b, …) and a:concat(b, …). */
int bind_dataset_concat(lua_State *L) {
    int count = lua_gettop(L);
    const Dataset **parts = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *parts, 0);
    for (int i = 0; i < count; i++)
        parts[i] = bind_check_dataset(L, i + 1, "concat", "dataset");
    BIND_DATASET_RETURN(L, dataset_concat(parts, (size_t)count, &err));
}

/* ds:counts(): { [label] = samples }. */
static int dataset_counts(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    size_t *counts = push_positions(L, ds->classes.count);
    dataset_class_counts(ds, counts);
    lua_newtable(L);
    for (size_t c = 0; c < ds->classes.count; c++) {
        lua_pushinteger(L, (lua_Integer)counts[c]);
        lua_rawseti(L, -2, ds->classes.label[c]);
    }
    return 1;
}

/* ds:save(path): by the path's ending (dataset_save.h), else an npz, which data.npz reads. */
static int dataset_save_file(lua_State *L) {
    const Dataset *ds = bind_self(L, &bind_dataset_type);
    const char *path = bind_string(L, 2, "save", "path");
    Error err = { 0 };
    bool ok = dataset_save(ds, path, &err);
    return ok ? bind_answer(L, 2, ok, &err) : bind_raise_in(L, "save", &err);
}

/* ---- Registration ---------------------------------------------------------------------------- */

static const Fields with_options = { dataset_with_fields, NULL };

static const BindFunction methods[] = {
    BIND("slice", dataset_slice, 3),
    BIND("floats", dataset_float_rows, 3),
    BIND("take", dataset_take_positions, 2),
    BIND_WITH("shuffle", dataset_shuffle, 2, &bind_seed_options),
    BIND_WITH("split", dataset_split, 3, &bind_seed_options),
    BIND_WITH("folds", dataset_folds, 3, &bind_seed_options),
    BIND_WITH("sample", dataset_sample, 3, &bind_seed_options),
    BIND("per_class", dataset_each_class, 3),
    BIND("where", dataset_where, 2),
    BIND("counts", dataset_counts, 1),
    BIND("concat", bind_dataset_concat, BIND_ANY),
    BIND("save", dataset_save_file, 2),
    BIND_WITH("with", bind_dataset_with, 3, &with_options),
    BIND_LAST,
};

void bind_dataset_open(lua_State *L) {
    bind_names_open(L);
    static const luaL_Reg meta[] = { { "__len", meta_len }, { NULL, NULL } };
    static const BindType type = { .box = &bind_dataset_type,
                                   .methods = methods,
                                   .properties = properties,
                                   .item = push_sample,
                                   .items = push_some,
                                   .keys = "a position, a range {first, last}, a mask, positions "
                                           "(an array) or a name",
                                   .fixed = "d:with{ x =, y = } makes a changed dataset",
                                   .meta = meta };
    bind_new_type(L, &type);
    lua_pop(L, 1);
}
