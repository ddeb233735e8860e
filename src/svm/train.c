#include "svm/train.h"

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
    free(machine->alpha);
    free(machine->b);
    free(machine->present);
    machine->alpha = machine->b = NULL;
    machine->present = NULL;
}

static bool machine_init(const char *where, const TrainingSet *set, Machine *machine, Error *err) {
    size_t n = set->matrix->n, functions = functions_of(set->classes);
    machine->functions = functions;
    machine->alpha = calloc(functions * n, sizeof *machine->alpha);
    machine->b = calloc(functions, sizeof *machine->b);
    machine->present = calloc(functions, sizeof *machine->present);
    if (machine->alpha && machine->b && machine->present)
        return true;
    return error_memory(err, where, functions * n * sizeof *machine->alpha);
}

/* The problem of function f; false if one side is empty. */
static bool make_problem(const TrainingSet *set, Machine *machine, size_t f, int8_t *side,
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
                                .tolerance = params->tolerance,
                                .alpha = machine->alpha + f * n };
    if (set->classes->count == 2)
        problem->negative = weight_of(params, set->classes->label[0]);
    if (params->balanced) {
        problem->positive = (double)(positives + negatives) / (2.0 * (double)positives);
        problem->negative = (double)(positives + negatives) / (2.0 * (double)negatives);
    }
    return positives > 0 && negatives > 0;
}

/* Problems of all machines, in their order, with whom each belongs to. */
typedef struct Wave {
    BinaryProblem *problem;
    double **b; /* where each problem's b goes */
    int8_t *side;
    size_t count;
} Wave;

static void wave_clear(Wave *wave) {
    free(wave->problem);
    free(wave->b);
    free(wave->side);
}

static bool add_machine(const char *where, const TrainingSet *set, Machine *machine, Wave *wave,
                        Error *err) {
    size_t n = set->matrix->n, before = wave->count;
    if (!machine_init(where, set, machine, err))
        return false;
    for (size_t f = 0; f < machine->functions; f++) {
        machine->present[f] = make_problem(set, machine, f, wave->side + wave->count * n,
                                           &wave->problem[wave->count]);
        if (machine->present[f])
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
    size_t most = count * functions_of(set->classes);
    Wave wave = { .problem = calloc(most, sizeof *wave.problem),
                  .b = calloc(most, sizeof *wave.b),
                  .side = malloc(most * set->matrix->n) };
    bool ok = wave.problem && wave.b && wave.side;
    if (!ok)
        error_memory(err, where, most * set->matrix->n);
    for (size_t k = 0; ok && k < count; k++)
        ok = add_machine(where, set, &machine[k], &wave, err);
    ok = ok && solver_solve(where, set->matrix, wave.problem, wave.count, solved, progress, err);
    for (size_t p = 0; ok && p < wave.count; p++)
        *wave.b[p] = wave.problem[p].b;
    wave_clear(&wave);
    return ok;
}

static double function_value(const TrainingSet *set, const Machine *machine, size_t f, size_t i) {
    size_t n = set->matrix->n;
    const double *alpha = machine->alpha + f * n;
    double sum = machine->b[f];
    for (size_t j = 0; j < n; j++)
        if (alpha[j] != 0)
            sum += alpha[j] * solver_matrix_at(set->matrix, i, j);
    return sum;
}

void machine_scores(const TrainingSet *set, const Machine *machine, size_t i, double *scores) {
    if (set->classes->count == 2) {
        scores[1] = function_value(set, machine, 0, i);
        scores[0] = -scores[1];
        return;
    }
    double lowest = INFINITY;
    for (size_t f = 0; f < machine->functions; f++) {
        if (!machine->present[f])
            continue;
        scores[f] = function_value(set, machine, f, i);
        lowest = scores[f] < lowest ? scores[f] : lowest;
    }
    for (size_t f = 0; f < machine->functions; f++)
        if (!machine->present[f])
            scores[f] = lowest;
}
