#include "svm/decompose.h"

#include "core/blas.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/smo.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Samples of the largest block where nobody says how much memory there is. */
enum { BLOCK_MOST = 12288, BLOCK_LEAST = 1024 };

/* Rows that are kept then. */
static const double CACHE_BYTES = 2147483648.0;

/* Samples of the first block, which is drawn, and at least of either side of each problem. */
enum { FIRST_MOST = 8192, FIRST_LEAST = 2048, FIRST_SIDE = 16 };

/* Rows and columns of a tile of the kernel matrix. */
enum { ROWS = 256, COLUMNS = 512 };

/* Samples whose error is that close to violating a problem's conditions go into the block as well:
 * most of them would violate the next ones. */
static const double SLACK = 0.1;

/* Problems are solved a little better on their block than they are judged on everything, where the
 * sums are rounded otherwise. */
static const double STRICTER = 0.8;

/* Where a problem stands: mid is halfway between the largest error of the samples whose beta may
 * rise, `top`, and the smallest of those whose may fall, `bottom`. */
typedef struct Standing {
    double mid;
    size_t top, bottom;
    bool is_open;
} Standing;

/* Some samples' rows as kernels want them, in memory of their own. */
typedef struct Gathered {
    KernelRows rows;
    float *x;
} Gathered;

/* The scratch of a worker. */
typedef struct Scratch {
    size_t *part; /* members of the block that problems are solved on */
    Gathered gathered;
    float *gram; /* of the part */
    int8_t *y;
    double *C, *beta, *error;
    float *dots; /* of a tile */
    double *base, *told;
} Scratch;

/* Rows of the kernel matrix that are kept. */
typedef struct RowCache {
    float *values; /* most × n */
    size_t most, used;
    size_t *slot; /* n: a sample's row, or NO_SLOT */
} RowCache;

static const size_t NO_SLOT = SIZE_MAX;

typedef struct Blocks {
    const DecomposeTask *task;
    size_t n, count; /* samples, problems */
    size_t most;     /* samples of a block */
    double *sum;     /* n × count */
    Standing *standing;
    size_t *open, opens;    /* the problems that are not solved */
    size_t groups, *part;   /* members that are urgent to each */
    double *urge;           /* n: see urge_of, of the most urgent problem */
    size_t *order, visited; /* n: each sample's place in a random order, plus what it is put back by
                               whenever a block has it */
    size_t *member, members;
    Gathered gathered; /* the members */
    float *gram;       /* members × members */
    double *moved;     /* members × opens: what beta changed by */
    size_t known;      /* of the members, those before it have their rows in the cache */
    RowCache cache;
    Scratch *scratch;
    int workers;
    Progress *progress;
    atomic_bool stop, no_memory;
} Blocks;

/* ---- Memory ---------------------------------------------------------------------------------- */

/* A group's part has a matrix of its own where it is no larger than that. */
static size_t part_most(size_t block) {
    return block / 3;
}

size_t decompose_block(size_t n, double memory) {
    size_t most = BLOCK_MOST;
    if (memory > 0) {
        /* Half of it for the block, and for the workers' parts a ninth of that each. */
        double side = sqrt(0.5 * memory / sizeof(float));
        most = side < BLOCK_LEAST      ? BLOCK_LEAST
               : side > 2 * BLOCK_MOST ? 2 * BLOCK_MOST
                                       : (size_t)side;
    }
    return n < most ? n : most;
}

/* Counted for so many workers, whose real number must not reach the bits. */
enum { WORKERS = 4 };

static double block_bytes(size_t n, double memory) {
    double most = (double)decompose_block(n, memory), part = (double)part_most((size_t)most);
    return sizeof(float) * (most * most + part * part * WORKERS);
}

/* Half of all rows are more than support vectors fill as a rule. Narrow rows are computed as fast
 * as they are read. */
static size_t cached_rows(size_t n, size_t features, double memory) {
    double row = (double)n * sizeof(float),
           bytes = memory > 0 ? memory - block_bytes(n, memory) : CACHE_BYTES;
    if (features <= KERNEL_NARROW || bytes < row)
        return 0;
    return bytes / row < (double)n / 2 ? (size_t)(bytes / row) : n / 2;
}

