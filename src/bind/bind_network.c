/* bind_network.c — a net in Lua: passes, weights, training, what it is made of. How it prints is in
 * lua/perigee/nn.lua. */
#include "bind/bind_network.h"

#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "core/fields_json.h"
#include "core/rng.h"
#include "data/dataset.h"

#include "core/notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release_model(void *model) {
    model_release(model);
}

static const BoxType network_type = { .name = "perigee.net",
                                      .shown = "a net",
                                      .release = release_model };

static Network *check_self(lua_State *L, const char *where) {
    return bind_check(L, 1, &network_type, where, "self");
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static size_t check_layer(lua_State *L, const Network *net, const char *where, int arg) {
    Error err;
    ptrdiff_t layer = network_locate(net, where, bind_string(L, arg, where, "layer"), &err);
    if (layer < 0)
        bind_raise(L, &err);
    return (size_t)layer;
}

/* The layers that the value at 3 names: one name, a list of them, or none for the last layer. The
 * memory is Lua's, pushed; *count is how many. */
static size_t *check_taps(lua_State *L, const Network *net, size_t *count) {
    static const char where[] = "forward";
    if (lua_isnil(L, 3))
        lua_pushstring(L, network_layer_name(net, network_layer_count(net) - 1));
    else
        lua_pushvalue(L, 3);
    if (lua_type(L, -1) == LUA_TSTRING) { /* a list of one */
        lua_newtable(L);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
    }
    if (!lua_istable(L, -1))
        bind_expected(L, 3, where, "layers", "a layer's name or a list of them");
    *count = lua_rawlen(L, -1);
    if (*count == 0)
        luaL_error(L, "%s: layers: expected names, got an empty list", where);
    size_t *tap = lua_newuserdatauv(L, *count * sizeof *tap, 0);
    for (size_t t = 0; t < *count; t++, lua_pop(L, 1)) {
        lua_rawgeti(L, -2, (lua_Integer)t + 1);
        tap[t] = check_layer(L, net, where, -1);
    }
    return tap;
}

/* net:forward(x, layers): for each layer an array of n × its output, in the order asked for */
static int net_forward(lua_State *L) {
    static const char where[] = "forward";
    Network *net = check_self(L, where);
    size_t taps;
    lua_settop(L, 3);
    BindSamples samples = bind_check_samples(L, 2, where, "x");
    size_t *tap = check_taps(L, net, &taps);
    float **output = lua_newuserdatauv(L, taps * sizeof *output, 0);
    luaL_checkstack(L, (int)taps + 8, "forward: too many layers");
    for (size_t t = 0; t < taps; t++)
        output[t] = array_f32(bind_push_new_array(
            L, where, DTYPE_F32, &(Sizes){ 2, { samples.n, network_output_size(net, tap[t]) } }));
    Error err;
    Batch batch = { samples.x, samples.n, samples.features, where };
    if (!network_outputs(net, &batch, &(Taps){ tap, taps, output }, &err))
        return bind_raise(L, &err);
    return (int)taps;
}

/* Gradients that enter at layers: { relu2 = array, … } at 3. What they need stays on the stack. */
typedef struct Entering {
    size_t *tap, count;
    const float **gradient;
} Entering;

/* The array at the top as the gradient of the layer that the key below it names. */
static void add_entering(lua_State *L, const Network *net, size_t n, Entering *entering) {
    size_t layer = check_layer(L, net, "backward", -2), size = network_output_size(net, layer);
    const char *name = network_layer_name(net, layer);
    const Array *w = bind_to_array(L, -1, "backward", name, DTYPE_F32);
    char text[128];
    if (array_size(w) != n * size)
        luaL_error(L, "backward: w of %s is %s, expected (%I, %I)", name,
                   array_shape_text(w->ndim, w->shape, text), (lua_Integer)n, (lua_Integer)size);
    entering->tap[entering->count] = layer;
    entering->gradient[entering->count++] = array_f32(w);
}

static Entering check_entering(lua_State *L, const Network *net, size_t n) {
    Entering entering = { 0 };
    size_t most = 0;
    if (!lua_istable(L, 3))
        bind_expected(L, 3, "backward", "w", "a table, layer = array");
    for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1))
        most++;
    luaL_checkstack(L, (int)most + 12, "backward: too many layers");
    entering.tap = lua_newuserdatauv(L, (most + 1) * sizeof *entering.tap, 0);
    entering.gradient = lua_newuserdatauv(L, (most + 1) * sizeof *entering.gradient, 0);
    for (lua_pushnil(L); lua_next(L, 3);) {
        add_entering(L, net, n, &entering);
        lua_replace(L, -2);   /* the array in the value's place, */
        lua_rotate(L, -2, 1); /* below the key */
    }
    return entering;
}

