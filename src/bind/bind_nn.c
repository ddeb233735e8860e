/* bind_nn.c — the library nn: descriptions of layers, new nets, nets from files, training. */
#include "bind/bind_model.h"
#include "bind/bind_network.h"
#include "bind/libraries.h"
#include "core/error.h"
#include "core/rng.h"
#include "files/model_file.h"
#include "nn/layer.h"
#include "nn/loss.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Lua tables as JSON -------------------------------------------------------------------------
 *
 * The tree hangs in a box from its first node on, so that an error on the way leaves nothing. */

static void release_json(void *json) {
    cJSON_Delete(json);
}

static const BoxType json_type = { .name = "perigee.json",
                                   .shown = "a description",
                                   .release = release_json };

static cJSON *push_json(lua_State *L) {
    void **box = bind_new_box(L, &json_type);
    *box = cJSON_CreateObject();
    if (!*box)
        luaL_error(L, "nn.new: not enough memory");
    return *box;
}

/* Hang `item` into an object under `key`, or at the end of a list. */
static cJSON *attach(lua_State *L, cJSON *parent, const char *key, cJSON *item) {
    bool ok = item &&
              (key ? cJSON_AddItemToObject(parent, key, item) : cJSON_AddItemToArray(parent, item));
    if (!ok) {
        cJSON_Delete(item);
        luaL_error(L, "nn.new: not enough memory");
    }
    return item;
}

enum { JSON_DEPTH = 4 };

/* The value at `arg`; tables with a first element become lists, others objects of their string
 * keys. What JSON has no word for becomes null, and whoever reads it says what it expected. */
static void add_value(lua_State *L, cJSON *parent, const char *key, int arg, int depth) {
    arg = lua_absindex(L, arg);
    luaL_checkstack(L, 4, "nn.new");
    if (lua_type(L, arg) == LUA_TNUMBER) {
        attach(L, parent, key, cJSON_CreateNumber(lua_tonumber(L, arg)));
    } else if (lua_type(L, arg) == LUA_TSTRING) {
        attach(L, parent, key, cJSON_CreateString(lua_tostring(L, arg)));
    } else if (!lua_istable(L, arg)) {
        attach(L, parent, key, cJSON_CreateNull());
    } else if (depth == 0) {
        luaL_error(L, "nn.new: tables are nested too deeply");
    } else if (lua_rawlen(L, arg) > 0) {
        cJSON *list = attach(L, parent, key, cJSON_CreateArray());
        for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, arg); i++, lua_pop(L, 1)) {
            lua_rawgeti(L, arg, i);
            add_value(L, list, NULL, -1, depth - 1);
        }
    } else {
        cJSON *object = attach(L, parent, key, cJSON_CreateObject());
        for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1))
            if (lua_type(L, -2) == LUA_TSTRING)
                add_value(L, object, lua_tostring(L, -2), -1, depth - 1);
    }
}

/* ---- Layers and nets ------------------------------------------------------------------------- */

/* nn.conv2d { out =, … } and its like: a copy of the options with `kind`. Upvalue: the kind. */
static int new_layer(lua_State *L) {
    const LayerKind *kind = lua_touserdata(L, lua_upvalueindex(1));
    const char *valid[16] = { "name" };
    char where[64];
    snprintf(where, sizeof where, "nn.%s", kind->name);
    for (size_t i = 0; kind->keys[i] && i + 2 < sizeof valid / sizeof *valid; i++)
        valid[i + 1] = kind->keys[i];
    lua_settop(L, 1);
    bind_options(L, 1, where, valid);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 2);
    }
    lua_pushstring(L, kind->name);
    lua_setfield(L, 2, "kind");
    return 1;
}

/* Seeds go through JSON, whose numbers are doubles: whole ones up to here are exact. */
static uint64_t read_seed(lua_State *L, int options) {
    const lua_Integer largest = (lua_Integer)1 << 53;
    if (bind_opt_push(L, options, "seed") == LUA_TNIL)
        return rng_fork(bind_session_rng()) >> 11;
    return (uint64_t)bind_integer(L, -1, "nn.new", "seed", -largest, largest);
}

