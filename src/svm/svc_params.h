/* svc_params.h — what a support vector classifier is told before it is fitted. */
#ifndef PERIGEE_SVM_SVC_PARAMS_H
#define PERIGEE_SVM_SVC_PARAMS_H

#include "svm/kernel.h"
#include "svm/solver.h"

#include <math.h>

typedef struct SvcParams {
    Kernel kernel;
    double C;
    double tolerance;        /* of the KKT violation where the solver stops; 1e-3 */
    bool balanced;           /* weigh both sides of each problem by n / (2 · their count) */
    const int32_t *weighted; /* labels whose C is multiplied in their own problem by … */
    const double *weight;    /* … these; both are copied */
    size_t weights;
    SolverKind solver; /* libsvm, or our own */
    double memory;     /* smo: bytes that kernel values may take while it trains; 0: as it likes */
} SvcParams;

/* RBF with gamma 1, C = 1, tolerance 1e-3, no weights, the session's solver. */
SvcParams svc_defaults(void);

/* What everything that trains SVMs takes, as fields of a struct that starts with SvcParams; and the
 * options of SvcParams itself. */
#define SVC_INITIAL                                                                                \
    { .kernel = { .kind = &kernel_rbf, .gamma = 1 }, .C = 1, .tolerance = 1e-3 }
#define SVC_C_FIELD                                                                                \
    {                                                                                              \
        "C", FIELD_NUMBER, offsetof(SvcParams, C),                                                 \
            .low = 0, .high = INFINITY, .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH,                \
            .meaning = "penalty of a training sample on the wrong side of the margin"              \
    }
#define SVC_COMMON_FIELDS                                                                          \
    { "kernel", FIELD_OBJECT, .type = "kernel|string", .initial = "svm.rbf(1)",                    \
      .meaning = "svm.linear(), svm.rbf(gamma), svm.poly{…}, svm.kernel{…}, or a kernel's name" }, \
        { "tolerance",                                                                             \
          FIELD_NUMBER,                                                                            \
          offsetof(SvcParams, tolerance),                                                          \
          .low = 0,                                                                                \
          .high = INFINITY,                                                                        \
          .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH,                                              \
          .meaning = "KKT violation at which the solver stops" },                                  \
        { "weights", FIELD_OBJECT, .type = "\"balanced\"|table",                                   \
          .meaning =                                                                               \
              "{ [label] = w } multiplies a class's C in its own problem by w; \"balanced\" "      \
              "weighs both sides of every problem by n / (2 · their count)" },                     \
        { "memory", FIELD_OBJECT, .type = "number|string", .initial = "what is quickest",          \
          .meaning = "of smo: how much memory kernel values may take, in bytes or as \"2GB\"; "    \
                     "where the whole matrix does not fit it is computed in parts, some of them "  \
                     "again, and the solution keeps to the same tolerance" },                      \
    {                                                                                              \
        "solver", FIELD_WORD, offsetof(SvcParams, solver),                                         \
            .words = solver_names,                                                                 \
            .meaning =                                                                             \
                "libsvm, or the built-in solver, which needs less than half the memory and "       \
                "less time, and survives where there is none; both stop at the same condition; "   \
                "not "                                                                             \
                "said: the session's, svm.solver"                                                  \
    }
extern const Fields svc_fields;

#endif
