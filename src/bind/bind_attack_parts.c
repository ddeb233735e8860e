/* bind_attack_parts.c — what lua/perigee/attack_parts.lua does with a user's function is called
 * here, for the engine: once for a whole batch, on the main thread. */
#include "bind/bind_attack_parts.h"

#include "attack/descent.h"
#include "bind/bind_call.h"
#include "core/array.h"
#include "core/array_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parts of one run. */
typedef struct LuaParts {
    AttackParts parts;
    BindRef held;    /* the table with the functions */
    size_t descents; /* begun so far: a run may have several, by further starts and groups */
    char where[48];
} LuaParts;

/* One call of one part, for its body. */
typedef struct Call {
    const LuaParts *lua;
    const char *part; /* "objective" */
    char where[64];   /* "attack.pgd: objective" */
    const LossRequest *losses;
    const DirectionRequest *direction;
    const Descent *descent;
    bool *stop;
} Call;

static bool call_part(LuaParts *lua, Call *call, BindBody *body, Error *err) {
    char who[32];
    call->lua = lua;
    snprintf(call->where, sizeof call->where, "%s: %s", lua->where, call->part);
    snprintf(who, sizeof who, "the %s", strcmp(call->part, "on_step") ? call->part : "function");
    return bind_call(&(BindCaller){ lua->held.L, call->where, who }, body, call, err);
}

/* Push the Lua half of that name, the user's function and what messages begin with. */
static void push_half(lua_State *L, const Call *call, const char *half) {
    bind_push_half(L, "perigee.attack_parts", half);
    bind_ref_push(L, call->lua->held);
    lua_getfield(L, -1, call->part);
    lua_remove(L, -2);
    lua_pushstring(L, call->where);
}

/* ---- What parts are given -------------------------------------------------------------------- */

/* Push n integers, read-only, for the caller to fill. */
static int32_t *push_integers(lua_State *L, const char *where, size_t n) {
    Array *a = bind_push_new_array(L, where, DTYPE_I32, &(Sizes){ 1, { n } });
    a->read_only = true;
    return array_i32(a);
}

static double *push_numbers(lua_State *L, const char *where, size_t n) {
    Array *a = bind_push_new_array(L, where, DTYPE_F64, &(Sizes){ 1, { n } });
    a->read_only = true;
    return array_f64(a);
}

/* Push the labels of columns: the truths', or the targets'; as 1-based positions, if they are not
 * to be labels. */
typedef struct Columns {
    const Model *model;
    const Goal *goal;
    size_t n;
    bool target, positions;
} Columns;

static void push_columns(lua_State *L, const char *where, Columns of) {
    int32_t *out = push_integers(L, where, of.n);
    for (size_t i = 0; i < of.n; i++) {
        size_t column = of.target ? (size_t)of.goal[i].target : of.goal[i].truth;
        out[i] = of.positions ? (int32_t)column + 1 : of.model->classes.label[column];
    }
}

static void push_positions(lua_State *L, const char *where, const size_t *sample, size_t n) {
    int32_t *out = push_integers(L, where, n);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)sample[i] + 1;
}

/* Set in the table on top what is known of rows: y, columns, rows, and target and target_columns
 * where they have one; classes and rejects of the model. */
static void set_rows(lua_State *L, const char *where, const LossRequest *rows) {
    Columns truth = { rows->model, rows->goal, rows->n, false, false };
    Columns target = { rows->model, rows->goal, rows->n, true, false };
    push_columns(L, where, truth);
    lua_setfield(L, -2, "y");
    truth.positions = target.positions = true;
    push_columns(L, where, truth);
    lua_setfield(L, -2, "columns");
    push_positions(L, where, rows->sample, rows->n);
    lua_setfield(L, -2, "rows");
    if (rows->n > 0 && rows->goal[0].target >= 0) {
        push_columns(L, where, target);
        lua_setfield(L, -2, "target_columns");
        target.positions = false;
        push_columns(L, where, target);
        lua_setfield(L, -2, "target");
    }
    bind_push_labels(L, &rows->model->classes);
    lua_setfield(L, -2, "classes");
    lua_pushboolean(L, rows->model->rejects);
    lua_setfield(L, -2, "rejects");
}

static BindMatrix scores_of(const Call *call, const LossRequest *rows) {
    return (BindMatrix){ call->where, DTYPE_F64, rows->n, model_columns(rows->model) };
}

/* ---- What they answer ------------------------------------------------------------------------ */

/* NaN among an answer's numbers is the fault of a sample. */
static void check_numbers(lua_State *L, const Call *call, const double *value, const char *what) {
    const LossRequest *rows = call->direction ? &call->direction->at : call->losses;
    size_t width = call->direction       ? call->direction->features
                   : value == rows->loss ? 1
                                         : model_columns(rows->model);
    for (size_t i = 0; i < rows->n * width; i++)
        if (isnan(value[i]))
            bind_error(L, "%s: %s of sample %d is not a number (nan)", call->where, what,
                       (int)rows->sample[i / width] + 1);
}

static void losses_body(lua_State *L, const void *context) {
    const Call *call = context;
    const LossRequest *rows = call->losses;
    push_half(L, call, "losses");
    bind_push_matrix(L, scores_of(call, rows), rows->scores);
    lua_newtable(L);
    set_rows(L, call->where, rows);
    lua_pushboolean(L, rows->w != NULL);
    lua_call(L, 5, 2);
    const Array *gradient =
        rows->w ? bind_check_matrix(L, scores_of(call, rows), "the function, as the gradient,")
                : NULL;
    const Array *loss = bind_to_array(L, 1, call->where, "the losses", DTYPE_F64);
    memcpy(rows->loss, array_f64(loss), rows->n * sizeof *rows->loss);
    check_numbers(L, call, rows->loss, "the loss");
    if (!gradient)
        return;
    memcpy(rows->w, array_f64(gradient), array_bytes(gradient));
    check_numbers(L, call, rows->w, "the gradient of the loss");
}

