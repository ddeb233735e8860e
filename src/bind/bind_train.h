/* bind_train.h — training networks from Lua (bind_train.c): two functions of the library nn. */
#ifndef PERIGEE_BIND_TRAIN_H
#define PERIGEE_BIND_TRAIN_H

#include <lua.h>

/* nn.train(net, ds, options): the history */
int bind_nn_train(lua_State *L);

/* net:fit(ds, options): anew from its own seed; the net itself */
int bind_net_fit(lua_State *L);

/* native.assist_training(net, ds, options) → of how many batches: another rank's part in a training
 * of rank 0's (mpi/crew.h), by the options that it was sent; the net is changed. */
int bind_assist_training(lua_State *L);

/* Register the histories' type, and what a training keeps of Lua's. */
void bind_open_training(lua_State *L);

#endif
