#include "svm/kernel.h"

#include "core/blas.h"
#include "core/fail.h"
#include "core/simd.h"
#include "core/vecmath.h"
#include "svm/product.h"

#include <stdlib.h>
#include <string.h>

/* ---- The table ------------------------------------------------------------------------------- */

#define KERNEL_ENTRY(name) &kernel_##name,
const KernelKind *const kernel_table[] = { KERNEL_TABLE(KERNEL_ENTRY) NULL };
#undef KERNEL_ENTRY

const KernelKind *kernel_find(const char *name) {
    for (size_t i = 0; kernel_table[i]; i++)
        if (strcmp(name, kernel_table[i]->name) == 0)
            return kernel_table[i];
    return NULL;
}

Kernel kernel_of(const KernelKind *kind) {
    Kernel kernel = { 0 };
    if (kind->fields.initial)
        kernel = *(const Kernel *)kind->fields.initial;
    kernel.kind = kind;
    return kernel;
}

bool kernel_check(const char *where, const Kernel *kernel, Error *err) {
    for (const Field *field = kernel->kind->fields.field; field && field->name; field++) {
        if (!field_check(field, kernel, err)) {
            error_prefix(err, "%s: the %s kernel", where, kernel->kind->name);
            return false;
        }
    }
    return true;
}

bool kernel_has(const Kernel *kernel, const char *name) {
    return fields_find(kernel->kind->fields.field, name) != NULL;
}

void kernel_assign(Kernel *kept, const Kernel *from) {
    Kernel taken = *from;
    if (taken.kind->count)
        taken.kind->count(taken.kind, 1);
    kernel_release(kept);
    *kept = taken;
}

void kernel_release(Kernel *kept) {
    if (kept->kind && kept->kind->count)
        kept->kind->count(kept->kind, -1);
    *kept = (Kernel){ 0 };
}

void kernel_values(const Kernel *kernel, const double *base, double *value, size_t n) {
    kernel->kind->values(kernel, base, value, n);
}

void kernel_slopes(const Kernel *kernel, const double *base, double *slope, size_t n) {
    kernel->kind->slopes(kernel, base, slope, n);
}

/* ---- Bases of pairs -------------------------------------------------------------------------- */

/* Eight partial sums, because the compiler may not reorder the additions of one. */
SIMD_CLONES
static double squared_norm(const float *x, size_t n) {
    double part[8] = { 0 }, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t lane = 0; lane < 8; lane++)
            part[lane] += (double)x[i + lane] * x[i + lane];
    for (; i < n; i++)
        sum += (double)x[i] * x[i];
    for (size_t lane = 0; lane < 8; lane++)
        sum += part[lane];
    return sum;
}

size_t kernel_rows_bytes(size_t n, size_t features) {
    bool narrow = features <= KERNEL_NARROW;
    return n * (narrow ? features + 1 : 1) * sizeof(double) +
           (product_fits() ? product_packed_bytes(n, features, narrow) : 0);
}

bool kernel_rows_init(KernelRows *rows, const Batch *batch, Error *err) {
    size_t n = batch->n, features = batch->features;
    bool narrow = features <= KERNEL_NARROW;
    double *norm = malloc((n + 1) * sizeof *norm);
    double *wide = narrow ? malloc((n * features + 1) * sizeof *wide) : NULL;
    if (!norm || (narrow && !wide)) {
        free(norm);
        free(wide);
        return error_memory(err, batch->where, kernel_rows_bytes(n, features));
    }
    for (size_t i = 0; i < n; i++)
        norm[i] = squared_norm(batch->x + i * features, features);
    for (size_t i = 0; narrow && i < n * features; i++)
        wide[i] = batch->x[i];
    *rows = (KernelRows){ batch->x, wide, norm, n, features, NULL };
    return true;
}

void kernel_rows_pack(KernelRows *rows) {
    if (!product_fits() || rows->packed)
        return;
    if (rows->wide)
        rows->packed = product_pack_wide(rows->wide, rows->n, rows->features);
    else
        rows->packed = product_pack(rows->x, rows->n, rows->features);
}

