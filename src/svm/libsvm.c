#include "svm/libsvm.h"

#include "core/fail.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "svm/matrix_memory.h"
#include "svm/smo.h"

#include <assert.h>
#include <pthread.h>
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
 * of every 16-byte node would be wasted. Two rows share their nodes' memory instead, the odd row
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

static double *row_start(double *cells, size_t n, size_t i) {
    return cells + i / 2 * pair_doubles(n) + i % 2;
}

/* Bytes of n samples' matrix; false if no number says them. */
static bool cells_bytes(size_t n, size_t *bytes) {
    return !__builtin_mul_overflow(pair_doubles(n) * sizeof(double), (n + 1) / 2, bytes);
}

/* Row i of a matrix of n samples: those, or all, of the values. */
static void fill_row(double *cells, size_t n, size_t i, const float *values, const size_t *sample) {
    double *row = row_start(cells, n, i);
    row[1] = (double)(i + 1);
    for (size_t j = 0; j < n; j++)
        row[2 * (j + 1) + 1] = values[sample ? sample[j] : j];
}

enum { FILL_PIECE = 16 }; /* rows, an even number: pairs share their memory */

typedef struct FillWork {
    LibsvmMatrix matrix;
    const float *values;
} FillWork;

static void fill_body(void *context, size_t first, size_t last, int worker) {
    const FillWork *work = context;
    size_t n = work->matrix.n;
    (void)worker;
    /* After a stop nothing is trained on half a matrix (gram.c). */
    for (size_t i = first; i < last && !progress_interrupt_pending(); i++)
        fill_row(work->matrix.cells, n, i, work->values + i * n, NULL);
}

bool libsvm_matrix_init(LibsvmMatrix *matrix, const char *where, const float *values, size_t n,
                        Error *err) {
    size_t bytes;
    if (n > INT32_MAX / 2)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu samples are more than libsvm takes", where,
                         n);
    if (!cells_bytes(n, &bytes))
        bytes = SIZE_MAX;
    FillWork work = { { n, matrix_take(bytes) }, values };
    if (!work.matrix.cells)
        return error_memory(err, where, bytes);
    parallel_for(n, FILL_PIECE, fill_body, &work);
    *matrix = work.matrix;
    return true;
}

void libsvm_matrix_clear(LibsvmMatrix *matrix) {
    matrix_give(matrix->cells);
    *matrix = (LibsvmMatrix){ 0 };
}

/* ---- Solving --------------------------------------------------------------------------------- */

/* libsvm keeps kernel rows as floats in a cache of this size, taken as rows are needed: with room
 * for all of them each is read from the matrix once. Shared among the solvers at work. */
enum { CACHE_BUDGET_MB = 2048, CACHE_LEAST_MB = 100, SHRINK_ABOVE_MB = 1024 };

struct LibsvmScratch {
    int count;             /* of the array that this is one of */
    struct svm_node **row; /* n each: the problem as libsvm takes it */
    double *y;
    size_t *position; /* of its samples in the answer */
    double *cells;    /* a part's matrix, */
    size_t room;      /* in so many bytes */
};

/* Of the last training on this thread. */
static _Thread_local size_t iterations;

/* It has something to print every thousand iterations: nothing is printed, but that is when other
 * ranks are answered. At the end it says how many there were. */
static void listen(const char *text) {
    const char *count = strstr(text, "#iter = ");
    if (count)
        iterations = strtoul(count + strlen("#iter = "), NULL, 10);
    progress_let_attend();
}

static void set_listener(void) {
    svm_set_print_string_function(listen);
}

/* Megabytes that hold every row. */
static double whole_cache(size_t n) {
    return ((double)n * (double)n * sizeof(float)) / (1 << 20) + 16;
}

static double cache_share(void) {
    int share = CACHE_BUDGET_MB / parallel_threads();
    return share > CACHE_LEAST_MB ? share : CACHE_LEAST_MB;
}

/* `label` and `weight` belong to the caller and must outlive the parameters. */
static struct svm_parameter parameters(const BinaryProblem *problem, size_t n, int label[2],
                                       double weight[2]) {
    double whole = whole_cache(n), share = cache_share();
    label[0] = 1, label[1] = -1;
    weight[0] = problem->positive, weight[1] = problem->negative;
    return (struct svm_parameter){ .svm_type = C_SVC,
                                   .kernel_type = PRECOMPUTED,
                                   .cache_size = whole < share ? whole : share,
                                   .eps = problem->tolerance,
                                   .C = problem->C,
                                   .nr_weight = 2,
                                   .weight_label = label,
                                   .weight = weight };
}

/* The first label met is libsvm's positive side, whatever its sign. */
static void take_answer(const struct svm_model *model, const size_t *position,
                        BinaryProblem *problem) {
    double sign = model->label[0] == 1 ? 1 : -1;
    for (int k = 0; k < model->l; k++)
        problem->alpha[position[model->sv_indices[k] - 1]] = sign * model->sv_coef[0][k];
    problem->b = -sign * model->rho[0];
}

