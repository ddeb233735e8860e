/* dnr_file.c — a Dnr as numbers and text, and copies of one. */
#include "core/fail.h"
#include "reject/dnr.h"
#include "reject/dnr_parts.h"
#include "reject/threshold.h"

#include <stdlib.h>
#include <string.h>

/* A Dnr's description by plain pointers, with room for `layers` of them. */
typedef struct Parts {
    DnrParts view;
    const char **layer;
    Model **classifier;
} Parts;

static bool parts_make(size_t layers, Parts *parts, Error *err) {
    *parts = (Parts){ .layer = calloc(layers + 1, sizeof *parts->layer),
                      .classifier = calloc(layers + 1, sizeof *parts->classifier) };
    parts->view.layers = layers;
    parts->view.layer = parts->layer;
    parts->view.classifier = parts->classifier;
    return (parts->layer && parts->classifier) || error_memory(err, "dnr", layers * sizeof(void *));
}

/* Releases the models; the names are borrowed. */
static void parts_clear(Parts *parts) {
    for (size_t l = 0; parts->classifier && l < parts->view.layers; l++)
        model_release(parts->classifier[l]);
    model_release(parts->view.combiner);
    model_release((Model *)parts->view.net);
    free(parts->layer);
    free(parts->classifier);
}

/* The same net under models that `copy` makes of the parts. */
static Model *copy_parts(const Dnr *dnr, Model *(*copy)(const Model *part, Error *err),
                         Error *err) {
    Parts parts;
    bool ok = parts_make(dnr->layers, &parts, err);
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        parts.layer[l] = dnr_layer_name(dnr, l);
        parts.classifier[l] = copy(dnr->layer[l].classifier, err);
        ok = parts.classifier[l] != NULL;
    }
    parts.view.net = (Network *)model_retain((Model *)dnr->net);
    parts.view.combiner = ok ? copy(dnr->combiner, err) : NULL;
    parts.view.threshold = dnr->threshold;
    parts.view.seed = dnr->seed;
    Dnr *made = parts.view.combiner ? dnr_new(&parts.view, err) : NULL;
    parts_clear(&parts);
    return (Model *)made;
}

Model *dnr_clone(const Model *base, Error *err) {
    return copy_parts((const Dnr *)base, model_clone, err);
}

Model *dnr_fitted_copy(const Model *base, Error *err) {
    const Dnr *dnr = (const Dnr *)base;
    Dnr *copy = dnr_check_classes(dnr, err) ? (Dnr *)copy_parts(dnr, model_part_copy, err) : NULL;
    if (copy && model_is_fitted(base))
        copy->seen = dnr->seen; /* a copy knows no more of the net */
    return (Model *)copy;
}

/* The layers' models in an object of their own, so that no layer's name meets another key. */
bool dnr_save(const Model *base, const ModelWriter *to, Error *err) {
    const Dnr *dnr = (const Dnr *)base;
    if (!dnr_check_parts(dnr, err) || !dnr_check_classes(dnr, err) || !dnr_check_net(dnr, err))
        return false;
    threshold_write(to->meta, dnr->threshold);
    JsonNode names = json_list(to->meta, "layers");
    ModelWriter models = *to;
    models.meta = json_object(to->meta, "classifiers");
    bool ok =
        to->part(to, "net", (Model *)dnr->net, err) && to->part(to, "combiner", dnr->combiner, err);
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        const char *name = dnr_layer_name(dnr, l);
        json_string(names, NULL, name);
        ok = models.part(&models, name, dnr->layer[l].classifier, err);
    }
    return ok;
}

static bool read_parts(const ModelReader *from, Parts *parts, Error *err) {
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(from->meta, "layers"), *name;
    ModelReader models = *from;
    models.meta = cJSON_GetObjectItemCaseSensitive(from->meta, "classifiers");
    size_t l = 0;
    if (!threshold_read(from->meta, &parts->view.threshold, err))
        return false;
    parts->view.net = network_read_part(from, "net", err);
    if (!parts->view.net)
        return false;
    if (parts->view.layers > network_layer_count(parts->view.net))
        return error_set(err, ERROR_FILE, "the metadata lists more layers than the net has");
    cJSON_ArrayForEach(name, names) {
        if (!cJSON_IsString(name))
            return error_set(err, ERROR_FILE, "the metadata's layers are not names");
        for (size_t k = 0; k < l; k++)
            if (strcmp(parts->layer[k], name->valuestring) == 0)
                return error_set(err, ERROR_FILE, "the metadata lists a layer twice");
        parts->layer[l] = name->valuestring;
        parts->classifier[l] = models.part(&models, name->valuestring, err);
        if (!parts->classifier[l++])
            return false;
    }
    parts->view.combiner = from->part(from, "combiner", err);
    return parts->view.combiner != NULL;
}

Model *dnr_read(const ModelReader *from, Error *err) {
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(from->meta, "layers");
    if (!cJSON_IsArray(names)) {
        error_set(err, ERROR_FILE, "the metadata has no list of layers");
        return NULL;
    }
    Parts parts;
    Dnr *dnr = NULL;
    size_t layers = (size_t)cJSON_GetArraySize(names);
    if (!dnr_count_layers(layers, err))
        return NULL;
    if (parts_make(layers, &parts, err) && read_parts(from, &parts, err))
        dnr = dnr_new(&parts.view, err);
    parts_clear(&parts);
    return (Model *)dnr;
}
