#include "reject/density_points.h"

#include "core/blas.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/vecmath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The points ------------------------------------------------------------------------------ */

Points *points_retain(Points *points) {
    if (points)
        points->refs++;
    return points;
}

void points_release(Points *points) {
    if (!points || --points->refs > 0)
        return;
    free(points->start);
    free(points->mean);
    free(points->point);
    free(points->norm);
    free(points);
}

static double norm_of(const float *x, size_t width) {
    double sum = 0;
    for (size_t j = 0; j < width; j++)
        sum += (double)x[j] * (double)x[j];
    return sum;
}

static void move_row(const Points *points, const float *row, float *to) {
    for (size_t j = 0; j < points->width; j++)
        to[j] = row[j] - points->mean[j];
}

/* Rows to their class's place; `next` (classes) is scratch. */
static void place_rows(Points *points, const PointsFrom *from, size_t *next) {
    memcpy(next, points->start, points->classes * sizeof *next);
    for (size_t i = 0; i < from->n; i++)
        move_row(points, from->rows + i * from->width,
                 // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): every row's class is there
                 points->point + next[from->column[i]]++ * from->width);
}

static void take_mean(Points *points, const PointsFrom *from) {
    for (size_t j = 0; j < from->width; j++) {
        double sum = 0;
        for (size_t i = 0; i < from->n; i++)
            sum += (double)from->rows[i * from->width + j];
        points->mean[j] = (float)(sum / (double)from->n);
    }
}

static bool points_fill(Points *points, const PointsFrom *from, Error *err) {
    for (size_t c = 0; c < from->classes; c++) {
        points->start[c + 1] = points->start[c] + from->count[c];
        points->largest = from->count[c] > points->largest ? from->count[c] : points->largest;
    }
    if (from->column) {
        size_t *next = malloc(from->classes * sizeof *next);
        if (!next)
            return error_memory(err, "fit", from->classes * sizeof *next);
        take_mean(points, from);
        place_rows(points, from, next);
        free(next);
    } else {
        memcpy(points->mean, from->mean, from->width * sizeof(float));
        memcpy(points->point, from->rows, from->n * from->width * sizeof(float));
    }
    for (size_t i = 0; i < from->n; i++)
        points->norm[i] = norm_of(points->point + i * from->width, from->width);
    return true;
}

Points *points_new(const PointsFrom *from, Error *err) {
    Points *points = malloc(sizeof *points);
    if (points)
        *points = (Points){
            .refs = 1,
            .n = from->n,
            .width = from->width,
            .classes = from->classes,
            .start = calloc(from->classes + 1, sizeof *points->start),
            .mean = malloc(from->width * sizeof *points->mean),
            .point = malloc(from->n * from->width * sizeof *points->point),
            .norm = malloc(from->n * sizeof *points->norm),
        };
    bool ok = points && points->start && points->mean && points->point && points->norm;
    if (!ok)
        error_memory(err, "fit", from->n * from->width * sizeof(float));
    if (ok && points_fill(points, from, err))
        return points;
    points_release(points);
    return NULL;
}

/* ---- Exponents ------------------------------------------------------------------------------- */

/* t = −gamma ‖x − s‖² of the points from `first` on, from their products; the largest of them. */
typedef struct Row {
    double norm, gamma;
    const float *dots;
} Row;

static double exponents(const Points *points, Row row, size_t first, size_t count, double *t) {
    double most = -INFINITY;
    for (size_t j = 0; j < count; j++) {
        double square = row.norm + points->norm[first + j] - 2 * (double)row.dots[j];
        t[j] = -row.gamma * (square < 0 ? 0 : square);
        most = t[j] > most || isnan(t[j]) ? t[j] : most;
    }
    return most;
}

/* exp(t − most) in place, and their sum. */
static double kernels(double most, size_t count, double *t) {
    double sum = 0;
    for (size_t j = 0; j < count; j++)
        t[j] -= most;
    vec_exp(t, t, count);
    for (size_t j = 0; j < count; j++)
        sum += t[j];
    return sum;
}

