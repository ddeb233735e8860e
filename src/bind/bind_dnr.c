/* bind_dnr.c — the library dnr: deep neural rejection. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_grad.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "core/folds.h"
#include "core/notes.h"
#include "data/dataset.h"
#include "grad/models.h"
#include "grad/operations.h"
#include "reject/dnr_tune.h"
#include "reject/threshold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const BoxType dnr_type = { .name = "perigee.dnr",
                                  .shown = "a dnr",
                                  .release = bind_release_model };

/* ---- dnr.new --------------------------------------------------------------------------------- */

/* The layers' own classifiers, NULL where there is none, from layer_classifiers. What is pushed
 * keeps them. */
static void push_classifiers(lua_State *L, DnrParts *parts) {
    luaL_checkstack(L, (int)parts->layers + 20, "dnr.new: too many layers");
    Model **classifier = lua_newuserdatauv(L, parts->layers * sizeof *classifier, 0);
    memset(classifier, 0, parts->layers * sizeof *classifier);
    parts->classifier = classifier;
    int type = bind_opt_push(L, 1, "layer_classifiers"), own = lua_gettop(L);
    if (type == LUA_TNIL)
        return;
    if (type != LUA_TTABLE)
        bind_expected(L, own, "dnr.new", "layer_classifiers", "a table, layer = model");
    for (lua_pushnil(L); lua_next(L, own); lua_insert(L, -2)) { /* what keeps it below the key */
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        ptrdiff_t l = dnr_part_layer(parts, name);
        char key[128];
        if (l < 0)
            bind_error(L, "dnr.new: layer_classifiers: %s is not one of layers",
                       bind_describe(L, -2, key));
        classifier[l] = bind_check_model(L, -1, "dnr.new", name);
        lua_replace(L, -2);
    }
}

