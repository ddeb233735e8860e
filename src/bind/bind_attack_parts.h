/* bind_attack_parts.h — parts of attacks written in Lua, as AttackParts (attack/parts.h). */
#ifndef PERIGEE_BIND_ATTACK_PARTS_H
#define PERIGEE_BIND_ATTACK_PARTS_H

#include "attack/parts.h"
#include "bind/bind.h"

/* Push what owns the parts for one run: the functions objective, direction and on_step that the
 * table at `held` has. NULL, and nil is pushed, where it has none. `where` ("attack.pgd") is
 * copied. */
const AttackParts *bind_push_attack_parts(lua_State *L, int held, const char *where);

#endif
