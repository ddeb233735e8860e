#include "svm/train.h"

#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t machine_functions(const Labels *classes) {
    return classes->count == 2 ? 1 : classes->count;
}

/* The label on the positive side of function f. */
static int32_t positive_label(const Labels *classes, size_t f) {
    return classes->label[classes->count == 2 ? 1 : f];
}

bool training_check_weights(const SvcParams *params, const Labels *classes, const char *where,
                            Error *err) {
    for (size_t i = 0; i < params->weights; i++)
        if (labels_find(classes, params->weighted[i]) < 0)
            return error_set(err, ERROR_ARGUMENT,
                             "%s: weights: there is a weight for class %d, but no sample of it",
                             where, (int)params->weighted[i]);
    return true;
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
    free(machine->value);
    *machine = (Machine){ .C = machine->C, .held_out = machine->held_out };
}

static bool machine_init(const char *where, const TrainingSet *set, Machine *machine, Error *err) {
    size_t functions = machine_functions(set->classes);
    machine->functions = functions;
    machine->b = calloc(functions, sizeof *machine->b);
    machine->present = calloc(functions, sizeof *machine->present);
    bool wants_value = solver_tells(set->matrix) && machine->held_out >= 0;
    size_t n = set->matrix->n;
    if (wants_value)
        machine->value = calloc(functions * n, sizeof *machine->value);
    return (machine->b && machine->present && (machine->value || !wants_value)) ||
           error_memory(err, where, functions * n * sizeof *machine->value);
}

/* The problems of a task's machines, in their order: machine k's functions have the places from k ·
 * functions on in `side` and `alpha`, whether they became problems or not. */
typedef struct Wave {
    const char *where;
    const MachineTask *task;
    size_t functions, n; /* of each machine; samples */
    BinaryProblem *problem;
    double **b;    /* where each problem's b goes */
    int8_t *side;  /* machines × functions × n */
    double *alpha; /* the same */
    size_t count;  /* problems */
} Wave;

static bool wave_init(Wave *wave, const char *where, const MachineTask *task, Error *err) {
    size_t functions = machine_functions(task->set->classes), n = task->set->matrix->n;
    size_t most = task->count * functions;
    *wave = (Wave){ .where = where,
                    .task = task,
                    .functions = functions,
                    .n = n,
                    .problem = calloc(most, sizeof *wave->problem),
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

/* The problem of machine k's function f; false if one side is empty. */
static bool make_problem(const Wave *wave, size_t k, size_t f, BinaryProblem *problem) {
    const TrainingSet *set = wave->task->set;
    const Machine *machine = &wave->task->machine[k];
    const SvcParams *params = set->params;
    int32_t label = positive_label(set->classes, f);
    size_t place = (k * wave->functions + f) * wave->n, positives = 0, negatives = 0;
    int8_t *side = wave->side + place;
    for (size_t i = 0; i < wave->n; i++) {
        bool held_out = set->fold && set->fold[i] == machine->held_out;
        side[i] = (int8_t)(held_out ? 0 : set->y[i] == label ? 1 : -1);
        positives += side[i] > 0;
        negatives += side[i] < 0;
    }
    *problem = (BinaryProblem){ .side = side,
                                .C = machine->C,
                                .positive = weight_of(params, label),
                                .negative = 1,
                                .tolerance = params->tolerance,
                                .alpha = wave->alpha + place,
                                .group = f,
                                .value = machine->value ? machine->value + f * wave->n : NULL };
    if (set->classes->count == 2)
        problem->negative = weight_of(params, set->classes->label[0]);
    if (params->balanced) {
        problem->positive = (double)(positives + negatives) / (2.0 * (double)positives);
        problem->negative = (double)(positives + negatives) / (2.0 * (double)negatives);
    }
    return positives > 0 && negatives > 0;
}

static bool add_machine(Wave *wave, size_t k, Error *err) {
    Machine *machine = &wave->task->machine[k];
    size_t before = wave->count;
    if (!machine_init(wave->where, wave->task->set, machine, err))
        return false;
    for (size_t f = 0; f < wave->functions; f++) {
        machine->present[f] = make_problem(wave, k, f, &wave->problem[wave->count]);
        if (machine->present[f])
            wave->b[wave->count++] = &machine->b[f];
    }
    if (wave->count > before)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: without fold %d all samples are of one class; use fewer folds or "
                     "stratified ones",
                     wave->where, machine->held_out + 1);
}

/* Keep what is not zero of the solvers' answers for machine k. */
static bool keep_machine(const Wave *wave, size_t k, Error *err) {
    Machine *machine = &wave->task->machine[k];
    size_t functions = wave->functions, n = wave->n, m = 0;
    const double *alpha = wave->alpha + k * functions * n;
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
        return error_memory(err, wave->where, m * functions * sizeof *kept);
    for (size_t s = 0; s < m; s++)
        for (size_t f = 0; f < functions; f++)
            kept[s * functions + f] = alpha[f * n + support[s]];
    return true;
}

/* All machines' problems; false in *going if a stop was asked for meanwhile. */
static bool add_machines(Wave *wave, Progress *progress, bool *going, Error *err) {
    enum { MACHINES_BETWEEN_LOOKS = 64 };
    *going = true;
    for (size_t k = 0; *going && k < wave->task->count; k++) {
        if (!add_machine(wave, k, err))
            return false;
        if (k % MACHINES_BETWEEN_LOOKS == MACHINES_BETWEEN_LOOKS - 1)
            *going = progress_step(progress, 0, NULL);
    }
    return true;
}

bool machines_train(const char *where, MachineTask *task, Progress *progress, Error *err) {
    Wave wave;
    bool going, ok = wave_init(&wave, where, task, err);
    ok = ok && add_machines(&wave, progress, &going, err);
    SolverTask problems = { task->set->matrix, wave.problem, wave.count, false };
    ok = ok && (!going || solver_solve(where, &problems, progress, err));
    task->solved = problems.solved;
    task->unsolved = 0;
    for (size_t p = 0; ok && task->solved && p < wave.count; p++) {
        *wave.b[p] = wave.problem[p].b;
        task->unsolved += wave.problem[p].unsolved;
    }
    for (size_t k = 0; ok && task->solved && k < task->count; k++)
        ok = keep_machine(&wave, k, err);
    wave_clear(&wave);
    return ok;
}

void machine_scores(const TrainingSet *set, const Machine *machine, size_t i, double *scores) {
    size_t functions = machine->functions;
    double lowest = INFINITY;
    memcpy(scores, machine->b, functions * sizeof *scores);
    for (size_t f = 0; machine->value && f < functions; f++)
        scores[f] += machine->value[f * set->matrix->n + i];
    for (size_t k = 0; !machine->value && k < machine->supports; k++) {
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
