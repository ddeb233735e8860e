#include "bind/bind_native.h"

#include "bind/bind_fields.h"

#include "bind/bind.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ------------------------------------------------------------------------------------ */

enum { MAX_DEPTH = 100 };

static void release_json(void *root) {
    cJSON_Delete(root);
}

static const BoxType json_type = { .name = "perigee.native.json",
                                   .shown = "a JSON value",
                                   .release = release_json };

/* Each node is hung under `parent` as soon as it is made: the root is in a box, and an error that
 * leaves from deep inside leaks nothing. Without a key the parent is a list. */
static cJSON *hang(lua_State *L, cJSON *parent, const char *key, cJSON *node) {
    if (!node)
        luaL_error(L, "json: not enough memory");
    if (key)
        cJSON_AddItemToObject(parent, key, node);
    else
        cJSON_AddItemToArray(parent, node);
    return node;
}

/* An array's numbers in a row, with seven digits as in a figure's data. */
static cJSON *numbers_of(lua_State *L, int arg) {
    const Array *a = bind_to_array(L, arg, "json", "value", DTYPE_F64);
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    luaL_addchar(&text, '[');
    for (size_t i = 0; i < array_size(a); i++) {
        char number[32];
        double value = array_f64(a)[i];
        snprintf(number, sizeof number, isfinite(value) ? "%s%.7g" : "%snull", i ? "," : "", value);
        luaL_addstring(&text, number);
    }
    luaL_addchar(&text, ']');
    luaL_pushresult(&text);
    return cJSON_CreateRaw(lua_tostring(L, -1));
}

static int compare_keys(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Push a block with the keys of the table at `arg`, sorted: the same value is the same text. */
static const char **push_keys(lua_State *L, int arg, size_t *count) {
    size_t room = 0;
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1))
        room++;
    const char **keys = lua_newuserdatauv(L, (room + 1) * sizeof *keys, 0);
    *count = 0;
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "json: a table is a list or has names for keys");
        keys[(*count)++] = lua_tostring(L, -2);
    }
    qsort(keys, *count, sizeof *keys, compare_keys);
    return keys;
}

static void encode(lua_State *L, cJSON *parent, const char *key, int depth);

/* The table on the stack's top; an empty one is a list. */
static void encode_table(lua_State *L, cJSON *parent, const char *key, int depth) {
    int table = lua_gettop(L);
    lua_Integer length = (lua_Integer)lua_rawlen(L, table);
    size_t count = 0;
    const char **keys = length ? NULL : push_keys(L, table, &count);
    cJSON *node = hang(L, parent, key, count ? cJSON_CreateObject() : cJSON_CreateArray());
    for (lua_Integer i = 1; i <= length; i++) {
        lua_rawgeti(L, table, i);
        encode(L, node, NULL, depth + 1);
    }
    for (size_t k = 0; k < count; k++) {
        lua_getfield(L, table, keys[k]);
        encode(L, node, keys[k], depth + 1);
    }
}

/* The value on the stack's top, which is popped. */
static void encode(lua_State *L, cJSON *parent, const char *key, int depth) {
    int top = lua_gettop(L);
    if (depth > MAX_DEPTH || !lua_checkstack(L, 16))
        luaL_error(L, "json: tables are nested too deeply");
    if (lua_istable(L, top))
        encode_table(L, parent, key, depth);
    else if (lua_type(L, top) == LUA_TSTRING)
        hang(L, parent, key, cJSON_CreateString(lua_tostring(L, top)));
    else if (lua_isboolean(L, top))
        hang(L, parent, key, cJSON_CreateBool(lua_toboolean(L, top)));
    else if (lua_isnumber(L, top))
        hang(L, parent, key, cJSON_CreateNumber(lua_tonumber(L, top)));
    else
        hang(L, parent, key, numbers_of(L, top));
    lua_settop(L, top - 1);
}

/* native.json(value) → its text: strings, booleans, numbers (null where they are not finite),
 * arrays as rows of numbers, tables as lists or, with names for keys, as objects. */
static int native_json(lua_State *L) {
    lua_settop(L, 1);
    void **root = bind_new_box(L, &json_type);
    *root = cJSON_CreateArray();
    if (!*root)
        return luaL_error(L, "json: not enough memory");
    lua_pushvalue(L, 1);
    encode(L, *root, NULL, 0);
    void **text = bind_new_memory_box(L);
    *text = json_text(((cJSON *)*root)->child);
    if (!*text)
        return luaL_error(L, "json: not enough memory");
    lua_pushstring(L, *text);
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

int open_native(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("json", native_json, 1),
        BIND("write_file", native_write_file, 2),
        BIND("described", bind_described, 1),
        BIND_LAST,
    };
    bind_new_owner(L, &json_type);
    lua_newtable(L);
    bind_set_functions(L, functions);
    bind_open_session(L);
    bind_open_gnuplot(L);
    lua_setfield(L, -2, "gnuplot");
    return 1;
}
