/* bind_nn.c — the library nn: nets (passes, weights, what they are made of; their training is
 * bind_train.c), descriptions of layers, new nets and nets from files. How nets print is in
 * lua/perigee/nn.lua. */
#include "bind/bind.h"
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_grad.h"
#include "bind/bind_layer.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_samples.h"
#include "bind/bind_train.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "core/fail.h"
#include "core/notes.h"
#include "core/printable.h"
#include "core/rng.h"
#include "core/session.h"
#include "data/dataset.h"
#include "files/model_file.h"
#include "grad/models.h"
#include "grad/operations.h"
#include "nn/container.h"
#include "nn/network_build.h"
#include "nn/train.h"

#include <stdio.h>

static const BoxType network_type = { .name = "perigee.net",
                                      .shown = "a net",
                                      .release = bind_release_model };

Network *bind_check_net(lua_State *L, int arg, const char *where, const char *name) {
    return bind_check(L, arg, &network_type, where, name);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

static size_t find_layer(lua_State *L, const Network *net, const char *name) {
    Error err;
    ptrdiff_t layer = network_locate(net, bind_where(L), name, &err);
    if (layer < 0)
        bind_raise(L, &err);
    return (size_t)layer;
}

/* The layers that the value at 3 names: one name, a list of them, or none for the last layer. The
 * memory is Lua's, pushed; *count is how many. */
static size_t *check_taps(lua_State *L, const Network *net, size_t *count) {
    const char *last = network_layer_name(net, network_layer_count(net) - 1);
    const char *one = lua_isnil(L, 3)                 ? last
                      : lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3)
                                                      : NULL;
    BindStrings names = { &one, 1 };
    if (!one)
        names = bind_push_strings(L, 3, "layers", "a layer's name or a list of them");
    *count = names.count;
    size_t *tap = lua_newuserdatauv(L, *count * sizeof *tap, 0);
    for (size_t t = 0; t < *count; t++)
        tap[t] = find_layer(L, net, names.string[t]);
    return tap;
}

/* For a tape, into the arrays on top: with what the way back needs. The rows follow x at 2. */
static void record_outputs(lua_State *L, Network *net, const Batch *batch, LayerOutputs *wanted) {
    const Array **x = lua_newuserdatauv(L, sizeof *x, 0);
    lua_replace(L, 3); /* below the answers; the names have been read */
    wanted->x = bind_test_array(L, 4);
    if (wanted->count > NODE_OUTPUTS)
        bind_error(L, "forward: at most %d layers at a time can be differentiated", NODE_OUTPUTS);
    void *kept;
    BIND_TRY_MAKE(L, kept, network_outputs_recorded(net, batch, wanted, &err));
    bind_tell_owned(L, operation_find("forward"), kept);
    *x = bind_test_array(L, 2);
    if (!*x)
        bind_error(L, "forward: x was closed meanwhile");
    bind_tell_inputs(L, x, 1);
}

/* The outputs of a batch that may be of bytes, some rows at a time; the taps' `output` moves on. */
static bool outputs_in_pieces(Network *net, const Batch *batch, const Taps *taps, float **output,
                              Error *err) {
    Pieces pieces = pieces_of((Model *)net, batch, NULL);
    bool ok = true;
    while (ok && pieces_next(&pieces)) {
        ok = network_outputs(net, &pieces.piece, taps, err);
        for (size_t t = 0; t < taps->count; t++)
            output[t] += pieces.piece.n * network_output_size(net, taps->layer[t]);
    }
    pieces_end(&pieces);
    return ok && (pieces.done == batch->n || error_interrupted(err, batch->where));
}

