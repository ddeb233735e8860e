#include "svm/solver.h"

#include "core/context.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/decompose.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/smo.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const solver_names[] = { "libsvm", "smo", NULL };

int solver_find(const char *name) {
    for (int i = 0; solver_names[i]; i++)
        if (strcmp(name, solver_names[i]) == 0)
            return i;
    return -1;
}

static SolverKind *chosen(void) {
    static const ContextSlot slot = { .size = sizeof(SolverKind) };
    return context_slot(&slot);
}

SolverKind solver_default(void) {
    return *chosen();
}

void solver_choose(SolverKind kind) {
    *chosen() = kind;
}

/* ---- The matrix ------------------------------------------------------------------------------ */

enum { FILL_PIECE = 16 }; /* rows */

typedef struct Values {
    const Gram *gram;
    float *values;
    double *row; /* scratch, n per worker */
} Values;

static void values_body(void *context, size_t first, size_t last, int worker) {
    const Values *work = context;
    size_t n = work->gram->n;
    double *row = work->row + (size_t)worker * n;
    /* After a stop nothing is trained on half a matrix (gram.c). */
    for (size_t i = first; i < last && !progress_interrupt_pending(); i++) {
        for (size_t j = 0; j < n; j++)
            row[j] = work->gram->numbers[i * n + j];
        kernel_values(work->gram->kernel, row, row, n);
        for (size_t j = 0; j < n; j++)
            work->values[i * n + j] = (float)row[j];
    }
}

static bool fill_values(const char *where, const Gram *gram, float *values, Error *err) {
    size_t bytes = (size_t)parallel_threads() * gram->n * sizeof(double);
    Values work = { gram, values, malloc(bytes) };
    if (!work.row)
        return error_memory(err, where, bytes);
    parallel_for(gram->n, FILL_PIECE, values_body, &work);
    free(work.row);
    return true;
}

double solver_partial_bytes(size_t n, double memory, char *sum) {
    double need = decompose_bytes(n, memory);
    size_t part = decompose_part(n, memory);
    char text[32];
    snprintf(sum, FIT_SUM, "parts of the kernel matrix, %zu x %zu x 4 bytes and kept values = %s",
             part, part, memory_text(need, text));
    return need;
}

/* Up to so many samples (4.1 GB) the whole matrix is quicker. */
enum { WHOLE_MOST = 32000 };

/* Fewer samples are quicker solved all together. */
enum { PARTS_FROM = 8000 };

/* The matrix, and what parts of it take. */
static double whole_bytes(size_t n) {
    return (n < PARTS_FROM ? 4.0 : 4.0 + 4.0 * DECOMPOSE_SHARE) * (double)n * (double)n;
}

bool solver_is_partial(SolverKind kind, const Kernel *kernel, size_t n, double memory) {
    return kind == SOLVER_SMO && !kernel->kind->calls &&
           (n > WHOLE_MOST || (memory > 0 && whole_bytes(n) > memory));
}

bool solver_tells(const SolverMatrix *matrix) {
    return matrix->kind == SOLVER_SMO && (!matrix->values || matrix->n >= PARTS_FROM);
}

double solver_bytes(SolverKind kind, size_t n, char *sum) {
    double square = (double)n * (double)n;
    char text[32], cache[32], smo[32];
    if (kind == SOLVER_SMO) {
        snprintf(sum, FIT_SUM, "kernel matrix %zu x %zu x 4 bytes%s = %s", n, n,
                 n < PARTS_FROM ? "" : " and a quarter of that for its parts",
                 memory_text(whole_bytes(n), text));
        return whole_bytes(n);
    }
    double solving = libsvm_solve_bytes(n);
    snprintf(sum, FIT_SUM,
             "kernel matrix %zu x %zu x 4 bytes and libsvm's x 8 bytes = %s, its cache %s; "
             "solver = \"smo\" needs %s",
             n, n, memory_text(12 * square, text), memory_text(solving, cache),
             memory_text(n > WHOLE_MOST ? decompose_bytes(n, 0) : whole_bytes(n), smo));
    return 12 * square + solving;
}

bool solver_matrix_partial(SolverMatrix *matrix, const Kernel *kernel, const Batch *batch,
                           Error *err) {
    SolverMatrix made = {
        .kind = matrix->kind, .n = batch->n, .kernel = kernel, .memory = matrix->memory
    };
    if (!kernel_rows_init(&made.rows, batch, err))
        return false;
    if (!gram_check_finite(batch->where, &made.rows, err)) {
        kernel_rows_clear(&made.rows);
        return false;
    }
    *matrix = made;
    return true;
}

static const SolverHelper **who_helps(void) {
    static const ContextSlot slot = { .size = sizeof(const SolverHelper *) };
    return context_slot(&slot);
}

/* What is solved before others have heard of it is not worth it; and what is solved in parts of a
 * matrix is solved for all problems together. */
