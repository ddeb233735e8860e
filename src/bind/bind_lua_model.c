#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/lua_model.h"
#include "core/array.h"
#include "core/error.h"
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct LuaModel {
    Model base;
    lua_State *L; /* the main thread: a coroutine could be gone by the next call */
    int ref;      /* the table, in the registry */
} LuaModel;

/* One protected call into the table: what goes in and what comes out, for the body that runs
 * inside lua_pcall, on an empty stack, and may raise. */
typedef struct Call Call;
struct Call {
    void (*body)(lua_State *L, const Call *call);
    LuaModel *model;
    const Batch *batch;
    double *scores;
    const GradientRequest *request;
    const Samples *samples;
    const char *name; /* of a hyperparameter */
    Value *value;
    Model **copy;
};

static int run_body(lua_State *L) {
    const Call *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    call->body(L, call);
    return 0;
}

/* What made it fail? An interrupt stops Lua at its next line. */
static ErrorKind kind_of(int status) {
    return status == LUA_ERRMEM           ? ERROR_MEMORY
           : progress_interrupt_pending() ? ERROR_INTERRUPTED
                                          : ERROR_ARGUMENT;
}

/* Run the body on the main thread; what it raises goes into err. */
static bool protect(const Call *call, Error *err) {
    lua_State *L = call->model->L;
    if (!lua_checkstack(L, 8))
        return error_set(err, ERROR_MEMORY, "Lua model: Lua's stack is full");
    int top = lua_gettop(L);
    lua_pushcfunction(L, run_body);
    lua_pushlightuserdata(L, (void *)call);
    int status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        error_set(err, kind_of(status), "%s",
                  message ? message : "a model written in Lua raised a value that is not a string");
    }
    lua_settop(L, top);
    return status == LUA_OK;
}

/* Push the method and the table itself; an absent method is an error. */
static void push_method(lua_State *L, const LuaModel *model, const char *name) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, model->ref);
    if (lua_getfield(L, -1, name) != LUA_TFUNCTION)
        luaL_error(L, "%s: this model written in Lua has no %s method", name, name);
    lua_insert(L, -2);
}

/* What goes in or comes out of a method of that name. */
typedef struct Matrix {
    const char *where;
    DType dtype;
    size_t n, columns;
} Matrix;

static void push_matrix(lua_State *L, Matrix matrix, const void *rows) {
    Array *a = bind_push_new_array(L, matrix.where, matrix.dtype,
                                   &(Sizes){ 2, { matrix.n, matrix.columns } });
    memcpy(a->data, rows, array_bytes(a));
}

/* The answer on top of the stack. One sample's may be a plain list. */
static Array *check_answer(lua_State *L, Matrix matrix) {
    Array *a =
        bind_to_array(L, lua_gettop(L), matrix.where, "the Lua model's answer", matrix.dtype);
    bool flat = matrix.n == 1 && a->ndim == 1 && a->shape[0] == matrix.columns;
    if (!flat && !(a->ndim == 2 && a->shape[0] == matrix.n && a->shape[1] == matrix.columns)) {
        char text[128];
        luaL_error(L, "%s: the Lua model answered %s, expected (%d, %d)", matrix.where,
                   array_shape_text(a->ndim, a->shape, text), (int)matrix.n, (int)matrix.columns);
    }
    return a;
}

static void scores_body(lua_State *L, const Call *call) {
    size_t columns = model_columns(&call->model->base);
    push_method(L, call->model, "scores");
    push_matrix(L, (Matrix){ "scores", DTYPE_F32, call->batch->n, call->batch->features },
                call->batch->x);
    lua_call(L, 2, 1);
    const Array *answer = check_answer(L, (Matrix){ "scores", DTYPE_F64, call->batch->n, columns });
    const double *value = array_f64(answer);
    for (size_t i = 0; i < call->batch->n * columns; i++)
        if (isnan(value[i]))
            luaL_error(L, "scores: the Lua model answered NaN for sample %d",
                       (int)(i / columns) + 1);
    memcpy(call->scores, value, call->batch->n * columns * sizeof *value);
}

static bool lua_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    return protect(&(Call){ scores_body, (LuaModel *)model, .batch = batch, .scores = scores },
                   err);
}

