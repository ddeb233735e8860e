#include "svm/kernel_source.h"

#include "core/fail.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/simd.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"

#include <stdlib.h>
#include <string.h>

/* A sample's value with itself. */
static float own_value(const KernelSource *source, size_t t) {
    const KernelRows *rows = source->rows;
    KernelPairs pairs = { source->kernel, rows, rows };
    double base;
    float value;
    if (source->whole)
        return source->whole[t * rows->n + t];
    kernel_floats(&pairs, (KernelTile){ t, 1, t, 1 }, &base, &value);
    return value;
}

bool kernel_source_init(KernelSource *source) {
    size_t n = source->rows->n;
    bool keeps = !source->whole && source->most > 0;
    source->most = keeps ? source->most : 0;
    source->idle = malloc(source->most * sizeof *source->idle + 1);
    source->slot = malloc(n * sizeof *source->slot + 1);
    source->diagonal = malloc(n * sizeof *source->diagonal + 1);
    source->member = malloc(n * sizeof *source->member + 1);
    source->kept = keeps ? matrix_take(source->most * n * sizeof(float)) : NULL;
    if (!source->idle || !source->slot || !source->diagonal || !source->member ||
        (keeps && !source->kept))
        return false;
    for (source->idles = 0; source->idles < source->most; source->idles++)
        source->idle[source->idles] = source->most - 1 - source->idles; /* the first ones first */
    for (size_t t = 0; t < n; t++) {
        source->slot[t] = SLOT_NONE;
        source->diagonal[t] = own_value(source, t);
    }
    return true;
}

static void gathered_clear(GatheredRows *gathered) {
    free(gathered->x);
    kernel_rows_clear(&gathered->rows);
    *gathered = (GatheredRows){ 0 };
}

void kernel_source_clear(KernelSource *source) {
    free(source->idle);
    free(source->slot);
    free(source->diagonal);
    free(source->member);
    matrix_give(source->kept);
    gathered_clear(&source->gathered);
}

static bool gather(GatheredRows *gathered, const KernelRows *from, const size_t *sample,
                   size_t count, Error *err) {
    size_t d = from->features;
    gathered_clear(gathered);
    gathered->x = malloc(count * d * sizeof(float) + 1);
    gathered->rows = (KernelRows){ .x = gathered->x, .n = count, .features = d };
    gathered->rows.norm = malloc(count * sizeof(double) + 1);
    gathered->rows.wide = from->wide ? malloc(count * d * sizeof(double) + 1) : NULL;
    if (!gathered->x || !gathered->rows.norm || (from->wide && !gathered->rows.wide))
        return error_memory(err, "svm", count * d * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        progress_let_attend();
        memcpy(gathered->x + i * d, from->x + sample[i] * d, d * sizeof(float));
        gathered->rows.norm[i] = from->norm[sample[i]];
        if (from->wide)
            memcpy(gathered->rows.wide + i * d, from->wide + sample[i] * d, d * sizeof(double));
    }
    return true;
}

/* A sample's values with all, or NULL. */
static const float *known_row(const KernelSource *source, size_t t) {
    size_t n = source->rows->n;
    if (source->whole)
        return source->whole + t * n;
    return source->slot[t] == SLOT_NONE ? NULL : source->kept + source->slot[t] * n;
}

/* ---- Members with all samples ---------------------------------------------------------------- */

bool kernel_source_choose(KernelSource *source, const size_t *sample, size_t count, Error *err) {
    size_t members = 0;
    for (int is_known = 1; is_known >= 0; is_known--) {
        for (size_t i = 0; i < count; i++)
            if ((known_row(source, sample[i]) != NULL) == is_known)
                source->member[members++] = sample[i];
        if (is_known)
            source->known = members;
    }
    source->members = members;
    if (source->known == members)
        return true;
    if (!gather(&source->gathered, source->rows, source->member + source->known,
                members - source->known, err))
        return false;
    for (size_t m = source->known; m < members && source->idles > 0; m++)
        source->slot[source->member[m]] = source->idle[--source->idles];
    return true;
}

