/* bind_lua_model.c — a Lua table as a Model; bind_model.h says what is in it. */
#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_preprocess.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "data/dataset.h"
#include "model.h"

#include <stdlib.h>
#include <string.h>

typedef struct LuaModel {
    Model base;
    BindRef table;
    Sizes input; /* of one sample, where it says so */
} LuaModel;

/* What goes into one call of a method and what comes out, for the body that makes it. */
typedef struct Call {
    LuaModel *model;
    const Batch *batch;
    double *scores;
    const GradientRequest *request;
    const Samples *samples;
    const char *way, *name; /* "get" or "set", and of what hyperparameter */
    Value *value;
    Model **copy;
} Call;

static bool protect(const char *method, BindBody *body, const Call *call, Error *err) {
    const BindCaller caller = { call->model->table.L, method, "the model written in Lua" };
    return bind_call(&caller, body, call, err);
}

/* Push what lua/perigee/lua_model.lua does under that name, and the model's table. */
static void push_half(lua_State *L, const LuaModel *model, const char *name) {
    bind_push_half(L, "perigee.lua_models", name);
    bind_ref_push(L, model->table);
}

/* Push the method and the table itself; an absent method is an error. */
static void push_method(lua_State *L, const LuaModel *model, const char *name) {
    push_half(L, model, "method");
    lua_pushstring(L, name);
    lua_call(L, 2, 1);
    bind_ref_push(L, model->table);
}

static void scores_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Batch *batch = call->batch;
    BindMatrix scores = { "scores", DTYPE_F64, batch->n, model_columns(&call->model->base) };
    push_method(L, call->model, "scores");
    bind_push_matrix(L, (BindMatrix){ "scores", DTYPE_F32, batch->n, batch->features }, batch->x);
    lua_call(L, 2, 1);
    const Array *answer = bind_check_matrix(L, scores, "the Lua model");
    memcpy(call->scores, array_f64(answer), array_bytes(answer));
}

/* The column of a label that the method predict has answered; the reject column of −1 where it
 * rejects. */
static size_t column_of(lua_State *L, const Model *model, const int32_t *label, size_t i) {
    ptrdiff_t column = labels_find(&model->classes, label[i]);
    if (column < 0 && model->rejects && label[i] == LABEL_REJECTED)
        return model->classes.count;
    if (column < 0)
        bind_error(L, "predict: the Lua model's label of row %d is %d, none of its classes",
                   (int)i + 1, (int)label[i]);
    return (size_t)column;
}

/* Where it answers labels alone: see ModelAnswers. */
static void labels_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Batch *batch = call->batch;
    const Model *model = &call->model->base;
    size_t columns = model_columns(model), classes = model->classes.count;
    push_method(L, call->model, "predict");
    bind_push_matrix(L, (BindMatrix){ "predict", DTYPE_F32, batch->n, batch->features }, batch->x);
    lua_call(L, 2, 1);
    const Array *labels =
        bind_to_array(L, lua_gettop(L), "predict", "the Lua model's labels", DTYPE_I32);
    if (array_size(labels) != batch->n)
        bind_error(L, "predict: the Lua model answered %d labels for %d rows",
                   (int)array_size(labels), (int)batch->n);
    memset(call->scores, 0, batch->n * columns * sizeof *call->scores);
    for (size_t i = 0; i < batch->n; i++) {
        size_t column = column_of(L, model, array_i32(labels), i);
        if (model->rejects)
            call->scores[i * columns + classes] = 0.5;
        if (column < classes)
            call->scores[i * columns + column] = 1;
    }
}

static bool lua_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    Call call = { .model = (LuaModel *)model, .batch = batch, .scores = scores };
    if (model->answers == MODEL_LABELS)
        return protect("predict", labels_body, &call, err);
    return protect("scores", scores_body, &call, err);
}

static void gradient_body(lua_State *L, const void *context) {
    const Call *call = context;
    BindMatrix samples = { "gradient", DTYPE_F32, call->batch->n, call->batch->features };
    BindMatrix weights = { "gradient", DTYPE_F64, call->batch->n,
                           model_columns(&call->model->base) };
    push_method(L, call->model, "gradient");
    bind_push_matrix(L, samples, call->batch->x);
    bind_push_matrix(L, weights, call->request->w);
    lua_call(L, 3, 1);
    const Array *answer = bind_check_matrix(L, samples, "the Lua model");
    memcpy(call->request->gradient, array_f32(answer), array_bytes(answer));
}

static bool lua_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    Call call = { .model = (LuaModel *)model, .batch = batch, .request = request };
    return protect("gradient", gradient_body, &call, err);
}

/* ---- What the table says of itself ----------------------------------------------------------- */

