/* reject_common.h — what the bindings of nr and dnr share. */
#ifndef PERIGEE_BIND_REJECT_COMMON_H
#define PERIGEE_BIND_REJECT_COMMON_H

#include "bind/bind.h"

/* model:threshold_for(p, ds): the method itself. */
int reject_threshold_for(lua_State *L);

#endif
