/* attacks.h — the table of attacks: one file and one line each. */
#ifndef PERIGEE_ATTACK_ATTACKS_H
#define PERIGEE_ATTACK_ATTACKS_H

#include "attack/attack.h"

#define ATTACK_TABLE(ATTACK)                                                                       \
    ATTACK(fgsm)                                                                                   \
    ATTACK(pgd)                                                                                    \
    ATTACK(pgd_exp)                                                                                \
    ATTACK(apgd)                                                                                   \
    ATTACK(fmn)                                                                                    \
    ATTACK(ddn)                                                                                    \
    ATTACK(mifgsm)                                                                                 \
    ATTACK(halving)                                                                                \
    ATTACK(stairs)                                                                                 \
    ATTACK(square)                                                                                 \
    ATTACK(hopskipjump)                                                                            \
    ATTACK(transfer)                                                                               \
    ATTACK(matching)                                                                               \
    ATTACK(noise)

#define ATTACK_DECLARATION(name) extern const Attack attack_##name;
ATTACK_TABLE(ATTACK_DECLARATION)
#undef ATTACK_DECLARATION

extern const Attack *const attack_table[];   /* NULL ends it */
const Attack *attack_find(const char *name); /* or NULL */

#endif
