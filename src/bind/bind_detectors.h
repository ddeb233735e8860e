/* bind_detectors.h — the detectors' constructors and types, for the library reject. */
#ifndef PERIGEE_BIND_DETECTORS_H
#define PERIGEE_BIND_DETECTORS_H

#include "bind/bind.h"

int reject_confidence(lua_State *L);
int reject_energy(lua_State *L);
int reject_density(lua_State *L);
int reject_mahalanobis(lua_State *L);
int reject_squeeze(lua_State *L);
void bind_open_detectors(lua_State *L);

#endif
