#include "attack/start_scores.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 16 };

struct StartScores {
    Model *model; /* retained, so that no other takes its place in memory */
    size_t n, features, columns;
    float *probe; /* PROBES × features: some of the points */
    double *scores;
    bool taken; /* by a run … */
    bool last;  /* … that is the last to need them */
};

StartScores *start_scores_new(void) {
    return calloc(1, sizeof(StartScores));
}

static void forget(StartScores *kept) {
    model_release(kept->model);
    free(kept->probe);
    free(kept->scores);
    *kept = (StartScores){ .taken = kept->taken, .last = kept->last };
}

void start_scores_free(StartScores *kept) {
    if (kept && kept->taken) {
        kept->last = true;
        return;
    }
    if (kept)
        forget(kept);
    free(kept);
}

bool start_scores_take(StartScores *kept) {
    bool free_now = !kept->taken;
    kept->taken = true;
    return free_now;
}

void start_scores_give(StartScores *kept) {
    kept->taken = false;
    if (kept->last)
        start_scores_free(kept);
}

static size_t probe_count(size_t n) {
    return n < PROBES ? n : PROBES;
}

/* Copy the points that are looked at, evenly spread, into `probe`. */
static void take_probes(const Batch *points, float *probe) {
    size_t count = probe_count(points->n), d = points->features;
    for (size_t p = 0; p < count; p++)
        memcpy(probe + p * d, points->x + p * points->n / count * d, d * sizeof *probe);
}

/* Does the model still give the scores that it gave? `now` is scratch for the probes'. */
static bool same_scores(const StartScores *kept, Model *asked, const Batch *probes, double *now) {
    Error *ignored = NULL;
    if (!model_scores(asked, probes, now, ignored))
        return false;
    for (size_t p = 0; p < probes->n; p++)
        for (size_t c = 0; c < kept->columns; c++) {
            double was = kept->scores[p * kept->n / probes->n * kept->columns + c];
            double is = now[p * kept->columns + c];
            if (was != is && !(fabs(was - is) <= 1e-5 * fmax(1, fabs(is))))
                return false;
        }
    return true;
}

static bool still_true(const StartScores *kept, const StartPoints *start) {
    const Batch *points = &start->points;
    size_t count = probe_count(points->n), d = points->features;
    if (!model_is_same(kept->model, start->model) || kept->n != points->n || kept->features != d ||
        kept->columns != model_columns(start->asked))
        return false;
    float *probe = malloc((count * d + 1) * sizeof *probe);
    double *now = malloc((count * kept->columns + 1) * sizeof *now);
    bool same = probe && now;
    if (same) {
        Batch probes = { probe, count, d, points->where };
        take_probes(points, probe);
        same = memcmp(probe, kept->probe, count * d * sizeof *probe) == 0 &&
               same_scores(kept, start->asked, &probes, now);
    }
    free(probe);
    free(now);
    return same;
}

static bool score(StartScores *kept, const StartPoints *start, Error *err) {
    Pieces pieces = pieces_of(start->asked, &start->points, start->progress);
    pieces.what = "attack: scoring start_from";
    bool ok =
        model_answer(start->asked, &pieces, &(GradientRequest){ .scores = kept->scores }, err);
    if (ok && pieces.done < start->points.n)
        ok = error_interrupted(err, start->points.where);
    return ok;
}

/* Room for other scores, none of which are there. */
static bool begin(StartScores *kept, const StartPoints *start, Error *err) {
    const Batch *points = &start->points;
    forget(kept);
    kept->model = model_retain(start->model);
    kept->n = points->n;
    kept->features = points->features;
    kept->columns = model_columns(start->asked);
    kept->probe = malloc((PROBES * points->features + 1) * sizeof *kept->probe);
    kept->scores = malloc((points->n * kept->columns + 1) * sizeof *kept->scores);
    if (!kept->probe || !kept->scores)
        return error_memory(err, points->where, points->n * kept->columns * sizeof *kept->scores);
    take_probes(points, kept->probe);
    return true;
}

bool start_scores_know(StartScores *kept, const StartPoints *start, const double *scores,
                       Error *err) {
    bool ok = begin(kept, start, err);
    if (ok)
        memcpy(kept->scores, scores, kept->n * kept->columns * sizeof *scores);
    else
        forget(kept);
    return ok;
}

const double *start_scores_of(StartScores *kept, const StartPoints *start, Error *err) {
    if (still_true(kept, start) || (begin(kept, start, err) && score(kept, start, err)))
        return kept->scores;
    forget(kept);
    return NULL;
}
