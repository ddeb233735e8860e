/* bind_attack.c — the library `attack`: a constructor for every attack of the table, and runs.
 *
 * An attack object is a box with the numbers (AttackParams); what is Lua's (the model, the start
 * points, bounds and targets that are arrays) is in the table that is the box's user value, and so
 * are the start points' scores once a run has made them. */
#include "attack/attacks.h"
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "core/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct AttackBox {
    const Attack *attack;
    AttackParams params;
    bool seeded;
    char where[48]; /* "attack.pgd", for messages */
} AttackBox;

static const BoxType attack_type = { .name = "perigee.attack",
                                     .shown = "an attack",
                                     .release = free };

/* What every attack takes beside its own options. */
static const char *const common_options[] = { "model", "lower", "upper", "target", NULL };

enum { MAX_OPTIONS = 24 };

static void valid_options(const Attack *attack, const char *valid[MAX_OPTIONS]) {
    size_t count = 0;
    for (size_t i = 0; attack->options[i]; i++)
        valid[count++] = attack->options[i];
    for (size_t i = 0; common_options[i]; i++)
        valid[count++] = common_options[i];
    valid[count] = NULL;
}

static AttackBox *check_self(lua_State *L, const char *where) {
    return bind_check(L, 1, &attack_type, where, "self");
}

/* ---- Options into the object ---- */

static void read_scalar(lua_State *L, int options, const char *where, const AttackOption *option,
                        AttackParams *params) {
    double value = 0;
    switch (option->kind) {
    case OPTION_NUMBER:
        value = bind_opt_number(L, options, where, option->name, option->low, option->high, 0);
        break;
    case OPTION_INTEGER:
        value = (double)bind_opt_integer(L, options, where, option->name, (lua_Integer)option->low,
                                         (lua_Integer)option->high, 0);
        break;
    case OPTION_WORD:
        value = bind_opt_word(L, options, where, option->name, option->words, 0);
        break;
    case OPTION_BOOLEAN:
        value = bind_opt_boolean(L, options, where, option->name, false);
        break;
    }
    attack_option_set(option, params, value);
}

/* The value on top of the stack as a bound: a number into *one, anything else as a flat float32
 * array into the table `held`. Pops the value. */
static void read_bound(lua_State *L, int held, const char *where, const char *name, double *one) {
    if (lua_type(L, -1) == LUA_TNUMBER) {
        *one = lua_tonumber(L, -1);
        lua_pushnil(L);
        lua_setfield(L, held, name);
        lua_pop(L, 1);
        return;
    }
    int value = lua_gettop(L);
    Array *each = bind_to_array(L, value, where, name, DTYPE_F32);
    size_t size = array_size(each);
    Error err;
    const ptrdiff_t stride = 1;
    Array *flat = array_view(each, 1, &size, &stride, each->data, &err);
    bind_push_array(L, flat, &err);
    lua_setfield(L, held, name);
    lua_settop(L, value - 1);
}

/* Check the value on top of the stack, which option `name` names, and keep it in `held`. Pops it.
 */
static void read_object(lua_State *L, int held, const char *where, const char *name) {
    int value = lua_gettop(L);
    if (strcmp(name, "model") == 0)
        bind_check_model(L, value, where, name);
    else if (strcmp(name, "start_from") == 0)
        bind_check_samples(L, value, where, name);
    else if (lua_type(L, value) == LUA_TNUMBER)
        bind_integer(L, value, where, name, INT32_MIN, INT32_MAX);
    else
        bind_to_array(L, value, where, name, DTYPE_I32);
    lua_settop(L, value);
    lua_setfield(L, held, name);
}

/* Take over every option of the table at `options`; those already there are kept. */
static void read_options(lua_State *L, int options, AttackBox *box, int held) {
    const char *valid[MAX_OPTIONS];
    valid_options(box->attack, valid);
    AttackParams params = box->params;
    bool seeded = box->seeded;
    for (size_t i = 0; valid[i]; i++) {
        const AttackOption *option = attack_option(valid[i]);
        int type = bind_opt_push(L, options, valid[i]);
        if (type == LUA_TNIL || option) {
            lua_pop(L, 1);
            if (type != LUA_TNIL)
                read_scalar(L, options, box->where, option, &params);
        } else if (strcmp(valid[i], "lower") == 0) {
            read_bound(L, held, box->where, "lower", &params.lower);
        } else if (strcmp(valid[i], "upper") == 0) {
            read_bound(L, held, box->where, "upper", &params.upper);
        } else if (strcmp(valid[i], "seed") == 0) {
            params.seed =
                (uint64_t)bind_integer(L, -1, box->where, "seed", LUA_MININTEGER, LUA_MAXINTEGER);
            seeded = true;
            lua_pop(L, 1);
        } else {
            read_object(L, held, box->where, valid[i]);
        }
    }
    box->params = params;
    box->seeded = seeded;
}

