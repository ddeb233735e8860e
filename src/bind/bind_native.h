/* bind_native.h — what only the Lua half of the program uses: the table that its files get by
 * require "perigee.native". No library shows it, and the help does not mention it. */
#ifndef PERIGEE_BIND_NATIVE_H
#define PERIGEE_BIND_NATIVE_H

#include <cjson/cJSON.h>
#include <lua.h>

int open_native(lua_State *L);

/* Push the table `gnuplot`: the process, its quoting, the numbers of figures. */
void bind_open_gnuplot(lua_State *L);

/* Push an empty box for a JSON value, so that pushing what it says may raise. */
cJSON **bind_new_json_box(lua_State *L);

/* Push a JSON value: objects and lists as tables, numbers as floats, null as the light userdata
 * NULL (a list keeps its length); what is missing (NULL) is nil. */
void bind_push_json(lua_State *L, const cJSON *value);

/* Push what a file says of an attack's or a training's parameters as a flat table, or nil: numbers
 * that JSON has not are strings there, but an infinite one may be null. */
void bind_push_record(lua_State *L, const cJSON *record);

/* Add to the table on top of the stack, which is `gnuplot`, what turns numbers into text and images
 * into files; listen, which tells what running core loops report. */
void bind_open_plot_columns(lua_State *L);
void bind_open_plot_live(lua_State *L);

/* Add terminal(), picture() and print_room() to the table on top, which is `perigee`. */
void bind_open_terminal(lua_State *L);

/* A member of it: the solver that svm.new takes by default. */
int bind_session_solver(lua_State *L);

/* Add `verdicts` and `stops`, the words of attacks' results: verdicts by their numbers in files,
 * which count from 1. */
void bind_open_verdicts(lua_State *L);

/* native.code(object) → a list of what an attack or a model has in it that is written in Lua: the
 * tables that define the attack, layers and kernels, functions by name among them. */
int bind_code(lua_State *L);

/* Add `progress`: loops in Lua that report as those of the core do. */
void bind_open_progress(lua_State *L);

/* Push the table `farm`: tasks for the ranks of a job. */
void bind_open_farm(lua_State *L);

/* Push the table `problems`: SVMs' binary problems for those ranks. */
void bind_open_problems(lua_State *L);

/* Push the table `scoring`: models' scores of long batches for those ranks. */
void bind_open_scoring(lua_State *L);

/* Add to the table on top of the stack what lua/perigee/archive.lua keeps variables in files by. */
void bind_open_session(lua_State *L);

#endif
