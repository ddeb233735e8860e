/* bind_train.c — nn.train and net:fit. What a training calls that is written in Lua, or known to it
 * (an attack on each batch), is called through bind_call.h; lua/perigee/training.lua does what is
 * policy. */
#include "bind/bind_train.h"

#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "core/notes.h"
#include "core/rng.h"
#include "core/session.h"
#include "data/dataset.h"
#include "mpi/crew.h"
#include "mpi/ranks.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/train.h"

#include <stdlib.h>
#include <string.h>

/* What a training calls of Lua's while it runs, by the options' names; and the net, for those. */
enum { REF_NET, REF_ADVERSARY, REF_AUGMENT, REF_LOSS, REF_LR, REF_ON_EPOCH, REFS };

/* In a box, which is freed whatever happens. */
typedef struct Training {
    BindRef ref[REFS];
    const char *where;
    const TrainParams *params;
    TrainAdversary adversary;
    TrainAugment change;
    TrainLoss loss;
    TrainWatch watch;
    TrainCode code;
} Training;

static void release_training(void *object) {
    Training *training = object;
    for (int i = 0; i < REFS; i++)
        bind_ref_clear(&training->ref[i]);
    free(training);
}

static const BoxType training_type = { .name = "perigee.nn.training",
                                       .shown = "a training",
                                       .release = release_training };

/* Keep a copy of the value at `arg`. */
static void keep(lua_State *L, Training *training, int ref, int arg) {
    lua_pushvalue(L, arg);
    training->ref[ref] = bind_ref_take(L);
}

/* Of the net at 1. */
static Training *push_training(lua_State *L, const TrainParams *params) {
    void **slot = bind_new_box(L, &training_type);
    Training *training = calloc(1, sizeof *training);
    if (!training)
        bind_error(L, "%s: out of memory", bind_where(L));
    *slot = training;
    training->where = bind_where(L);
    training->params = params;
    keep(L, training, REF_NET, 1);
    return training;
}

