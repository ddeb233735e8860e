#include "attack/attack_fields.h"

const char *const attack_norm_words[] = { "l1", "l2", "linf", NULL };
const char *const attack_step_words[] = { "raw", "unit", "sign", "largest", NULL };
const char *const attack_schedule_words[] = { "constant", "cosine", NULL };
