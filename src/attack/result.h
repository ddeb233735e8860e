/* result.h — what an attack found, for a batch of n samples.
 *
 * Everything needed to judge and draw the attack later is in it, so it can be saved without the
 * model. Points are as stored (float32); scores at start and answer are the model's for exactly
 * these points, taken once more at the end; distances are computed from them in double. */
#ifndef PERIGEE_ATTACK_RESULT_H
#define PERIGEE_ATTACK_RESULT_H

#include "attack/constraint.h"
#include "attack/verdict.h"
#include "core/labels.h"
#include "core/types.h"
#include "model.h"

typedef enum StopReason {
    STOP_CONVERGED, /* the loss stands still */
    STOP_MAX_ITER,
    STOP_ZERO_GRADIENT, /* nowhere to go */
    STOP_INTERRUPTED,
    STOP_STILL,       /* the point has not moved for several steps */
    STOP_REACHED,     /* asked to stop where the goal is reached */
    STOP_NOT_FINITE,  /* scores or gradient are not finite where it stands */
    STOP_GIVEN,       /* its answer was not searched for (judge.h) */
    STOP_OUTRUN,      /* another of the sample's classes came nearer, or there */
    STOP_MAX_QUERIES, /* the next iteration could not be paid for */
    STOP_ON_STEP,     /* whoever looked on has ended the run (parts.h) */
    STOP_ENDED,       /* its own step has ended it (custom.h) */
    STOP_REASONS
} StopReason;

/* How much a row of an array holds: one number, one a feature, or one a column of the scores. */
typedef enum Width { WIDTH_ONE, WIDTH_FEATURES, WIDTH_COLUMNS } Width;

/* The way to the answer: `count` iterates, the start first, the answer last. */
typedef struct Trace {
    Array *loss;          /* count, f64 */
    Array *scores;        /* count × columns, f64 */
    Array *distance;      /* count, f64: from x0 */
    Array *gradient_norm; /* count, f64: l2, of what the attack followed; NaN where it took none, as
                             at the last point. NULL where nothing was searched for, and where
                             another model has judged the points since */
    Array *largest_kernel; /* count, f64: the largest kernel of the machine that decides (model.h),
                              where the norm is one; NULL where none does */
    Array *iterates;       /* count × features, f32; NULL unless asked for */
} Trace;

typedef struct AttackResult {
    size_t n, features, columns;
    Labels classes;
    bool rejects; /* the last column of scores is the reject class */
    int sample_ndim;
    size_t sample_shape[ARRAY_MAX_DIMS];
    int norm;         /* Norm of the distances */
    char *attack;     /* its name: "pgd_exp" */
    char *model_kind; /* "dnr" */
    char *params;     /* the attack's parameters as JSON text, the seed included */

    Array *x0, *x_adv;                   /* n × features, f32 */
    Array *y, *label, *start_label;      /* n, i32; −1 is rejected */
    Array *target;                       /* n, i32, or NULL for an error-generic attack */
    Array *scores, *start_scores;        /* n × columns, f64 */
    Array *distance;                     /* n, f64 */
    Array *dmax;                         /* n, f64, where each sample had its own; else NULL */
    Array *score_count, *gradient_count; /* n, i32: evaluations spent on each sample */
    Array *stop;                         /* n, i32: StopReason */
    /* n, f64, or NULL where no trace has any: the gradient's norm at the start (the largest, of
     * several runs) and at the end of the run that the answer is from, which may have gone on
     * behind the answer. NaN: none was taken. */
    Array *gradient_start, *gradient_end;
    Array *kernel_end; /* n, f64: the largest kernel there; NULL or NaN where none decides */
    Array *source; /* n, i32, of a result made of several: which of its parts, from 1, each answer
                      is from, 0 where of none; else NULL */
    Trace *trace;  /* n */
} AttackResult;

const char *stop_name(int stop); /* "converged", … */

/* What another model's judgement makes of an array. */
typedef enum Rescored { RESCORED_KEPT, RESCORED_ANEW, RESCORED_DROPPED } Rescored;