/* Push what lua/perigee/training.lua does under that name. */
static void push_half(lua_State *L, const char *name) {
    bind_push_half(L, "perigee.training", name);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* What a body is told: whose call it is, and what of. */
typedef struct Call {
    const Training *training;
    const void *what;
} Call;

/* For messages, by what is called. */
static const BindCaller callers[REFS] = {
    [REF_ADVERSARY] = { NULL, "nn.train: adversary", "the adversary" },
    [REF_AUGMENT] = { NULL, "nn.train: augment", "the augmentation" },
    [REF_LOSS] = { NULL, "nn.train: loss", "the loss" },
    [REF_LR] = { NULL, "nn.train: lr", "the schedule" },
    [REF_ON_EPOCH] = { NULL, "nn.train: on_epoch", "on_epoch" },
};

static bool call_ref(const Call *call, int ref, BindBody *body, Error *err) {
    BindCaller caller = callers[ref];
    caller.L = call->training->ref[ref].L;
    return bind_call(&caller, body, call, err);
}

static void push_labels(lua_State *L, const int32_t *y, size_t n) {
    Array *labels = bind_push_new_array(L, "nn.train", DTYPE_I32, &(Sizes){ 1, { n } });
    memcpy(array_i32(labels), y, n * sizeof *y);
    labels->read_only = true;
}

static void perturb_body(lua_State *L, const void *context) {
    const Call *call = context;
    const TrainAttack *attack = call->what;
    const Samples *samples = &attack->samples;
    BindMatrix rows = { "nn.train: adversary", DTYPE_F32, samples->n, samples->features };
    push_half(L, "perturb");
    bind_ref_push(L, call->training->ref[REF_ADVERSARY]);
    bind_ref_push(L, call->training->ref[REF_NET]);
    bind_push_matrix(L, rows, samples->x);
    push_labels(L, samples->y, samples->n);
    lua_pushinteger(L, (lua_Integer)attack->seed);
    lua_pushboolean(L, call->training->params->trades > 0);
    lua_pushboolean(L, call->training->params->augment.noise > 0);
    lua_call(L, 7, 1);
    const Array *answer = bind_check_matrix(L, rows, "the adversary");
    memcpy(attack->x_adv, array_f32(answer), array_bytes(answer));
}

/* The attack's own bar would stand in the way of the training's. */
static bool perturb(void *context, const TrainAttack *attack, Error *err) {
    void *listener_context;
    ProgressListener *listener = progress_listener(&listener_context);
    progress_listen(NULL, NULL);
    bool ok = call_ref(&(Call){ context, attack }, REF_ADVERSARY, perturb_body, err);
    progress_listen(listener, listener_context);
    return ok;
}

/* augment(x, random) → x; random() is a seed. */
static void change_body(lua_State *L, const void *context) {
    const Call *call = context;
    const TrainChange *change = call->what;
    BindMatrix rows = { "nn.train: augment", DTYPE_F32, change->n, change->features };
    push_half(L, "augment");
    bind_ref_push(L, call->training->ref[REF_AUGMENT]);
    Array *x =
        bind_push_new_array(L, rows.where, DTYPE_F32, &(Sizes){ 2, { rows.n, rows.columns } });
    memcpy(array_f32(x), change->x, array_bytes(x));
    lua_pushinteger(L, (lua_Integer)change->seed);
    lua_call(L, 3, 1);
    const Array *answer = bind_check_matrix(L, rows, "the function");
    memcpy(change->x, array_f32(answer), array_bytes(answer));
}

static bool change_batch(void *context, const TrainChange *change, Error *err) {
    return call_ref(&(Call){ context, change }, REF_AUGMENT, change_body, err);
}

/* loss(logits, y) → the mean and its slopes, by lua/perigee/training.lua. */
static void loss_body(lua_State *L, const void *context) {
    const Call *call = context;
    const TrainLogits *logits = call->what;
    BindMatrix rows = { "nn.train: loss", DTYPE_F32, logits->n, logits->outputs };
    push_half(L, "loss");
    bind_ref_push(L, call->training->ref[REF_LOSS]);
    bind_push_matrix(L, rows, logits->logits);
    push_labels(L, logits->y, logits->n);
    lua_call(L, 3, 2);
    *logits->loss = lua_tonumber(L, -2);
    const Array *slopes = bind_check_matrix(L, rows, "the gradient");
    memcpy(logits->slopes, array_f32(slopes), array_bytes(slopes));
}

static bool loss_of(void *context, const TrainLogits *logits, Error *err) {
    return call_ref(&(Call){ context, logits }, REF_LOSS, loss_body, err);
}

typedef struct Rate {
    size_t epoch;
    double *lr;
} Rate;

static void rate_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Rate *rate = call->what;
    push_half(L, "rate");
    bind_ref_push(L, call->training->ref[REF_LR]);
    lua_pushinteger(L, (lua_Integer)rate->epoch);
    lua_call(L, 2, 1);
    *rate->lr = lua_tonumber(L, -1);
}

static bool rate_of(void *context, size_t epoch, double *lr, Error *err) {
    return call_ref(&(Call){ context, &(Rate){ epoch, lr } }, REF_LR, rate_body, err);
}

/* Push what on_epoch is told: the history's last row. */
static void push_state(lua_State *L, const Training *training, const TrainHistory *history) {
    lua_newtable(L);
    bind_set_size(L, "epoch", history->epochs);
    bind_set_size(L, "epochs", training->params->epochs);
    bind_ref_push(L, training->ref[REF_NET]);
    lua_setfield(L, -2, "net");
    for (const TrainColumn *column = train_columns; column->name; column++) {
        if (column->validation && !training->params->validation)
            continue;
        bind_push_number(L, train_number(history, column, history->epochs - 1));
        lua_setfield(L, -2, column->name);
    }
}

typedef struct Look {
    const TrainHistory *history;
    bool *stop;
} Look;

static void look_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Look *look = call->what;
    push_half(L, "on_epoch");
    bind_ref_push(L, call->training->ref[REF_ON_EPOCH]);
    push_state(L, call->training, look->history);
    lua_call(L, 2, 1);
    *look->stop = lua_toboolean(L, -1);
}

static bool look_at_epoch(void *context, const TrainHistory *history, bool *stop, Error *err) {
    return call_ref(&(Call){ context, &(Look){ history, stop } }, REF_ON_EPOCH, look_body, err);
}

/* ---- Options --------------------------------------------------------------------------------- */

/* Push the option of the table at 3; false if it is not there. */
static bool has_option(lua_State *L, const char *name) {
    return bind_opt_push(L, 3, name) != LUA_TNIL;
}