static void push_parameters(lua_State *L, const Network *net, const float *vector) {
    lua_newtable(L);
    for (size_t l = 0; l < network_layer_count(net); l++)
        for (int p = 0; p < network_parameters(net, l); p++) {
            Error err;
            Array *a = network_parameter(net, l, p, vector, &err);
            bind_push_array(L, a, &err);
            lua_pushfstring(L, "%s.%s", network_layer_name(net, l),
                            network_parameter_name(net, l, p));
            lua_insert(L, -2);
            lua_rawset(L, -3);
        }
}

/* net:backward(x, { layer = w, … } [, { weights = true }]): the gradient of the sum of w · output
 * over all of them with respect to x, and where asked with respect to the weights */
static int net_backward(lua_State *L) {
    static const char where[] = "backward";
    static const char *const valid[] = { "weights", NULL };
    Network *net = check_self(L, where);
    lua_settop(L, 4);
    bind_options(L, 4, where, valid);
    bool weights = bind_opt_boolean(L, 4, where, "weights", false);
    BindSamples samples = bind_check_samples(L, 2, where, "x");
    Entering entering = check_entering(L, net, samples.n);
    float *dweights =
        weights ? lua_newuserdatauv(L, (network_vector_size(net) + 1) * sizeof(float), 0) : NULL;
    Array *dx =
        bind_push_new_array(L, where, DTYPE_F32, &(Sizes){ 2, { samples.n, samples.features } });
    Error err;
    Batch batch = { samples.x, samples.n, samples.features, where };
    Pass *pass = network_forward(net, &batch,
                                 &(Taps){ .layer = entering.tap, .count = entering.count }, &err);
    bool ok = pass && pass_backward_weights(pass, entering.gradient,
                                            &(PassSlopes){ array_f32(dx), dweights }, &err);
    pass_free(pass);
    if (!ok)
        return bind_raise(L, &err);
    if (weights)
        push_parameters(L, net, dweights);
    return weights ? 2 : 1;
}

/* ---- Weights --------------------------------------------------------------------------------- */

static int net_weights(lua_State *L) {
    push_parameters(L, check_self(L, "weights"), NULL);
    return 1;
}

/* net:load_weights(path): the net itself */
static int net_load_weights(lua_State *L) {
    Network *net = check_self(L, "load_weights");
    const char *path = bind_string(L, 2, "load_weights", "path");
    Tensors tensors;
    Error err;
    tensors_init(&tensors);
    bool ok = tensors_load(&tensors, path, &err);
    if (!ok)
        error_prefix(&err, "load_weights");
    else if (!(ok = network_load_weights(net, &tensors, NULL, &err)))
        error_prefix(&err, "%s", path);
    tensors_clear(&tensors);
    if (!ok)
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* ---- Training -------------------------------------------------------------------------------- */

static void push_history(lua_State *L, const TrainHistory *history, bool validated) {
    static const struct {
        const char *name;
        size_t offset;
        bool validation;
    } columns[] = {
#define COLUMN(name, validation) { #name, offsetof(struct TrainEpoch, name), validation }
        COLUMN(loss, false),    COLUMN(accuracy, false),       COLUMN(lr, false),
        COLUMN(seconds, false), COLUMN(validation_loss, true), COLUMN(validation_accuracy, true),
#undef COLUMN
    };
    lua_newtable(L);
    luaL_setmetatable(L, "perigee.training");
    bind_set_size(L, "epochs", history->epochs);
    lua_pushboolean(L, history->interrupted);
    lua_setfield(L, -2, "interrupted");
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        if (columns[c].validation && !validated)
            continue;
        lua_createtable(L, (int)history->epochs, 0);
        for (size_t e = 0; e < history->epochs; e++) {
            const char *row = (const char *)&history->epoch[e];
            lua_pushnumber(L, *(const double *)(row + columns[c].offset));
            lua_rawseti(L, -2, (lua_Integer)e + 1);
        }
        lua_setfield(L, -2, columns[c].name);
    }
}

