/* judge.h — points from anywhere as an attack's result.
 *
 * What another program found, or was made by hand, is judged as the answers of our own attacks are:
 * scores, labels and distances are those of exactly these points. A trace holds start and answer.
 * Both are scored, which counts; where they are the same points, once. With
 * samples each is a mean of so many calls, which all count. */
#ifndef PERIGEE_ATTACK_JUDGE_H
#define PERIGEE_ATTACK_JUDGE_H

#include "attack/attack.h"

typedef struct Judge {
    AttackParams params; /* of these norm, dmax (infinite: any distance), bounds, objective and
                            samples */
    const char *name;    /* the attack's, in the result; borrowed */
    bool check;          /* points outside ball or box are an error; else they are kept */
    const char *where;   /* "attack.judge", for messages */
} Judge;

extern const Fields judge_fields; /* its options, and objects that only the bindings hold */

/* Judge the points x_adv, n × features as the task's samples; may be these. A point is outside
 * where it is so by more than CONSTRAINT_TOLERANCE, in units of the radius where that is above 1. A
 * start or an answer whose scores are not finite has failed. NULL with err if arguments do not fit,
 * if memory runs out, the model fails, or on an interrupt. */
AttackResult *attack_judge(const Judge *judge, const AttackTask *task, const float *x_adv,
                           Error *err);

#endif
