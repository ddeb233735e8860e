#include "files/result_file.h"

#include "core/array.h"
#include "core/error.h"
#include "core/json.h"
#include "core/nan.h"
#include "core/printable.h"
#include "core/file.h"
#include "files/result_check.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char metadata_key[] = "perigee";
static const char kind[] = "attack_result";
static const TensorName iterates_name = { NULL, "trace.iterates" };
static const TensorName gradient_norm_name = { NULL, "trace.gradient_norm" };
static const TensorName largest_kernel_name = { NULL, "trace.largest_kernel" };
enum { FORMAT = 1 };

/* ---- Writing ---- */

static bool add_array(Tensors *tensors, const char *name, const Array *array, Error *err) {
    return !array || tensors_add(tensors, (TensorName){ NULL, name }, array, err);
}

static bool add_arrays(const AttackResult *result, Tensors *tensors, Error *err) {
    bool ok = true;
    for (const ResultArray *a = result_arrays; ok && a < result_arrays + RESULT_ARRAYS; a++)
        ok = add_array(tensors, a->name, *result_array(result, a), err);
    return ok;
}

static size_t trace_length(const Trace *trace) {
    return array_size(trace->loss);
}

/* All traces end to end. Norms, kernels and iterates are kept for all samples or for none. */
typedef struct Joined {
    Array *length, *loss, *scores, *distance, *gradient_norm, *largest_kernel, *iterates;
} Joined;

static void joined_clear(Joined *joined) {
    array_free(joined->length);
    array_free(joined->loss);
    array_free(joined->scores);
    array_free(joined->distance);
    array_free(joined->gradient_norm);
    array_free(joined->largest_kernel);
    array_free(joined->iterates);
}

static void append(Array *to, size_t row, const Array *from) {
    size_t width = array_bytes(from) / from->shape[0];
    memcpy((char *)to->data + row * width, from->data, array_bytes(from));
}

static bool join_traces(const AttackResult *result, Joined *joined, Error *err) {
    size_t total = 0, n = result->n;
    bool norms = n > 0, kernels = n > 0, iterates = n > 0;
    for (size_t i = 0; i < n; i++) {
        total += trace_length(&result->trace[i]);
        norms = norms && result->trace[i].gradient_norm;
        kernels = kernels && result->trace[i].largest_kernel;
        iterates = iterates && result->trace[i].iterates;
    }
    *joined = (Joined){ 0 };
    if (!(joined->length = array_new1("save", DTYPE_I32, n, err)) ||
        !(joined->loss = array_new1("save", DTYPE_F64, total, err)) ||
        !(joined->scores = array_new2("save", DTYPE_F64, total, result->columns, err)) ||
        !(joined->distance = array_new1("save", DTYPE_F64, total, err)) ||
        (norms && !(joined->gradient_norm = array_new1("save", DTYPE_F64, total, err))) ||
        (kernels && !(joined->largest_kernel = array_new1("save", DTYPE_F64, total, err))) ||
        (iterates &&
         !(joined->iterates = array_new2("save", DTYPE_F32, total, result->features, err))))
        return false;
    size_t row = 0;
    for (size_t i = 0; i < n; i++) {
        const Trace *trace = &result->trace[i];
        array_i32(joined->length)[i] = (int32_t)trace_length(trace);
        append(joined->loss, row, trace->loss);
        append(joined->scores, row, trace->scores);
        append(joined->distance, row, trace->distance);
        if (norms)
            append(joined->gradient_norm, row, trace->gradient_norm);
        if (kernels)
            append(joined->largest_kernel, row, trace->largest_kernel);
        if (iterates)
            append(joined->iterates, row, trace->iterates);
        row += trace_length(trace);
    }
    return true;
}

static bool add_traces(const AttackResult *result, Tensors *tensors, Error *err) {
    Joined joined;
    bool ok = join_traces(result, &joined, err) &&
              add_array(tensors, "trace.length", joined.length, err) &&
              add_array(tensors, "trace.loss", joined.loss, err) &&
              add_array(tensors, "trace.scores", joined.scores, err) &&
              add_array(tensors, "trace.distance", joined.distance, err) &&
              add_array(tensors, gradient_norm_name.name, joined.gradient_norm, err) &&
              add_array(tensors, largest_kernel_name.name, joined.largest_kernel, err) &&
              add_array(tensors, "trace.iterates", joined.iterates, err);
    joined_clear(&joined);
    return ok;
}