int bind_train(lua_State *L, Network *net, const char *where, bool anew) {
    lua_settop(L, 3);
    const Dataset *ds = bind_check_dataset(L, 2, where, "ds");
    TrainParams params = *network_fit_params(net);
    Progress progress = progress_new();
    params.anew = anew;
    params.source = ds->source;
    params.progress = &progress;
    if (!anew) /* a call without a seed draws from the session's generator */
        params.seed = rng_fork(bind_session_rng()) >> 11;
    bind_fields(L, 3, where, train_fields.field, &params);
    Samples samples = bind_check_training(L, 2, where, "ds"), validation;
    if (bind_opt_push(L, 3, "validation") != LUA_TNIL) {
        validation = bind_check_training(L, -1, where, "validation");
        params.validation = &validation;
    }
    Error err;
    void **box = bind_new_memory_box(L);
    TrainHistory *history = *box = network_train(net, &samples, &params, &err);
    if (!history)
        return bind_raise(L, &err);
    if (history->interrupted)
        note_leave("stopped at epoch %zu of %zu; the network keeps the weights so far",
                   history->epochs + 1, params.epochs);
    push_history(L, history, params.validation != NULL);
    return 1;
}

/* net:fit(ds, options): anew from its own seed; the net itself */
static int net_fit(lua_State *L) {
    bind_train(L, check_self(L, "fit"), "fit", true);
    lua_settop(L, 1);
    return 1;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_layers(lua_State *L, const void *object) {
    const Network *net = object;
    lua_newtable(L);
    for (size_t l = 0; l < network_layer_count(net); l++) {
        size_t shape[3];
        lua_createtable(L, 0, 5);
        bind_set_string(L, "name", network_layer_name(net, l));
        bind_set_string(L, "kind", network_layer_kind(net, l));
        bind_push_sizes(L, network_output_shape(net, l, shape), shape);
        lua_setfield(L, -2, "shape");
        bind_set_size(L, "size", network_output_size(net, l));
        bind_set_size(L, "parameters", network_parameter_count(net, l));
        lua_rawseti(L, -2, (lua_Integer)l + 1);
    }
}

/* How the net was trained, as a flat table; nil if it was not. */
static void push_record(lua_State *L, const void *net) {
    const cJSON *record = network_record(net), *item;
    if (!record) {
        lua_pushnil(L);
        return;
    }
    lua_newtable(L);
    cJSON_ArrayForEach(item, record) {
        if (!item->string)
            continue;
        Value value = value_from_json(item, strcmp(item->string, "source") == 0);
        bind_push_value(L, &value);
        lua_setfield(L, -2, item->string);
    }
}

static void push_input(lua_State *L, const void *net) {
    size_t shape[3];
    bind_push_sizes(L, network_input_shape(net, shape), shape);
}

static void push_parameter_count(lua_State *L, const void *net) {
    lua_pushinteger(L, (lua_Integer)network_vector_size(net));
}

void bind_network_open(lua_State *L) {
    static const BindFunction methods[] = {
        BIND("forward", net_forward, 3), BIND("backward", net_backward, 4),
        BIND("weights", net_weights, 1), BIND("load_weights", net_load_weights, 2),
        BIND("fit", net_fit, 3),         BIND_LAST,
    };
    static const BindProperty properties[] = { BIND_PROPERTY("layers", push_layers),
                                               BIND_PROPERTY("input", push_input),
                                               BIND_PROPERTY("parameters", push_parameter_count),
                                               BIND_PROPERTY("trained", push_record), BIND_LAST };
    static const BindType type = { &network_type, &bind_any_model, methods, properties,
                                   .meta = NULL };
    luaL_newmetatable(L, "perigee.training");
    lua_pop(L, 1);
    bind_new_model_type(L, &type, &network_model_kind);
}