/* Rows of a piece of either way. */
enum { SUMS_PIECE = 32, PULL_PIECE = 8 };

/* For each worker: rows as moved, products, exponents, shares. */
typedef struct Scratch {
    char *memory;
    size_t each, rows, width, most;
} Scratch;

static bool scratch_make(Scratch *scratch, const Points *points, size_t rows, Error *err) {
    size_t floats = rows * points->width + rows * points->largest + points->largest;
    *scratch = (Scratch){ .rows = rows, .width = points->width, .most = points->largest };
    scratch->each = points->largest * sizeof(double) + floats * sizeof(float);
    scratch->each = (scratch->each + 63) / 64 * 64;
    scratch->memory = malloc((size_t)parallel_threads() * scratch->each);
    return scratch->memory ||
           error_memory(err, "density", (size_t)parallel_threads() * scratch->each);
}

typedef struct Space {
    double *t;
    float *moved, *dots, *shares;
} Space;

static Space space_of(const Scratch *scratch, int worker) {
    double *t = (double *)(void *)(scratch->memory + (size_t)worker * scratch->each);
    float *moved = (float *)(t + scratch->most), *dots = moved + scratch->rows * scratch->width;
    return (Space){ t, moved, dots, dots + scratch->rows * scratch->most };
}

/* ---- There ----------------------------------------------------------------------------------- */

typedef struct SumsJob {
    const PointsSums *asked;
    Scratch scratch;
} SumsJob;

static void sum_class(const PointsSums *asked, const Space *space, size_t first, size_t n,
                      size_t c) {
    const Points *points = asked->points;
    size_t from = points->start[c], count = points->start[c + 1] - from, width = points->width;
    blas_sgemm(false, true, n, count, width, 1, space->moved, width, points->point + from * width,
               width, 0, space->dots, count);
    for (size_t i = 0; i < n; i++) {
        Row row = { norm_of(space->moved + i * width, width), asked->gamma,
                    space->dots + i * count };
        double most = exponents(points, row, from, count, space->t);
        double *largest = asked->largest ? asked->largest + first + i : NULL;
        asked->sums[(first + i) * points->classes + c] = most + log(kernels(most, count, space->t));
        if (largest && (c == 0 || exp(most) > *largest))
            *largest = exp(most);
    }
}

static void sum_rows(void *context, size_t first, size_t last, int worker) {
    const SumsJob *job = context;
    const PointsSums *asked = job->asked;
    size_t width = asked->points->width;
    Space space = space_of(&job->scratch, worker);
    DenormalMode caller = denormals_flush();
    for (size_t i = first; i < last; i++)
        move_row(asked->points, asked->x + i * width, space.moved + (i - first) * width);
    for (size_t c = 0; c < asked->points->classes; c++)
        sum_class(asked, &space, first, last - first, c);
    denormals_restore(caller);
}

bool points_sums(const PointsSums *asked, Error *err) {
    SumsJob job = { .asked = asked };
    if (!scratch_make(&job.scratch, asked->points, SUMS_PIECE, err))
        return false;
    parallel_for(asked->n, SUMS_PIECE, sum_rows, &job);
    free(job.scratch.memory);
    return true;
}

/* ---- And back -------------------------------------------------------------------------------- */

typedef struct PullJob {
    const PointsPull *asked;
    Scratch scratch;
} PullJob;