static void gradient_body(lua_State *L, const Call *call) {
    Matrix samples = { "gradient", DTYPE_F32, call->batch->n, call->batch->features };
    Matrix weights = { "gradient", DTYPE_F64, call->batch->n, model_columns(&call->model->base) };
    push_method(L, call->model, "gradient");
    push_matrix(L, samples, call->batch->x);
    push_matrix(L, weights, call->request->w);
    lua_call(L, 3, 1);
    const Array *answer = check_answer(L, samples);
    memcpy(call->request->gradient, array_f32(answer), array_bytes(answer));
}

static bool lua_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    return protect(&(Call){ gradient_body, (LuaModel *)model, .batch = batch, .request = request },
                   err);
}

/* ---- What the table says of itself ----------------------------------------------------------- */

/* The list on top of the stack as the model's classes; pops nothing. False: it is not a sorted list
 * of labels. */
static bool read_labels(lua_State *L, LuaModel *model) {
    size_t count = (size_t)luaL_len(L, -1);
    int32_t *label = lua_newuserdatauv(L, (count + 1) * sizeof *label, 0);
    bool sorted = true;
    for (size_t i = 0; i < count && sorted; i++) {
        int is_integer;
        lua_geti(L, -2, (lua_Integer)i + 1);
        lua_Integer value = lua_tointegerx(L, -1, &is_integer);
        lua_pop(L, 1);
        label[i] = (int32_t)value;
        sorted = is_integer && value >= INT32_MIN && value <= INT32_MAX &&
                 (!i || label[i] > label[i - 1]);
    }
    Error err;
    if (sorted && !labels_from("classes", label, count, &model->base.classes, &err))
        bind_raise(L, &err);
    lua_pop(L, 1);
    return sorted && count > 0;
}

/* For messages: the user's function, and what the model is in it. */
typedef struct Reading {
    const char *where, *name;
    const Samples *samples; /* whose labels stand in for absent classes; or NULL */
} Reading;

/* Read rejects, features and classes of the table at `arg` into the wrapper; raises if they are not
 * what they should be. */
static void read_fields(lua_State *L, int arg, LuaModel *model, Reading reading) {
    const Samples *samples = reading.samples;
    const char *wrong = NULL;
    lua_getfield(L, arg, "rejects");
    model->base.rejects = lua_toboolean(L, -1);
    lua_getfield(L, arg, "features");
    lua_Integer features = lua_tointeger(L, -1);
    if (features > 0)
        model->base.features = (size_t)features;
    bool can_fit = lua_getfield(L, arg, "fit") != LUA_TNIL;
    bool has_classes = lua_getfield(L, arg, "classes") != LUA_TNIL;
    labels_clear(&model->base.classes);
    Error err;
    if (has_classes) {
        if (!lua_istable(L, -1) || !read_labels(L, model))
            wrong = "a Lua model's classes are a list of labels in rising order";
        else if (model->base.rejects && labels_find(&model->base.classes, LABEL_REJECTED) >= 0)
            wrong = "the class -1 of a model that rejects: -1 means rejected";
    } else if (samples) {
        if (!labels_from(reading.where, samples->y, samples->n, &model->base.classes, &err))
            bind_raise(L, &err);
    } else if (!can_fit) {
        wrong = "a Lua model needs classes, the list of its labels";
    }
    if (wrong)
        luaL_error(L, "%s: %s: %s", reading.where, reading.name, wrong);
    lua_pop(L, 4);
}

/* ---- Training and hyperparameters ------------------------------------------------------------ */

static void fit_body(lua_State *L, const Call *call) {
    const Samples *samples = call->samples;
    Error err;
    push_method(L, call->model, "fit");
    push_matrix(L, (Matrix){ "fit", DTYPE_F32, samples->n, samples->features }, samples->x);
    Array *x = bind_test_array(L, -1);
    Array *y = bind_push_new_array(L, "fit", DTYPE_I32, &(Sizes){ 1, { samples->n } });
    memcpy(y->data, samples->y, samples->n * sizeof *samples->y);
    bind_push_dataset(L, dataset_new("fit", x, y, 0, NULL, "samples of a fit", &err), &err);
    lua_replace(L, -3);
    lua_pop(L, 1);
    lua_call(L, 2, 0);
    call->model->base.features = samples->features;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->model->ref);
    read_fields(L, lua_gettop(L), call->model, (Reading){ "fit", "model", samples });
}