void kernel_source_drop(KernelSource *source, const unsigned char *wanted) {
    for (size_t t = 0; t < source->rows->n; t++)
        if (source->slot[t] != SLOT_NONE && !wanted[t]) {
            source->idle[source->idles++] = source->slot[t];
            source->slot[t] = SLOT_NONE;
        }
}

size_t kernel_source_end(const KernelSource *source, size_t m, size_t most) {
    size_t end = m < source->known ? source->known : source->members;
    return end - m < most ? end : m + most;
}

KernelRows kernel_source_columns(const KernelSource *source, size_t first, size_t samples) {
    const KernelRows *all = source->rows;
    KernelRows columns = { .n = samples, .features = all->features };
    if (source->known == source->members || source->kernel->kind->base == BASE_OWN)
        return columns;
    columns.x = all->x + first * all->features;
    columns.wide = all->wide ? all->wide + first * all->features : NULL;
    kernel_rows_pack(&columns);
    return (KernelRows){ .packed = columns.packed };
}

/* The members' rows of the tile one after the other. */
static void read_tile(const KernelSource *source, KernelTile tile, float *values) {
    for (size_t i = 0; i < tile.rows; i++)
        memcpy(values + i * tile.columns,
               known_row(source, source->member[tile.row + i]) + tile.column,
               tile.columns * sizeof *values);
}

/* Keep those rows that have a place. */
static void keep_tile(const KernelSource *source, KernelTile tile, const float *values) {
    for (size_t i = 0; i < tile.rows; i++) {
        size_t slot = source->slot[source->member[tile.row + i]];
        if (slot != SLOT_NONE)
            memcpy(source->kept + slot * source->rows->n + tile.column, values + i * tile.columns,
                   tile.columns * sizeof *values);
    }
}

void kernel_source_tile(const KernelSource *source, KernelTile tile, const KernelRows *columns,
                        double *scratch, float *values) {
    if (tile.row < source->known) {
        read_tile(source, tile, values);
        return;
    }
    KernelRows there = *source->rows;
    KernelPairs pairs = { source->kernel, &source->gathered.rows, &there };
    KernelTile gathered = tile;
    gathered.row -= source->known;
    if (columns->packed) { /* of these samples alone */
        there.packed = columns->packed;
        there.norm += tile.column;
        gathered.column = 0;
    }
    kernel_floats(&pairs, gathered, scratch, values);
    keep_tile(source, tile, values);
}

/* ---- Some samples with one another ----------------------------------------------------------- */

typedef struct Copy {
    const KernelSource *source;
    const size_t *sample;
    size_t count;
    float *gram;
} Copy;

static void copy_body(void *context, size_t first, size_t last, int worker) {
    const Copy *copy = context;
    (void)worker;
    for (size_t i = first; i < last; i++) {
        const float *row = copy->source->whole + copy->sample[i] * copy->source->rows->n;
        for (size_t j = 0; j < copy->count; j++)
            copy->gram[i * copy->count + j] = row[copy->sample[j]];
    }
}

bool kernel_source_matrix(const KernelSource *source, const size_t *sample, size_t count,
                          float *gram, Error *err) {
    enum { COPY_PIECE = 16 }; /* rows */
    GatheredRows gathered = { 0 };
    if (source->whole) {
        parallel_for(count, COPY_PIECE, copy_body, &(Copy){ source, sample, count, gram });
        return true;
    }
    bool ok = gather(&gathered, source->rows, sample, count, err) &&
              gram_fill(source->kernel, &gathered.rows, gram, err);
    gathered_clear(&gathered);
    return ok;
}

