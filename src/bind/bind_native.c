#include "bind/bind_native.h"

#include "bind/bind_grad.h"

#include "bind/bind_fields.h"

#include "bind/bind.h"
#include "bind/bind_kernel.h"
#include "bind/bind_metatables.h"
#include "bind/bind_model.h"
#include "bind/bind_preprocess.h"
#include "bind/bind_samples.h"
#include "bind/bind_train.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/fields_json.h"
#include "core/file.h"
#include "core/json.h"
#include "core/printable.h"
#include "core/session.h"
#include "model.h"
#include "plot/pager.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- JSON ------------------------------------------------------------------------------------ */

static void release_json(void *root) {
    cJSON_Delete(root);
}

static const BoxType json_type = { .name = "perigee.native.json",
                                   .shown = "a JSON value",
                                   .release = release_json };

cJSON **bind_new_json_box(lua_State *L) {
    return (cJSON **)bind_new_box(L, &json_type);
}

/* native.json(value) → its text: a string, a number (null where it is not finite), an array as a
 * row of numbers. Tables are lua/perigee/json.lua. */
static int native_json(lua_State *L) {
    int type = lua_type(L, 1);
    if (type != LUA_TNUMBER && type != LUA_TSTRING) {
        const Array *a = bind_to_array(L, 1, "json", "value", DTYPE_F64);
        BIND_PUSH_TEXT(L, json_row(array_f64(a), array_size(a)));
        return 1;
    }
    cJSON **node = bind_new_json_box(L);
    *node = type == LUA_TSTRING ? cJSON_CreateString(lua_tostring(L, 1))
                                : cJSON_CreateNumber(lua_tonumber(L, 1));
    BIND_PUSH_TEXT(L, *node ? json_text(*node) : NULL);
    return 1;
}

/* native.describe(value) → what it is, as messages say it. */
static int native_describe(lua_State *L) {
    char text[128];
    lua_pushstring(L, bind_describe(L, 1, text));
    return 1;
}

void bind_push_json(lua_State *L, const cJSON *value) {
    luaL_checkstack(L, 8, "json: values are nested too deeply");
    if (!value) {
        lua_pushnil(L);
    } else if (cJSON_IsArray(value) || cJSON_IsObject(value)) {
        lua_newtable(L);
        lua_Integer i = 0;
        for (const cJSON *item = value->child; item; item = item->next) {
            bind_push_json(L, item);
            if (item->string)
                lua_setfield(L, -2, item->string);
            else
                lua_rawseti(L, -2, ++i);
        }
    } else if (cJSON_IsString(value)) {
        lua_pushstring(L, value->valuestring);
    } else if (cJSON_IsBool(value)) {
        lua_pushboolean(L, cJSON_IsTrue(value));
    } else if (cJSON_IsNumber(value)) {
        lua_pushnumber(L, value->valuedouble);
    } else {
        lua_pushlightuserdata(L, NULL);
    }
}

void bind_push_record(lua_State *L, const cJSON *record) {
    const cJSON *item;
    if (!cJSON_IsObject(record)) {
        lua_pushnil(L);
        return;
    }
    lua_newtable(L);
    cJSON_ArrayForEach(item, record) {
        Value value = value_from_json(item, strcmp(item->string, "source") == 0);
        if (cJSON_IsNull(item))
            lua_pushnumber(L, HUGE_VAL);
        else if (cJSON_IsArray(item))
            bind_push_json(L, item);
        else
            bind_push_value(L, &value);
        lua_setfield(L, -2, item->string);
    }
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* native.write_file(path, text) → true, or nil and "path: why not". Whole or not at all. */
static int native_write_file(lua_State *L) {
    size_t length;
    const char *path = bind_string(L, 1, "write_file", "path");
    const char *text = luaL_checklstring(L, 2, &length);
    FileWriter writer;
    Error err = { 0 };
    bool ok = file_writer_open(&writer, path, &err);
    if (ok) {
        fwrite(text, 1, length, writer.stream);
        ok = file_writer_commit(&writer, &err);
    }
    return bind_true_or_error(L, ok, &err);
}

/* native.make_folder(path) → true, or nil and "path: why not". */
static int native_make_folder(lua_State *L) {
    Error err = { 0 };
    bool ok = file_make_folder(bind_string(L, 1, "make_folder", "path"), &err);
    return bind_true_or_error(L, ok, &err);
}

/* native.check_layout(where, model, samples) raises where the samples have another order of axes.
 */
static int native_check_layout(lua_State *L) {
    const char *where = bind_string(L, 1, "check_layout", "where");
    bind_check_layout(L, 3, bind_check_model(L, 2, where, "model"), where);
    return 0;
}

/* native.is_model(value): is it what any function takes for a model, fitted or not? */
static int native_is_model(lua_State *L) {
    lua_settop(L, 1);
    lua_pushboolean(L, bind_test_model(L, 1) || lua_model_fits(L, 1));
    return 1;
}

/* native.answers(model) → "gradients", "scores" or "labels": model_answers. */
static int native_answers(lua_State *L) {
    static const char *const words[] = { "gradients", "scores", "labels" };
    lua_pushstring(L, words[model_answers(bind_check_model(L, 1, "answers", "model"))]);
    return 1;
}

/* ---- The session's generator -------------------------------------------------------------------
 */

/* native.draw_seed() → a seed drawn from it. */
static int native_draw_seed(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)session_draw());
    return 1;
}