/* A function under that name, kept; false if it is not there. */
static bool has_function(lua_State *L, Training *training, int ref, const char *name) {
    if (!has_option(L, name))
        return false;
    if (!lua_isfunction(L, -1))
        bind_expected(L, lua_gettop(L), training->where, name, "a function");
    keep(L, training, ref, lua_gettop(L));
    return true;
}

/* Its text stays on the stack. */
static void read_adversary(lua_State *L, Training *training, TrainParams *params) {
    if (!has_option(L, "adversary"))
        return;
    int value = lua_gettop(L);
    push_half(L, "check_adversary");
    lua_pushstring(L, training->where);
    lua_pushvalue(L, value);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, params->trades > 0);
    lua_call(L, 4, 1);
    keep(L, training, REF_ADVERSARY, value);
    training->adversary = (TrainAdversary){ perturb, training, lua_tostring(L, -1) };
    params->adversary = &training->adversary;
}

/* Push the usual strengths of what is ready-made. */
static void push_strengths(lua_State *L) {
    lua_newtable(L);
    for (const Field *field = augment_fields.field; field->name; field++) {
        Value strength = field_get(field, augment_fields.initial);
        bind_push_value(L, &strength);
        lua_setfield(L, -2, field->name);
    }
}

/* `shift` is short for augment's, which takes its place. */
static void settle_shift(lua_State *L, const Training *training, TrainParams *params) {
    if (has_option(L, "shift") && params->shift != params->augment.shift)
        bind_error(L, "%s: shift: augment has another, %d, got %d", training->where,
                   (int)params->augment.shift, (int)params->shift);
    params->shift = 0;
}

/* A function; or names, with strengths or without, that become a table of strengths. */
static void read_augment(lua_State *L, Training *training, TrainParams *params) {
    if (!has_option(L, "augment"))
        return;
    int value = lua_gettop(L);
    if (lua_isfunction(L, value)) {
        keep(L, training, REF_AUGMENT, value);
        training->change = (TrainAugment){ change_batch, training };
        params->change = &training->change;
        return;
    }
    push_half(L, "strengths");
    lua_pushstring(L, training->where);
    lua_pushvalue(L, value);
    push_strengths(L);
    lua_call(L, 3, 1);
    lua_pushfstring(L, "%s: augment", training->where);
    bind_fields(L, value + 1, lua_tostring(L, -1), augment_fields.field, &params->augment);
    if (params->augment.shift > 0)
        settle_shift(L, training, params);
}

static void read_loss(lua_State *L, Training *training, TrainParams *params) {
    bool word = has_option(L, "loss") && lua_type(L, -1) == LUA_TSTRING;
    if (word && strcmp(lua_tostring(L, -1), "cross_entropy") == 0)
        return;
    if (word)
        bind_expected(L, lua_gettop(L), training->where, "loss",
                      "a function of logits and labels, or \"cross_entropy\"");
    if (!has_function(L, training, REF_LOSS, "loss"))
        return;
    training->loss = (TrainLoss){ loss_of, training };
    params->loss = &training->loss;
}

/* A rate that is no number: a function, or the word of a schedule, which becomes that option. It is
 * taken out of the table at 3, which is a copy. */
static void read_rate(lua_State *L, Training *training, TrainParams *params) {
    int type = bind_opt_push(L, 3, "lr"), value = lua_gettop(L);
    if (type != LUA_TSTRING && type != LUA_TFUNCTION)
        return;
    if (type == LUA_TSTRING) {
        Error err;
        Value word = bind_value(L, value);
        if (!field_set(fields_find(train_fields.field, "schedule"), params, &word, &err))
            bind_expected(L, value, training->where, "lr",
                          "a number, a function of the epoch, \"cosine\" or \"step\"");
        if (has_option(L, "schedule"))
            bind_error(L, "%s: lr and schedule: both say how the rate goes, expected one of them",
                       training->where);
        lua_pushvalue(L, value);
        lua_setfield(L, 3, "schedule");
    } else {
        keep(L, training, REF_LR, value);
        training->watch.rate = rate_of;
    }
    lua_pushnil(L);
    lua_setfield(L, 3, "lr");
}

