/* bind_attack_result.c — results of attacks in Lua.
 *
 * Always a batch of n: r[i] is a result of one sample. Fields are made when they are first read and
 * kept in the box's user value: arrays share the result's memory. */
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_header.h"
#include "bind/bind_model.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/notes.h"
#include "files/result_file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release(void *result) {
    result_free(result);
}

static const BoxType result_type = { .name = "perigee.result",
                                     .shown = "an attack's result",
                                     .release = release };

static AttackResult *check_self(lua_State *L, const char *where) {
    return bind_check(L, 1, &result_type, where, "self");
}

AttackResult *bind_test_attack_result(lua_State *L, int arg) {
    return bind_test(L, arg, &result_type);
}

int bind_push_attack_result(lua_State *L, AttackResult *result, const Error *err) {
    if (!result)
        return bind_raise(L, err);
    *bind_new_box(L, &result_type) = result;
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static size_t bytes_of(const AttackResult *result) {
    size_t bytes = 2 * array_bytes(result->x0) + 2 * array_bytes(result->scores);
    for (size_t i = 0; i < result->n; i++) {
        const Trace *trace = &result->trace[i];
        bytes += array_bytes(trace->scores) + 2 * array_bytes(trace->loss);
        bytes += trace->iterates ? array_bytes(trace->iterates) : 0;
    }
    return bytes;
}

/* Each iteration takes one gradient of each sample that is still under way. */
static void note_interrupt(const AttackResult *result) {
    bool any = false;
    int32_t iterations = 0;
    for (size_t i = 0; i < result->n; i++) {
        int32_t gradients = array_i32(result->gradient_count)[i];
        any = any || array_i32(result->stop)[i] == STOP_INTERRUPTED;
        iterations = gradients > iterations ? gradients : iterations;
    }
    if (any)
        note_leave("stopped after %d iteration%s; the result keeps the best so far",
                   (int)iterations, iterations == 1 ? "" : "s");
}

int bind_run_attack(lua_State *L, const Attack *attack, const AttackParams *params,
                    const AttackTask *task) {
    void **slot = bind_new_box(L, &result_type);
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    Error err;
    bool tried = false;
    AttackResult *result;
    do {
        Progress progress = progress_new();
        result = attack_run(attack, params, task, &progress, &err);
    } while (!result && bind_retry(L, &err, &tried));
    if (!result)
        return bind_raise(L, &err);
    note_interrupt(result);
    *slot = result;
    bind_account(L, bytes_of(result));
    return 1;
}

/* ---- Fields ---- */

static void push_shared(lua_State *L, const Array *array) {
    if (!array) {
        lua_pushnil(L);
        return;
    }
    Error err;
    bind_push_array(L, array_share(array, &err), &err);
}

static void push_x0(lua_State *L, const AttackResult *result) {
    push_shared(L, result->x0);
}

static void push_x_adv(lua_State *L, const AttackResult *result) {
    push_shared(L, result->x_adv);
}

static void push_y(lua_State *L, const AttackResult *result) {
    push_shared(L, result->y);
}

static void push_label(lua_State *L, const AttackResult *result) {
    push_shared(L, result->label);
}

static void push_start_label(lua_State *L, const AttackResult *result) {
    push_shared(L, result->start_label);
}

static void push_target(lua_State *L, const AttackResult *result) {
    push_shared(L, result->target);
}

static void push_scores(lua_State *L, const AttackResult *result) {
    push_shared(L, result->scores);
}

static void push_start_scores(lua_State *L, const AttackResult *result) {
    push_shared(L, result->start_scores);
}

static void push_distance(lua_State *L, const AttackResult *result) {
    push_shared(L, result->distance);
}

/* A list with one array of each sample's trace. */
static void push_traces(lua_State *L, const AttackResult *result, size_t offset) {
    lua_createtable(L, (int)result->n, 0);
    for (size_t i = 0; i < result->n; i++) {
        const char *trace = (const char *)&result->trace[i];
        push_shared(L, *(Array *const *)(const void *)(trace + offset));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_loss(lua_State *L, const AttackResult *result) {
    push_traces(L, result, offsetof(Trace, loss));
}

static void push_trace(lua_State *L, const AttackResult *result) {
    push_traces(L, result, offsetof(Trace, scores));
}

static void push_trace_distance(lua_State *L, const AttackResult *result) {
    push_traces(L, result, offsetof(Trace, distance));
}

static void push_iterates(lua_State *L, const AttackResult *result) {
    if (result->n > 0 && result->trace[0].iterates)
        push_traces(L, result, offsetof(Trace, iterates));
    else
        lua_pushnil(L);
}

static void push_verdicts(lua_State *L, const AttackResult *result, bool at_start) {
    lua_createtable(L, (int)result->n, 0);
    for (size_t i = 0; i < result->n; i++) {
        Verdict verdict = at_start ? result_start_verdict(result, i) : result_verdict(result, i);
        lua_pushstring(L, verdict_name(verdict, at_start));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_verdict(lua_State *L, const AttackResult *result) {
    push_verdicts(L, result, false);
}

static void push_start_verdict(lua_State *L, const AttackResult *result) {
    push_verdicts(L, result, true);
}

static void push_hit(lua_State *L, const AttackResult *result) {
    if (!result->target) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, (int)result->n, 0);
    for (size_t i = 0; i < result->n; i++) {
        lua_pushboolean(L, result_hit(result, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_stop(lua_State *L, const AttackResult *result) {
    lua_createtable(L, (int)result->n, 0);
    for (size_t i = 0; i < result->n; i++) {
        lua_pushstring(L, stop_name(array_i32(result->stop)[i]));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_evaluations(lua_State *L, const AttackResult *result) {
    lua_createtable(L, 0, 2);
    push_shared(L, result->score_count);
    lua_setfield(L, -2, "scores");
    push_shared(L, result->gradient_count);
    lua_setfield(L, -2, "gradients");
}

static void push_classes(lua_State *L, const AttackResult *result) {
    bind_push_labels(L, &result->classes);
}

static void push_rejects(lua_State *L, const AttackResult *result) {
    lua_pushboolean(L, result->rejects);
}

static void push_shape(lua_State *L, const AttackResult *result) {
    bind_push_sizes(L, result->sample_ndim, result->sample_shape);
}

static void push_attack(lua_State *L, const AttackResult *result) {
    lua_pushstring(L, result->attack);
}

static void push_model(lua_State *L, const AttackResult *result) {
    lua_pushstring(L, result->model_kind);
}

/* One JSON value of the parameters: numbers, words, booleans, lists of numbers. An infinite number
 * is null there. */
static void push_json(lua_State *L, const cJSON *value) {
    if (cJSON_IsString(value)) {
        lua_pushstring(L, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        lua_pushboolean(L, cJSON_IsTrue(value));
    } else if (cJSON_IsNumber(value)) {
        double number = value->valuedouble;
        if (number == floor(number) && fabs(number) < 1e15)
            lua_pushinteger(L, (lua_Integer)number);
        else
            lua_pushnumber(L, number);
    } else if (cJSON_IsArray(value)) {
        lua_newtable(L);
        lua_Integer i = 0;
        for (const cJSON *item = value->child; item; item = item->next) {
            lua_pushnumber(L, item->valuedouble);
            lua_rawseti(L, -2, ++i);
        }
    } else {
        lua_pushnumber(L, HUGE_VAL);
    }
}

static lua_Integer seed_from(const cJSON *params) {
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(params, "seed");
    return cJSON_IsString(seed) ? (lua_Integer)strtoull(seed->valuestring, NULL, 10) : 0;
}

static void push_params(lua_State *L, const AttackResult *result) {
    cJSON *params = cJSON_Parse(result->params);
    lua_newtable(L);
    for (const cJSON *item = params ? params->child : NULL; item; item = item->next) {
        if (strcmp(item->string, "seed") == 0)
            lua_pushinteger(L, seed_from(params));
        else
            push_json(L, item);
        lua_setfield(L, -2, item->string);
    }
    cJSON_Delete(params);
}

static void push_seed(lua_State *L, const AttackResult *result) {
    cJSON *params = cJSON_Parse(result->params);
    lua_Integer seed = seed_from(params);
    cJSON_Delete(params);
    lua_pushinteger(L, seed);
}

static const struct ResultField {
    const char *name;
    void (*push)(lua_State *L, const AttackResult *result);
} fields[] = {
    { "x0", push_x0 },
    { "x_adv", push_x_adv },
    { "y", push_y },
    { "label", push_label },
    { "start_label", push_start_label },
    { "target", push_target },
    { "scores", push_scores },
    { "start_scores", push_start_scores },
    { "distance", push_distance },
    { "loss", push_loss },
    { "trace", push_trace },
    { "trace_distance", push_trace_distance },
    { "iterates", push_iterates },
    { "verdict", push_verdict },
    { "start_verdict", push_start_verdict },
    { "hit", push_hit },
    { "stop", push_stop },
    { "evaluations", push_evaluations },
    { "classes", push_classes },
    { "rejects", push_rejects },
    { "shape", push_shape },
    { "attack", push_attack },
    { "model", push_model },
    { "params", push_params },
    { "seed", push_seed },
};

/* Push the field named at 2, from the user value if it has been read before. */
static int push_field(lua_State *L, const AttackResult *result) {
    const char *name = lua_tostring(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) != 0)
            continue;
        lua_pop(L, 1);
        fields[i].push(L, result);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
        return 1;
    }
    const char *names[sizeof fields / sizeof *fields + 1] = { NULL };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        names[i] = fields[i].name;
    return bind_missing(L, names);
}

static int result_index(lua_State *L) {
    const AttackResult *result = check_self(L, "result");
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_Integer last = (lua_Integer)result->n;
        lua_Integer i = bind_integer(L, 2, "result", "index", LUA_MININTEGER, LUA_MAXINTEGER);
        if (i == last + 1)
            return 0; /* nil just past the end lets ipairs finish */
        lua_Integer place = i < 0 ? last + i : i - 1;
        if (i == 0 || place < 0 || place >= last)
            return luaL_error(L,
                              "result: position %I of %I samples (from 1, or from -1 at the end)",
                              (LUAI_UACINT)i, (LUAI_UACINT)last);
        Error err;
        return bind_push_attack_result(L, result_pick(result, (size_t)place, &err), &err);
    }
    if (lua_type(L, 2) != LUA_TSTRING) {
        lua_pushnil(L);
        return 1;
    }
    luaL_getmetafield(L, 1, "methods");
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    lua_settop(L, 2);
    return push_field(L, result);
}

static int result_len(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)check_self(L, "#")->n);
    return 1;
}

/* ---- Printing ---- */

static const char *const norm_names[] = { "l1", "l2", "linf" };

static void label_text(const AttackResult *result, int32_t label, char text[24]) {
    if (result->rejects && label == LABEL_REJECTED)
        snprintf(text, 24, "rejected");
    else
        snprintf(text, 24, "%d", (int)label);
}

/* "pgd_exp on dnr: class 0 → 3, evaded (loss −0.069, l2 distance 2; 24 iterates, converged; 266
 * scores, 24 gradients)" */
static void one_line(const AttackResult *result, char *text, size_t size) {
    char end[24], start[64] = "", goal[48] = "";
    const Array *loss = result->trace[0].loss;
    size_t iterates = array_size(loss);
    label_text(result, array_i32(result->label)[0], end);
    Verdict before = result_start_verdict(result, 0);
    if (before != VERDICT_CORRECT) {
        char from[24];
        label_text(result, array_i32(result->start_label)[0], from);
        snprintf(start, sizeof start, " (%s%s at the start)",
                 before == VERDICT_WRONG ? "taken for " : "", from);
    }
    if (result->target)
        snprintf(goal, sizeof goal, ", target %d %s", (int)array_i32(result->target)[0],
                 result_hit(result, 0) ? "hit" : "missed");
    snprintf(text, size,
             "%s on %s: class %d%s → %s, %s%s (loss %.4g, %s distance %.4g; %zu iterate%s, %s; "
             "%d scores, %d gradients)",
             result->attack, result->model_kind, (int)array_i32(result->y)[0], start, end,
             verdict_name(result_verdict(result, 0), false), goal, array_f64(loss)[iterates - 1],
             norm_names[result->norm], array_f64(result->distance)[0], iterates,
             iterates == 1 ? "" : "s", stop_name(array_i32(result->stop)[0]),
             (int)array_i32(result->score_count)[0], (int)array_i32(result->gradient_count)[0]);
}

/* "pgd_exp on dnr: 100 samples: 3 correct, 20 rejected, 77 evaded (of 95 correct at the start; mean
 * l2 distance 1.93)" */
static void batch_line(const AttackResult *result, char *text, size_t size) {
    ResultCounts counts = result_counts(result);
    double sum = 0;
    size_t interrupted = 0;
    char goal[48] = "", cut[48] = "";
    for (size_t i = 0; i < result->n; i++) {
        sum += array_f64(result->distance)[i];
        interrupted += array_i32(result->stop)[i] == STOP_INTERRUPTED;
    }
    if (result->target)
        snprintf(goal, sizeof goal, ", %zu hit the target", counts.hit);
    if (interrupted)
        snprintf(cut, sizeof cut, "; %zu interrupted", interrupted);
    snprintf(text, size,
             "%s on %s: %zu samples: %zu correct, %zu rejected, %zu evaded%s (%zu correct at the "
             "start; mean %s distance %.4g%s)",
             result->attack, result->model_kind, result->n, counts.correct, counts.rejected,
             counts.evaded, goal, counts.started_correct, norm_names[result->norm],
             result->n ? sum / (double)result->n : 0, cut);
}

static int result_tostring(lua_State *L) {
    const AttackResult *result = check_self(L, "tostring");
    char text[512];
    if (result->n == 1)
        one_line(result, text, sizeof text);
    else
        batch_line(result, text, sizeof text);
    lua_pushstring(L, text);
    return 1;
}

/* ---- Methods ---- */

/* r:counts() → { correct =, rejected =, evaded = }, for a targeted attack also hit. */
static int method_counts(lua_State *L) {
    const AttackResult *result = check_self(L, "counts");
    ResultCounts counts = result_counts(result);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)counts.correct);
    lua_setfield(L, -2, "correct");
    lua_pushinteger(L, (lua_Integer)counts.rejected);
    lua_setfield(L, -2, "rejected");
    lua_pushinteger(L, (lua_Integer)counts.evaded);
    lua_setfield(L, -2, "evaded");
    if (result->target) {
        lua_pushinteger(L, (lua_Integer)counts.hit);
        lua_setfield(L, -2, "hit");
    }
    return 1;
}

/* r:rescore(model) → the same points judged by another model. */
static int method_rescore(lua_State *L) {
    const AttackResult *result = check_self(L, "rescore");
    Model *model = bind_check_model(L, 2, "rescore", "model");
    if (model->features == 0)
        model->features = result->features;
    Error err;
    return bind_push_attack_result(L, result_rescore(result, model, &err), &err);
}

/* r:save(path), r:csv(path) → path; raise on failure. */
static int method_save(lua_State *L) {
    const AttackResult *result = check_self(L, "save");
    const char *path = bind_string(L, 2, "save", "path");
    Error err;
    cJSON *header = bind_header();
    bool ok = attack_result_save(result, path, header, &err);
    cJSON_Delete(header);
    if (!ok)
        return bind_raise(L, &err);
    lua_settop(L, 2);
    return 1;
}

static int method_csv(lua_State *L) {
    const AttackResult *result = check_self(L, "csv");
    const char *path = bind_string(L, 2, "csv", "path");
    Error err;
    if (!attack_result_csv(result, path, &err))
        return bind_raise(L, &err);
    lua_settop(L, 2);
    return 1;
}

void bind_open_attack_result(lua_State *L) {
    static const luaL_Reg methods[] = { { "counts", method_counts },
                                        { "rescore", method_rescore },
                                        { "save", method_save },
                                        { "csv", method_csv },
                                        { NULL, NULL } };
    static const luaL_Reg meta[] = { { "__index", result_index },
                                     { "__len", result_len },
                                     { "__tostring", result_tostring },
                                     { NULL, NULL } };
    bind_new_type(L, &result_type, methods, meta);
    lua_pop(L, 1);
}
