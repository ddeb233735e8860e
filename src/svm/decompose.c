#include "svm/decompose.h"

#include "core/blas.h"
#include "core/denormals.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "svm/gram.h"
#include "svm/kernel_source.h"
#include "svm/matrix_memory.h"
#include "svm/product.h"
#include "svm/smo.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Samples of a part where nobody says how much memory there is, and at the least and the most. */
enum { PART_USUAL = 6144, PART_LEAST = 512, PART_MOST = 12288 };

/* Groups that are solved at the same time where there is no matrix, by however many threads. */
enum { AT_ONCE = 4 };

/* Values that are kept where nobody says how much memory there is. */
static const double KEPT_BYTES = 2e9;

/* Samples of the first part, which is drawn, and at least of either side of each problem. */
enum { FIRST_MOST = 4096, FIRST_LEAST = 2048, FIRST_SIDE = 16 };

/* Samples and members of a tile of the kernel matrix. */
enum { ROWS = 256, COLUMNS = 512 };

/* Samples whose error is that close to violating a problem's conditions are in the part as well, or
 * so many times closer as the worst is beyond them: most would violate them in the next round. */
static const double SLACK = 0.1, NEAR = 2;

/* Below such a tolerance, for betas and kernel values up to 1, the sums' rounding in float32, some
 * 1e-6, would be too much of it. */
static const double FINE = 1e-5;

/* Rounds in which a problem may come no closer to its solution, and with errors that are rounded to
 * float32 on the way. Where parts are common ones it waits for those that all samples take beside,
 * TURNS times over and once. */
enum { PATIENCE = 50, PATIENCE_COARSE = 3, TURNS = 4 };

/* Samples of a common part where values cost little, and problems for which it is worth it where
 * there is a matrix. */
enum { COMMON_MOST = 4096, SHARED_FROM = 6 };

/* Of a whole matrix: a part that so many times over is more than all samples is all of them. */
static const double MUCH = 1.5;

/* Problems are solved a little better on their part than they are judged on everything, where the
 * sums are rounded otherwise; but no better than a share of what is wrong still. */
static const double STRICTER = 0.8, SHARE = 0.05;

/* Where a problem stands: mid is halfway between the largest error of the samples whose beta may
 * rise, `top`, and the smallest of those whose may fall, `bottom`; these are `apart`. */
typedef struct Standing {
    double mid, apart;
    size_t top, bottom;
    double closest; /* the least that they have been apart, */
    size_t since;   /* and for how many rounds they have come no closer */
    size_t taken;   /* iterations */
} Standing;

/* The samples that a group's problems are solved on, in rising order. */
typedef struct Part {
    size_t *sample, samples;
} Part;

/* The scratch of a worker. */
typedef struct Scratch {
    unsigned char *eager; /* n: see Eager */
    SourceRows rows;      /* of a part's matrix */
    int8_t *y;            /* of the part's samples, and what follows */
    double *C, *beta, *error;
    float *diagonal;
    double *base; /* of a tile, and what follows */
    float *values, *moved, *told;
    double *fine, *sums;
} Scratch;

typedef struct Rounds {
    DecomposeTask *task;
    size_t n, count;     /* samples, problems */
    double *sum;         /* count × n */
    double *told;        /* count × n: the betas that the sums know of */
    Standing *standing;  /* of each problem */
    size_t *open, opens; /* the problems that are not solved */
    size_t groups;
    Rng rng;
    size_t *order;       /* n: each sample's place in a random order */
    uint16_t *visits;    /* n: how many common parts a sample has been in */
    size_t turn;         /* so many have all samples once; 0 as long as none was made */
    size_t *unit, units; /* where in `open` those begin that one worker solves, of one group */
    Part *part;          /* of each group, and at the end the common one */
    bool common;         /* the common part is solved, problem by problem, else unit by unit: */
    size_t pieces;       /* so many, */
    atomic_size_t next;  /* and the first that nobody has taken */
    size_t *changed;     /* samples whose beta has changed in this round */
    double *moved;       /* what the open problems' betas changed by: for the members of each tile
                            opens × members of numbers */
    bool fine;           /* sums are asked for that take double precision */
    KernelSource source;
    size_t room;   /* floats for a part's matrix */
    float *matrix; /* of those that solve */
    Scratch *scratch;
    int workers, solvers;
    Progress *progress;
    atomic_bool stop, no_memory;
} Rounds;

/* ---- Memory ---------------------------------------------------------------------------------- */