void kernel_rows_clear(KernelRows *rows) {
    free(rows->norm);
    free(rows->wide);
    free(rows->packed);
    *rows = (KernelRows){ 0 };
}

/* The squared norm of one row, and those of the rows that it is multiplied with. */
typedef struct Norms {
    double a;
    const double *b;
} Norms;

SIMD_CLONES
static void dots_to_double(const float *dots, double *base, size_t n) {
    for (size_t i = 0; i < n; i++)
        base[i] = dots[i];
}

/* Inner products to squared distances. Rounding can take equal rows below 0. */
SIMD_CLONES
static void dots_to_distances(const double *dots, double *base, Norms norms, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double distance = norms.a + norms.b[i] - 2 * dots[i];
        base[i] = distance < 0 ? 0 : distance;
    }
}

/* The same in one go. */
SIMD_CLONES
static void floats_to_distances(const float *dots, double *base, Norms norms, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double distance = norms.a + norms.b[i] - 2 * (double)dots[i];
        base[i] = distance < 0 ? 0 : distance;
    }
}

static void own_base(const KernelPairs *pairs, KernelTile tile, double *base) {
    const KernelRows *a = pairs->a, *b = pairs->b;
    size_t d = a->features;
    for (size_t i = 0; i < tile.rows; i++)
        for (size_t j = 0; j < tile.columns; j++)
            base[i * tile.columns + j] = pairs->kernel->kind->pair(a->x + (tile.row + i) * d,
                                                                   b->x + (tile.column + j) * d, d);
}

/* Numbers of a row's products, in `dots` or as doubles in base already, to bases. */
static void finish_row(const KernelPairs *pairs, KernelTile row, const float *dots, double *base) {
    bool distance = pairs->kernel->kind->base == BASE_DISTANCE;
    Norms norms = { pairs->a->norm[row.row], pairs->b->norm + row.column };
    if (dots && distance)
        floats_to_distances(dots, base, norms, row.columns);
    else if (dots)
        dots_to_double(dots, base, row.columns);
    else if (distance)
        dots_to_distances(base, base, norms, row.columns);
}

/* A block of pairs that stays in the nearest cache from its products to the kernel's values. */
enum { BLOCK_ROWS = 12, BLOCK_COLUMNS = 64 };

/* Of rows that are packed: base, and values unless that is NULL, both of them rows of `apart`. */
static void fill_block(const KernelPairs *pairs, KernelTile block, size_t apart, double *base,
                       double *values) {
    const KernelRows *a = pairs->a, *b = pairs->b;
    size_t n = block.columns, from = block.row * a->features;
    ProductTile product = { block.rows, a->features, block.column, n };
    float dots[BLOCK_ROWS * BLOCK_COLUMNS];
    double wide[BLOCK_ROWS * BLOCK_COLUMNS];
    if (a->wide)
        product_rows_wide(product, a->wide + from, b->packed, wide);
    else
        product_rows(product, a->x + from, b->packed, dots);
    for (size_t i = 0; i < block.rows; i++, base += apart) {
        KernelTile row = { block.row + i, 1, block.column, n };
        if (a->wide)
            memcpy(base, wide + i * n, n * sizeof *base);
        finish_row(pairs, row, a->wide ? NULL : dots + i * n, base);
        if (values)
            kernel_values(pairs->kernel, base, values + i * apart, n);
    }
}

/* The block of a tile that begins at row r and column c of it. */
static KernelTile block_of(KernelTile tile, size_t r, size_t c) {
    size_t rows = tile.rows - r, columns = tile.columns - c;
    return (KernelTile){ tile.row + r, rows < BLOCK_ROWS ? rows : BLOCK_ROWS, tile.column + c,
                         columns < BLOCK_COLUMNS ? columns : BLOCK_COLUMNS };
}

