/* dnr_parts.h — the inside of a Dnr, for dnr.c, dnr_fit.c and dnr_file.c alone. */
#ifndef PERIGEE_REJECT_DNR_PARTS_H
#define PERIGEE_REJECT_DNR_PARTS_H

#include "model.h"

typedef struct Dnr Dnr;
typedef struct Network Network;

/* columns and offset place a layer's scores in a row of the combiner's input:
 *
 *     | relu2: columns | relu3: columns | relu4: columns |
 *     0                offset of relu3  offset of relu4   inputs
 */
typedef struct DnrLayer {
    size_t tap, width; /* the net's layer and its output's size */
    Model *classifier;
    size_t columns, offset; /* 0 while not fitted */
} DnrLayer;

struct Dnr {
    Model base;
    Network *net;
    size_t layers, inputs;
    DnrLayer *layer;
    size_t *tap; /* the layers' taps in one row, for the net */
    Model *combiner;
    double threshold;
    uint64_t seed;
    uint64_t seen; /* when the net had last changed as the fitted parts were taken in */
    bool busy;     /* being tuned: a part written in Lua must not fit us meanwhile */
};

/* Do the parts, where all are fitted, fit each other? The layers' classifiers may know any classes:
 * the combiner takes their columns for features. */
bool dnr_check_parts(const Dnr *dnr, Error *err);

/* Are the parts of the classes that they were taken in with? A part is an object that users can fit
 * by itself; the parts of a DNR that is not fitted may be of any, as long as one is not fitted. */
bool dnr_check_classes(const Dnr *dnr, Error *err);

/* What the parts learnt of the net's layers says nothing of those that it has after further
 * training. */
bool dnr_check_net(const Dnr *dnr, Error *err);

/* Learn columns, offsets and classes from the parts, all fitted; fails, and changes nothing, where
 * they do not fit each other. */
bool dnr_take_sizes(Dnr *dnr, Error *err);

/* What training the parts holds beside them. Samples and `where` are its caller's; then comes what
 * dnr_training_folds finds (folds may be any integers), and then memory by dnr_training_make;
 * dnr_training_clear is called whatever these answer. */
typedef struct DnrTraining {
    const Samples *samples;
    const char *where; /* what messages begin with */
    int32_t *fold;     /* 0 … folds−1 */
    int folds;
    float **output; /* per layer, n × width; freed as soon as it is used */
    float *inputs;  /* n × inputs_width: the combiner's */
    size_t classes, inputs_width;
} DnrTraining;
bool dnr_training_folds(const Dnr *dnr, const int32_t *fold, DnrTraining *training, Error *err);
bool dnr_training_make(const Dnr *dnr, DnrTraining *training, Error *err);
void dnr_training_clear(const Dnr *dnr, DnrTraining *training);
/* One pass through the net for all layers' outputs. */
bool dnr_training_outputs(const Dnr *dnr, DnrTraining *training, Progress *progress, Error *err);
/* A layer's out-of-fold scores (n × classes) to the combiner's inputs; its output is let go. */
void dnr_training_take(size_t layer, const double *oof, DnrTraining *training);

/* Memory: the layers' outputs, and what the most demanding part takes beside them by `bytes`; `sum`
 * (FIT_SUM bytes) gets the arithmetic. */
typedef struct DnrNeed {
    size_t n; /* samples */
    double (*bytes)(const struct DnrNeed *need, size_t part, char *sum);
    const void *context; /* for `bytes` */
} DnrNeed;
/* The classifier of a layer, or behind the last the combiner. */
Model *dnr_part(const Dnr *dnr, size_t part);
double dnr_parts_bytes(const Dnr *dnr, const DnrNeed *need, char *sum);

/* Entries of dnr_kind. */
double dnr_fit_bytes(const Model *base, size_t n, char *sum);
bool dnr_fit_default(Model *base, const Samples *samples, Progress *progress, Error *err);
Model *dnr_clone(const Model *base, Error *err);
Model *dnr_fitted_copy(const Model *base, Error *err);
bool dnr_save(const Model *base, const ModelWriter *to, Error *err);
Model *dnr_read(const ModelReader *from, Error *err);

#endif
