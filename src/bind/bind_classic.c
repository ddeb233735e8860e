/* bind_classic.c — the library classic: nearest neighbours, logistic regression, and pipelines of
 * steps and any model. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "classic/knn.h"
#include "classic/logistic.h"
#include "classic/pipeline.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/error.h"

#include <math.h>
#include <string.h>

static const BoxType knn_type = { .name = "perigee.knn",
                                  .shown = "a knn",
                                  .release = bind_release_model };
static const BoxType logistic_type = { .name = "perigee.logistic",
                                       .shown = "a logistic",
                                       .release = bind_release_model };
static const BoxType pipeline_type = { .name = "perigee.pipeline",
                                       .shown = "a pipeline",
                                       .release = bind_release_model };

/* ---- knn and logistic ------------------------------------------------------------------------ */

/* classic.knn { k =, weights =, softness = } */
static int classic_knn(lua_State *L) {
    KnnParams params = *(const KnnParams *)knn_fields.initial;
    bind_here_options(L, 1, &params);
    BIND_MODEL_RETURN(L, &knn_type, knn_new(&params, &err));
}

/* classic.logistic { C =, tolerance =, max_iter = } */
static int classic_logistic(lua_State *L) {
    LogisticParams params = *(const LogisticParams *)logistic_fields.initial;
    bind_here_options(L, 1, &params);
    BIND_MODEL_RETURN(L, &logistic_type, logistic_new(&params, &err));
}

static void push_samples(lua_State *L, const void *knn) {
    bind_push_shared(L, knn_samples(knn));
}

static void push_fitted_softness(lua_State *L, const void *knn) {
    double softness = knn_softness(knn);
    if (isnan(softness))
        lua_pushnil(L);
    else
        lua_pushnumber(L, softness);
}

static void push_weight(lua_State *L, const void *logistic) {
    bind_push_shared(L, logistic_weight(logistic));
}

static void push_b(lua_State *L, const void *logistic) {
    bind_push_shared(L, logistic_b(logistic));
}

static void push_left(lua_State *L, const void *logistic) {
    if (model_is_fitted(logistic))
        lua_pushnumber(L, logistic_left(logistic));
    else
        lua_pushnil(L);
}

/* ---- Steps: tables { name = "minmax", low = 0, high = 1 } ------------------------------------ */

static const char STEP_META[] = "perigee.step";

/* Into the table on top. */
static void set_params(lua_State *L, const StepKind *kind, const StepParams *params) {
    for (const Field *field = kind->fields.field; field->name; field++) {
        Value value = field_get(field, params);
        bind_push_value(L, &value);
        lua_setfield(L, -2, field->name);
    }
}

static void push_step(lua_State *L, const Step *step) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, step->kind->name);
    lua_setfield(L, -2, "name");
    set_params(L, step->kind, &step->params);
    luaL_setmetatable(L, STEP_META);
}

static int new_step(lua_State *L) {
    Step step = step_of(bind_here(L)->data);
    bind_fields(L, 1, bind_where(L), step.kind->fields.field, &step.params);
    push_step(L, &step);
    return 1;
}

/* The step at the top of the stack, as its constructor makes it, or a name. */
static Step check_step(lua_State *L, int i) {
    int arg = lua_gettop(L);
    char place[32];
    snprintf(place, sizeof place, "step %d", i);
    bool is_table = lua_istable(L, arg) && !bind_is_library(L, arg) && !lua_model_fits(L, arg);
    if (is_table)
        lua_getfield(L, arg, "name");
    else
        lua_pushvalue(L, arg);
    const StepKind *kind = lua_type(L, -1) == LUA_TSTRING ? step_find(lua_tostring(L, -1)) : NULL;
    if (!kind)
        bind_expected(L, arg, bind_where(L), place,
                      "classic.minmax, standard, unit_norm or pca{…}, or the name of one");
    lua_pop(L, 1);
    Step step = step_of(kind);
    if (is_table) {
        const char *names[BIND_MOST_NAMES];
        bind_field_names(kind->fields.field, "name", names);
        bind_options(L, arg, bind_where(L), names);
        bind_read_fields(L, arg, bind_where(L), kind->fields.field, &step.params);
    }
    return step;
}

/* ---- Pipelines ------------------------------------------------------------------------------- */

enum { MOST = 64 };

/* classic.pipeline { step, …, model } */
static int classic_pipeline(lua_State *L) {
    Step step[MOST];
    lua_settop(L, 1);
    bind_options_list(L, 1, bind_where(L), (const char *const[]){ NULL });
    lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
    if (count == 0 || count > MOST)
        bind_error(L, "%s: expected a list of steps and a model behind them, got %d of them",
                   bind_where(L), (int)count);
    for (lua_Integer i = 1; i < count; i++) {
        lua_rawgeti(L, 1, i);
        step[i - 1] = check_step(L, (int)i);
        lua_pop(L, 1);
    }
    lua_rawgeti(L, 1, count);
    PipelineParts parts = { step, (size_t)count - 1, NULL };
    parts.model = bind_check_model(L, -1, bind_where(L), "the last");
    BIND_MODEL_RETURN(L, &pipeline_type, pipeline_new(&parts, &err));
}

