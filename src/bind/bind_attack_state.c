/* bind_attack_state.c — attacks whose step is written in Lua: one run of one, and what its step is
 * given.
 *
 * The state is a box that lives as long as a run; it can be asked only while the step runs. Its
 * user value, a table, holds the step, what the properties show, and what is kept from step to
 * step. */
#include "attack/attack_fields.h"
#include "attack/custom.h"
#include "attack/random_point.h"
#include "bind/bind.h"
#include "bind/bind_array.h"
#include "bind/bind_attack.h"
#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "core/array.h"
#include "core/array_index.h"
#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct State {
    CustomStep step;
    lua_State *L;     /* the main thread */
    Descent *descent; /* NULL but while the step runs */
    size_t *row;      /* those that the last step was for … */
    size_t count;     /* … and their number */
    char where[48];   /* "attack.mine" */
} State;

/* What it is in belongs to the user value: the run needs it, also when a step has closed the box.
 */
static void release(void *object) {
    (void)object;
}

static const BoxType state_type = { .name = "perigee.state",
                                    .shown = "the state of an attack's step",
                                    .release = release };

/* In the user value, by position: what users do not see. */
enum { HELD_STEP = 1, HELD_NEXT, HELD_STOP, HELD_STATE, HELD_ROWS };

/* The boxes by their addresses (weak), for those whom C calls. */
#define STATES "perigee.attack_states"

static void push_states(lua_State *L) {
    if (luaL_getsubtable(L, LUA_REGISTRYINDEX, STATES))
        return;
    lua_createtable(L, 0, 1);
    bind_set_string(L, "__mode", "v");
    lua_setmetatable(L, -2);
}

/* The descent of the state at 1, of the method that runs. */
static Descent *descent_at(lua_State *L) {
    const State *state = bind_self(L, &state_type);
    if (!state->descent)
        bind_error(L, "%s: the step has ended, and only it can ask", bind_where(L));
    return state->descent;
}

static size_t features_of(const Descent *descent) {
    return descent->problem->features;
}

/* Has the row been told that it stops, for what it may ask is spent? */
static bool is_spent(const Descent *descent, size_t place) {
    return descent->stop[descent->active[place]] == STOP_MAX_QUERIES;
}

/* ---- Points in ------------------------------------------------------------------------------- */

/* The array at `arg` with a row for each active one; pushes what must stay alive. A single row may
 * be flat. */
typedef struct Given {
    const char *where, *place; /* what messages begin and end with */
} Given;

static CustomPoints check_points(lua_State *L, int arg, Given of, const Descent *descent) {
    size_t n = descent->active_count, d = features_of(descent);
    const Array *given = bind_test_array(L, arg);
    char expected[96], got[128];
    snprintf(expected, sizeof expected, "an array f32 or f64 [%zux%zu]", n, d);
    bool fits = given && !dtype_is_whole(given->dtype);
    fits = fits && (given->ndim == 2 ? given->shape[0] == n && given->shape[1] == d
                                     : given->ndim == 1 && n == 1 && given->shape[0] == d);
    if (!fits)
        bind_error(L, "%s: expected %s, got %s%s", of.where, expected, bind_describe(L, arg, got),
                   of.place);
    const Array *rows = bind_to_array(L, arg, of.where, "points", given->dtype);
    return given->dtype == DTYPE_F64 ? (CustomPoints){ .f64 = array_f64(rows) }
                                     : (CustomPoints){ .f32 = array_f32(rows) };
}

/* "state:score: points" */
static CustomPoints points_at(lua_State *L, int arg, const Descent *descent) {
    char where[96];
    snprintf(where, sizeof where, "%s: points", bind_where(L));
    return check_points(L, arg, (Given){ where, "" }, descent);
}

/* The same in float32, as the model takes them. */
static const float *samples_at(lua_State *L, int arg, const Descent *descent) {
    points_at(L, arg, descent);
    return array_f32(bind_to_array(L, arg, bind_where(L), "points", DTYPE_F32));
}

