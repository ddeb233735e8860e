#include "svm/svc_search.h"

#include "core/fail.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/train.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char where[] = "svm.search";

size_t svc_search_columns(const SvcParams *params, const SvcGrid *grid) {
    return kernel_has(&params->kernel, "gamma") ? grid->gammas : 1;
}

static SvcParams at_column(const SvcParams *params, const SvcGrid *grid, size_t column) {
    SvcParams changed = *params;
    if (kernel_has(&params->kernel, "gamma"))
        changed.kernel.gamma = grid->gamma[column];
    return changed;
}

static bool check_grid(const SvcParams *params, const SvcGrid *grid, Error *err) {
    size_t columns = svc_search_columns(params, grid);
    if (grid->Cs == 0 || columns == 0)
        return error_set(err, ERROR_ARGUMENT, "%s: %s: expected a value to try at least", where,
                         grid->Cs == 0 ? "C" : "gamma");
    for (size_t k = 0; k < grid->Cs; k++)
        if (!(grid->C[k] > 0 && isfinite(grid->C[k])))
            return error_set(err, ERROR_ARGUMENT, "%s: C: expected numbers above 0, got %g", where,
                             grid->C[k]);
    for (size_t k = 0; k < columns; k++) {
        SvcParams changed = at_column(params, grid, k);
        if (!kernel_check(where, &changed.kernel, err))
            return false;
    }
    return true;
}

/* ---- One gamma ------------------------------------------------------------------------------- */

enum { COUNT_PIECE = 16 }; /* samples */

typedef struct Counting {
    const TrainingSet *set;
    const Machine *machine; /* one per fold */
    double *scratch;        /* classes per worker */
    atomic_size_t right;
} Counting;

static void count_body(void *context, size_t first, size_t last, int worker) {
    Counting *work = context;
    const Labels *classes = work->set->classes;
    double *scores = work->scratch + (size_t)worker * classes->count;
    size_t right = 0;
    for (size_t i = first; i < last; i++) {
        size_t best = 0;
        machine_scores(work->set, &work->machine[work->set->fold[i]], i, scores);
        for (size_t c = 1; c < classes->count; c++)
            best = scores[c] > scores[best] ? c : best;
        right += classes->label[best] == work->set->y[i];
    }
    atomic_fetch_add(&work->right, right);
}

static bool count_right(const TrainingSet *set, const Machine *machine, double *accuracy,
                        Error *err) {
    size_t scores = (size_t)parallel_threads() * set->classes->count;
    Counting work = { .set = set, .machine = machine, .scratch = malloc(scores * sizeof(double)) };
    if (!work.scratch)
        return error_memory(err, where, scores * sizeof(double));
    parallel_for(set->matrix->n, COUNT_PIECE, count_body, &work);
    *accuracy = (double)atomic_load(&work.right) / (double)set->matrix->n;
    free(work.scratch);
    return true;
}

/* All values of C on one kernel matrix: machine C·folds + k is trained without fold k. */
static bool search_column(const TrainingSet *set, const SvcGrid *grid, size_t column,
                          SvcFound *found, bool *solved, Progress *progress, Error *err) {
    size_t folds = (size_t)grid->folds, count = grid->Cs * folds;
    Machine *machine = calloc(count, sizeof *machine);
    if (!machine)
        return error_memory(err, where, count * sizeof *machine);
    for (size_t m = 0; m < count; m++)
        machine[m] = (Machine){ .C = grid->C[m / folds], .held_out = (int)(m % folds) };
    bool ok = machines_train(where, set, machine, count, solved, progress, err);
    for (size_t k = 0; ok && *solved && k < grid->Cs; k++)
        ok = count_right(set, machine + k * folds, &found->accuracy[k * found->columns + column],
                         err);
    for (size_t m = 0; m < count; m++)
        machine_clear(&machine[m]);
    free(machine);
    return ok;
}

static bool search_columns(const SvcParams *params, const SvcGrid *grid, const Samples *samples,
                           const Labels *classes, const float *gram, SvcFound *found,
                           Progress *progress, Error *err) {
    bool ok = true, solved = true;
    progress_begin(progress, "searching C and gamma", (double)found->columns);
    for (size_t column = 0; ok && solved && column < found->columns; column++) {
        SvcParams changed = at_column(params, grid, column);
        SolverMatrix matrix = { 0 };
        ok = solver_matrix_init(&matrix, where, params->solver, &changed.kernel, gram, samples->n,
                                err);
        TrainingSet set = { &matrix, samples->y, classes, grid->fold, &changed };
        ok = ok && search_column(&set, grid, column, found, &solved, progress, err);
        solver_matrix_clear(&matrix);
        solved = progress_step(progress, 1, NULL) && solved;
    }
    progress_end(progress);
    return ok;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void find_best(SvcFound *found) {
    double best = -1;
    for (size_t k = 0; k < found->rows * found->columns; k++) {
        if (!(found->accuracy[k] > best))
            continue;
        best = found->accuracy[k];
        found->C = k / found->columns;
        found->gamma = k % found->columns;
        found->any = true;
    }
}

/* The bases stay beside each column's values; what libsvm needs includes them already. */
static bool check_memory(const SvcParams *params, size_t n, Error *err) {
    char sum[FIT_SUM];
    double need = solver_bytes(params->solver, n, sum);
    if (params->solver == SOLVER_SMO) {
        need *= 2;
        strcat(sum, ", twice");
    }
    return memory_check(where, need, sum, err);
}

bool svc_search(const SvcParams *params, const SvcGrid *grid, const Samples *samples,
                SvcFound *found, Progress *progress, Error *err) {
    Labels classes = { 0 };
    if (!check_grid(params, grid, err) ||
        !labels_from(where, samples->y, samples->n, &classes, err))
        return false;
    bool ok =
        classes.count >= 2 ||
        error_set(err, ERROR_ARGUMENT, "%s: data: expected samples of two classes or more", where);
    ok = ok && check_memory(params, samples->n, err);
    Batch batch = { samples->x, samples->n, samples->features, where };
    matrix_hold(); /* the columns' matrices in the same memory */
    float *gram = ok ? gram_new(&params->kernel, &batch, err) : NULL;
    if (gram) {
        *found = (SvcFound){ .accuracy = found->accuracy,
                             .rows = grid->Cs,
                             .columns = svc_search_columns(params, grid) };
        for (size_t k = 0; k < found->rows * found->columns; k++)
            found->accuracy[k] = NAN;
        ok = search_columns(params, grid, samples, &classes, gram, found, progress, err);
        if (ok)
            find_best(found);
    }
    ok = ok && gram;
    gram_free(gram);
    matrix_release();
    labels_clear(&classes);
    return ok;
}
