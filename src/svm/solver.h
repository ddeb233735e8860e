/* solver.h — many binary C-SVC problems on one kernel matrix, solved side by side.
 *
 *     min ½ Σ_ij a_i a_j y_i y_j K_ij − Σ a_i,   0 ≤ a_i ≤ C·weight(y_i),   Σ a_i y_i = 0
 *
 * Two solvers stop at the same condition and agree within its tolerance:
 *   libsvm  the library, on its precomputed kernel (libsvm.h): on those of many samples that matter
 *           (screen.h), or where these are most of them on all: 8·n² bytes more. A problem that it
 *           has begun is finished even if a stop is asked for, because libsvm cannot be left.
 *           Without memory it ends the program: what it needs is looked for first, and a lack of it
 *           refused;
 *   smo     our own (smo.h): several times faster, stops within a problem.
 * Of either the kernel's values take 4·n² bytes. */
#ifndef PERIGEE_SVM_SOLVER_H
#define PERIGEE_SVM_SOLVER_H

#include "core/progress.h"
#include "core/types.h"
#include "model.h"
#include "svm/gram.h"
#include "svm/kernel.h"
#include "svm/libsvm.h"

#include <stdint.h>

typedef enum SolverKind { SOLVER_LIBSVM, SOLVER_SMO } SolverKind;

/* The NULL-terminated names in the order of SolverKind, and the reverse (−1 if there is none). */
extern const char *const solver_names[];
int solver_find(const char *name);

/* The session's: what SVMs are made with where nobody says a solver. */
SolverKind solver_default(void);
void solver_choose(SolverKind kind);

/* What a matrix is made of: rows and a kernel, which stay as they are while it is used. Its values
 * are computed from the bases (gram.h) where somebody has them or wants to (the two ways differ in
 * the last digit), else at once. */
typedef struct SolverSource {
    const Kernel *kernel;
    Batch rows;
    const float *bases; /* gram_new's, or NULL */
    size_t problems;    /* how many will be solved on it */
} SolverSource;

/* The kernel values of all pairs of n samples, as the solver wants them. */
typedef struct SolverMatrix {
    SolverKind kind;
    size_t n;
    SolverSource source; /* of solver_matrix_make; else no kernel in it */
    float *values;       /* n × n, row-major; or NULL, and they are computed where needed … */
    const Kernel *kernel;
    KernelRows rows;    /* … of these */
    double memory;      /* bytes that may be kept of them; 0: as seems good */
    LibsvmMatrix nodes; /* libsvm: made of the values when a problem wants all samples */
} SolverMatrix;

/* Memory that a matrix of n samples and solving on it take, matrices of gram.h and what
 * matrix_hold has kept for them included; `sum` (FIT_SUM bytes) gets the arithmetic. */
double solver_bytes(SolverKind kind, size_t n, char *sum);

/* The same where parts of the matrix will do (solver_is_partial), of `memory` bytes at most. */
double solver_partial_bytes(size_t n, double memory, char *sum);

/* Is a solver's matrix of n samples of this kernel better not made? Not for libsvm. */
bool solver_is_partial(SolverKind kind, const Kernel *kernel, size_t n, double memory);

/* Does solving on it say what decision functions are on the samples (BinaryProblem's value)? */
bool solver_tells(const SolverMatrix *matrix);

/* A matrix that is not made: the batch and the kernel stay as they are while it is used. */
bool solver_matrix_partial(SolverMatrix *matrix, const Kernel *kernel, const Batch *batch,
                           Error *err);

/* For the solver matrix->kind within matrix->memory: one of the next three, as fits. */
bool solver_matrix_make(SolverMatrix *matrix, const SolverSource *source, Error *err);

/* For the solver matrix->kind, from bases that stay as they are. */
bool solver_matrix_init(SolverMatrix *matrix, const char *where, const Gram *bases, Error *err);
/* The same for matrix->n samples from the values themselves (gram_values), which become the
 * matrix's: *values is NULL then. */
void solver_matrix_take(SolverMatrix *matrix, float **values);
void solver_matrix_clear(SolverMatrix *matrix);
/* Of a matrix that is made. */
double solver_matrix_at(const SolverMatrix *matrix, size_t i, size_t j);

typedef struct SolverTask {
    SolverMatrix *matrix;
    BinaryProblem *problem;
    size_t count;
    bool solved; /* out: false if a stop was asked for first; the answers are then incomplete */
} SolverTask;
bool solver_solve(const char *where, SolverTask *task, Progress *progress, Error *err);

/* Somebody with whom problems can be shared, such as the other ranks of a job: he is asked where
 * there are enough of them on a matrix that can be made elsewhere too, and solves those that he
 * keeps by solver_solve_here. `prepare` is called before such a matrix is made, to make it
 * elsewhere at the same time, and may do nothing. *helped stays false where all is left to the
 * caller. The context's; NULL: nobody. */
typedef struct SolverHelper {
    bool (*prepare)(const struct SolverHelper *helper, const SolverMatrix *matrix, Error *err);
    bool (*solve)(const struct SolverHelper *helper, SolverTask *task, Progress *progress,
                  bool *helped, Error *err);
    void *context;
} SolverHelper;
void solver_ask(const SolverHelper *helper);
bool solver_solve_here(const char *where, SolverTask *task, Progress *progress, Error *err);

#endif
