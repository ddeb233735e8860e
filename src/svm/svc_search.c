#include "svm/svc_search.h"

#include "core/fail.h"
#include "core/folds.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/train.h"

#include <math.h>
#include <stdio.h>
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

size_t svc_search_columns(const SvcParams *params, const SvcGrid *grid) {
    return kernel_has(&params->kernel, "gamma") ? grid->gammas : 1;
}

static SvcParams at_column(const SvcParams *params, const SvcGrid *grid, size_t column) {
    SvcParams changed = *params;
    if (kernel_has(&params->kernel, "gamma"))
        changed.kernel.gamma = grid->gamma[column];
    return changed;
}

static bool check_grid(const SvcSearch *asked, Error *err) {
    const SvcParams *params = asked->params;
    const SvcGrid *grid = asked->grid;
    const char *where = asked->where;
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

/* One search: the bases of all pairs, and the table to be filled. */
typedef struct Search {
    const SvcSearch *asked;
    Labels classes;
    float *gram;
    double *scores; /* n × classes */
    SvcFound *found;
    Progress *progress;
    bool solved; /* no stop was asked for */
} Search;

enum { SCORE_PIECE = 16 }; /* samples */

typedef struct Scoring {
    const TrainingSet *set;
    const Machine *machine; /* one per fold */
    double *scores;
} Scoring;

static void score_body(void *context, size_t first, size_t last, int worker) {
    const Scoring *work = context;
    const TrainingSet *set = work->set;
    (void)worker;
    for (size_t i = first; i < last && !progress_interrupt_pending(); i++)
        machine_scores(set, &work->machine[set->fold[i]], i,
                       work->scores + i * set->classes->count);
}

/* Place k of the table has been filled: is it the best? Columns are filled one after the other, but
 * of equals the first in the order given wins, which goes row by row. */
static void keep_best(const Search *search, size_t k) {
    SvcFound *found = search->found;
    size_t best = found->C * found->columns + found->gamma;
    double accuracy = found->accuracy[k];
    if (found->any && !(accuracy > found->accuracy[best]) &&
        !(accuracy == found->accuracy[best] && k < best))
        return;
    found->C = k / found->columns;
    found->gamma = k % found->columns;
    found->any = true;
    if (found->oof)
        memcpy(found->oof, search->scores,
               search->asked->samples->n * search->classes.count * sizeof *found->oof);
}

/* What the machines of all folds say of the samples that they have not seen. False: stop. */
static bool judge(const Search *search, const Scoring *work, size_t k) {
    const TrainingSet *set = work->set;
    size_t n = search->asked->samples->n;
    parallel_for(n, SCORE_PIECE, score_body, (void *)work);
    if (progress_interrupt_pending())
        return false;
    FoldAccuracy accuracy = folds_accuracy(&(FoldScores){
        set->y, set->fold, set->classes, work->scores, n, search->asked->grid->folds });
    search->found->accuracy[k] = accuracy.all;
    if (search->found->spread)
        search->found->spread[k] = accuracy.spread;
    keep_best(search, k);
    return progress_step(search->progress, 0, NULL);
}

/* All values of C on one kernel matrix: machine C·folds + k is trained without fold k. */
static bool search_column(Search *search, const TrainingSet *set, size_t column, Error *err) {
    const SvcGrid *grid = search->asked->grid;
    size_t folds = (size_t)grid->folds, count = grid->Cs * folds;
    Machine *machine = calloc(count, sizeof *machine);
    if (!machine)
        return error_memory(err, search->asked->where, count * sizeof *machine);
    for (size_t m = 0; m < count; m++)
        machine[m] = (Machine){ .C = grid->C[m / folds], .held_out = (int)(m % folds) };
    MachineTask task = { set, machine, count };
    bool ok = machines_train(search->asked->where, &task, search->progress, err);
    search->solved = task.solved;
    for (size_t k = 0; ok && search->solved && k < grid->Cs; k++)
        search->solved = judge(search, &(Scoring){ set, machine + k * folds, search->scores },
                               k * search->found->columns + column);
    for (size_t m = 0; m < count; m++)
        machine_clear(&machine[m]);
    free(machine);
    return ok;
}

/* Does each column compute what it needs, beside no bases? */
static bool is_partial(const SvcSearch *asked) {
    const SvcParams *params = asked->params;
    return solver_is_partial(params->solver, &params->kernel, asked->samples->n, params->memory);
}

/* Has the search bases, of which each column's values are made? */
static bool has_bases(const SvcSearch *asked) {
    return !asked->params->kernel.kind->calls && !is_partial(asked);
}

static bool search_columns(Search *search, Error *err) {
    const SvcSearch *asked = search->asked;
    const Samples *samples = asked->samples;
    const Batch rows = { samples->x, samples->n, samples->features, asked->where };
    const size_t problems =
        asked->grid->Cs * (size_t)asked->grid->folds * machine_functions(&search->classes);
    bool ok = true;
    progress_begin(search->progress, "searching C and gamma", (double)search->found->columns);
    search->solved = true;
    for (size_t column = 0; ok && search->solved && column < search->found->columns; column++) {
        SvcParams changed = at_column(asked->params, asked->grid, column);
        SolverMatrix matrix = { .kind = changed.solver,
                                .n = asked->samples->n,
                                .memory = changed.memory };
        ok = solver_matrix_make(
            &matrix, &(SolverSource){ &changed.kernel, rows, search->gram, problems }, err);
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

/* The bases stay beside each column's values. A column's SVMs are trained side by side, each with a
 * side (1 byte) and twice an alpha (8) for every sample. */
double svc_search_bytes(const SvcSearch *asked, size_t classes, char *sum) {
    enum { ANSWER = 17 };
    bool partial = is_partial(asked);
    size_t n = asked->samples->n;
    size_t svms = asked->grid->Cs * (size_t)asked->grid->folds * (classes == 2 ? 1 : classes);
    double need = partial ? solver_partial_bytes(n, asked->params->memory, sum)
                          : solver_bytes(asked->params->solver, n, sum),
           answers = (double)svms * ANSWER * (double)n,
           bases = has_bases(asked) ? sizeof(float) * (double)n * (double)n : 0;
    char text[32], shared[64] = "";
    size_t used = strlen(sum);
    if (bases > 0)
        snprintf(shared, sizeof shared, "; what all gammas share %s", memory_text(bases, text));
    snprintf(sum + used, FIT_SUM - used, "%s; %zu SVMs x %zu x %d bytes = %s", shared, svms, n,
             ANSWER, memory_text(answers, text));
    return need + bases + answers;
}

static bool check_labels(const SvcSearch *asked, const Labels *classes, Error *err) {
    if (classes->count < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: data: expected samples of two classes or more",
                         asked->where);
    return training_check_weights(asked->params, classes, asked->where, err);
}

bool svc_search_check(const SvcSearch *asked, Error *err) {
    const Samples *samples = asked->samples;
    char sum[FIT_SUM];
    Labels classes = { 0 };
    bool ok = check_grid(asked, err) &&
              labels_from(asked->where, samples->y, samples->n, &classes, err) &&
              check_labels(asked, &classes, err);
    ok = ok && memory_check(asked->where, svc_search_bytes(asked, classes.count, sum), sum, err);
    labels_clear(&classes);
    return ok;
}

static void start_table(const SvcSearch *asked, SvcFound *found) {
    *found = (SvcFound){ .accuracy = found->accuracy,
                         .spread = found->spread,
                         .oof = found->oof,
                         .rows = asked->grid->Cs,
                         .columns = svc_search_columns(asked->params, asked->grid) };
    for (size_t k = 0; k < found->rows * found->columns; k++) {
        found->accuracy[k] = NAN;
        if (found->spread)
            found->spread[k] = NAN;
    }
}

static bool make_scores(Search *search, Error *err) {
    const SvcSearch *asked = search->asked;
    const Samples *samples = asked->samples;
    if (!labels_from(asked->where, samples->y, samples->n, &search->classes, err))
        return false;
    size_t bytes = samples->n * search->classes.count * sizeof *search->scores;
    search->scores = malloc(bytes);
    return search->scores || error_memory(err, asked->where, bytes);
}

bool svc_search(const SvcSearch *asked, SvcFound *found, Progress *progress, Error *err) {
    Search search = { .asked = asked, .found = found, .progress = progress };
    const Kernel *kernel = &asked->params->kernel;
    Kernel kept = { 0 };
    bool ok = svc_search_check(asked, err) && make_scores(&search, err);
    if (ok) {
        const Samples *samples = asked->samples;
        Batch batch = { samples->x, samples->n, samples->features, asked->where };
        matrix_hold();                /* the columns' matrices in the same memory */
        kernel_assign(&kept, kernel); /* its own function may let it go */
        search.gram = has_bases(asked) ? gram_new(kernel, &batch, err) : NULL;
        ok = search.gram || !has_bases(asked);
        if (ok) {
            start_table(asked, found);
            ok = search_columns(&search, err);
        }
        kernel_release(&kept);
        gram_free(search.gram);
        matrix_release();
    }
    free(search.scores);
    labels_clear(&search.classes);
    return ok;
}