/* The mask at `arg` as a contiguous one, a number for each active row; pushes it. */
static const Array *check_mask(lua_State *L, int arg, const Descent *descent) {
    const Array *given = bind_test_array(L, arg);
    char got[128];
    if (!given || given->dtype != DTYPE_I32 || given->ndim != 1 ||
        given->shape[0] != descent->active_count)
        bind_error(L, "state.stop: expected a mask [%d], got %s", (int)descent->active_count,
                   bind_describe(L, arg, got));
    void **box = bind_new_box(L, &bind_array_type);
    BIND_TRY_MAKE(L, *box, array_copy("state.stop", given, &err));
    return *box;
}

/* ---- What it is: properties ------------------------------------------------------------------ */

static Array *push_rows(lua_State *L, DType dtype, size_t n, size_t width) {
    return bind_push_new_array(L, bind_where(L), dtype, &(Sizes){ 2, { n, width } });
}

static Array *push_column(lua_State *L, DType dtype, size_t n) {
    return bind_push_new_array(L, bind_where(L), dtype, &(Sizes){ 1, { n } });
}

static const Descent *descent_of(lua_State *L, const void *object) {
    const State *state = object;
    if (!state->descent)
        bind_error(L, "%s: the step has ended, and only it can ask", bind_where(L));
    return state->descent;
}

static void push_x(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    size_t d = features_of(descent);
    Array *x = push_rows(L, DTYPE_F32, descent->active_count, d);
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(array_f32(x) + a * d, descent->x + descent->active[a] * d, d * sizeof(float));
    x->read_only = true;
}

static void push_x0(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    size_t d = features_of(descent);
    Array *x = push_rows(L, DTYPE_F32, descent->active_count, d);
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(array_f32(x) + a * d, descent->x0[descent->active[a]], d * sizeof(float));
    x->read_only = true;
}

static void push_scores(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    size_t columns = descent->problem->columns;
    Array *scores = push_rows(L, DTYPE_F64, descent->active_count, columns);
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(array_f64(scores) + a * columns, descent->scores + descent->active[a] * columns,
               columns * sizeof(double));
    scores->read_only = true;
}

static void push_loss(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    Array *loss = push_column(L, DTYPE_F64, descent->active_count);
    for (size_t a = 0; a < descent->active_count; a++)
        array_f64(loss)[a] = descent->loss[descent->active[a]];
    loss->read_only = true;
}

/* The classes that rows have, or are to have: nil where none is aimed at. */
typedef struct Classes {
    bool target, positions; /* of columns among the scores, from 1, instead of labels */
} Classes;

static void push_goals(lua_State *L, const void *object, Classes which) {
    const Descent *descent = descent_of(L, object);
    const Labels *classes = &descent->problem->model->classes;
    if (which.target && descent->goal[descent->active[0]].target < 0) {
        lua_pushnil(L);
        return;
    }
    Array *out = push_column(L, DTYPE_I32, descent->active_count);
    for (size_t a = 0; a < descent->active_count; a++) {
        const Goal *goal = &descent->goal[descent->active[a]];
        size_t column = which.target ? (size_t)goal->target : goal->truth;
        array_i32(out)[a] = which.positions ? (int32_t)column + 1 : classes->label[column];
    }
    out->read_only = true;
}

static void push_y(lua_State *L, const void *object) {
    push_goals(L, object, (Classes){ false, false });
}

static void push_columns(lua_State *L, const void *object) {
    push_goals(L, object, (Classes){ false, true });
}

static void push_target(lua_State *L, const void *object) {
    push_goals(L, object, (Classes){ true, false });
}

static void push_target_columns(lua_State *L, const void *object) {
    push_goals(L, object, (Classes){ true, true });
}

