/* nr.h — neural rejection: a threshold on any classifier's scores.
 *
 * scores(x) = the model's class scores, then the threshold; a sample is rejected when its best
 * class score is not higher than the threshold, whose gradient is zero (M. Melis et al., "Is deep
 * learning safe for robot vision?", ICCV Workshops 2017). The method of that name puts it on an SVM
 * over a net's last layer: see layer_model.h. */
#ifndef PERIGEE_REJECT_NR_H
#define PERIGEE_REJECT_NR_H

#include "model.h"

typedef struct Nr Nr; /* starts with a Model */

/* What reject.new takes. */
typedef struct NrParts {
    Model *model;
    double threshold;
} NrParts;
extern const Fields nr_fields;

/* Retains the model, which must not reject by itself. Fitted if the model is; fitting it fits the
 * model. The hyperparameter "threshold" is NR's own, every other name is the model's. Scores are
 * refused once the model inside was fitted anew, by itself, for other classes. */
Nr *nr_new(Model *model, double threshold, Error *err);

Model *nr_model(const Nr *nr); /* borrowed */
double nr_threshold(const Nr *nr);
bool nr_set_threshold(Nr *nr, double threshold, Error *err);

extern const ModelKind nr_kind;

#endif
