/* bind_attack_result.c — results of attacks in Lua.
 *
 * Always a batch of n: r[i] is a result of one sample. Arrays are read-only views of the result's;
 * tables are new at each reading, so that nothing that is written there comes back. Lists with an
 * item a sample are made once. */
#include "bind/bind.h"
#include "attack/result_text.h"
#include "attack/worst.h"
#include "core/array.h"
#include "bind/bind_attack.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_samples.h"
#include "bind/versions.h"
#include "core/array_values.h"
#include "core/error.h"
#include "files/result_file.h"

#include <cjson/cJSON.h>
#include <string.h>

static void release(void *result) {
    result_free(result);
}

static const BoxType result_type = { .name = "perigee.result",
                                     .shown = "an attack's result",
                                     .release = release };

AttackResult *bind_test_attack_result(lua_State *L, int arg) {
    return bind_test(L, arg, &result_type);
}

int bind_push_attack_result(lua_State *L, AttackResult *result, const Error *err) {
    if (!result)
        return bind_raise(L, err);
    bind_box(L, &result_type, result);
    return 1;
}

/* Interrupted before it has begun, an attack only looks at the samples. */
static Progress progress_of(bool looks) {
    Progress progress = progress_new();
    progress.interrupted = looks;
    return progress;
}

int bind_run_attack(lua_State *L, const AttackRun *run) {
    void **slot = bind_new_box(L, &result_type);
    Progress progress;
    BIND_TRY_MAKE(L, *slot,
                  (progress = progress_of(run->looks),
                   attack_run(run->attack, run->params, run->task, &progress, &err)));
    bind_account(L, result_bytes(*slot));
    return 1;
}

int bind_judge_attack(lua_State *L, const Judge *judge, const AttackTask *task,
                      const float *x_adv) {
    void **slot = bind_new_box(L, &result_type);
    BIND_TRY_MAKE(L, *slot, attack_judge(judge, task, x_adv, &err));
    bind_account(L, result_bytes(*slot));
    return 1;
}

/* ---- Fields: arrays of the result, lists with an item a sample, and others --------------------
 */

static void push_verdict(lua_State *L, const AttackResult *result, size_t i) {
    lua_pushstring(L, verdict_name(result_verdict(result, i)));
}

static void push_start_verdict(lua_State *L, const AttackResult *result, size_t i) {
    lua_pushstring(L, verdict_name(result_start_verdict(result, i)));
}

static void push_stop(lua_State *L, const AttackResult *result, size_t i) {
    lua_pushstring(L, stop_name(array_i32(result->stop)[i]));
}

static void push_flat(lua_State *L, const AttackResult *result, size_t i) {
    result->gradient_end ? lua_pushboolean(L, result_flat(result, i)) : lua_pushnil(L);
}

static void push_hit(lua_State *L, const AttackResult *result, size_t i) {
    result->target ? lua_pushboolean(L, result_hit(result, i)) : lua_pushnil(L);
}

/* What a list has of each sample: what is pushed, or an array of the sample's trace. */
static const struct List {
    const char *name;
    void (*push)(lua_State *L, const AttackResult *result, size_t i);
    size_t offset; /* in Trace */
} lists[] = {
    { "verdict", push_verdict, 0 },
    { "start_verdict", push_start_verdict, 0 },
    { "stop", push_stop, 0 },
    { "hit", push_hit, 0 },
    { "flat", push_flat, 0 },
    { "loss", NULL, offsetof(Trace, loss) },
    { "trace", NULL, offsetof(Trace, scores) },
    { "trace_distance", NULL, offsetof(Trace, distance) },
    { "gradient_norm", NULL, offsetof(Trace, gradient_norm) },
    { "largest_kernel", NULL, offsetof(Trace, largest_kernel) },
    { "iterates", NULL, offsetof(Trace, iterates) },
};

