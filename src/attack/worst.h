/* worst.h — each sample's worst answer over the results of several attacks: the one that serves the
 * attacker best.
 *
 * Of two answers to a sample that is the better one, by the first of these that tells them apart:
 *
 *     hit        the target, where all results have the same one
 *     verdict    evaded; wrong, as before the attack; correct or rejected; failed
 *     distance   the smaller one, where the attack has reached what it wants
 *     scores     else the lower max(s_y, θ) − max_{c≠y} s_c of the answer (objective.h: continuous)
 *     order      the earlier result's
 *
 * Everything of a sample comes from the one result, its start and trace too. Only the evaluations
 * are those of all. */
#ifndef PERIGEE_ATTACK_WORST_H
#define PERIGEE_ATTACK_WORST_H

#include "attack/result.h"

/* One result: of all samples, or of those at these positions (from 1) among them. */
typedef struct WorstPart {
    const AttackResult *result;
    const int32_t *position; /* NULL: of all, in their order */
} WorstPart;

typedef struct Worst {
    const WorstPart *part; /* the first is of all samples */
    size_t count;
    bool from_start; /* the first is where the samples are (judge.h): it is what a sample has that
                        no other part has, and its number as a source is 0; else that is 1 */
    /* n, of the first one's samples: parts had to leave something out that could not be paid for.
     * What has not reached its goal says so. NULL: none has. */
    const int32_t *unpaid;
    bool interrupted; /* further parts were to come: what has not reached its goal says so … */
    bool ended;       /* … or that on_step ended the run */
    const char *name, *params; /* the result's; JSON text */
    const char *where;         /* "attack.worst", for messages */
} Worst;

/* NULL with err if the results are not of the same samples, labels, norm and kind of model, or if
 * memory runs out. */
AttackResult *result_worst(const Worst *worst, Error *err);

#endif
