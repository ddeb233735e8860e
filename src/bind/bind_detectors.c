/* bind_detectors.c — rejection by a statistic of the sample, in the library reject. */
#include "bind/bind_detectors.h"

#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/error.h"
#include "reject/confidence.h"
#include "reject/density.h"
#include "reject/mahalanobis.h"
#include "reject/squeeze.h"

#include <math.h>

static const BoxType confidence_type = { .name = "perigee.confidence",
                                         .shown = "a confidence model",
                                         .release = bind_release_model };
static const BoxType energy_type = { .name = "perigee.energy",
                                     .shown = "an energy model",
                                     .release = bind_release_model };
static const BoxType density_type = { .name = "perigee.density",
                                      .shown = "a density model",
                                      .release = bind_release_model };
static const BoxType mahalanobis_type = { .name = "perigee.mahalanobis",
                                          .shown = "a mahalanobis model",
                                          .release = bind_release_model };
static const BoxType squeeze_type = { .name = "perigee.squeeze",
                                      .shown = "a squeeze model",
                                      .release = bind_release_model };

/* ---- Constructors ---------------------------------------------------------------------------- */

/* reject.confidence { model =, threshold =, temperature =, probability = } */
int reject_confidence(lua_State *L) {
    ConfidenceParts parts = *(const ConfidenceParts *)confidence_fields.initial;
    bind_model_options(L, &parts);
    BIND_MODEL_RETURN(L, &confidence_type, confidence_new(&parts, &err));
}

/* reject.energy { model =, threshold =, temperature = } */
int reject_energy(lua_State *L) {
    ConfidenceParts parts = *(const ConfidenceParts *)energy_fields.initial;
    bind_model_options(L, &parts);
    BIND_MODEL_RETURN(L, &energy_type, energy_new(&parts, &err));
}

/* reject.density { net =, layer =, threshold =, bandwidth = } */
int reject_density(lua_State *L) {
    DensityParts parts = *(const DensityParts *)density_fields.initial;
    bind_model_options(L, &parts);
    BIND_MODEL_RETURN(L, &density_type, density_new(&parts, &err));
}

/* Push the weights of so many layers, if there are some. */
static const double *push_weights(lua_State *L, size_t layers) {
    if (bind_opt_push(L, 1, "weights") == LUA_TNIL)
        return NULL;
    const Array *weights = bind_to_array(L, lua_gettop(L), bind_where(L), "weights", DTYPE_F64);
    if (weights->ndim != 1 || weights->shape[0] != layers)
        bind_expected(L, lua_gettop(L), bind_where(L), "weights", "a number for each of layers");
    return array_f64(weights);
}

/* reject.mahalanobis { net =, layers =, weights =, threshold =, shrinkage = } */
int reject_mahalanobis(lua_State *L) {
    MahalanobisParts parts = *(const MahalanobisParts *)mahalanobis_fields.initial;
    bind_model_options(L, &parts);
    bind_opt_push(L, 1, "layers");
    BindStrings layers =
        bind_push_strings(L, lua_gettop(L), "layers", "a list of the net's layers");
    parts.layer = layers.string;
    parts.layers = layers.count;
    parts.weight = push_weights(L, layers.count);
    BIND_MODEL_RETURN(L, &mahalanobis_type, mahalanobis_new(&parts, &err));
}