static void push_model(lua_State *L, const void *pipeline) {
    bind_push_model(L, model_retain(pipeline_model(pipeline)), NULL);
}

static void push_steps(lua_State *L, const void *pipeline) {
    lua_newtable(L);
    for (size_t i = 0; i < pipeline_steps(pipeline); i++) {
        push_step(L, pipeline_step(pipeline, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* A table of arrays for each step, and of the options by which it learnt; nil before. */
static void push_learnt(lua_State *L, const void *pipeline) {
    if (pipeline_width(pipeline) == 0) {
        lua_pushnil(L);
        return;
    }
    lua_newtable(L);
    for (size_t i = 0; i < pipeline_steps(pipeline); i++) {
        const Step *step = pipeline_step(pipeline, i);
        lua_newtable(L);
        lua_newtable(L);
        set_params(L, step->kind, &step->learnt.by);
        lua_setfield(L, -2, "options");
        for (size_t k = 0; k < STEP_NUMBERS && step->kind->number[k]; k++) {
            bind_push_shared(L, &step->learnt.number[k]);
            lua_setfield(L, -2, step->kind->number[k]);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static bool fit_steps(Model *model, const void *samples, Progress *progress, Error *err) {
    return pipeline_fit_steps((Pipeline *)model, samples, progress, err);
}

static int method_fit_steps(lua_State *L) {
    Model *model = bind_self(L, &pipeline_type);
    bind_check_dataset(L, 2, "fit_steps", "ds");
    Samples samples = bind_check_training(L, 2, "fit_steps", "ds");
    return bind_fit_model(L, model, fit_steps, &samples);
}

static int method_transform(lua_State *L) {
    Pipeline *pipeline = bind_self(L, &pipeline_type);
    BindSamples samples = bind_check_samples(L, 2, "transform", "x");
    Batch batch = { samples.x, samples.n, samples.features, "transform" };
    size_t width = pipeline_width(pipeline);
    Error err;
    Sizes shape = { 2, { batch.n, width > 0 ? width : 1 } };
    Array *made = bind_push_new_array(L, "transform", DTYPE_F32, &shape);
    if (!pipeline_transform(pipeline, &batch, array_f32(made), &err))
        return bind_raise(L, &err);
    return 1;
}

/* ---- The library ----------------------------------------------------------------------------- */

static void set_steps(lua_State *L) {
    luaL_newmetatable(L, STEP_META); /* perigee/classic.lua fills it */
    lua_pop(L, 1);
    for (size_t i = 0; step_table[i]; i++) {
        const StepKind *kind = step_table[i];
        bind_set_described(L, &(BindFunction)BIND_AS(kind->name, new_step, 1, kind),
                           &(Described){ "classic.", kind->summary, kind->example, "step",
                                         "a table of its name and options", i == 0 ? "Steps" : NULL,
                                         "classic.pipeline", kind->fields });
    }
}

int open_classic(lua_State *L) {
    static const BindProperty of_knn[] = { BIND_PROPERTY("samples", push_samples),
                                           BIND_PROPERTY("fitted_softness", push_fitted_softness),
                                           BIND_LAST };
    static const BindProperty of_logistic[] = { BIND_PROPERTY("weight", push_weight),
                                                BIND_PROPERTY("b", push_b),
                                                BIND_PROPERTY("left", push_left), BIND_LAST };
    static const BindProperty of_pipeline[] = { BIND_PROPERTY("model", push_model),
                                                BIND_PROPERTY("steps", push_steps),
                                                BIND_PROPERTY("learnt", push_learnt), BIND_LAST };
    static const BindFunction methods[] = { BIND("fit_steps", method_fit_steps, 2),
                                            BIND("transform", method_transform, 2),
                                            BIND("threshold_for", reject_threshold_for, 3),
                                            BIND_LAST };
    static const BindType knn = { .box = &knn_type, .like = &bind_any_model, .properties = of_knn };
    static const BindType logistic = { .box = &logistic_type,
                                       .like = &bind_any_model,
                                       .properties = of_logistic };
    static const BindType pipeline = { .box = &pipeline_type,
                                       .like = &bind_any_model,
                                       .methods = methods,
                                       .properties = of_pipeline };
    static const BindFunction functions[] = {
        BIND_WITH("knn", classic_knn, 1, &knn_fields),
        BIND_WITH("logistic", classic_logistic, 1, &logistic_fields),
        BIND("pipeline", classic_pipeline, 1),
        BIND_LAST,
    };
    bind_new_model_type(L, &knn, &knn_kind);
    bind_new_model_type(L, &logistic, &logistic_kind);
    bind_new_model_type(L, &pipeline, &pipeline_kind);
    lua_newtable(L);
    bind_set_functions(L, functions);
    set_steps(L);
    return 1;
}
