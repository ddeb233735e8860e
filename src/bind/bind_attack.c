/* bind_attack.c — the library `attack`: a constructor for every attack of the table, and runs.
 *
 * An attack object is a box with the numbers (AttackParams); options that are objects (the model,
 * the start points, bounds, targets, the seed) are in the table that is the box's user value, and a
 * run's own take their place in a copy of it. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/judge.h"
#include "attack/start_scores.h"
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_attack_parts.h"
#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/nan.h"
#include "core/session.h"
#include "mpi/ranks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct AttackBox {
    AttackParams params; /* first: the attack's fields are its */
    const Attack *attack;
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

/* In the table that goes with an attack written in Lua, beside its options. */
enum { HELD_DEFINITION = 1 };

/* ---- Options --------------------------------------------------------------------------------- */

static bool is_target_word(lua_State *L, int value) {
    if (lua_type(L, value) != LUA_TSTRING)
        return false;
    const char *word = lua_tostring(L, value);
    return strcmp(word, "nearest") == 0 || strcmp(word, "each") == 0;
}

/* Stages that the list at `list` has, into the parameters. */
static void read_stages(lua_State *L, int list, const char *where, AttackParams *params) {
    char name[96], got[128];
    if (!lua_istable(L, list))
        bind_expected(L, list, where, "stages", "a list of tables");
    size_t count = (size_t)lua_rawlen(L, list);
    if (count < 1 || count > HALVING_STAGES)
        bind_error(L, "%s: stages: expected 1 to %d of them, got %d", where, HALVING_STAGES,
                   (int)count);
    for (size_t s = 0; s < count; s++) {
        HalvingStage *stage = &params->stage[s];
        *stage = *(const HalvingStage *)halving_stage_fields.initial;
        snprintf(name, sizeof name, "%s: stages: number %zu", where, s + 1);
        if (lua_rawgeti(L, list, (lua_Integer)s + 1) != LUA_TTABLE)
            bind_error(L, "%s: expected a table, got %s", name, bind_describe(L, -1, got));
        bind_fields(L, lua_gettop(L), name, halving_stage_fields.field, stage);
        lua_pop(L, 1);
    }
    params->stages = (int)count;
}

/* Push a copy of the list at `list` of tables, which have been looked at. */
static void push_stages(lua_State *L, int list, const char *where) {
    AttackParams params;
    read_stages(L, list, where, &params);
    lua_createtable(L, params.stages, 0);
    for (int s = 1; s <= params.stages; s++) {
        lua_rawgeti(L, list, s);
        bind_push_copy(L, -1);
        lua_rawseti(L, -3, s);
        lua_pop(L, 1);
    }
}

/* Of the array on top. One below 1 would make kernels narrower: then there is nothing to see. */
static void check_divisors(lua_State *L, const char *where, const char *name) {
    const Array *divisors = bind_test_array(L, -1);
    size_t count = array_size(divisors);
    if (count == 0)
        bind_error(L, "%s: %s: expected one number at least", where, name);
    for (size_t i = 0; i < count; i++)
        if (!(array_f32(divisors)[i] >= 1 && array_f32(divisors)[i] <= 1e6F))
            bind_error(L, "%s: %s: expected numbers from 1 to 1e6, got %f", where, name,
                       nan_unsigned((double)array_f32(divisors)[i]));
}

/* Are those of the array on top within the field's range, if it has one? */
static void check_whole(lua_State *L, const char *where, const Field *field) {
    const Array *numbers = bind_test_array(L, -1);
    for (size_t i = 0; field->low < field->high && i < array_size(numbers); i++) {
        double one = array_i32(numbers)[i];
        if (!(one >= field->low && one <= field->high))
            bind_error(L, "%s: %s: expected integers of %d or more, got %d", where, field->name,
                       (int)field->low, (int)one);
    }
}

