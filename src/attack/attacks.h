/* attacks.h — the table of attacks: one file and one line each. */
#ifndef PERIGEE_ATTACK_ATTACKS_H
#define PERIGEE_ATTACK_ATTACKS_H

#include "attack/attack.h"

#include <math.h>

/* The parameters before anything is chosen: samples are in [0, 1]. */
#define ATTACK_UNSET .dmax = NAN, .eta = NAN, .eta_min = NAN, .step = -1, .lower = 0, .upper = 1

extern const Attack attack_fgsm;
extern const Attack attack_pgd;
extern const Attack attack_pgd_exp;
extern const Attack attack_noise;

extern const Attack *const attack_table[];   /* NULL ends it */
const Attack *attack_find(const char *name); /* or NULL */

#endif
