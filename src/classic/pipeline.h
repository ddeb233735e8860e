/* pipeline.h — steps, and a model behind them.
 *
 * Fitting learns each step from what the steps before it make of the samples, and then fits the
 * model to what the last one makes. Gradients and ascents go back through all steps, so whoever
 * attacks it does so in its inputs' own space. */
#ifndef PERIGEE_CLASSIC_PIPELINE_H
#define PERIGEE_CLASSIC_PIPELINE_H

#include "classic/step.h"

typedef struct Pipeline Pipeline; /* starts with a Model */

typedef struct PipelineParts {
    const Step *step; /* kinds and options; what they learnt is not looked at */
    size_t steps;
    Model *model; /* retained */
} PipelineParts;

/* Options are those of the steps under their kinds' names ("pca.whiten"; of a second one of a kind
 * "pca2.whiten"), and the model's ("model.C"). A step's count from the next fit on. */
Pipeline *pipeline_new(const PipelineParts *parts, Error *err);

extern const ModelKind pipeline_kind;

Model *pipeline_model(const Pipeline *pipeline); /* borrowed */
size_t pipeline_steps(const Pipeline *pipeline);
const Step *pipeline_step(const Pipeline *pipeline, size_t i);

/* Learn the steps alone, for a model that is trained by itself: the pipeline is then fitted if the
 * model is, for as many features as the last step makes. On an interrupt it is as it was. */
bool pipeline_fit_steps(Pipeline *pipeline, const Samples *samples, Progress *progress, Error *err);

/* What the model is given: n × pipeline_width numbers, of a batch that has the pipeline's features.
 * Width 0: the steps have not been learnt. */
size_t pipeline_width(const Pipeline *pipeline);
bool pipeline_transform(Pipeline *pipeline, const Batch *x, float *y, Error *err);

#endif
