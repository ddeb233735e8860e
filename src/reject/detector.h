/* detector.h — rejection by a statistic of the sample: what such detectors share.
 *
 * The label is that of a classifier with scores z and best class m; the sample is accepted where a
 * statistic S of it is higher than the threshold θ. As class scores, with the reject class's, θ,
 * behind them:
 *
 *     s_m = S        s_c = min(S, P_c) − (z_m − z_c)    of the other classes
 *
 * so that the best score is S and stands where z has its best: the verdict by s and θ is the
 * detector's own. P_c is the kind's: what S is, or is at least, once the sample is taken for c. It
 * is by P_c that an attack sees where c is accepted, before anything has changed the label.
 * A kind whose P_c alone are best at m, with S = P_m, has s_c = P_c.
 *
 * Gradients are those of s; m and the smaller of min are what they are at the sample. */
#ifndef PERIGEE_REJECT_DETECTOR_H
#define PERIGEE_REJECT_DETECTOR_H

#include "model.h"
#include "nn/network.h"
#include "reject/threshold.h"

typedef struct Detector Detector;

enum { DETECTOR_LAYERS_MOST = 64 };

/* Some rows on their way. z, statistic and parts come from the way there, the three others are
 * gradients on the way back, which may add to dz. */
typedef struct DetectorTile {
    Detector *self;
    Batch rows;
    size_t classes;
    bool keep;                                /* there will be a way back … */
    double wider;                             /* … that sees kernels so; 0: as they are */
    double *z, *parts, *statistic;            /* n × classes, n × classes, n */
    double *dz, *dparts, *dstatistic;         /* the same */
    double *largest;                          /* out, n, or NULL: as in GradientRequest */
    float *outputs[DETECTOR_LAYERS_MOST + 1]; /* of a net's tapped layers, n × width each … */
    float *slopes[DETECTOR_LAYERS_MOST + 1];  /* … and their gradients, zeroed */
    void *kept;                               /* what the kind keeps in between */
} DetectorTile;

typedef struct DetectorKind {
    ModelKind model;
    const Field *options; /* of its own, the threshold among them */
    const char *inner;    /* "model", a part that fitting trains; or "net", which stays as it is */
    bool alone;           /* s_c = P_c */
    /* statistic and parts from z and the tapped outputs; and dz and slopes from the gradients of
     * those. `behind`, if there is one, is called after it, when `gradient` (n × features) has what
     * came back through z and the layers. `forget` is called in any case, if there is one. */
    bool (*measure)(DetectorTile *tile, Error *err);
    bool (*pull)(DetectorTile *tile, Error *err);
    bool (*behind)(DetectorTile *tile, float *gradient, Error *err);
    void (*forget)(DetectorTile *tile);
    /* The kind's own: what init put on the heap; one with the same options around another model,
     * with what was learnt if that is wanted; and to a file. NULL: nothing. */
    void (*clear)(Detector *self);
    Model *(*copy)(const Detector *self, Model *inner, bool learnt, Error *err);
    bool (*write)(const Detector *self, const ModelWriter *to, Error *err);
} DetectorKind;

/* First in the struct of a kind. */
struct Detector {
    Model base;
    double threshold;
    Model *inner;
    size_t layers;                        /* a net's tapped ones … */
    size_t tap[DETECTOR_LAYERS_MOST + 1]; /* … and behind them its last */
    bool learns; /* `learnt` says whether it is fitted; without, it is if the model is */
    bool learnt;
    uint64_t
        seen; /* when the model had last changed as the classes, and what was learnt, were taken */
};

/* A new one of `size` bytes, zeroed but for its Detector, around the model, which is retained. The
 * initial threshold is not checked. NULL: it failed. */
typedef struct DetectorParts {
    const DetectorKind *kind;
    size_t size;
    const char *where; /* "reject.energy" */
    Model *model;
    double threshold;
    bool learns;
} DetectorParts;
void *detector_new(const DetectorParts *parts, Error *err);

/* Have these layers of the net tapped. */
bool detector_tap(Detector *self, const char *const *layer, size_t count, Error *err);
Network *detector_net(const Detector *self);
const char *detector_layer(const Detector *self, size_t l);
size_t detector_width(const Detector *self, size_t l); /* of the layer's output */

/* The classes are the model's; once a kind that learns has learnt. */
bool detector_take_classes(Detector *self, Error *err);

/* What a fit of a kind that learns goes by: the tapped outputs of all samples, for free(), and each
 * one's column. A label that is not a class of the net, or a class with fewer than `least` samples,
 * is an error. `done` is false after an interrupt. */
typedef struct DetectorSamples {
    float *outputs[DETECTOR_LAYERS_MOST];
    size_t *column, *count; /* n; per class */
    size_t n;
    bool done;
} DetectorSamples;
bool detector_samples(Detector *self, const Samples *samples, size_t least, DetectorSamples *out,
                      Progress *progress, Error *err);
void detector_samples_clear(DetectorSamples *samples);

/* The part that a file holds, and the threshold; for the kinds' `read`. */
Model *detector_read_inner(const ModelReader *from, const DetectorKind *kind, double *threshold,
                           Error *err);
/* A number of the metadata that has to be there. */
bool detector_read_number(const ModelReader *from, const char *name, double *value, Error *err);

/* ---- For the kinds' ModelKind ------------------------------------------------------------------
 */

void detector_free(Model *base);
bool detector_scores(Model *base, const Batch *batch, double *scores, Error *err);
bool detector_gradient(Model *base, const Batch *batch, const GradientRequest *request, Error *err);
bool detector_fit_inner(Model *base, const Samples *samples, Progress *progress, Error *err);
bool detector_option_at(Model *base, size_t i, FieldPlace *place);
bool detector_part_at(const Model *base, size_t i, ModelPart *part);
const Model *detector_stands_on(const Model *base);
bool detector_apply(Model *base, const char *name); /* every option counts at once */
Model *detector_clone(const Model *base, Error *err);
Model *detector_fitted_copy(const Model *base, Error *err);
bool detector_save(const Model *base, const ModelWriter *to, Error *err);
Sizes detector_input_shape(const Model *base);

#define DETECTOR_MODEL_KIND                                                                        \
    .free = detector_free, .scores = detector_scores, .one_pass = true,                            \
    .gradient = detector_gradient, .option_at = detector_option_at, .clone = detector_clone,       \
    .fitted_copy = detector_fitted_copy, .save = detector_save,                                    \
    .input_shape = detector_input_shape
/* … of one around any model, and of one that reads a net's layers. */
#define DETECTOR_AROUND                                                                            \
    DETECTOR_MODEL_KIND, .fit = detector_fit_inner, .part_at = detector_part_at,                   \
                         .apply = detector_apply
#define DETECTOR_ON_LAYERS DETECTOR_MODEL_KIND, .stands_on = detector_stands_on

#endif
