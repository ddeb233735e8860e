#include "files/model_file.h"

#include "classic/knn.h"
#include "classic/logistic.h"
#include "classic/pipeline.h"
#include "core/fail.h"
#include "core/json.h"
#include "nn/network.h"
#include "reject/confidence.h"
#include "reject/density.h"
#include "reject/dnr.h"
#include "reject/layer_model.h"
#include "reject/mahalanobis.h"
#include "reject/nr.h"
#include "reject/squeeze.h"
#include "svm/svc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char metadata_key[] = "perigee";
enum { FORMAT = 1 };

const ModelKind *const model_file_kinds[] = {
    &network_model_kind,
    &svc_kind,
    &knn_kind,
    &logistic_kind,
    &pipeline_kind,
    &layer_model_kind,
    &nr_kind,
    &dnr_kind,
    &confidence_kind.model,
    &energy_kind.model,
    &density_kind.model,
    &mahalanobis_kind.model,
    &squeeze_kind.model,
    NULL,
};

static bool check_kind(const Model *model, Error *err) {
    return model->kind->save ||
           error_set(err, ERROR_ARGUMENT,
                     "a %s model is not made of numbers alone and cannot be saved",
                     model->kind->name);
}

static bool write_model(const Model *model, const ModelWriter *to, Error *err) {
    if (!check_kind(model, err))
        return false;
    json_string(to->meta, "kind", model->kind->name);
    return model->kind->save(model, to, err);
}

static Model *read_model(const ModelReader *from, Error *err) {
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(from->meta, "kind");
    if (!cJSON_IsString(kind)) {
        error_set(err, ERROR_FILE, "the metadata does not say which kind of model this is");
        return NULL;
    }
    for (const ModelKind *const *known = model_file_kinds; *known; known++)
        if (strcmp((*known)->name, kind->valuestring) == 0)
            return (*known)->read(from, err);
    error_set(err, ERROR_FILE, "a model of the unknown kind \"%.40s\"", kind->valuestring);
    return NULL;
}

/* "prefix" + "name" + "."; names of tensors are not long. */
typedef struct Prefix {
    char text[256];
} Prefix;

static bool join_prefix(const char *prefix, const char *name, Prefix *out, Error *err) {
    int length = snprintf(out->text, sizeof out->text, "%s%s.", prefix, name);
    if (length > 0 && (size_t)length < sizeof out->text)
        return true;
    return error_set(err, ERROR_ARGUMENT, "models are nested too deeply at \"%.40s\"", name);
}

static bool write_part(const ModelWriter *to, const char *name, const Model *part, Error *err) {
    Prefix prefix;
    ModelWriter inner = *to;
    if (!join_prefix(to->prefix, name, &prefix, err))
        return false;
    inner.prefix = prefix.text;
    inner.meta = json_object(to->meta, name);
    if (write_model(part, &inner, err))
        return true;
    error_prefix(err, "%s", name);
    return false;
}

static Model *read_part(const ModelReader *from, const char *name, Error *err) {
    Prefix prefix;
    ModelReader inner = *from;
    if (!join_prefix(from->prefix, name, &prefix, err))
        return NULL;
    inner.prefix = prefix.text;
    inner.meta = cJSON_GetObjectItemCaseSensitive(from->meta, name);
    if (!cJSON_IsObject(inner.meta)) {
        error_set(err, ERROR_FILE, "the metadata has no part \"%s\"", name);
        return NULL;
    }
    Model *part = read_model(&inner, err);
    if (!part)
        error_prefix(err, "%s", name);
    return part;
}

/* Models that hold models write nothing but descriptions themselves. */
static bool ask_part(const ModelWriter *to, const char *name, const Model *part, Error *err) {
    if (part->kind->part_at ? write_model(part, to, err) : check_kind(part, err))
        return true;
    error_prefix(err, "%s", name);
    return false;
}

bool model_can_be_saved(const Model *model, Error *err) {
    JsonTree tree;
    Tensors none;
    if (!model->kind->part_at)
        return check_kind(model, err);
    tensors_init(&none);
    bool ok = write_model(model, &(ModelWriter){ &none, "", json_begin(&tree), ask_part }, err);
    cJSON_Delete(json_end(&tree));
    tensors_clear(&none);
    return ok;
}

bool model_to(const Model *model, const cJSON *header, Tensors *tensors, Error *err) {
    JsonTree tree;
    JsonNode meta = json_begin(&tree);
    json_number(meta, "format", FORMAT);
    if (header)
        json_copy(meta, "written_by", header);
    bool ok = write_model(model, &(ModelWriter){ tensors, "", meta, write_part }, err);
    char *text = json_end_text(&tree);
    if (ok && !text)
        ok = error_memory(err, "save", 256);
    ok = ok && json_check_description("the model's description", text, err) &&
         tensors_set_text(tensors, metadata_key, text, err);
    cJSON_free(text);
    return ok;
}

bool model_save(const Model *model, const char *path, const cJSON *header, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    bool ok = model_to(model, header, &tensors, err);
    if (!ok)
        error_prefix(err, "save");
    ok = ok && tensors_save(&tensors, path, err);
    tensors_clear(&tensors);
    return ok;
}

Model *model_from(const Tensors *tensors, Error *err) {
    const char *text = tensors_text(tensors, metadata_key);
    if (!text) {
        bool kept = tensors_text(tensors, "perigee.session") != NULL;
        error_set(err, ERROR_FILE, "%s",
                  kept ? "neither a model nor a result: what an evaluation saved is read by "
                         "evaluate.load(path), what save(path) wrote by restore(path)"
                       : "no model's description in the metadata; fill weights alone into a net "
                         "that exists, by net:load_weights(path)");
        return NULL;
    }
    cJSON *meta =
        json_parse("the model's description in the metadata", text, JSON_DESCRIPTION, err);
    if (!meta)
        return NULL;
    Model *model = NULL;
    if (json_check_format(meta, "model", FORMAT, err))
        model = read_model(&(ModelReader){ tensors, "", meta, read_part }, err);
    cJSON_Delete(meta);
    return model;
}

bool model_find(const char *name, const char *folder, char path[MODEL_PATH], Error *err) {
    snprintf(path, MODEL_PATH, "%s", name);
    if (strchr(name, '/') || access(name, F_OK) == 0)
        return true;
    snprintf(path, MODEL_PATH, "%s/perigee/models/%s.safetensors", folder ? folder : ".", name);
    return access(path, F_OK) == 0 ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: no such file, and no shipped model of that name (%s)", name, path);
}

Model *model_load(const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    if (!tensors_open(&tensors, path, err))
        return NULL;
    Model *model = model_from(&tensors, err);
    tensors_clear(&tensors);
    if (!model) {
        error_blame_file(err);
        error_prefix(err, "%s", path);
    }
    return model;
}
