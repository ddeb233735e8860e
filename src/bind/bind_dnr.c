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

#include <math.h>
#include <string.h>

static const BoxType dnr_type = { .name = "perigee.dnr",
                                  .shown = "a dnr",
                                  .release = bind_release_model };

static Dnr *check_dnr(lua_State *L, const char *where) {
    return bind_check(L, 1, &dnr_type, where, "self");
}

/* ---- dnr.new --------------------------------------------------------------------------------- */

static const char where_new[] = "dnr.new";

static const Field parts_fields[] = {
    { "net", FIELD_OBJECT, offsetof(DnrParts, net), .type = "net", .required = true,
      .meaning = "the net; it stays as it is" },
    { "layers", FIELD_OBJECT, .type = "string[]", .required = true,
      .meaning = "names of the tapped layers, in the order of the combiner's inputs" },
    { "layer_classifier", FIELD_OBJECT, offsetof(DnrParts, pattern), .type = "model",
      .meaning = "the pattern: every layer gets a clone of it" },
    { "layer_classifiers", FIELD_OBJECT, .type = "table",
      .meaning = "layer = model, where a layer has one of its own" },
    { "combiner", FIELD_OBJECT, offsetof(DnrParts, combiner), .type = "model", .required = true,
      .meaning = "the classifier of the layers' scores" },
    THRESHOLD_FIELD(offsetof(DnrParts, threshold)),
    { .name = NULL },
};
static const DnrParts initial = { .threshold = -INFINITY };

/* Push the names of the layers, in a list that stays on the stack. */
static void push_layers(lua_State *L, DnrParts *parts) {
    bind_opt_push(L, 1, "layers");
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0)
        bind_expected(L, -1, where_new, "layers", "a list of the net's layers");
    parts->layers = lua_rawlen(L, -1);
    bind_push_copy(L, -1);
    const char **name = lua_newuserdatauv(L, parts->layers * sizeof *name, 0);
    for (size_t l = 0; l < parts->layers; l++) {
        lua_rawgeti(L, -2, (lua_Integer)l + 1);
        name[l] = bind_string(L, -1, where_new, "layers");
        lua_pop(L, 1);
    }
    parts->layer = name;
}

/* Every name in the table on top, layer_classifiers, must be one of `layers`. */
static void check_classifier_names(lua_State *L, const DnrParts *parts) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        size_t l = 0;
        while (name && l < parts->layers && strcmp(parts->layer[l], name) != 0)
            l++;
        if (!name || l == parts->layers)
            luaL_error(L, "%s: layer_classifiers: \"%s\" is not one of layers", where_new,
                       luaL_tolstring(L, -2, NULL));
    }
}

/* The layers' own classifiers, NULL where there is none. What is pushed keeps them. */
static void push_classifiers(lua_State *L, DnrParts *parts) {
    luaL_checkstack(L, (int)parts->layers * 3 + 20, "dnr.new: too many layers");
    Model **classifier = lua_newuserdatauv(L, parts->layers * sizeof *classifier, 0);
    if (bind_opt_push(L, 1, "layer_classifiers") == LUA_TNIL)
        lua_newtable(L);
    if (!lua_istable(L, -1))
        bind_expected(L, -1, where_new, "layer_classifiers", "a table, layer = model");
    check_classifier_names(L, parts);
    int own = lua_gettop(L);
    for (size_t l = 0; l < parts->layers; l++) {
        bool has = lua_getfield(L, own, parts->layer[l]) != LUA_TNIL;
        classifier[l] = has ? bind_check_model(L, -1, where_new, parts->layer[l]) : NULL;
    }
    parts->classifier = classifier;
}

static const Field fit_fields[] = {
    { "folds", FIELD_OBJECT, .type = "integer|array", .initial = "5",
      .meaning = "how many folds, or each sample's own (any integers)" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",
      .meaning = "of the folds, drawn so that every class is spread evenly" },
    { .name = NULL },
};

/* dnr.new { net =, layers =, layer_classifier =, layer_classifiers =, combiner =, threshold = } */
static int dnr_new_call(lua_State *L) {
    DnrParts parts = initial;
    bind_model_fields(L, 1, where_new, parts_fields, &parts);
    push_layers(L, &parts);
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
    Dnr *dnr = check_dnr(L, "fit");
    const Dataset *ds = bind_check_dataset(L, 2, "fit", "ds");
    bind_fields(L, 3, "fit", fit_fields, NULL);
    const int32_t *fold = push_folds(L, ds);
    Samples samples = bind_check_training(L, 2, "fit", "ds");
    bind_check_layout(L, 2, (Model *)dnr, "fit");
    return bind_fit_model(L, (Model *)dnr, fit_in_folds,
                          &(Folds){ .samples = &samples, .fold = fold });
}

static int dnr_layer_scores_call(lua_State *L) {
    Dnr *dnr = check_dnr(L, "layer_scores");
    Batch batch = bind_check_batch(L, 2, "layer_scores", "x");
    bind_check_layout(L, 2, (Model *)dnr, "layer_scores");
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
    static const BindFunction methods[] = { BIND("fit", dnr_fit_call, 3),
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
    static const BindFunction functions[] = { BIND("new", dnr_new_call, 1), BIND_LAST };
    bind_new_model_type(L, &type, &dnr_kind);
    bind_describe_all(L, (const Described[]){ { "dnr.new", .fields = { parts_fields, &initial } },
                                              { "dnr:fit", .fields = { fit_fields, NULL } },
                                              { .name = NULL } });
    lua_newtable(L);
    bind_set_functions(L, functions);
    return 1;
}
