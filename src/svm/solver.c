#include "svm/solver.h"

#include "core/context.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/decompose.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/screen.h"
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
        ok = values != NULL;
        if (ok)
            solver_matrix_take(matrix, &values);
    }
    /* after a stop not all rows are filled, and nothing comes of them */
    ok = ok && (!matrix->values || progress_interrupt_pending() ||
                gram_check_values(rows->where, source->kernel, matrix->values, matrix->n, err));
    if (ok)
        matrix->source = *source;
    return ok;
}

bool solver_matrix_init(SolverMatrix *matrix, const char *where, const Gram *bases, Error *err) {
    SolverMatrix made = { .kind = matrix->kind, .n = bases->n };
    size_t bytes = made.n * made.n * sizeof(float); /* no overflow: the bases are as large */
    made.values = matrix_take(bytes);
    if (!made.values)
        return error_memory(err, where, bytes);
    if (!fill_values(where, bases, made.values, err)) {
        matrix_give(made.values);
        return false;
    }
    *matrix = made;
    return true;
}

void solver_matrix_take(SolverMatrix *matrix, float **values) {
    *matrix = (SolverMatrix){ .kind = matrix->kind, .n = matrix->n, .values = *values };
    *values = NULL;
}

void solver_matrix_clear(SolverMatrix *matrix) {
    libsvm_matrix_clear(&matrix->nodes);
    gram_free(matrix->values);
    kernel_rows_clear(&matrix->rows);
    *matrix = (SolverMatrix){ 0 };
}

double solver_matrix_at(const SolverMatrix *matrix, size_t i, size_t j) {
    return (double)matrix->values[i * matrix->n + j];
}

/* ---- Solving --------------------------------------------------------------------------------- */

typedef struct SolveWork {
    SolverMatrix *matrix;
    BinaryProblem *problem;
    size_t *wanted, count;  /* the problems that are to be solved */
    bool screened;          /* libsvm: on the samples that matter, or on all */
    unsigned char *left;    /* those that screening left */
    LibsvmScratch *scratch; /* libsvm: one per worker, */
    Screen *screen;         /* and of these */
    double *bound;          /* smo: n per worker, the samples' upper bounds */
    Progress *progress;
    size_t reported;    /* steps told to progress; the calling thread's */
    atomic_size_t next; /* the first of them that no solver has taken */
    atomic_size_t done;
    atomic_bool stop, no_memory;
} SolveWork;

static bool asked_to_stop(void *context) {
    SolveWork *work = context;
    if (progress_interrupt_pending())
        atomic_store(&work->stop, true);
    return atomic_load(&work->stop);
}

static bool solve_with_smo(SolveWork *work, BinaryProblem *problem, size_t solver) {
    size_t n = work->matrix->n;
    SmoProblem smo = smo_problem(problem, work->matrix->values, n, work->bound + solver * n);
    SmoSolution solution = { .beta = problem->alpha };
    smo.stop = asked_to_stop;
    smo.context = work;
    if (!smo_solve(&smo, &solution, NULL)) {
        atomic_store(&work->no_memory, true);
        return false;
    }
    problem->b = solution.b;
    problem->unsolved = !solution.converged;
    return !atomic_load(&work->stop);
}

static bool solve_screened(SolveWork *work, size_t p, size_t solver) {
    Screened screened = screen_solve(&work->screen[solver], &work->problem[p]);
    work->left[p] = screened == SCREEN_LEFT;
    if (screened == SCREEN_NO_MEMORY)
        atomic_store(&work->no_memory, true);
    return screened == SCREEN_SOLVED;
}

static bool solve_one(SolveWork *work, size_t p, size_t solver) {
    bool solved = true;
    BinaryProblem *problem = &work->problem[p];
    DenormalMode caller = denormals_flush();
    if (work->matrix->kind == SOLVER_SMO)
        solved = solve_with_smo(work, problem, solver);
    else if (work->screened)
        solved = solve_screened(work, p, solver);
    else
        libsvm_solve(&work->matrix->nodes, problem, libsvm_scratch_at(work->scratch, (int)solver));
    denormals_restore(caller);
    return solved;
}

/* Each solver takes problem after problem; `first` is its number. Only the calling thread, worker
 * 0, speaks to Progress; the others look at the request itself. */
static void solve_body(void *context, size_t first, size_t last, int worker) {
    SolveWork *work = context;
    (void)last;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;) {
        if (asked_to_stop(work) || atomic_load(&work->no_memory))
            return;
        bool solved = solve_one(work, work->wanted[i], first);
        size_t done = atomic_fetch_add(&work->done, solved) + solved;
        if (worker != 0)
            continue;
        if (!progress_step(work->progress, (double)(done - work->reported), NULL))
            atomic_store(&work->stop, true);
        work->reported = done;
    }
}

