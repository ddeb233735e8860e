/* own_kernel.h — kinds of kernels that are made at run time: values come from functions of whoever
 * made them (kernel.h's KernelCalls), which may fail.
 *
 * A kind is counted, on the main thread: its maker holds it (and lets go by count(kind, −1)), and
 * so does every kernel that is kept. One with a name is found by it in the session that made it,
 * for as long as it lives; of several of one name the newest. */
#ifndef PERIGEE_SVM_OWN_KERNEL_H
#define PERIGEE_SVM_OWN_KERNEL_H

#include "svm/kernel.h"

/* A parameter and its default; names are copied. "gamma", "coef0" and "degree" are those of every
 * kernel, which a search or a smoothed gradient changes. */
typedef struct OwnParameter {
    const char *name;
    double value;
} OwnParameter;

typedef struct OwnKernelParts {
    const char *name; /* a word; NULL: it has none */
    const OwnParameter *parameter;
    size_t parameters;
    const KernelCalls *calls;
    void *context; /* calls->release is its end, with the kind's */
} OwnKernelParts;

/* Held once. NULL: a name that a built-in kernel has, too many parameters, or no memory; the
 * context then stays the caller's. */
const KernelKind *own_kernel_new(const OwnKernelParts *parts, Error *err);

/* The kind of that name, a built-in one or one of the session's; or NULL. */
const KernelKind *own_kernel_find(const char *name);

bool own_kernel_is_named(const KernelKind *kind);

/* How a message calls a kernel of any kind, behind "the kernel": "rbf", "mine", "written in Lua".
 */
const char *own_kernel_words(const Kernel *kernel);

/* Does the kernel give one value for a pair, whichever way round and beside whatever other pairs?
 * Tried on a few of the rows; the complaint names samples from 1. */
bool own_kernel_check(const Kernel *kernel, const Batch *rows, Error *err);

/* Are these values of a tile of pairs numbers? */
bool own_kernel_check_values(const KernelCall *call, KernelTile tile, const double *values,
                             Error *err);

#endif