double decompose_bytes(size_t n, double memory) {
    return block_bytes(n, memory) +
           (double)cached_rows(n, KERNEL_NARROW + 1, memory) * (double)n * sizeof(float);
}

static bool gathered_init(Gathered *gathered, const KernelRows *like, size_t most) {
    size_t d = like->features;
    gathered->x = malloc(most * d * sizeof(float));
    gathered->rows = (KernelRows){ .x = gathered->x, .features = d };
    gathered->rows.norm = malloc(most * sizeof(double));
    gathered->rows.wide = like->wide ? malloc(most * d * sizeof(double)) : NULL;
    return gathered->x && gathered->rows.norm && (gathered->rows.wide || !like->wide);
}

static void gathered_clear(Gathered *gathered) {
    free(gathered->x);
    kernel_rows_clear(&gathered->rows);
}

/* One more row. */
static void gather(Gathered *gathered, const KernelRows *from, size_t sample) {
    size_t d = from->features, to = gathered->rows.n++;
    progress_let_attend();
    memcpy(gathered->x + to * d, from->x + sample * d, d * sizeof(float));
    gathered->rows.norm[to] = from->norm[sample];
    if (from->wide)
        memcpy(gathered->rows.wide + to * d, from->wide + sample * d, d * sizeof(double));
}

static void scratch_clear(Scratch *scratch) {
    gathered_clear(&scratch->gathered);
    free(scratch->part);
    free(scratch->y);
    free(scratch->C);
    free(scratch->beta);
    free(scratch->error);
    free(scratch->gram);
    free(scratch->dots);
    free(scratch->base);
    free(scratch->told);
}

static bool scratch_init(const Blocks *blocks, Scratch *scratch) {
    size_t most = blocks->most, part = part_most(most) + 1;
    scratch->part = malloc(most * sizeof *scratch->part);
    scratch->y = malloc(most);
    scratch->C = malloc(most * sizeof(double));
    scratch->beta = malloc(most * sizeof(double));
    scratch->error = malloc(most * sizeof(double));
    scratch->gram = malloc(part * part * sizeof(float));
    scratch->dots = malloc((size_t)ROWS * COLUMNS * sizeof(float));
    scratch->base = malloc((size_t)ROWS * COLUMNS * sizeof(double));
    scratch->told = malloc(ROWS * blocks->count * sizeof(double));
    return gathered_init(&scratch->gathered, blocks->task->rows, part) && scratch->part &&
           scratch->y && scratch->C && scratch->beta && scratch->error && scratch->gram &&
           scratch->dots && scratch->base && scratch->told;
}

static void cache_clear(RowCache *cache) {
    matrix_give(cache->values);
    free(cache->slot);
}

static bool cache_init(RowCache *cache, size_t n, size_t most) {
    cache->most = most;
    cache->slot = malloc(n * sizeof *cache->slot);
    cache->values = most > 0 ? matrix_take(most * n * sizeof(float)) : NULL;
    for (size_t t = 0; cache->slot && t < n; t++)
        cache->slot[t] = NO_SLOT;
    return cache->slot && (cache->values || most == 0);
}

static void blocks_clear(Blocks *blocks) {
    for (int w = 0; blocks->scratch && w < blocks->workers; w++)
        scratch_clear(&blocks->scratch[w]);
    free(blocks->scratch);
    free(blocks->sum);
    free(blocks->standing);
    free(blocks->open);
    free(blocks->part);
    free(blocks->urge);
    free(blocks->order);
    free(blocks->member);
    free(blocks->moved);
    gathered_clear(&blocks->gathered);
    cache_clear(&blocks->cache);
    matrix_give(blocks->gram);
}