/* The list that the key at 2 names; nil where the first sample has no such thing. */
static void push_list(lua_State *L, const void *object) {
    const AttackResult *result = object;
    const struct List *list = lists;
    while (strcmp(list->name, lua_tostring(L, 2)) != 0)
        list++;
    lua_createtable(L, (int)result->n, 0);
    for (size_t i = 0; i < result->n; i++) {
        if (list->push)
            list->push(L, result, i);
        else
            bind_push_shared(L, (char *)&result->trace[i] + list->offset);
        if (lua_isnil(L, -1))
            return;
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_evaluations(lua_State *L, const void *object) {
    const AttackResult *result = object;
    lua_createtable(L, 0, 2);
    bind_push_shared(L, &result->score_count);
    lua_setfield(L, -2, "scores");
    bind_push_shared(L, &result->gradient_count);
    lua_setfield(L, -2, "gradients");
}

static void push_shape(lua_State *L, const void *object) {
    const AttackResult *result = object;
    bind_push_sizes(L, result->sample_ndim, result->sample_shape);
}

/* Parameters as a table; those of a result of several list its parts, which have their own. */
static void push_described(lua_State *L, const cJSON *params) {
    const cJSON *parts = cJSON_GetObjectItemCaseSensitive(params, "parts"), *part;
    luaL_checkstack(L, 8, "params: parts are nested too deeply");
    bind_push_record(L, params);
    if (!cJSON_IsArray(parts))
        return;
    lua_newtable(L);
    cJSON_ArrayForEach(part, parts) {
        bind_push_record(L, part);
        bind_set_string(L, "name", cJSON_GetStringValue(cJSON_GetObjectItem(part, "name")));
        bind_set_string(L, "text", cJSON_GetStringValue(cJSON_GetObjectItem(part, "text")));
        push_described(L, cJSON_GetObjectItemCaseSensitive(part, "params"));
        lua_setfield(L, -2, "params");
        push_described(L, cJSON_GetObjectItemCaseSensitive(part, "options"));
        lua_setfield(L, -2, "options");
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    lua_setfield(L, -2, "parts");
}

static void push_params(lua_State *L, const void *object) {
    cJSON **params = bind_new_json_box(L);
    *params = cJSON_Parse(((const AttackResult *)object)->params);
    if (!*params)
        bind_error(L, "params: out of memory");
    push_described(L, *params);
    lua_remove(L, -2);
}

static void push_parts(lua_State *L, const void *object) {
    push_params(L, object);
    lua_getfield(L, -1, "parts");
    lua_remove(L, -2);
}

static void push_seed(lua_State *L, const void *object) {
    push_params(L, object);
    lua_getfield(L, -1, "seed");
    lua_remove(L, -2);
}

#define ARRAY(field) BIND_KEPT_MEMBER(#field, bind_push_shared, AttackResult, field)
#define LIST(field) BIND_KEPT(#field, push_list)
/* clang-format off */
static const BindProperty properties[] = {
    ARRAY(x0), ARRAY(x_adv), ARRAY(y), ARRAY(label), ARRAY(start_label), ARRAY(target),
    ARRAY(scores), ARRAY(start_scores), ARRAY(distance), ARRAY(dmax),
    LIST(loss), LIST(trace), LIST(trace_distance), LIST(gradient_norm),
    LIST(largest_kernel), LIST(iterates), ARRAY(kernel_end),
    LIST(verdict), LIST(start_verdict), LIST(stop), LIST(hit), LIST(flat),
    BIND_PROPERTY("evaluations", push_evaluations), BIND_PROPERTY("shape", push_shape),
    BIND_PROPERTY("params", push_params), BIND_PROPERTY("seed", push_seed),
    BIND_PROPERTY("parts", push_parts), ARRAY(source),
    BIND_MEMBER("classes", bind_push_labels, AttackResult, classes),
    BIND_MEMBER("rejects", bind_push_truth, AttackResult, rejects),
    BIND_MEMBER("attack", bind_push_text, AttackResult, attack),
    BIND_MEMBER("model", bind_push_text, AttackResult, model_kind),
    BIND_LAST,
};
/* clang-format on */

/* r[i] */
static int push_one(lua_State *L, void *object, lua_Integer i) {
    const AttackResult *result = object;
    if (i == (lua_Integer)result->n + 1)
        return 0; /* nil just past the end lets ipairs finish */
    size_t place = bind_place(L, "result", i, result->n);
    Error err;
    return bind_push_attack_result(L, result_pick(result, place, &err), &err);
}

static int push_some(lua_State *L, const AttackResult *result, const Places *places) {
    void **slot = bind_new_box(L, &result_type);
    BIND_TRY_MAKE(L, *slot, result_take(result, places->position, places->count, &err));
    bind_account(L, result_bytes(*slot));
    return 1;
}

/* r[{first, last}], r[mask], r[positions] */
static int push_chosen(lua_State *L, void *object) {
    const AttackResult *result = object;
    Places places;
    return bind_chosen_places(L, "result", result->n, &places) ? push_some(L, result, &places) : 0;
}

static int result_len(lua_State *L) {
    lua_pushinteger(L,
                    (lua_Integer)((AttackResult *)bind_check(L, 1, &result_type, "#", "self"))->n);
    return 1;
}

/* ---- Printing ---- */

static int result_tostring(lua_State *L) {
    const AttackResult *result = bind_check(L, 1, &result_type, "tostring", "self");
    char text[RESULT_TEXT];
    lua_pushstring(L, result_text(result, text));
    return 1;
}

/* ---- Several results ---- */

static const char *string_field(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    return luaL_checkstring(L, -1); /* the table keeps it */
}

static bool true_field(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    bool truth = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return truth;
}

/* Push memory for the parts that the list at 1 holds: { result, positions or nil }. */
static WorstPart *push_worst_parts(lua_State *L, size_t count, const char *where) {
    WorstPart *part = lua_newuserdatauv(L, (count + 1) * sizeof *part, 0);
    for (size_t p = 0; p < count; p++) {
        luaL_checkstack(L, 8, NULL);
        lua_rawgeti(L, 1, (lua_Integer)p + 1);
        lua_rawgeti(L, -1, 1);
        part[p] = (WorstPart){ .result = bind_check(L, -1, &result_type, where, "results") };
        if (lua_rawgeti(L, -2, 2) == LUA_TNIL)
            continue;
        const Array *position = bind_to_array(L, -1, where, "positions", DTYPE_I32);
        if (array_size(position) != part[p].result->n)
            bind_error(L, "%s: positions: expected one for each sample", where);
        part[p].position = array_i32(position);
    }
    return part;
}

/* A number for each sample of the whole under that name, or NULL. */
static const int32_t *push_each(lua_State *L, int table, const char *name, const Worst *worst) {
    if (lua_getfield(L, table, name) == LUA_TNIL)
        return NULL;
    const Array *each = bind_to_array(L, -1, worst->where, name, DTYPE_I32);
    if (array_size(each) != worst->part[0].result->n)
        bind_error(L, "%s: %s: expected one for each sample", worst->where, name);
    return array_i32(each);
}

/* What lua/perigee/worst.lua makes of several results by: each sample's worst answer.
 * worst(parts, { name =, params =, where =, from_start =, interrupted =, ended =, unpaid = }) */
static int worst_of(lua_State *L) {
    lua_settop(L, 2);
    Worst worst = { .count = (size_t)lua_rawlen(L, 1),
                    .from_start = true_field(L, 2, "from_start"),
                    .interrupted = true_field(L, 2, "interrupted"),
                    .ended = true_field(L, 2, "ended"),
                    .name = string_field(L, 2, "name"),
                    .params = string_field(L, 2, "params"),
                    .where = string_field(L, 2, "where") };
    if (worst.count == 0)
        bind_error(L, "%s: results: expected one at least", worst.where);
    worst.part = push_worst_parts(L, worst.count, worst.where);
    worst.unpaid = push_each(L, 2, "unpaid", &worst);
    void **slot = bind_new_box(L, &result_type);
    BIND_TRY_MAKE(L, *slot, result_worst(&worst, &err));
    bind_account(L, result_bytes(*slot));
    return 1;
}

/* join(results, params): those of the parts of a set as one, with these parameters if there are
 * any.
 */
static int joined(lua_State *L) {
    size_t count = (size_t)lua_rawlen(L, 1);
    lua_settop(L, 2);
    if (count == 0)
        bind_error(L, "join: results: expected one at least");
    const AttackResult **part = lua_newuserdatauv(L, (count + 1) * sizeof *part, 0);
    for (size_t p = 0; p < count; p++) {
        lua_rawgeti(L, 1, (lua_Integer)p + 1); /* the list keeps it */
        part[p] = bind_check(L, -1, &result_type, "join", "results");
        lua_pop(L, 1);
    }
    void **slot = bind_new_box(L, &result_type);
    BIND_TRY_MAKE(L, *slot, result_join(part, count, luaL_optstring(L, 2, NULL), &err));
    bind_account(L, result_bytes(*slot));
    return 1;
}

/* ---- Methods ---- */

/* r:counts() → { correct =, rejected =, wrong =, evaded =, robust = }, of a targeted one
 * also hit.
 */
static int method_counts(lua_State *L) {
    const AttackResult *result = bind_self(L, &result_type);
    ResultCounts counts = result_counts(result);
    lua_createtable(L, 0, VERDICTS + 2);
    for (int v = 0; v < VERDICTS; v++)
        bind_set_size(L, verdict_name(v), counts.verdict[v]);
    bind_set_size(L, "robust", counts.robust);
    if (result->target)
        bind_set_size(L, "hit", counts.hit);
    return 1;
}

/* r:take(positions): 1-based, in that order, repeats allowed. */
static int method_take(lua_State *L) {
    const AttackResult *result = bind_self(L, &result_type);
    Places places = bind_places(L, 2, bind_where(L), result->n);
    return push_some(L, result, &places);
}

/* r:rescore(model) → the same points judged by another model. */
static int method_rescore(lua_State *L) {
    const AttackResult *result = bind_self(L, &result_type);
    Model *model = bind_check_model(L, 2, "rescore", "model");
    if (model->features == 0)
        model->features = result->features;
    Error err;
    Sizes sample = sizes_of(result->sample_ndim, result->sample_shape);
    if (!model_check_layout(model, &sample, "rescore", &err))
        return bind_raise(L, &err);
    return bind_push_attack_result(L, result_rescore(result, model, &err), &err);
}

static int method_save(lua_State *L) {
    const AttackResult *result = bind_self(L, &result_type);
    const char *path = bind_string(L, 2, "save", "path");
    Error err;
    cJSON *header = bind_header(&err);
    bool ok = header && attack_result_save(result, path, header, &err);
    cJSON_Delete(header);
    return bind_answer(L, 2, ok, &err);
}

static int method_csv(lua_State *L) {
    const AttackResult *result = bind_self(L, &result_type);
    Error err;
    bool ok = attack_result_csv(result, bind_string(L, 2, "csv", "path"), &err);
    return bind_answer(L, 2, ok, &err);
}

void bind_open_verdicts(lua_State *L) {
    lua_createtable(L, VERDICTS, 0);
    for (int v = 0; v < VERDICTS; v++) {
        lua_pushstring(L, verdict_name(v));
        lua_rawseti(L, -2, v + 1);
    }
    lua_setfield(L, -2, "verdicts");
    lua_createtable(L, STOP_REASONS, 0);
    for (int stop = 0; stop < STOP_REASONS; stop++) {
        lua_pushstring(L, stop_name(stop));
        lua_rawseti(L, -2, stop + 1);
    }
    lua_setfield(L, -2, "stops");
}

void bind_open_attack_result(lua_State *L) {
    static const BindFunction methods[] = {
        BIND("counts", method_counts, 1), BIND("rescore", method_rescore, 2),
        BIND("take", method_take, 2),     BIND("save", method_save, 2),
        BIND("csv", method_csv, 2),       BIND_LAST
    };
    static const luaL_Reg meta[] = { { "__len", result_len },
                                     { "__tostring", result_tostring },
                                     { "worst", worst_of },
                                     { "join", joined },
                                     { NULL, NULL } };
    static const BindType type = { .box = &result_type,
                                   .methods = methods,
                                   .properties = properties,
                                   .item = push_one,
                                   .items = push_chosen,
                                   .keys = "a position, a range {first, last}, a mask, positions "
                                           "(an array) or a name",
                                   .fixed = "r:rescore(model) judges the same points by another "
                                            "model, and r.x_adv:copy() can be written",
                                   .meta = meta };
    bind_new_type(L, &type);
    lua_pop(L, 1);
}
