/* verdict.h — what a point is to a model, and whether an attack has succeeded: said once, for
 * results, counts and attacks alike.
 *
 *     rejected   its best class score is not higher than the reject score
 *     correct    accepted as the true class
 *     wrong      accepted as another
 *     evaded     after an attack: wrong, and it was not before: what was wrong already proves
 *                nothing
 *     failed     its scores are not all finite, or the attack broke off where scores or gradient
 *                were not before it got anywhere: it proves nothing either
 *
 * A targeted attack hits if the point is accepted as the target. */
#ifndef PERIGEE_ATTACK_VERDICT_H
#define PERIGEE_ATTACK_VERDICT_H

#include "attack/objective.h"

typedef enum Verdict {
    VERDICT_CORRECT,
    VERDICT_REJECTED,
    VERDICT_WRONG,
    VERDICT_EVADED,
    VERDICT_FAILED,
    VERDICTS
} Verdict;

const char *verdict_name(Verdict verdict);

/* Of a point, from its predicted label (model_label). Where the model cannot reject, −1 may be a
 * class. After an attack, from what the point is and what its start was. */
Verdict verdict_of(bool rejects, int32_t label, int32_t y);
Verdict verdict_after(Verdict start, Verdict now);
bool verdict_hit(bool rejects, int32_t label, int32_t target);

/* Of a row of scores: its label, or LABEL_NONE; is it rejected; is the goal reached? */
int32_t verdict_label(const Model *model, const double *scores);
bool verdict_rejected(const Model *model, const double *scores);
bool verdict_success(const Model *model, const double *scores, Goal goal);

/* How good an answer is. One that reaches the goal is better than one that does not, whatever their
 * losses: not every objective is lowest where a point is accepted as wrong. Of two that reach it
 * the nearer is better, where the attack seeks the least distance. */
typedef struct Worth {
    bool reached;
    double loss;
    double distance; /* of a minimal attack's points (attack.h); of others 0 */
} Worth;
bool worth_more(Worth a, Worth b); /* is a better than b? */

#endif