static bool take_memory(Blocks *blocks) {
    const KernelRows *rows = blocks->task->rows;
    size_t n = blocks->n, count = blocks->count, most = blocks->most;
    blocks->sum = calloc(n * count, sizeof(double));
    blocks->standing = calloc(count, sizeof *blocks->standing);
    blocks->open = malloc(count * sizeof *blocks->open);
    blocks->part = malloc(count * sizeof *blocks->part);
    blocks->urge = malloc(n * sizeof(double));
    blocks->order = malloc(n * sizeof *blocks->order);
    blocks->member = malloc(n * sizeof *blocks->member);
    blocks->moved = malloc(most * count * sizeof(double));
    blocks->gram = matrix_take(most * most * sizeof(float));
    blocks->scratch = calloc((size_t)blocks->workers, sizeof *blocks->scratch);
    bool ok = blocks->sum && blocks->standing && blocks->open && blocks->part && blocks->urge &&
              blocks->order && blocks->member && blocks->moved && blocks->gram && blocks->scratch &&
              gathered_init(&blocks->gathered, rows, most) &&
              cache_init(&blocks->cache, n, cached_rows(n, rows->features, blocks->task->memory));
    for (int w = 0; ok && w < blocks->workers; w++)
        ok = scratch_init(blocks, &blocks->scratch[w]);
    return ok;
}

static bool blocks_init(Blocks *blocks, Error *err) {
    const DecomposeTask *task = blocks->task;
    blocks->n = task->rows->n;
    blocks->count = task->count;
    blocks->most = decompose_block(blocks->n, task->memory);
    blocks->workers = parallel_threads();
    if (!take_memory(blocks))
        return error_memory(err, task->where, (size_t)decompose_bytes(blocks->n, task->memory));
    for (size_t p = 0; p < task->count; p++) {
        const BinaryProblem *problem = &task->problem[p];
        blocks->standing[p].is_open = true;
        memset(problem->alpha, 0, blocks->n * sizeof(double));
        if (problem->group >= blocks->groups)
            blocks->groups = problem->group + 1; /* at most as many as problems */
    }
    return true;
}

/* ---- Judging --------------------------------------------------------------------------------- */

static bool asked_to_stop(void *context) {
    Blocks *blocks = context;
    if (progress_interrupt_pending())
        atomic_store(&blocks->stop, true);
    return atomic_load(&blocks->stop);
}

/* The calling thread shows that we are alive, and hears whether to stop. */
static bool go_on(Blocks *blocks, int worker) {
    if (worker == 0 && !progress_step(blocks->progress, 0, NULL))
        atomic_store(&blocks->stop, true);
    return !asked_to_stop(blocks);
}

static double bound_of(const BinaryProblem *problem, size_t t) {
    return problem->side[t] > 0   ? problem->C * problem->positive
           : problem->side[t] < 0 ? problem->C * problem->negative
                                  : 0;
}

static bool may_rise(const BinaryProblem *problem, size_t t) {
    return problem->alpha[t] < (problem->side[t] > 0 ? bound_of(problem, t) : 0);
}

static bool may_fall(const BinaryProblem *problem, size_t t) {
    return problem->alpha[t] > (problem->side[t] > 0 ? 0 : -bound_of(problem, t));
}

static double error_of(const Blocks *blocks, size_t p, size_t t) {
    return blocks->task->problem[p].side[t] - blocks->sum[t * blocks->count + p];
}

/* How far the sample's error is on the wrong side of the problem's mid; −∞ if it takes no part. */
static double urge_of(const Blocks *blocks, size_t p, size_t t) {
    const BinaryProblem *problem = &blocks->task->problem[p];
    double beyond = error_of(blocks, p, t) - blocks->standing[p].mid, urge = -INFINITY;
    if (problem->side[t] == 0)
        return urge;
    if (may_rise(problem, t))
        urge = beyond;
    if (may_fall(problem, t) && -beyond > urge)
        urge = -beyond;
    return urge;
}

static void judge_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    (void)worker;
    for (size_t o = first; o < last; o++) {
        size_t p = blocks->open[o];
        const BinaryProblem *problem = &blocks->task->problem[p];
        Standing *standing = &blocks->standing[p];
        double most = -INFINITY, least = INFINITY;
        for (size_t t = 0; t < blocks->n; t++) {
            double error = error_of(blocks, p, t);
            if (may_rise(problem, t) && error > most) {
                most = error;
                standing->top = t;
            }
            if (may_fall(problem, t) && error < least) {
                least = error;
                standing->bottom = t;
            }
        }
        standing->is_open = most - least >= problem->tolerance;
        standing->mid = (most + least) / 2;
    }
}