/* Push the dmax at `value`: a number, or float64 for each sample. */
static void push_radii(lua_State *L, int value, const char *where, const char *name) {
    FieldPlace place = { .field = &attack_radius };
    Value number = bind_value(L, value);
    snprintf(place.name, sizeof place.name, "%s", name);
    if (!lua_istable(L, value) && !bind_test_array(L, value)) {
        bind_field_set(L, value, where, &place);
        bind_push_value(L, &number);
        return;
    }
    const Array *radii = bind_to_kept_array(L, value, where, name, DTYPE_F64);
    for (size_t i = 0; i < array_size(radii); i++) {
        char text[VALUE_TEXT];
        Value radius = value_number(array_f64(radii)[i]);
        if (!(radius.number[0] >= 0))
            bind_error(L, "%s: %s: expected numbers of 0 or more, got %s for sample %d", where,
                       name, value_text(&radius, text), (int)i + 1);
    }
}

/* May a function stand there, by itself or in the place of a word? */
static bool takes_function(const Field *field) {
    return field->type && strcmp(field->type, ATTACK_FUNCTION_TYPE) == 0;
}

static bool is_whole(const Field *field) {
    return strncmp(field->type, "integer|array", strlen("integer|array")) == 0;
}

/* Push the numbers at `value`. Bytes stand for other floats in samples than by themselves. */
static void push_numbers(lua_State *L, int value, const char *where, const Field *field) {
    const Array *given = bind_test_array(L, value);
    DType dtype = is_whole(field) ? DTYPE_I32 : DTYPE_F32;
    if (given && given->dtype == DTYPE_U8 && dtype == DTYPE_F32)
        bind_expected(L, value, where, field->name, "floats (of pixels in bytes x / 255)");
    bind_to_kept_array(L, value, where, field->name, dtype);
}

/* Push a name, or a copy of a list of some. */
static void push_layers(lua_State *L, int value, const char *where, const char *name) {
    bool fits = lua_type(L, value) == LUA_TSTRING;
    if (lua_type(L, value) == LUA_TTABLE) {
        size_t count = lua_rawlen(L, value);
        fits = count > 0;
        for (size_t i = 1; i <= count; i++, lua_pop(L, 1))
            fits = lua_rawgeti(L, value, (lua_Integer)i) == LUA_TSTRING && fits;
    }
    if (!fits)
        bind_expected(L, value, where, name, "a layer's name, or a list of some");
    if (lua_istable(L, value))
        bind_push_copy(L, value);
    else
        lua_pushvalue(L, value);
}

/* Check the value at `value` of an object option, and push what is kept of it: of an array or a
 * table of numbers a read-only array, else itself. */
static void push_kept(lua_State *L, int value, const char *where, const Field *field) {
    int top = lua_gettop(L);
    bool number = lua_type(L, value) == LUA_TNUMBER;
    const char *type = field->type, *name = field->name;
    bool whole = is_whole(field);
    value = lua_absindex(L, value);
    if (takes_function(field)) {
        if (!lua_isfunction(L, value))
            bind_expected(L, value, where, name, "a function");
        lua_pushvalue(L, value);
        return;
    }
    if (strcmp(type, "table[]") == 0) {
        push_stages(L, value, where);
        return;
    }
    if (strcmp(type, ATTACK_LAYERS_TYPE) == 0) {
        push_layers(L, value, where, name);
        return;
    }
    if (strcmp(type, "dataset") == 0) {
        bind_check_dataset(L, value, where, name);
        lua_pushvalue(L, value);
        return;
    }
    if (strcmp(type, ATTACK_DMAX_TYPE) == 0) {
        push_radii(L, value, where, name);
        return;
    }
    const AttackResult *start = bind_test_attack_result(L, value);
    if (start && strcmp(type, ATTACK_START_TYPE) == 0) {
        bind_push_shared(L, &start->x_adv);
        return;
    }
    if (strcmp(type, ATTACK_TARGET_TYPE) == 0 && is_target_word(L, value)) {
        lua_pushvalue(L, value);
        return;
    }
    if (strcmp(type, "model") == 0)
        bind_check_model(L, value, where, name);
    else if (strcmp(type, "dataset|array") == 0 || strcmp(type, ATTACK_START_TYPE) == 0)
        bind_check_samples(L, value, where, name);
    else if (strcmp(type, "integer") == 0)
        bind_integer(L, value, where, name, LUA_MININTEGER, LUA_MAXINTEGER);
    else if (number && whole)
        bind_integer(L, value, where, name,
                     field->low < field->high ? (lua_Integer)field->low : INT32_MIN, INT32_MAX);
    lua_settop(L, top);
    bool samples = strcmp(type, "dataset|array") == 0 || strcmp(type, ATTACK_START_TYPE) == 0;
    if ((number && strcmp(type, "number[]") != 0) || strcmp(type, "model") == 0 ||
        (samples && bind_test_dataset(L, value)))
        lua_pushvalue(L, value);
    else
        push_numbers(L, value, where, field);
    if (strcmp(type, "number[]") == 0)
        check_divisors(L, where, name);
    else if (whole && bind_test_array(L, -1))
        check_whole(L, where, field);
}

