/* result_check.h — what a file says of a result, as far as its parts tell of each other. */
#ifndef PERIGEE_FILES_RESULT_CHECK_H
#define PERIGEE_FILES_RESULT_CHECK_H

#include "attack/result.h"

#include <cjson/cJSON.h>

/* Do labels belong to scores, distances to points, iterates, norm and dmax, sources to parts, and
 * is everything within its range? `params` are the attack's, an object. False with an Error of the
 * kind ERROR_FILE that names the first thing that does not fit. Points that are not finite are
 * those of attack.judge with check = false alone. */
bool result_check(const AttackResult *result, const cJSON *params, Error *err);

#endif
