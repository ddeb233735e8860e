#include "attack/attacks.h"

#include <string.h>

#define ATTACK_ENTRY(name) &attack_##name,
const Attack *const attack_table[] = { ATTACK_TABLE(ATTACK_ENTRY) NULL };
#undef ATTACK_ENTRY

const Attack *attack_find(const char *name) {
    for (size_t i = 0; attack_table[i]; i++)
        if (strcmp(attack_table[i]->name, name) == 0)
            return attack_table[i];
    return NULL;
}