/* One number where all have the same, else a column that goes with x. */
static void push_dmax(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    double first = descent->extent[descent->active[0]].dmax;
    size_t same = 1, n = descent->active_count;
    while (same < n && descent->extent[descent->active[same]].dmax == first)
        same++;
    if (same == n) {
        lua_pushnumber(L, first);
        return;
    }
    Array *dmax = push_rows(L, DTYPE_F64, n, 1);
    for (size_t a = 0; a < n; a++)
        array_f64(dmax)[a] = descent->extent[descent->active[a]].dmax;
    dmax->read_only = true;
}

/* Numbers of the samples in the user's batch. */
static void push_row_numbers(lua_State *L, const void *object) {
    const Descent *descent = descent_of(L, object);
    Array *rows = push_column(L, DTYPE_I32, descent->active_count);
    for (size_t a = 0; a < descent->active_count; a++)
        array_i32(rows)[a] = (int32_t)descent->sample[descent->active[a]] + 1;
    rows->read_only = true;
}

static void push_norm(lua_State *L, const void *object) {
    lua_pushstring(L, attack_norm_words[descent_of(L, object)->problem->constraint.norm]);
}

static void push_t(lua_State *L, const void *object) {
    lua_pushinteger(L, (lua_Integer)descent_of(L, object)->iteration);
}

static void push_steps(lua_State *L, const void *object) {
    lua_pushinteger(L, (lua_Integer)descent_of(L, object)->iterations);
}

static void push_classes(lua_State *L, const void *object) {
    bind_push_labels(L, &descent_of(L, object)->problem->model->classes);
}

static void push_rejects(lua_State *L, const void *object) {
    lua_pushboolean(L, descent_of(L, object)->problem->model->rejects);
}

/* `memory`, `keep` and `options` are in the user value from the start. */
static void push_nothing(lua_State *L, const void *object) {
    (void)object;
    lua_pushnil(L);
}

static const BindProperty properties[] = {
    BIND_KEPT("x", push_x),
    BIND_KEPT("x0", push_x0),
    BIND_KEPT("y", push_y),
    BIND_KEPT("columns", push_columns),
    BIND_KEPT("target", push_target),
    BIND_KEPT("target_columns", push_target_columns),
    BIND_KEPT("scores", push_scores),
    BIND_KEPT("loss", push_loss),
    BIND_KEPT("dmax", push_dmax),
    BIND_KEPT("rows", push_row_numbers),
    BIND_KEPT("stop", push_nothing),
    BIND_PROPERTY("norm", push_norm),
    BIND_PROPERTY("t", push_t),
    BIND_PROPERTY("steps", push_steps),
    BIND_PROPERTY("classes", push_classes),
    BIND_PROPERTY("rejects", push_rejects),
    BIND_KEPT("options", push_nothing),
    BIND_KEPT("memory", push_nothing),
    BIND_KEPT("keep", push_nothing),
    BIND_LAST,
};

/* Those that tell of one step. */
static const char *const of_step[] = {
    "x",    "x0",   "y",    "columns",  "target", "target_columns", "scores", "loss",
    "dmax", "rows", "stop", "gradient", NULL
};

/* ---- What it can be asked: methods ----------------------------------------------------------- */

/* Push the gradients that have just been asked for. */
static void push_gradient(lua_State *L, const Descent *descent) {
    size_t d = features_of(descent);
    Array *g = push_rows(L, DTYPE_F32, descent->active_count, d);
    for (size_t a = 0; a < descent->active_count; a++)
        if (!is_spent(descent, a))
            memcpy(array_f32(g) + a * d, descent->gradient + a * d, d * sizeof(float));
    g->read_only = true;
}