/* slope += w 2 gamma Σ_s p_s (s − x) of one class. */
static void pull_class(const PointsPull *asked, const Space *space, size_t c, double w,
                       float *slope) {
    const Points *points = asked->points;
    size_t from = points->start[c], count = points->start[c + 1] - from, width = points->width;
    const float *point = points->point + from * width;
    blas_sgemm(false, true, 1, count, width, 1, space->moved, width, point, width, 0, space->dots,
               count);
    Row row = { norm_of(space->moved, width), asked->gamma, space->dots };
    double most = exponents(points, row, from, count, space->t);
    double factor = 2 * asked->gamma * w, sum = kernels(most, count, space->t);
    for (size_t j = 0; j < count; j++)
        space->shares[j] = (float)(factor * (space->t[j] / sum));
    blas_sgemm(false, false, 1, width, count, 1, space->shares, count, point, width, 1, slope,
               width);
    for (size_t j = 0; j < width; j++)
        slope[j] -= (float)(factor * (double)space->moved[j]);
}

static void pull_rows(void *context, size_t first, size_t last, int worker) {
    const PullJob *job = context;
    const PointsPull *asked = job->asked;
    size_t width = asked->points->width, classes = asked->points->classes;
    Space space = space_of(&job->scratch, worker);
    DenormalMode caller = denormals_flush();
    for (size_t i = first; i < last; i++) {
        float *slope = asked->slopes + i * width;
        memset(slope, 0, width * sizeof *slope);
        move_row(asked->points, asked->x + i * width, space.moved);
        for (size_t c = 0; c < classes; c++)
            if (asked->w[i * classes + c] != 0)
                pull_class(asked, &space, c, asked->w[i * classes + c], slope);
    }
    denormals_restore(caller);
}

bool points_pull(const PointsPull *asked, Error *err) {
    PullJob job = { .asked = asked };
    if (!scratch_make(&job.scratch, asked->points, 1, err))
        return false;
    parallel_for(asked->n, PULL_PIECE, pull_rows, &job);
    free(job.scratch.memory);
    return true;
}

/* ---- The bandwidth --------------------------------------------------------------------------- */

enum { PAIRS_MOST = 1 << 24, HELD_LEAST = 16, HELD_PIECE = 8 };

/* Points that are left out in turn, and their squared distances to the others of their class; that
 * to itself is infinite. */
typedef struct Held {
    const Points *points;
    size_t n;
    size_t *index, *column;
    size_t *place; /* of its distances */
    float *square;
    double gamma;
    double *mean; /* out, n: Σ p_s ‖f − s‖² */
    Scratch scratch;
} Held;

static size_t held_of(const Points *points, size_t c) {
    size_t count = points->start[c + 1] - points->start[c], most = PAIRS_MOST / points->n;
    most = most < HELD_LEAST ? HELD_LEAST : most;
    return count < most ? count : most;
}

static void held_clear(Held *held) {
    free(held->index);
    free(held->column);
    free(held->place);
    free(held->square);
    free(held->mean);
    free(held->scratch.memory);
}

static bool held_make(Held *held, Error *err) {
    const Points *points = held->points;
    size_t pairs = 0, at = 0;
    for (size_t c = 0; c < points->classes; c++) {
        held->n += held_of(points, c);
        pairs += held_of(points, c) * (points->start[c + 1] - points->start[c]);
    }
    held->index = malloc(held->n * sizeof *held->index);
    held->column = malloc(held->n * sizeof *held->column);
    held->place = malloc(held->n * sizeof *held->place);
    held->mean = malloc(held->n * sizeof *held->mean);
    held->square = malloc(pairs * sizeof *held->square);
    if (!held->index || !held->column || !held->place || !held->mean || !held->square)
        return error_memory(err, "fit", pairs * sizeof *held->square);
    for (size_t c = 0, i = 0; c < points->classes; c++) {
        size_t count = points->start[c + 1] - points->start[c], some = held_of(points, c);
        for (size_t k = 0; k < some; k++, i++, at += count) {
            held->index[i] = points->start[c] + k * count / some;
            held->column[i] = c;
            held->place[i] = at;
        }
    }
    return scratch_make(&held->scratch, points, 1, err);
}

