#include "reject/squeezers.h"

#include "core/fail.h"
#include "core/parallel.h"
#include "reject/nonlocal_means.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BITS_MOST = 16, WINDOW_MOST = 15, SEARCH_MOST = 35, PATCH_MOST = 15, SIZES_MOST = 3 };

typedef struct Kind {
    const char *word;
    int sizes; /* that follow the word, each in its range */
    struct {
        int least, most;
    } range[SIZES_MOST];
} Kind;
static const Kind kinds[] = {
    [SQUEEZE_BITS] = { "bits", 1, { { 1, BITS_MOST } } },
    [SQUEEZE_MEDIAN] = { "median", 1, { { 2, WINDOW_MOST } } },
    [SQUEEZE_MEAN] = { "mean", 1, { { 2, WINDOW_MOST } } },
    [SQUEEZE_NLM] = { "nlm", 3, { { 2, SEARCH_MOST }, { 1, PATCH_MOST }, { 1, 255 } } },
};

/* Is the text the kind's word and its sizes, each in its range? */
static bool is_of(const Kind *kind, const char *text, long size[SIZES_MOST]) {
    size_t length = strlen(kind->word);
    if (strncmp(text, kind->word, length) != 0)
        return false;
    text += length;
    bool is = true;
    for (int i = 0; is && i < kind->sizes; i++) {
        char *end;
        size[i] = strtol(text, &end, 10); /* no number is 0, which no range has */
        is = size[i] >= kind->range[i].least && size[i] <= kind->range[i].most;
        text = end;
    }
    return is && *text == '\0';
}

bool squeezer_parse(const char *text, Squeezer *squeezer, Error *err) {
    long size[SIZES_MOST] = { 0 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (is_of(&kinds[k], text, size)) {
            *squeezer =
                (Squeezer){ (SqueezerKind)k, (size_t)size[0], (size_t)size[1], (size_t)size[2] };
            return true;
        }
    return error_set(err, ERROR_ARGUMENT,
                     "squeezers: expected \"bits b\" with b from 1 to %d, \"median k\" or \"mean "
                     "k\" with k from 2 to %d, or \"nlm search patch strength\" up to %d, %d and "
                     "255, got \"%.40s\"",
                     BITS_MOST, WINDOW_MOST, SEARCH_MOST, PATCH_MOST, text);
}

const char *squeezer_text(Squeezer squeezer, char text[SQUEEZER_TEXT]) {
    int end = snprintf(text, SQUEEZER_TEXT, "%s %zu", kinds[squeezer.kind].word, squeezer.size);
    if (squeezer.kind == SQUEEZE_NLM)
        snprintf(text + end, SQUEEZER_TEXT - (size_t)end, " %zu %zu", squeezer.patch,
                 squeezer.strength);
    return text;
}

bool squeezer_needs_images(Squeezer squeezer) {
    return squeezer.kind != SQUEEZE_BITS;
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* The places in their channel of the pixels around (row, column). */
static void window(Images images, size_t k, size_t row, size_t column, size_t *place) {
    ptrdiff_t half = (ptrdiff_t)(k / 2);
    for (size_t a = 0; a < k; a++) {
        size_t y = images_mirrored((ptrdiff_t)(row + a) - half, images.height);
        for (size_t b = 0; b < k; b++)
            *place++ =
                y * images.width + images_mirrored((ptrdiff_t)(column + b) - half, images.width);
    }
}

/* Which of these places has the median: of equal values the earlier counts as less. */
static size_t median_of(const float *channel, const size_t *place, size_t count) {
    size_t order[WINDOW_MOST * WINDOW_MOST];
    order[0] = place[0]; // NOLINT(clang-analyzer-core.uninitialized.*): a window has a place
    for (size_t i = 1; i < count; i++) {
        size_t at = i;
        for (; at > 0 && channel[place[i]] < channel[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = place[i];
    }
    return order[count / 2];
}

/* ---- Both ways, channel by channel ----------------------------------------------------------- */

typedef struct Job {
    Squeezer squeezer;
    Images images;
    const float *x;
    float *y;                 /* there, or … */
    const SqueezerPull *back; /* … back */
} Job;

static void window_channel(const Job *job, size_t c) {
    Images images = job->images;
    size_t k = job->squeezer.size, count = k * k, pixels = images.height * images.width;
    size_t place[WINDOW_MOST * WINDOW_MOST];
    const float *x = job->x + c * pixels;
    for (size_t p = 0; p < pixels; p++) {
        window(images, k, p / images.width, p % images.width, place);
        float *dx = job->back ? job->back->dx + c * pixels : NULL;
        float dy = job->back ? job->back->dy[c * pixels + p] : 0;
        if (job->squeezer.kind == SQUEEZE_MEDIAN) {
            size_t at = median_of(x, place, count);
            if (dx)
                dx[at] += dy;
            else
                job->y[c * pixels + p] = x[at];
            continue;
        }
        double sum = 0;
        for (size_t i = 0; i < count; i++) {
            sum += (double)x[place[i]];
            if (dx)
                dx[place[i]] += dy / (float)count;
        }
        if (!dx)
            job->y[c * pixels + p] = (float)(sum / (double)count);
    }
}

/* The slope of the mean of q(x + noise); over several steps it is 1. */
static float mean_slope(float x, float steps) {
    const float spread = 0.15f * steps;
    if (spread > 1)
        return 1;
    float at = x * steps - 0.5f, near = at - rintf(at), sum = 0;
    for (int edge = -5; edge <= 5; edge++) {
        float away = (near - (float)edge) / spread;
        sum += expf(-away * away / 2);
    }
    return sum * 0.39894228f / spread;
}

static void round_channel(const Job *job, size_t c) {
    size_t pixels = job->images.height * job->images.width;
    const float steps = (float)((1 << job->squeezer.size) - 1);
    for (size_t p = c * pixels; p < (c + 1) * pixels; p++)
        if (job->back)
            job->back->dx[p] += job->back->dy[p] * mean_slope(job->x[p], steps);
        else
            job->y[p] = rintf(job->x[p] * steps) / steps;
}

static void do_channels(void *context, size_t first, size_t last, int worker) {
    const Job *job = context;
    (void)worker;
    for (size_t c = first; c < last; c++)
        if (job->squeezer.kind == SQUEEZE_BITS)
            round_channel(job, c);
        else
            window_channel(job, c);
}

static void run(Job *job) {
    size_t pixels = job->images.height * job->images.width;
    parallel_for(job->images.n * job->images.channels, parallel_piece(8192, pixels), do_channels,
                 job);
}

static NonlocalMeans means_of(Squeezer squeezer, Images images, const float *x) {
    return (NonlocalMeans){ images, squeezer.size, squeezer.patch,
                            .h = (float)squeezer.strength / 255.0f, .x = x };
}

bool squeezer_apply(Squeezer squeezer, Images images, const float *x, float *y, Error *err) {
    if (squeezer.kind == SQUEEZE_NLM) {
        NonlocalMeans means = means_of(squeezer, images, x);
        means.y = y;
        return nonlocal_means(&means, err);
    }
    run(&(Job){ squeezer, images, x, y, NULL });
    return true;
}

bool squeezer_pull(Squeezer squeezer, Images images, const SqueezerPull *pull, Error *err) {
    if (squeezer.kind == SQUEEZE_NLM) {
        NonlocalMeans means = means_of(squeezer, images, pull->x);
        means.dy = pull->dy;
        means.dx = pull->dx;
        return nonlocal_means(&means, err);
    }
    run(&(Job){ squeezer, images, pull->x, NULL, pull });
    return true;
}