/* Push the scores of points, one for each row, and the losses that have come with them. */
static int push_scored(lua_State *L, const Descent *descent) {
    size_t columns = descent->problem->columns, n = descent->active_count;
    Array *scores = push_rows(L, DTYPE_F64, n, columns), *loss = push_column(L, DTYPE_F64, n);
    memcpy(array_f64(scores), descent->trial_scores, n * columns * sizeof(double));
    for (size_t a = 0; a < n; a++) {
        double *own = array_f64(scores) + a * columns;
        for (size_t c = 0; is_spent(descent, a) && c < columns; c++)
            own[c] = NAN;
        array_f64(loss)[a] = is_spent(descent, a) ? INFINITY : descent->trial_loss[a];
    }
    return 2;
}

/* That of the attack where the rows stand: once an iteration, however often it is asked for. */
static int own_gradient(lua_State *L, Descent *descent) {
    Error err = { 0 };
    lua_getiuservalue(L, 1, 1);
    if (lua_getfield(L, -1, "gradient") != LUA_TNIL)
        return 1;
    custom_charge(descent, 1 + (problem_ascends(descent->problem) && !descent->ahead));
    if (!descent_take_gradients(descent, &err))
        return bind_raise(L, &err);
    descent->foresees = true;
    push_gradient(L, descent);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "gradient");
    return 1;
}

static Direction check_direction(lua_State *L, int arg) {
    int word = 0;
    const char *given = lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg) : "";
    while (attack_direction_words[word] && strcmp(attack_direction_words[word], given) != 0)
        word++;
    if (!attack_direction_words[word])
        bind_expected(L, arg, bind_where(L), "direction",
                      "\"gradient\", \"log\", \"smooth\", or weights of the scores, an array");
    return (Direction)word;
}

/* The sums of scores whose gradient is asked for, a row for each point. */
static const double *check_weights(lua_State *L, int arg, const Descent *descent) {
    const Array *w = bind_to_array(L, arg, bind_where(L), "weights", DTYPE_F64);
    size_t n = descent->active_count, columns = descent->problem->columns;
    if (!(w->ndim == 2 && w->shape[0] == n && w->shape[1] == columns) &&
        !(w->ndim == 1 && n == 1 && w->shape[0] == columns)) {
        char got[128];
        bind_error(L, "%s: weights: expected [%dx%d], got %s", bind_where(L), (int)n, (int)columns,
                   bind_describe(L, arg, got));
    }
    return array_f64(w);
}

/* state:gradient([direction or weights [, points]]) → m × d; of other points, unless it is of
 * weights, their scores and losses as well. */
static int state_gradient(lua_State *L) {
    Descent *descent = descent_at(L);
    Error err = { 0 };
    GradientOf of = { 0 };
    lua_settop(L, 3);
    if (lua_isnil(L, 2) && lua_isnil(L, 3))
        return own_gradient(L, descent);
    if (lua_istable(L, 2) || bind_test_array(L, 2))
        of.weights = check_weights(L, 2, descent);
    else
        of.view =
            descent_view(descent, lua_isnil(L, 2) ? (Direction)descent->problem->params->direction
                                                  : check_direction(L, 2));
    if (lua_isnil(L, 2) && PROBLEM_PART(descent->problem, direction))
        bind_error(L,
                   "%s: points: a direction written in Lua is asked only where the samples stand",
                   bind_where(L));
    if (!lua_isnil(L, 3))
        of.x = samples_at(L, 3, descent);
    bool scores = !of.weights && (of.x || of.view.ascends);
    custom_charge(descent, scores ? 2 : 1);
    if (!descent_gradients_of(descent, &of, &err))
        return bind_raise(L, &err);
    push_gradient(L, descent);
    return of.x && !of.weights ? 1 + push_scored(L, descent) : 1;
}

/* state:score(points) → scores m × columns, losses m */
static int state_score(lua_State *L) {
    Descent *descent = descent_at(L);
    Error err = { 0 };
    const float *x = samples_at(L, 2, descent);
    if (!custom_score(descent, x, &err))
        return bind_raise(L, &err);
    return push_scored(L, descent);
}

