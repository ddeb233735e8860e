/* bind_lua_model.c — a Lua table as a Model; bind_model.h says what is in it. */
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "data/dataset.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

typedef struct LuaModel {
    Model base;
    lua_State *L; /* the main thread: a coroutine could be gone by the next call */
    int ref;      /* the table, in the registry */
    Sizes input;  /* of one sample, where it says so */
} LuaModel;

/* One protected call into the table: what goes in and what comes out, for the body that runs
 * inside lua_pcall, on an empty stack, and may raise. */
typedef struct Call Call;
struct Call {
    void (*body)(lua_State *L, const Call *call);
    LuaModel *model;
    const char *method; /* the model's, that the body calls */
    const Batch *batch;
    double *scores;
    const GradientRequest *request;
    const Samples *samples;
    const char *way, *name; /* "get" or "set", and of what hyperparameter */
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

/* What the method has raised, on top of the stack. Its own messages stay as they are. */
static void tell(lua_State *L, const char *method, ErrorKind kind, Error *err) {
    const char *message = bind_push_raised(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING)
        error_set(err, kind, "%s: the model written in Lua raised %s", method, message);
    else if (strstr(message, "attempt to yield"))
        error_set(
            err, kind,
            "%s: the model written in Lua called coroutine.yield: its methods are called from "
            "C, which waits for their answer and cannot be left on the way",
            method);
    else
        error_set(err, kind, "%s", message);
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
    if (status != LUA_OK)
        tell(L, call->method, kind_of(status), err);
    lua_settop(L, top);
    return status == LUA_OK;
}

/* Push what lua/perigee/lua_model.lua does under that name, and the model's table. */
static void push_half(lua_State *L, const LuaModel *model, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "perigee.lua_models");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, model->ref);
}

/* Push the method and the table itself; an absent method is an error. */
static void push_method(lua_State *L, const LuaModel *model, const char *name) {
    push_half(L, model, "method");
    lua_pushstring(L, name);
    lua_call(L, 2, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, model->ref);
}

/* What goes in or comes out of a method of that name. */
typedef struct Matrix {
    const char *where;
    DType dtype;
    size_t n, columns;
} Matrix;

/* Read-only: what is written over the samples would tell of others than were asked for. */
static void push_matrix(lua_State *L, Matrix matrix, const void *rows) {
    Array *a = bind_push_new_array(L, matrix.where, matrix.dtype,
                                   &(Sizes){ 2, { matrix.n, matrix.columns } });
    memcpy(a->data, rows, array_bytes(a));
    a->read_only = true;
}

/* The answer on top of the stack. One sample's may be a plain list. An array of integers is a mask,
 * or labels, where numbers that change with the samples were asked for. */
static Array *check_answer(lua_State *L, Matrix matrix) {
    const Array *given = bind_test_array(L, -1);
    char text[128];
    if (given && given->dtype == DTYPE_I32)
        bind_error(L, "%s: the Lua model answered %s%s, expected floats: f32 or f64, (%d, %d)",
                   matrix.where, given->origin == ORIGIN_MASK ? "a mask, " : "",
                   bind_describe(L, -1, text), (int)matrix.n, (int)matrix.columns);
    Array *a =
        bind_to_array(L, lua_gettop(L), matrix.where, "the Lua model's answer", matrix.dtype);
    bool flat = matrix.n == 1 && a->ndim == 1 && a->shape[0] == matrix.columns;
    if (!flat && !(a->ndim == 2 && a->shape[0] == matrix.n && a->shape[1] == matrix.columns))
        bind_error(L, "%s: the Lua model answered %s, expected (%d, %d)", matrix.where,
                   array_shape_text(a->ndim, a->shape, text), (int)matrix.n, (int)matrix.columns);
    return a;
}

static void scores_body(lua_State *L, const Call *call) {
    size_t columns = model_columns(&call->model->base);
    push_method(L, call->model, "scores");
    push_matrix(L, (Matrix){ "scores", DTYPE_F32, call->batch->n, call->batch->features },
                call->batch->x);
    lua_call(L, 2, 1);
    const Array *answer = check_answer(L, (Matrix){ "scores", DTYPE_F64, call->batch->n, columns });
    memcpy(call->scores, array_f64(answer), array_bytes(answer));
}

static bool lua_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    return protect(
        &(Call){ scores_body, (LuaModel *)model, "scores", .batch = batch, .scores = scores }, err);
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
    return protect(
        &(Call){ gradient_body, (LuaModel *)model, "gradient", .batch = batch, .request = request },
        err);
}

/* ---- What the table says of itself ----------------------------------------------------------- */

/* For messages: the user's function, and what the model is in it. */
typedef struct Reading {
    const char *where, *name;
    const Samples *samples; /* whose labels stand in for absent classes; or NULL */
} Reading;

