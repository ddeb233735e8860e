/* bind_layer.h — layers whose code is written in Lua: nn.layer. */
#ifndef PERIGEE_BIND_LAYER_H
#define PERIGEE_BIND_LAYER_H

#include "bind/bind.h"

typedef struct LayerKind LayerKind;

/* Put into the registry's table "perigee.layers" what lua/perigee/layer.lua makes kinds by. */
void bind_open_layers(lua_State *L);

/* Push what keeps a kind alive that is defined in Lua, or nil. */
void bind_push_layer_owner(lua_State *L, const LayerKind *kind);

/* Push the definition of such a kind: the table that lua/perigee/layer.lua has checked. */
void bind_push_layer_definition(lua_State *L, const LayerKind *kind);

/* The constructor of the kind that is its entry's data: options → a copy of them with `kind`, all
 * checked (bind_nn.c). */
int bind_new_layer(lua_State *L);

#endif