/* ---- Objects ---- */

/* Push a new object with a table of its own, a copy of the one at `held` (0: empty). */
static AttackBox *push_object(lua_State *L, const AttackBox *like, int held) {
    void **slot = bind_new_box(L, &attack_type);
    AttackBox *box = malloc(sizeof *box);
    if (!box)
        luaL_error(L, "%s: out of memory", like->where);
    *box = *like;
    *slot = box;
    lua_newtable(L);
    if (held != 0)
        for (lua_pushnil(L); lua_next(L, held);) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -4);
        }
    lua_setiuservalue(L, -2, 1);
    return box;
}

/* attack.NAME{…}; the upvalue is the Attack. */
static int construct(lua_State *L) {
    const Attack *attack = lua_touserdata(L, lua_upvalueindex(1));
    const char *valid[MAX_OPTIONS];
    AttackBox fresh = { .attack = attack, .params = attack->params };
    snprintf(fresh.where, sizeof fresh.where, "attack.%s", attack->name);
    valid_options(attack, valid);
    bind_options(L, 1, fresh.where, valid);
    lua_settop(L, 1);
    AttackBox *box = push_object(L, &fresh, 0);
    lua_getiuservalue(L, 2, 1);
    read_options(L, 1, box, 3);
    lua_settop(L, 2);
    return 1;
}

/* a:with{ dmax = 3 }: another attack, the same but for these. */
static int attack_with(lua_State *L) {
    AttackBox *self = check_self(L, "with");
    const char *valid[MAX_OPTIONS];
    valid_options(self->attack, valid);
    bind_options(L, 2, self->where, valid);
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    AttackBox *box = push_object(L, self, 3);
    lua_getiuservalue(L, 4, 1);
    read_options(L, 2, box, 5);
    lua_settop(L, 4);
    return 1;
}

static void push_scalar(lua_State *L, const AttackOption *option, const AttackParams *params) {
    double value = attack_option_get(option, params);
    switch (option->kind) {
    case OPTION_NUMBER:
        if (isnan(value))
            lua_pushnil(L);
        else
            lua_pushnumber(L, value);
        return;
    case OPTION_INTEGER:
        lua_pushinteger(L, (lua_Integer)value);
        return;
    case OPTION_WORD:
        if (value < 0)
            lua_pushnil(L);
        else
            lua_pushstring(L, option->words[(int)value]);
        return;
    case OPTION_BOOLEAN:
        lua_pushboolean(L, value != 0);
        return;
    }
}

static bool is_option(const Attack *attack, const char *name) {
    const char *valid[MAX_OPTIONS];
    valid_options(attack, valid);
    for (size_t i = 0; valid[i]; i++)
        if (strcmp(valid[i], name) == 0)
            return true;
    return false;
}

/* Push the value of an option (nil where it is left to the attack). */
static void push_option(lua_State *L, const AttackBox *box, const char *name) {
    const AttackOption *option = attack_option(name);
    if (option) {
        push_scalar(L, option, &box->params);
        return;
    }
    lua_getiuservalue(L, 1, 1);
    int type = lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (type != LUA_TNIL)
        return;
    lua_pop(L, 1);
    if (strcmp(name, "lower") == 0)
        lua_pushnumber(L, box->params.lower);
    else if (strcmp(name, "upper") == 0)
        lua_pushnumber(L, box->params.upper);
    else if (strcmp(name, "seed") == 0 && box->seeded)
        lua_pushinteger(L, (lua_Integer)box->params.seed);
    else
        lua_pushnil(L);
}

static int missing(lua_State *L, const AttackBox *box) {
    const char *names[MAX_OPTIONS + 1] = { "name" };
    valid_options(box->attack, names + 1);
    return bind_missing(L, names);
}

