/* bind_attack.h — results of attacks in Lua (bind_attack*.c, and whoever loads one from a file). */
#ifndef PERIGEE_BIND_ATTACK_H
#define PERIGEE_BIND_ATTACK_H

#include "attack/attack.h"
#include "attack/judge.h"
#include "bind/bind.h"

typedef struct AttackRun {
    const Attack *attack;
    const AttackParams *params;
    const AttackTask *task;
    bool looks; /* at the samples where they are, as if it were interrupted at once */
} AttackRun;

/* Run and push the result, with a Progress of its own; raises on failure. */
int bind_run_attack(lua_State *L, const AttackRun *run);

/* The same of points that are judged (attack/judge.h). */
int bind_judge_attack(lua_State *L, const Judge *judge, const AttackTask *task, const float *x_adv);

/* Push a box that takes over `result`; NULL raises err. */
int bind_push_attack_result(lua_State *L, AttackResult *result, const Error *err);

/* The result in the box at `arg`, or NULL. */
AttackResult *bind_test_attack_result(lua_State *L, int arg);

/* Register the type of results. */
void bind_open_attack_result(lua_State *L);

/* ---- Attacks written in Lua (bind_attack_define.c, bind_attack_state.c) -----------------------
 */

/* Add the attack's constructor to the table on top, and what it takes to the help. */
void bind_add_attack(lua_State *L, const Attack *attack);

/* What lua/perigee/define.lua defines one by: a table that it has checked → its constructor. */
int bind_define_attack(lua_State *L);

/* Push what the attack lives in, if it is written in Lua: to be kept by whoever refers to it. */
bool bind_push_definition(lua_State *L, const Attack *attack);

/* Push the table that the attack at `arg` is defined by; false: it is none that is written in Lua.
 */
bool bind_push_attack_spec(lua_State *L, int arg);

/* Its own options: the first of them, and their number. */
const Field *bind_own_fields(const Attack *attack, size_t *count);

/* One run of one: its definition and a table with those of its options that are objects are at
 * these places of the stack. */
typedef struct BindRun {
    const Attack *attack;
    const AttackParams *params;
    int definition, held;
} BindRun;

/* Its step, which lives as long as what is pushed. */
struct CustomStep;
const struct CustomStep *bind_push_attack_step(lua_State *L, const BindRun *run);

/* Register their types. */
void bind_open_attack_define(lua_State *L);
void bind_open_attack_state(lua_State *L);

#endif
