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

static const Field search_fields[] = {
    { "data", FIELD_OBJECT, .type = "dataset", .required = true, .meaning = "samples with labels" },
    { "C", FIELD_OBJECT, .type = "number|number[]", .initial = "1", .meaning = "values to try" },
    { "gamma", FIELD_OBJECT, .type = "number|number[]", .initial = "the kernel's",
      .meaning = "values to try; kernels without gamma ignore it" },
    { "folds", FIELD_INTEGER, offsetof(SvcSearchOptions, folds), .low = 2, .high = 1000,
      .meaning = "folds, stratified by class" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",
      .meaning = "of the folds" },
    SVC_COMMON_FIELDS,
    { "fit", FIELD_BOOLEAN, offsetof(SvcSearchOptions, fit),
      .meaning = "train the best pair on all of data: the field model" },
    { .name = NULL },
};
static const SvcSearchOptions initial = { .svc = SVC_INITIAL, .folds = 5, .fit = true };
const Fields svc_search_fields = { search_fields, &initial };

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

/* One search: the bases of all pairs, and the table to be filled. */
typedef struct Search {
    const SvcSearch *asked;
    Labels classes;
    float *gram;
    SvcFound *found;
    Progress *progress;
    bool solved; /* no stop was asked for */
} Search;

/* All values of C on one kernel matrix: machine C·folds + k is trained without fold k. */
static bool search_column(Search *search, const TrainingSet *set, size_t column, Error *err) {
    const SvcGrid *grid = search->asked->grid;
    SvcFound *found = search->found;
    size_t folds = (size_t)grid->folds, count = grid->Cs * folds;
    Machine *machine = calloc(count, sizeof *machine);
    if (!machine)
        return error_memory(err, where, count * sizeof *machine);
    for (size_t m = 0; m < count; m++)
        machine[m] = (Machine){ .C = grid->C[m / folds], .held_out = (int)(m % folds) };
    MachineTask task = { set, machine, count, false };
    bool ok = machines_train(where, &task, search->progress, err);
    search->solved = task.solved;
    for (size_t k = 0; ok && task.solved && k < grid->Cs; k++)
        ok = count_right(set, machine + k * folds, &found->accuracy[k * found->columns + column],
                         err);
    for (size_t m = 0; m < count; m++)
        machine_clear(&machine[m]);
    free(machine);
    return ok;
}

static bool search_columns(Search *search, Error *err) {
    const SvcSearch *asked = search->asked;
    bool ok = true;
    progress_begin(search->progress, "searching C and gamma", (double)search->found->columns);
    search->solved = true;
    for (size_t column = 0; ok && search->solved && column < search->found->columns; column++) {
        SvcParams changed = at_column(asked->params, asked->grid, column);
        SolverMatrix matrix = { .kind = changed.solver };
        Gram bases = { search->gram, asked->samples->n, &changed.kernel };
        ok = solver_matrix_init(&matrix, where, &bases, err);
        TrainingSet set = { &matrix, asked->samples->y, &search->classes, asked->grid->fold,
                            &changed };
        ok = ok && search_column(search, &set, column, err);
        solver_matrix_clear(&matrix);
        search->solved = progress_step(search->progress, 1, NULL) && search->solved;
    }
    progress_end(search->progress);
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

static bool check_search(const SvcSearch *asked, Labels *classes, Error *err) {
    if (!check_grid(asked->params, asked->grid, err) ||
        !labels_from(where, asked->samples->y, asked->samples->n, classes, err))
        return false;
    if (classes->count < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: data: expected samples of two classes or more",
                         where);
    if (!training_check_weights(asked->params, classes, where, err))
        return false;
    return check_memory(asked->params, asked->samples->n, err);
}

static void start_table(const SvcSearch *asked, SvcFound *found) {
    *found = (SvcFound){ .accuracy = found->accuracy,
                         .rows = asked->grid->Cs,
                         .columns = svc_search_columns(asked->params, asked->grid) };
    for (size_t k = 0; k < found->rows * found->columns; k++)
        found->accuracy[k] = NAN;
}

bool svc_search(const SvcSearch *asked, SvcFound *found, Progress *progress, Error *err) {
    Search search = { .asked = asked, .found = found, .progress = progress };
    bool ok = check_search(asked, &search.classes, err);
    if (ok) {
        const Samples *samples = asked->samples;
        Batch batch = { samples->x, samples->n, samples->features, where };
        matrix_hold(); /* the columns' matrices in the same memory */
        search.gram = gram_new(&asked->params->kernel, &batch, err);
        ok = search.gram != NULL;
        if (ok) {
            start_table(asked, found);
            ok = search_columns(&search, err);
        }
        if (ok)
            find_best(found);
        gram_free(search.gram);
        matrix_release();
    }
    labels_clear(&search.classes);
    return ok;
}
