/* attacked.h — the model of a run with the classes that it had at the start.
 *
 * Whoever looks on, a part written in Lua or a listener to the progress, may train the model
 * between two of its answers, which a run takes as they come. But goals are columns and memory is
 * measured in them: every question of a run goes through one of these, which refuses it once the
 * model has other classes. */
#ifndef PERIGEE_ATTACK_ATTACKED_H
#define PERIGEE_ATTACK_ATTACKED_H

#include "model.h"

/* Of a fitted model, which it retains; released as any model is. It answers what that does, to the
 * bit, and can do nothing else. */
Model *attacked_new(Model *of, Error *err);

#endif