/* The options that are objects from the table at `options` into the one on top of the stack. */
static void keep_objects(lua_State *L, int options, const char *where, const Field *field) {
    int held = lua_gettop(L);
    for (; field->name; field++, lua_settop(L, held))
        if (field->kind == FIELD_OBJECT && bind_opt_push(L, options, field->name) != LUA_TNIL) {
            push_kept(L, -1, where, field);
            lua_setfield(L, held, field->name);
        }
}

/* The words' functions from the table at `options` into the one on top of the stack; a word there
 * takes one out. Where a function stands the word is the first. */
static void keep_functions(lua_State *L, int options, const Field *field, void *object) {
    for (; field->name; field++) {
        if (field->kind != FIELD_WORD || !takes_function(field))
            continue;
        int type = bind_opt_push(L, options, field->name);
        if (type == LUA_TFUNCTION)
            *(int *)(void *)((char *)object + field->offset) = 0;
        else if (type != LUA_TNIL)
            lua_pushnil(L);
        if (type == LUA_TNIL)
            lua_pop(L, 1);
        else
            lua_setfield(L, type == LUA_TFUNCTION ? -2 : -3, field->name);
        if (type != LUA_TNIL && type != LUA_TFUNCTION)
            lua_pop(L, 1);
    }
}

/* Push a copy of the table that goes with the attack at 1. */
static void push_held(lua_State *L) {
    lua_getiuservalue(L, 1, 1);
    bind_push_copy(L, -1);
    lua_remove(L, -2);
}

static bool option_at(void *object, size_t i, FieldPlace *place) {
    const Field *field = ((AttackBox *)object)->attack->fields;
    for (; i > 0 && field->name; i--)
        field++;
    return fields_place(field, object, "", place);
}

static const char *where_of(const void *box) {
    return ((const AttackBox *)box)->where;
}

static const void *initial_of(const void *box) {
    return &((const AttackBox *)box)->attack->params;
}

static const BindOptions attack_options = { option_at, where_of, initial_of, NULL };

/* A word where no function stands, or nil, which gives the default again. */
static void read_word(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    if (!lua_isnil(L, arg))
        bind_field_set(L, arg, where, place);
    else if (place->object)
        field_copy(place->field, place->object, initial_of(place->object));
}

/* Nil takes the option away. */
static void read_object(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    bool word = place->field->kind == FIELD_WORD;
    lua_getiuservalue(L, 1, 1);
    if (word && !lua_isfunction(L, arg))
        read_word(L, place, arg, where);
    else if (word && place->object)
        *(int *)(void *)((char *)place->object + place->field->offset) = 0;
    if (lua_isnil(L, arg) || (word && !lua_isfunction(L, arg)))
        lua_pushnil(L);
    else
        push_kept(L, arg, where, place->field);
    if (place->object)
        lua_setfield(L, -2, place->field->name);
}

