/* bind_svm.h — what the files of the library svm share. */
#ifndef PERIGEE_BIND_SVM_H
#define PERIGEE_BIND_SVM_H

#include "bind/bind.h"
#include "svm/svc.h"

/* The fields of a struct that starts with SvcParams from the options at `arg`, which bind_fields
 * has checked, kernel and weights included. What the result points to is pushed. */
void svm_read_params(lua_State *L, int arg, const char *where, const Field *field,
                     SvcParams *params);

/* svm.search (bind_svm_search.c). */
int bind_svm_search(lua_State *L);
void bind_svm_search_open(lua_State *L); /* its options, for the help */

#endif
