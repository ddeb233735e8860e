/* bind_reject.c — the library reject: neural rejection (NR), and classifiers on a net's layer. */
#include "bind/bind.h"
#include "bind/bind_detectors.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_preprocess.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/error.h"
#include "reject/confidence.h"
#include "reject/density.h"
#include "reject/layer_model.h"
#include "reject/mahalanobis.h"
#include "reject/nr.h"
#include "reject/squeeze.h"
#include "reject/threshold.h"

#include <math.h>

static const BoxType nr_type = { .name = "perigee.nr",
                                 .shown = "an nr",
                                 .release = bind_release_model };
static const BoxType layer_type = { .name = "perigee.layer",
                                    .shown = "a classifier on a layer",
                                    .release = bind_release_model };

/* ---- What nr and dnr share ------------------------------------------------------------------- */

int reject_threshold_for(lua_State *L) {
    Model *model = bind_self_model(L);
    double p = bind_number(L, 2, "threshold_for", "p");
    Batch batch = bind_check_pieces(L, 3, model, "ds");
    Error err;
    model_retain(model);
    double threshold = threshold_for(model, p, &batch, &err);
    model_release(model);
    if (isnan(threshold))
        return bind_raise(L, &err);
    lua_pushnumber(L, threshold);
    return 1;
}

/* ---- NR -------------------------------------------------------------------------------------- */

static void push_nr_model(lua_State *L, const void *nr) {
    bind_push_model(L, model_retain(nr_model(nr)), NULL);
}

static void push_layer(lua_State *L, const void *model) {
    lua_pushstring(L, layer_model_layer(model));
}

static void push_classifier(lua_State *L, const void *model) {
    bind_push_model(L, model_retain(layer_model_classifier(model)), NULL);
}

static void push_net(lua_State *L, const void *model) {
    bind_push_model(L, model_retain((Model *)layer_model_net(model)), NULL);
}

/* reject.layer { net =, layer =, classifier = } */
static int reject_layer(lua_State *L) {
    LayerParts parts = { .net = NULL };
    bind_model_options(L, &parts);
    BIND_MODEL_RETURN(L, &layer_type,
                      layer_model_new(parts.net, parts.layer, parts.classifier, &err));
}

/* reject.new { model =, threshold = } */
static int reject_new(lua_State *L) {
    NrParts parts = *(const NrParts *)nr_fields.initial;
    bind_model_options(L, &parts);
    BIND_MODEL_RETURN(L, &nr_type, nr_new(parts.model, parts.threshold, &err));
}

/* ---- Any model, one written in Lua included -------------------------------------------------- */

static Model *check_any(lua_State *L) {
    return bind_check_model(L, 1, bind_where(L), "model");
}

static int reject_scores(lua_State *L) {
    return bind_answer_scores(L, check_any(L));
}

static int reject_predict(lua_State *L) {
    return bind_answer_labels(L, check_any(L));
}

static int reject_gradient(lua_State *L) {
    return bind_answer_gradient(L, check_any(L));
}

static int reject_classes(lua_State *L) {
    bind_push_labels(L, &check_any(L)->classes);
    return 1;
}

int open_reject(lua_State *L) {
    static const BindFunction nr_methods[] = { BIND("threshold_for", reject_threshold_for, 3),
                                               BIND_LAST };
    static const BindProperty nr_properties[] = { BIND_PROPERTY("model", push_nr_model),
                                                  BIND_LAST };
    static const BindType nr = {
        .box = &nr_type, .like = &bind_any_model, .methods = nr_methods, .properties = nr_properties
    };
    static const BindProperty layer_properties[] = { BIND_PROPERTY("layer", push_layer),
                                                     BIND_PROPERTY("classifier", push_classifier),
                                                     BIND_PROPERTY("net", push_net), BIND_LAST };
    static const BindType layer = { .box = &layer_type,
                                    .like = &bind_any_model,
                                    .properties = layer_properties };
    static const BindFunction functions[] = {
        BIND_WITH("new", reject_new, 1, &nr_fields),
        BIND_WITH("layer", reject_layer, 1, &layer_fields),
        BIND_WITH("confidence", reject_confidence, 1, &confidence_fields),
        BIND_WITH("energy", reject_energy, 1, &energy_fields),
        BIND_WITH("density", reject_density, 1, &density_fields),
        BIND_WITH("mahalanobis", reject_mahalanobis, 1, &mahalanobis_fields),
        BIND_WITH("squeeze", reject_squeeze, 1, &squeeze_fields),
        BIND("scores", reject_scores, 2),
        BIND("predict", reject_predict, 2),
        BIND("gradient", reject_gradient, 3),
        BIND("classes", reject_classes, 1),
        BIND_LAST,
    };
    bind_new_model_type(L, &nr, &nr_kind);
    bind_new_model_type(L, &layer, &layer_model_kind);
    bind_open_preprocess(L);
    bind_open_detectors(L);
    lua_newtable(L);
    bind_set_functions(L, functions);
    return 1;
}
