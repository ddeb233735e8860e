#include "reject/squeezers.h"

#include "core/fail.h"
#include "core/parallel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BITS_MOST = 16, WINDOW_MOST = 15 };

static const char *const words[] = { "bits", "median", "mean" };

bool squeezer_parse(const char *text, Squeezer *squeezer, Error *err) {
    char word[16] = "";
    int size = 0, end = 0;
    if (sscanf(text, "%15[a-z] %d%n", word, &size, &end) == 2 && text[end] == '\0')
        for (size_t k = 0; k < 3; k++)
            if (strcmp(word, words[k]) == 0 && size >= (k == SQUEEZE_BITS ? 1 : 2) &&
                size <= (k == SQUEEZE_BITS ? BITS_MOST : WINDOW_MOST)) {
                *squeezer = (Squeezer){ (SqueezerKind)k, (size_t)size };
                return true;
            }
    return error_set(err, ERROR_ARGUMENT,
                     "squeezers: expected \"bits b\" with b from 1 to %d, \"median k\" or \"mean "
                     "k\" with k from 2 to %d, got \"%.40s\"",
                     BITS_MOST, WINDOW_MOST, text);
}

const char *squeezer_text(Squeezer squeezer, char text[SQUEEZER_TEXT]) {
    snprintf(text, SQUEEZER_TEXT, "%s %zu", words[squeezer.kind], squeezer.size);
    return text;
}

bool squeezer_needs_images(Squeezer squeezer) {
    return squeezer.kind != SQUEEZE_BITS;
}

/* ---- Windows --------------------------------------------------------------------------------- */

static size_t mirrored(ptrdiff_t i, size_t n) {
    ptrdiff_t period = 2 * (ptrdiff_t)n;
    i = ((i % period) + period) % period;
    return (size_t)(i < (ptrdiff_t)n ? i : period - 1 - i);
}

/* The places in their channel of the pixels around (row, column). */
static void window(Images images, size_t k, size_t row, size_t column, size_t *place) {
    ptrdiff_t half = (ptrdiff_t)(k / 2);
    for (size_t a = 0; a < k; a++) {
        size_t y = mirrored((ptrdiff_t)(row + a) - half, images.height);
        for (size_t b = 0; b < k; b++)
            *place++ = y * images.width + mirrored((ptrdiff_t)(column + b) - half, images.width);
    }
}

/* Which of these places has the median: of equal values the earlier counts as less. */
static size_t median_of(const float *channel, const size_t *place, size_t count) {
    size_t order[WINDOW_MOST * WINDOW_MOST];
    order[0] = place[0];
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

void squeezer_apply(Squeezer squeezer, Images images, const float *x, float *y) {
    run(&(Job){ squeezer, images, x, y, NULL });
}

void squeezer_pull(Squeezer squeezer, Images images, const SqueezerPull *pull) {
    run(&(Job){ squeezer, images, pull->x, NULL, pull });
}
