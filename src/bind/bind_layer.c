/* bind_layer.c — layers whose code is written in Lua: their kinds, and the calls into them.
 *
 * A definition is a kind like the built-in ones, with a host (nn/layer.h) that calls the functions
 * of the user's table; lua/perigee/layer.lua stands between and has checked that table. Layers of
 * the kind count as references to it, and so does a box: of the latest definition of each name,
 * which files and descriptions find, and of every constructor. A name that is defined anew leaves
 * the networks of the old definition as they are. */
#include "bind/bind_layer.h"

#include "bind/bind_call.h"
#include "bind/bind_declared.h"
#include "bind/bind_fields.h"
#include "core/array.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/rng.h"
#include "nn/layer.h"
#include "nn/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_OPTIONS = 16, MOST_WORDS = 16 }; /* lua/perigee/layer.lua refuses more */

/* One option's value: a number, whole or not; true or false; a word's place. */
typedef union OwnValue {
    double number;
    bool truth;
    int word;
} OwnValue;

typedef struct OwnLayer {
    Layer layer;
    OwnValue value[MOST_OPTIONS];
} OwnLayer;

typedef struct OwnKind {
    LayerKind kind; /* first */
    int references;
    BindRef definition; /* the table; it has all the strings */
    OwnLayer initial;
    Field field[MOST_OPTIONS + 2]; /* the name's, and the end */
    const char *word[MOST_OPTIONS][MOST_WORDS + 1];
} OwnKind;

/* What such a layer has as its `hosted`. */
typedef struct Hosted {
    BindRef state;  /* of its calls, as layer.lua has it; it has the parameters' names */
    float *initial; /* values of parameters that do not start at random, or NULL */
} Hosted;

/* Registry: what layer.lua does, and the boxes: by name, and (weak) by their constructors. */
#define HALF "perigee.layers"
#define BY_NAME "perigee.defined_layers"
#define BY_CONSTRUCTOR "perigee.layer_constructors"

static void push_half(lua_State *L, const char *name) {
    bind_push_half(L, HALF, name);
}

static const char *known_as(const Layer *layer) {
    return *layer->name ? layer->name : layer->kind->name;
}

static bool call_layer(const Layer *layer, BindBody *body, const void *context, Error *err) {
    const OwnKind *own = (const OwnKind *)layer->kind;
    BindCaller caller = { own->definition.L, known_as(layer), "the layer written in Lua" };
    return bind_call(&caller, body, context, err);
}

/* ---- Its sizes and parameters ---------------------------------------------------------------- */

/* A table of the options' values. */
static void push_values(lua_State *L, const Layer *layer) {
    lua_newtable(L);
    for (const Field *field = layer->kind->fields.field; strcmp(field->name, "name") != 0;
         field++) {
        Value value = field_get(field, layer);
        if (value.is_whole && field->kind != FIELD_BOOLEAN)
            value = value_whole(value.whole);
        bind_push_value(L, &value);
        lua_setfield(L, -2, field->name);
    }
}

static void push_shape(lua_State *L, Shape shape) {
    size_t numbers[3];
    int count = shape_numbers(shape, numbers);
    bind_push_sizes(L, count, numbers);
}

/* Add the parameter at the top: { name =, shape =, … }. */
static void add_parameter(lua_State *L, Layer *layer) {
    Error err;
    lua_getfield(L, -1, "name");
    const char *name = lua_tostring(L, -1); /* the state keeps it */
    lua_getfield(L, -2, "shape");
    Sizes shape = bind_listed_sizes(L, -1);
    lua_pop(L, 2);
    if (!layer_add_parameter(layer, name, &shape, &err))
        bind_raise(L, &err);
}

/* Its initial values, a number or an array, into its place; nothing there: they are drawn. */
static void read_initial(lua_State *L, Parameter *parameter, float *values) {
    float *to = values + parameter->offset;
    int type = lua_getfield(L, -1, "initial");
    double number = lua_tonumber(L, -1);
    if (type == LUA_TNUMBER)
        for (size_t i = 0; i < parameter->count; i++)
            to[i] = (float)number;
    else if (type != LUA_TNIL)
        memcpy(to,
               array_f32(bind_to_array(L, lua_gettop(L), "initial", parameter->name, DTYPE_F32)),
               parameter->count * sizeof *to);
    for (size_t i = 0; type != LUA_TNIL && i < parameter->count; i++)
        if (!isfinite(to[i]))
            bind_error(L, "parameters: %s: an initial value is NaN or infinite", parameter->name);
    parameter->initial = type == LUA_TNIL ? NULL : to;
    lua_pop(L, type == LUA_TNIL || type == LUA_TNUMBER ? 1 : 2);
}

