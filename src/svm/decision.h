/* decision.h — decision functions that share their support vectors.
 *
 *     f[c](x) = Σ_i alpha[c][i] · k(s_i, x) + b[c]
 *
 * decision_pass.h evaluates them. */
#ifndef PERIGEE_SVM_DECISION_H
#define PERIGEE_SVM_DECISION_H

#include "model.h"
#include "svm/kernel.h"

typedef struct Decision {
    Kernel kernel;
    Array *sv;        /* m × features, float32 */
    Array *alpha;     /* functions × m, float64 */
    Array *b;         /* functions, float64 */
    KernelRows *rows; /* of sv, and larger where those are narrow: the first pass fills them in,
                         on the thread that calls it and before any worker of it starts */
} Decision;

/* Shares the arrays, converting and copying where they are not contiguous of these types. Shapes
 * that do not agree are an error that names them. */
typedef struct DecisionParts {
    const Kernel *kernel;
    const Array *sv, *alpha, *b;
} DecisionParts;
bool decision_init(Decision *decision, const char *where, const DecisionParts *parts, Error *err);
void decision_clear(Decision *decision);

size_t decision_vectors(const Decision *decision); /* m; 0 if it is empty */
size_t decision_functions(const Decision *decision);
size_t decision_features(const Decision *decision);

/* The functions, and how they are seen on the way back: as if the kernels' γ were divided by
 * `wider` (0: by 1; kernels without γ stay as they are). Values are those of the functions as they
 * are. */
typedef struct DecisionView {
    const Decision *decision;
    double wider;
    double *largest; /* out, n, of decision_forward: as in GradientRequest; or NULL */
} DecisionView;

#endif