/* net:forward(x, layers): for each layer an array of n × its output, in the order asked for */
static int net_forward(lua_State *L) {
    Network *net = bind_self(L, &network_type);
    size_t taps;
    lua_settop(L, 3);
    Batch batch = bind_wants_attributes(L) ? bind_check_batch(L, 2, (Model *)net, "x")
                                           : bind_check_pieces(L, 2, (Model *)net, "x");
    size_t *tap = check_taps(L, net, &taps);
    float **output = lua_newuserdatauv(L, taps * sizeof *output, 0);
    luaL_checkstack(L, (int)taps + 8, "forward: too many layers");
    for (size_t t = 0; t < taps; t++)
        output[t] = array_f32(bind_push_new_array(
            L, "forward", DTYPE_F32, &(Sizes){ 2, { batch.n, network_output_size(net, tap[t]) } }));
    const Taps wanted = { tap, taps, output };
    Error err;
    if (bind_wants_attributes(L))
        record_outputs(L, net, &batch, &(LayerOutputs){ NULL, tap, taps, output });
    else if (!(batch.x ? network_outputs(net, &batch, &wanted, &err)
                       : outputs_in_pieces(net, &batch, &wanted, output, &err)))
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
    size_t layer = find_layer(L, net, bind_string(L, -2, "backward", "layer"));
    size_t size = network_output_size(net, layer);
    const char *name = network_layer_name(net, layer);
    const Array *w = bind_to_array(L, -1, "backward", name, DTYPE_F32);
    char text[128];
    if (array_size(w) != n * size)
        bind_error(L, "backward: w of %s is %s, expected (%I, %I)", name,
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
    if (most == 0)
        bind_error(L, "backward: w: expected a table, layer = array, got an empty one");
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

/* The net's parameters; of a vector of gradients those that have one. */
static void push_parameters(lua_State *L, const Network *net, const float *vector) {
    lua_newtable(L);
    for (size_t l = 0; l < network_layer_count(net); l++)
        for (int p = 0; p < network_parameters(net, l); p++) {
            Error err;
            if (vector && network_parameter_is_buffer(net, l, p))
                continue;
            Array *a = network_parameter(net, l, p, vector, &err);
            bind_push_array(L, a, &err);
            lua_pushfstring(L, "%s.%s", network_layer_name(net, l),
                            network_parameter_name(net, l, p));
            lua_insert(L, -2);
            lua_rawset(L, -3);
        }
}

static const Field backward_fields[] = {
    { "weights", FIELD_BOOLEAN, .meaning = "gradients of the weights as well" },
    { .name = NULL },
};
static const bool without_weights = false;
static const Fields backward_options = { backward_fields, &without_weights };

/* net:backward(x, { layer = w, … } [, { weights = true }]): the gradient of the sum of w · output
 * over all of them with respect to x, and where asked with respect to the weights */
static int net_backward(lua_State *L) {
    static const char where[] = "backward";
    Network *net = bind_self(L, &network_type);
    bool weights = without_weights;
    lua_settop(L, 4);
    bind_here_options(L, 4, &weights);
    Batch batch = bind_check_batch(L, 2, (Model *)net, "x");
    Entering entering = check_entering(L, net, batch.n);
    float *dweights =
        weights ? lua_newuserdatauv(L, (network_vector_size(net) + 1) * sizeof(float), 0) : NULL;
    Array *dx =
        bind_push_new_array(L, where, DTYPE_F32, &(Sizes){ 2, { batch.n, batch.features } });
    Error err;
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
    push_parameters(L, bind_self(L, &network_type), NULL);
    return 1;
}

static const Field load_fields[] = {
    { "strict", FIELD_BOOLEAN, offsetof(WeightsFile, strict),
      .initial = "they are left out, with a sentence",
      .meaning = "whether arrays that no layer takes are an error; false: they are left out" },
    { "names", FIELD_OBJECT, .type = "table", .initial = "the layers' own",
      .meaning = "what the file calls layers: { conv1 = \"features.0\", … }" },
    { .name = NULL },
};
static const WeightsFile lenient = { .strict = false };
static const Fields load_options = { load_fields, &lenient };

/* The option `names` of the table at 3: { layer = the file's name for it }, which keeps the
 * strings. */
static void check_foreign_names(lua_State *L, const Network *net, WeightsFile *file) {
    static const char expected[] = "a table, layer = the file's name for it";
    if (bind_opt_push(L, 3, "names") == LUA_TNIL)
        return;
    int names = lua_gettop(L);
    if (!lua_istable(L, names))
        bind_expected(L, names, "load_weights", "names", expected);
    for (lua_pushnil(L); lua_next(L, names); lua_pop(L, 1))
        file->foreigners++;
    ForeignName *foreign = lua_newuserdatauv(L, (file->foreigners + 1) * sizeof *foreign, 0);
    file->foreign = foreign;
    for (lua_pushnil(L); lua_next(L, names); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            bind_expected(L, lua_type(L, -2) != LUA_TSTRING ? -2 : -1, "load_weights", "names",
                          expected);
        *foreign++ = (ForeignName){ find_layer(L, net, lua_tostring(L, -2)), lua_tostring(L, -1) };
    }
}

/* A file of more layers than the net has may be that of another net, which only the user knows. */
static void tell_left(const char *path, NameList *left) {
    char name[256], names[2 * NAME_LIST_TEXT];
    fprintf(stderr,
            "perigee: load_weights: %s: no layer takes %s; strict = true refuses such a file, and "
            "strict = false says nothing\n",
            printable(path, name, sizeof name),
            printable(name_list_text(left), names, sizeof names));
}

/* net:load_weights(path [, { strict =, names = }]): the net itself */
static int net_load_weights(lua_State *L) {
    Network *net = bind_self(L, &network_type);
    NameList left = { 0 };
    WeightsFile file = lenient;
    lua_settop(L, 3);
    bind_here_options(L, 3, &file);
    file.path = bind_string(L, 2, "load_weights", "path");
    if (!lua_isnil(L, 3))
        check_foreign_names(L, net, &file);
    bool says = !lua_isnil(L, 3) && bind_opt_push(L, 3, "strict") != LUA_TNIL;
    file.left = &left;
    Error err;
    bool ok = network_load_file(net, &file, &err);
    if (ok && left.count > 0 && !says)
        tell_left(file.path, &left);
    return bind_answer(L, 1, ok, &err);
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
    bind_push_record(L, network_record(net));
}

static void push_input(lua_State *L, const void *net) {
    size_t shape[3];
    bind_push_sizes(L, network_input_shape(net, shape), shape);
}

static void push_parameter_count(lua_State *L, const void *net) {
    size_t count = 0;
    for (size_t l = 0; l < network_layer_count(net); l++)
        count += network_parameter_count(net, l);
    lua_pushinteger(L, (lua_Integer)count);
}

static void open_nets(lua_State *L) {
    static const BindFunction methods[] = {
        BIND("forward", net_forward, 3),
        BIND_WITH("backward", net_backward, 4, &backward_options),
        BIND("weights", net_weights, 1),
        BIND_WITH("load_weights", net_load_weights, 3, &load_options),
        BIND_WITH("fit", bind_net_fit, 3, &train_fields),
        BIND_LAST,
    };
    static const BindProperty properties[] = { BIND_PROPERTY("layers", push_layers),
                                               BIND_PROPERTY("input", push_input),
                                               BIND_PROPERTY("parameters", push_parameter_count),
                                               BIND_PROPERTY("trained", push_record), BIND_LAST };
    static const BindType type = { &network_type, &bind_any_model, methods, properties,
                                   .meta = NULL };
    bind_open_training(L);
    bind_new_model_type(L, &type, &network_model_kind);
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* Push a layer with the options of the table on top of the stack. `also` is a key that may stand
 * there besides, or NULL. A container's table has a list, too. */
static Layer *push_layer(lua_State *L, const LayerKind *kind, const char *also, const char *where) {
    const char *names[BIND_MOST_NAMES];
    int table = lua_gettop(L);
    bind_field_names(kind->fields.field, also, names);
    Layer *layer = lua_newuserdatauv(L, kind->size, 0);
    layer_init(layer, kind);
    (container_of(layer) ? bind_options_list : bind_options)(L, table, where, names);
    bind_read_fields(L, table, where, kind->fields.field, layer);
    return layer;
}

int bind_new_layer(lua_State *L) {
    const LayerKind *kind = bind_here(L)->data;
    lua_settop(L, 1);
    push_layer(L, kind, NULL, bind_where(L));
    bind_push_copy(L, 1);
    bind_set_string(L, "kind", kind->name);
    return 1;
}

/* ---- New nets, nets from files --------------------------------------------------------------- */

static void read_input(lua_State *L, Shape *input) {
    Error err;
    if (bind_opt_push(L, 1, "input") == LUA_TNIL)
        bind_expected(L, -1, "nn.new", "input",
                      "{channels, height, width}, {height, width} or {features}");
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

/* Layers as they are read: what is in a container first (nn/container.h). */
typedef struct Reading {
    Layer **layer;
    size_t count;
    int depth;
} Reading;

enum { PATH = 200 };
static void read_list(lua_State *L, Reading *reading, int list, const char *where);

static size_t count_list(lua_State *L, int list, int depth);

/* How many layers the one on top is, with those inside; it is popped. */
static size_t count_layer(lua_State *L, int depth) {
    int layer = lua_gettop(L);
    size_t count = 1;
    if (lua_istable(L, layer)) {
        count += count_list(L, layer, depth + 1);
        bind_opt_push(L, layer, "shortcut");
        count += lua_istable(L, -1) ? count_layer(L, depth + 1) : 0;
    }
    lua_settop(L, layer - 1);
    return count;
}

static size_t count_list(lua_State *L, int list, int depth) {
    size_t count = 0;
    Error err;
    if (depth > CONTAINER_DEPTH)
        bind_error(L, "nn.new: containers in containers: expected at most %d", CONTAINER_DEPTH);
    luaL_checkstack(L, 8, "nn.new: too many containers");
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, list); i++) {
        lua_rawgeti(L, list, i);
        count += count_layer(L, depth);
        if (!network_count_layers(count, &err))
            bind_raise(L, &err);
    }
    return count;
}

/* The kind that the table on top names; a list without one is a sequence where a shortcut stands.
 */
static const LayerKind *check_kind(lua_State *L, bool shortcut, const char *where) {
    Error err;
    const char *word = bind_opt_push(L, -1, "kind") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1); /* the table keeps it */
    const LayerKind *kind = !word && shortcut ? &layer_sequence : layer_find(word, &err);
    if (!kind) {
        error_prefix(&err, "%s", where);
        bind_raise(L, &err);
    }
    return kind;
}

static void read_layer(lua_State *L, Reading *reading, bool shortcut, const char *where);

/* What the container of the table there is made of. */
static void read_inside(lua_State *L, Reading *reading, int table, Container *container,
                        const char *where) {
    size_t before = reading->count;
    char path[PATH];
    read_list(L, reading, table, where);
    container->body = reading->count - before;
    if (container->layer.kind == &layer_residual &&
        bind_opt_push(L, table, "shortcut") != LUA_TNIL) {
        snprintf(path, sizeof path, "%.150s: shortcut", where);
        read_layer(L, reading, true, path);
    }
    container->shortcut = reading->count - before - container->body;
}

/* Push the layer that the table on top of the stack describes, and what keeps its kind. */
static void read_layer(lua_State *L, Reading *reading, bool shortcut, const char *where) {
    int table = lua_gettop(L);
    char text[128], path[PATH];
    luaL_checkstack(L, 16, "nn.new: too many layers");
    if (!lua_istable(L, table))
        bind_error(L, "%s: expected a layer such as nn.relu(), got %s", where,
                   bind_describe(L, table, text));
    const char *name = bind_opt_push(L, table, "name") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    const char *word = bind_opt_push(L, table, "kind") == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_settop(L, table); /* the table keeps both */
    snprintf(path, sizeof path, name || word ? "%.120s (%.60s)" : "%.120s", where,
             name ? name : word);
    const LayerKind *kind = check_kind(L, shortcut, path);
    Layer *layer = push_layer(L, kind, "kind", path);
    bind_push_layer_owner(L, kind);
    if (container_of(layer))
        read_inside(L, reading, table, (Container *)layer, path);
    reading->layer[reading->count++] = layer;
}

static void read_list(lua_State *L, Reading *reading, int list, const char *where) {
    char path[PATH];
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);
    for (lua_Integer i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "%.150s: layer %lld", where, (long long)i);
        lua_rawgeti(L, list, i);
        read_layer(L, reading, false, path);
    }
}

