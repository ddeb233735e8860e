/* constraint.h — where an attack may go: a ball around the sample within a box of feature bounds.
 *
 *     ball  { x : ‖x − x0‖_p ≤ dmax },  p = 1, 2 or ∞
 *     box   { x : lower ≤ x ≤ upper },  feature by feature
 *
 * The sample x0 itself lies in the box. Projecting to the one and then to the other, in any order,
 * stays in both, because each moves every feature towards x0. Projections are taken in double and
 * rounded once, towards x0 (constraint_store): the float32 point obeys ball and box exactly.
 * The l1 projection finds the threshold of J. Duchi et al., "Efficient projections onto the l1-ball
 * for learning in high dimensions" (ICML 2008) by C. Michelot's active sets, without sorting. */
#ifndef PERIGEE_ATTACK_CONSTRAINT_H
#define PERIGEE_ATTACK_CONSTRAINT_H

#include "core/batch.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum Norm { NORM_L1, NORM_L2, NORM_LINF } Norm;

typedef struct Constraint {
    Norm norm;
    double dmax; /* ≥ 0; may be infinite */
    size_t features;
    double low, high;           /* the bounds of every feature … */
    const float *lower, *upper; /* … unless these give one for each (features long, or NULL) */
} Constraint;

/* The l2 ball's projection ends this far inside, so that rounding never leaves the ball. */
#define CONSTRAINT_L2_MARGIN 1e-6

/* Samples that come from elsewhere may be this far outside the box by rounding. */
#define CONSTRAINT_TOLERANCE 1e-6

double constraint_lower(const Constraint *constraint, size_t feature);
double constraint_upper(const Constraint *constraint, size_t feature);

/* ‖x‖ and ‖x − x0‖ in this norm. */
double norm_of(Norm norm, const double *x, size_t n);
double norm_distance(Norm norm, const float *x, const float *x0, size_t n);

/* Is the point x in the ball around x0 (no tolerance); in the box? */
bool ball_holds(const Constraint *constraint, const float *x0, const double *x);
bool box_holds(const Constraint *constraint, const double *x);

/* The nearest point of the ball (for l2: at radius dmax − 1e-6) or of the box, in place. */
void ball_project(const Constraint *constraint, const float *x0, double *x);
void box_project(const Constraint *constraint, double *x);

/* x as float32, each feature rounded towards x0's. */
void constraint_store(const Constraint *constraint, const float *x0, const double *x, float *out);

/* Check low ≤ high everywhere and that each of the samples lies in the box (to
 * CONSTRAINT_TOLERANCE). */
bool constraint_check(const Constraint *constraint, const Batch *samples, Error *err);

#endif