static void push_default_stages(lua_State *L, const AttackParams *params) {
    lua_createtable(L, params->stages, 0);
    for (int s = 0; s < params->stages; s++) {
        lua_newtable(L);
        for (const Field *field = halving_stage_fields.field; field->name; field++) {
            Value value = field_get(field, &params->stage[s]);
            bind_push_value(L, &value);
            lua_setfield(L, -2, field->name);
        }
        lua_rawseti(L, -2, s + 1);
    }
}

static void push_object_option(lua_State *L, const FieldPlace *place) {
    const AttackParams *params = place->object;
    const char *name = place->field->name;
    lua_getiuservalue(L, 1, 1);
    if (lua_getfield(L, -1, name) == LUA_TNIL && place->field->kind == FIELD_WORD) {
        Value value = field_get(place->field, params);
        bind_push_value(L, &value);
    } else if (lua_isnil(L, -1) && strcmp(place->field->type, "number|array") == 0)
        lua_pushnumber(L, *name == 'l' ? params->lower : params->upper);
    else if (lua_isnil(L, -1) && strcmp(place->field->type, "table[]") == 0)
        push_default_stages(L, params);
}

/* ---- Objects --------------------------------------------------------------------------------- */

/* Push a new object like this one, which has the table on top of the stack (and pops it), with the
 * options of the table at `options` besides. */
static AttackBox *push_object(lua_State *L, const AttackBox *like, int options) {
    void **slot = bind_new_box(L, &attack_type);
    AttackBox *box = malloc(sizeof *box);
    if (!box)
        bind_error(L, "%s: out of memory", like->where);
    *box = *like;
    box->starts = NULL;
    *slot = box;
    lua_insert(L, -2);
    bind_fields(L, options, box->where, box->attack->fields, &box->params);
    keep_objects(L, options, box->where, box->attack->fields);
    keep_functions(L, options, box->attack->fields, &box->params);
    lua_setiuservalue(L, -2, 1);
    return box;
}

/* attack.NAME{…} */
static int construct(lua_State *L) {
    const Attack *attack = bind_here(L)->data;
    AttackBox fresh = { .attack = attack, .params = attack->params };
    snprintf(fresh.where, sizeof fresh.where, "%s", bind_where(L));
    lua_settop(L, 1);
    lua_newtable(L);
    if (bind_push_definition(L, attack))
        lua_rawseti(L, 2, HELD_DEFINITION);
    push_object(L, &fresh, 1);
    return 1;
}

/* a:with{ dmax = 3 }: another attack, the same but for these. */
static int attack_with(lua_State *L) {
    const AttackBox *self = bind_self(L, &attack_type);
    lua_settop(L, 2);
    push_held(L);
    push_object(L, self, 2);
    return 1;
}

bool bind_push_attack_spec(lua_State *L, int arg) {
    const AttackBox *box = bind_test(L, arg, &attack_type);
    if (!box || !bind_push_definition(L, box->attack))
        return false;
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
    return true;
}

static void push_name(lua_State *L, const void *box) {
    lua_pushstring(L, ((const AttackBox *)box)->attack->name);
}