/* Which problems are open; says how many are not any more. */
static size_t list_open(Blocks *blocks) {
    size_t before = blocks->opens;
    blocks->opens = 0;
    for (size_t p = 0; p < blocks->count; p++)
        if (blocks->standing[p].is_open)
            blocks->open[blocks->opens++] = p;
    return before - blocks->opens;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

static void urge_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    (void)worker;
    for (size_t t = first; t < last; t++) {
        double most = -INFINITY;
        for (size_t o = 0; o < blocks->opens; o++) {
            double urge = urge_of(blocks, blocks->open[o], t);
            most = urge > most ? urge : most;
        }
        blocks->urge[t] = most;
    }
}

typedef struct Candidate {
    size_t order, sample;
} Candidate;

static int earlier(const void *a, const void *b) {
    const Candidate *left = a, *right = b;
    return left->order < right->order ? -1 : left->order > right->order;
}

static int rising(const void *a, const void *b) {
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* Those that violate a problem's conditions come before those that are close to it. */
static size_t rank_of(const Blocks *blocks, size_t t) {
    bool violates = blocks->urge[t] > blocks->task->problem[0].tolerance / 2;
    return blocks->order[t] + (violates ? 0 : SIZE_MAX / 2);
}

/* The urgent samples; where these are too many, those that have not been in a block for longest, in
 * a random order: the problems' sums stay what they are within a block, so that a block of like
 * samples would move b away from what it is on everything. */
static bool choose_block(Blocks *blocks, Error *err) {
    size_t count = 0;
    Candidate *candidate = malloc(blocks->n * sizeof *candidate);
    if (!candidate)
        return error_memory(err, blocks->task->where, blocks->n * sizeof *candidate);
    parallel_for(blocks->n, ROWS, urge_body, blocks);
    for (size_t o = 0; o < blocks->opens; o++) {
        const Standing *standing = &blocks->standing[blocks->open[o]];
        blocks->order[standing->top] %= blocks->n; /* first of all: so every round gets on */
        blocks->order[standing->bottom] %= blocks->n;
    }
    for (size_t t = 0; t < blocks->n; t++)
        if (blocks->urge[t] > -SLACK)
            candidate[count++] = (Candidate){ rank_of(blocks, t), t };
    if (count > blocks->most) {
        qsort(candidate, count, sizeof *candidate, earlier);
        count = blocks->most;
    }
    blocks->members = count;
    for (size_t m = 0; m < count; m++) {
        size_t t = blocks->member[m] = candidate[m].sample;
        blocks->order[t] = blocks->order[t] % blocks->n + blocks->n * blocks->visited;
    }
    blocks->visited++;
    qsort(blocks->member, count, sizeof *blocks->member, rising);
    free(candidate);
    return true;
}

/* Whether a problem lacks samples on t's side among those that have been drawn, which count here;
 * lacking[2p + 1] of problem p's positive side. */
static bool is_lacking(const Blocks *blocks, size_t t, size_t *lacking) {
    bool is = false;
    for (size_t p = 0; p < blocks->count; p++) {
        int8_t side = blocks->task->problem[p].side[t];
        if (side != 0 && lacking[2 * p + (side > 0)] > 0) {
            lacking[2 * p + (side > 0)]--;
            is = true;
        }
    }
    return is;
}

/* The first block: in a random order, those of which a problem lacks one, then the others. */
static bool draw_block(Blocks *blocks, Error *err) {
    size_t n = blocks->n, wanted = n / 8, count = blocks->count;
    size_t *order = malloc(n * sizeof *order), *lacking = malloc(2 * count * sizeof *lacking);
    bool ok = (order && lacking) || error_memory(err, blocks->task->where, n * sizeof *order);
    if (ok) {
        Rng rng;
        rng_seed(&rng, 0);
        rng_permutation(&rng, n, order);
        wanted = wanted < FIRST_LEAST ? FIRST_LEAST : wanted > FIRST_MOST ? FIRST_MOST : wanted;
        wanted = wanted < blocks->most ? wanted : blocks->most;
        for (size_t i = 0; i < 2 * count; i++)
            lacking[i] = FIRST_SIDE;
        for (size_t i = 0; i < n && blocks->members < wanted; i++)
            if (is_lacking(blocks, order[i], lacking)) {
                blocks->member[blocks->members++] = order[i];
                order[i] = n;
            }
        for (size_t i = 0; i < n && blocks->members < wanted; i++)
            if (order[i] < n)
                blocks->member[blocks->members++] = order[i];
        qsort(blocks->member, blocks->members, sizeof *blocks->member, rising);
        rng_permutation(&rng, n, blocks->order);
        blocks->visited = 1;
        for (size_t m = 0; m < blocks->members; m++)
            blocks->order[blocks->member[m]] += n;
        blocks->visited++;
    }
    free(order);
    free(lacking);
    return ok;
}

/* ---- Solving --------------------------------------------------------------------------------- */

static bool is_urgent(const Blocks *blocks, size_t group, size_t t) {
    for (size_t o = 0; o < blocks->opens; o++) {
        size_t p = blocks->open[o];
        if (blocks->task->problem[p].group == group && urge_of(blocks, p, t) > -SLACK)
            return true;
    }
    return false;
}

/* The members that are urgent to a problem of the group. */
static size_t choose_part(const Blocks *blocks, size_t group, size_t *part) {
    size_t count = 0;
    for (size_t m = 0; m < blocks->members; m++)
        if (is_urgent(blocks, group, blocks->member[m]))
            part[count++] = m;
    return count;
}

static void count_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    for (size_t g = first; g < last; g++)
        blocks->part[g] = choose_part(blocks, g, blocks->scratch[worker].part);
}