bool source_rows_init(SourceRows *rows, const KernelSource *source, float *values, size_t room) {
    size_t n = source->rows->n;
    *rows = (SourceRows){ .source = source, .values = values, .room = room };
    rows->sample = malloc(n * sizeof *rows->sample + 1);
    rows->row = malloc(n * sizeof *rows->row + 1);
    rows->holder = malloc(n * sizeof *rows->holder + 1);
    rows->scratch = malloc(n * sizeof *rows->scratch + 1);
    return rows->sample && rows->row && rows->holder && rows->scratch;
}

void source_rows_clear(SourceRows *rows) {
    free(rows->sample);
    free(rows->row);
    free(rows->holder);
    free(rows->scratch);
    gathered_clear(&rows->gathered);
}

void source_rows_forget(SourceRows *rows) {
    rows->count = 0;
}

/* All rows at once. */
static bool fill_rows(SourceRows *rows, Error *err) {
    for (size_t i = 0; i < rows->count; i++)
        rows->row[i] = rows->holder[i] = (uint32_t)i;
    rows->used = rows->count;
    return gram_fill(rows->source->kernel, &rows->gathered.rows, rows->values, err);
}

/* The same samples as the last time, and their values from the same place? */
static bool take_samples(SourceRows *rows, const size_t *sample, size_t count) {
    bool known = true;
    for (size_t i = 0; known && i < count; i++)
        known = known_row(rows->source, sample[i]) != NULL;
    bool same = count == rows->count && known == rows->known;
    rows->known = known;
    for (size_t i = 0; same && i < count; i++)
        same = rows->sample[i] == sample[i];
    for (size_t i = 0; !same && i < count; i++) {
        rows->sample[i] = (uint32_t)sample[i];
        rows->row[i] = ROW_NONE;
    }
    rows->count = count;
    return same;
}

bool source_rows_begin(SourceRows *rows, const size_t *sample, size_t count, Error *err) {
    const KernelSource *source = rows->source;
    if (count == 0 || take_samples(rows, sample, count))
        return true;
    rows->used = 0;
    rows->last = SIZE_MAX;
    rows->most = rows->room / count < count ? rows->room / count : count;
    if (rows->known)
        return true;
    bool ok = gather(&rows->gathered, source->rows, sample, count, err);
    if (ok && source->rows->features > KERNEL_NARROW)
        ok = fill_rows(rows, err);
    else if (ok)
        kernel_rows_pack(&rows->gathered.rows);
    if (!ok)
        rows->count = 0;
    return ok;
}

/* Where the next row goes: over the oldest one, but not over the last that was asked for. */
static size_t free_place(SourceRows *rows) {
    size_t at = rows->used++ % rows->most;
    if (rows->used > rows->most && rows->holder[at] == rows->last)
        at = rows->used++ % rows->most;
    if (rows->used > rows->most)
        rows->row[rows->holder[at]] = ROW_NONE;
    return at;
}

SIMD_CLONES
static void pick(const float *restrict from, const uint32_t *restrict sample, size_t count,
                 float *restrict to) {
    for (size_t j = 0; j < count; j++)
        to[j] = from[sample[j]];
}

const float *source_row(void *context, size_t i) {
    SourceRows *rows = context;
    const KernelSource *source = rows->source;
    const float *known = known_row(source, rows->sample[i]);
    if (known && rows->count == source->rows->n)
        return known;
    if (rows->row[i] == ROW_NONE) {
        size_t at = free_place(rows);
        float *to = rows->values + at * rows->count;
        rows->row[i] = (uint32_t)at;
        rows->holder[at] = (uint32_t)i;
        KernelPairs pairs = { source->kernel, &rows->gathered.rows, &rows->gathered.rows };
        if (known)
            pick(known, rows->sample, rows->count, to);
        else
            kernel_floats(&pairs, (KernelTile){ i, 1, 0, rows->count }, rows->scratch, to);
    }
    rows->last = i;
    return rows->values + rows->row[i] * rows->count;
}
