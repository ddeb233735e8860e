/* bind_network.h — what bind_nn.c (the library) and bind_network.c (the net's methods) share. */
#ifndef PERIGEE_BIND_NETWORK_H
#define PERIGEE_BIND_NETWORK_H

#include "bind/bind.h"
#include "nn/network.h"
#include "nn/train.h"

/* Register the net's type. */
void bind_network_open(lua_State *L);

/* Train with the dataset at 2 and the options at 3 (a table, or none) over the net's own
 * parameters, and push the history. `anew` draws the weights first. */
int bind_train(lua_State *L, Network *net, const char *where, bool anew);

#endif
