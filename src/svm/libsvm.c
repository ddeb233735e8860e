#include "svm/libsvm.h"

#include "core/parallel.h"
#include "svm/gram.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<libsvm/svm.h>)
#include <libsvm/svm.h>
#else
#include <svm.h>
#endif

/* ---- The matrix ------------------------------------------------------------------------------ */

/* For a precomputed kernel libsvm reads K(i, j) as row[i][serial].value with serial =
 * (int)row[j][0].value, a node being { int index; double value; }. It never reads `index`, so half
 * of every 16-byte node would lie idle. Two rows share their nodes' memory instead, the odd row
 * shifted by one double, so that its values fill the even row's index fields:
 *
 *     double   0    1    2    3    4    5    6   …
 *     even     [0 . s)  [1 . K)  [2 . K)  [3 . K)       value of node t at 2t + 1
 *     odd           [0 . s)  [1 . K)  [2 . K)  …        value of node t at 2t + 2
 *
 * s is the serial number, i + 1, and node j + 1 holds K(i, j). */
static size_t pair_doubles(size_t n) {
    return 2 * (n + 1) + 2;
}

static double *row_start(const LibsvmMatrix *matrix, size_t i) {
    return matrix->cells + i / 2 * pair_doubles(matrix->n) + i % 2;
}

double libsvm_matrix_at(const LibsvmMatrix *matrix, size_t i, size_t j) {
    return row_start(matrix, i)[2 * (j + 1) + 1];
}

typedef struct FillWork {
    LibsvmMatrix matrix;
    const Kernel *kernel;
    const float *gram;
    double *value; /* scratch, n a worker */
} FillWork;

static void fill_body(void *context, size_t first, size_t last, int worker) {
    const FillWork *work = context;
    size_t n = work->matrix.n;
    double *value = work->value + (size_t)worker * n;
    for (size_t i = first; i < last; i++) {
        const float *base = work->gram + i * n;
        double *row = row_start(&work->matrix, i);
        for (size_t j = 0; j < n; j++)
            value[j] = base[j];
        kernel_values(work->kernel, value, value, n);
        row[1] = (double)(i + 1);
        for (size_t j = 0; j < n; j++)
            row[2 * (j + 1) + 1] = value[j];
    }
}

bool libsvm_matrix_init(LibsvmMatrix *matrix, const char *where, const Kernel *kernel,
                        const float *gram, size_t n, Error *err) {
    size_t bytes, workers = (size_t)parallel_threads();
    if (__builtin_mul_overflow(pair_doubles(n) * sizeof(double), (n + 1) / 2, &bytes))
        bytes = SIZE_MAX;
    FillWork work = { .matrix = { n, gram_memory(bytes) },
                      .kernel = kernel,
                      .gram = gram,
                      .value = malloc(workers * n * sizeof(double)) };
    if (!work.matrix.cells || !work.value) {
        free(work.matrix.cells);
        free(work.value);
        return error_memory(err, where, bytes);
    }
    parallel_for(n, fill_body, &work);
    free(work.value);
    *matrix = work.matrix;
    return true;
}

void libsvm_matrix_clear(LibsvmMatrix *matrix) {
    free(matrix->cells);
    *matrix = (LibsvmMatrix){ 0 };
}

/* ---- Solving ----------------------------------------------------------------------------------
 */

/* libsvm keeps kernel rows as floats in a cache of this size, taken as rows are needed: with room
 * for all of them each is read from the matrix once. Shared among the solvers at work. */
enum { CACHE_BUDGET_MB = 2048, CACHE_LEAST_MB = 100 };

typedef struct SolveWork {
    const LibsvmMatrix *matrix;
    LibsvmProblem *problem;
    struct svm_node **row; /* scratch: n a worker, as are the next two */
    double *y;
    size_t *position;
    Progress *progress;
    size_t reported; /* steps told to progress; the calling thread's */
    atomic_size_t done;
    atomic_bool stop;
} SolveWork;

static void print_nothing(const char *text) {
    (void)text;
}

static void silence(void) {
    svm_set_print_string_function(print_nothing);
}

static double cache_size(size_t n) {
    double whole = ((double)n * (double)n * sizeof(float)) / (1 << 20) + 16;
    double share = CACHE_BUDGET_MB / parallel_threads();
    double most = share > CACHE_LEAST_MB ? share : CACHE_LEAST_MB;
    return whole < most ? whole : most;
}