static int attack_index(lua_State *L) {
    AttackBox *box = check_self(L, "attack");
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (luaL_getmetafield(L, 1, "methods") != LUA_TNIL && lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    if (strcmp(name, "name") == 0)
        lua_pushstring(L, box->attack->name);
    else if (is_option(box->attack, name))
        push_option(L, box, name);
    else
        return missing(L, box);
    return 1;
}

/* Back to the default. */
static void clear_option(lua_State *L, AttackBox *box, const char *name) {
    const Attack *attack = box->attack;
    const AttackOption *option = attack_option(name);
    if (option)
        attack_option_set(option, &box->params, attack_option_get(option, &attack->params));
    else if (strcmp(name, "lower") == 0)
        box->params.lower = attack->params.lower;
    else if (strcmp(name, "upper") == 0)
        box->params.upper = attack->params.upper;
    else if (strcmp(name, "seed") == 0)
        box->seeded = false;
    lua_getiuservalue(L, 1, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

/* a.dmax = 3, by the same way as a constructor's { dmax = 3 }; nil: the default again. */
static int attack_newindex(lua_State *L) {
    AttackBox *box = check_self(L, "attack");
    const char *valid[MAX_OPTIONS];
    valid_options(box->attack, valid);
    lua_settop(L, 3);
    lua_newtable(L);
    lua_pushvalue(L, 2);
    if (lua_isnil(L, 3))
        lua_pushboolean(L, 0);
    else
        lua_pushvalue(L, 3);
    lua_settable(L, 4);
    bind_options(L, 4, box->where, valid);
    if (lua_type(L, 2) != LUA_TSTRING)
        return bind_expected(L, 2, box->where, "option", "a name");
    if (lua_isnil(L, 3)) {
        clear_option(L, box, lua_tostring(L, 2));
        return 0;
    }
    lua_getiuservalue(L, 1, 1);
    read_options(L, 4, box, 5);
    return 0;
}

/* ---- Printing ---- */

/* Push ", eta 0.1" or nothing for an option that says nothing; returns how many were pushed. */
static int push_scalar_text(lua_State *L, const AttackOption *option, const AttackParams *params) {
    double value = attack_option_get(option, params);
    bool is_norm = strcmp(option->name, "norm") == 0;
    switch (option->kind) {
    case OPTION_WORD:
        if (value < 0)
            return 0;
        lua_pushfstring(L, is_norm ? " %s" : ", %s steps", option->words[(int)value]);
        return 1;
    case OPTION_BOOLEAN:
        if (value == 0)
            return 0;
        lua_pushfstring(L, ", %s kept", option->name);
        return 1;
    default:
        if (isnan(value) || (value == 0 && strcmp(option->name, "restarts") == 0))
            return 0;
        lua_pushfstring(L, ", %s ", option->name);
        char number[32];
        snprintf(number, sizeof number, "%g", value);
        lua_pushstring(L, number);
        lua_concat(L, 2);
        return 1;
    }
}

/* Push ", model dnr" and the like for what stands in the table at `held`; returns how many. */
static int push_object_texts(lua_State *L, int held) {
    static const char *const names[] = { "model", "start_from", "target" };
    int pushed = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char got[128];
        if (lua_getfield(L, held, names[i]) == LUA_TNIL) {
            lua_pop(L, 1);
            continue;
        }
        const Model *model = bind_test_model(L, -1);
        const char *kind = model ? model->kind->name : i == 0 ? "lua" : NULL;
        lua_pushfstring(L, ", %s %s", names[i], kind ? kind : bind_describe(L, -1, got));
        lua_remove(L, -2);
        pushed++;
    }
    return pushed;
}

static void push_bounds_text(lua_State *L, const AttackParams *params, int held) {
    char text[96];
    bool lower = lua_getfield(L, held, "lower") != LUA_TNIL;
    bool upper = lua_getfield(L, held, "upper") != LUA_TNIL;
    lua_pop(L, 2);
    if (lower || upper)
        snprintf(text, sizeof text, ", bounds of each feature");
    else
        snprintf(text, sizeof text, ", bounds %g … %g", params->lower, params->upper);
    lua_pushstring(L, text);
}

/* "attack.pgd_exp: l2, dmax 2, eta 0.1, …", with what the run will make of open choices. */
static int attack_tostring(lua_State *L) {
    const AttackBox *box = check_self(L, "tostring");
    AttackParams params;
    Error err;
    if (!attack_resolve(box->attack, &box->params, &params, &err))
        params = box->params;
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    luaL_checkstack(L, 2 * MAX_OPTIONS, NULL);
    lua_pushfstring(L, "%s:", box->where);
    int pieces = 1;
    for (size_t i = 0; box->attack->options[i]; i++) {
        const AttackOption *option = attack_option(box->attack->options[i]);
        if (option)
            pieces += push_scalar_text(L, option, &params);
    }
    push_bounds_text(L, &params, 2);
    pieces += 1 + push_object_texts(L, 2);
    lua_concat(L, pieces);
    return 1;
}

/* ---- Runs ---- */

/* Option `name` of the run, or else of the object, on the stack; its type. */
static int push_choice(lua_State *L, int options, int held, const char *name) {
    if (bind_opt_push(L, options, name) != LUA_TNIL)
        return lua_type(L, -1);
    lua_pop(L, 1);
    return lua_getfield(L, held, name);
}

/* The labels on top of the stack as n int32: one number serves for all. Stays on the stack. */
static const int32_t *check_labels(lua_State *L, const char *where, const char *name, size_t n) {
    int value = lua_gettop(L);
    const Array *labels = NULL;
    if (lua_type(L, value) == LUA_TNUMBER) {
        int32_t *all = lua_newuserdatauv(L, (n + 1) * sizeof *all, 0);
        int32_t label = (int32_t)bind_integer(L, value, where, name, INT32_MIN, INT32_MAX);
        for (size_t i = 0; i < n; i++)
            all[i] = label;
        return all;
    }
    labels = bind_to_array(L, value, where, name, DTYPE_I32);
    if (array_size(labels) != n)
        luaL_error(L, "%s: %s: expected one label for each of %d samples, got %d", where, name,
                   (int)n, (int)array_size(labels));
    return array_i32(labels);
}

/* Start points' scores are kept in the object's table with the model and the points they are of.
 * They only choose where a second descent starts, so it is enough to look at a few of them to see
 * whether the model has been trained anew or got another threshold. */
enum { PROBES = 16 };

static bool still_true(lua_State *L, Model *model, const BindSamples *start, const Array *scores,
                       const char *where) {
    size_t columns = model_columns(model), n = start->n, d = start->features;
    if (scores->shape[0] != n || scores->shape[1] != columns)
        return false;
    size_t probes = n < PROBES ? n : PROBES;
    float *x = lua_newuserdatauv(L, probes * d * sizeof *x, 0);
    double *now = lua_newuserdatauv(L, probes * columns * sizeof *now, 0);
    for (size_t p = 0; p < probes; p++)
        memcpy(x + p * d, start->x + p * n / probes * d, d * sizeof *x);
    Error err;
    if (!model_scores(model, &(Batch){ x, probes, d, where }, now, &err))
        bind_raise(L, &err);
    bool same = true;
    for (size_t p = 0; p < probes; p++)
        for (size_t c = 0; c < columns; c++) {
            double was = array_f64(scores)[p * n / probes * columns + c];
            double is = now[p * columns + c];
            same = same && (was == is || fabs(was - is) <= 1e-5 * fmax(1, fabs(is)));
        }
    lua_pop(L, 2);
    return same;
}

/* Is the value of held[name] the one at `value`? */
static bool holds(lua_State *L, int held, const char *name, int value) {
    lua_getfield(L, held, name);
    bool same = lua_rawequal(L, -1, value);
    lua_pop(L, 1);
    return same;
}

/* Push the scores of the start points, from the object's table if they are there and still true.
 * An interrupt may leave fewer rows; those are not kept. */
static const Array *push_start_scores(lua_State *L, int held, int model_value, Model *model,
                                      int start_value, const BindSamples *start,
                                      const char *where) {
    if (lua_getfield(L, held, "scored") != LUA_TNIL && holds(L, held, "scored_by", model_value) &&
        holds(L, held, "scored_points", start_value)) {
        const Array *scores = bind_check_array(L, -1, where, "scored");
        if (still_true(L, model, start, scores, where))
            return scores;
    }
    lua_pop(L, 1);
    /* Shown while it lasts, so it says what is going on. */
    const Array *scores = bind_model_scores(L, model, start, "attack: scoring start_from");
    if (scores->shape[0] == start->n) {
        lua_pushvalue(L, -1);
        lua_setfield(L, held, "scored");
        lua_pushvalue(L, model_value);
        lua_setfield(L, held, "scored_by");
        lua_pushvalue(L, start_value);
        lua_setfield(L, held, "scored_points");
    }
    return scores;
}

/* The start points of a double start into the task. */
static void read_start(lua_State *L, int options, int held, int model_value, const AttackBox *box,
                       AttackTask *task) {
    if (!attack_uses(box->attack, "start_from") ||
        push_choice(L, options, held, "start_from") == LUA_TNIL)
        return;
    int value = lua_gettop(L);
    BindSamples start = bind_check_samples(L, value, box->where, "start_from");
    if (start.features != task->features)
        luaL_error(L, "%s: start_from: its samples have %d features, those attacked %d", box->where,
                   (int)start.features, (int)task->features);
    if (start.n == 0)
        return;
    const Array *scores =
        push_start_scores(L, held, model_value, task->model, value, &start, box->where);
    task->start = (AttackStart){ start.x, scores->shape[0], array_f64(scores) };
}

/* Bounds of each feature that stand in the table. */
static void read_bounds(lua_State *L, int held, AttackParams *params) {
    if (lua_getfield(L, held, "lower") != LUA_TNIL)
        params->lower_each = bind_test_array(L, -1);
    if (lua_getfield(L, held, "upper") != LUA_TNIL)
        params->upper_each = bind_test_array(L, -1);
}

/* The seed: the run's, the object's, or one drawn from the session where the run is random. */
static uint64_t seed_of(lua_State *L, int options, const AttackBox *box) {
    if (bind_opt_push(L, options, "seed") != LUA_TNIL)
        return (uint64_t)bind_integer(L, -1, box->where, "seed", LUA_MININTEGER, LUA_MAXINTEGER);
    if (box->seeded)
        return box->params.seed;
    bool random = box->params.restarts > 0 || strcmp(box->attack->name, "noise") == 0;
    return random ? rng_fork(bind_session_rng()) >> 1 : bind_session_seed();
}

static AttackTask task_of(const BindSamples *samples, Model *model) {
    AttackTask task = { .model = model,
                        .x = samples->x,
                        .n = samples->n,
                        .features = samples->features,
                        .y = samples->y,
                        .sample_ndim = samples->sample_ndim };
    memcpy(task.sample_shape, samples->sample_shape, sizeof task.sample_shape);
    if (model->features == 0) /* a model in Lua need not say it */
        model->features = samples->features;
    return task;
}

/* a:run(samples [, { y =, target =, model =, start_from =, seed = }]) → a result. */
static int attack_run_call(lua_State *L) {
    static const char *const valid[] = { "y", "target", "model", "start_from", "seed", NULL };
    const AttackBox *box = check_self(L, "run");
    lua_settop(L, 3);
    luaL_checkstack(L, 40, NULL);
    bind_options(L, 3, box->where, valid);
    lua_getiuservalue(L, 1, 1);
    const int options = 3, held = 4, model_value = 5;
    if (push_choice(L, options, held, "model") == LUA_TNIL)
        return luaL_error(L, "%s: no model: give one as model = … here or in %s{…}", box->where,
                          box->where);
    Model *model = bind_check_model(L, model_value, box->where, "model");
    BindSamples samples = bind_check_samples(L, 2, box->where, "samples");
    AttackTask task = task_of(&samples, model);
    AttackParams params = box->params;
    params.seed = seed_of(L, options, box);
    if (bind_opt_push(L, options, "y") != LUA_TNIL)
        task.y = check_labels(L, box->where, "y", samples.n);
    if (push_choice(L, options, held, "target") != LUA_TNIL)
        task.target = check_labels(L, box->where, "target", samples.n);
    read_bounds(L, held, &params);
    read_start(L, options, held, model_value, box, &task);
    return bind_run_attack(L, box->attack, &params, &task);
}

/* ---- The library ---- */

int open_attack(lua_State *L) {
    static const luaL_Reg methods[] = { { "run", attack_run_call },
                                        { "with", attack_with },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__index", attack_index },
                                     { "__newindex", attack_newindex },
                                     { "__tostring", attack_tostring },
                                     { NULL, NULL } };
    bind_new_type(L, &attack_type, methods, meta);
    lua_pop(L, 1);
    bind_open_attack_result(L);
    lua_newtable(L);
    for (size_t i = 0; attack_table[i]; i++) {
        lua_pushlightuserdata(L, (void *)attack_table[i]);
        lua_pushcclosure(L, construct, 1);
        lua_setfield(L, -2, attack_table[i]->name);
    }
    return 1;
}