static bool lua_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    (void)progress;
    return protect(&(Call){ fit_body, (LuaModel *)model, .samples = samples }, err);
}

static void set_body(lua_State *L, const Call *call) {
    push_method(L, call->model, "set");
    lua_createtable(L, 0, 1);
    bind_push_value(L, call->value);
    lua_setfield(L, -2, call->name);
    lua_call(L, 2, 0);
}

static bool lua_set(Model *model, const char *name, const Value *value, Error *err) {
    Value set = *value;
    return protect(&(Call){ set_body, (LuaModel *)model, .name = name, .value = &set }, err);
}

static void get_body(lua_State *L, const Call *call) {
    push_method(L, call->model, "get");
    lua_pushstring(L, call->name);
    lua_call(L, 2, 1);
    if (lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "get: the Lua model has no number named \"%s\"", call->name);
    *call->value = bind_value(L, -1);
}

static bool lua_get(Model *model, const char *name, Value *value, Error *err) {
    return protect(&(Call){ get_body, (LuaModel *)model, .name = name, .value = value }, err);
}

static bool lua_same(const Model *a, const Model *b) {
    const LuaModel *one = (const LuaModel *)a, *other = (const LuaModel *)b;
    lua_State *L = one->L;
    if (!lua_checkstack(L, 2))
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, one->ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, other->ref);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void lua_free(Model *model) {
    LuaModel *self = (LuaModel *)model;
    luaL_unref(self->L, LUA_REGISTRYINDEX, self->ref);
    free(self);
}

static void clone_body(lua_State *L, const Call *call) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->model->ref);
    if (lua_getfield(L, 1, "clone") == LUA_TFUNCTION) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 1);
        if (!lua_model_fits(L, -1))
            luaL_error(L, "clone: the Lua model's clone is not a model");
    } else {
        bind_push_copy(L, 1);
        if (lua_getmetatable(L, 1))
            lua_setmetatable(L, -2);
    }
    *call->copy = model_retain(lua_model_push_box(L, lua_gettop(L), "clone", "model"));
}

static Model *lua_clone(const Model *model, Error *err) {
    Model *copy = NULL;
    protect(&(Call){ clone_body, (LuaModel *)model, .copy = &copy }, err);
    return copy;
}

static const ModelKind lua_model_kind = {
    .name = "lua",
    .whole_batches = true,
    .free = lua_free,
    .scores = lua_scores,
    .gradient = lua_gradient,
    .fit = lua_fit,
    .same = lua_same,
    .set = lua_set,
    .get = lua_get,
    .clone = lua_clone,
};

bool lua_model_is(const Model *model) {
    return model->kind == &lua_model_kind;
}

/* Owns a wrapper while a binding uses it; users never see it. */
static const BoxType box_type = { .name = "perigee.lua_model",
                                  .shown = "a model written in Lua",
                                  .release = bind_release_model };

bool lua_model_fits(lua_State *L, int arg) {
    arg = lua_absindex(L, arg);
    if (!lua_istable(L, arg))
        return false;
    bool fits = lua_getfield(L, arg, "scores") == LUA_TFUNCTION;
    lua_pop(L, 1);
    return fits;
}

static lua_State *main_thread(lua_State *L) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main_state = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main_state;
}

Model *lua_model_push_box(lua_State *L, int arg, const char *where, const char *name) {
    arg = lua_absindex(L, arg);
    if (luaL_getmetatable(L, box_type.name) == LUA_TNIL)
        bind_new_owner(L, &box_type);
    lua_pop(L, 1);
    void **box = bind_new_box(L, &box_type);
    LuaModel *model = malloc(sizeof *model);
    if (!model)
        luaL_error(L, "%s: out of memory", where);
    model_init(&model->base, &lua_model_kind);
    model->L = main_thread(L);
    model->ref = LUA_NOREF;
    *box = model;
    lua_pushvalue(L, arg);
    model->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    read_fields(L, arg, model, (Reading){ where, name, NULL });
    return &model->base;
}

void lua_model_push_table(lua_State *L, const Model *model) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, ((const LuaModel *)model)->ref);
}