static void measure_held(void *context, size_t first, size_t last, int worker) {
    const Held *held = context;
    const Points *points = held->points;
    Space space = space_of(&held->scratch, worker);
    for (size_t i = first; i < last; i++) {
        size_t c = held->column[i], from = points->start[c], count = points->start[c + 1] - from;
        const float *own = points->point + held->index[i] * points->width;
        blas_sgemm(false, true, 1, count, points->width, 1, own, points->width,
                   points->point + from * points->width, points->width, 0, space.dots, count);
        Row row = { points->norm[held->index[i]], 1, space.dots };
        exponents(points, row, from, count, space.t);
        for (size_t j = 0; j < count; j++)
            held->square[held->place[i] + j] = (float)-space.t[j];
        held->square[held->place[i] + held->index[i] - from] = INFINITY;
    }
}

/* Σ p_s ‖f − s‖², with gamma infinite the least distance's, with 0 the mean. */
static void weigh_held(void *context, size_t first, size_t last, int worker) {
    const Held *held = context;
    Space space = space_of(&held->scratch, worker);
    for (size_t i = first; i < last; i++) {
        size_t c = held->column[i], count = held->points->start[c + 1] - held->points->start[c];
        const float *square = held->square + held->place[i];
        float least = INFINITY;
        double sum = 0, weighted = 0;
        for (size_t j = 0; j < count; j++)
            least = square[j] < least ? square[j] : least;
        for (size_t j = 0; j < count; j++)
            space.t[j] =
                square[j] == INFINITY ? -INFINITY : -held->gamma * (double)(square[j] - least);
        vec_exp(space.t, space.t, count);
        for (size_t j = 0; j < count; j++) {
            sum += space.t[j];
            weighted += square[j] == INFINITY ? 0 : space.t[j] * (double)square[j];
        }
        held->mean[i] = isinf(held->gamma) ? (double)least : weighted / sum;
    }
}

/* The mean over those held out of Σ p_s ‖f − s‖² / d. */
static double mean_square(Held *held, double gamma) {
    double sum = 0;
    held->gamma = gamma;
    parallel_for(held->n, HELD_PIECE, weigh_held, held);
    for (size_t i = 0; i < held->n; i++)
        sum += held->mean[i];
    return sum / (double)held->n / (double)held->points->width;
}

/* How far log(mean square / h²) is from 0: above where the likelihood still rises with h. */
static double rise(Held *held, double log_h) {
    return log(mean_square(held, 0.5 * exp(-2 * log_h))) - 2 * log_h;
}

/* The root of `rise` between the bandwidth by the nearest neighbours alone, where it is not below
 * 0, and that by all points, where it is not above. */
static double find_bandwidth(Held *held, double low, double high, Progress *progress) {
    enum { STEPS = 60 };
    double at_low = rise(held, low), at_high = rise(held, high);
    if (!(at_low > 0))
        return exp(low);
    for (int step = 0; step < STEPS && high - low > 1e-7 && at_high < 0; step++) {
        double middle =
            step % 3 == 2 ? (low + high) / 2 : low + (high - low) * at_low / (at_low - at_high);
        double there = rise(held, middle);
        if (!progress_step(progress, 1, NULL))
            return 0;
        if (there > 0) {
            low = middle;
            at_low = there;
        } else {
            high = middle;
            at_high = there;
        }
    }
    return exp(at_low < -at_high ? low : high);
}

double points_bandwidth(const Points *points, Progress *progress, Error *err) {
    Held held = { .points = points };
    double bandwidth = NAN;
    if (held_make(&held, err)) {
        parallel_for(held.n, HELD_PIECE, measure_held, &held);
        double nearest = mean_square(&held, INFINITY), all = mean_square(&held, 0);
        if (!(all > 0) || !isfinite(all))
            error_set(err, ERROR_ARGUMENT,
                      "fit: the layer's outputs of a class are all the same, or no numbers: give a "
                      "bandwidth");
        else
            bandwidth =
                find_bandwidth(&held, log(fmax(nearest, 1e-8 * all)) / 2, log(all) / 2, progress);
    }
    held_clear(&held);
    return bandwidth;
}