/* NULL without memory; cJSON_free it. */
static char *describe(const AttackResult *result, const cJSON *header) {
    JsonTree tree;
    JsonNode meta = json_begin(&tree);
    json_number(meta, "format", FORMAT);
    json_string(meta, "kind", kind);
    json_string(meta, "attack", result->attack);
    json_string(meta, "model", result->model_kind);
    json_number(meta, "norm", result->norm);
    json_bool(meta, "rejects", result->rejects);
    JsonNode classes = json_list(meta, "classes");
    for (size_t c = 0; c < result->classes.count; c++)
        json_number(classes, NULL, result->classes.label[c]);
    JsonNode shape = json_list(meta, "shape");
    for (int k = 0; k < result->sample_ndim; k++)
        json_number(shape, NULL, (double)result->sample_shape[k]);
    json_item(meta, "params", cJSON_Parse(result->params));
    if (header)
        json_copy(meta, "written_by", header);
    return json_end_text(&tree);
}

bool attack_result_to(const AttackResult *result, const cJSON *header, Tensors *tensors,
                      Error *err) {
    char *text = describe(result, header);
    bool ok = text || error_memory(err, "save", 256);
    ok = ok && json_check_description("the result's description", text, err) &&
         tensors_set_text(tensors, metadata_key, text, err) && add_arrays(result, tensors, err) &&
         add_traces(result, tensors, err);
    cJSON_free(text);
    return ok;
}

bool attack_result_save(const AttackResult *result, const char *path, const cJSON *header,
                        Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    bool ok = attack_result_to(result, header, &tensors, err) && tensors_save(&tensors, path, err);
    tensors_clear(&tensors);
    return ok;
}

/* ---- Reading ---- */

static bool bad(const char *what, Error *err) {
    return error_set(err, ERROR_FILE, "attack result: %s", what);
}

static cJSON *read_meta(const Tensors *tensors, Error *err) {
    const char *text = tensors_text(tensors, metadata_key);
    cJSON *meta =
        text ? json_parse("attack result: the metadata", text, JSON_DESCRIPTION, err) : NULL;
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(meta, "kind");
    if (cJSON_IsString(said) && strcmp(said->valuestring, kind) == 0)
        return meta;
    if (!text || meta)
        bad("the metadata is not that of a result", err);
    cJSON_Delete(meta);
    return NULL;
}

bool attack_result_is_in(const Tensors *tensors, bool *is_in, Error *err) {
    Error reason = { 0 };
    cJSON *meta = read_meta(tensors, &reason);
    cJSON_Delete(meta);
    *is_in = meta != NULL;
    if (reason.kind != ERROR_MEMORY)
        return true;
    *err = reason;
    return false;
}

/* A list of integers, at most `most`, into `out`; −1 if it is something else. */
static ptrdiff_t read_list(const cJSON *meta, const char *name, size_t most, int32_t *out) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(meta, name), *item;
    ptrdiff_t count = 0;
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) > most)
        return -1;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsNumber(item) || item->valuedouble != item->valueint)
            return -1;
        out[count++] = item->valueint;
    }
    return count;
}

static bool read_classes(const cJSON *meta, Labels *classes, Error *err) {
    size_t most = (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(meta, "classes"));
    int32_t *label = malloc((most + 1) * sizeof *label);
    if (!label)
        return error_memory(err, "attack result", most * sizeof *label);
    ptrdiff_t count = read_list(meta, "classes", most, label);
    for (ptrdiff_t i = 1; i < count; i++)
        count = label[i] > label[i - 1] ? count : -1;
    bool ok = count > 0 ? labels_from("attack result", label, (size_t)count, classes, err)
                        : bad("the classes are not a list of labels in rising order", err);
    free(label);
    return ok;
}

static bool read_shape(const cJSON *meta, AttackResult *result, Error *err) {
    int32_t shape[ARRAY_MAX_DIMS];
    ptrdiff_t ndim = read_list(meta, "shape", ARRAY_MAX_DIMS, shape);
    double product = 1;
    for (ptrdiff_t k = 0; k < ndim; k++)
        product *= shape[k] > 0 ? shape[k] : 0;
    if (ndim < 1 || product != (double)result->features)
        return bad("the shape does not fit the samples", err);
    result->sample_ndim = (int)ndim;
    for (ptrdiff_t k = 0; k < ndim; k++)
        result->sample_shape[k] = (size_t)shape[k];
    return true;
}

