/* line_search.h — the exponential line search of PGD-Exp, for all active rows of a descent at once.
 *
 * Points x − m·eta·direction, each projected to the box and then to the ball. m starts at
 * eta_min / eta and is halved (to a whole number: 7, 4, 2, 1) while it is above 1 and the loss is
 * above the start's; from there it is doubled ten times. Every row moves to the best of all points
 * seen, the start included. The points of the doublings do not depend on each other: they are rows
 * of one score call, and so is the first point where eta_min = eta. */
#ifndef PERIGEE_ATTACK_LINE_SEARCH_H
#define PERIGEE_ATTACK_LINE_SEARCH_H

#include "attack/descent.h"

enum { LINE_SEARCH_DOUBLINGS = 10 };

/* The state of an attack that uses it, all by place in the active list. */
enum { LINE_DIRECTION, LINE_BEST, LINE_SCORES, LINE_LOSS, LINE_PLACE, LINE_MULTIPLE, LINE_STATES };
extern const AttackState line_search_state[LINE_STATES];

/* active × features: the search goes along its negative. */
double *line_direction(const Descent *descent);

/* Points of a row that a search scores at most. */
size_t line_search_price(const AttackParams *params);

/* Along minus line_direction. */
bool line_search(Descent *descent, Error *err);

#endif