/* reject.squeeze { model =, squeezers =, threshold = } */
int reject_squeeze(lua_State *L) {
    static const char *const usual[] = { "bits 1", "median 2" };
    SqueezeParts parts = *(const SqueezeParts *)squeeze_fields.initial;
    bind_model_options(L, &parts);
    parts.squeezer = usual;
    parts.squeezers = sizeof usual / sizeof *usual;
    if (bind_opt_push(L, 1, "squeezers") != LUA_TNIL) {
        BindStrings names = bind_push_strings(L, lua_gettop(L), "squeezers",
                                              "a list such as { \"bits 1\", \"median 2\" }");
        parts.squeezer = names.string;
        parts.squeezers = names.count;
    }
    BIND_MODEL_RETURN(L, &squeeze_type, squeeze_new(&parts, &err));
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_inner(lua_State *L, const void *self) {
    bind_push_model(L, model_retain(((const Detector *)self)->inner), NULL);
}

static void push_probability(lua_State *L, const void *self) {
    lua_pushnumber(L, confidence_probability(self));
}

static void push_layer(lua_State *L, const void *self) {
    lua_pushstring(L, detector_layer(self, 0));
}

static void push_layers(lua_State *L, const void *self) {
    lua_newtable(L);
    for (size_t l = 0; l < ((const Detector *)self)->layers; l++) {
        lua_pushstring(L, detector_layer(self, l));
        lua_rawseti(L, -2, (lua_Integer)l + 1);
    }
}

static void push_weight_list(lua_State *L, const void *self) {
    lua_newtable(L);
    for (size_t l = 0; l < ((const Detector *)self)->layers; l++) {
        lua_pushnumber(L, mahalanobis_weight(self, l));
        lua_rawseti(L, -2, (lua_Integer)l + 1);
    }
}

static void push_ranks(lua_State *L, const void *self) {
    lua_newtable(L);
    for (size_t l = 0; l < ((const Detector *)self)->layers; l++) {
        lua_pushinteger(L, (lua_Integer)mahalanobis_rank(self, l));
        lua_rawseti(L, -2, (lua_Integer)l + 1);
    }
}

static void push_fitted_bandwidth(lua_State *L, const void *self) {
    double bandwidth = density_bandwidth(self);
    if (isnan(bandwidth))
        lua_pushnil(L);
    else
        lua_pushnumber(L, bandwidth);
}

static void push_points(lua_State *L, const void *self) {
    lua_pushinteger(L, (lua_Integer)density_points(self));
}

static void push_squeezers(lua_State *L, const void *self) {
    char text[32];
    lua_newtable(L);
    for (size_t v = 0; v < squeeze_count(self); v++) {
        lua_pushstring(L, squeeze_name(self, v, text));
        lua_rawseti(L, -2, (lua_Integer)v + 1);
    }
}

/* ---- The types ------------------------------------------------------------------------------- */

#define DETECTOR_TYPE(name, what)                                                                  \
    { .box = &name##_type, .like = &bind_any_model, .methods = methods, .properties = (what) }

void bind_open_detectors(lua_State *L) {
    static const BindFunction methods[] = { BIND("threshold_for", reject_threshold_for, 3),
                                            BIND_LAST };
    static const BindProperty around[] = { BIND_PROPERTY("model", push_inner), BIND_LAST };
    static const BindProperty of_confidence[] = { BIND_PROPERTY("model", push_inner),
                                                  BIND_PROPERTY("probability", push_probability),
                                                  BIND_LAST };
    static const BindProperty of_density[] = {
        BIND_PROPERTY("net", push_inner), BIND_PROPERTY("layer", push_layer),
        BIND_PROPERTY("points", push_points),
        BIND_PROPERTY("fitted_bandwidth", push_fitted_bandwidth), BIND_LAST
    };
    static const BindProperty of_mahalanobis[] = { BIND_PROPERTY("net", push_inner),
                                                   BIND_PROPERTY("layers", push_layers),
                                                   BIND_PROPERTY("weights", push_weight_list),
                                                   BIND_PROPERTY("ranks", push_ranks), BIND_LAST };
    static const BindProperty of_squeeze[] = { BIND_PROPERTY("model", push_inner),
                                               BIND_PROPERTY("squeezers", push_squeezers),
                                               BIND_LAST };
    static const BindType types[] = {
        DETECTOR_TYPE(confidence, of_confidence), DETECTOR_TYPE(energy, around),
        DETECTOR_TYPE(density, of_density),       DETECTOR_TYPE(mahalanobis, of_mahalanobis),
        DETECTOR_TYPE(squeeze, of_squeeze),
    };
    const DetectorKind *const kinds[] = { &confidence_kind, &energy_kind, &density_kind,
                                          &mahalanobis_kind, &squeeze_kind };
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        bind_new_model_type(L, &types[k], &kinds[k]->model);
}
