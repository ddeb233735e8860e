/* neighbours.c — tiles of rows against all points by one product each, on worker threads. */
#include "classic/neighbours.h"

#include "core/blas.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdlib.h>

enum { TILE = 32 };

double points_squares(const float *x, size_t n, size_t features, double *square) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        square[i] = 0;
        for (size_t j = 0; j < features; j++)
            square[i] += (double)x[i * features + j] * x[i * features + j];
        largest = fmax(largest, square[i]);
    }
    return largest;
}

/* ---- The nearest ----------------------------------------------------------------------------- */

typedef struct Search {
    const Points *points;
    const Batch *x;
    size_t k;
    Neighbour *out;
    float *near; /* TILE × points for each worker */
    float *heap; /* k for each worker */
} Search;

/* ‖s‖² − 2 x·s for a tile's rows, which differs from the squared distance by ‖x‖² alone. */
static void measure(const Points *points, const float *x, size_t rows, float *near) {
    size_t d = points->features, n = points->n;
    blas_sgemm(false, true, rows, n, d, -2, x, d, points->x, d, 0, near, n);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            near[i * n + j] += (float)points->square[j];
}

static void sink(float *heap, size_t k, float value) {
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < k; at = child) {
        child += child + 1 < k && heap[child + 1] > heap[child];
        if (!(heap[child] > value))
            break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

/* The k-th smallest. */
static float kth(const float *near, size_t n, size_t k, float *heap) {
    for (size_t i = 0; i < k; i++)
        heap[i] = INFINITY;
    for (size_t j = 0; j < n; j++)
        if (near[j] < heap[0])
            sink(heap, k, near[j]);
    return heap[0];
}

static double exact(const float *a, const float *b, size_t d) {
    double part[4] = { 0 };
    size_t j = 0;
    for (; j + 4 <= d; j += 4)
        for (size_t lane = 0; lane < 4; lane++) {
            double off = (double)a[j + lane] - b[j + lane];
            part[lane] += off * off;
        }
    for (; j < d; j++)
        part[0] += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
    return (part[0] + part[1]) + (part[2] + part[3]);
}

static size_t insert(Neighbour *list, size_t count, size_t k, Neighbour one) {
    if (count == k && !(one.square < list[k - 1].square))
        return count;
    size_t at = count < k ? count : k - 1;
    for (; at > 0 && list[at - 1].square > one.square; at--)
        list[at] = list[at - 1];
    list[at] = one;
    return count < k ? count + 1 : count;
}

/* What float32 cannot tell from the k-th nearest is measured in double. */
static void choose(const Search *of, size_t row, const float *near, float *heap) {
    const Points *points = of->points;
    size_t d = points->features, count = 0;
    const float *x = of->x->x + row * d;
    double square;
    points_squares(x, 1, d, &square);
    double error = 0x1p-24 * (8 + 4 * sqrt((double)d)) * (square + points->largest_square);
    double most = kth(near, points->n, of->k, heap) + 2 * error;
    for (size_t j = 0; j < points->n; j++)
        if (!(near[j] > most))
            count = insert(of->out + row * of->k, count, of->k,
                           (Neighbour){ exact(x, points->x + j * d, d), j });
}

static void search_tile(void *context, size_t first, size_t last, int worker) {
    const Search *of = context;
    size_t n = of->points->n;
    float *near = of->near + (size_t)worker * TILE * n, *heap = of->heap + (size_t)worker * of->k;
    measure(of->points, of->x->x + first * of->points->features, last - first, near);
    for (size_t row = first; row < last; row++)
        choose(of, row, near + (row - first) * n, heap);
}

bool neighbours_find(const Points *points, const Batch *x, size_t k, Neighbour *out, Error *err) {
    size_t workers = (size_t)parallel_threads(), each = TILE * points->n + k;
    float *memory = malloc(workers * each * sizeof *memory);
    if (!memory)
        return error_memory(err, x->where, workers * each * sizeof *memory);
    Search of = { points, x, k, out, memory, memory + workers * TILE * points->n };
    bool done = parallel_try(x->n, TILE, search_tile, &of);
    free(memory);
    return done || error_interrupted(err, x->where);
}

/* ---- The soft form --------------------------------------------------------------------------- */

typedef struct Soft {
    const SoftShare *of;
    const Batch *x;
    float *near;
    double *sum; /* 2 × classes for each worker */
} Soft;

/* near[j] of a row becomes its weight in the gradient: w_c π_cj − (Σ w) π_j, where π_c is the share
 * within the class and π that among all. Both are relative to a class's nearest point. */
static void weigh(const SoftShare *of, size_t row, float *near, double *nearest) {
    const Points *points = of->points;
    size_t classes = points->classes, n = points->n;
    double *sum = nearest + classes, all = INFINITY, whole = 0, total = 0;
    const double *w = of->w + row * classes;
    for (size_t c = 0; c < classes; c++) {
        nearest[c] = INFINITY;
        sum[c] = 0;
    }
    for (size_t j = 0; j < n; j++)
        nearest[points->class[j]] = fmin(nearest[points->class[j]], near[j]);
    for (size_t c = 0; c < classes; c++)
        all = fmin(all, nearest[c]);
    for (size_t j = 0; j < n; j++) {
        int32_t c = points->class[j];
        near[j] = (float)exp((nearest[c] - near[j]) / of->softness);
        sum[c] += near[j];
    }
    for (size_t c = 0; c < classes; c++) {
        whole += sum[c] * exp((all - nearest[c]) / of->softness);
        total += w[c];
    }
    for (size_t c = 0; c < classes; c++)
        sum[c] = w[c] / sum[c] - total * exp((all - nearest[c]) / of->softness) / whole;
    for (size_t j = 0; j < n; j++)
        near[j] = (float)(near[j] * sum[points->class[j]]);
}

/* 2/T Σ_j q_j (s_j − x), where the q_j have the sum 0. */
static void soft_tile(void *context, size_t first, size_t last, int worker) {
    const Soft *soft = context;
    const SoftShare *of = soft->of;
    const Points *points = of->points;
    size_t n = points->n, d = points->features;
    float *near = soft->near + (size_t)worker * TILE * n;
    double *sum = soft->sum + (size_t)worker * 2 * points->classes;
    measure(points, soft->x->x + first * d, last - first, near);
    for (size_t row = first; row < last; row++)
        weigh(of, row, near + (row - first) * n, sum);
    blas_sgemm(false, false, last - first, d, n, (float)(2 / of->softness), near, n, points->x, d,
               0, of->gradient + first * d, d);
}

bool soft_share_gradient(const SoftShare *of, const Batch *x, Error *err) {
    size_t workers = (size_t)parallel_threads(), each = TILE * of->points->n;
    float *near = malloc(workers * each * sizeof *near);
    double *sum = malloc(workers * 2 * of->points->classes * sizeof *sum);
    bool ok = near && sum ? true : error_memory(err, x->where, workers * each * sizeof *near);
    Soft soft = { of, x, near, sum };
    if (ok && !parallel_try(x->n, TILE, soft_tile, &soft))
        ok = error_interrupted(err, x->where);
    free(near);
    free(sum);
    return ok;
}