/* native.session_state([seed]) → where the generator is, as bytes; with a seed it then starts anew
 * from that, and with such bytes it goes on from there. */
static int native_session_state(lua_State *L) {
    SessionState before = session_save(), wanted;
    size_t length;
    lua_settop(L, 1);
    if (lua_isinteger(L, 1)) {
        session_start((uint64_t)lua_tointeger(L, 1));
    } else if (!lua_isnil(L, 1)) {
        const char *bytes = luaL_checklstring(L, 1, &length);
        luaL_argcheck(L, length == sizeof wanted, 1, "not a session's state");
        memcpy(&wanted, bytes, sizeof wanted);
        session_restore(&wanted);
    }
    lua_pushlstring(L, (const char *)&before, sizeof before);
    return 1;
}

/* native.session_part(state, part) → where a part of some work begins (core/session.h), as bytes.
 */
static int native_session_part(lua_State *L) {
    SessionState state;
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    luaL_argcheck(L, length == sizeof state, 1, "not a session's state");
    memcpy(&state, bytes, sizeof state);
    state = session_part(&state, (uint64_t)luaL_checkinteger(L, 2));
    lua_pushlstring(L, (const char *)&state, sizeof state);
    return 1;
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* native.printable(text) → the text, what a terminal would obey in it made visible. */
static int native_printable(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    luaL_Buffer shown;
    char *out = luaL_buffinitsize(L, &shown, PRINTABLE_GROWTH * length + 1);
    luaL_pushresultsize(&shown, printable_bytes(text, length, out, PRINTABLE_GROWTH * length + 1));
    return 1;
}

/* native.page(command, text): has a pager shown the text? */
static int native_page(lua_State *L) {
    size_t length;
    const char *command = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length);
    lua_pushboolean(L, pager_show(command, text, length));
    return 1;
}

int open_native(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("json", native_json, 1),
        BIND("write_file", native_write_file, 2),
        BIND("make_folder", native_make_folder, 1),
        BIND("described", bind_described, 1),
        BIND("describe", native_describe, 1),
        BIND("solver", bind_session_solver, 1),
        BIND("own_kernel", bind_own_kernel, 4),
        BIND("preprocess", bind_new_preprocess, 3),
        BIND("printable", native_printable, 1),
        BIND("page", native_page, 2),
        BIND("lua_models", lua_model_tables, 1),
        BIND("code", bind_code, 1),
        BIND("check_layout", native_check_layout, 3),
        BIND("is_model", native_is_model, 1),
        BIND("answers", native_answers, 1),
        BIND("draw_seed", native_draw_seed, 0),
        BIND("assist_training", bind_assist_training, 3),
        BIND("session_state", native_session_state, 1),
        BIND("session_part", native_session_part, 2),
        BIND_LAST,
    };
    lua_newtable(L);
    bind_set_functions(L, functions);
    bind_new_owner(L, &json_type);
    bind_open_session(L);
    bind_open_verdicts(L);
    bind_open_progress(L);
    bind_open_gnuplot(L);
    lua_setfield(L, -2, "gnuplot");
    bind_open_grad(L);
    lua_setfield(L, -2, "grad");
    bind_open_farm(L);
    lua_setfield(L, -2, "farm");
    bind_open_problems(L);
    lua_setfield(L, -2, "problems");
    bind_open_scoring(L);
    lua_setfield(L, -2, "scoring");
    bind_open_metatables(L);
    lua_setfield(L, -2, "metatables");
    return 1;
}
