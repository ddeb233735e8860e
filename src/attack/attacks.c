#include "attack/attacks.h"

#include <string.h>

const Attack *const attack_table[] = {
    &attack_fgsm, &attack_pgd, &attack_pgd_exp, &attack_noise, NULL,
};

const Attack *attack_find(const char *name) {
    for (size_t i = 0; attack_table[i]; i++)
        if (strcmp(attack_table[i]->name, name) == 0)
            return attack_table[i];
    return NULL;
}
