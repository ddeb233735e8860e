/* svc_parts.h — the inside of an Svc, for svc.c and svc_file.c alone. */
#ifndef PERIGEE_SVM_SVC_PARTS_H
#define PERIGEE_SVM_SVC_PARTS_H

#include "svm/decision.h"
#include "svm/svc_params.h"

typedef struct Svc Svc;
typedef struct SvcNumbers SvcNumbers;

struct Svc {
    Model base;
    SvcParams params;  /* what the next fit will use; owns its weights */
    Decision decision; /* empty while not fitted; has the kernel it was trained with */
    size_t unsolved;   /* problems of its fit that the solver has given up */
    bool busy;         /* being trained: a kernel written in Lua must not fit us meanwhile */
};

/* svc_new and svc_from with another name for messages; the second's labels are in order. */
Svc *svc_make(const char *where, const SvcParams *params, Error *err);
Svc *svc_make_from(const char *where, const SvcParams *params, const SvcNumbers *numbers,
                   Error *err);

/* Of params that own their weights and their kernel. */
void svc_params_clear(SvcParams *params);

/* Entries of svc_kind. */
bool svc_save(const Model *model, const ModelWriter *to, Error *err);
Model *svc_read(const ModelReader *from, Error *err);

#endif