static void read_parameters(lua_State *L, int list, Layer *layer) {
    int count = (int)lua_rawlen(L, list);
    for (int p = 0; p < count; p++) {
        lua_rawgeti(L, list, p + 1);
        add_parameter(L, layer);
        lua_pop(L, 1);
    }
    Hosted *hosted = layer->hosted;
    hosted->initial = malloc((layer->parameter_count + 1) * sizeof(float));
    if (!hosted->initial)
        bind_error(L, "out of memory");
    for (int p = 0; p < count; p++) {
        lua_rawgeti(L, list, p + 1);
        read_initial(L, &layer->parameter[p], hosted->initial);
        lua_pop(L, 1);
    }
}

/* Products summed for one output, as far as the parameters' shapes tell: with none of two axes or
 * more, as many as inputs. */
static size_t fan_in_of(const Layer *layer) {
    size_t most = 0;
    for (int p = 0; p < layer->parameters; p++) {
        const Parameter *parameter = &layer->parameter[p];
        size_t products = parameter->ndim > 1 ? parameter->count / parameter->shape[0] : 0;
        most = products > most ? products : most;
    }
    return most ? most : shape_size(layer->in);
}

static void configure_body(lua_State *L, const void *context) {
    Layer *layer = *(Layer *const *)context;
    enum { STATE = 1, OUT, PARAMETERS };
    push_half(L, "configure");
    bind_ref_push(L, ((const OwnKind *)layer->kind)->definition);
    push_values(L, layer);
    push_shape(L, layer->in);
    lua_call(L, 3, 3);
    Sizes out = bind_listed_sizes(L, OUT);
    layer->out = out.ndim == 1 ? (Shape){ true, out.size[0], 1, 1 }
                               : (Shape){ false, out.size[0], out.size[1], out.size[2] };
    read_parameters(L, PARAMETERS, layer);
    layer->fan_in = fan_in_of(layer);
    lua_settop(L, STATE);
    ((Hosted *)layer->hosted)->state = bind_ref_take(L);
}

static bool configure(Layer *layer, Error *err) {
    layer->hosted = calloc(1, sizeof(Hosted));
    if (!layer->hosted)
        return error_memory(err, known_as(layer), sizeof(Hosted));
    return call_layer(layer, configure_body, &layer, err);
}

static void clear(Layer *layer) {
    Hosted *hosted = layer->hosted;
    if (!hosted)
        return;
    bind_ref_clear(&hosted->state);
    free(hosted->initial);
    free(hosted);
}

/* ---- What goes in and comes out -------------------------------------------------------------- */

/* n activations as users see them, read-only. */
static void push_rows(lua_State *L, Shape shape, size_t n, const float *values) {
    Sizes sizes = { .size = { n } };
    sizes.ndim = 1 + shape_numbers(shape, sizes.size + 1);
    Array *a = bind_push_new_array(L, "layer", DTYPE_F32, &sizes);
    layout_batch_to_outer(shape, n, values, array_f32(a));
    a->read_only = true;
}

static void push_weights(lua_State *L, const Layer *layer, const float *weights) {
    lua_createtable(L, 0, layer->parameters);
    for (int p = 0; p < layer->parameters; p++) {
        const Parameter *parameter = &layer->parameter[p];
        Sizes shape = sizes_of(parameter->ndim, parameter->shape);
        Array *a = bind_push_new_array(L, "layer", DTYPE_F32, &shape);
        memcpy(array_f32(a), weights + parameter->offset, parameter->count * sizeof *weights);
        a->read_only = true;
        lua_setfield(L, -2, parameter->name);
    }
}

/* What a function of the layer has answered, at `arg`. */
typedef struct Answer {
    const Layer *layer;
    const char *what; /* "forward answered", "backward answered for weight" */
    Sizes shape;
} Answer;

static void refuse_answer(lua_State *L, int arg, const Answer *answer, const char *expected) {
    bool forward = strncmp(answer->what, "forward", strlen("forward")) == 0;
    char got[128], place[BIND_PLACE];
    bind_describe(L, arg, got);
    bind_ref_push(L, ((const OwnKind *)answer->layer->kind)->definition);
    lua_getfield(L, -1, forward ? "forward" : "backward");
    bind_error(L, "%s: %s %s, expected floats: f32 or f64, %s%s", known_as(answer->layer),
               answer->what, got, expected, bind_function_place(L, -1, place));
}

static const float *check_answer(lua_State *L, int arg, const Answer *answer) {
    const Array *given = bind_test_array(L, arg);
    const Sizes *shape = &answer->shape;
    char expected[128];
    array_shape_text(shape->ndim, shape->size, expected);
    if (!given || dtype_is_whole(given->dtype) || given->ndim != shape->ndim ||
        memcmp(given->shape, shape->size, (size_t)shape->ndim * sizeof *shape->size) != 0)
        refuse_answer(L, arg, answer, expected);
    return array_f32(bind_to_array(L, arg, known_as(answer->layer), answer->what, DTYPE_F32));
}

