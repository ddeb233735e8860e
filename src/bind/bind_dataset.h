/* bind_dataset.h — what bind_dataset.c and bind_data.c share. */
#ifndef PERIGEE_BIND_DATASET_H
#define PERIGEE_BIND_DATASET_H

#include "bind/bind.h"
#include "bind/bind_samples.h"

/* Push a new box and run `call` into it, once more after a collection if memory lacks; raise what
 * remains. The call fills `err`. */
#define BIND_PUSH_NEW_DATASET(L, call)                                                             \
    do {                                                                                           \
        Error err = { 0 };                                                                         \
        bool tried = false;                                                                        \
        void **box = bind_new_box((L), &bind_dataset_type);                                        \
        do                                                                                         \
            *box = (call);                                                                         \
        while (!*box && bind_retry((L), &err, &tried));                                            \
        bind_account_dataset((L), *box, &err);                                                     \
    } while (0)

/* Raise err if the dataset is NULL, else tell the collector what it holds alone. */
void bind_account_dataset(lua_State *L, const Dataset *dataset, const Error *err);

/* Register the type; the library then holds concat. */
void bind_dataset_open(lua_State *L);
int bind_dataset_concat(lua_State *L);

/* The method `with`, beside data.new. */
int bind_dataset_with(lua_State *L);

#endif
