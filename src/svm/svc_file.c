/* svc_file.c — an Svc as numbers and text. */
#include "core/array.h"
#include "core/fail.h"
#include "core/fields_json.h"
#include "data/safetensors.h"
#include "svm/own_kernel.h"
#include "svm/svc.h"
#include "svm/svc_parts.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_kernel(JsonNode parent, const char *name, const Kernel *kernel) {
    JsonNode json = json_object(parent, name);
    json_string(json, "name", kernel->kind->name);
    json_number(json, "gamma", kernel->gamma);
    json_number(json, "coef0", kernel->coef0);
    json_number(json, "degree", kernel->degree);
    if (kernel->kind->calls)
        fields_write_json(kernel->kind->fields.field, kernel, json_object(json, "own"));
}

/* Of a kernel that is code the file has the name and the numbers. */
static bool can_be_written(const Kernel *kernel, Error *err) {
    return !kernel->kind || !kernel->kind->calls || own_kernel_is_named(kernel->kind) ||
           error_set(err, ERROR_ARGUMENT,
                     "the svm's kernel is written in Lua and has no name by which a file "
                     "could ask for it: svm.kernel { name = \"…\", … } gives it one");
}

static void write_params(JsonNode meta, const SvcParams *params) {
    write_kernel(meta, "kernel", &params->kernel);
    json_number(meta, "C", params->C);
    json_number(meta, "tolerance", params->tolerance);
    json_bool(meta, "balanced", params->balanced);
    json_string(meta, "solver", solver_names[params->solver]);
    if (params->memory > 0)
        json_number(meta, "memory", params->memory);
    JsonNode labels = json_list(meta, "weighted"), weights = json_list(meta, "weight");
    for (size_t i = 0; i < params->weights; i++) {
        json_number(labels, NULL, params->weighted[i]);
        json_number(weights, NULL, params->weight[i]);
    }
}

bool svc_save(const Model *model, const ModelWriter *to, Error *err) {
    const Svc *svc = (const Svc *)model;
    const Decision *decision = &svc->decision;
    if (!can_be_written(&svc->params.kernel, err) || !can_be_written(&decision->kernel, err))
        return false;
    write_params(to->meta, &svc->params);
    if (!model_is_fitted(model))
        return true;
    write_kernel(to->meta, "fitted_kernel", &decision->kernel);
    if (svc->unsolved > 0)
        json_number(to->meta, "unsolved", (double)svc->unsolved);
    return tensors_add(to->tensors, (TensorName){ to->prefix, "sv" }, decision->sv, err) &&
           tensors_add(to->tensors, (TensorName){ to->prefix, "alpha" }, decision->alpha, err) &&
           tensors_add(to->tensors, (TensorName){ to->prefix, "b" }, decision->b, err) &&
           tensors_add_values(
               to->tensors, (TensorName){ to->prefix, "classes" },
               &(TensorValues){ DTYPE_I32, model->classes.label, 1, &model->classes.count }, err);
}

static bool read_number(const cJSON *meta, const char *name, double *value, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(meta, name);
    if (!cJSON_IsNumber(item))
        return error_set(err, ERROR_FILE, "load: an svm's \"%s\" is missing or not a number", name);
    *value = item->valuedouble;
    return true;
}

enum { NAMES = 128 };

static void add_name(char text[NAMES], const char *name) {
    size_t used = strlen(text);
    snprintf(text + used, NAMES - used, "%s%.40s", used ? ", " : "", name);
}

static bool refuse_own(const Field *field, const cJSON *own, const char *name, Error *err) {
    char here[NAMES] = "", there[NAMES] = "";
    const cJSON *item;
    for (; field->name; field++)
        add_name(here, field->name);
    cJSON_ArrayForEach(item, own) {
        add_name(there, item->string ? item->string : "?");
    }
    return error_set(err, ERROR_LACKS,
                     "load: the kernel \"%s\" of this session has other parameters (%s) than the "
                     "one that the svm was saved with (%s)",
                     name, *here ? here : "none", *there ? there : "none");
}

/* The parameters of a kernel that is written in Lua, whose definition may have changed. */
static bool read_own(const cJSON *own, Kernel *kernel, Error *err) {
    const Field *field = kernel->kind->fields.field;
    if (!fields_check_json(field, NULL, own, err) || !fields_agree_json(field, kernel, own, err))
        return refuse_own(field, own, kernel->kind->name, err);
    if (fields_read_json(field, kernel, own, err))
        return true;
    error_prefix(err, "load: the svm's kernel \"%s\"", kernel->kind->name);
    return false;
}