/* Rows in the cache, each rounded up by malloc, and two dozen numbers a sample. */
double libsvm_solve_bytes(size_t n) {
    double rows = (double)n * (double)n * sizeof(float), cache = cache_share() * (1 << 20);
    return 1.04 * (rows < cache ? rows : cache) + 512 * (double)n + (1 << 20);
}

double libsvm_part_bytes(size_t samples) {
    double n = (double)samples;
    return libsvm_solve_bytes(samples) + sizeof(double) * n * n;
}

int libsvm_solvers(double bytes, int threads) {
    /* Addresses that malloc reserves for a thread beside what it hands out. */
    const double arena = 136 << 20, room = 4 << 20;
    double fit = memory_available() / bytes;
    int count = fit < threads ? (int)fit : threads;
    while (count > 1 && memory_is_limited() && !memory_would_get(count * (bytes + arena)))
        count--;
    return count > 1 || (count == 1 && memory_would_get(bytes + room)) ? count : 0;
}

LibsvmScratch *libsvm_scratch_new(size_t n, int count) {
    assert(count > 0);
    size_t all = n * (size_t)count;
    LibsvmScratch *scratch = malloc((size_t)count * sizeof *scratch);
    struct svm_node **row = malloc(all * sizeof *row);
    double *y = malloc(all * sizeof *y);
    size_t *position = malloc(all * sizeof *position);
    if (!scratch || !row || !y || !position) {
        free(scratch);
        free(row);
        free(y);
        free(position);
        return NULL;
    }
    memory_keep_freed(true); /* libsvm takes and frees its cache for every problem */
    for (int k = 0; k < count; k++) {
        size_t first = (size_t)k * n;
        scratch[k] = (LibsvmScratch){
            .count = count, .row = row + first, .y = y + first, .position = position + first
        };
    }
    return scratch;
}

void libsvm_scratch_drop(LibsvmScratch *scratch) {
    for (int k = 0; k < scratch->count; k++) {
        free(scratch[k].cells);
        scratch[k].cells = NULL;
        scratch[k].room = 0;
    }
}

/* But for their matrices the first one's arrays are those of all. */
void libsvm_scratch_free(LibsvmScratch *scratch) {
    if (!scratch)
        return;
    libsvm_scratch_drop(scratch);
    memory_keep_freed(false);
    free(scratch->row);
    free(scratch->y);
    free(scratch->position);
    free(scratch);
}

LibsvmScratch *libsvm_scratch_at(LibsvmScratch *scratch, int worker) {
    return scratch + worker;
}

/* The first `taken` samples of the scratch. Shrinking is worth it, and on hard problems many times
 * over, but where most samples matter: there it costs more to move the cache's columns about than
 * shorter sums gain, unless rows that are not kept would have to be computed again. It changes the
 * last digits, so the problem alone decides, not this worker's share of the cache. */
static void train(size_t taken, size_t n, BinaryProblem *problem, LibsvmScratch *scratch) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_listener);
    int label[2];
    double weight[2];
    struct svm_parameter parameter = parameters(problem, taken, label, weight);
    parameter.shrinking = !problem->crowded || whole_cache(taken) > SHRINK_ABOVE_MB;
    struct svm_problem samples = { .l = (int)taken, .y = scratch->y, .x = scratch->row };
    iterations = 0;
    struct svm_model *model = svm_train(&samples, &parameter);
    problem->unsolved = iterations >= smo_limit(taken); /* which is libsvm's as well */
    memset(problem->alpha, 0, n * sizeof *problem->alpha);
    take_answer(model, scratch->position, problem);
    svm_free_and_destroy_model(&model);
}

void libsvm_solve(const LibsvmMatrix *matrix, BinaryProblem *problem, LibsvmScratch *scratch) {
    size_t n = matrix->n, taken = 0;
    for (size_t i = 0; i < n; i++) {
        if (problem->side[i] == 0)
            continue;
        scratch->row[taken] = (struct svm_node *)row_start(matrix->cells, n, i);
        scratch->y[taken] = problem->side[i];
        scratch->position[taken++] = i;
    }
    train(taken, n, problem, scratch);
}

static bool make_cells(LibsvmScratch *scratch, size_t samples) {
    size_t bytes;
    if (!cells_bytes(samples, &bytes))
        return false;
    if (bytes <= scratch->room)
        return true;
    free(scratch->cells);
    scratch->cells = malloc(bytes);
    scratch->room = scratch->cells ? bytes : 0;
    return scratch->cells != NULL;
}

bool libsvm_solve_part(const LibsvmPart *part, BinaryProblem *problem, LibsvmScratch *scratch) {
    size_t count = part->samples;
    if (!make_cells(scratch, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t t = part->sample[i];
        if (i % FILL_PIECE == 0)
            progress_let_attend();
        fill_row(scratch->cells, count, i, part->values + t * part->n, part->sample);
        scratch->row[i] = (struct svm_node *)row_start(scratch->cells, count, i);
        scratch->y[i] = problem->side[t];
        scratch->position[i] = t;
    }
    train(count, part->n, problem, scratch);
    return true;
}

const char *libsvm_version_text(char text[16]) {
    snprintf(text, 16, "%d.%02d", libsvm_version / 100, libsvm_version % 100);
    return text;
}
