/* confidence.h — rejection by the largest softmax probability (D. Hendrycks and K. Gimpel, "A
 * baseline for detecting misclassified and out-of-distribution examples in neural networks", ICLR
 * 2017), and by the free energy (W. Liu et al., "Energy-based out-of-distribution detection",
 * NeurIPS 2020): what any model's scores z say by themselves.
 *
 * Confidence: with p = softmax(z / T) the class scores are log-odds,
 *
 *     s_c = log(p_c / (1 − p_c)) = z_c / T − log Σ_{k≠c} exp(z_k / T)
 *
 * which rise with p_c: the best probability is above P exactly where the best score is above
 * θ = log(P / (1 − P)). Unlike p, and log p, they and their gradients do not die where one class is
 * nearly certain.
 *
 * Energy: the statistic is S = T log Σ_k exp(z_k / T), minus the free energy, and P_c = S
 * (detector.h), so s_c = S − (z_m − z_c). */
#ifndef PERIGEE_REJECT_CONFIDENCE_H
#define PERIGEE_REJECT_CONFIDENCE_H

#include "reject/detector.h"

/* What reject.confidence and reject.energy take. */
typedef struct ConfidenceParts {
    Model *model;
    double threshold, temperature;
    double probability; /* confidence: P, in place of the threshold; NaN: as that says */
} ConfidenceParts;
extern const Fields confidence_fields, energy_fields;

/* Start with a Detector. The model, which must not reject by itself, is retained; fitting trains
 * it. */
Model *confidence_new(const ConfidenceParts *parts, Error *err);
Model *energy_new(const ConfidenceParts *parts, Error *err);

extern const DetectorKind confidence_kind, energy_kind;

/* The P of a confidence model's threshold. */
double confidence_probability(const Model *model);

#endif
