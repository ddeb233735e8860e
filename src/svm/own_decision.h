/* own_decision.h — values and gradients of decision functions whose kernel is computed by somebody
 * else (own_kernel.h): some rows of the batch at a time against all support vectors, one call each.
 * How many rows these are follows from the number of support vectors alone. */
#ifndef PERIGEE_SVM_OWN_DECISION_H
#define PERIGEE_SVM_OWN_DECISION_H

#include "svm/decision.h"

/* As decision_pass.h has them. */
bool own_values(const Decision *decision, const Batch *batch, double *f, Error *err);
bool own_gradient(DecisionView view, const Batch *batch, const GradientRequest *request,
                  Error *err);

typedef struct OwnPass OwnPass;
OwnPass *own_forward(DecisionView view, const Batch *batch, double *f, Error *err);
bool own_backward(OwnPass *pass, const double *w, float *gradient, Error *err);
void own_pass_free(OwnPass *pass); /* NULL is fine */

#endif