static void push_minimal(lua_State *L, const void *box) {
    lua_pushboolean(L, ((const AttackBox *)box)->attack->minimal);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Bounds that stand in the table at `held`, into the parameters. */
static void read_bounds(lua_State *L, int held, AttackParams *params) {
    if (lua_getfield(L, held, "lower") == LUA_TNUMBER)
        params->lower = lua_tonumber(L, -1);
    else
        params->lower_each = bind_test_array(L, -1);
    if (lua_getfield(L, held, "upper") == LUA_TNUMBER)
        params->upper = lua_tonumber(L, -1);
    else
        params->upper_each = bind_test_array(L, -1);
    lua_pop(L, 2);
}

/* A dmax that stands there. */
static void read_dmax(lua_State *L, int held, AttackParams *params) {
    if (lua_getfield(L, held, "dmax") == LUA_TNUMBER)
        params->dmax = lua_tonumber(L, -1);
    else
        params->dmax_each = bind_test_array(L, -1);
    lua_pop(L, 1);
}

static void read_direction(lua_State *L, int held, const char *where, AttackParams *params) {
    lua_getfield(L, held, "smoothing");
    params->smoothing = bind_test_array(L, -1);
    if (lua_getfield(L, held, "stages") == LUA_TTABLE)
        read_stages(L, lua_gettop(L), where, params);
    lua_pop(L, 2);
}

/* What they are in stays on the stack. */
static void push_queries(lua_State *L, int held, const char *where, AttackParams *params) {
    if (lua_getfield(L, held, "max_queries") != LUA_TNIL)
        params->max_queries = bind_to_array(L, -1, where, "max_queries", DTYPE_I32);
}

/* What lua/perigee/attack.lua prints: "attack.pgd_exp: l2, dmax 2, eta 0.1, …" */
static int attack_words(lua_State *L) {
    const AttackBox *box = bind_check(L, 1, &attack_type, "tostring", "self");
    AttackParams params = box->params;
    char text[ATTACK_TEXT];
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    read_bounds(L, 2, &params);
    read_dmax(L, 2, &params);
    read_direction(L, 2, box->where, &params);
    push_queries(L, 2, box->where, &params);
    lua_pushstring(L, attack_text(box->attack, &params, text));
    return 1;
}

/* The labels that `held` has under that name as n int32, or NULL; one number serves for all. What
 * they are in stays on the stack. */
static const int32_t *push_labels(lua_State *L, int held, const char *name, size_t n) {
    bool one = lua_getfield(L, held, name) == LUA_TNUMBER;
    if (lua_isnil(L, -1))
        return NULL;
    const Array *labels = bind_to_array(L, -1, "attack", name, DTYPE_I32);
    if (!one && array_size(labels) != n)
        bind_error(L, "attack: %s: expected one label for each of %d samples, got %d", name, (int)n,
                   (int)array_size(labels));
    int32_t *each = lua_newuserdatauv(L, (n + 1) * sizeof *each, 0);
    for (size_t i = 0; i < n; i++)
        each[i] = array_i32(labels)[one ? 0 : i];
    return each;
}

/* By the word that `held` has for its target, if it is one. */
static TargetRule target_rule(lua_State *L, int held) {
    bool word = lua_getfield(L, held, "target") == LUA_TSTRING;
    TargetRule rule = !word                                      ? TARGET_ANY
                      : strcmp(lua_tostring(L, -1), "each") == 0 ? TARGET_EACH
                                                                 : TARGET_NEAREST;
    lua_pop(L, 1);
    return rule;
}

/* The points on top of the stack, one for each of the task's samples. */
static const float *check_points(lua_State *L, const char *where, const char *name,
                                 const AttackTask *task) {
    int at = lua_gettop(L);
    BindSamples points = bind_check_samples(L, at, where, name);
    bind_check_layout(L, at, task->model, where);
    if (points.n != task->n || points.features != task->features)
        bind_error(
            L, "%s: %s: expected a point for each of %d samples of %d features, got %d of %d",
            where, name, (int)task->n, (int)task->features, (int)points.n, (int)points.features);
    return points.x;
}

/* The gradient of a model as it is knows no wider kernels: nothing would come of asking for them.
 */
static void check_smoothing(lua_State *L, int held, const AttackBox *box) {
    bool own = lua_getfield(L, held, "direction") == LUA_TFUNCTION;
    lua_pop(L, 1);
    lua_getfield(L, held, "smoothing");
    const Array *divisors = bind_test_array(L, -1);
    bool applies = box->params.direction != DIRECTION_GRADIENT;
    for (size_t i = 0; divisors && !applies && i < array_size(divisors); i++)
        if (array_f32(divisors)[i] != 1)
            bind_error(L,
                       "%s: smoothing: %s takes no wider kernels; give direction = \"smooth\" or "
                       "\"log\"%s",
                       box->where, own ? "a direction of one's own" : "the direction \"gradient\"",
                       own ? "" : " as well");
    lua_pop(L, 1);
}

/* The start points of a double start into the task. */
static void read_start(lua_State *L, int held, AttackBox *box, AttackTask *task) {
    if (lua_getfield(L, held, "start_from") == LUA_TNIL)
        return;
    if (!attack_uses(box->attack, "start_from"))
        bind_error(L, "%s: start_from: this attack has no double start", box->where);
    int start_at = lua_gettop(L);
    BindSamples start = bind_check_samples(L, start_at, box->where, "start_from");
    bind_check_layout(L, start_at, task->model, box->where);
    if (start.features != task->features)
        bind_error(L, "%s: start_from: its samples have %d features, those attacked %d", box->where,
                   (int)start.features, (int)task->features);
    if (start.n == 0)
        return;
    if (!box->starts && !(box->starts = start_scores_new()))
        bind_error(L, "%s: out of memory", box->where);
    task->start = (AttackStart){ start.x, start.n, box->starts };
}

/* The seed: the run's, the object's, or one drawn from the session where the run is random. */
static uint64_t seed_of(lua_State *L, int held, const AttackBox *box) {
    if (lua_getfield(L, held, "seed") != LUA_TNIL)
        return (uint64_t)lua_tointeger(L, -1);
    bool random = box->params.restarts > 0 || box->attack->draws;
    return random ? session_draw() : session_seed();
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

/* A model written in Lua, or with a part that is, is looked at first (lua/perigee/attack.lua): is
 * its gradient that of its scores? */
static void look(lua_State *L, int model, int samples) {
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.look");
    lua_pushvalue(L, model);
    lua_pushvalue(L, samples);
    lua_call(L, 2, 0);
}

/* The direction of attack.matching (lua/perigee/matching.lua) into the run's table. */
static void set_matching(lua_State *L, int held, int model) {
    bind_push_half(L, "perigee.matching", "direction");
    lua_pushvalue(L, model);
    lua_getfield(L, held, "layers");
    lua_getfield(L, held, "guides");
    lua_call(L, 3, 1);
    lua_setfield(L, held, "direction");
}

/* Have other ranks do groups of a large set (attack.h), where there are any
 * (lua/perigee/spread.lua): has the result been pushed? */
static bool spread(lua_State *L, int held, const AttackTask *task, uint64_t seed) {
    if (ranks_count() == 1 || task->n <= ATTACK_GROUP)
        return false;
    bind_push_half(L, "perigee.spread", "run");
    for (int i = 1; i <= 3; i++)
        lua_pushvalue(L, i);
    lua_pushinteger(L, (lua_Integer)seed);
    lua_pushboolean(L, lua_getfield(L, held, "on_step") != LUA_TNIL);
    lua_remove(L, -2);
    lua_call(L, 5, 1);
    return !lua_isnil(L, -1);
}

/* a:run(samples [, { y =, target =, model =, dmax =, start =, start_from =, seed =, on_step = }]) →
 * a result. */
static int run(lua_State *L, AttackBox *box, bool looks) {
    const int options = 3, held = 4, model_value = 5;
    lua_settop(L, 3);
    luaL_checkstack(L, 40, NULL);
    bind_fields(L, options, box->where, attack_run_fields.field, NULL);
    push_held(L);
    keep_objects(L, options, box->where, attack_run_fields.field);
    if (lua_getfield(L, held, "model") == LUA_TNIL)
        return bind_error(L, "%s: no model: give one as model = … here or in %s{…}", box->where,
                          box->where);
    Model *model = bind_check_model(L, model_value, box->where, "model");
    BindSamples samples = bind_check_samples(L, 2, box->where, "samples");
    bind_check_layout(L, 2, model, box->where);
    look(L, model_value, 2);
    AttackTask task = task_of(&samples, model);
    check_smoothing(L, held, box);
    AttackParams params = box->params;
    params.seed = seed_of(L, held, box);
    const int32_t *y = push_labels(L, held, "y", samples.n);
    task.y = y ? y : task.y;
    task.rule = target_rule(L, held);
    task.target = task.rule == TARGET_ANY ? push_labels(L, held, "target", samples.n) : NULL;
    read_bounds(L, held, &params);
    read_dmax(L, held, &params);
    read_direction(L, held, box->where, &params);
    push_queries(L, held, box->where, &params);
    read_start(L, held, box, &task);
    if (lua_getfield(L, held, "surrogate") != LUA_TNIL)
        params.surrogate = bind_check_model(L, lua_gettop(L), box->where, "surrogate");
    if (!looks && spread(L, held, &task, params.seed))
        return 1;
    if (box->attack == &attack_matching)
        set_matching(L, held, model_value);
    params.parts = bind_push_attack_parts(L, held, box->where);
    if (lua_getfield(L, held, "start") != LUA_TNIL)
        task.begin = check_points(L, box->where, "start", &task);
    if (lua_rawgeti(L, held, HELD_DEFINITION) != LUA_TNIL)
        params.custom =
            bind_push_attack_step(L, &(BindRun){ box->attack, &params, lua_gettop(L), held });
    return bind_run_attack(L, &(AttackRun){ box->attack, &params, &task, looks });
}

static int attack_run_call(lua_State *L) {
    return run(L, bind_self(L, &attack_type), false);
}

/* look(attack, samples, options) → the result of such a run that was interrupted at once. */
static int attack_look(lua_State *L) {
    return run(L, bind_check(L, 1, &attack_type, "look", "attack"), true);
}

/* know_starts(attack, scores): its model's scores of its start_from, which its runs need not ask
 * for then. */
static int attack_know_starts(lua_State *L) {
    const int held = 3;
    AttackBox *box = bind_check(L, 1, &attack_type, "know_starts", "attack");
    lua_settop(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, held, "model");
    Model *model = bind_check_model(L, lua_gettop(L), box->where, "model");
    AttackTask task = { .model = model, .features = model->features };
    read_start(L, held, box, &task);
    const StartPoints points = {
        model, model, { task.start.x, task.start.n, task.features, box->where }, NULL
    };
    const Array *scores = bind_to_array(L, 2, box->where, "scores", DTYPE_F64);
    Error err;
    if (array_size(scores) != points.points.n * model_columns(model))
        return bind_error(L, "%s: these are not the scores of start_from", box->where);
    if (box->starts && !start_scores_know(box->starts, &points, array_f64(scores), &err))
        return bind_raise(L, &err);
    return 0;
}

/* seed(attack) → the seed of its next run where none is given. */
static int attack_seed(lua_State *L) {
    const AttackBox *box = bind_check(L, 1, &attack_type, "seed", "attack");
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_pushinteger(L, (lua_Integer)seed_of(L, 2, box));
    return 1;
}

/* ---- Points from elsewhere ------------------------------------------------------------------- */

/* Judge by the options at 1: points, or without any samples where they are. */
static int judge(lua_State *L, const char *where, bool points) {
    const int options = 1, held = 2;
    const Field *fields = judge_fields.field;
    Judge judge = *(const Judge *)judge_fields.initial;
    lua_settop(L, 1);
    luaL_checkstack(L, 40, NULL);
    bind_fields(L, options, where, fields, &judge);
    judge.where = where;
    lua_newtable(L);
    keep_objects(L, options, where, fields);
    keep_functions(L, options, fields, &judge.params);
    judge.params.parts = bind_push_attack_parts(L, held, where);
    lua_getfield(L, held, "model");
    Model *model = bind_check_model(L, lua_gettop(L), where, "model");
    lua_getfield(L, held, "x0");
    int samples_at = lua_gettop(L);
    BindSamples samples = bind_check_samples(L, samples_at, where, "x0");
    bind_check_layout(L, samples_at, model, where);
    AttackTask task = task_of(&samples, model);
    lua_getfield(L, held, "x_adv");
    const float *x_adv = points ? check_points(L, where, "x_adv", &task) : task.x;
    const int32_t *y = push_labels(L, held, "y", samples.n);
    task.y = y ? y : task.y;
    if (points && !task.y)
        bind_expected(L, -1, where, "y", "the true labels, for x0 is no dataset");
    task.target = push_labels(L, held, "target", samples.n);
    read_bounds(L, held, &judge.params);
    read_dmax(L, held, &judge.params);
    return bind_judge_attack(L, &judge, &task, x_adv);
}

/* attack.judge{ model =, x0 =, x_adv =, y =, … } → a result of points from anywhere. */
static int judge_points(lua_State *L) {
    return judge(L, bind_where(L), true);
}

/* What lua/perigee/ensemble.lua starts from: start({ model =, x0 =, … }, where) → a result of the
 * samples where they are. Labels that are not given are the model's own best ones. */
static int judge_start(lua_State *L) {
    char where[64];
    snprintf(where, sizeof where, "%s", luaL_checkstring(L, 2));
    return judge(L, where, false);
}

/* ---- The library ----------------------------------------------------------------------------- */

void bind_add_attack(lua_State *L, const Attack *attack) {
    static const BindObject object = { read_object, push_object_option };
    bind_set_described(
        L, &(BindFunction)BIND_AS(attack->name, construct, 1, attack),
        &(Described){ "attack.",
                      attack->summary,
                      attack->example,
                      "attack",
                      "an object whose options can be read and set; :run(samples) attacks",
                      NULL,
                      "attack:run",
                      { attack->fields, &attack->params } });
    for (const Field *field = attack->fields; field->name; field++)
        if (field->kind == FIELD_OBJECT || takes_function(field))
            bind_object_field(L, field, &object);
}

int open_attack(lua_State *L) {
    static const BindFunction methods[] = { BIND_WITH("run", attack_run_call, 3,
                                                      &attack_run_fields),
                                            BIND("with", attack_with, 2), BIND_LAST };
    static const BindProperty properties[] = { BIND_PROPERTY("name", push_name),
                                               BIND_PROPERTY("minimal", push_minimal), BIND_LAST };
    static const luaL_Reg meta[] = { { "words", attack_words },
                                     { "start", judge_start },
                                     { "look", attack_look },
                                     { "seed", attack_seed },
                                     { "know_starts", attack_know_starts },
                                     { "define", bind_define_attack },
                                     { NULL, NULL } };
    static const BindType type = { .box = &attack_type,
                                   .like = &bind_with_options,
                                   .methods = methods,
                                   .properties = properties,
                                   .options = &attack_options,
                                   .meta = meta };
    bind_new_type(L, &type);
    lua_pushinteger(L, ATTACK_GROUP);
    lua_setfield(L, -2, "group");
    lua_pop(L, 1);
    bind_open_attack_result(L);
    bind_open_attack_define(L);
    lua_newtable(L);
    bind_set_described(
        L, &(BindFunction)BIND("judge", judge_points, 1),
        &(Described){ "attack.", .group = "Results", .see = "result", .fields = judge_fields });
    for (size_t i = 0; attack_table[i]; i++)
        bind_add_attack(L, attack_table[i]);
    return 1;
}
