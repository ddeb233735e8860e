#include "data/dataset_bytes.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/memory.h"

#include <stdlib.h>

bool byte_samples_new(const char *where, size_t n, const Sizes *sample, ByteSamples *out,
                      Error *err) {
    size_t features = sizes_product(sample), bytes;
    *out = (ByteSamples){ .n = n, .features = features, .sample = *sample };
    if (__builtin_mul_overflow(n, features, &bytes))
        return error_set(err, ERROR_FILE, "%s: %zu samples of %zu bytes are too many", where, n,
                         features);
    if (!memory_check(where, 5.0 * (double)bytes, "samples as bytes and as float32", err))
        return false;
    out->rows = malloc(bytes ? bytes : 1);
    out->y = out->rows ? array_new1(where, DTYPE_I32, n, err) : NULL;
    if (!out->rows)
        error_memory(err, where, bytes);
    if (!out->y) {
        byte_samples_free(out);
        return false;
    }
    out->labels = array_i32(out->y);
    return true;
}

void byte_samples_free(ByteSamples *samples) {
    free(samples->rows);
    array_free(samples->y);
    *samples = (ByteSamples){ 0 };
}

/* As float32 in [0, 1]. */
static Array *scaled(const char *where, const ByteSamples *samples, Error *err) {
    const Sizes shape = { 2, { samples->n, samples->features } };
    Array *x = array_uninitialised(where, DTYPE_F32, &shape, err);
    size_t count = samples->n * samples->features;
    float *out = x ? array_f32(x) : NULL;
    for (size_t i = 0; x && i < count; i++)
        out[i] = (float)samples->rows[i] / 255.0f;
    return x;
}

Dataset *byte_samples_dataset(const char *where, ByteSamples *samples, const char *source,
                              Error *err) {
    Array *x = scaled(where, samples, err);
    DatasetParts parts = { x, samples->y, source, samples->sample, NULL };
    Dataset *dataset = x ? dataset_new(where, &parts, err) : NULL;
    array_free(x);
    byte_samples_free(samples);
    return dataset;
}
