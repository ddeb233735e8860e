#include "data/resample.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>

/* One axis: for each new place the first old one that counts, how many do, and their weights. */
typedef struct Axis {
    size_t reach; /* weights kept for each */
    size_t *first, *count;
    double *weight;
} Axis;

static double filter(ResampleBy by, double x) {
    if (by == RESAMPLE_AREA)
        return x > -0.5 && x <= 0.5 ? 1 : 0;
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static void axis_free(Axis *axis) {
    free(axis->first);
    free(axis->count);
    free(axis->weight);
}

static void settle_place(Axis *axis, size_t place, size_t from, double scale, ResampleBy by) {
    double wide = scale > 1 ? scale : 1, support = (by == RESAMPLE_AREA ? 0.5 : 1) * wide;
    double centre = ((double)place + 0.5) * scale, sum = 0;
    double low = floor(centre - support + 0.5), high = floor(centre + support + 0.5);
    size_t first = low > 0 ? (size_t)low : 0, end = high < (double)from ? (size_t)high : from;
    double *weight = axis->weight + place * axis->reach;
    axis->first[place] = first;
    axis->count[place] = end - first;
    for (size_t k = 0; k < end - first; k++)
        sum += weight[k] = filter(by, ((double)(first + k) - centre + 0.5) / wide);
    for (size_t k = 0; k < end - first; k++)
        weight[k] /= sum;
}

static bool axis_new(size_t from, size_t to, ResampleBy by, Axis *axis, Error *err) {
    double scale = (double)from / (double)to, wide = scale > 1 ? scale : 1;
    axis->reach = (size_t)ceil((by == RESAMPLE_AREA ? 0.5 : 1) * wide) * 2 + 1;
    axis->first = malloc(to * sizeof *axis->first);
    axis->count = malloc(to * sizeof *axis->count);
    axis->weight = malloc(to * axis->reach * sizeof *axis->weight);
    if (!axis->first || !axis->count || !axis->weight)
        return error_memory(err, "size", to * axis->reach * sizeof *axis->weight);
    for (size_t place = 0; place < to; place++)
        settle_place(axis, place, from, scale, by);
    return true;
}

/* The new value at a place of a run, whose values are `step` bytes apart. */
static unsigned char mean(const Axis *axis, size_t place, const unsigned char *run, size_t step) {
    const double *weight = axis->weight + place * axis->reach;
    const unsigned char *at = run + axis->first[place] * step;
    double sum = 0;
    for (size_t k = 0; k < axis->count[place]; k++, at += step)
        sum += weight[k] * *at;
    return (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum + 0.5);
}

bool resample(const unsigned char *from, const ImageHead *has, ResampleBy by, const ImageHead *head,
              unsigned char *out, Error *err) {
    size_t channels = (size_t)has->channels, narrow = head->width * channels;
    Axis across = { 0 }, down = { 0 };
    unsigned char *rows = malloc(has->height * narrow);
    bool ok = rows || error_memory(err, "size", has->height * narrow);
    ok = ok && axis_new(has->width, head->width, by, &across, err) &&
         axis_new(has->height, head->height, by, &down, err);
    for (size_t i = 0; ok && i < has->height; i++)
        for (size_t at = 0; at < narrow; at++)
            rows[i * narrow + at] = mean(
                &across, at / channels, from + i * has->width * channels + at % channels, channels);
    for (size_t i = 0; ok && i < head->height; i++)
        for (size_t at = 0; at < narrow; at++)
            out[i * narrow + at] = mean(&down, i, rows + at, narrow);
    axis_free(&across);
    axis_free(&down);
    free(rows);
    return ok;
}