/* state:project(points) → m × d, within ball and box */
static int state_project(lua_State *L) {
    const Descent *descent = descent_at(L);
    Error err = { 0 };
    CustomPoints points = points_at(L, 2, descent);
    Array *out = push_rows(L, DTYPE_F32, descent->active_count, features_of(descent));
    if (!custom_project(descent, &points, array_f32(out), &err))
        return bind_raise(L, &err);
    return 1;
}

/* state:unit(g) → m × d f64, of length 1 in the norm */
static int state_unit(lua_State *L) {
    const Descent *descent = descent_at(L);
    size_t count = descent->active_count * features_of(descent);
    CustomPoints g = points_at(L, 2, descent);
    Array *unit = push_rows(L, DTYPE_F64, descent->active_count, features_of(descent));
    for (size_t i = 0; i < count; i++)
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): one of them is there
        array_f64(unit)[i] = g.f64 ? g.f64[i] : (double)g.f32[i];
    custom_unit(descent, array_f64(unit));
    return 1;
}

/* Numbers of one kind from a generator: `count` of them. */
typedef struct Drawing {
    const char *kind;
    void (*draw)(Norm norm, size_t count, Rng *rng, double *out);
    bool a_point; /* of as many features as a sample has, and no other width */
} Drawing;

static void draw_normal(Norm norm, size_t count, Rng *rng, double *out) {
    (void)norm;
    for (size_t i = 0; i < count; i++)
        out[i] = rng_normal(rng);
}

static void draw_uniform(Norm norm, size_t count, Rng *rng, double *out) {
    (void)norm;
    for (size_t i = 0; i < count; i++)
        out[i] = rng_uniform(rng);
}

static void draw_sign(Norm norm, size_t count, Rng *rng, double *out) {
    (void)norm;
    for (size_t i = 0; i < count; i++)
        out[i] = rng_next(rng) >> 63 ? 1 : -1;
}

static const Drawing *check_drawing(lua_State *L, int arg) {
    static const Drawing drawings[] = { { "normal", draw_normal, false },
                                        { "uniform", draw_uniform, false },
                                        { "sign", draw_sign, false },
                                        { "ball", random_in_ball, true },
                                        { "direction", random_direction, true } };
    enum { KINDS = sizeof drawings / sizeof *drawings };
    const char *given = lua_isnil(L, arg)                 ? "normal"
                        : lua_type(L, arg) == LUA_TSTRING ? lua_tostring(L, arg)
                                                          : "";
    for (size_t k = 0; k < KINDS; k++)
        if (strcmp(drawings[k].kind, given) == 0)
            return &drawings[k];
    bind_expected(L, arg, bind_where(L), "kind",
                  "\"normal\", \"uniform\", \"sign\", \"ball\" or \"direction\"");
    return NULL;
}

/* state:random([kind [, width]]) → m × width, each row from a generator of its own */
static int state_random(lua_State *L) {
    const Descent *descent = descent_at(L);
    lua_settop(L, 3);
    const Drawing *drawing = check_drawing(L, 2);
    size_t width = features_of(descent);
    if (!lua_isnil(L, 3) && !drawing->a_point)
        width = (size_t)bind_integer(L, 3, bind_where(L), "width", 1, 1 << 24);
    else if (!lua_isnil(L, 3))
        bind_error(L, "%s: width: a %s has as many numbers as a sample has features", bind_where(L),
                   drawing->kind);
    Array *numbers = push_rows(L, DTYPE_F32, descent->active_count, width);
    double *row = lua_newuserdatauv(L, width * sizeof *row, 0);
    for (size_t a = 0; a < descent->active_count; a++) {
        drawing->draw(descent->problem->constraint.norm, width,
                      custom_rng(descent, descent->active[a]), row);
        for (size_t j = 0; j < width; j++)
            array_f32(numbers)[a * width + j] = (float)row[j];
    }
    lua_pop(L, 1);
    return 1;
}

