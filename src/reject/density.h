/* density.h — rejection by a kernel density on features (R. Feinman et al., "Detecting adversarial
 * samples from artifacts", 2017).
 *
 * With f(x) the flattened output of a net's layer, of d numbers, and X_c the outputs of the n_c
 * training samples of class c, a Gaussian kernel density of bandwidth h for each class:
 *
 *     P_c = log( 1/n_c Σ_{s ∈ X_c} exp(−‖f(x) − s‖² / 2h²) ) − d/2 log(2πh²)
 *
 * and the statistic is that of the class m which the net predicts, S = P_m (detector.h). By
 * log-sum-exp: it and its gradient, 1/h² Σ_s p_s (s − f) with p the shares of the sum, do not die
 * however far from all points. An ascent with wider kernels sees 1/h² divided.
 *
 * The bandwidth, where none is given, is the one of the largest likelihood of the training samples
 * with each left out of its own class's density, for which the mean of Σ p_s ‖f − s‖² / d is h². Of
 * many samples some are left out, evenly spread over each class: so many that there are about 2^24
 * pairs. */
#ifndef PERIGEE_REJECT_DENSITY_H
#define PERIGEE_REJECT_DENSITY_H

#include "reject/detector.h"

/* What reject.density takes. */
typedef struct DensityParts {
    Network *net;
    const char *layer;
    double threshold, bandwidth; /* NaN: by likelihood */
} DensityParts;
extern const Fields density_fields;

/* Starts with a Detector. The net is retained and stays as it is; a fit learns the points, and the
 * bandwidth if none is set. */
Model *density_new(const DensityParts *parts, Error *err);

double density_bandwidth(const Model *model); /* in use; NaN while not fitted */
size_t density_points(const Model *model);

extern const DetectorKind density_kind;

#endif
