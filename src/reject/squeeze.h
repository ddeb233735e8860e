/* squeeze.h — rejection by feature squeezing (W. Xu et al., "Feature squeezing: detecting
 * adversarial examples in deep neural networks", NDSS 2018).
 *
 * With p(x) the softmax of a model's scores and squeezers q_i (squeezers.h), the paper's score is
 * the largest distance d = max_i ‖p(x) − p(q_i(x))‖₁, from 0 to 2, and samples with a large one are
 * rejected. The statistic here is
 *
 *     S = log((2 − d) / d)
 *
 * which falls with d, so that S > θ where d < 2 / (1 + exp θ), and whose gradient does not die
 * where two classes are nearly certain: 2 − d = 2 Σ_c min(p_c(x), p_c(q(x))). It is kept at 700
 * where no squeezer changes anything. With o the log-odds (log_odds.h)
 *
 *     P_c = min(o_c(x), min_i o_c(q_i(x))) ≤ S:
 *
 * where all views of a sample are sure of c, it is accepted (detector.h). */
#ifndef PERIGEE_REJECT_SQUEEZE_H
#define PERIGEE_REJECT_SQUEEZE_H

#include "reject/detector.h"

/* What reject.squeeze takes. */
typedef struct SqueezeParts {
    Model *model;
    const char *const *squeezer; /* "bits 1", "median 2": see squeezers.h */
    size_t squeezers;
    double threshold;
} SqueezeParts;
extern const Fields squeeze_fields;

/* Starts with a Detector. The model, which must not reject by itself, is retained; fitting trains
 * it. Windows need a model that knows the shape of its images. */
Model *squeeze_new(const SqueezeParts *parts, Error *err);

size_t squeeze_count(const Model *model);
const char *squeeze_name(const Model *model, size_t i, char text[32]); /* returns text */

extern const DetectorKind squeeze_kind;

#endif