static bool read_words(cJSON *meta, AttackResult *result, Error *err) {
    const cJSON *attack = cJSON_GetObjectItemCaseSensitive(meta, "attack");
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(meta, "model");
    cJSON *params = cJSON_GetObjectItemCaseSensitive(meta, "params");
    const cJSON *norm = cJSON_GetObjectItemCaseSensitive(meta, "norm");
    if (!cJSON_IsString(attack) || !cJSON_IsString(model) || !cJSON_IsObject(params) ||
        !cJSON_IsNumber(norm) || norm->valueint < NORM_L1 || norm->valueint > NORM_LINF)
        return bad("attack, model, norm or params are missing from the metadata", err);
    result->norm = norm->valueint;
    char word[256];
    result->attack = strdup(printable(attack->valuestring, word, sizeof word));
    result->model_kind = strdup(printable(model->valuestring, word, sizeof word));
    result->params = json_text(params);
    return (result->attack && result->model_kind && result->params) ||
           error_memory(err, "attack result", 64);
}

/* The file's array of that name as the result's. */
static bool take_array(const Tensors *tensors, const AttackResult *result, const ResultArray *which,
                       Error *err) {
    Sizes wanted = result_sizes(result, which);
    const Array *from = tensors_require(tensors, (TensorName){ NULL, which->name },
                                        (TensorForm){ which->dtype, wanted.ndim }, err);
    bool fits = from != NULL;
    for (int d = 0; fits && d < wanted.ndim; d++)
        fits = from->shape[d] == wanted.size[d];
    if (fits)
        return (*result_array(result, which) = array_share(from, err)) != NULL;
    return from && error_set(err, ERROR_FILE, "attack result: %s does not have the result's shape",
                             which->name);
}

static bool take_arrays(const Tensors *tensors, const AttackResult *result, Error *err) {
    bool ok = true;
    for (const ResultArray *a = result_arrays; ok && a < result_arrays + RESULT_ARRAYS; a++)
        if (!a->optional || tensors_index(tensors, (TensorName){ NULL, a->name }) >= 0)
            ok = take_array(tensors, result, a, err);
    return ok;
}

/* All traces of a file; false where one is missing. */
static bool require_joined(const Tensors *tensors, Joined *joined, Error *err) {
    const TensorForm counts = { DTYPE_I32, 1 }, numbers = { DTYPE_F64, 1 }, rows = { DTYPE_F64, 2 };
    *joined = (Joined){ 0 };
    return (joined->length =
                tensors_require(tensors, (TensorName){ NULL, "trace.length" }, counts, err)) &&
           (joined->loss =
                tensors_require(tensors, (TensorName){ NULL, "trace.loss" }, numbers, err)) &&
           (joined->scores =
                tensors_require(tensors, (TensorName){ NULL, "trace.scores" }, rows, err)) &&
           (joined->distance =
                tensors_require(tensors, (TensorName){ NULL, "trace.distance" }, numbers, err)) &&
           (tensors_index(tensors, gradient_norm_name) < 0 ||
            (joined->gradient_norm = tensors_require(tensors, gradient_norm_name, numbers, err))) &&
           (tensors_index(tensors, largest_kernel_name) < 0 ||
            (joined->largest_kernel =
                 tensors_require(tensors, largest_kernel_name, numbers, err))) &&
           (tensors_index(tensors, iterates_name) < 0 ||
            (joined->iterates = tensors_read(tensors, iterates_name, err)));
}

static bool joined_fits(const Joined *joined, const AttackResult *result) {
    const Array *iterates = joined->iterates;
    size_t total = array_size(joined->loss);
    return array_size(joined->length) == result->n && joined->scores->shape[0] == total &&
           joined->scores->shape[1] == result->columns && array_size(joined->distance) == total &&
           (!joined->gradient_norm || array_size(joined->gradient_norm) == total) &&
           (!joined->largest_kernel || array_size(joined->largest_kernel) == total) &&
           (!iterates || (iterates->dtype == DTYPE_F32 && iterates->ndim == 2 &&
                          iterates->shape[0] == total && iterates->shape[1] == result->features));
}

/* A trace is `count` rows of what all have together. */
static bool cut_trace(Trace *trace, const Joined *joined, size_t row, size_t count, Error *err) {
    return (trace->loss = array_rows(joined->loss, row, count, err)) &&
           (trace->scores = array_rows(joined->scores, row, count, err)) &&
           (trace->distance = array_rows(joined->distance, row, count, err)) &&
           (!joined->gradient_norm ||
            (trace->gradient_norm = array_rows(joined->gradient_norm, row, count, err))) &&
           (!joined->largest_kernel ||
            (trace->largest_kernel = array_rows(joined->largest_kernel, row, count, err))) &&
           (!joined->iterates || (trace->iterates = array_rows(joined->iterates, row, count, err)));
}