/* nn.new { input =, classes =, seed =, layer, layer, … } */
static int nn_new(lua_State *L) {
    static const char *const valid[] = { "input", "classes", "seed", NULL };
    lua_settop(L, 1);
    if (!lua_istable(L, 1))
        return bind_expected(L, 1, "nn.new", "options",
                             "a table such as { input = {1, 28, 28}, nn.conv2d{…}, … }");
    bind_options_list(L, 1, "nn.new", valid);
    uint64_t seed = read_seed(L, 1);
    cJSON *description = push_json(L);
    bind_opt_push(L, 1, "input");
    add_value(L, description, "input", -1, JSON_DEPTH);
    if (bind_opt_push(L, 1, "classes") != LUA_TNIL)
        add_value(L, description, "classes", -1, JSON_DEPTH);
    cJSON *layers = attach(L, description, "layers", cJSON_CreateArray());
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 1); i++, lua_pop(L, 1)) {
        if (lua_rawgeti(L, 1, i) != LUA_TTABLE) {
            char text[128];
            return luaL_error(L, "nn.new: layer %d: expected a layer such as nn.relu(), got %s",
                              (int)i, bind_describe(L, -1, text));
        }
        add_value(L, layers, NULL, -1, JSON_DEPTH);
    }
    Error err;
    return bind_push_network(L, network_new(description, seed, &err), &err);
}

/* Push the file that a name or a path means: a file as it is, else a shipped model. */
static const char *push_model_path(lua_State *L, const char *name) {
    if (strchr(name, '/') || access(name, F_OK) == 0)
        return lua_pushstring(L, name);
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.lua_dir");
    const char *folder = lua_tostring(L, -1);
    const char *path =
        lua_pushfstring(L, "%s/perigee/models/%s.safetensors", folder ? folder : ".", name);
    if (access(path, F_OK) != 0)
        luaL_error(L, "nn.load: %s: no such file, and no shipped model of that name (%s)", name,
                   path);
    return path;
}

/* nn.load(name or path) */
static int nn_load(lua_State *L) {
    const char *name = bind_string(L, 1, "nn.load", "name");
    const char *path = push_model_path(L, name);
    Error err;
    Model *model = model_load(path, &err);
    if (!model) {
        error_prefix(&err, "nn.load");
        return bind_raise(L, &err);
    }
    bind_push_model(L, model, &err);
    if (model->kind != &network_model_kind)
        return luaL_error(L, "nn.load: %s holds a model of kind %s, not a net; use perigee.load",
                          path, model->kind->name);
    return 1;
}

/* nn.train(net, ds, options): the history */
static int nn_train(lua_State *L) {
    Network *net = bind_check_net(L, 1, "nn.train", "net");
    lua_settop(L, 3);
    return bind_train(L, net, "nn.train", 2, 3, false);
}

/* nn.softmax(scores): of each row, or of a 1-d array */
static int nn_softmax(lua_State *L) {
    const Array *scores = bind_to_array(L, 1, "nn.softmax", "scores", DTYPE_F64);
    if (scores->ndim < 1)
        return bind_expected(L, 1, "nn.softmax", "scores", "a row of scores, or one a sample");
    size_t columns = scores->shape[scores->ndim - 1];
    Array *out = bind_push_new_array(L, "nn.softmax", DTYPE_F64, scores->ndim, scores->shape);
    if (columns > 0)
        softmax(array_f64(scores), array_size(scores) / columns, columns, array_f64(out));
    return 1;
}

int open_nn(lua_State *L) {
    static const luaL_Reg functions[] = {
        { "new", nn_new },         { "load", nn_load }, { "train", nn_train },
        { "softmax", nn_softmax }, { NULL, NULL },
    };
    bind_new_type(L, &json_type, NULL, NULL);
    lua_pop(L, 1);
    bind_network_open(L);
    luaL_newlib(L, functions);
    const LayerKind *kind;
    for (size_t i = 0; (kind = layer_kind_at(i)); i++) {
        lua_pushlightuserdata(L, (void *)kind);
        lua_pushcclosure(L, new_layer, 1);
        lua_setfield(L, -2, kind->name);
    }
    return 1;
}
