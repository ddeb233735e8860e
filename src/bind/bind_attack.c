/* bind_attack.c — the library `attack`: a constructor for every attack of the table, and runs.
 *
 * An attack object is a box with the numbers (AttackParams); what is Lua's (the model, the start
 * points, bounds and targets that are arrays) is in the table that is the box's user value. */
#include "attack/attacks.h"
#include "attack/start_scores.h"
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_fields.h"
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
    AttackParams params; /* first: the attack's fields are its */
    const Attack *attack;
    bool seeded;
    StartScores *starts; /* of the last run's double start; NULL before the first */
    char where[48];      /* "attack.pgd", for messages */
} AttackBox;

static void release_attack(void *object) {
    start_scores_free(((AttackBox *)object)->starts);
    free(object);
}

static const BoxType attack_type = { .name = "perigee.attack",
                                     .shown = "an attack",
                                     .release = release_attack };

static AttackBox *check_self(lua_State *L, const char *where) {
    return bind_check(L, 1, &attack_type, where, "self");
}

/* ---- Options: numbers and words in the box, objects in the table that is its user value ---- */

/* The value at `value` as a bound: a number into *one, anything else as a flat float32 array into
 * the table `held`. */
static void read_bound(lua_State *L, const char *where, const char *name, int held, int value) {
    Array *each = bind_to_array(L, value, where, name, DTYPE_F32);
    Array flat = *each;
    Error err;
    array_set_shape(&flat, &(Sizes){ 1, { array_size(each) } });
    bind_push_array(L, array_view(&flat, &err), &err);
    lua_setfield(L, held, name);
}

static bool is_bound(const char *name) {
    return strcmp(name, "lower") == 0 || strcmp(name, "upper") == 0;
}

static double *bound_of(AttackParams *params, const char *name) {
    return *name == 'l' ? &params->lower : &params->upper;
}

/* Check the value at `value`, which the object option `name` gets, and keep it in the box or in the
 * table at `held`. */
static void take_object(lua_State *L, AttackBox *box, const char *name, int held, int value) {
    int top = lua_gettop(L);
    bool number = lua_type(L, value) == LUA_TNUMBER;
    if (strcmp(name, "seed") == 0) {
        box->params.seed =
            (uint64_t)bind_integer(L, value, box->where, name, LUA_MININTEGER, LUA_MAXINTEGER);
        box->seeded = true;
    } else if (is_bound(name) && number) {
        *bound_of(&box->params, name) = lua_tonumber(L, value);
        lua_pushnil(L);
        lua_setfield(L, held, name);
    } else if (is_bound(name)) {
        read_bound(L, box->where, name, held, value);
    } else {
        if (strcmp(name, "model") == 0)
            bind_check_model(L, value, box->where, name);
        else if (strcmp(name, "start_from") == 0)
            bind_check_samples(L, value, box->where, name);
        else if (number)
            bind_integer(L, value, box->where, name, INT32_MIN, INT32_MAX);
        else
            bind_to_array(L, value, box->where, name, DTYPE_I32);
        lua_pushvalue(L, value);
        lua_setfield(L, held, name);
    }
    lua_settop(L, top);
}

/* Every option of the table at `options` into the box and its table; what is there already stays.
 */
static void read_options(lua_State *L, int options, AttackBox *box, int held) {
    bind_fields(L, options, box->where, box->attack->fields, &box->params);
    for (const Field *field = box->attack->fields; field->name; field++) {
        if (field->kind == FIELD_OBJECT && bind_opt_push(L, options, field->name) != LUA_TNIL)
            take_object(L, box, field->name, held, lua_gettop(L));
        lua_settop(L, held > options ? held : options);
    }
}

static bool option_at(void *object, size_t i, FieldPlace *place) {
    const Field *field = ((AttackBox *)object)->attack->fields;
    while (i > 0 && field->name) {
        field++;
        i--;
    }
    return fields_place(field, object, "", place);
}

/* The object itself is at 1 wherever one option is read or set. */
static void read_object(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    (void)where;
    arg = lua_absindex(L, arg);
    lua_getiuservalue(L, 1, 1);
    take_object(L, place->object, place->field->name, lua_gettop(L), arg);
    lua_pop(L, 1);
}