typedef struct Matrix {
    const float *gram; /* n × n */
    size_t n;
} Matrix;

/* The o-th open problem on the scratch's part, whose matrix that is. */
static bool solve_problem(Blocks *blocks, size_t o, const Matrix *matrix, Scratch *scratch) {
    size_t p = blocks->open[o], count = matrix->n;
    BinaryProblem *problem = &blocks->task->problem[p];
    for (size_t i = 0; i < count; i++) {
        size_t t = blocks->member[scratch->part[i]];
        scratch->y[i] = problem->side[t];
        scratch->C[i] = bound_of(problem, t);
        scratch->beta[i] = problem->alpha[t];
        scratch->error[i] = error_of(blocks, p, t);
    }
    SmoProblem smo = { .gram = matrix->gram,
                       .n = count,
                       .stride = count,
                       .y = scratch->y,
                       .C = scratch->C,
                       .tolerance = STRICTER * problem->tolerance,
                       .stop = asked_to_stop,
                       .context = blocks,
                       .error = scratch->error };
    SmoSolution solution = { .beta = scratch->beta };
    if (!smo_solve(&smo, &solution, NULL))
        return false;
    for (size_t i = 0; i < count; i++) {
        size_t m = scratch->part[i], t = blocks->member[m];
        blocks->moved[m * blocks->opens + o] = scratch->beta[i] - problem->alpha[t];
        problem->alpha[t] = scratch->beta[i];
    }
    problem->b = solution.b;
    return true;
}

/* All open problems of a group on a matrix of their own. */
static bool solve_group(Blocks *blocks, size_t group, Scratch *scratch) {
    const DecomposeTask *task = blocks->task;
    Matrix matrix = { scratch->gram, choose_part(blocks, group, scratch->part) };
    scratch->gathered.rows.n = 0;
    for (size_t i = 0; i < matrix.n; i++)
        gather(&scratch->gathered, task->rows, blocks->member[scratch->part[i]]);
    bool ok = gram_fill(task->kernel, &scratch->gathered.rows, scratch->gram, NULL);
    for (size_t o = 0; ok && o < blocks->opens; o++)
        if (task->problem[blocks->open[o]].group == group)
            ok = solve_problem(blocks, o, &matrix, scratch);
    return ok;
}