/* nn.new { input =, classes =, seed =, layer, layer, … } */
static int nn_new(lua_State *L) {
    const char *names[BIND_MOST_NAMES];
    NetworkParts parts = { 0 };
    Error err;
    bind_field_names(network_fields, NULL, names);
    bind_options_list(L, 1, "nn.new", names);
    Reading reading = { .layer = lua_newuserdatauv(
                            L, (count_list(L, 1, 0) + 1) * sizeof *reading.layer, 0) };
    if (bind_opt_push(L, 1, "seed") == LUA_TNIL)
        parts.seed = rng_fork(session_rng()) >> 11;
    bind_read_fields(L, 1, "nn.new", network_fields, &parts);
    read_input(L, &parts.input);
    read_classes(L, &parts);
    read_list(L, &reading, 1, "nn.new");
    parts.layer = reading.layer;
    parts.layers = reading.count;
    return bind_push_model(L, (Model *)network_build(&parts, &err), &err);
}

/* nn.load(name or path) */
static int nn_load(lua_State *L) {
    const char *name = bind_string(L, 1, "nn.load", "name");
    char path[MODEL_PATH];
    Error err;
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.lua_dir");
    Model *model =
        model_find(name, lua_tostring(L, -1), path, &err) ? model_load(path, &err) : NULL;
    if (!model) {
        error_prefix(&err, "nn.load");
        return bind_raise(L, &err);
    }
    bind_push_model(L, model, &err);
    if (model->kind != &network_model_kind)
        return bind_error(L, "nn.load: %s holds a model of kind %s, not a net; use perigee.load",
                          path, model->kind->name);
    return 1;
}

