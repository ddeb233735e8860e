#include "data/dataset_bytes.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/memory.h"

const char *const store_words[] = { "f32", "u8", NULL };

DType store_dtype(int store) {
    return store == STORE_U8 ? DTYPE_U8 : DTYPE_F32;
}

bool byte_samples_new(const char *where, ByteSamples *out, Error *err) {
    size_t features = sizes_product(&out->sample), bytes;
    out->features = features;
    out->x = out->y = NULL;
    if (__builtin_mul_overflow(out->n, features, &bytes))
        return error_set(err, ERROR_FILE, "%s: %zu samples of %zu bytes are too many", where,
                         out->n, features);
    if (out->store == STORE_F32 &&
        !memory_check(where, 5.0 * (double)bytes, "samples as bytes and as float32", err))
        return false;
    out->x = array_uninitialised(where, DTYPE_U8, &(Sizes){ 2, { out->n, features } }, err);
    out->y = out->x ? array_new1(where, DTYPE_I32, out->n, err) : NULL;
    if (!out->y) {
        byte_samples_free(out);
        return false;
    }
    out->rows = array_u8(out->x);
    out->labels = array_i32(out->y);
    return true;
}

void byte_samples_free(ByteSamples *samples) {
    array_free(samples->x);
    array_free(samples->y);
    *samples = (ByteSamples){ 0 };
}

Dataset *byte_samples_dataset(const char *where, ByteSamples *samples, const char *source,
                              Error *err) {
    DatasetParts parts = { samples->x, samples->y, source, samples->sample, NULL };
    DType dtype = store_dtype(samples->store);
    Dataset *bytes = dataset_new(where, &parts, err);
    byte_samples_free(samples);
    if (!bytes || dtype == DTYPE_U8)
        return bytes;
    Dataset *floats = dataset_stored_as(bytes, dtype, err);
    dataset_free(bytes);
    return floats;
}
