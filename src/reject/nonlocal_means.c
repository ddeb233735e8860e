#include "reject/nonlocal_means.h"

#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An image is padded by what windows and patches reach outside. All of a displacement's d² are made
 * at once: the square differences between the image and itself displaced, then their sums over
 * patches, rows first. */
typedef struct Shape {
    size_t channels, height, width; /* the image */
    size_t search, patch;
    size_t tall, wide;    /* padded */
    size_t rows, columns; /* of pixels that are in some patch */
    float scale;          /* from a sum over a patch to d² / h² */
} Shape;

/* A worker's scratch, in one block of so many floats. */
typedef struct Scratch {
    float *padded, *dpadded; /* channels × tall × wide */
    float *apart;            /* rows × columns: square differences, or the slopes by them */
    float *across;           /* rows × width: their sums over a patch's rows */
    float *weight, *total;   /* height × width: a displacement's, and over all */
    float *mean;             /* channels × height × width */
} Scratch;

typedef struct Displacement {
    size_t down, right; /* from the window's top left corner */
} Displacement;

typedef struct Job {
    const NonlocalMeans *means;
    Shape shape;
    float *scratch;
    size_t floats; /* of a worker */
} Job;

static Shape shape_of(const NonlocalMeans *means) {
    Shape s = { means->images.channels, means->images.height, means->images.width,
                .search = means->search, .patch = means->patch };
    s.rows = s.height + s.patch - 1;
    s.columns = s.width + s.patch - 1;
    s.tall = s.rows + s.search - 1;
    s.wide = s.columns + s.search - 1;
    s.scale = 1.0f / ((float)(s.patch * s.patch * s.channels) * means->h * means->h);
    return s;
}

static size_t scratch_floats(const Shape *s) {
    return 2 * s->channels * s->tall * s->wide + s->rows * (s->columns + s->width) +
           (2 + s->channels) * s->height * s->width;
}

static Scratch scratch_at(const Shape *s, float *block) {
    size_t padded = s->channels * s->tall * s->wide, pixels = s->height * s->width;
    Scratch scratch = { .padded = block, .dpadded = block + padded };
    scratch.apart = scratch.dpadded + padded;
    scratch.across = scratch.apart + s->rows * s->columns;
    scratch.weight = scratch.across + s->rows * s->width;
    scratch.total = scratch.weight + pixels;
    scratch.mean = scratch.total + pixels;
    return scratch;
}

/* ---- Outside --------------------------------------------------------------------------------- */

/* Where a padded row's or column's pixels are from. */
static size_t inside(const Shape *s, size_t i, size_t n) {
    return images_mirrored((ptrdiff_t)i - (ptrdiff_t)(s->search / 2 + s->patch / 2), n);
}

static void pad(const Shape *s, const float *x, float *padded) {
    for (size_t c = 0; c < s->channels; c++)
        for (size_t i = 0; i < s->tall; i++) {
            const float *row = x + (c * s->height + inside(s, i, s->height)) * s->width;
            for (size_t j = 0; j < s->wide; j++)
                *padded++ = row[inside(s, j, s->width)];
        }
}

static void fold(const Shape *s, const float *dpadded, float *dx) {
    for (size_t c = 0; c < s->channels; c++)
        for (size_t i = 0; i < s->tall; i++) {
            float *row = dx + (c * s->height + inside(s, i, s->height)) * s->width;
            for (size_t j = 0; j < s->wide; j++)
                row[inside(s, j, s->width)] += *dpadded++;
        }
}

/* ---- One displacement ------------------------------------------------------------------------ */

/* Rows of the padded image: the r-th with pixels of patches, as it is and displaced; and of the
 * pixels in the middle of displaced patches. */
static size_t here(const Shape *s, size_t c, size_t r) {
    return (c * s->tall + r + s->search / 2) * s->wide + s->search / 2;
}

static size_t there(const Shape *s, Displacement by, size_t c, size_t r) {
    return (c * s->tall + r + by.down) * s->wide + by.right;
}

static size_t middle(const Shape *s, Displacement by, size_t c, size_t row) {
    return there(s, by, c, row + s->patch / 2) + s->patch / 2;
}

static void take_apart(const Shape *s, Displacement by, const Scratch *scratch) {
    memset(scratch->apart, 0, s->rows * s->columns * sizeof(float));
    for (size_t c = 0; c < s->channels; c++)
        for (size_t r = 0; r < s->rows; r++) {
            const float *a = scratch->padded + here(s, c, r);
            const float *b = scratch->padded + there(s, by, c, r);
            float *apart = scratch->apart + r * s->columns;
            for (size_t j = 0; j < s->columns; j++)
                apart[j] += (a[j] - b[j]) * (a[j] - b[j]);
        }
}

static void weigh(const Shape *s, Displacement by, const Scratch *scratch) {
    take_apart(s, by, scratch);
    for (size_t r = 0; r < s->rows; r++)
        for (size_t j = 0; j < s->width; j++) {
            float sum = 0;
            for (size_t v = 0; v < s->patch; v++)
                sum += scratch->apart[r * s->columns + j + v];
            scratch->across[r * s->width + j] = sum;
        }
    for (size_t p = 0; p < s->height * s->width; p++) {
        float sum = 0;
        for (size_t u = 0; u < s->patch; u++)
            sum += scratch->across[p + u * s->width];
        scratch->weight[p] = expf(-sum * s->scale);
    }
}

