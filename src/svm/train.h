/* train.h — one-vs-all training: many multi-class machines on one kernel matrix.
 *
 * A Machine is a request (which C, which fold to leave out) and its answer, one decision function
 * per class, or a single one for the second class where there are two. All binary problems of all
 * machines are solved together, side by side. */
#ifndef PERIGEE_SVM_TRAIN_H
#define PERIGEE_SVM_TRAIN_H

#include "core/labels.h"
#include "svm/solver.h"
#include "svm/svc_params.h"

typedef struct TrainingSet {
    SolverMatrix *matrix;
    const int32_t *y;      /* n labels */
    const Labels *classes; /* of y, at least two */
    const int32_t *fold;   /* n, or NULL where no machine leaves a fold out */
    const SvcParams *params;
} TrainingSet;

typedef struct Machine {
    double C;
    int held_out; /* samples of this fold take no part; −1: all do */
    /* the answer */
    size_t functions, supports;
    size_t *support; /* rising: the samples with an alpha in any function */
    double *alpha;   /* supports × functions: y·a */
    double *b;       /* functions */
    bool *present;   /* functions: false where all samples that took part are on one side */
    double *value;   /* functions × n, f − b of every sample: where a fold is held out and the
                        solver tells it (solver_tells); else NULL */
} Machine;

typedef struct MachineTask {
    const TrainingSet *set;
    Machine *machine;
    size_t count;
    bool solved;     /* out: as in solver_solve; if not, no machine has its answer */
    size_t unsolved; /* out: problems that the solver has given up before the tolerance */
} MachineTask;

/* Decision functions of a machine. */
size_t machine_functions(const Labels *classes);

/* Is there a sample of every class that has a weight of its own? */
bool training_check_weights(const SvcParams *params, const Labels *classes, const char *where,
                            Error *err);

/* A class's penalty is C times its weight (params->weighted) in its own problem. Balanced: both
 * sides of every problem are weighted with n / (2 · their count), so that they pull equally. Fails
 * if a machine is left with one class. Release with machine_clear whatever the answer. */
bool machines_train(const char *where, MachineTask *task, Progress *progress, Error *err);
void machine_clear(Machine *machine);

/* The scores of training sample i, one per class: (−f, f) for two classes; a class that is not
 * present gets the lowest of the others. */
void machine_scores(const TrainingSet *set, const Machine *machine, size_t i, double *scores);

#endif
