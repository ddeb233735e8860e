/* bind_preprocess.h — models behind a function written in Lua (reject/preprocess.h); the other half
 * is lua/perigee/preprocess.lua. */
#ifndef PERIGEE_BIND_PREPROCESS_H
#define PERIGEE_BIND_PREPROCESS_H

#include "bind/bind.h"

typedef struct Model Model;

/* Register the type of such models. */
void bind_open_preprocess(lua_State *L);

/* native.preprocess(model, definition, features) → the model. The definition is what the other half
 * calls; features may be 0. */
int bind_new_preprocess(lua_State *L);

/* Push the definition of such a model, which has `scores`, `gradient` and perhaps gradient_is as a
 * model written in Lua has; false where it is none. */
bool bind_preprocess_push_definition(lua_State *L, const Model *model);

#endif