/* The arrays of a result, for all that goes through them: by the name that files know them by. */
typedef struct ResultArray {
    const char *name;
    size_t offset; /* of an Array * in AttackResult */
    DType dtype;
    Width width;
    Rescored rescored;
    bool optional; /* not every result has it */
} ResultArray;
enum { RESULT_ARRAYS = 17 };
extern const ResultArray result_arrays[RESULT_ARRAYS];
Array **result_array(const AttackResult *result, const ResultArray *which);

/* Arrays for `count` iterates, with norms, kernels and pixels or without; what trace_clear leaves
 * is empty.
 */
typedef struct TraceSize {
    size_t count, features, columns;
    bool gradient_norm, largest_kernel, iterates;
} TraceSize;
bool trace_new(Trace *trace, const TraceSize *size, Error *err);
void trace_clear(Trace *trace);
bool trace_share(Trace *to, const Trace *from, Error *err); /* into an empty one */

/* An empty result of that size: arrays of zeros, no traces yet. */
typedef struct ResultSize {
    size_t n, features;
    bool targeted, sourced; /* has it targets and sources? */
    bool own_dmax;          /* has each sample its own dmax? */
    bool searched;          /* has it norms of gradients and kernels? They are NaN at first */
} ResultSize;
AttackResult *result_new(const Labels *classes, bool rejects, const ResultSize *size, Error *err);

/* The same without the arrays, which whoever has them puts in; and the shape that each must have.
 */
AttackResult *result_header(const Labels *classes, bool rejects, const ResultSize *size,
                            Error *err);
Sizes result_sizes(const AttackResult *result, const ResultArray *which);
void result_free(AttackResult *result);

/* Without kernels, of which none is a number at any sample's end: no machine of such decides. */
void result_drop_unknown_kernels(AttackResult *result);
size_t result_bytes(const AttackResult *result); /* of its arrays and traces */

Verdict result_start_verdict(const AttackResult *result, size_t i);
Verdict result_verdict(const AttackResult *result,
                       size_t i);                      /* of the answer: evaded if it is so */
bool result_hit(const AttackResult *result, size_t i); /* targeted, and accepted as the target */

Goal result_goal(const AttackResult *result, size_t i); /* what was wanted of the sample */

/* Has the search of sample i failed because there was nothing to follow any more? That is where the
 * gradient's norm has fallen below a hundredth of what it was. False where that is not known. */
bool result_flat(const AttackResult *result, size_t i);

/* How many answers are of each verdict, and how many hit; how many starts were correct, and of
 * these how many answers are not evaded. The last is n times one minus the robust risk with
 * detection, P[f(x) ≠ y or f(x + δ) ∉ {y, ⊥}] (F. Tramèr, "Detecting adversarial examples is
 * (nearly) as hard as classifying them", ICML 2022): a clean sample that is rejected is an error.
 */
typedef struct ResultCounts {
    size_t verdict[VERDICTS], hit, started_correct, robust;
    size_t flat, flat_rejected; /* of all, and of those that are rejected */
} ResultCounts;
ResultCounts result_counts(const AttackResult *result);

/* Sample i alone, sharing the arrays. */
AttackResult *result_pick(const AttackResult *result, size_t i, Error *err);

/* The samples at these places, in that order; they share the traces, and the arrays where they
 * stand one behind the other. Unless these are all in their own order, the parameters say of how
 * many they were: "taken_from". */
AttackResult *result_take(const AttackResult *result, const size_t *place, size_t count,
                          Error *err);

/* The results of one attack with one seed on the parts of a set, one at least, in their order, as
 * that of the set, with these parameters (NULL: the first's). They share the traces. */
AttackResult *result_join(const AttackResult *const *part, size_t count, const char *params,
                          Error *err);

/* Shape, norm, names and parameters of one into another that has none. */
bool result_copy_words(AttackResult *to, const AttackResult *from, Error *err);

/* The same points judged by another model with the same classes: scores, labels, verdicts and
 * losses are its own. Traces follow every iterate where pixels were kept, else start and answer. */
AttackResult *result_rescore(const AttackResult *result, Model *model, Error *err);

#endif