size_t decompose_part(size_t n, double memory) {
    size_t most = PART_USUAL;
    if (memory > 0) { /* a third of it for the parts, whatever the number of threads */
        double side = sqrt(memory / 3 / AT_ONCE / sizeof(float));
        most = side < PART_LEAST ? PART_LEAST : side > PART_MOST ? PART_MOST : (size_t)side;
    }
    return n < most ? n : most;
}

static double part_bytes(size_t n, double memory) {
    double most = (double)decompose_part(n, memory);
    return sizeof(float) * most * most * AT_ONCE;
}

/* The samples whose values are kept. Half of all are more than support vectors are as a rule, and
 * narrow rows are computed as fast as values are read. */
static size_t kept_samples(size_t n, size_t features, double memory) {
    double each = (double)n * sizeof(float),
           bytes = memory > 0 ? memory - part_bytes(n, memory) : KEPT_BYTES;
    if (features <= KERNEL_NARROW || bytes < each)
        return 0;
    return bytes / each < (double)n / 2 ? (size_t)(bytes / each) : n / 2;
}

double decompose_bytes(size_t n, double memory) {
    return part_bytes(n, memory) +
           (double)kept_samples(n, KERNEL_NARROW + 1, memory) * (double)n * sizeof(float);
}

static void scratch_clear(Scratch *scratch) {
    source_rows_clear(&scratch->rows);
    free(scratch->eager);
    free(scratch->y);
    free(scratch->C);
    free(scratch->beta);
    free(scratch->error);
    free(scratch->diagonal);
    free(scratch->base);
    free(scratch->values);
    free(scratch->moved);
    free(scratch->told);
    free(scratch->fine);
    free(scratch->sums);
}

static bool scratch_init(const Rounds *rounds, int worker) {
    Scratch *scratch = &rounds->scratch[worker];
    size_t n = rounds->n, tile = (size_t)ROWS * COLUMNS;
    scratch->base = malloc(tile * sizeof(double));
    scratch->values = malloc(tile * sizeof(float));
    scratch->moved = malloc(COLUMNS * rounds->count * sizeof(float));
    scratch->told = malloc(ROWS * rounds->count * sizeof(float));
    scratch->fine = malloc(ROWS * rounds->count * sizeof(double));
    scratch->sums = malloc(ROWS * rounds->count * sizeof(double));
    scratch->eager = malloc(n);
    bool ok = scratch->base && scratch->values && scratch->moved && scratch->told &&
              scratch->fine && scratch->sums && scratch->eager;
    if (!ok || worker >= rounds->solvers)
        return ok;
    scratch->y = malloc(n);
    scratch->C = malloc(n * sizeof(double));
    scratch->beta = malloc(n * sizeof(double));
    scratch->error = malloc(n * sizeof(double));
    scratch->diagonal = malloc(n * sizeof(float));
    return scratch->y && scratch->C && scratch->beta && scratch->error && scratch->diagonal &&
           source_rows_init(&scratch->rows, &rounds->source,
                            rounds->matrix + (size_t)worker * rounds->room, rounds->room);
}

static void rounds_clear(Rounds *rounds) {
    for (size_t g = 0; rounds->part && g <= rounds->groups; g++)
        free(rounds->part[g].sample);
    for (int w = 0; rounds->scratch && w < rounds->workers; w++)
        scratch_clear(&rounds->scratch[w]);
    matrix_give(rounds->matrix);
    free(rounds->scratch);
    free(rounds->sum);
    free(rounds->told);
    free(rounds->standing);
    free(rounds->open);
    free(rounds->unit);
    free(rounds->order);
    free(rounds->visits);
    free(rounds->part);
    free(rounds->changed);
    free(rounds->moved);
    kernel_source_clear(&rounds->source);
}