/* Adam's usual rate, and the usual decay of one that is to fall in steps, where nobody says
 * another. */
static void adjust_rate(lua_State *L, const Training *training, TrainParams *params) {
    const TrainParams fresh = train_defaults();
    if (!has_option(L, "lr") && params->optimizer != OPTIMIZER_SGD && params->lr == fresh.lr)
        params->lr = 1e-3;
    if (training->watch.rate || params->lr_decay != fresh.lr_decay || has_option(L, "lr_decay"))
        return;
    if (has_option(L, "schedule") && params->schedule == TRAIN_STEP)
        params->lr_decay = 0.1;
    else if (has_option(L, "lr_step") && params->lr_step != fresh.lr_step &&
             params->schedule <= TRAIN_STEP)
        bind_error(L, "%s: lr_step needs lr_decay, or schedule = \"step\", which decays by 0.1",
                   training->where);
}

/* What is given is used. */
static void check_uses(lua_State *L, const TrainParams *params) {
    Error err;
    for (const Field *field = train_fields.field; field->name; field++, lua_pop(L, 1))
        if (has_option(L, field->name) && !train_uses(params, field->name, &err))
            bind_raise(L, &err);
}

/* What tells the functions from others; the texts stay on the stack. */
static void read_code(lua_State *L, Training *training, TrainParams *params) {
    enum { TEXTS = 5 };
    static const int of[] = { REF_LOSS, REF_LR, REF_AUGMENT, REF_ADVERSARY, REF_NET };
    push_half(L, "code");
    for (int i = 0; i < TEXTS; i++)
        bind_ref_push(L, training->ref[of[i]]);
    lua_call(L, TEXTS, TEXTS);
    training->code = (TrainCode){ .loss = lua_tostring(L, -5),
                                  .rate = lua_tostring(L, -4),
                                  .augment = lua_tostring(L, -3),
                                  .adversary = lua_tostring(L, -2),
                                  .layers = lua_tostring(L, -1) };
    params->code = &training->code;
}

/* The options of the table at 3, or none, into params; what they borrow stays on the stack. */
static void read_options(lua_State *L, Training *training, TrainParams *params) {
    if (lua_istable(L, 3)) {
        bind_refuse_inherited(L, 3, "nn.train");
        bind_push_copy(L, 3);
        lua_replace(L, 3);
        read_rate(L, training, params);
    }
    bind_here_options(L, 3, params);
    adjust_rate(L, training, params);
    read_adversary(L, training, params);
    read_augment(L, training, params);
    read_loss(L, training, params);
    if (has_function(L, training, REF_ON_EPOCH, "on_epoch"))
        training->watch.epoch = look_at_epoch;
    training->watch.context = training;
    params->watch = training->watch.rate || training->watch.epoch ? &training->watch : NULL;
    check_uses(L, params);
    if (has_option(L, "checkpoint")) {
        params->checkpoint = bind_string(L, lua_gettop(L), training->where, "checkpoint");
        read_code(L, training, params);
    }
}

/* ---- A training ------------------------------------------------------------------------------ */

static void push_history(lua_State *L, const TrainHistory *history, bool validated) {
    lua_newtable(L);
    luaL_setmetatable(L, "perigee.history");
    bind_set_size(L, "epochs", history->epochs);
    lua_pushboolean(L, history->interrupted);
    lua_setfield(L, -2, "interrupted");
    lua_pushstring(L, train_ends[history->ended]); /* nil where nothing did */
    lua_setfield(L, -2, "ended");
    if (history->best > 0)
        bind_set_size(L, "best", history->best);
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

/* ---- Over ranks ------------------------------------------------------------------------------ */

/* Of the ranks under MPI. */
static TrainCrew crew_of_ranks(void) {
    const Transport *transport = ranks_transport();
    return (TrainCrew){ .own = ranks_own(),
                        .count = ranks_count(),
                        .order = crew_order,
                        .ready = crew_ready,
                        .await = crew_await,
                        .broadcast = transport->broadcast,
                        .gather = transport->gather,
                        .turn = transport->turn };
}

/* What the others are to know of the training: how its batches are made, and their loss. */
static void push_batch_options(lua_State *L, const TrainParams *params) {
    static const char *const names[] = { "batch", "shift", "label_smoothing", "shuffle" };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Value value = field_get(fields_find(train_fields.field, names[i]), params);
        bind_push_value(L, &value);
        lua_setfield(L, -2, names[i]);
    }
    lua_newtable(L);
    for (const Field *field = augment_fields.field; field->name; field++) {
        Value strength = field_get(field, &params->augment);
        bind_push_value(L, &strength);
        lua_setfield(L, -2, field->name);
    }
    lua_setfield(L, -2, "augment");
}