static void groups_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    DenormalMode caller = denormals_flush();
    for (size_t g = first; g < last && go_on(blocks, worker); g++)
        if (!solve_group(blocks, g, &blocks->scratch[worker]))
            atomic_store(&blocks->no_memory, true);
    denormals_restore(caller);
}

static void problems_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    Scratch *scratch = &blocks->scratch[worker];
    Matrix matrix = { blocks->gram, blocks->members };
    DenormalMode caller = denormals_flush();
    for (size_t m = 0; m < blocks->members; m++)
        scratch->part[m] = m;
    for (size_t o = first; o < last && go_on(blocks, worker); o++)
        if (!solve_problem(blocks, o, &matrix, scratch))
            atomic_store(&blocks->no_memory, true);
    denormals_restore(caller);
}

/* Are the groups' matrices together smaller than the block's, and each small enough? */
static bool parts_are_small(Blocks *blocks) {
    double area = 0, most = 0, members = (double)blocks->members;
    parallel_for(blocks->groups, 1, count_body, blocks);
    for (size_t g = 0; g < blocks->groups; g++) {
        double part = (double)blocks->part[g];
        area += part * part;
        most = part > most ? part : most;
    }
    return area < members * members && most <= (double)part_most(blocks->most);
}

/* Each group on a part of the block, or all problems on all of it where a part is not small. */
static bool solve_block(Blocks *blocks, Error *err) {
    const DecomposeTask *task = blocks->task;
    memset(blocks->moved, 0, blocks->members * blocks->opens * sizeof(double));
    if (parts_are_small(blocks)) {
        parallel_for(blocks->groups, 1, groups_body, blocks);
    } else {
        blocks->gathered.rows.n = 0;
        for (size_t m = 0; m < blocks->members; m++)
            gather(&blocks->gathered, task->rows, blocks->member[m]);
        if (!gram_fill(task->kernel, &blocks->gathered.rows, blocks->gram, err))
            return false;
        parallel_for(blocks->opens, 1, problems_body, blocks);
    }
    return !atomic_load(&blocks->no_memory) ||
           error_memory(err, task->where, blocks->most * sizeof(double));
}

/* ---- Telling --------------------------------------------------------------------------------- */

static bool any_moved(const Blocks *blocks, size_t m) {
    for (size_t o = 0; o < blocks->opens; o++)
        if (blocks->moved[m * blocks->opens + o] != 0)
            return true;
    return false;
}

/* Leave in the block those whose beta changed in some problem, first those whose rows are known.
 * The others are gathered, and get a place in the cache while there is room. */
static bool keep_moved(Blocks *blocks, Error *err) {
    size_t kept = 0, opens = blocks->opens, bytes = blocks->members * opens * sizeof(double);
    RowCache *cache = &blocks->cache;
    double *moved = malloc(bytes + 1);
    size_t *member = malloc(blocks->members * sizeof *member + 1);
    bool ok = (moved && member) || error_memory(err, blocks->task->where, bytes);
    blocks->gathered.rows.n = 0;
    for (int is_known = 1; ok && is_known >= 0; is_known--) {
        for (size_t m = 0; m < blocks->members; m++) {
            size_t t = blocks->member[m];
            if ((cache->slot[t] != NO_SLOT) != is_known || !any_moved(blocks, m))
                continue;
            memcpy(moved + kept * opens, blocks->moved + m * opens, opens * sizeof(double));
            member[kept++] = t;
            if (!is_known)
                gather(&blocks->gathered, blocks->task->rows, t);
        }
        if (is_known)
            blocks->known = kept;
    }
    if (ok) {
        memcpy(blocks->moved, moved, kept * opens * sizeof(double));
        memcpy(blocks->member, member, kept * sizeof *member);
        blocks->members = kept;
        for (size_t m = blocks->known; m < kept && cache->used < cache->most; m++)
            cache->slot[member[m]] = cache->used++;
    }
    free(moved);
    free(member);
    return ok;
}

/* Values of members with samples, in a tile: the members' rows of it one after the other. */
static void read_tile(const Blocks *blocks, KernelTile tile, double *values) {
    for (size_t i = 0; i < tile.rows; i++) {
        const float *row = blocks->cache.values +
                           blocks->cache.slot[blocks->member[tile.row + i]] * blocks->n +
                           tile.column;
        for (size_t j = 0; j < tile.columns; j++)
            values[i * tile.columns + j] = row[j];
    }
}

