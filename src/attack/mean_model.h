/* mean_model.h — a model whose answers are means over several calls of another at the same points:
 * expectation over transformation (A. Athalye, L. Engstrom, A. Ilyas and K. Kwok, "Synthesizing
 * robust adversarial examples", ICML 2018), for models whose answers change from call to call.
 *
 * Where the weights of a gradient follow from scores, they follow from the mean scores, and the
 * gradient is the mean over as many further calls. An ascent is the mean of ascents, each along the
 * class that its own scores say where the goal names none. Of a model whose answers do not change
 * the means have its bits. */
#ifndef PERIGEE_ATTACK_MEAN_MODEL_H
#define PERIGEE_ATTACK_MEAN_MODEL_H

#include "model.h"

/* Of a fitted model, which it retains; released as any model is. It can do nothing but score and
 * give gradients and ascents, and is only for as long as the other has these classes. */
Model *mean_model_new(Model *of, int samples, Error *err);

#endif
