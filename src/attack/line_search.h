/* line_search.h — the exponential line search of PGD-Exp, for all active rows of a descent at once.
 *
 * Points x − m·eta·direction, each projected to the box and then to the ball. m starts at
 * eta_min / eta and is halved (to a whole number) while it is above 1 and the loss is above the
 * start's; from there it is doubled ten times. Every row moves to the best of all points seen, the
 * start included. The points of the doublings do not depend on each other: they are rows of one
 * score call, and so is the first point where eta_min = eta. */
#ifndef PERIGEE_ATTACK_LINE_SEARCH_H
#define PERIGEE_ATTACK_LINE_SEARCH_H

#include "attack/descent.h"

enum { LINE_SEARCH_DOUBLINGS = 10 };

/* Along minus descent->direction. */
bool line_search(Descent *descent, Error *err);

#endif