static Answer rows_expected(const Layer *layer, const char *what, Shape shape, size_t n) {
    Answer answer = { .layer = layer, .what = what, .shape = { .size = { n } } };
    answer.shape.ndim = 1 + shape_numbers(shape, answer.shape.size + 1);
    return answer;
}

/* What a call draws by: the batch's seed, and whose layer and rows they are. */
static lua_Integer seed_of(const Layer *layer, const Tile *tile) {
    Rng rng;
    rng_seed_part(&rng, tile->seed ^ hash_text(layer->name), tile->first);
    return (lua_Integer)(rng_fork(&rng) >> 11);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

typedef struct LayerRun {
    const Layer *layer;
    const LayerCall *call;
    void **kept;         /* forward: where what backward needs goes, or NULL */
    const BindRef *pull; /* backward: what that was, or NULL */
} LayerRun;

static void push_state(lua_State *L, const LayerRun *run) {
    bind_ref_push(L, ((const Hosted *)run->layer->hosted)->state);
    lua_pushstring(L, run->layer->name);
    lua_pushboolean(L, run->call->tile->training);
    lua_pushinteger(L, seed_of(run->layer, run->call->tile));
}

/* The function on top, which pulls gradients back, is kept. */
static void keep(lua_State *L, void **kept) {
    BindRef pull = bind_ref_take(L);
    BindRef *place = malloc(sizeof *place);
    if (!place) {
        bind_ref_clear(&pull);
        bind_error(L, "out of memory");
        return;
    }
    *place = pull;
    *kept = place;
}

static void forward_body(lua_State *L, const void *context) {
    const LayerRun *run = context;
    const Layer *layer = run->layer;
    const LayerCall *call = run->call;
    enum { Y = 1, PULL };
    push_half(L, "forward");
    push_state(L, run);
    push_rows(L, layer->in, call->tile->n, call->x);
    push_weights(L, layer, call->weights);
    lua_pushboolean(L, run->kept != NULL);
    lua_call(L, 7, 2);
    Answer answer = rows_expected(layer, "forward answered", layer->out, call->tile->n);
    layout_batch_to_inner(layer->out, call->tile->n, check_answer(L, Y, &answer), call->y);
    lua_settop(L, PULL);
    if (run->kept && !lua_isnil(L, PULL))
        keep(L, run->kept);
}

static bool forward(const Layer *layer, const LayerCall *call, void **kept, Error *err) {
    return call_layer(layer, forward_body, &(LayerRun){ layer, call, .kept = kept }, err);
}

/* Push the gradients with respect to the input and (in a table) the parameters. */
static void push_gradients(lua_State *L, const LayerRun *run) {
    const Layer *layer = run->layer;
    const LayerCall *call = run->call;
    size_t n = call->tile->n;
    push_half(L, run->pull ? "pull" : "backward");
    if (run->pull) {
        bind_ref_push(L, *run->pull);
        push_rows(L, layer->out, n, call->dy);
        lua_call(L, 2, 2);
        return;
    }
    push_state(L, run);
    push_rows(L, layer->in, n, call->x);
    push_rows(L, layer->out, n, call->dy);
    push_rows(L, layer->out, n, call->y);
    push_weights(L, layer, call->weights);
    lua_pushboolean(L, call->dx != NULL);
    lua_pushboolean(L, call->dweights != NULL);
    lua_call(L, 10, 2);
}

/* Add the gradient at the top to the parameter's; nothing is zero. */
static void add_gradient(lua_State *L, const LayerRun *run, const Parameter *parameter) {
    char what[128];
    if (lua_isnil(L, -1))
        return;
    snprintf(what, sizeof what, "backward answered for %.60s", parameter->name);
    Answer answer = { run->layer, what, sizes_of(parameter->ndim, parameter->shape) };
    const float *gradient = check_answer(L, lua_gettop(L), &answer);
    float *sum = run->call->dweights + parameter->offset;
    for (size_t i = 0; i < parameter->count; i++)
        sum[i] += gradient[i];
}

static void backward_body(lua_State *L, const void *context) {
    const LayerRun *run = context;
    const Layer *layer = run->layer;
    const LayerCall *call = run->call;
    enum { DX = 1, DWEIGHTS };
    push_gradients(L, run);
    Answer answer = rows_expected(layer, "backward answered for x", layer->in, call->tile->n);
    if (call->dx && lua_isnil(L, DX))
        memset(call->dx, 0, call->tile->n * shape_size(layer->in) * sizeof *call->dx);
    else if (call->dx)
        layout_batch_to_inner(layer->in, call->tile->n, check_answer(L, DX, &answer), call->dx);
    for (int p = 0; call->dweights && p < layer->parameters; p++) {
        lua_settop(L, DWEIGHTS);
        if (lua_istable(L, DWEIGHTS))
            lua_getfield(L, DWEIGHTS, layer->parameter[p].name);
        else
            lua_pushnil(L);
        add_gradient(L, run, &layer->parameter[p]);
    }
}

static bool backward(const Layer *layer, const LayerCall *call, void *kept, Error *err) {
    return call_layer(layer, backward_body, &(LayerRun){ layer, call, .pull = kept }, err);
}

static void close_body(lua_State *L, const void *pull) {
    push_half(L, "close");
    bind_ref_push(L, *(const BindRef *)pull);
    lua_call(L, 1, 0);
}

/* What it recorded goes now, and does not wait for the collector. */
static void forget(const Layer *layer, void *kept) {
    Error err;
    call_layer(layer, close_body, kept, &err);
    bind_ref_clear(kept);
    free(kept);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static void retain_kind(const LayerKind *kind) {
    ((OwnKind *)kind)->references++;
}

static void release_kind(const LayerKind *kind) {
    OwnKind *own = (OwnKind *)kind;
    if (--own->references > 0)
        return;
    bind_ref_clear(&own->definition);
    free(own);
}

static const LayerHost host = { .retain = retain_kind,
                                .release = release_kind,
                                .clear = clear,
                                .forward = forward,
                                .backward = backward,
                                .forget = forget };

static void release_box(void *kind) {
    layer_undefine(kind);
    release_kind(kind);
}

static const BoxType box_type = { .name = "perigee.layer_kind",
                                  .shown = "a layer's definition",
                                  .release = release_box };

/* Add the option at the top as the k-th: { name =, kind =, default =, low =, high =, words =,
 * meaning = }. Without a default it must be given. */
static void add_option(lua_State *L, OwnKind *own, size_t k) {
    int option = lua_gettop(L);
    Field *field = &own->field[k];
    *field = bind_declared_field(L, option, own->word[k], MOST_WORDS);
    field->offset = offsetof(OwnLayer, value) + k * sizeof(OwnValue);
    field->required = lua_getfield(L, option, "default") == LUA_TNIL;
    FieldPlace place;
    if (fields_place(field, &own->initial, "", &place) && !field->required)
        bind_field_set(L, -1, "nn.layer: options", &place);
    lua_pop(L, 1);
}

/* Push the box of a kind by the checked table at 1. */
static OwnKind *push_kind(lua_State *L) {
    static const Field last[] = { LAYER_NAME, { .name = NULL } };
    void **box = bind_new_box(L, &box_type);
    OwnKind *own = calloc(1, sizeof *own);
    if (!own)
        bind_error(L, "nn.layer: out of memory");
    own->references = 1;
    *box = own;
    lua_pushvalue(L, 1);
    own->definition = bind_ref_take(L);
    own->kind = (LayerKind){ .name = bind_declared_text(L, 1, "name"),
                             .label = bind_declared_text(L, 1, "name"),
                             .summary = bind_declared_text(L, 1, "summary"),
                             .fields = { own->field, &own->initial },
                             .size = sizeof(OwnLayer),
                             .backward_reads_x = true,
                             .backward_reads_y = true,
                             .configure = configure,
                             .host = &host };
    lua_getfield(L, 1, "options");
    size_t options = (size_t)lua_rawlen(L, -1);
    for (size_t k = 0; k < options; k++) {
        lua_rawgeti(L, -1, (lua_Integer)k + 1);
        add_option(L, own, k);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    memcpy(own->field + options, last, sizeof last);
    return own;
}

/* define(checked) → the constructor. */
static int define(lua_State *L) {
    Error err;
    lua_settop(L, 1);
    OwnKind *own = push_kind(L);
    if (!layer_define(&own->kind, &err))
        bind_raise(L, &err);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BY_NAME);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, own->kind.name);
    bind_push_function(L, &(BindFunction)BIND_AS(own->kind.name, bind_new_layer, 1, &own->kind));
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BY_CONSTRUCTOR);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, 2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return 1;
}

void bind_push_layer_owner(lua_State *L, const LayerKind *kind) {
    if (!kind->host) {
        lua_pushnil(L);
        return;
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BY_NAME);
    lua_getfield(L, -1, kind->name);
    lua_remove(L, -2);
}

void bind_push_layer_definition(lua_State *L, const LayerKind *kind) {
    bind_ref_push(L, ((const OwnKind *)kind)->definition);
}

void bind_open_layers(lua_State *L) {
    bind_new_owner(L, &box_type);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BY_CONSTRUCTOR);
    lua_createtable(L, 0, 1);
    bind_set_string(L, "__mode", "k");
    lua_setmetatable(L, -2);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, HALF);
    lua_pushcfunction(L, define);
    lua_setfield(L, -2, "define");
    lua_pop(L, 2);
}
