/* bind_nn.c — the library nn: descriptions of layers, new nets, nets from files, training. */
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_network.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "core/rng.h"
#include "files/model_file.h"
#include "nn/loss.h"
#include "nn/network_build.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Layers ---------------------------------------------------------------------------------- */

/* Push a layer with the options of the table on top of the stack. `also` is a key that may stand
 * there besides, or NULL. */
static Layer *push_layer(lua_State *L, const LayerKind *kind, const char *also, const char *where) {
    const char *names[BIND_MOST_NAMES];
    int table = lua_gettop(L);
    bind_field_names(kind->fields.field, also, names);
    bind_options(L, table, where, names);
    Layer *layer = lua_newuserdatauv(L, kind->size, 0);
    layer_init(layer, kind);
    bind_read_fields(L, table, where, kind->fields.field, layer);
    return layer;
}

/* nn.conv2d { out =, … } and its like: a copy of the options with `kind`, all checked. */
static int new_layer(lua_State *L) {
    const LayerKind *kind = bind_here(L)->data;
    char where[64];
    snprintf(where, sizeof where, "nn.%s", kind->name);
    lua_settop(L, 1);
    push_layer(L, kind, NULL, where);
    bind_push_copy(L, 1);
    bind_set_string(L, "kind", kind->name);
    return 1;
}

/* ---- Nets ------------------------------------------------------------------------------------ */

static void read_input(lua_State *L, Shape *input) {
    Error err;
    if (bind_opt_push(L, 1, "input") == LUA_TNIL)
        bind_expected(L, -1, "nn.new", "input", "{channels, height, width} or {features}");
    const Array *numbers = bind_to_array(L, -1, "nn.new", "input", DTYPE_F64);
    if (!network_read_input(array_f64(numbers), array_size(numbers), input, &err))
        bind_raise(L, &err);
}

/* The labels stay on the stack. */
static void read_classes(lua_State *L, NetworkParts *parts) {
    if (bind_opt_push(L, 1, "classes") == LUA_TNIL)
        return;
    const Array *labels = bind_to_array(L, -1, "nn.new", "classes", DTYPE_I32);
    parts->label = array_i32(labels);
    parts->labels = array_size(labels);
}

/* Push the layer that the table on top of the stack describes. */
static Layer *read_layer(lua_State *L, lua_Integer number) {
    char text[128], where[128];
    Error err;
    if (!lua_istable(L, -1))
        luaL_error(L, "nn.new: layer %I: expected a layer such as nn.relu(), got %s", number,
                   bind_describe(L, -1, text));
    const char *name = bind_opt_push(L, -1, "name") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const char *word = bind_opt_push(L, -2, "kind") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const LayerKind *kind = layer_find(word, &err);
    lua_pop(L, 2); /* the table keeps both */
    snprintf(where, sizeof where,
             name || word ? "nn.new: layer %lld (%.60s)" : "nn.new: layer %lld", (long long)number,
             name ? name : word);
    if (!kind) {
        error_prefix(&err, "%s", where);
        bind_raise(L, &err);
    }
    return push_layer(L, kind, "kind", where);
}

/* nn.new { input =, classes =, seed =, layer, layer, … } */
static int nn_new(lua_State *L) {
    const char *names[BIND_MOST_NAMES];
    NetworkParts parts = { 0 };
    Error err;
    bind_field_names(network_fields, NULL, names);
    bind_options_list(L, 1, "nn.new", names);
    parts.layers = lua_rawlen(L, 1);
    Layer **layer = lua_newuserdatauv(L, (parts.layers + 1) * sizeof *layer, 0);
    luaL_checkstack(L, 2 * (int)parts.layers + 16, "nn.new: too many layers");
    if (bind_opt_push(L, 1, "seed") == LUA_TNIL)
        parts.seed = rng_fork(bind_session_rng()) >> 11;
    bind_read_fields(L, 1, "nn.new", network_fields, &parts);
    read_input(L, &parts.input);
    read_classes(L, &parts);
    for (size_t l = 0; l < parts.layers; l++) {
        lua_rawgeti(L, 1, (lua_Integer)l + 1);
        layer[l] = read_layer(L, (lua_Integer)l + 1);
    }
    parts.layer = layer;
    return bind_push_model(L, (Model *)network_build(&parts, &err), &err);
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
    if (!model)
        error_prefix(&err, "nn.load");
    bind_push_model(L, model, &err);
    if (model->kind != &network_model_kind)
        return luaL_error(L, "nn.load: %s holds a model of kind %s, not a net; use perigee.load",
                          path, model->kind->name);
    return 1;
}

/* nn.train(net, ds, options): the history */
static int nn_train(lua_State *L) {
    Network *net = bind_check_net(L, 1, "nn.train", "net");
    return bind_train(L, net, "nn.train", false);
}

/* nn.softmax(scores): of each row, or of a 1-d array */
static int nn_softmax(lua_State *L) {
    const Array *scores = bind_to_array(L, 1, "nn.softmax", "scores", DTYPE_F64);
    if (scores->ndim < 1)
        return bind_expected(L, 1, "nn.softmax", "scores", "a row of scores, or one a sample");
    size_t columns = scores->shape[scores->ndim - 1];
    Sizes shape = array_sizes(scores);
    Array *out = bind_push_new_array(L, "nn.softmax", DTYPE_F64, &shape);
    if (columns > 0)
        softmax(array_f64(scores), array_size(scores) / columns, columns, array_f64(out));
    return 1;
}

/* ---- The library ----------------------------------------------------------------------------- */

static void open_layers(lua_State *L) {
    for (size_t i = 0; layer_table[i]; i++) {
        const LayerKind *kind = layer_table[i];
        char name[64];
        bind_set_functions(
            L, (const BindFunction[]){ BIND_AS(kind->name, new_layer, 1, kind), BIND_LAST });
        snprintf(name, sizeof name, "nn.%s", kind->name);
        bind_describe_options(L, &(Described){ name, kind->summary, kind->example, "table",
                                               "the layer's description, for nn.new",
                                               i == 0 ? "Layers" : NULL, "nn.new", kind->fields });
    }
}

int open_nn(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("new", nn_new, 1),
        BIND("load", nn_load, 1),
        BIND("train", nn_train, 3),
        BIND("softmax", nn_softmax, 1),
        BIND_LAST,
    };
    bind_network_open(L);
    lua_newtable(L);
    bind_set_functions(L, functions);
    open_layers(L);
    bind_describe_options(L, &(Described){ "nn.new", .fields = { network_fields, NULL } });
    bind_describe_options(L, &(Described){ "nn.train", .fields = train_fields });
    bind_describe_options(L, &(Described){ "net:fit", .fields = train_fields });
    return 1;
}