static void fill_blocks(const KernelPairs *pairs, KernelTile tile, double *base, double *values) {
    for (size_t c = 0; c < tile.columns; c += BLOCK_COLUMNS)
        for (size_t r = 0; r < tile.rows; r += BLOCK_ROWS) {
            size_t at = r * tile.columns + c;
            fill_block(pairs, block_of(tile, r, c), tile.columns, base + at,
                       values ? values + at : NULL);
        }
}

/* By BLAS. */
static void fill_tile(const KernelPairs *pairs, KernelTile tile, float *dots, double *base) {
    const KernelRows *a = pairs->a, *b = pairs->b;
    size_t d = a->features, from_a = tile.row * d, from_b = tile.column * d;
    bool wide = a->wide && b->wide;
    if (wide)
        blas_dgemm(false, true, tile.rows, tile.columns, d, 1, a->wide + from_a, d,
                   b->wide + from_b, d, 0, base, tile.columns);
    else
        blas_sgemm(false, true, tile.rows, tile.columns, d, 1, a->x + from_a, d, b->x + from_b, d,
                   0, dots, tile.columns);
    for (size_t i = 0; i < tile.rows; i++) { /* row by row: it stays in the nearest cache */
        KernelTile row = { tile.row + i, 1, tile.column, tile.columns };
        finish_row(pairs, row, wide ? NULL : dots + i * tile.columns, base + i * tile.columns);
    }
}

void kernel_fill(const KernelPairs *pairs, KernelTile tile, float *dots, double *base,
                 double *values) {
    bool own = pairs->kernel->kind->base == BASE_OWN;
    if (!own && pairs->b->packed) {
        fill_blocks(pairs, tile, base, values);
        return;
    }
    if (own)
        own_base(pairs, tile, base);
    else
        fill_tile(pairs, tile, dots, base);
    if (values)
        kernel_values(pairs->kernel, base, values, tile.rows * tile.columns);
}

void kernel_base(const KernelPairs *pairs, KernelTile tile, float *dots, double *base) {
    kernel_fill(pairs, tile, dots, base, NULL);
}

SIMD_CLONES
static void to_floats(const double *base, double factor, float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(factor * base[i]);
}

/* Bases, which are overwritten, to values. */
static void floats_of(const Kernel *kernel, double *base, float *values, size_t n) {
    if (kernel->kind->decay) {
        to_floats(base, -kernel->kind->decay(kernel), values, n);
        vec_expf(values, values, n);
        return;
    }
    kernel_values(kernel, base, base, n);
    to_floats(base, 1, values, n);
}

void kernel_floats(const KernelPairs *pairs, KernelTile tile, double *scratch, float *values) {
    double block[BLOCK_ROWS * BLOCK_COLUMNS];
    bool packed = pairs->b->packed && pairs->kernel->kind->base != BASE_OWN;
    if (!packed) {
        kernel_base(pairs, tile, values, scratch);
        floats_of(pairs->kernel, scratch, values, tile.rows * tile.columns);
    }
    for (size_t c = 0; packed && c < tile.columns; c += BLOCK_COLUMNS)
        for (size_t r = 0; r < tile.rows; r += BLOCK_ROWS) {
            KernelTile part = block_of(tile, r, c);
            fill_block(pairs, part, part.columns, block, NULL);
            for (size_t i = 0; i < part.rows; i++)
                floats_of(pairs->kernel, block + i * part.columns,
                          values + (r + i) * tile.columns + c, part.columns);
        }
}

void kernel_pull(const KernelPairs *pairs, KernelTile tile, const double *slope, double *gradient) {
    const KernelRows *a = pairs->a, *b = pairs->b;
    size_t d = a->features;
    memset(gradient, 0, tile.rows * d * sizeof *gradient);
    for (size_t i = 0; i < tile.rows; i++)
        for (size_t j = 0; j < tile.columns; j++)
            pairs->kernel->kind->pull(a->x + (tile.row + i) * d, b->x + (tile.column + j) * d, d,
                                      slope[i * tile.columns + j], gradient + i * d);
}
