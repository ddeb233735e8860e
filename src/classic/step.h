/* step.h — what is done to samples before a model sees them: scaled, set to unit norm, projected.
 *
 * A step has options, and learns its numbers from samples; what it has learnt does not change when
 * options do. Each kind is one file and one line in STEP_TABLE, and these functions: learn,
 * forward, and pull, the transposed Jacobian of forward. Numbers are kept and used in double, rows
 * are float32. */
#ifndef PERIGEE_CLASSIC_STEP_H
#define PERIGEE_CLASSIC_STEP_H

#include "core/fields.h"
#include "core/types.h"
#include "model.h"

enum { STEP_NUMBERS = 3 };
enum { UNIT_L1, UNIT_L2, UNIT_MAX };

/* The options of all kinds; a kind's fields say which are its own. */
typedef struct StepParams {
    double low, high;  /* minmax */
    bool mean, std;    /* standard */
    int norm;          /* unit_norm */
    size_t components; /* pca; 0: as many as there can be */
    bool whiten;
} StepParams;

/* What a step learnt: out = 0 while it has not. Arrays are shared, and never written. */
typedef struct Learnt {
    size_t in, out;              /* features before and after */
    StepParams by;               /* the options, as they were then */
    Array *number[STEP_NUMBERS]; /* float64, in the order of the kind's names */
} Learnt;

typedef struct StepKind {
    const char *name, *summary, *example;
    Fields fields; /* of a StepParams */
    /* The arrays' names in files and for users; NULL: no further ones. Sizes follow: a vector of
     * `in` numbers, or a matrix with a row for each of `out`, or a vector of those. */
    const char *number[STEP_NUMBERS];
    enum { NUMBER_IN, NUMBER_OUT_IN, NUMBER_OUT } form[STEP_NUMBERS];
    /* Fill number[] and out for samples of `in` features, by the options out->by. On an interrupt,
     * which progress_was_interrupted tells, true is returned, and what there is is not used. */
    bool (*learn)(const Samples *samples, Learnt *out, Progress *progress, Error *err);
    /* y (n × out) = f(x), and dx (n × in) from dy. */
    bool (*forward)(const Learnt *learnt, const Batch *x, float *y, Error *err);
    bool (*pull)(const Learnt *learnt, const Batch *x, const float *dy, float *dx, Error *err);
} StepKind;

#define STEP_TABLE(STEP) STEP(minmax) STEP(standard) STEP(unit_norm) STEP(pca)
#define STEP_DECLARE(name) extern const StepKind step_##name;
STEP_TABLE(STEP_DECLARE)
#undef STEP_DECLARE

extern const StepKind *const step_table[]; /* NULL ends it */
const StepKind *step_find(const char *name);

typedef struct Step {
    const StepKind *kind;
    StepParams params;
    Learnt learnt;
} Step;

Step step_of(const StepKind *kind); /* with its defaults */
bool step_check(const char *where, const Step *step, Error *err);

bool learnt_copy(const Learnt *from, Learnt *to, Error *err); /* shares the numbers */
void learnt_clear(Learnt *learnt);

/* learn behind its common checks: samples that are finite. */
bool step_learn(const Step *step, const Samples *samples, Learnt *out, Progress *progress,
                Error *err);

/* Options into an object, numbers under "name." (of files). */
bool step_save(const Step *step, const ModelWriter *to, JsonNode json, const char *name,
               Error *err);
/* Into a step that is cleared by learnt_clear. */
bool step_read(const ModelReader *from, const cJSON *json, const char *name, Step *out, Error *err);

#endif