/* `label` and `weight` belong to the caller and must outlive the parameters. */
static struct svm_parameter parameters(const LibsvmProblem *problem, size_t n, int label[2],
                                       double weight[2]) {
    label[0] = 1, label[1] = -1;
    weight[0] = problem->positive, weight[1] = problem->negative;
    return (struct svm_parameter){ .svm_type = C_SVC,
                                   .kernel_type = PRECOMPUTED,
                                   .cache_size = cache_size(n),
                                   .eps = problem->tolerance,
                                   .C = problem->C,
                                   .nr_weight = 2,
                                   .weight_label = label,
                                   .weight = weight,
                                   .shrinking = 1 };
}

/* The first label met is libsvm's positive side, whatever its sign. */
static void take_answer(const struct svm_model *model, const size_t *position, size_t n,
                        LibsvmProblem *problem) {
    double sign = model->label[0] == 1 ? 1 : -1;
    memset(problem->alpha, 0, n * sizeof *problem->alpha);
    for (int k = 0; k < model->l; k++)
        problem->alpha[position[model->sv_indices[k] - 1]] = sign * model->sv_coef[0][k];
    problem->b = -sign * model->rho[0];
}

static void solve_one(const SolveWork *work, LibsvmProblem *problem, int worker) {
    size_t n = work->matrix->n, taken = 0;
    struct svm_node **row = work->row + (size_t)worker * n;
    double *y = work->y + (size_t)worker * n;
    size_t *position = work->position + (size_t)worker * n;
    for (size_t i = 0; i < n; i++) {
        if (problem->side[i] == 0)
            continue;
        row[taken] = (struct svm_node *)row_start(work->matrix, i);
        y[taken] = problem->side[i];
        position[taken++] = i;
    }
    int label[2];
    double weight[2];
    struct svm_parameter parameter = parameters(problem, taken, label, weight);
    struct svm_problem samples = { .l = (int)taken, .y = y, .x = row };
    struct svm_model *model = svm_train(&samples, &parameter);
    take_answer(model, position, n, problem);
    svm_free_and_destroy_model(&model);
}

/* Only the calling thread, worker 0, speaks to Progress; the others look at the request itself. */
static void solve_body(void *context, size_t first, size_t last, int worker) {
    SolveWork *work = context;
    for (size_t p = first; p < last; p++) {
        if (atomic_load(&work->stop) || progress_interrupt_pending()) {
            atomic_store(&work->stop, true);
            return;
        }
        solve_one(work, &work->problem[p], worker);
        size_t done = atomic_fetch_add(&work->done, 1) + 1;
        if (worker != 0)
            continue;
        if (!progress_step(work->progress, (double)(done - work->reported), NULL))
            atomic_store(&work->stop, true);
        work->reported = done;
    }
}

static bool check_problem(const char *where, const LibsvmProblem *problem, size_t n, Error *err) {
    int label[2];
    double weight[2];
    struct svm_parameter parameter = parameters(problem, n, label, weight);
    struct svm_problem empty = { 0 };
    const char *complaint = svm_check_parameter(&empty, &parameter);
    if (complaint)
        return error_set(err, ERROR_ARGUMENT, "%s: libsvm says: %s", where, complaint);
    return true;
}

static void run(SolveWork *work, size_t count, bool *solved) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, silence);
    progress_begin(work->progress, "training SVMs", (double)count);
    parallel_for_dynamic(count, 1, solve_body, work);
    size_t done = atomic_load(&work->done);
    *solved = done == count;
    progress_step(work->progress, (double)(done - work->reported), NULL);
    progress_end(work->progress);
}

bool libsvm_solve(const char *where, const LibsvmMatrix *matrix, LibsvmProblem *problem,
                  size_t count, bool *solved, Progress *progress, Error *err) {
    size_t n = matrix->n, workers = (size_t)parallel_threads();
    if (n > INT32_MAX / 2)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu samples are more than libsvm takes", where,
                         n);
    for (size_t p = 0; p < count; p++)
        if (!check_problem(where, &problem[p], n, err))
            return false;
    SolveWork work = { .matrix = matrix,
                       .problem = problem,
                       .row = malloc(workers * n * sizeof *work.row),
                       .y = malloc(workers * n * sizeof *work.y),
                       .position = malloc(workers * n * sizeof *work.position),
                       .progress = progress };
    bool ok = work.row && work.y && work.position;
    if (ok)
        run(&work, count, solved);
    else
        error_memory(err, where, workers * n * 3 * sizeof(double));
    free(work.row);
    free(work.y);
    free(work.position);
    return ok;
}

const char *libsvm_version_text(void) {
    static char text[16];
    snprintf(text, sizeof text, "%d.%02d", libsvm_version / 100, libsvm_version % 100);
    return text;
}
