/* decision.h — decision functions that share their support vectors.
 *
 *     f[c](x) = Σ_i alpha[c][i] · k(s_i, x) + b[c]
 *
 * Values and gradients of whole batches: one matrix product gives the bases of all pairs, a second
 * the sums. The pairs are cut into tiles of a fixed number of rows and of support vectors, whose
 * parts of a sum are added in the order of the vectors, so that the bits follow from the batch
 * alone, whoever computes which tile (see parallel.h). */
#ifndef PERIGEE_SVM_DECISION_H
#define PERIGEE_SVM_DECISION_H

#include "model.h"
#include "svm/kernel.h"

typedef struct Decision {
    Kernel kernel;
    Array *sv;        /* m × features, float32 */
    Array *alpha;     /* functions × m, float64 */
    Array *b;         /* functions, float64 */
    KernelRows *rows; /* of sv; the first pass fills them in, as they can be larger than sv */
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

/* f: n × functions. */
bool decision_values(const Decision *decision, const Batch *batch, double *f, Error *err);

/* gradient[i] = d(w[i] · f(x[i]))/dx: with D = (w·alpha) ∘ k' it is D·S for kernels of the inner
 * product, and 2(rowsum(D)·x − D·S) for those of the distance. The request's columns are the
 * functions. Some rows at a time, which are multiplied with the support vectors once for both. */
bool decision_gradient(const Decision *decision, const Batch *batch, const GradientRequest *request,
                       Error *err);

/* The same in two calls: values first, and all slopes k' kept (n × m doubles) for gradients of
 * them. Reads the batch's rows again; the decision must not change meanwhile. */
typedef struct DecisionPass DecisionPass;
DecisionPass *decision_forward(const Decision *decision, const Batch *batch, double *f, Error *err);
void decision_backward(DecisionPass *pass, const double *w, float *gradient);
void decision_pass_free(DecisionPass *pass);

#endif