static void push_object_option(lua_State *L, const FieldPlace *place) {
    AttackBox *box = place->object;
    const char *name = place->field->name;
    lua_getiuservalue(L, 1, 1);
    int type = lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (type != LUA_TNIL)
        return;
    lua_pop(L, 1);
    if (is_bound(name))
        lua_pushnumber(L, *bound_of(&box->params, name));
    else if (strcmp(name, "seed") == 0 && box->seeded)
        lua_pushinteger(L, (lua_Integer)box->params.seed);
    else
        lua_pushnil(L);
}

static BindOptioned optioned(AttackBox *box) {
    static const BindOptions options = { option_at, read_object, push_object_option, NULL };
    return (BindOptioned){ &options, box, box->where };
}

static int option_names(lua_State *L) {
    const AttackBox *box = check_self(L, "options");
    lua_newtable(L);
    for (lua_Integer i = 0; box->attack->fields[i].name; i++) {
        lua_pushstring(L, box->attack->fields[i].name);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* ---- Objects ---- */

/* Push a new object with a table of its own, a copy of the one at `held` (0: empty). */
static AttackBox *push_object(lua_State *L, const AttackBox *like, int held) {
    void **slot = bind_new_box(L, &attack_type);
    AttackBox *box = malloc(sizeof *box);
    if (!box)
        luaL_error(L, "%s: out of memory", like->where);
    *box = *like;
    box->starts = NULL;
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
    AttackBox fresh = { .attack = attack, .params = attack->params };
    snprintf(fresh.where, sizeof fresh.where, "attack.%s", attack->name);
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
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    AttackBox *box = push_object(L, self, 3);
    lua_getiuservalue(L, 4, 1);
    read_options(L, 2, box, 5);
    lua_settop(L, 4);
    return 1;
}

/* a:set{ dmax = 3 }: the object itself. */
static int attack_set(lua_State *L) {
    BindOptioned self = optioned(check_self(L, "set"));
    bind_set_options(L, &self, 2);
    lua_settop(L, 1);
    return 1;
}

/* a:get("dmax") */
static int attack_get(lua_State *L) {
    BindOptioned self = optioned(check_self(L, "get"));
    bind_get_option(L, &self, 2);
    return 1;
}

static int attack_index(lua_State *L) {
    AttackBox *box = check_self(L, "attack");
    BindOptioned self = optioned(box);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (luaL_getmetafield(L, 1, "methods") != LUA_TNIL && lua_getfield(L, -1, name) != LUA_TNIL)
        return 1;
    lua_settop(L, 2);
    if (strcmp(name, "name") == 0)
        lua_pushstring(L, box->attack->name);
    else if (!bind_push_option(L, &self, 2))
        return bind_missing(L, (const char *const[]){ "name", NULL });
    return 1;
}

/* Back to the default. */
static void clear_option(lua_State *L, AttackBox *box, const char *name) {
    const Field *field = fields_find(box->attack->fields, name);
    if (field && field->kind != FIELD_OBJECT)
        field_copy(field, &box->params, &box->attack->params);
    else if (is_bound(name))
        *bound_of(&box->params, name) = *bound_of((AttackParams *)&box->attack->params, name);
    else if (strcmp(name, "seed") == 0)
        box->seeded = false;
    lua_getiuservalue(L, 1, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

/* a.dmax = 3; nil: the default again. */
static int attack_newindex(lua_State *L) {
    AttackBox *box = check_self(L, "attack");
    BindOptioned self = optioned(box);
    lua_settop(L, 3);
    if (lua_isnil(L, 3) && lua_type(L, 2) == LUA_TSTRING &&
        attack_uses(box->attack, lua_tostring(L, 2)))
        clear_option(L, box, lua_tostring(L, 2));
    else
        bind_set_option(L, &self, 2, 3);
    return 0;
}

/* ---- Printing ---- */

/* Push ", eta 0.1" or nothing for an option that says nothing; returns how many were pushed. */
static int push_field_text(lua_State *L, const Field *field, const AttackParams *params) {
    Value value = field_get(field, params);
    char number[32];
    switch (value.kind) {
    case VALUE_WORD:
        if (strcmp(field->name, "norm") == 0)
            lua_pushfstring(L, " %s", value.word);
        else if (strcmp(field->name, "step") == 0)
            lua_pushfstring(L, ", %s steps", value.word);
        else if (params->objective == 0)
            return 0; /* the only other word */
        else
            lua_pushfstring(L, ", %s %s", field->name, value.word);
        return 1;
    case VALUE_BOOLEAN:
        if (value.truth)
            lua_pushfstring(L, ", %s kept", field->name);
        return value.truth;
    case VALUE_NUMBER:
        if (value.number[0] == 0 && strcmp(field->name, "restarts") == 0)
            return 0;
        snprintf(number, sizeof number, "%g", value.number[0]);
        lua_pushfstring(L, ", %s %s", field->name, number);
        return 1;
    default:
        return 0;
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
    luaL_checkstack(L, 64, NULL);
    lua_pushfstring(L, "%s:", box->where);
    int pieces = 1;
    for (const Field *field = box->attack->fields; field->name; field++)
        pieces += push_field_text(L, field, &params);
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

/* The start points of a double start into the task. */
static void read_start(lua_State *L, int options, int held, AttackBox *box, AttackTask *task) {
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
    if (!box->starts && !(box->starts = start_scores_new()))
        luaL_error(L, "%s: out of memory", box->where);
    task->start = (AttackStart){ start.x, start.n, box->starts };
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
    bool random = box->params.restarts > 0 || box->attack->draws;
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

static const Field run_fields[] = {
    { "y", FIELD_OBJECT, .type = "integer|array", .initial = "the dataset's",
      .meaning = "true labels" },
    { "target", FIELD_OBJECT, .type = "integer|array", .initial = "the attack's",
      .meaning = "the label that the samples shall get, or one for each" },
    { "model", FIELD_OBJECT, .type = "model", .initial = "the attack's",
      .meaning = "what is attacked" },
    { "start_from", FIELD_OBJECT, .type = "dataset|array", .initial = "the attack's",
      .meaning = "the points of a double start" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the attack's",
      .meaning = "of the random points" },
    { .name = NULL },
};

/* a:run(samples [, { y =, target =, model =, start_from =, seed = }]) → a result. */
static int attack_run_call(lua_State *L) {
    AttackBox *box = check_self(L, "run");
    lua_settop(L, 3);
    luaL_checkstack(L, 40, NULL);
    bind_fields(L, 3, box->where, run_fields, NULL);
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
    read_start(L, options, held, box, &task);
    return bind_run_attack(L, box->attack, &params, &task);
}

/* ---- The library ---- */

/* Into the table on top, and what it takes to the help. */
static void add_constructor(lua_State *L, const Attack *attack) {
    char name[48];
    lua_pushlightuserdata(L, (void *)attack);
    lua_pushcclosure(L, construct, 1);
    lua_setfield(L, -2, attack->name);
    snprintf(name, sizeof name, "attack.%s", attack->name);
    Described described = { .name = name,
                            .summary = attack->summary,
                            .example = attack->example,
                            .result = "attack",
                            .gives = "an object whose options can be read and set; :run(samples) "
                                     "attacks",
                            .see = "attack:run",
                            .fields = { attack->fields, &attack->params } };
    bind_describe_options(L, &described);
}

int open_attack(lua_State *L) {
    static const luaL_Reg methods[] = { { "run", attack_run_call },
                                        { "with", attack_with },
                                        { "set", attack_set },
                                        { "get", attack_get },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__index", attack_index },
                                     { "__newindex", attack_newindex },
                                     { "__tostring", attack_tostring },
                                     { BIND_OPTION_NAMES, option_names },
                                     { NULL, NULL } };
    bind_new_type(L, &attack_type, methods, meta);
    lua_pop(L, 1);
    bind_open_attack_result(L);
    bind_describe_options(L, &(Described){ .name = "attack:run", .fields = { run_fields, NULL } });
    lua_newtable(L);
    for (size_t i = 0; attack_table[i]; i++)
        add_constructor(L, attack_table[i]);
    return 1;
}
