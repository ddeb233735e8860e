/* lua_model.h — a Lua table as a Model: what bind_model.c needs of bind_lua_model.c.
 *
 * The table has `scores(self, x)`, which answers n × columns numbers (an array or nested tables),
 * and the list `classes` of its sorted labels; optional are `gradient(self, x, w)` (n × features),
 * `rejects` (its last column is the reject class), `features`, `fit(self, ds)`, `set(self, {name =
 * value})`, `get(self, name)` and `clone(self)`. A table that can be fitted may have its `classes`
 * only afterwards; where fit sets none they are the dataset's.
 *
 * Every method is called once per batch, protected: what it raises becomes an Error. */
#ifndef PERIGEE_BIND_LUA_MODEL_H
#define PERIGEE_BIND_LUA_MODEL_H

#include "bind/bind.h"
#include "model.h"

/* True of a wrapper. */
bool lua_model_is(const Model *model);

/* True if the value at `arg` is a table with a `scores` function (its own or by its metatable). */
bool lua_model_fits(lua_State *L, int arg);

/* Wrap the table at `arg` and push the box that owns the wrapper. Raises if classes are not a
 * sorted list of integers. The wrapper keeps the table alive through the registry. */
Model *lua_model_push_box(lua_State *L, int arg, const char *where, const char *name);

/* Push the table that a wrapper stands for. */
void lua_model_push_table(lua_State *L, const Model *model);

#endif