static bool read_kernel(const cJSON *meta, const char *name, Kernel *kernel, Error *err) {
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(meta, name);
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(json, "name");
    const KernelKind *found = cJSON_IsString(kind) ? own_kernel_find(kind->valuestring) : NULL;
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "own");
    if (!found && cJSON_IsString(kind) && own)
        return error_set(err, ERROR_LACKS,
                         "load: the svm's kernel \"%s\" is written in Lua: run the file that "
                         "defines it by svm.kernel { name = … }, then load this one",
                         kind->valuestring);
    if (!found || !found->calls != !own)
        return error_set(err, ERROR_FILE, "load: an svm's \"%s\" is missing or not one we know",
                         name);
    Kernel read = kernel_of(found);
    bool ok = read_number(json, "gamma", &read.gamma, err) &&
              read_number(json, "coef0", &read.coef0, err) &&
              read_number(json, "degree", &read.degree, err) && (!own || read_own(own, &read, err));
    if (ok)
        kernel_assign(kernel, &read);
    return ok;
}

static bool read_solver(const cJSON *meta, SolverKind *solver, Error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(meta, "solver");
    int found = cJSON_IsString(item) ? solver_find(item->valuestring) : -1;
    if (found < 0)
        return error_set(err, ERROR_FILE,
                         "load: an svm's \"solver\" is missing or not one we know");
    *solver = (SolverKind)found;
    return true;
}

/* What not every file has. */
static bool read_optional(const cJSON *meta, const char *name, double *value, Error *err) {
    return !cJSON_HasObjectItem(meta, name) || read_number(meta, name, value, err);
}

/* The weights of the classes into arrays that params then owns. */
static bool read_weights(const cJSON *meta, SvcParams *params, Error *err) {
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(meta, "weighted");
    const cJSON *weights = cJSON_GetObjectItemCaseSensitive(meta, "weight");
    int n = cJSON_GetArraySize(labels);
    if (!cJSON_IsArray(labels) || !cJSON_IsArray(weights) || cJSON_GetArraySize(weights) != n)
        return error_set(err, ERROR_FILE, "load: an svm's class weights are not two equal lists");
    int32_t *weighted = malloc(((size_t)n + 1) * sizeof *weighted);
    double *weight = malloc(((size_t)n + 1) * sizeof *weight);
    params->weighted = weighted;
    params->weight = weight;
    if (!weighted || !weight)
        return error_memory(err, "load", (size_t)n * (sizeof *weighted + sizeof *weight));
    const cJSON *label = labels->child, *w = weights->child;
    for (int i = 0; i < n; i++, label = label->next, w = w->next) {
        if (!cJSON_IsNumber(label) || !cJSON_IsNumber(w))
            return error_set(err, ERROR_FILE, "load: an svm's class weights are not numbers");
        weighted[i] = label->valueint;
        weight[i] = w->valuedouble;
    }
    params->weights = (size_t)n;
    return true;
}

static Svc *read_fitted(const ModelReader *from, const SvcParams *params, Error *err) {
    const Tensors *tensors = from->tensors;
    const char *prefix = from->prefix;
    const Array *sv =
        tensors_require(tensors, (TensorName){ prefix, "sv" }, (TensorForm){ DTYPE_F32, 2 }, err);
    const Array *alpha = sv ? tensors_require(tensors, (TensorName){ prefix, "alpha" },
                                              (TensorForm){ DTYPE_F64, 2 }, err)
                            : NULL;
    const Array *b = alpha ? tensors_require(tensors, (TensorName){ prefix, "b" },
                                             (TensorForm){ DTYPE_F64, 1 }, err)
                           : NULL;
    const Array *list = b ? tensors_require(tensors, (TensorName){ prefix, "classes" },
                                            (TensorForm){ DTYPE_I32, 1 }, err)
                          : NULL;
    Labels classes = { 0 };
    if (!list || !labels_from("load", array_i32(list), array_length(list), &classes, err))
        return NULL;
    Svc *svc = NULL;
    if (classes.count != array_length(list))
        error_set(err, ERROR_FILE, "load: an svm's class labels repeat");
    else
        svc = svc_make_from("load", params, &(SvcNumbers){ sv, alpha, b, &classes }, err);
    labels_clear(&classes);
    return svc;
}

Model *svc_read(const ModelReader *from, Error *err) {
    const cJSON *meta = from->meta;
    SvcParams params = svc_defaults();
    Svc *svc = NULL;
    double unsolved = 0;
    if (read_kernel(meta, "kernel", &params.kernel, err) &&
        read_number(meta, "C", &params.C, err) &&
        read_number(meta, "tolerance", &params.tolerance, err) &&
        read_solver(meta, &params.solver, err) &&
        read_optional(meta, "memory", &params.memory, err) &&
        read_optional(meta, "unsolved", &unsolved, err) && read_weights(meta, &params, err)) {
        Kernel wanted = { 0 };
        kernel_assign(&wanted, &params.kernel);
        params.balanced = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(meta, "balanced"));
        if (!cJSON_HasObjectItem(meta, "fitted_kernel"))
            svc = svc_make("load", &params, err);
        else if (kernel_check("load", &wanted, err) &&
                 read_kernel(meta, "fitted_kernel", &params.kernel, err))
            svc = read_fitted(from, &params, err);
        if (svc)
            kernel_assign(&svc->params.kernel, &wanted);
        if (svc && unsolved > 0 && unsolved < 1e9)
            svc->unsolved = (size_t)unsolved;
        kernel_release(&wanted);
    }
    svc_params_clear(&params);
    return (Model *)svc;
}