/* state.x = points, state.stop = mask */
static int assign(lua_State *L) {
    State *state = bind_check(L, 1, &state_type, "state", "self");
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (!state->descent)
        bind_error(L, "state: the step has ended, and only it can ask");
    if (strcmp(name, "x") == 0)
        check_points(L, 3, (Given){ "state.x", "" }, state->descent);
    else if (strcmp(name, "stop") == 0)
        check_mask(L, 3, state->descent);
    else
        bind_error(L, "state: %s cannot be set; x and stop can, and what is in memory and keep",
                   *name ? name : "that");
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 3);
    lua_setfield(L, -2, name);
    lua_pushvalue(L, 3);
    lua_rawseti(L, -2, *name == 'x' ? HELD_NEXT : HELD_STOP);
    return 0;
}

/* ---- A step ---------------------------------------------------------------------------------- */

/* Places in the last step's rows of those that still move. */
static Places still_there(lua_State *L, const State *state) {
    const Descent *descent = state->descent;
    size_t *place = lua_newuserdatauv(L, (descent->active_count + 1) * sizeof *place, 0);
    size_t at = 0;
    for (size_t a = 0; a < descent->active_count; a++) {
        while (state->row[at] != descent->active[a])
            at++;
        place[a] = at;
    }
    return (Places){ 0, place, descent->active_count };
}

/* The arrays in the table on top that have a row for each of the last step's keep those of rows
 * that still move. */
static void follow_rows(lua_State *L, const State *state) {
    int memory = lua_gettop(L);
    if (state->count == state->descent->active_count)
        return;
    Places places = still_there(L, state);
    for (lua_pushnil(L); lua_next(L, memory); lua_pop(L, 1)) {
        const Array *kept = bind_test_array(L, -1);
        if (!kept || kept->ndim == 0 || kept->shape[0] != state->count)
            continue;
        lua_pushvalue(L, -2);
        BIND_ARRAY_PUSH(L, array_take("state.memory", kept, &places, &err));
        lua_rawset(L, memory);
    }
    lua_settop(L, memory);
}

/* A new descent of the run remembers nothing. */
static void begin_descent(lua_State *L, int held, State *state) {
    static const char *const empty[] = { "memory", "keep", NULL };
    for (const char *const *name = empty; *name; name++) {
        lua_newtable(L);
        lua_setfield(L, held, *name);
    }
    state->row = lua_newuserdatauv(L, (state->descent->n + 1) * sizeof *state->row, 0);
    lua_rawseti(L, held, HELD_ROWS);
}

/* What the user value at `held` has, for the step that begins. */
static void begin_step(lua_State *L, int held, State *state) {
    const Descent *descent = state->descent;
    if (descent->iteration == 1) {
        begin_descent(L, held, state);
    } else {
        lua_getfield(L, held, "memory");
        follow_rows(L, state);
        lua_pop(L, 1);
    }
    memcpy(state->row, descent->active, descent->active_count * sizeof *state->row);
    state->count = descent->active_count;
    for (const char *const *name = of_step; *name; name++) {
        lua_pushnil(L);
        lua_setfield(L, held, *name);
    }
    for (int k = HELD_NEXT; k <= HELD_STOP; k++) {
        lua_pushnil(L);
        lua_rawseti(L, held, k);
    }
}

/* The rows that the mask on top names stop after this step. */
static void stop_rows(lua_State *L, const Descent *descent) {
    if (lua_isnil(L, -1))
        return;
    const Array *mask = check_mask(L, lua_gettop(L), descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        int32_t *stop = &descent->stop[descent->active[a]];
        if (array_i32(mask)[a] && *stop < 0)
            *stop = STOP_ENDED;
    }
}

typedef struct Stepping {
    State *state;
    CustomPoints *next;
} Stepping;

