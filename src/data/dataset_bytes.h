/* dataset_bytes.h — datasets of samples that are bytes in their files: pictures.
 *
 * Readers fill rows of bytes; whether 0 … 255 stay bytes or become 0 … 1 as float32 is settled here
 * alone, by the readers' option `store`. */
#ifndef PERIGEE_DATA_DATASET_BYTES_H
#define PERIGEE_DATA_DATASET_BYTES_H

#include "core/fields.h"
#include "data/dataset.h"

/* A line in a reader's table of options, kept in an int at that offset: a StoreAs. */
typedef enum StoreAs { STORE_F32, STORE_U8 } StoreAs;
extern const char *const store_words[];
#define STORE_FIELD(offset)                                                                        \
    {                                                                                              \
        "store", FIELD_WORD, offset,                                                               \
            .words = store_words, .meaning = "bytes, a quarter of the memory, or floats in [0, 1]" \
    }
DType store_dtype(int store);

/* Room for n samples of that shape with their labels, to be filled. */
typedef struct ByteSamples {
    unsigned char *rows; /* n × the product of `sample`: those of x */
    int32_t *labels;     /* those of y */
    size_t n, features;
    Sizes sample;
    Array *x, *y;
    int store; /* a StoreAs */
} ByteSamples;

/* `out` says n, the sample and how they are to be stored. */
bool byte_samples_new(const char *where, ByteSamples *out, Error *err);
void byte_samples_free(ByteSamples *samples);

/* The dataset of them; they are as empty afterwards as byte_samples_free leaves them. */
Dataset *byte_samples_dataset(const char *where, ByteSamples *samples, const char *source,
                              Error *err);

#endif
