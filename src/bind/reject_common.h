/* reject_common.h — what the bindings of nr and dnr share. */
#ifndef PERIGEE_BIND_REJECT_COMMON_H
#define PERIGEE_BIND_REJECT_COMMON_H

#include "bind/bind.h"

/* The option "threshold", −inf where it is absent. */
double reject_opt_threshold(lua_State *L, int arg, const char *where);

/* model:threshold_for(p, ds): the method itself. */
int reject_threshold_for(lua_State *L);

#endif
