/* attack_run_descend.c — one descent of some samples, whose better answers go into the result. */
#include "attack/attack_run_inside.h"
#include "core/array.h"
#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Put a row's path into the result as its trace, up to the answer. */
static bool store_trace(Run *run, const Descent *descent, size_t row, Error *err) {
    size_t i = descent->sample[row], count = descent->answer_at[row] + 1;
    const Path *path = &descent->path[row];
    TraceSize size = { .count = count,
                       .features = run->problem.features,
                       .columns = run->problem.columns,
                       .gradient_norm = true,
                       .largest_kernel = true,
                       .iterates = path->iterates != NULL };
    Trace trace;
    if (!trace_new(&trace, &size, err))
        return false;
    memcpy(array_f64(trace.loss), path->loss, count * sizeof(double));
    memcpy(array_f64(trace.scores), path->scores, count * run->problem.columns * sizeof(double));
    memcpy(array_f64(trace.distance), path->distance, count * sizeof(double));
    memcpy(array_f64(trace.gradient_norm), path->gradient_norm, count * sizeof(double));
    memcpy(array_f64(trace.largest_kernel), path->largest_kernel, count * sizeof(double));
    if (path->iterates)
        memcpy(array_f32(trace.iterates), path->iterates,
               count * run->problem.features * sizeof(float));
    trace_clear(&run->result->trace[i]);
    run->result->trace[i] = trace;
    return true;
}

/* The last number on the whole of a row's way. */
static double last_of(const double *values, size_t count) {
    while (count > 0 && isnan(values[count - 1]))
        count--;
    return count > 0 ? values[count - 1] : NAN;
}

/* Take over the answers that are better than what the result holds; the first time all of them, if
 * it holds none yet, or only the last point counts. */
static bool merge(Run *run, const Descent *descent, bool first, Error *err) {
    AttackResult *result = run->result;
    size_t d = run->problem.features, columns = run->problem.columns;
    bool empty = !run->task->begin || run->problem.attack->keeps_last;
    for (size_t row = 0; row < descent->n; row++) {
        size_t i = descent->sample[row], at = descent->answer_at[row];
        array_i32(result->score_count)[i] += descent->score_count[row];
        array_i32(result->gradient_count)[i] += descent->gradient_count[row];
        run->unpaid[i] = run->unpaid[i] || descent->stop[row] == STOP_MAX_QUERIES;
        double *norm = &array_f64(result->gradient_start)[i];
        *norm = fmax(*norm, descent->path[row].gradient_norm[0]);
        bool opens = first && row % run->per == 0;
        bool better = (opens && empty) || worth_more(descent->worth[row], run->best[i]);
        bool ended = descent->stop[row] == STOP_INTERRUPTED || descent->stop[row] == STOP_ON_STEP;
        if (opens || better || ended)
            array_i32(result->stop)[i] = descent->stop[row];
        const Path *path = &descent->path[row];
        if (opens || better) {
            array_f64(result->gradient_end)[i] = last_of(path->gradient_norm, path->count);
            array_f64(result->kernel_end)[i] = last_of(path->largest_kernel, path->count);
        }
        if (!better)
            continue;
        run->best[i] = descent->worth[row];
        memcpy(array_f32(result->x_adv) + i * d, descent->answer + row * d, d * sizeof(float));
        memcpy(array_f64(result->scores) + i * columns, descent->path[row].scores + at * columns,
               columns * sizeof(double));
        if (!store_trace(run, descent, row, err))
            return false;
    }
    return true;
}

/* A descent's borrowed inputs: what its rows have of their samples. */
typedef struct Rows {
    size_t n; /* per for each start */
    const float **x0;
    Goal *goal;
    Extent *extent;
    uint64_t *stream;
    size_t *sample;
} Rows;

static void rows_clear(Rows *rows) {
    free(rows->x0);
    free(rows->goal);
    free(rows->extent);
    free(rows->stream);
    free(rows->sample);
}

/* Of the k-th row of a sample. */
Goal run_row_goal(const Run *run, size_t i, size_t k) {
    Goal goal = run->goal[i];
    if (run->per == 1)
        return goal;
    goal.target = (ptrdiff_t)(k + (k >= goal.truth));
    goal.any = true;
    return goal;
}

static bool rows_of(const Run *run, const Starts *starts, Rows *rows, Error *err) {
    size_t n = starts->n * run->per;
    *rows = (Rows){ n,
                    malloc((n + 1) * sizeof *rows->x0),
                    malloc((n + 1) * sizeof(Goal)),
                    malloc((n + 1) * sizeof(Extent)),
                    malloc((n + 1) * sizeof(uint64_t)),
                    malloc((n + 1) * sizeof(size_t)) };
    if (!rows->x0 || !rows->goal || !rows->extent || !rows->stream || !rows->sample) {
        rows_clear(rows);
        error_memory(err, run->problem.where, n * sizeof(Goal));
        return false;
    }
    for (size_t r = 0; r < n; r++) {
        size_t i = starts->sample[r / run->per];
        rows->x0[r] = run->task->x + i * run->task->features;
        rows->goal[r] = run_row_goal(run, i, r % run->per);
        rows->extent[r] = run->extent[i];
        rows->stream[r] = run->stream[i];
        rows->sample[r] = i;
    }
    return true;
}

/* One descent of these samples; better answers go into the result. */
bool run_descend(Run *run, const Starts *starts, Error *err) {
    size_t d = run->problem.features, columns = run->problem.columns, per = run->per;
    Rows rows;
    Descent descent;
    if (!rows_of(run, starts, &rows, err))
        return false;
    bool ok = descent_init(&descent, &run->problem, rows.n, err);
    if (ok) {
        descent.x0 = rows.x0;
        descent.goal = rows.goal;
        descent.extent = rows.extent;
        descent.sample = rows.sample;
        descent.stream = rows.stream;
        descent.left = run->left;
        descent.scores_known = starts->scores != NULL;
        for (size_t r = 0; r < rows.n; r++)
            memcpy(descent.x + r * d, starts->x ? starts->x + r / per * d : rows.x0[r],
                   d * sizeof(float));
        for (size_t r = 0; starts->scores && r < rows.n; r++)
            memcpy(descent.scores + r * columns, starts->scores + r / per * columns,
                   columns * sizeof(double));
        ok = descent_run(&descent, run->progress, err) && merge(run, &descent, starts->first, err);
        descent_clear(&descent);
    }
    rows_clear(&rows);
    return ok;
}
