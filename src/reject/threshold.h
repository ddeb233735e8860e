/* threshold.h — the reject class's score, shared by NR and DNR.
 *
 * A sample is rejected when its best class score is not higher than the threshold. A threshold of
 * −inf, where every model starts, rejects nothing; in JSON it is null. */
#ifndef PERIGEE_REJECT_THRESHOLD_H
#define PERIGEE_REJECT_THRESHOLD_H

#include "model.h"

#include <cjson/cJSON.h>
#include <math.h>

/* The option of that name: a double, finite or −inf, `at` bytes into its struct; and in its place
 * alone. */
#define THRESHOLD_FIELD(at)                                                                        \
    {                                                                                              \
        "threshold", FIELD_NUMBER, (at),                                                           \
            .low = -INFINITY, .high = INFINITY, .open = FIELD_BELOW_HIGH,                          \
            .meaning =                                                                             \
                "the reject class's score: a sample is rejected when its best class score is "     \
                "not higher; -inf rejects nothing"                                                 \
    }
extern const Field threshold_field;
bool threshold_check(double threshold, Error *err);
/* The ModelKind.apply of kinds whose only option of their own it is: it counts at once. */
bool threshold_apply(Model *model, const char *name);

/* A model that rejects cannot have a class with the label LABEL_REJECTED. */
bool threshold_check_classes(const char *where, const Labels *classes, Error *err);

/* row (classes + 1) = class scores and the threshold behind them; and n rows of it. */
typedef struct Widening {
    size_t classes;
    double threshold;
} Widening;
void threshold_append(Widening to, const double *scores, double *row);
void threshold_append_all(Widening to, size_t n, const double *scores, double *rows);

/* A request to a model that rejects by a threshold, as one to the model of its class scores: set
 * the first two, and then `asked` is for the model inside. */
typedef struct InnerRequest {
    const GradientRequest *outer;
    Widening widening;
    GradientRequest asked; /* its gradient is the outer's until the caller says another */
    double *scores, *w;    /* rows with the reject column, on their way to and from outer->weigh */
    double *storage;
} InnerRequest;
bool inner_request_init(InnerRequest *inner, const Batch *batch, Error *err);
/* After the answer: fills the outer scores, if that is left to do, and frees. */
void inner_request_end(InnerRequest *inner, const Batch *batch);

/* The floor(p·n)-th smallest of best[0 … n−1], so that exactly floor(p·n) samples are rejected when
 * the scores are distinct; −inf if floor(p·n) is 0. floor(p·n) means floor(p·n + 1e-9): 0.1 of 1000
 * is 100 in spite of rounding. `best` is sorted on return. NaN: it failed, and err says why. */
double threshold_from_best(double p, double *best, size_t n, Error *err);

/* The same from the best class scores that the model gives these samples; the model's own reject
 * column has no part in it. */
double threshold_for(Model *model, double p, const Batch *batch, Error *err);

/* "threshold" in a saved model's metadata. */
void threshold_write(JsonNode meta, double threshold);
bool threshold_read(const cJSON *meta, double *threshold, Error *err);

#endif