static bool lua_losses(void *context, const LossRequest *request, Error *err) {
    Call call = { .part = "objective", .losses = request };
    return call_part(context, &call, losses_body, err);
}

static void direction_body(lua_State *L, const void *context) {
    const Call *call = context;
    const DirectionRequest *request = call->direction;
    const LossRequest *rows = &request->at;
    BindMatrix points = { call->where, DTYPE_F32, rows->n, request->features };
    push_half(L, call, "direction");
    bind_push_matrix(L, points, request->x);
    bind_push_matrix(L, scores_of(call, rows), rows->w);
    lua_pushinteger(L, (lua_Integer)request->iteration);
    lua_newtable(L);
    set_rows(L, call->where, rows);
    bind_push_matrix(L, scores_of(call, rows), rows->scores);
    lua_setfield(L, -2, "scores");
    lua_call(L, 6, 1);
    const Array *answer = bind_check_matrix(L, points, "the function");
    memcpy(request->direction, array_f32(answer), array_bytes(answer));
    for (size_t i = 0; i < rows->n * request->features; i++)
        if (isnan(request->direction[i]))
            bind_error(L, "%s: the direction of sample %d is not a number (nan)", call->where,
                       (int)rows->sample[i / request->features] + 1);
}

static bool lua_direction(void *context, const DirectionRequest *request, Error *err) {
    Call call = { .part = "direction", .direction = request };
    return call_part(context, &call, direction_body, err);
}

/* ---- Looking on ------------------------------------------------------------------------------ */

/* Set in the table on top where the rows stand. */
static void set_state(lua_State *L, const Call *call) {
    const Descent *descent = call->descent;
    const Problem *problem = descent->problem;
    const size_t n = descent->n;
    bind_push_matrix(L, (BindMatrix){ call->where, DTYPE_F32, n, problem->features }, descent->x);
    lua_setfield(L, -2, "x");
    bind_push_matrix(L, (BindMatrix){ call->where, DTYPE_F64, n, problem->columns },
                     descent->scores);
    lua_setfield(L, -2, "scores");
    memcpy(push_numbers(L, call->where, n), descent->loss, n * sizeof(double));
    lua_setfield(L, -2, "loss");
    double *distance = push_numbers(L, call->where, n);
    for (size_t row = 0; row < n; row++)
        distance[row] = descent->path[row].distance[descent->path[row].count - 1];
    lua_setfield(L, -2, "distance");
    int32_t *evaded = push_integers(L, call->where, n);
    bind_test_array(L, -1)->origin = ORIGIN_MASK;
    for (size_t row = 0; row < n; row++)
        evaded[row] = descent->worth[row].reached;
    lua_setfield(L, -2, "evaded");
}

static void step_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Descent *descent = call->descent;
    LossRequest rows = { .model = descent->problem->model,
                         .n = descent->n,
                         .goal = descent->goal,
                         .sample = descent->sample };
    push_half(L, call, "step");
    lua_newtable(L);
    set_rows(L, call->where, &rows);
    set_state(L, call);
    bind_set_size(L, "t", descent->iteration);
    bind_set_size(L, "iterations", descent->iterations);
    bind_set_size(L, "active", descent->active_count);
    bind_set_size(L, "run", call->lua->descents);
    bind_set_string(L, "name", descent->problem->attack->name);
    lua_call(L, 3, 1);
    *call->stop = lua_toboolean(L, -1);
}

static bool lua_on_step(void *context, const Descent *descent, bool *stop, Error *err) {
    LuaParts *lua = context;
    Call call = { .part = "on_step", .descent = descent, .stop = stop };
    lua->descents += descent->iteration == 1;
    return call_part(lua, &call, step_body, err);
}

/* ---- The parts of a run ---------------------------------------------------------------------- */

static void release(void *object) {
    LuaParts *lua = object;
    bind_ref_clear(&lua->held);
    free(lua);
}

static const BoxType parts_type = { .name = "perigee.parts_of_attack",
                                    .shown = "parts of an attack",
                                    .release = release };

static bool has(lua_State *L, int held, const char *name) {
    bool found = lua_getfield(L, held, name) == LUA_TFUNCTION;
    lua_pop(L, 1);
    return found;
}

const AttackParts *bind_push_attack_parts(lua_State *L, int held, const char *where) {
    AttackParts parts = { .losses = has(L, held, "objective") ? lua_losses : NULL,
                          .direction = has(L, held, "direction") ? lua_direction : NULL,
                          .on_step = has(L, held, "on_step") ? lua_on_step : NULL };
    if (!parts.losses && !parts.direction && !parts.on_step) {
        lua_pushnil(L);
        return NULL;
    }
    if (luaL_getmetatable(L, parts_type.name) == LUA_TNIL)
        bind_new_owner(L, &parts_type);
    lua_pop(L, 1);
    void **box = bind_new_box(L, &parts_type);
    LuaParts *lua = calloc(1, sizeof *lua);
    if (!lua)
        bind_error(L, "%s: out of memory", where);
    *box = lua;
    lua->parts = parts;
    lua->parts.context = lua;
    snprintf(lua->where, sizeof lua->where, "%s", where);
    lua_pushvalue(L, held);
    lua->held = bind_ref_take(L);
    return &lua->parts;
}
