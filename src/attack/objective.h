/* objective.h — what attacks minimise, from one row of a model's scores, and the table of it.
 *
 * Columns are s_0 … ; y is the true class's, t the wanted one's, θ the reject score (−∞ where the
 * model does not reject), r its column. Every objective is one file and one line in
 * OBJECTIVE_TABLE:
 *
 *     margin         s_k − s_c, k: y, or r where the sample is rejected; c: the best class but y.
 *                    Targeted: the best column but t, r included, − s_t
 *     continuous     max(s_y, θ) − max_{c≠y} s_c. Targeted as margin, or where any wrong class
 *                    will do max(s_y, θ) − s_t. Negative exactly where the sample is accepted and
 *                    wrong (accepted as t); without the jump that margin has where a sample begins
 *                    to be rejected
 *     cross_entropy  log p_y, targeted −log p_t; p is the softmax of all columns, r included
 *     dlr            the difference of logits ratio: the margin in units of the scores' spread
 *
 * Whether a point has reached the goal is not for an objective to say: see verdict.h. The reject
 * score does not depend on the sample, so its weight is always 0. */
#ifndef PERIGEE_ATTACK_OBJECTIVE_H
#define PERIGEE_ATTACK_OBJECTIVE_H

#include "model.h"

typedef struct Objective {
    const char *name;
    double (*loss)(const Model *model, const double *scores, Goal goal);

    /* w (columns): the loss's gradient is that of w · scores, taken where the scores are. */
    void (*weights)(const Model *model, const double *scores, Goal goal, double *w);
} Objective;

#define OBJECTIVE_TABLE(OBJECTIVE)                                                                 \
    OBJECTIVE(margin)                                                                              \
    OBJECTIVE(continuous)                                                                          \
    OBJECTIVE(cross_entropy)                                                                       \
    OBJECTIVE(dlr)

#define OBJECTIVE_DECLARATION(name) extern const Objective objective_##name;
OBJECTIVE_TABLE(OBJECTIVE_DECLARATION)
#undef OBJECTIVE_DECLARATION

/* OBJECTIVE_AT_margin: its place in the table. */
#define OBJECTIVE_PLACE(name) OBJECTIVE_AT_##name,
enum { OBJECTIVE_TABLE(OBJECTIVE_PLACE) OBJECTIVES };
#undef OBJECTIVE_PLACE

/* Both end with NULL and go together: an option's word is its objective's place. */
extern const Objective *const objective_table[];
extern const char *const objective_words[];

const Objective *objective_find(const char *name); /* or NULL */

/* Every class score is a finite number, and the reject score is one or −inf (nothing is rejected).
 */
bool objective_is_sound(const Model *model, const double *scores);

/* ---- For the objectives -----------------------------------------------------------------------
 */

/* The loss s_k − s_c of two columns, and its weights. */
typedef struct Margin {
    size_t k, c;
} Margin;
void objective_margin_weights(const Model *model, Margin margin, double *w);

/* The margin towards a target: the best column but it, and it. */
Margin objective_target_margin(const Model *model, const double *scores, Goal goal);

#endif