static bool take_memory(Rounds *rounds) {
    size_t n = rounds->n, count = rounds->count;
    rounds->sum = calloc(n * count, sizeof(double));
    rounds->told = calloc(n * count, sizeof(double));
    rounds->standing = calloc(count, sizeof *rounds->standing);
    rounds->open = malloc(count * sizeof *rounds->open);
    rounds->unit = malloc((count + 1) * sizeof *rounds->unit);
    rounds->order = malloc(n * sizeof *rounds->order);
    rounds->visits = calloc(n, sizeof *rounds->visits);
    rounds->part = calloc(rounds->groups + 1, sizeof *rounds->part);
    rounds->changed = malloc(n * sizeof *rounds->changed);
    size_t rooms = rounds->task->matrix ? (size_t)rounds->solvers : AT_ONCE; /* a common part's */
    rounds->matrix = matrix_take(rooms * rounds->room * sizeof(float));
    rounds->scratch = calloc((size_t)rounds->workers, sizeof *rounds->scratch);
    bool ok = rounds->sum && rounds->told && rounds->standing && rounds->open && rounds->unit &&
              rounds->order && rounds->visits && rounds->part && rounds->changed &&
              rounds->matrix && rounds->scratch && kernel_source_init(&rounds->source);
    for (int w = 0; ok && w < rounds->workers; w++)
        ok = scratch_init(rounds, w);
    return ok;
}

/* Of a whole matrix every solver has its share, which no bit depends on: rows come again. */
static size_t room_of(const Rounds *rounds, double memory) {
    size_t n = rounds->n, part = decompose_part(n, memory);
    double share = DECOMPOSE_SHARE * (double)n * (double)n / rounds->solvers;
    if (!rounds->task->matrix || (double)part * (double)part < share)
        return part * part;
    return share > 4 * (double)n ? (size_t)share : 4 * n;
}

static bool wants_fine(const Rounds *rounds) {
    double largest = 0;
    bool fine = false;
    for (size_t t = 0; t < rounds->n; t++)
        largest = fmax(largest, fabs((double)rounds->source.diagonal[t]));
    for (size_t p = 0; p < rounds->count; p++) {
        const BinaryProblem *problem = &rounds->task->problem[p];
        double C = problem->C * fmax(problem->positive, problem->negative);
        fine |= problem->tolerance < FINE * fmax(1, C * largest);
    }
    return fine;
}

static bool rounds_init(Rounds *rounds, Error *err) {
    const DecomposeTask *task = rounds->task;
    size_t n = rounds->n = task->rows->n;
    double memory = task->matrix ? 0 : task->memory;
    rounds->count = task->count;
    rounds->workers = rounds->solvers = parallel_threads();
    if (task->count < (size_t)rounds->solvers)
        rounds->solvers = (int)task->count;
    if (!task->matrix && rounds->solvers > AT_ONCE)
        rounds->solvers = AT_ONCE;
    rounds->room = room_of(rounds, memory);
    rounds->source = (KernelSource){ .kernel = task->kernel,
                                     .rows = task->rows,
                                     .whole = task->matrix,
                                     .most = kept_samples(n, task->rows->features, memory) };
    for (size_t p = 0; p < task->count; p++) {
        memset(task->problem[p].alpha, 0, n * sizeof(double));
        if (task->problem[p].group >= rounds->groups)
            rounds->groups = task->problem[p].group + 1; /* at most as many as problems */
    }
    if (!take_memory(rounds))
        return error_memory(err, task->where, (size_t)decompose_bytes(n, memory));
    for (size_t t = 0; !task->matrix && t < n; t++) /* no kernel has larger ones elsewhere */
        if (!gram_is_value(rounds->source.diagonal[t]))
            return gram_refuse_value(task->where, task->kernel,
                                     &(SamplePair){ t, t, rounds->source.diagonal[t] }, err);
    rounds->fine = wants_fine(rounds);
    return true;
}

/* ---- Judging --------------------------------------------------------------------------------- */

static bool asked_to_stop(void *context) {
    Rounds *rounds = context;
    if (progress_interrupt_pending())
        atomic_store(&rounds->stop, true);
    return atomic_load(&rounds->stop);
}

/* The calling thread shows that we are alive, and hears whether to stop. */
static bool go_on(Rounds *rounds, int worker) {
    if (worker == 0 && !progress_step(rounds->progress, 0, NULL))
        atomic_store(&rounds->stop, true);
    return !asked_to_stop(rounds);
}

static double error_of(const Rounds *rounds, size_t p, size_t t) {
    return rounds->task->problem[p].side[t] - rounds->sum[p * rounds->n + t];
}

static void judge_body(void *context, size_t first, size_t last, int worker) {
    Rounds *rounds = context;
    (void)worker;
    for (size_t o = first; o < last; o++) {
        size_t p = rounds->open[o];
        const BinaryProblem *problem = &rounds->task->problem[p];
        Standing *standing = &rounds->standing[p];
        ProblemEdges edges = PROBLEM_EDGES;
        for (size_t t = 0; t < rounds->n; t++)
            problem_look(problem, t, error_of(rounds, p, t), &edges);
        standing->top = edges.top;
        standing->bottom = edges.bottom;
        standing->apart = edges.most - edges.least;
        standing->mid = (edges.most + edges.least) / 2;
        standing->since = standing->apart < standing->closest ? 0 : standing->since + 1;
        standing->closest = fmin(standing->closest, standing->apart);
    }
}