static bool check_problem(const char *where, const BinaryProblem *problem, Error *err) {
    if (problem->C > 0 && problem->positive > 0 && problem->negative > 0 && problem->tolerance > 0)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: C %g, weights %g and %g, tolerance %g: expected numbers above 0", where,
                     problem->C, problem->positive, problem->negative, problem->tolerance);
}

static void work_clear(SolveWork *work) {
    for (int k = 0; work->screen && k < parallel_threads(); k++)
        screen_clear(&work->screen[k]);
    free(work->screen);
    free(work->wanted);
    free(work->left);
    free(work->bound);
    libsvm_scratch_free(work->scratch);
}

static bool make_screens(SolveWork *work, int workers) {
    bool ok = (work->screen = calloc((size_t)workers, sizeof *work->screen)) != NULL;
    for (int k = 0; ok && k < workers; k++) {
        Screen *screen = &work->screen[k];
        ok = screen_init(screen, work->matrix->values, work->matrix->n);
        screen->stop = asked_to_stop;
        screen->context = work;
        screen->scratch = libsvm_scratch_at(work->scratch, k);
    }
    return ok;
}

static bool work_init(SolveWork *work, const char *where, size_t count, Error *err) {
    size_t n = work->matrix->n;
    int workers = parallel_threads();
    work->screened = work->matrix->kind == SOLVER_LIBSVM && n >= SCREEN_FROM;
    work->wanted = malloc((count + 1) * sizeof *work->wanted);
    work->left = calloc(count + 1, 1);
    bool ok = work->wanted && work->left;
    if (work->matrix->kind == SOLVER_SMO)
        work->bound = malloc((size_t)workers * n * sizeof *work->bound);
    else
        work->scratch = libsvm_scratch_new(n, workers);
    ok = ok && (work->bound || work->scratch) && (!work->screened || make_screens(work, workers));
    for (size_t p = 0; ok && p < count; p++)
        work->wanted[work->count++] = p;
    return ok || error_memory(err, where, (size_t)workers * n * sizeof(double));
}

/* Bytes that solving one problem takes, at most. */
static double bytes_each(const SolveWork *work) {
    size_t n = work->matrix->n;
    if (work->matrix->kind == SOLVER_SMO)
        return sizeof(double) * (double)n;
    return work->screened ? libsvm_part_bytes((size_t)(SCREEN_MOST * (double)n))
                          : libsvm_solve_bytes(n);
}

/* libsvm must not begin what memory it lacks. */
static bool count_solvers(const SolveWork *work, const char *where, int *count, Error *err) {
    double bytes = bytes_each(work);
    int threads = parallel_threads();
    char text[32];
    *count = work->matrix->kind == SOLVER_SMO ? threads : libsvm_solvers(bytes, threads);
    return *count > 0 ||
           error_set(err, ERROR_MEMORY,
                     "%s: libsvm needs %s more, and would end the program without; solver = "
                     "\"smo\" does not",
                     where, memory_text(bytes, text));
}

/* All that is wanted, side by side. */
static bool solve_wanted(SolveWork *work, const char *where, Error *err) {
    SolverMatrix *matrix = work->matrix;
    int solvers;
    if (matrix->kind == SOLVER_LIBSVM && !work->screened && !matrix->nodes.cells &&
        !libsvm_matrix_init(&matrix->nodes, where, matrix->values, matrix->n, err))
        return false;
    if (!count_solvers(work, where, &solvers, err))
        return false;
    atomic_store(&work->next, 0);
    parallel_for((size_t)solvers, 1, solve_body, work);
    if (asked_to_stop(work)) /* it may be half filled */
        libsvm_matrix_clear(&matrix->nodes);
    return !atomic_load(&work->no_memory) || error_memory(err, where, (size_t)bytes_each(work));
}

/* What screening has left is wanted then. */
static void want_left(SolveWork *work, size_t count) {
    if (work->screened)
        libsvm_scratch_drop(work->scratch);
    work->screened = false;
    work->count = 0;
    for (size_t p = 0; p < count; p++)
        if (work->left[p])
            work->wanted[work->count++] = p;
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
    bool ok = work_init(&work, where, task->count, err);
    progress_begin(progress, "training SVMs", (double)task->count);
    while (ok && work.count > 0 && !asked_to_stop(&work)) {
        ok = solve_wanted(&work, where, err);
        want_left(&work, work.screened ? task->count : 0);
    }
    size_t done = atomic_load(&work.done);
    progress_step(progress, (double)(done - work.reported), NULL);
    progress_end(progress);
    task->solved = done == task->count;
    work_clear(&work);
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