/* dnr.new { net =, layers =, layer_classifier =, layer_classifiers =, combiner =, threshold = } */
static int dnr_new_call(lua_State *L) {
    DnrParts parts = *(const DnrParts *)dnr_fields.initial;
    bind_model_options(L, &parts);
    bind_opt_push(L, 1, "layers");
    BindStrings layers =
        bind_push_strings(L, lua_gettop(L), "layers", "a list of the net's layers");
    parts.layer = layers.string;
    parts.layers = layers.count;
    push_classifiers(L, &parts);
    BIND_MODEL_RETURN(L, &dnr_type, dnr_new(&parts, &err));
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_combiner(lua_State *L, const void *dnr) {
    bind_push_model(L, model_retain(dnr_combiner(dnr)), NULL);
}

static void push_net(lua_State *L, const void *dnr) {
    bind_push_model(L, model_retain((Model *)dnr_net(dnr)), NULL);
}

static void list_layers(lua_State *L, const void *dnr) {
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (size_t l = 0; l < dnr_layer_count(dnr); l++) {
        lua_pushstring(L, dnr_layer_name(dnr, l));
        lua_rawseti(L, -2, ++count);
    }
}

static void push_layer_names(lua_State *L, const void *dnr) {
    lua_newtable(L);
    list_layers(L, dnr);
}

/* defence.relu2: that layer's classifier. */
static bool push_layer_classifier(lua_State *L, void *dnr) {
    ptrdiff_t layer = dnr_find_layer(dnr, lua_tostring(L, 2));
    if (layer >= 0)
        bind_push_model(L, model_retain(dnr_layer_classifier(dnr, (size_t)layer)), NULL);
    return layer >= 0;
}

/* ---- Methods --------------------------------------------------------------------------------- */

/* Push folds that are drawn: for a seed the same, whether it is a fit that draws or a tuning. */
static const int32_t *push_drawn(lua_State *L, const Dataset *ds, int folds, uint64_t *seed) {
    const char *where = bind_where(L);
    size_t n = dataset_count(ds);
    if ((size_t)folds > n)
        bind_error(L, "%s: folds: expected from 2 to the %d samples, got %d", where, (int)n, folds);
    if (bind_opt_push(L, 3, "seed") != LUA_TNIL)
        bind_integer(L, -1, where, "seed", LUA_MININTEGER, LUA_MAXINTEGER);
    FoldsOf of = { "fit", array_i32(ds->y), n, folds };
    return bind_push_folds(L, 3, &of, seed);
}

/* Push the folds of a training call, from the options at 3: those given, or drawn from the option
 * or the session's generator (*seed, unless it is NULL, gets whose they are). */
static const int32_t *push_folds(lua_State *L, const Dataset *ds, uint64_t *seed) {
    const char *where = bind_where(L);
    size_t n = dataset_count(ds);
    int type = bind_opt_push(L, 3, "folds");
    if (type == LUA_TNIL || type == LUA_TNUMBER) {
        int folds = DNR_FOLDS;
        if (type == LUA_TNUMBER)
            folds = (int)bind_integer(L, -1, where, "folds", 2, (lua_Integer)(n < 2 ? 2 : n));
        return push_drawn(L, ds, folds, seed);
    }
    const Array *fold = bind_to_array(L, lua_gettop(L), where, "folds", DTYPE_I32);
    if (fold->ndim != 1 || fold->shape[0] != n) {
        char text[128];
        bind_error(L, "%s: folds is %s, expected one fold for each of %d samples", where,
                   array_shape_text(fold->ndim, fold->shape, text), (int)n);
    }
    return array_i32(fold);
}

static bool fit_in_folds(Model *model, const void *folds, Progress *progress, Error *err) {
    return dnr_fit((Dnr *)model, folds, progress, err);
}

/* defence:fit(ds, { folds = 5 | array, seed = }) */
static int dnr_fit_call(lua_State *L) {
    Dnr *dnr = bind_self(L, &dnr_type);
    const Dataset *ds = bind_check_dataset(L, 2, "fit", "ds");
    bind_here_options(L, 3, NULL);
    const int32_t *fold = push_folds(L, ds, NULL);
    Samples samples = bind_check_training(L, 2, "fit", "ds");
    bind_check_layout(L, 2, (Model *)dnr, "fit");
    return bind_fit_model(L, (Model *)dnr, fit_in_folds,
                          &(Folds){ .samples = &samples, .fold = fold });
}

static bool layer_scores_backward(Model *model, const RowsPull *pull, Error *err) {
    return dnr_backward((Dnr *)model, pull->batch, &(DnrPull){ pull->dz, pull->gradient }, err);
}

/* For a tape: the way back of the scores on top of the stack, of the batch of these rows. */
static void record_layer_scores(lua_State *L, Dnr *dnr, const Batch *batch, const Array *rows) {
    const Array **x = lua_newuserdatauv(L, sizeof *x, 0);
    lua_insert(L, -2);
    const ModelRows way = { (Model *)dnr, rows, batch, layer_scores_backward };
    void *kept;
    BIND_TRY_MAKE(L, kept, model_rows_recorded(&way, &err));
    bind_tell_owned(L, operation_find("layer_scores"), kept);
    *x = bind_test_array(L, 2);
    if (!*x)
        bind_error(L, "layer_scores: x was closed meanwhile");
    bind_tell_inputs(L, x, 1);
}

static int dnr_layer_scores_call(lua_State *L) {
    Dnr *dnr = bind_self(L, &dnr_type);
    Batch batch = bind_check_batch(L, 2, (Model *)dnr, "x");
    const Array *rows = bind_test_array(L, -1);
    Error err;
    if (batch.features != ((Model *)dnr)->features)
        return bind_error(L, "layer_scores: samples have %d features, the net takes %d",
                          (int)batch.features, (int)((Model *)dnr)->features);
    Array *scores = bind_push_new_array(L, "layer_scores", DTYPE_F32,
                                        &(Sizes){ 2, { batch.n, dnr_layer_columns(dnr) } });
    model_retain((Model *)dnr);
    bool ok = dnr_layer_scores(dnr, &batch, array_f32(scores), &err);
    if (ok && bind_wants_attributes(L))
        record_layer_scores(L, dnr, &batch, rows);
    model_release((Model *)dnr);
    return ok ? 1 : bind_raise(L, &err);
}

/* defence:backward(x, dz) */
static int dnr_backward_call(lua_State *L) {
    Dnr *dnr = bind_self(L, &dnr_type);
    Model *model = (Model *)dnr;
    Batch batch = bind_check_batch(L, 2, model, "x");
    Error err;
    if (!model_is_fitted(model) && !model_not_fitted(model, batch.where, &err))
        return bind_raise(L, &err);
    if (batch.features != model->features)
        return bind_error(L, "backward: samples have %d features, the net takes %d",
                          (int)batch.features, (int)model->features);
    WeightRows rows = { DTYPE_F32, batch.n, dnr_layer_columns(dnr) };
    const Array *dz = bind_weight_rows(L, 3, "dz", rows);
    Array *gradient =
        bind_push_new_array(L, batch.where, DTYPE_F32, &(Sizes){ 2, { batch.n, batch.features } });
    model_retain(model);
    bool ok = dnr_backward(dnr, &batch, &(DnrPull){ array_f32(dz), array_f32(gradient) }, &err);
    model_release(model);
    return ok ? 1 : bind_raise(L, &err);
}

/* ---- dnr.tune ---------------------------------------------------------------------------------
 */

#define ANSWER "perigee.tuning" /* the answers' metatable, filled by perigee/dnr.lua */

/* The list of the parts, { name =, kind = } and of an SVM its own { C =, gamma = }. */
static void push_parts(lua_State *L, const Dnr *dnr) {
    size_t layers = dnr_layer_count(dnr);
    lua_createtable(L, (int)layers + 1, 0);
    for (size_t part = 0; part <= layers; part++) {
        const Svc *svc = dnr_tunes(dnr, part);
        lua_createtable(L, 0, 8);
        bind_set_string(L, "name", part < layers ? dnr_layer_name(dnr, part) : "combiner");
        bind_set_string(
            L, "kind",
            (part < layers ? dnr_layer_classifier(dnr, part) : dnr_combiner(dnr))->kind->name);
        if (svc) {
            const SvcParams *params = svc_params(svc);
            bind_set_string(L, "kernel", params->kernel.kind->name);
            lua_pushnumber(L, params->C);
            lua_setfield(L, -2, "C");
            if (kernel_has(&params->kernel, "gamma"))
                lua_pushnumber(L, params->kernel.gamma);
            else
                lua_pushnil(L);
            lua_setfield(L, -2, "gamma");
        }
        lua_rawseti(L, -2, (lua_Integer)part + 1);
    }
}

/* The values to try in the field of the part's table on top, which keeps them as an array. */
static const double *part_values(lua_State *L, const char *name, size_t *count) {
    char what[160];
    int part = lua_gettop(L);
    *count = 0;
    if (lua_getfield(L, part, name) == LUA_TNIL) {
        lua_pop(L, 1);
        return NULL;
    }
    lua_getfield(L, part, "name");
    snprintf(what, sizeof what, "%s: %s", lua_tostring(L, -1), name);
    const Array *values = bind_to_array(L, part + 1, "dnr.tune", what, DTYPE_F64);
    if (values->ndim != 1)
        bind_expected(L, part + 1, "dnr.tune", what, "a list of numbers");
    *count = values->shape[0];
    lua_setfield(L, part, name);
    lua_settop(L, part);
    return array_f64(values);
}

/* A table of the part's candidates, under that name in its Lua table, which is on top. */
static double *new_scores(lua_State *L, const DnrTuned *tuned, const char *name) {
    size_t rows = tuned->grid.Cs > 0 ? tuned->grid.Cs : 1;
    size_t columns = tuned->grid.gammas > 0 ? tuned->grid.gammas : 1;
    Array *scores = bind_push_new_array(L, "dnr.tune", DTYPE_F64, &(Sizes){ 2, { rows, columns } });
    for (size_t k = 0; k < rows * columns; k++)
        array_f64(scores)[k] = NAN;
    lua_setfield(L, -2, name);
    return array_f64(scores);
}

/* What dnr_tune is told of each part in the list on top. */
static DnrTuned *push_tuned(lua_State *L, size_t parts) {
    int list = lua_gettop(L);
    DnrTuned *tuned = lua_newuserdatauv(L, parts * sizeof *tuned, 0);
    memset(tuned, 0, parts * sizeof *tuned);
    for (size_t part = 0; part < parts; part++) {
        DnrTuned *one = &tuned[part];
        lua_rawgeti(L, list, (lua_Integer)part + 1);
        one->grid.C = part_values(L, "C", &one->grid.Cs);
        one->grid.gamma = part_values(L, "gamma", &one->grid.gammas);
        one->found.accuracy = new_scores(L, one, "accuracy");
        one->found.spread = new_scores(L, one, "spread");
        lua_pop(L, 1);
    }
    return tuned;
}

/* What was found, into the parts' tables of the list at `list`; the place of the best in rows and
 * columns, if there is one. */
static void set_found(lua_State *L, int list, const DnrTuned *tuned, size_t parts) {
    for (size_t part = 0; part < parts; part++) {
        const DnrTuned *one = &tuned[part];
        lua_rawgeti(L, list, (lua_Integer)part + 1);
        lua_pushnumber(L, one->seconds);
        lua_setfield(L, -2, "seconds");
        if (one->found.any) {
            bind_set_size(L, "row", one->found.C + 1);
            bind_set_size(L, "column", one->found.gamma + 1);
        }
        lua_pop(L, 1);
    }
}

/* Push what the whole search was: the answer but for its parts. */
static void push_whole(lua_State *L, const DnrTuning *tuning, const uint64_t *seed) {
    lua_createtable(L, 0, 8);
    bind_set_size(L, "n", tuning->folds->samples->n);
    bind_set_size(L, "folds", (size_t)tuning->part->grid.folds);
    bind_set_size(L, "bytes", (size_t)tuning->bytes);
    bind_set_string(L, "solver", solver_names[tuning->solver]);
    lua_pushnumber(L, tuning->seconds);
    lua_setfield(L, -2, "seconds");
    lua_pushboolean(L, !tuning->done);
    lua_setfield(L, -2, "interrupted");
    lua_pushboolean(L, tuning->done && tuning->fit);
    lua_setfield(L, -2, "fitted");
    if (seed) {
        lua_pushinteger(L, (lua_Integer)*seed);
        lua_setfield(L, -2, "seed");
    }
}

/* Push what perigee/dnr.lua has under that name in the answers' metatable. */
static void push_helper(lua_State *L, const char *name) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

/* Push the list of the parts with the values to try, from the options at 3. */
static void push_grids(lua_State *L, const Dnr *dnr) {
    push_helper(L, "grids");
    push_parts(L, dnr);
    bind_opt_push(L, 3, "layers");
    bind_opt_push(L, 3, "combiner");
    lua_call(L, 3, 1);
}

/* The search on the list of parts on top; an interrupt leaves a note. */
static void run_tuning(lua_State *L, Dnr *dnr, DnrTuning *tuning) {
    int list = lua_gettop(L);
    size_t parts = dnr_layer_count(dnr) + 1;
    Progress progress = progress_new();
    Error err;
    tuning->part = push_tuned(L, parts);
    model_retain((Model *)dnr); /* a part written in Lua may close the box */
    bool ok = dnr_tune(dnr, tuning, &progress, &err);
    bind_account(L, model_bytes((Model *)dnr));
    model_release((Model *)dnr);
    if (!ok)
        bind_raise(L, &err);
    if (!tuning->done)
        note_leave("stopped; the dnr is as it was");
    set_found(L, list, tuning->part, parts);
}

/* dnr.tune(defence, ds, { layers =, combiner =, folds = 5 | array, seed =, solver =, fit = }) */
static int dnr_tune_call(lua_State *L) {
    Dnr *dnr = bind_check(L, 1, &dnr_type, "dnr.tune", "defence");
    const Dataset *ds = bind_check_dataset(L, 2, "dnr.tune", "ds");
    DnrTuning tuning = *(const DnrTuning *)dnr_tune_fields.initial;
    bind_here_options(L, 3, &tuning);
    uint64_t seed = 0;
    bool drawn = bind_opt_push(L, 3, "folds") == LUA_TNIL || lua_isnumber(L, -1);
    const int32_t *fold = push_folds(L, ds, &seed);
    Samples samples = bind_check_training(L, 2, "dnr.tune", "ds");
    bind_check_layout(L, 2, (Model *)dnr, "dnr.tune");
    tuning.folds = &(Folds){ .samples = &samples, .fold = fold };
    push_grids(L, dnr);
    int list = lua_gettop(L);
    run_tuning(L, dnr, &tuning);
    push_helper(L, "answer");
    lua_pushvalue(L, list);
    push_whole(L, &tuning, drawn ? &seed : NULL);
    lua_call(L, 2, 1);
    return 1;
}

int open_dnr(lua_State *L) {
    static const BindFunction methods[] = { BIND_WITH("fit", dnr_fit_call, 3, &dnr_fit_fields),
                                            BIND("layer_scores", dnr_layer_scores_call, 2),
                                            BIND("backward", dnr_backward_call, 3),
                                            BIND("threshold_for", reject_threshold_for, 3),
                                            BIND_LAST };
    static const BindProperty properties[] = { BIND_PROPERTY("combiner", push_combiner),
                                               BIND_PROPERTY("net", push_net),
                                               BIND_PROPERTY("layers", push_layer_names),
                                               BIND_LAST };
    static const BindType type = { &dnr_type,
                                   &bind_any_model,
                                   methods,
                                   properties,
                                   .other = push_layer_classifier,
                                   .others = list_layers };
    static const BindFunction functions[] = { BIND_WITH("new", dnr_new_call, 1, &dnr_fields),
                                              BIND_WITH("tune", dnr_tune_call, 3, &dnr_tune_fields),
                                              BIND_LAST };
    bind_new_model_type(L, &type, &dnr_kind);
    lua_newtable(L);
    bind_set_functions(L, functions);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_pop(L, 1);
    return 1;
}