/* When the others have ended, or some would not begin. */
static void after_summons(lua_State *L) {
    push_half(L, "after_summons");
    lua_pushstring(L, bind_where(L));
    lua_call(L, 1, 0);
}

/* Have the other ranks assist a training of the net at 1 with the dataset at 2. False: there are
 * none, or not for this. */
static bool summon(lua_State *L, const Samples *samples, const TrainParams *params) {
    Network *net = bind_check_net(L, 1, "nn.train", "net");
    if (ranks_count() == 1 || !network_train_divides(net, samples, params))
        return false;
    push_half(L, "summon");
    lua_pushstring(L, bind_where(L));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    push_batch_options(L, params);
    lua_pushstring(L, network_train_keeps(net, params)); /* nil where there is nothing */
    lua_call(L, 5, 1);
    if (!lua_toboolean(L, -1))
        return false;
    if (crew_muster())
        return true;
    after_summons(L);
    return false;
}

static void dismiss(lua_State *L) {
    crew_dismiss();
    after_summons(L);
}

int bind_assist_training(lua_State *L) {
    Error err;
    Network *net = bind_check_net(L, 1, "nn.train", "net");
    TrainParams params = train_defaults();
    Samples samples = bind_check_stored_training(L, 2, "nn.train", "ds");
    TrainCrew crew = crew_of_ranks();
    params.crew = &crew;
    bind_opt_push(L, 3, "augment");
    bind_fields(L, lua_gettop(L), "nn.train", augment_fields.field, &params.augment);
    lua_pushnil(L);
    lua_setfield(L, 3, "augment");
    bind_fields(L, 3, "nn.train", train_fields.field, &params);
    size_t batches;
    if (!network_assist(net, &samples, &params, &batches, &err))
        return bind_raise(L, &err);
    lua_pushinteger(L, (lua_Integer)batches);
    return 1;
}

/* ---- From Lua -------------------------------------------------------------------------------- */

/* Train with the dataset at 2 and the options at 3 (a table, or none) over the net's own
 * parameters, and push the history. `anew` draws the weights first. */
static int train(lua_State *L, Network *net, bool anew) {
    const char *where = bind_where(L);
    lua_settop(L, 3);
    luaL_checkstack(L, 40, NULL);
    const Dataset *ds = bind_check_dataset(L, 2, where, "ds");
    TrainParams params = *network_fit_params(net);
    Progress progress = progress_new();
    params.anew = anew;
    params.source = lua_pushstring(L, ds->source); /* a callback may close the dataset */
    params.progress = &progress;
    if (!anew) /* a call without a seed draws from the session's generator */
        params.seed = rng_fork(session_rng()) >> 11;
    read_options(L, push_training(L, &params), &params);
    params.any_seed = !anew && !has_option(L, "seed");
    Samples samples = bind_check_stored_training(L, 2, where, "ds"), validation;
    bind_check_layout(L, 2, (Model *)net, where);
    if (has_option(L, "validation")) {
        bind_check_layout(L, -1, (Model *)net, "train: validation");
        validation = bind_check_stored_training(L, -1, where, "validation");
        params.validation = &validation;
    }
    Error err;
    TrainCrew crew;
    void **box = bind_new_memory_box(L);
    bool summoned = summon(L, &samples, &params);
    if (summoned) {
        crew = crew_of_ranks();
        params.crew = &crew;
    }
    TrainHistory *history = *box = network_train(net, &samples, &params, &err);
    if (summoned)
        dismiss(L);
    if (!history)
        return bind_raise(L, &err);
    if (history->interrupted)
        note_leave("stopped at epoch %zu of %zu; the network keeps the weights so far", history->at,
                   params.epochs);
    push_history(L, history, params.validation != NULL);
    return 1;
}

int bind_net_fit(lua_State *L) {
    train(L, bind_check_net(L, 1, bind_where(L), "self"), true);
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
