/* bind_svm.h — what the files of the library svm share. */
#ifndef PERIGEE_BIND_SVM_H
#define PERIGEE_BIND_SVM_H

#include "bind/bind.h"
#include "svm/svc.h"

/* The option "kernel" of the table at `arg`: a table as the constructors make it, or a name. */
Kernel svm_opt_kernel(lua_State *L, int arg, const char *where);

/* The options kernel, tolerance, weights and, where it is one number, C. What the result points to
 * lies on the stack. */
SvcParams svm_push_params(lua_State *L, int arg, const char *where, bool single_C);

/* svm.search (bind_svm_search.c). */
int bind_svm_search(lua_State *L);

#endif