/* The same computed, and kept where there is a place: as float32 in any case, so that nobody sees
 * which it was. */
static void compute_tile(const Blocks *blocks, KernelTile tile, float *dots, double *values) {
    const DecomposeTask *task = blocks->task;
    KernelPairs pairs = { task->kernel, &blocks->gathered.rows, task->rows };
    KernelTile gathered = tile;
    gathered.row -= blocks->known;
    kernel_base(&pairs, gathered, dots, values);
    for (size_t i = 0; i < tile.rows; i++) {
        double *value = values + i * tile.columns;
        size_t slot = blocks->cache.slot[blocks->member[tile.row + i]];
        float *row = slot == NO_SLOT ? dots : blocks->cache.values + slot * blocks->n + tile.column;
        kernel_values(task->kernel, value, value, tile.columns);
        for (size_t j = 0; j < tile.columns; j++) {
            row[j] = (float)value[j];
            value[j] = row[j];
        }
    }
}

static void tell_body(void *context, size_t first, size_t last, int worker) {
    Blocks *blocks = context;
    Scratch *scratch = &blocks->scratch[worker];
    size_t opens = blocks->opens, members = blocks->members, known = blocks->known;
    size_t samples = last - first;
    if (!go_on(blocks, worker) || members == 0)
        return;
    DenormalMode caller = denormals_flush();
    for (size_t m = 0, next; m < members; m = next) {
        size_t end = m < known ? known : members;
        next = end - m < COLUMNS ? end : m + COLUMNS;
        KernelTile tile = { m, next - m, first, samples };
        progress_let_attend();
        if (m < known)
            read_tile(blocks, tile, scratch->base);
        else
            compute_tile(blocks, tile, scratch->dots, scratch->base);
        blas_dgemm(true, false, samples, opens, next - m, 1, scratch->base, samples,
                   blocks->moved + m * opens, opens, m > 0, scratch->told, opens);
    }
    for (size_t i = 0; i < samples; i++)
        for (size_t o = 0; o < opens; o++)
            blocks->sum[(first + i) * blocks->count + blocks->open[o]] +=
                scratch->told[i * opens + o];
    denormals_restore(caller);
}

/* ---- The rounds ------------------------------------------------------------------------------ */

static bool take_round(Blocks *blocks, Error *err) {
    if (!solve_block(blocks, err) || !keep_moved(blocks, err))
        return false;
    parallel_for(blocks->n, ROWS, tell_body, blocks);
    if (!asked_to_stop(blocks))
        parallel_for(blocks->opens, 1, judge_body, blocks);
    return true;
}

static bool run(Blocks *blocks, Error *err) {
    bool ok = draw_block(blocks, err);
    list_open(blocks);
    while (ok && blocks->opens > 0 && !asked_to_stop(blocks)) {
        ok = take_round(blocks, err);
        size_t solved = ok && !asked_to_stop(blocks) ? list_open(blocks) : 0;
        if (ok && !progress_step(blocks->progress, (double)solved, NULL))
            atomic_store(&blocks->stop, true);
        ok = ok && (blocks->opens == 0 || choose_block(blocks, err));
    }
    return ok;
}

/* The intercepts, and the sums where they are asked for. */
static void answer(const Blocks *blocks) {
    for (size_t p = 0; p < blocks->count; p++)
        for (size_t t = 0; blocks->task->problem[p].value && t < blocks->n; t++)
            blocks->task->problem[p].value[t] = blocks->sum[t * blocks->count + p];
}

bool decompose_solve(DecomposeTask *task, Progress *progress, Error *err) {
    Blocks blocks = { .task = task, .progress = progress };
    bool ok = blocks_init(&blocks, err);
    if (ok) {
        progress_begin(progress, "training SVMs", (double)task->count);
        ok = run(&blocks, err);
        progress_end(progress);
        task->solved = ok && blocks.opens == 0;
        if (task->solved)
            answer(&blocks);
    }
    blocks_clear(&blocks);
    return ok;
}
