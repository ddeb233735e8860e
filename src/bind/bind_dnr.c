/* bind_dnr.c — the library dnr: deep neural rejection. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "core/folds.h"
#include "data/dataset.h"
#include "reject/dnr.h"
#include "reject/threshold.h"

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
        if (l < 0)
            luaL_error(L, "dnr.new: layer_classifiers: \"%s\" is not one of layers",
                       luaL_tolstring(L, -2, NULL));
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

/* Push the folds of a fit: those given, or drawn from the option or the session's generator. */
static const int32_t *push_folds(lua_State *L, const Dataset *ds) {
    size_t n = dataset_count(ds);
    int type = bind_opt_push(L, 3, "folds");
    if (type == LUA_TNIL || type == LUA_TNUMBER) {
        int folds = DNR_FOLDS;
        if (type == LUA_TNUMBER)
            folds = (int)bind_integer(L, -1, "fit", "folds", 2, (lua_Integer)(n < 2 ? 2 : n));
        FoldsOf of = { "fit", array_i32(ds->y), n, folds };
        return bind_push_folds(L, 3, &of, NULL);
    }
    const Array *fold = bind_to_array(L, lua_gettop(L), "fit", "folds", DTYPE_I32);
    if (fold->ndim != 1 || fold->shape[0] != n) {
        char text[128];
        luaL_error(L, "fit: folds is %s, expected one fold for each of %d samples",
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
    const int32_t *fold = push_folds(L, ds);
    Samples samples = bind_check_training(L, 2, "fit", "ds");
    bind_check_layout(L, 2, (Model *)dnr, "fit");
    return bind_fit_model(L, (Model *)dnr, fit_in_folds,
                          &(Folds){ .samples = &samples, .fold = fold });
}

static int dnr_layer_scores_call(lua_State *L) {
    Dnr *dnr = bind_self(L, &dnr_type);
    Batch batch = bind_check_batch(L, 2, (Model *)dnr, "x");
    Error err;
    if (batch.features != ((Model *)dnr)->features)
        return luaL_error(L, "layer_scores: samples have %d features, the net takes %d",
                          (int)batch.features, (int)((Model *)dnr)->features);
    Array *scores = bind_push_new_array(L, "layer_scores", DTYPE_F32,
                                        &(Sizes){ 2, { batch.n, dnr_layer_columns(dnr) } });
    model_retain((Model *)dnr);
    bool ok = dnr_layer_scores(dnr, &batch, array_f32(scores), &err);
    model_release((Model *)dnr);
    return ok ? 1 : bind_raise(L, &err);
}

int open_dnr(lua_State *L) {
    static const BindFunction methods[] = { BIND_WITH("fit", dnr_fit_call, 3, &dnr_fit_fields),
                                            BIND("layer_scores", dnr_layer_scores_call, 2),
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
                                              BIND_LAST };
    bind_new_model_type(L, &type, &dnr_kind);
    lua_newtable(L);
    bind_set_functions(L, functions);
    return 1;
}