static void add_displaced(const Shape *s, Displacement by, const Scratch *scratch) {
    weigh(s, by, scratch);
    for (size_t p = 0; p < s->height * s->width; p++)
        scratch->total[p] += scratch->weight[p];
    for (size_t c = 0; c < s->channels; c++)
        for (size_t i = 0; i < s->height; i++) {
            const float *x = scratch->padded + middle(s, by, c, i), *w;
            float *mean = scratch->mean + (c * s->height + i) * s->width;
            w = scratch->weight + i * s->width;
            for (size_t j = 0; j < s->width; j++)
                mean[j] += w[j] * x[j];
        }
}

/* A displacement's part of the mean back to its pixels; weight becomes the slope by the sum of
 * square differences. */
static void pull_pixels(const Shape *s, Displacement by, const Scratch *scratch, const float *dy) {
    for (size_t i = 0; i < s->height; i++)
        for (size_t j = 0; j < s->width; j++) {
            size_t p = i * s->width + j;
            float share = scratch->weight[p] / scratch->total[p], slope = 0;
            for (size_t c = 0; c < s->channels; c++) {
                size_t at = middle(s, by, c, i) + j, own = c * s->height * s->width + p;
                slope += dy[own] * (scratch->padded[at] - scratch->mean[own]);
                scratch->dpadded[at] += share * dy[own];
            }
            scratch->weight[p] = -share * slope * s->scale;
        }
}

/* What a difference counts for: all patches that it is in. */
static void spread_slopes(const Shape *s, const Scratch *scratch) {
    memset(scratch->across, 0, s->rows * s->width * sizeof(float));
    memset(scratch->apart, 0, s->rows * s->columns * sizeof(float));
    for (size_t p = 0; p < s->height * s->width; p++)
        for (size_t u = 0; u < s->patch; u++)
            scratch->across[p + u * s->width] += scratch->weight[p];
    for (size_t r = 0; r < s->rows; r++)
        for (size_t j = 0; j < s->width; j++)
            for (size_t v = 0; v < s->patch; v++)
                scratch->apart[r * s->columns + j + v] += scratch->across[r * s->width + j];
}

static void pull_displaced(const Shape *s, Displacement by, const Scratch *scratch,
                           const float *dy) {
    weigh(s, by, scratch);
    pull_pixels(s, by, scratch, dy);
    spread_slopes(s, scratch);
    for (size_t c = 0; c < s->channels; c++)
        for (size_t r = 0; r < s->rows; r++) {
            size_t a = here(s, c, r), b = there(s, by, c, r);
            for (size_t j = 0; j < s->columns; j++) {
                float gap = scratch->padded[a + j] - scratch->padded[b + j];
                float slope = 2 * scratch->apart[r * s->columns + j] * gap;
                scratch->dpadded[a + j] += slope;
                scratch->dpadded[b + j] -= slope;
            }
        }
}

/* ---- Images ---------------------------------------------------------------------------------- */

static void average(const Shape *s, const Scratch *scratch, const float *x) {
    size_t pixels = s->height * s->width;
    pad(s, x, scratch->padded);
    memset(scratch->total, 0, pixels * sizeof(float));
    memset(scratch->mean, 0, s->channels * pixels * sizeof(float));
    for (size_t k = 0; k < s->search * s->search; k++)
        add_displaced(s, (Displacement){ k / s->search, k % s->search }, scratch);
    for (size_t i = 0; i < s->channels * pixels; i++)
        scratch->mean[i] /= scratch->total[i % pixels];
}

static void pull_average(const Shape *s, const Scratch *scratch, const float *dy, float *dx) {
    memset(scratch->dpadded, 0, s->channels * s->tall * s->wide * sizeof(float));
    for (size_t k = 0; k < s->search * s->search; k++)
        pull_displaced(s, (Displacement){ k / s->search, k % s->search }, scratch, dy);
    fold(s, scratch->dpadded, dx);
}

static void do_images(void *context, size_t first, size_t last, int worker) {
    const Job *job = context;
    const Shape *s = &job->shape;
    size_t values = s->channels * s->height * s->width;
    Scratch scratch = scratch_at(s, job->scratch + (size_t)worker * job->floats);
    for (size_t i = first * values; i < last * values; i += values) {
        average(s, &scratch, job->means->x + i);
        if (job->means->y)
            memcpy(job->means->y + i, scratch.mean, values * sizeof(float));
        else
            pull_average(s, &scratch, job->means->dy + i, job->means->dx + i);
    }
}

bool nonlocal_means(const NonlocalMeans *means, Error *err) {
    Job job = { .means = means, .shape = shape_of(means) };
    job.floats = scratch_floats(&job.shape);
    size_t bytes = (size_t)parallel_threads() * job.floats * sizeof(float);
    job.scratch = malloc(bytes);
    if (!job.scratch)
        return error_memory(err, "non-local means", bytes);
    parallel_for(means->images.n, 1, do_images, &job);
    free(job.scratch);
    return true;
}