static bool is_worth_help(const SolverMatrix *matrix, size_t problems) {
    static const double LEAST = 1e6; /* samples² × problems: some milliseconds */
    double n = (double)matrix->n;
    return matrix->source.kernel && !(matrix->kind == SOLVER_SMO && matrix->n >= PARTS_FROM) &&
           problems > 1 && n * n * (double)problems >= LEAST;
}

static bool prepare(SolverMatrix *matrix, const SolverSource *source, Error *err) {
    const SolverHelper *helper = *who_helps();
    matrix->source = *source;
    return !helper || !is_worth_help(matrix, source->problems) ||
           helper->prepare(helper, matrix, err);
}

bool solver_matrix_make(SolverMatrix *matrix, const SolverSource *source, Error *err) {
    const Batch *rows = &source->rows;
    bool ok;
    if (solver_is_partial(matrix->kind, source->kernel, rows->n, matrix->memory)) {
        ok = solver_matrix_partial(matrix, source->kernel, rows, err);
    } else if (!prepare(matrix, source, err)) {
        ok = false;
    } else if (source->bases) {
        const Gram bases = { source->bases, rows->n, source->kernel };
        ok = solver_matrix_init(matrix, rows->where, &bases, err);
    } else {
        float *values = gram_values(source->kernel, rows, err);
        ok = values && solver_matrix_take(matrix, rows->where, &values, err);
    }
    if (ok)
        matrix->source = *source;
    return ok;
}

bool solver_matrix_init(SolverMatrix *matrix, const char *where, const Gram *bases, Error *err) {
    SolverMatrix made = { .kind = matrix->kind, .n = bases->n };
    if (made.kind == SOLVER_LIBSVM) {
        if (!libsvm_matrix_init(&made.nodes, where, bases, err))
            return false;
    } else {
        size_t bytes = made.n * made.n * sizeof(float); /* no overflow: the bases are as large */
        made.values = matrix_take(bytes);
        if (!made.values)
            return error_memory(err, where, bytes);
        if (!fill_values(where, bases, made.values, err)) {
            matrix_give(made.values);
            return false;
        }
    }
    *matrix = made;
    return true;
}

bool solver_matrix_take(SolverMatrix *matrix, const char *where, float **values, Error *err) {
    SolverMatrix made = { .kind = matrix->kind, .n = matrix->n };
    bool ok = true;
    if (made.kind == SOLVER_SMO) {
        made.values = *values;
    } else {
        ok =
            libsvm_matrix_init(&made.nodes, where, &(Gram){ .numbers = *values, .n = made.n }, err);
        gram_free(*values);
    }
    *values = NULL;
    if (ok)
        *matrix = made;
    return ok;
}

void solver_matrix_clear(SolverMatrix *matrix) {
    libsvm_matrix_clear(&matrix->nodes);
    gram_free(matrix->values);
    kernel_rows_clear(&matrix->rows);
    *matrix = (SolverMatrix){ 0 };
}

double solver_matrix_at(const SolverMatrix *matrix, size_t i, size_t j) {
    return matrix->kind == SOLVER_SMO ? (double)matrix->values[i * matrix->n + j]
                                      : libsvm_matrix_at(&matrix->nodes, i, j);
}

/* ---- Solving --------------------------------------------------------------------------------- */

typedef struct SolveWork {
    const SolverMatrix *matrix;
    BinaryProblem *problem;
    LibsvmScratch *scratch; /* libsvm: one per worker */
    double *bound;          /* smo: n per worker, the samples' upper bounds */
    Progress *progress;
    size_t reported; /* steps told to progress; the calling thread's */
    atomic_size_t done;
    atomic_bool stop, no_memory;
} SolveWork;

static bool asked_to_stop(void *context) {
    SolveWork *work = context;
    if (progress_interrupt_pending())
        atomic_store(&work->stop, true);
    return atomic_load(&work->stop);
}

static bool solve_with_smo(SolveWork *work, BinaryProblem *problem, int worker) {
    size_t n = work->matrix->n;
    double *bound = work->bound + (size_t)worker * n;
    for (size_t i = 0; i < n; i++)
        bound[i] = problem->side[i] == 0  ? 0
                   : problem->side[i] > 0 ? problem->C * problem->positive
                                          : problem->C * problem->negative;
    SmoProblem smo = { .gram = work->matrix->values,
                       .n = n,
                       .stride = n,
                       .y = problem->side,
                       .C = bound,
                       .tolerance = problem->tolerance,
                       .stop = asked_to_stop,
                       .context = work };
    SmoSolution solution = { .beta = problem->alpha };
    if (!smo_solve(&smo, &solution, NULL)) {
        atomic_store(&work->no_memory, true);
        return false;
    }
    problem->b = solution.b;
    return !atomic_load(&work->stop);
}