/* The list of sizes at `arg`, which lua_model.lua has made; none where it is nil. */
static Sizes read_sizes(lua_State *L, int arg) {
    Sizes sizes = { 0 };
    size_t count = lua_isnil(L, arg) ? 0 : (size_t)lua_rawlen(L, arg);
    for (; sizes.ndim < ARRAY_MAX_DIMS && (size_t)sizes.ndim < count; lua_pop(L, 1)) {
        lua_rawgeti(L, arg, sizes.ndim + 1);
        sizes.size[sizes.ndim++] = (size_t)lua_tointeger(L, -1);
    }
    return sizes;
}

/* Read rejects, features, classes and input into the wrapper; raises if they are not what they
 * should be. */
static void read_fields(lua_State *L, LuaModel *model, Reading reading) {
    const Samples *samples = reading.samples;
    Model *base = &model->base;
    Error err;
    int top = lua_gettop(L);
    push_half(L, model, "read");
    lua_pushboolean(L, samples != NULL);
    lua_call(L, 2, 5);
    if (!lua_isnil(L, -1))
        bind_error(L, "%s: %s: %s", reading.where, reading.name, lua_tostring(L, -1));
    model->input = read_sizes(L, top + 4);
    base->rejects = lua_toboolean(L, top + 1);
    if (lua_tointeger(L, top + 2) > 0)
        base->features = (size_t)lua_tointeger(L, top + 2);
    const Array *own = NULL;
    if (!lua_isnil(L, top + 3))
        own = bind_to_array(L, top + 3, reading.where, "classes", DTYPE_I32);
    labels_clear(&base->classes);
    bool ok = own ? labels_from("classes", array_i32(own), array_size(own), &base->classes, &err)
              : samples ? labels_from(reading.where, samples->y, samples->n, &base->classes, &err)
                        : true;
    if (!ok)
        bind_raise(L, &err);
    lua_settop(L, top);
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
    DatasetParts parts = { .x = x, .y = y, .source = "samples of a fit" };
    bind_push_dataset(L, dataset_new("fit", &parts, &err), &err);
    lua_replace(L, -3);
    lua_pop(L, 1);
    lua_call(L, 2, 0);
    call->model->base.features = samples->features;
    read_fields(L, call->model, (Reading){ "fit", "model", samples });
}

static bool lua_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    (void)progress;
    return protect(&(Call){ fit_body, (LuaModel *)model, "fit", .samples = samples }, err);
}

/* Get the hyperparameter or set it, as `way` says. */
static void option_body(lua_State *L, const Call *call) {
    push_half(L, call->model, call->way);
    lua_pushstring(L, call->name);
    bind_push_value(L, call->value);
    lua_call(L, 3, 1);
    *call->value = bind_value(L, -1);
}

static bool lua_get(Model *model, const char *name, Value *value, Error *err) {
    value->kind = VALUE_NOTHING;
    return protect(&(Call){ option_body, (LuaModel *)model, "get", .way = "get", .name = name,
                            .value = value },
                   err);
}

static bool lua_set(Model *model, const char *name, const Value *value, Error *err) {
    Value set = *value;
    return protect(
        &(Call){ option_body, (LuaModel *)model, "set", .way = "set", .name = name, .value = &set },
        err);
}

static Sizes lua_input_shape(const Model *model) {
    return ((const LuaModel *)model)->input;
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
    push_half(L, call->model, "clone");
    lua_call(L, 1, 1);
    if (!lua_model_fits(L, 1))
        bind_error(L, "clone: the Lua model's clone is not a model");
    *call->copy = model_retain(lua_model_push_box(L, 1, "clone", "model"));
}

static Model *lua_clone(const Model *model, Error *err) {
    Model *copy = NULL;
    protect(&(Call){ clone_body, (LuaModel *)model, "clone", .copy = &copy }, err);
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
    .input_shape = lua_input_shape,
};

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
        bind_error(L, "%s: out of memory", where);
    model_init(&model->base, &lua_model_kind);
    model->L = main_thread(L);
    model->ref = LUA_NOREF;
    model->input = (Sizes){ 0 };
    *box = model;
    lua_pushvalue(L, arg);
    model->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    read_fields(L, model, (Reading){ where, name, NULL });
    return &model->base;
}

bool lua_model_push_table(lua_State *L, const Model *model) {
    if (model->kind != &lua_model_kind)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, ((const LuaModel *)model)->ref);
    return true;
}

/* Add the tables of the model and of all models in it to the list on top of the stack. */
static void list_tables(lua_State *L, const Model *model) {
    ModelPart part;
    luaL_checkstack(L, 4, "models are nested too deeply");
    if (lua_model_push_table(L, model))
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    for (size_t i = 0; model->kind->part_at && model->kind->part_at(model, i, &part); i++)
        list_tables(L, part.model);
}

int lua_model_tables(lua_State *L) {
    const Model *model = bind_test_model(L, 1);
    lua_newtable(L);
    if (model)
        list_tables(L, model);
    return 1;
}