static void step_body(lua_State *L, const void *context) {
    const Stepping *stepping = context;
    State *state = stepping->state;
    const int box = 2, held = 3;
    char where[96], place[BIND_PLACE];
    luaL_checkstack(L, 40, NULL);
    push_states(L);
    lua_rawgetp(L, 1, state);
    lua_getiuservalue(L, box, 1);
    begin_step(L, held, state);
    lua_rawgeti(L, held, HELD_STEP);
    bind_function_place(L, -1, place);
    lua_pushvalue(L, box);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1))
        lua_rawgeti(L, held, HELD_NEXT);
    snprintf(where, sizeof where, "%s: step: the next points", state->where);
    *stepping->next = check_points(L, lua_gettop(L), (Given){ where, place }, state->descent);
    lua_rawseti(L, held, HELD_NEXT); /* until the next step */
    lua_rawgeti(L, held, HELD_STOP);
    stop_rows(L, state->descent);
}

static bool take_step(void *context, Descent *descent, CustomPoints *next, Error *err) {
    State *state = context;
    BindCaller caller = { state->L, state->where, "the step" };
    state->descent = descent;
    bool ok = bind_call(&caller, step_body, &(Stepping){ state, next }, err);
    state->descent = NULL;
    return ok;
}

/* ---- A run ----------------------------------------------------------------------------------- */

/* Set what the attack's own options are in a run in a new table on top. */
static void push_options(lua_State *L, int held, const Attack *attack, const AttackParams *params) {
    size_t count;
    const Field *field = bind_own_fields(attack, &count);
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        Value value = field_get(&field[i], params);
        if (field[i].kind == FIELD_OBJECT)
            lua_getfield(L, held, field[i].name);
        else
            bind_push_value(L, &value);
        lua_setfield(L, -2, field[i].name);
    }
}

const CustomStep *bind_push_attack_step(lua_State *L, const BindRun *run) {
    void **slot = bind_new_box(L, &state_type);
    int box = lua_gettop(L);
    lua_newtable(L);
    State *state = lua_newuserdatauv(L, sizeof *state, 0);
    *slot = state;
    *state = (State){ .step = { take_step, state }, .L = bind_main_thread(L) };
    snprintf(state->where, sizeof state->where, "attack.%s", run->attack->name);
    lua_rawseti(L, -2, HELD_STATE);
    push_options(L, run->held, run->attack, run->params);
    lua_setfield(L, -2, "options");
    lua_getiuservalue(L, run->definition, 1);
    lua_getfield(L, -1, "step");
    lua_rawseti(L, -3, HELD_STEP);
    lua_pop(L, 1);
    lua_setiuservalue(L, box, 1);
    push_states(L);
    lua_pushvalue(L, box);
    lua_rawsetp(L, -2, state);
    lua_pop(L, 1);
    return &state->step;
}

static int state_tostring(lua_State *L) {
    const State *state = bind_check(L, 1, &state_type, "tostring", "self");
    const Descent *descent = state->descent;
    if (!descent)
        lua_pushfstring(L, "the state of %s, whose step has ended", state->where);
    else
        lua_pushfstring(L, "the state of %s: step %d of %d, %d samples of %d features",
                        state->where, (int)descent->iteration, (int)descent->iterations,
                        (int)descent->active_count, (int)features_of(descent));
    return 1;
}

void bind_open_attack_state(lua_State *L) {
    static const BindFunction methods[] = {
        BIND("gradient", state_gradient, 3), BIND("score", state_score, 2),
        BIND("project", state_project, 2),   BIND("unit", state_unit, 2),
        BIND("random", state_random, 3),     BIND_LAST
    };
    static const luaL_Reg meta[] = { { "__newindex", assign },
                                     { "__tostring", state_tostring },
                                     { NULL, NULL } };
    static const BindType type = {
        .box = &state_type, .methods = methods, .properties = properties, .meta = meta
    };
    bind_new_type(L, &type);
    lua_pop(L, 1);
}
