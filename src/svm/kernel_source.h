/* kernel_source.h — where decomposition (decompose.h) gets its kernel values from: a matrix of all
 * of them, or computed when they are asked for, and some samples' rows kept as long as there is
 * room. Values are float32 in any case, and the same whether they were kept or not. */
#ifndef PERIGEE_SVM_KERNEL_SOURCE_H
#define PERIGEE_SVM_KERNEL_SOURCE_H

#include "svm/kernel.h"

#include <stdint.h>

/* Some samples' rows as kernels want them, in memory of their own. */
typedef struct GatheredRows {
    KernelRows rows;
    float *x;
} GatheredRows;

typedef struct KernelSource {
    const Kernel *kernel;
    const KernelRows *rows; /* n of them */
    const float *whole;     /* n × n; or NULL */
    float *kept;            /* most × n: some samples' values with all */
    size_t most;
    size_t *idle, idles; /* the rows of `kept` that are nobody's */
    size_t *slot;        /* n: which one is the sample's, or SLOT_NONE */
    float *diagonal;     /* n: every sample's value with itself */

    /* The members, those whose values are there first. */
    size_t *member, members, known;
    GatheredRows gathered; /* the others */
} KernelSource;

static const size_t SLOT_NONE = SIZE_MAX;

/* What the fields before `idle` say, but for `kept`, is chosen by the caller. False: no memory, and
 * what there is is for kernel_source_clear all the same. */
bool kernel_source_init(KernelSource *source);
void kernel_source_clear(KernelSource *source);

/* ---- Members with all samples ---------------------------------------------------------------- */

/* The samples that tiles are about from now on, in rising order. They are put into the order of
 * source->member, and their rows are kept while there is room. */
bool kernel_source_choose(KernelSource *source, const size_t *sample, size_t count, Error *err);

/* Keep the rows of those samples no more that are not wanted (n). */
void kernel_source_drop(KernelSource *source, const unsigned char *wanted);

/* One past the last member that a tile from m on may have, of `most` rows. */
size_t kernel_source_end(const KernelSource *source, size_t m, size_t most);

/* Some samples in a row, made ready for members that have to be computed; of no memory they are
 * slower. Released by kernel_rows_clear. */
KernelRows kernel_source_columns(const KernelSource *source, size_t first, size_t samples);

/* values (tile.rows × tile.columns) of members with the samples from tile.column on, which
 * `columns` are; `scratch` holds as many doubles. Several threads may ask at the same time, for
 * samples of their own. */
void kernel_source_tile(const KernelSource *source, KernelTile tile, const KernelRows *columns,
                        double *scratch, float *values);

/* ---- Some samples with one another ----------------------------------------------------------- */

/* Rows of their matrix, found when they are asked for and kept as long as there is room; of wide
 * samples that have to be computed, which are slow one by one, all at the start. */
typedef struct SourceRows {
    const KernelSource *source;
    float *values; /* the caller's, */
    size_t room;   /* of so many */
    uint32_t *sample;
    size_t count;
    GatheredRows gathered; /* where rows are computed; and scratch for one */
    double *scratch;
    uint32_t *row, *holder; /* where sample i's row is, or ROW_NONE; whose row there is */
    size_t most, used, last;
    bool known; /* the source has all samples' values */
} SourceRows;

static const uint32_t ROW_NONE = UINT32_MAX;

/* All of it at once, into gram (count × count). */
bool kernel_source_matrix(const KernelSource *source, const size_t *sample, size_t count,
                          float *gram, Error *err);

bool source_rows_init(SourceRows *rows, const KernelSource *source, float *values, size_t room);
void source_rows_clear(SourceRows *rows);

/* The samples, in rising order. There must be room for all rows of wide ones. */
bool source_rows_begin(SourceRows *rows, const size_t *sample, size_t count, Error *err);
const float *source_row(void *rows, size_t i); /* a SmoRow */

/* Somebody else has written where the rows are. */
void source_rows_forget(SourceRows *rows);

#endif
