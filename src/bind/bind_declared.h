/* bind_declared.h — options that users declare for attacks and layers of their own, as a Lua half
 * (define.lua, layer.lua) has checked them. */
#ifndef PERIGEE_BIND_DECLARED_H
#define PERIGEE_BIND_DECLARED_H

#include "bind/bind.h"
#include "core/fields.h"

/* A text of the table at `table`, which keeps it; NULL where there is none. A number of it. */
const char *bind_declared_text(lua_State *L, int table, const char *name);
double bind_declared_number(lua_State *L, int table, const char *name, double otherwise);

/* The option in the table at `option`: { name =, kind =, low =, high =, words =, meaning =,
 * initial = }. A kind that is no field's is an object's type. It has no place yet. Its texts are
 * the table's, which has to be kept; a word's words go into `word`, `most` of them and a NULL. */
Field bind_declared_field(lua_State *L, int option, const char **word, size_t most);

#endif