/* For messages: the user's function, and what the model is in it. */
typedef struct Reading {
    const char *where, *name;
    const Samples *samples; /* whose labels stand in for absent classes; or NULL */
} Reading;

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
    model->input = bind_listed_sizes(L, top + 4);
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

static void fit_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Samples *samples = call->samples;
    Error err;
    push_method(L, call->model, "fit");
    BindMatrix matrix = { "fit", DTYPE_F32, samples->n, samples->features };
    Array *x = bind_push_matrix(L, matrix, samples->x);
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
    model_changes(model);
    return protect("fit", fit_body, &(Call){ .model = (LuaModel *)model, .samples = samples }, err);
}

/* Get the hyperparameter or set it, as `way` says. */
static void option_body(lua_State *L, const void *context) {
    const Call *call = context;
    push_half(L, call->model, call->way);
    lua_pushstring(L, call->name);
    bind_push_value(L, call->value);
    lua_call(L, 3, 1);
    *call->value = bind_value(L, -1);
}

static bool lua_get(Model *model, const char *name, Value *value, Error *err) {
    value->kind = VALUE_NOTHING;
    Call call = { .model = (LuaModel *)model, .way = "get", .name = name, .value = value };
    return protect("get", option_body, &call, err);
}

static bool lua_set(Model *model, const char *name, const Value *value, Error *err) {
    Value set = *value;
    model_changes(model);
    Call call = { .model = (LuaModel *)model, .way = "set", .name = name, .value = &set };
    return protect("set", option_body, &call, err);
}

static Sizes lua_input_shape(const Model *model) {
    return ((const LuaModel *)model)->input;
}

static bool lua_same(const Model *a, const Model *b) {
    return bind_ref_same(((const LuaModel *)a)->table, ((const LuaModel *)b)->table);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void lua_free(Model *model) {
    LuaModel *self = (LuaModel *)model;
    bind_ref_clear(&self->table);
    free(self);
}

static void clone_body(lua_State *L, const void *context) {
    const Call *call = context;
    push_half(L, call->model, "clone");
    lua_call(L, 1, 1);
    if (!lua_model_fits(L, 1))
        bind_error(L, "clone: the Lua model's clone is not a model");
    *call->copy = model_retain(lua_model_push_box(L, 1, "clone", "model"));
}

static Model *lua_clone(const Model *model, Error *err) {
    Model *copy = NULL;
    protect("clone", clone_body, &(Call){ .model = (LuaModel *)model, .copy = &copy }, err);
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
    .fitted_copy = lua_clone,
    .input_shape = lua_input_shape,
};

/* Owns a wrapper while a binding uses it; users never see it. */
static const BoxType box_type = { .name = "perigee.lua_model",
                                  .shown = "a model written in Lua",
                                  .release = bind_release_model };

static bool has_method(lua_State *L, int arg, const char *name) {
    bool has = lua_getfield(L, arg, name) == LUA_TFUNCTION;
    lua_pop(L, 1);
    return has;
}

static ModelAnswers answers_of(lua_State *L, int arg) {
    return !has_method(L, arg, "scores")     ? MODEL_LABELS
           : !has_method(L, arg, "gradient") ? MODEL_SCORES
                                             : MODEL_GRADIENTS;
}

/* A library, the globals, an ensemble, a result: one of the program's own tables, which complains
 * when it is asked for what it has not. Of those grad.model's alone is a model. */
static bool is_own_table(lua_State *L, int arg) {
    const char *name = bind_table_name(L, arg);
    return strncmp(name, "perigee.", 8) == 0 && strcmp(name, "perigee.model") != 0;
}

bool lua_model_fits(lua_State *L, int arg) {
    arg = lua_absindex(L, arg);
    return lua_istable(L, arg) && !is_own_table(L, arg) &&
           (has_method(L, arg, "scores") || has_method(L, arg, "predict"));
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
    model->table = (BindRef){ 0 };
    model->input = (Sizes){ 0 };
    *box = model;
    model->base.answers = answers_of(L, arg);
    lua_pushvalue(L, arg);
    model->table = bind_ref_take(L);
    read_fields(L, model, (Reading){ where, name, NULL });
    return &model->base;
}

bool lua_model_push_table(lua_State *L, const Model *model) {
    if (model->kind != &lua_model_kind)
        return false;
    bind_ref_push(L, ((const LuaModel *)model)->table);
    return true;
}

/* Add the tables of the model and of all models in it to the list on top of the stack. */
static void list_tables(lua_State *L, const Model *model) {
    ModelPart part;
    luaL_checkstack(L, 4, "models are nested too deeply");
    if (lua_model_push_table(L, model) || bind_preprocess_push_definition(L, model))
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