static bool take_traces(const Tensors *tensors, AttackResult *result, Error *err) {
    Joined joined;
    if (!require_joined(tensors, &joined, err))
        return false;
    size_t total = array_size(joined.loss), row = 0;
    bool fits = joined_fits(&joined, result);
    for (size_t i = 0; fits && i < result->n; i++) {
        int32_t count = array_i32(joined.length)[i];
        if (count < 1 || (size_t)count > total - row)
            return bad("the lengths of the traces do not fit the traces", err);
        if (!cut_trace(&result->trace[i], &joined, row, (size_t)count, err))
            return false;
        row += (size_t)count;
    }
    return (fits && row == total) || bad("the traces do not fit the samples", err);
}

/* Without features any number of them would fit into no bytes. */
static const Array *require_samples(const Tensors *tensors, Error *err) {
    const Array *x0 =
        tensors_require(tensors, (TensorName){ NULL, "x0" }, (TensorForm){ DTYPE_F32, 2 }, err);
    return x0 && (x0->shape[1] > 0 || bad("the samples have no features", err)) ? x0 : NULL;
}

static AttackResult *read_result(const Tensors *tensors, cJSON *meta, Error *err) {
    const Array *x0 = require_samples(tensors, err);
    Labels classes;
    if (!x0 || !read_classes(meta, &classes, err))
        return NULL;
    bool rejects = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(meta, "rejects"));
    ResultSize size = { .n = x0->shape[0], .features = x0->shape[1] };
    AttackResult *result = result_header(&classes, rejects, &size, err);
    labels_clear(&classes);
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(meta, "params");
    if (result && read_shape(meta, result, err) && read_words(meta, result, err) &&
        take_arrays(tensors, result, err) && take_traces(tensors, result, err) &&
        result_check(result, params, err))
        return result;
    result_free(result);
    return NULL;
}

AttackResult *attack_result_from(const Tensors *tensors, Error *err) {
    cJSON *meta = read_meta(tensors, err);
    if (!meta)
        return NULL;
    AttackResult *result = NULL;
    if (json_check_format(meta, "result", FORMAT, err))
        result = read_result(tensors, meta, err);
    cJSON_Delete(meta);
    return result;
}

AttackResult *attack_result_load(const char *path, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    if (!tensors_open(&tensors, path, err))
        return NULL;
    AttackResult *result = attack_result_from(&tensors, err);
    if (!result)
        error_prefix(err, "%s", path);
    tensors_clear(&tensors);
    return result;
}

/* ---- CSV ---- */

static void write_head(const AttackResult *result, FILE *out) {
    fprintf(out, "sample,iterate,loss");
    for (size_t c = 0; c < result->classes.count; c++)
        fprintf(out, ",score_%d", (int)result->classes.label[c]);
    fprintf(out, "%s,distance%s%s%s\n", result->rejects ? ",reject" : "",
            result->gradient_end ? ",gradient_norm" : "",
            result->kernel_end ? ",largest_kernel" : "", result->dmax ? ",dmax" : "");
}

/* A column more: 17 digits, the same doubles come back. */
static void write_number(double number, FILE *out) {
    fprintf(out, ",%.17g", nan_unsigned(number));
}

/* NaN where nothing was taken, of however many traces. */
static void write_taken(const Array *taken, size_t t, FILE *out) {
    write_number(taken ? array_f64(taken)[t] : NAN, out);
}

static void write_line(const AttackResult *result, size_t i, size_t t, FILE *out) {
    const Trace *trace = &result->trace[i];
    fprintf(out, "%zu,%zu", i + 1, t + 1);
    write_number(array_f64(trace->loss)[t], out);
    for (size_t c = 0; c < result->columns; c++)
        write_number(array_f64(trace->scores)[t * result->columns + c], out);
    write_number(array_f64(trace->distance)[t], out);
    if (result->gradient_end)
        write_taken(trace->gradient_norm, t, out);
    if (result->kernel_end)
        write_taken(trace->largest_kernel, t, out);
    if (result->dmax)
        write_number(array_f64(result->dmax)[i], out);
    fputc('\n', out);
}

bool attack_result_csv(const AttackResult *result, const char *path, Error *err) {
    FileWriter writer;
    if (!file_writer_open(&writer, path, err))
        return false;
    write_head(result, writer.stream);
    for (size_t i = 0; i < result->n; i++)
        for (size_t t = 0; t < trace_length(&result->trace[i]); t++)
            write_line(result, i, t, writer.stream);
    return file_writer_commit(&writer, err);
}