/* A problem that comes no closer is as solved as numbers allow, like one that the solver itself has
 * given up (smo.h). */
static bool is_open(const Rounds *rounds, size_t p) {
    const Standing *standing = &rounds->standing[p];
    return standing->apart >= rounds->task->problem[p].tolerance &&
           standing->since < PATIENCE + TURNS * rounds->turn &&
           standing->taken < smo_limit(rounds->n);
}

/* Which problems are open, group by group; says how many are not any more. */
static size_t list_open(Rounds *rounds) {
    const BinaryProblem *problem = rounds->task->problem;
    size_t before = rounds->opens;
    rounds->opens = 0;
    for (size_t g = 0; g < rounds->groups; g++)
        for (size_t p = 0; p < rounds->count; p++)
            if (problem[p].group == g && is_open(rounds, p))
                rounds->open[rounds->opens++] = p;
    return before - rounds->opens;
}

/* A group's problems have about the same part: where there are groups for all who solve, one of
 * them does all of a group's. */
static void list_units(Rounds *rounds) {
    for (int together = 1; together >= 0; together--) {
        rounds->units = 0;
        for (size_t o = 0; o < rounds->opens; o++) {
            const BinaryProblem *problem = rounds->task->problem;
            bool begins =
                o == 0 || problem[rounds->open[o]].group != problem[rounds->open[o - 1]].group;
            if (begins || !together)
                rounds->unit[rounds->units++] = o;
        }
        rounds->unit[rounds->units] = rounds->opens;
        if (rounds->units >= (size_t)rounds->solvers)
            return;
    }
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* What a sample is to a group: it violates the conditions of a problem, or is near to it. */
typedef enum Eager { EAGER_NOT, EAGER_SOON, EAGER_NOW } Eager;

/* Of all samples, to the open problems of a group, or of all where that is no group. Errors are
 * measured from where the last part had b, or the nearest place between the two that are furthest
 * off, so that these two violate. From halfway between them most samples would, where a few are far
 * off. */
static void mark_eager(const Rounds *rounds, size_t group, unsigned char *eager) {
    const BinaryProblem *problem = rounds->task->problem;
    memset(eager, EAGER_NOT, rounds->n);
    for (size_t o = 0; o < rounds->opens; o++) {
        size_t p = rounds->open[o];
        const Standing *standing = &rounds->standing[p];
        if (problem[p].group != group && group < rounds->groups)
            continue;
        double slack = fmin(SLACK, NEAR * standing->apart);
        double b = problem_settle(problem[p].b, standing->mid, standing->apart);
        for (size_t t = 0; t < rounds->n; t++) {
            double urge = problem_urge(&problem[p], t, error_of(rounds, p, t), b);
            if (urge > problem[p].tolerance / 2)
                eager[t] = EAGER_NOW;
            else if (urge > -slack && eager[t] == EAGER_NOT)
                eager[t] = EAGER_SOON;
        }
    }
}

typedef struct Candidate {
    size_t rank, sample;
} Candidate;

static int earlier(const void *a, const void *b) {
    const Candidate *left = a, *right = b;
    return left->rank < right->rank ? -1 : left->rank > right->rank;
}

static int rising(const void *a, const void *b) {
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* The eager samples of a group, which may be none. */
static bool choose_part(Rounds *rounds, size_t group, unsigned char *eager) {
    Part *part = &rounds->part[group];
    size_t count = 0;
    mark_eager(rounds, group, eager);
    for (size_t t = 0; t < rounds->n; t++)
        count += eager[t] != EAGER_NOT;
    if (rounds->task->matrix && MUCH * (double)count > (double)rounds->n) {
        memset(eager, EAGER_SOON, rounds->n); /* whole rows need no copy */
        count = rounds->n;
    }
    free(part->sample);
    *part = (Part){ malloc(count * sizeof *part->sample + 1), 0 };
    for (size_t t = 0; part->sample && t < rounds->n; t++)
        if (eager[t] != EAGER_NOT)
            part->sample[part->samples++] = t;
    return part->sample != NULL;
}

static void choose_body(void *context, size_t first, size_t last, int worker) {
    Rounds *rounds = context;
    for (size_t g = first; g < last; g++)
        if (!choose_part(rounds, g, rounds->scratch[worker].eager))
            atomic_store(&rounds->no_memory, true);
}

/* Samples of a common part at most, for any number of threads. Where values cost little, small ones
 * that stay in a cache are the quickest. Of a matrix half of the memory that parts have is less
 * than what room_of gives all solvers; or it gives each room for PART_USUAL. */
_Static_assert((int)COMMON_MOST <= (int)PART_USUAL, "a common part has room");
static size_t common_most(const Rounds *rounds) {
    bool matrix = rounds->task->matrix, cheap = rounds->task->rows->features <= KERNEL_NARROW;
    double most = matrix ? sqrt(DECOMPOSE_SHARE / 2) * (double)rounds->n
                         : sqrt(AT_ONCE * (double)rounds->room);
    return (matrix || cheap) && most > COMMON_MOST ? COMMON_MOST : (size_t)most;
}

/* Is one part for all better than each group's own? Without a matrix where these have no room; of a
 * matrix where most groups would have all samples, whose rows no cache holds, and a part has room
 * for what each problem must have. */
static bool wants_common(const Rounds *rounds) {
    size_t wanting = 0, whole = 0;
    bool fit = true;
    if (rounds->task->matrix &&
        (rounds->opens < SHARED_FROM || common_most(rounds) < 2 * rounds->opens))
        return false;
    for (size_t g = 0; g < rounds->groups; g++) {
        size_t samples = rounds->part[g].samples;
        wanting += samples > 0;
        whole += samples == rounds->n;
        fit = fit && samples * samples <= rounds->room;
    }
    return rounds->task->matrix ? 2 * whole > wanting : !fit;
}

/* Have most open problems come closer in the last round? */
static bool gains(const Rounds *rounds) {
    size_t gaining = 0;
    for (size_t o = 0; o < rounds->opens; o++)
        gaining += rounds->standing[rounds->open[o]].since == 0;
    return 2 * gaining > rounds->opens;
}

/* A part for all groups: of the eager samples those that have been in it least, in an order that is
 * drawn anew: each part is solved, so that what is wrong still is between the samples of different
 * ones. Those that violate a problem's conditions come first as long as that gains; all other betas
 * stay what they are, and a part of like samples moves b away from what it is on everything. */
static bool choose_common(Rounds *rounds, Error *err) {
    size_t n = rounds->n, count = 0, side = common_most(rounds);
    unsigned char *eager = rounds->scratch[0].eager;
    Part *part = &rounds->part[rounds->groups];
    Candidate *candidate = malloc(n * sizeof *candidate);
    free(part->sample);
    *part = (Part){ malloc(side * sizeof *part->sample), 0 };
    if (!candidate || !part->sample) {
        free(candidate);
        return error_memory(err, rounds->task->where, n * sizeof *candidate);
    }
    mark_eager(rounds, rounds->groups, eager);
    rng_permutation(&rounds->rng, n, rounds->order);
    const size_t later = gains(rounds) ? SIZE_MAX / 2 : 0;
    for (size_t t = 0; t < n; t++)
        if (eager[t] != EAGER_NOT)
            candidate[count++] = (Candidate){ n + rounds->visits[t] * n + rounds->order[t] +
                                                  (eager[t] == EAGER_NOW ? 0 : later),
                                              t };
    for (size_t i = 0; i < count; i++)
        for (size_t o = 0; o < rounds->opens; o++) {
            const Standing *standing = &rounds->standing[rounds->open[o]];
            if (candidate[i].sample == standing->top || candidate[i].sample == standing->bottom)
                candidate[i].rank = rounds->order[candidate[i].sample]; /* every round gets on */
        }
    qsort(candidate, count, sizeof *candidate, earlier);
    rounds->turn = n / side + 1;
    part->samples = count < side ? count : side;
    for (size_t i = 0; i < part->samples; i++) {
        size_t t = part->sample[i] = candidate[i].sample;
        rounds->visits[t] += rounds->visits[t] < UINT16_MAX;
    }
    qsort(part->sample, part->samples, sizeof *part->sample, rising);
    free(candidate);
    return true;
}

/* Whether a problem lacks samples on t's side among those that have been drawn, which count here;
 * lacking[2p + 1] of problem p's positive side. */
static bool is_lacking(const Rounds *rounds, size_t t, size_t *lacking) {
    bool is = false;
    for (size_t p = 0; p < rounds->count; p++) {
        int8_t side = rounds->task->problem[p].side[t];
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all are set
        if (side != 0 && lacking[2 * p + (side > 0)] > 0) {
            lacking[2 * p + (side > 0)]--;
            is = true;
        }
    }
    return is;
}

/* The first part, of all groups: in a random order, those of which a problem lacks one, then the
 * others. */
static bool draw_parts(Rounds *rounds, Error *err) {
    size_t n = rounds->n, wanted = n / 8, count = rounds->count, draws = 0;
    size_t most = rounds->task->matrix ? n : (size_t)sqrt((double)rounds->room);
    size_t *order = malloc(n * sizeof *order), *lacking = malloc(2 * count * sizeof *lacking);
    wanted = wanted < FIRST_LEAST ? FIRST_LEAST : wanted > FIRST_MOST ? FIRST_MOST : wanted;
    wanted = wanted < most ? wanted : most;
    size_t *drawn = malloc(wanted * sizeof *drawn);
    bool ok = order && lacking && drawn;
    if (ok) {
        rng_seed(&rounds->rng, 0);
        rng_permutation(&rounds->rng, n, order);
        for (size_t i = 0; i < 2 * count; i++)
            lacking[i] = FIRST_SIDE;
        for (size_t i = 0; i < n && draws < wanted; i++)
            if (is_lacking(rounds, order[i], lacking)) {
                drawn[draws++] = order[i];
                order[i] = n;
            }
        for (size_t i = 0; i < n && draws < wanted; i++)
            if (order[i] < n)
                drawn[draws++] = order[i];
        qsort(drawn, draws, sizeof *drawn, rising);
    }
    for (size_t g = 0; ok && g < rounds->groups; g++) {
        Part *part = &rounds->part[g];
        *part = (Part){ malloc(draws * sizeof *drawn + 1), draws };
        ok = part->sample != NULL;
        if (ok)
            memcpy(part->sample, drawn, draws * sizeof *drawn);
    }
    free(order);
    free(lacking);
    free(drawn);
    return ok || error_memory(err, rounds->task->where, n * sizeof *order);
}

/* ---- Solving --------------------------------------------------------------------------------- */

/* Problem p on a part, whose matrix is `gram` or the scratch's rows. */
static bool solve_problem(Rounds *rounds, size_t p, const Part *part, const float *gram,
                          Scratch *scratch) {
    BinaryProblem *problem = &rounds->task->problem[p];
    double share = SHARE * rounds->standing[p].apart, most = STRICTER * problem->tolerance;
    for (size_t i = 0; i < part->samples; i++) {
        size_t t = part->sample[i];
        scratch->y[i] = problem->side[t];
        scratch->C[i] = problem_bound(problem, t);
        scratch->beta[i] = problem->alpha[t];
        scratch->error[i] = error_of(rounds, p, t);
        scratch->diagonal[i] = rounds->source.diagonal[t];
    }
    SmoProblem smo = { .gram = gram,
                       .row = source_row,
                       .rows = &scratch->rows,
                       .diagonal = scratch->diagonal,
                       .n = part->samples,
                       .stride = part->samples,
                       .y = scratch->y,
                       .C = scratch->C,
                       .tolerance = share > most ? share : most,
                       .stop = asked_to_stop,
                       .context = rounds,
                       .error = scratch->error,
                       .coarse = !rounds->fine &&
                                 rounds->standing[p].since < PATIENCE_COARSE + rounds->turn };
    SmoSolution solution = { .beta = scratch->beta };
    if (!smo_solve(&smo, &solution, NULL))
        return false;
    for (size_t i = 0; i < part->samples; i++)
        problem->alpha[part->sample[i]] = scratch->beta[i];
    rounds->standing[p].taken += solution.iterations;
    problem->b = solution.b;
    return true;
}

static bool solve_unit(Rounds *rounds, size_t u, Scratch *scratch, int worker) {
    size_t first = rounds->unit[u], last = rounds->unit[u + 1];
    const Part *part = &rounds->part[rounds->task->problem[rounds->open[first]].group];
    bool ok = source_rows_begin(&scratch->rows, part->sample, part->samples, NULL);
    for (size_t o = first; ok && o < last && go_on(rounds, worker); o++)
        ok = solve_problem(rounds, rounds->open[o], part, NULL, scratch);
    return ok;
}

/* One who solves takes unit after unit, or problem after problem of the common part; `first` is its
 * number. */
static void solve_body(void *context, size_t first, size_t last, int worker) {
    Rounds *rounds = context;
    (void)last;
    Scratch *scratch = &rounds->scratch[first];
    const Part *common = &rounds->part[rounds->groups];
    DenormalMode caller = denormals_flush();
    for (size_t i; (i = atomic_fetch_add(&rounds->next, 1)) < rounds->pieces;) {
        if (!go_on(rounds, worker))
            break;
        bool ok = rounds->common
                      ? solve_problem(rounds, rounds->open[i], common, rounds->matrix, scratch)
                      : solve_unit(rounds, i, scratch, worker);
        if (!ok)
            atomic_store(&rounds->no_memory, true);
    }
    denormals_restore(caller);
}

static bool fill_common(Rounds *rounds, Error *err) {
    const Part *part = &rounds->part[rounds->groups];
    for (int k = 0; k < rounds->solvers; k++)
        source_rows_forget(&rounds->scratch[k].rows);
    return kernel_source_matrix(&rounds->source, part->sample, part->samples, rounds->matrix, err);
}

/* Each group on its part, or all on one. */
static bool solve(Rounds *rounds, bool common, Error *err) {
    if (common && !fill_common(rounds, err))
        return false;
    list_units(rounds);
    rounds->task->rounds++;
    rounds->task->common += common;
    rounds->common = common;
    rounds->pieces = common ? rounds->opens : rounds->units;
    atomic_store(&rounds->next, 0);
    if (rounds->pieces == 1 && !common)
        solve_body(rounds, 0, 1, 0); /* what it calls can use all threads */
    else
        parallel_for((size_t)rounds->solvers, 1, solve_body, rounds);
    return !atomic_load(&rounds->no_memory) ||
           error_memory(err, rounds->task->where, rounds->room * sizeof(float));
}

static bool choose_and_solve(Rounds *rounds, Error *err) {
    parallel_for(rounds->groups, 1, choose_body, rounds);
    if (atomic_load(&rounds->no_memory))
        return error_memory(err, rounds->task->where, rounds->n * sizeof(size_t));
    bool common = wants_common(rounds);
    return (!common || choose_common(rounds, err)) && solve(rounds, common, err);
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* Where rows are wanted and there is no room, those of samples go that are no support vectors. */
static void make_room(Rounds *rounds) {
    unsigned char *wanted = rounds->scratch[0].eager;
    memset(wanted, 0, rounds->n);
    for (size_t p = 0; p < rounds->count; p++)
        for (size_t t = 0; t < rounds->n; t++)
            wanted[t] |= rounds->task->problem[p].alpha[t] != 0;
    kernel_source_drop(&rounds->source, wanted);
}

/* The samples whose beta is not what the sums know, as members. */
static bool choose_members(Rounds *rounds, Error *err) {
    size_t n = rounds->n, changes = 0;
    for (size_t t = 0; t < n; t++) {
        bool moved = false;
        for (size_t o = 0; o < rounds->opens && !moved; o++) {
            size_t p = rounds->open[o];
            moved = rounds->task->problem[p].alpha[t] != rounds->told[p * n + t];
        }
        if (moved)
            rounds->changed[changes++] = t;
    }
    if (rounds->source.idles < changes)
        make_room(rounds);
    return kernel_source_choose(&rounds->source, rounds->changed, changes, err);
}

/* What the betas changed by, laid out as tell_body's products want it; they count as told. */
static bool note_moved(Rounds *rounds, Error *err) {
    const KernelSource *source = &rounds->source;
    size_t opens = rounds->opens, bytes = source->members * opens * sizeof *rounds->moved;
    free(rounds->moved);
    rounds->moved = malloc(bytes + 1);
    if (!rounds->moved)
        return error_memory(err, rounds->task->where, bytes);
    for (size_t m = 0, end; m < source->members; m = end) {
        double *moved = rounds->moved + m * opens;
        end = kernel_source_end(source, m, COLUMNS);
        for (size_t o = 0; o < opens; o++)
            for (size_t i = m; i < end; i++) {
                size_t p = rounds->open[o], t = source->member[i];
                double *told = &rounds->told[p * rounds->n + t];
                moved[o * (end - m) + i - m] = rounds->task->problem[p].alpha[t] - *told;
                *told = rounds->task->problem[p].alpha[t];
            }
    }
    return true;
}

/* sums (opens × samples) += moved (opens × members) · values (members × samples). */
static void add_tile(const Rounds *rounds, Scratch *scratch, size_t members, size_t samples,
                     const double *moved) {
    size_t opens = rounds->opens;
    if (rounds->fine) {
        for (size_t i = 0; i < members * samples; i++)
            scratch->base[i] = scratch->values[i];
        blas_dgemm(false, false, opens, samples, members, 1, moved, members, scratch->base, samples,
                   0, scratch->fine, samples);
        for (size_t i = 0; i < opens * samples; i++)
            scratch->sums[i] += scratch->fine[i];
        return;
    }
    for (size_t i = 0; i < opens * members; i++)
        scratch->moved[i] = (float)moved[i];
    if (!product_sum(opens, members, samples, scratch->moved, scratch->values, scratch->told))
        blas_sgemm(false, false, opens, samples, members, 1, scratch->moved, members,
                   scratch->values, samples, 0, scratch->told, samples);
    for (size_t i = 0; i < opens * samples; i++)
        scratch->sums[i] += scratch->told[i];
}

static void tell_body(void *context, size_t first, size_t last, int worker) {
    Rounds *rounds = context;
    Scratch *scratch = &rounds->scratch[worker];
    const KernelSource *source = &rounds->source;
    size_t opens = rounds->opens, samples = last - first;
    if (!go_on(rounds, worker))
        return;
    DenormalMode caller = denormals_flush();
    KernelRows columns = kernel_source_columns(source, first, samples);
    memset(scratch->sums, 0, opens * samples * sizeof(double));
    for (size_t m = 0, end; m < source->members; m = end) {
        end = kernel_source_end(source, m, COLUMNS);
        progress_let_attend();
        kernel_source_tile(source, (KernelTile){ m, end - m, first, samples }, &columns,
                           scratch->base, scratch->values);
        add_tile(rounds, scratch, end - m, samples, rounds->moved + m * opens);
    }
    kernel_rows_clear(&columns);
    for (size_t o = 0; o < opens; o++)
        for (size_t i = 0; i < samples; i++)
            rounds->sum[rounds->open[o] * rounds->n + first + i] += scratch->sums[o * samples + i];
    denormals_restore(caller);
}

/* ---- The rounds ------------------------------------------------------------------------------ */

static bool tell(Rounds *rounds, Error *err) {
    if (!choose_members(rounds, err) || !note_moved(rounds, err))
        return false;
    parallel_for(rounds->n, ROWS, tell_body, rounds);
    if (!asked_to_stop(rounds))
        parallel_for(rounds->opens, 1, judge_body, rounds);
    return true;
}

static bool run(Rounds *rounds, Error *err) {
    for (size_t p = 0; p < rounds->count; p++) /* errors are 1 and −1 */
        rounds->standing[p] = (Standing){ .apart = 2, .closest = INFINITY };
    list_open(rounds);
    bool ok = draw_parts(rounds, err) && solve(rounds, false, err);
    while (ok && !asked_to_stop(rounds)) {
        ok = tell(rounds, err);
        size_t solved = ok && !asked_to_stop(rounds) ? list_open(rounds) : 0;
        if (ok && !progress_step(rounds->progress, (double)solved, NULL))
            atomic_store(&rounds->stop, true);
        if (rounds->opens == 0)
            break;
        ok = ok && choose_and_solve(rounds, err);
    }
    return ok;
}

/* b by all samples, whether it is solved, and the sums where they are asked for. */
static void answer(const Rounds *rounds) {
    for (size_t p = 0; p < rounds->count; p++) {
        BinaryProblem *problem = &rounds->task->problem[p];
        const Standing *standing = &rounds->standing[p];
        problem->b = problem_settle(problem->b, standing->mid, standing->apart);
        problem->unsolved = standing->apart >= problem->tolerance;
        if (problem->value)
            memcpy(problem->value, rounds->sum + p * rounds->n, rounds->n * sizeof(double));
    }
}

bool decompose_solve(DecomposeTask *task, Progress *progress, Error *err) {
    Rounds rounds = { .task = task, .progress = progress };
    task->rounds = task->common = 0;
    bool ok = rounds_init(&rounds, err);
    if (ok) {
        progress_begin(progress, "training SVMs", (double)task->count);
        ok = run(&rounds, err);
        progress_end(progress);
        task->solved = ok && rounds.opens == 0;
        if (task->solved)
            answer(&rounds);
    }
    rounds_clear(&rounds);
    return ok;
}
