/* bind_train.c — nn.train and net:fit. What a training calls that is written in Lua, or known to it
 * (an attack on each batch), is called through bind_call.h; lua/perigee/training.lua does what is
 * policy. */
#include "bind/bind_train.h"

#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "core/notes.h"
#include "core/rng.h"
#include "core/session.h"
#include "data/dataset.h"
#include "nn/network.h"
#include "nn/train.h"

#include <stdlib.h>
#include <string.h>

/* What a training needs of Lua while it runs; in a box, which is freed whatever happens. */
typedef struct Training {
    BindRef net, adversary;
    const char *where;
    double trades;
} Training;

static void release_training(void *object) {
    Training *training = object;
    bind_ref_clear(&training->net);
    bind_ref_clear(&training->adversary);
    free(training);
}

static const BoxType training_type = { .name = "perigee.nn.training",
                                       .shown = "a training",
                                       .release = release_training };

static Training *push_training(lua_State *L) {
    void **slot = bind_new_box(L, &training_type);
    Training *training = calloc(1, sizeof *training);
    if (!training)
        bind_error(L, "%s: out of memory", bind_where(L));
    training->where = bind_where(L);
    return *slot = training;
}

/* Push what lua/perigee/training.lua does under that name. */
static void push_half(lua_State *L, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "perigee.training");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* ---- The adversary --------------------------------------------------------------------------- */

typedef struct Perturbation {
    const Training *training;
    const TrainAttack *attack;
} Perturbation;

static void perturb_body(lua_State *L, const void *context) {
    const Perturbation *wanted = context;
    const Samples *samples = &wanted->attack->samples;
    BindMatrix rows = { "nn.train: adversary", DTYPE_F32, samples->n, samples->features };
    push_half(L, "perturb");
    bind_ref_push(L, wanted->training->adversary);
    bind_ref_push(L, wanted->training->net);
    bind_push_matrix(L, rows, samples->x);
    Array *y = bind_push_new_array(L, rows.where, DTYPE_I32, &(Sizes){ 1, { samples->n } });
    memcpy(array_i32(y), samples->y, samples->n * sizeof(int32_t));
    lua_pushinteger(L, (lua_Integer)wanted->attack->seed);
    lua_pushboolean(L, wanted->training->trades > 0);
    lua_call(L, 6, 1);
    const Array *answer = bind_check_matrix(L, rows, "the adversary");
    memcpy(wanted->attack->x_adv, array_f32(answer), array_bytes(answer));
}

/* The attack's own bar would stand in the way of the training's. */
static bool perturb(void *context, const TrainAttack *attack, Error *err) {
    const Training *training = context;
    const BindCaller caller = { training->adversary.L, "nn.train: adversary", "the adversary" };
    void *listener_context;
    ProgressListener *listener = progress_listener(&listener_context);
    progress_listen(NULL, NULL);
    bool ok = bind_call(&caller, perturb_body, &(Perturbation){ training, attack }, err);
    progress_listen(listener, listener_context);
    return ok;
}

/* The option of the table at 3 into *adversary, if it is there. Its text stays on the stack. */
static void read_adversary(lua_State *L, Training *training, TrainParams *params,
                           TrainAdversary *adversary) {
    if (bind_opt_push(L, 3, "adversary") == LUA_TNIL)
        return;
    int value = lua_gettop(L);
    push_half(L, "check_adversary");
    lua_pushstring(L, training->where);
    lua_pushvalue(L, value);
    lua_pushvalue(L, 1);
    lua_call(L, 3, 1);
    lua_pushvalue(L, value);
    training->adversary = bind_ref_take(L);
    lua_pushvalue(L, 1);
    training->net = bind_ref_take(L);
    training->trades = params->trades;
    *adversary = (TrainAdversary){ perturb, training, lua_tostring(L, -1) };
    params->adversary = adversary;
}

/* ---- A training ------------------------------------------------------------------------------ */

static void push_history(lua_State *L, const TrainHistory *history, bool validated) {
    lua_newtable(L);
    luaL_setmetatable(L, "perigee.history");
    bind_set_size(L, "epochs", history->epochs);
    lua_pushboolean(L, history->interrupted);
    lua_setfield(L, -2, "interrupted");
    for (const TrainColumn *column = train_columns; column->name; column++) {
        if (column->validation && !validated)
            continue;
        lua_createtable(L, (int)history->epochs, 0);
        for (size_t e = 0; e < history->epochs; e++) {
            bind_push_number(L, train_number(history, column, e));
            lua_rawseti(L, -2, (lua_Integer)e + 1);
        }
        lua_setfield(L, -2, column->name);
    }
}

/* Train with the dataset at 2 and the options at 3 (a table, or none) over the net's own
 * parameters, and push the history. `anew` draws the weights first. */
static int train(lua_State *L, Network *net, bool anew) {
    const char *where = bind_where(L);
    lua_settop(L, 3);
    const Dataset *ds = bind_check_dataset(L, 2, where, "ds");
    TrainParams params = *network_fit_params(net);
    TrainAdversary adversary;
    Progress progress = progress_new();
    params.anew = anew;
    params.source = ds->source;
    params.progress = &progress;
    if (!anew) /* a call without a seed draws from the session's generator */
        params.seed = rng_fork(session_rng()) >> 11;
    bind_here_options(L, 3, &params);
    Samples samples = bind_check_training(L, 2, where, "ds"), validation;
    bind_check_layout(L, 2, (Model *)net, where);
    if (bind_opt_push(L, 3, "validation") != LUA_TNIL) {
        bind_check_layout(L, -1, (Model *)net, "train: validation");
        validation = bind_check_training(L, -1, where, "validation");
        params.validation = &validation;
    }
    read_adversary(L, push_training(L), &params, &adversary);
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

int bind_net_fit(lua_State *L) {
    train(L, (Network *)bind_self_model(L), true);
    lua_settop(L, 1);
    return 1;
}

int bind_nn_train(lua_State *L) {
    return train(L, bind_check_net(L, 1, "nn.train", "net"), false);
}

void bind_open_training(lua_State *L) {
    luaL_newmetatable(L, "perigee.history");
    lua_pop(L, 1);
    bind_new_owner(L, &training_type);
}
