#include "svm/train.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t functions_of(const Labels *classes) {
    return classes->count == 2 ? 1 : classes->count;
}

/* The label on the positive side of function f. */
static int32_t positive_label(const Labels *classes, size_t f) {
    return classes->label[classes->count == 2 ? 1 : f];
}

static double weight_of(const SvcParams *params, int32_t label) {
    for (size_t i = 0; i < params->weights; i++)
        if (params->weighted[i] == label)
            return params->weight[i];
    return 1;
}

void machine_clear(Machine *machine) {
    free(machine->support);
    free(machine->alpha);
    free(machine->b);
    free(machine->present);
    *machine = (Machine){ .C = machine->C, .held_out = machine->held_out };
}

static bool machine_init(const char *where, const TrainingSet *set, Machine *machine, Error *err) {
    size_t functions = functions_of(set->classes);
    machine->functions = functions;
    machine->b = calloc(functions, sizeof *machine->b);
    machine->present = calloc(functions, sizeof *machine->present);
    return (machine->b && machine->present) ||
           error_memory(err, where, functions * sizeof *machine->b);
}

/* Keep what is not zero of the solvers' answers: alpha, functions × n. */
static bool machine_keep(const char *where, Machine *machine, const double *alpha, size_t n,
                         Error *err) {
    size_t functions = machine->functions, m = 0;
    size_t *support = malloc(n * sizeof *support);
    for (size_t i = 0; support && i < n; i++) {
        bool any = false;
        for (size_t f = 0; f < functions && !any; f++)
            any = alpha[f * n + i] != 0;
        if (any)
            support[m++] = i;
    }
    double *kept = malloc((m * functions + 1) * sizeof *kept);
    machine->support = support;
    machine->supports = m;
    machine->alpha = kept;
    if (!support || !kept)
        return error_memory(err, where, m * functions * sizeof *kept);
    for (size_t k = 0; k < m; k++)
        for (size_t f = 0; f < functions; f++)
            kept[k * functions + f] = alpha[f * n + support[k]];
    return true;
}

/* The problem of function f; false if one side is empty. */
static bool make_problem(const TrainingSet *set, const Machine *machine, size_t f, int8_t *side,
                         BinaryProblem *problem) {
    const SvcParams *params = set->params;
    int32_t label = positive_label(set->classes, f);
    size_t n = set->matrix->n, positives = 0, negatives = 0;
    for (size_t i = 0; i < n; i++) {
        bool held_out = set->fold && set->fold[i] == machine->held_out;
        side[i] = held_out ? 0 : set->y[i] == label ? 1 : -1;
        positives += side[i] > 0;
        negatives += side[i] < 0;
    }
    *problem = (BinaryProblem){ .side = side,
                                .C = machine->C,
                                .positive = weight_of(params, label),
                                .negative = 1,
                                .tolerance = params->tolerance };
    if (set->classes->count == 2)
        problem->negative = weight_of(params, set->classes->label[0]);
    if (params->balanced) {
        problem->positive = (double)(positives + negatives) / (2.0 * (double)positives);
        problem->negative = (double)(positives + negatives) / (2.0 * (double)negatives);
    }
    return positives > 0 && negatives > 0;
}

/* Problems of all machines, in their order: machine k's functions have the places from k ·
 * functions on in `side` and `alpha`, whether they became problems or not. */
typedef struct Wave {
    BinaryProblem *problem;
    double **b;    /* where each problem's b goes */
    int8_t *side;  /* machines × functions × n */
    double *alpha; /* the same */
    size_t count;
} Wave;

static bool wave_init(const char *where, Wave *wave, size_t most, size_t n, Error *err) {
    *wave = (Wave){ .problem = calloc(most, sizeof *wave->problem),
                    .b = calloc(most, sizeof *wave->b),
                    .side = malloc(most * n),
                    .alpha = calloc(most * n, sizeof *wave->alpha) };
    return (wave->problem && wave->b && wave->side && wave->alpha) ||
           error_memory(err, where, most * n * sizeof *wave->alpha);
}

static void wave_clear(Wave *wave) {
    free(wave->problem);
    free(wave->b);
    free(wave->side);
    free(wave->alpha);
}

static bool add_machine(const char *where, const TrainingSet *set, Machine *machine, size_t place,
                        Wave *wave, Error *err) {
    size_t n = set->matrix->n, before = wave->count;
    if (!machine_init(where, set, machine, err))
        return false;
    for (size_t f = 0; f < machine->functions; f++) {
        BinaryProblem *problem = &wave->problem[wave->count];
        size_t start = (place * machine->functions + f) * n;
        machine->present[f] = make_problem(set, machine, f, wave->side + start, problem);
        if (!machine->present[f])
            continue;
        problem->alpha = wave->alpha + start;
        wave->b[wave->count++] = &machine->b[f];
    }
    if (wave->count > before)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: without fold %d all samples are of one class; use fewer folds or "
                     "stratified ones",
                     where, machine->held_out + 1);
}

bool machines_train(const char *where, const TrainingSet *set, Machine *machine, size_t count,
                    bool *solved, Progress *progress, Error *err) {
    size_t functions = functions_of(set->classes), n = set->matrix->n;
    Wave wave;
    bool ok = wave_init(where, &wave, count * functions, n, err);
    for (size_t k = 0; ok && k < count; k++)
        ok = add_machine(where, set, &machine[k], k, &wave, err);
    ok = ok && solver_solve(where, set->matrix, wave.problem, wave.count, solved, progress, err);
    for (size_t p = 0; ok && p < wave.count; p++)
        *wave.b[p] = wave.problem[p].b;
    for (size_t k = 0; ok && k < count; k++)
        ok = machine_keep(where, &machine[k], wave.alpha + k * functions * n, n, err);
    wave_clear(&wave);
    return ok;
}

void machine_scores(const TrainingSet *set, const Machine *machine, size_t i, double *scores) {
    size_t functions = machine->functions;
    double lowest = INFINITY;
    memcpy(scores, machine->b, functions * sizeof *scores);
    for (size_t k = 0; k < machine->supports; k++) {
        double value = solver_matrix_at(set->matrix, i, machine->support[k]);
        for (size_t f = 0; f < functions; f++)
            scores[f] += machine->alpha[k * functions + f] * value;
    }
    if (set->classes->count == 2) {
        scores[1] = scores[0];
        scores[0] = -scores[1];
        return;
    }
    for (size_t f = 0; f < functions; f++)
        if (machine->present[f] && scores[f] < lowest)
            lowest = scores[f];
    for (size_t f = 0; f < functions; f++)
        if (!machine->present[f])
            scores[f] = lowest;
}
