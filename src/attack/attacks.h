/* attacks.h — the attacks that attack.c's table names: one file and one line each. */
#ifndef PERIGEE_ATTACK_ATTACKS_H
#define PERIGEE_ATTACK_ATTACKS_H

#include "attack/attack.h"

extern const Attack attack_fgsm;
extern const Attack attack_pgd;
extern const Attack attack_pgd_exp;
extern const Attack attack_noise;

#endif
