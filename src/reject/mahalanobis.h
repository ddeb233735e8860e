/* mahalanobis.h — rejection by the Mahalanobis distance to the nearest class on a net's layers (K.
 * Lee et al., "A simple unified framework for detecting out-of-distribution samples and adversarial
 * attacks", NeurIPS 2018).
 *
 * f_l(x) is the output of layer l, of maps of channels their means over the places, as in the
 * paper. On the training samples, μ_lc is the mean of class c and Σ_l the covariance about the
 * classes' means, which they share. With
 *
 *     M_lc = −(f_l − μ_lc)ᵀ Σ_l⁻¹ (f_l − μ_lc)
 *
 * the statistic is S = Σ_l α_l max_c M_lc, and P_c = Σ_l α_l M_lc (detector.h). The weights α are 1
 * unless they are given: the paper's follow from a logistic regression on samples that are known to
 * be bad.
 *
 * Σ⁻¹ is the pseudo-inverse: directions of which the variance is not above 1e-9 of the largest are
 * left out, such as those of units that never fire, or of all that n samples say nothing of. With a
 * shrinkage λ it is that of (1 − λ) Σ + λ tr(Σ) / d, which leaves out none. As Σ⁻¹ = WᵀW the
 * distances are Euclidean ones behind W. */
#ifndef PERIGEE_REJECT_MAHALANOBIS_H
#define PERIGEE_REJECT_MAHALANOBIS_H

#include "reject/detector.h"

/* What reject.mahalanobis takes. */
typedef struct MahalanobisParts {
    Network *net;
    const char *const *layer; /* their names */
    size_t layers;
    const double *weight; /* one for each, finite; NULL: all 1 */
    double threshold, shrinkage;
} MahalanobisParts;
extern const Fields mahalanobis_fields;

/* Starts with a Detector. The net is retained and stays as it is; a fit learns means and
 * covariances. */
Model *mahalanobis_new(const MahalanobisParts *parts, Error *err);

double mahalanobis_weight(const Model *model, size_t l);
/* Directions that count in layer l; 0 while not fitted. */
size_t mahalanobis_rank(const Model *model, size_t l);

extern const DetectorKind mahalanobis_kind;

#endif