/* ---- The library ----------------------------------------------------------------------------- */

/* nn.softmax is a layer; of numbers it is array.softmax under another name. */
static int softmax(lua_State *L) {
    bool numbers = bind_test_array(L, 1) || (lua_istable(L, 1) && lua_rawlen(L, 1) > 0);
    return numbers ? bind_array_softmax(L) : bind_new_layer(L);
}

static void open_kinds(lua_State *L, const LayerKind *const *table, const char *group) {
    for (; *table; table++, group = NULL) {
        const LayerKind *kind = *table;
        bool both = kind == &layer_softmax;
        lua_CFunction call = both ? softmax : bind_new_layer;
        bind_set_described(L, &(BindFunction)BIND_AS(kind->name, call, both ? 2 : 1, kind),
                           &(Described){ "nn.", kind->summary, kind->example, "table",
                                         "the layer's description, for nn.new", group, "nn.new",
                                         kind->fields });
    }
}

int open_nn(lua_State *L) {
    static const Fields new_options = { network_fields, NULL };
    static const BindFunction functions[] = {
        BIND_WITH("new", nn_new, 1, &new_options),
        BIND("load", nn_load, 1),
        BIND_WITH("train", bind_nn_train, 3, &train_fields),
        BIND_LAST,
    };
    open_nets(L);
    bind_open_layers(L);
    lua_newtable(L);
    bind_set_functions(L, functions);
    open_kinds(L, layer_table, "Layers");
    open_kinds(L, container_table, NULL);
    return 1;
}
