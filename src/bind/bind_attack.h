/* bind_attack.h — results of attacks in Lua (bind_attack*.c, and whoever loads one from a file). */
#ifndef PERIGEE_BIND_ATTACK_H
#define PERIGEE_BIND_ATTACK_H

#include "attack/attack.h"
#include "attack/judge.h"
#include "bind/bind.h"

/* Run and push the result, with a Progress of its own; raises on failure. */
int bind_run_attack(lua_State *L, const Attack *attack, const AttackParams *params,
                    const AttackTask *task);

/* The same of points that are judged (attack/judge.h). */
int bind_judge_attack(lua_State *L, const Judge *judge, const AttackTask *task, const float *x_adv);

/* Push a box that takes over `result`; NULL raises err. */
int bind_push_attack_result(lua_State *L, AttackResult *result, const Error *err);

/* The result in the box at `arg`, or NULL. */
AttackResult *bind_test_attack_result(lua_State *L, int arg);

/* Register the type of results. */
void bind_open_attack_result(lua_State *L);

#endif