static bool solve_one(SolveWork *work, BinaryProblem *problem, int worker) {
    bool solved = true;
    DenormalMode caller = denormals_flush();
    if (work->matrix->kind == SOLVER_SMO)
        solved = solve_with_smo(work, problem, worker);
    else
        libsvm_solve(&work->matrix->nodes, problem, libsvm_scratch_at(work->scratch, worker));
    denormals_restore(caller);
    return solved;
}

/* Only the calling thread, worker 0, speaks to Progress; the others look at the request itself. */
static void solve_body(void *context, size_t first, size_t last, int worker) {
    SolveWork *work = context;
    for (size_t p = first; p < last; p++) {
        if (asked_to_stop(work) || !solve_one(work, &work->problem[p], worker))
            return;
        size_t done = atomic_fetch_add(&work->done, 1) + 1;
        if (worker != 0)
            continue;
        if (!progress_step(work->progress, (double)(done - work->reported), NULL))
            atomic_store(&work->stop, true);
        work->reported = done;
    }
}

/* True if all are solved; by one thread after the other where `alone`. */
static bool run(SolveWork *work, size_t count, bool alone) {
    progress_begin(work->progress, "training SVMs", (double)count);
    if (alone)
        solve_body(work, 0, count, 0);
    else
        parallel_for(count, 1, solve_body, work);
    size_t done = atomic_load(&work->done);
    progress_step(work->progress, (double)(done - work->reported), NULL);
    progress_end(work->progress);
    return done == count;
}

static bool check_problem(const char *where, const BinaryProblem *problem, Error *err) {
    if (problem->C > 0 && problem->positive > 0 && problem->negative > 0 && problem->tolerance > 0)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: C %g, weights %g and %g, tolerance %g: expected numbers above 0", where,
                     problem->C, problem->positive, problem->negative, problem->tolerance);
}

static bool make_scratch(SolveWork *work, const char *where, int workers, Error *err) {
    size_t n = work->matrix->n;
    bool ok;
    if (work->matrix->kind == SOLVER_SMO)
        ok = (work->bound = malloc((size_t)workers * n * sizeof *work->bound)) != NULL;
    else
        ok = (work->scratch = libsvm_scratch_new(n, workers)) != NULL;
    return ok || error_memory(err, where, (size_t)workers * n * sizeof(double));
}

/* How many problems may be solved at the same time; libsvm must not begin what memory it lacks. */
static int solvers(const SolverMatrix *matrix, const char *where, Error *err) {
    char text[32];
    int threads = parallel_threads();
    int count = matrix->kind == SOLVER_SMO ? threads : libsvm_solvers(matrix->n, threads);
    if (count == 0)
        error_set(err, ERROR_MEMORY,
                  "%s: libsvm needs %s more, and would end the program without; solver = \"smo\" "
                  "does not",
                  where, memory_text(libsvm_solve_bytes(matrix->n), text));
    return count;
}

/* By our own solver, in parts: of a matrix that is made, so that it keeps to the cache, or of one
 * that is not. */
static bool solve_in_parts(const char *where, SolverTask *task, Progress *progress, Error *err) {
    const SolverMatrix *matrix = task->matrix;
    KernelRows none = { .n = matrix->n };
    DecomposeTask all = { .where = where,
                          .kernel = matrix->kernel,
                          .rows = matrix->values ? &none : &matrix->rows,
                          .matrix = matrix->values,
                          .memory = matrix->memory,
                          .problem = task->problem,
                          .count = task->count };
    bool ok = decompose_solve(&all, progress, err);
    task->solved = all.solved;
    return ok;
}

bool solver_solve_here(const char *where, SolverTask *task, Progress *progress, Error *err) {
    if (solver_tells(task->matrix))
        return solve_in_parts(where, task, progress, err);
    SolveWork work = { .matrix = task->matrix, .problem = task->problem, .progress = progress };
    bool ok = make_scratch(&work, where, parallel_threads(), err);
    int at_once = ok ? solvers(task->matrix, where, err) : 0;
    ok = at_once > 0;
    if (ok) {
        task->solved = run(&work, task->count, at_once == 1);
        ok = !atomic_load(&work.no_memory) ||
             error_memory(err, where, task->matrix->n * sizeof(double));
    }
    free(work.bound);
    libsvm_scratch_free(work.scratch);
    return ok;
}

/* ---- Help ------------------------------------------------------------------------------------ */

void solver_ask(const SolverHelper *helper) {
    *who_helps() = helper;
}

bool solver_solve(const char *where, SolverTask *task, Progress *progress, Error *err) {
    const SolverHelper *helper = *who_helps();
    bool helped = false;
    for (size_t p = 0; p < task->count; p++)
        if (!check_problem(where, &task->problem[p], err))
            return false;
    bool shared = helper && !solver_tells(task->matrix) && is_worth_help(task->matrix, task->count);
    if (shared && !helper->solve(helper, task, progress, &helped, err))
        return false;
    return helped || solver_solve_here(where, task, progress, err);
}
