/* decision_ascent.c — ascents in the logarithm, where the sums of kernels themselves have died out.
 *
 * A pass that keeps bases gives each row's exponents −γ‖x − s‖²; from them follow what rises and
 * its slopes by each base, which are pulled back as those of any other gradient are. */
#include "svm/decision_ascent.h"

#include "core/array.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/vecmath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct AscentJob {
    DecisionPass *pass;
    const LogAscent *ascent;
    size_t first; /* the ascent's row that the pass's first one is */
    double *f;    /* of the pass's rows */
    double *row;  /* m for each worker */
    double gamma; /* as seen */
} AscentJob;

/* A row of what lies tile after tile, together; and back. */
static void gather_row(const DecisionPass *pass, size_t row, double *to) {
    size_t block = row / DECISION_ROWS * pass->pieces;
    for (size_t k = 0; k < pass->pieces; k++) {
        KernelTile tile = decision_tile(pass, block + k);
        memcpy(to + tile.column, decision_slopes(pass, tile) + (row - tile.row) * tile.columns,
               tile.columns * sizeof *to);
    }
}

static void scatter_row(const DecisionPass *pass, size_t row, const double *from) {
    size_t block = row / DECISION_ROWS * pass->pieces;
    for (size_t k = 0; k < pass->pieces; k++) {
        KernelTile tile = decision_tile(pass, block + k);
        memcpy(decision_slopes(pass, tile) + (row - tile.row) * tile.columns, from + tile.column,
               tile.columns * sizeof *from);
    }
}

/* What one row's ascent is made of. Kernels of positive coefficients are kept in units of the
 * largest, exp(peak), so that far from all of them they still differ. */
typedef struct LogRow {
    const double *rising, *falling; /* coefficients, m each */
    double up, down;
    size_t m;
    double peak, scale;             /* exp(peak) */
    double positive, negative, own; /* P / exp(peak), N, Σ of falling */
} LogRow;

/* From bases to kernels in these units, in place. */
static void take_kernels(LogRow *row, double gamma, double *t) {
    row->peak = -INFINITY;
    for (size_t j = 0; j < row->m; j++) {
        t[j] *= -gamma;
        if (row->up * row->rising[j] > 0 && t[j] > row->peak)
            row->peak = t[j];
    }
    row->scale = exp(row->peak);
    for (size_t j = 0; j < row->m; j++)
        t[j] -= row->up * row->rising[j] > 0 ? row->peak : 0;
    vec_exp(t, t, row->m);
}

static void sum_kernels(LogRow *row, const double *t) {
    double positive = 0, negative = 0, own = 0;
    for (size_t j = 0; j < row->m; j++) {
        double a = row->up * row->rising[j];
        positive += a > 0 ? a * t[j] : 0;
        negative -= a < 0 ? a * t[j] : 0;
        own += row->down * row->falling[j] * t[j] * (a > 0 ? row->scale : 1);
    }
    row->positive = positive;
    row->negative = negative;
    row->own = own;
}

/* From kernels to the derivatives of what rises by each base. `under` is what P is divided by, and
 * own counts there with `lowers`. */
static void take_slopes(const LogRow *row, double gamma, double under, bool lowers, double *t) {
    double share = row->positive > 0 ? 1 / row->positive : 0, fall = under > 0 ? 1 / under : 0;
    for (size_t j = 0; j < row->m; j++) {
        double a = row->up * row->rising[j], kernel = t[j] * (a > 0 ? row->scale : 1);
        double gain = a > 0 ? a * t[j] * share : a * kernel * fall;
        if (lowers)
            gain -= row->down * row->falling[j] * kernel * fall;
        t[j] = -gamma * gain;
    }
}

/* Bases of a row become D; returns what has risen how far. */
static double ascend_row(const AscentJob *job, size_t i, double *t) {
    const double smallest = 1e-6;
    const Decision *decision = job->pass->decision;
    const double *alpha = array_f64(decision->alpha), *b = array_f64(decision->b);
    LogGoal goal =
        job->ascent->goal(job->ascent->context, job->first + i, job->f + i * job->pass->functions);
    LogRow row = { .rising = alpha + goal.rising * job->pass->m,
                   .falling = alpha + goal.falling * job->pass->m,
                   .up = goal.up,
                   .down = goal.down,
                   .m = job->pass->m };
    take_kernels(&row, job->gamma, t);
    sum_kernels(&row, t);
    double own = row.own + goal.down * b[goal.falling];
    double under = row.negative + fmax(own, goal.threshold) - goal.up * b[goal.rising];
    bool kept = !(under < smallest);
    take_slopes(&row, job->gamma, kept ? under : 0, own > goal.threshold, t);
    return row.peak + log(row.positive) - log(kept ? under : smallest);
}

static void ascend_some(void *context, size_t first, size_t last, int worker) {
    const AscentJob *job = context;
    double *row = job->row + (size_t)worker * job->pass->m;
    DenormalMode caller = denormals_flush();
    for (size_t i = first; i < last; i++) {
        gather_row(job->pass, i, row);
        double height = ascend_row(job, i, row);
        if (job->ascent->height)
            job->ascent->height[job->first + i] = height;
        scatter_row(job->pass, i, row);
    }
    denormals_restore(caller);
}

/* Rows of a piece of the ascent's work. */
enum { ASCENT_PIECE = 4 };

static bool ascend(AscentJob *job, const Batch *batch, Error *err) {
    DecisionPass *pass = job->pass;
    const LogAscent *ascent = job->ascent;
    for (size_t first = 0; first < batch->n; first += pass->most) {
        size_t left = batch->n - first;
        Batch rows = batch_rows(batch, first, left < pass->most ? left : pass->most);
        job->first = first;
        job->f = ascent->f + first * pass->functions;
        pass->largest = ascent->largest ? ascent->largest + first : NULL;
        if (!decision_pass_forward(pass, &rows, job->f, err))
            return false;
        parallel_for(rows.n, ASCENT_PIECE, ascend_some, job);
        if (ascent->direction)
            decision_pass_backward(pass, NULL, ascent->direction + first * pass->features);
    }
    return true;
}

bool decision_ascent(DecisionView view, const Batch *batch, const LogAscent *ascent, Error *err) {
    DecisionPass pass = { .decision = view.decision,
                          .wider = view.wider,
                          .most = decision_rows_at_once(batch->n),
                          .largest = ascent->largest,
                          .values = true,
                          .gradients = true,
                          .bases = true };
    AscentJob job = { .pass = &pass, .ascent = ascent };
    bool ok = decision_pass_init(&pass, batch, err);
    Kernel seen = decision_seen(&pass);
    job.gamma = seen.kind->decay(&seen);
    if (ok && !(job.row = malloc((size_t)pass.workers * pass.m * sizeof *job.row)))
        ok = error_memory(err, batch->where, pass.m * sizeof *job.row);
    ok = ok && ascend(&job, batch, err);
    free(job.row);
    decision_pass_clear(&pass);
    return ok;
}
