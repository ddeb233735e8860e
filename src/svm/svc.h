/* svc.h — support vector classifiers: one-vs-all with any kernel of kernel.h.
 *
 * scores(x)[c] = Σ_i alpha[c][i] · k(s_i, x) + b[c] over the union of all classes' support vectors.
 * With two classes one problem is solved and scores are (−f, f). Training is libsvm's C-SVC (C.-C.
 * Chang and C.-J. Lin, "LIBSVM", ACM TIST 2011) on a precomputed Gram matrix that all classes (and,
 * in fit_folds, all folds) share, released when the fit returns (solver.h has its size and the
 * other solver). An interrupted fit leaves the model as it was, returns true, and
 * progress_was_interrupted tells (fit_folds: then its out-of-fold scores are not filled).
 * Hyperparameters that are set on a fitted classifier count from its next fit on. */
#ifndef PERIGEE_SVM_SVC_H
#define PERIGEE_SVM_SVC_H

#include "model.h"
#include "svm/svc_params.h"

typedef struct Svc Svc; /* starts with a Model */

/* A classifier to be fitted. Its options are svc_fields and its kernel's own ("kernel.gamma"). */
Svc *svc_new(const SvcParams *params, Error *err);

/* A fitted one from numbers: sv is m × features float32; alpha classes × m and b, of classes,
 * float64 (with two classes: 1 × m for the second class's f, or 2 × m). It is over these arrays,
 * which nobody writes from then on. The labels rise. Its options are those of an SvcParams beside
 * the numbers. */
typedef struct SvcNumbers {
    const Array *sv, *alpha, *b;
    const Labels *classes;
} SvcNumbers;
extern const Fields svc_from_fields;
Svc *svc_from(const SvcParams *params, const SvcNumbers *numbers, Error *err);

extern const ModelKind svc_kind;

size_t svc_support_count(const Svc *svc); /* of the union; 0 while unfitted */
/* How many binary problems of its fit, those without one fold or another too, the solver has given
 * up at its limit of iterations, or where numbers allowed no more, before the tolerance. */
size_t svc_unsolved(const Svc *svc);
/* count[c]: the support vectors of class c. With two classes and one function both have those of
 * their side, the sign of alpha. */
void svc_support_per_class(const Svc *svc, size_t *count);
const SvcParams *svc_params(const Svc *svc);
/* The kernel that it was fitted with, or while unfitted will be. */
const Kernel *svc_kernel(const Svc *svc);
/* Give the params of an Svc this kernel. */
void svc_take_kernel(SvcParams *params, const Kernel *kernel);
/* May params ask for so much memory? 0: they leave it open. */
bool svc_check_memory(const char *where, double memory, Error *err);
/* Give the params of an Svc copies of these weights (weighted, weight, weights, balanced). */
bool svc_take_weights(SvcParams *params, const SvcParams *from, Error *err);
/* The fitted numbers as read-only arrays (shared): support vectors, alpha, b. NULL while unfitted.
 */
Array *svc_support_vectors(const Svc *svc, Error *err);
Array *svc_alpha(const Svc *svc, Error *err);
Array *svc_b(const Svc *svc, Error *err);

#endif
