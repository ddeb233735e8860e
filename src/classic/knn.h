/* knn.h — the k nearest neighbours among the training samples, by Euclidean distance.
 *
 * A class's score is its share of the neighbours' votes, which count alike or by 1 / distance
 * (where some neighbours are at distance 0, those alone); scikit-learn's KNeighborsClassifier.
 * Equal shares go to the lowest label. Distances that decide are computed in double: the fast
 * ones, in float32, only say who may be among the nearest.
 *
 * Votes are constant almost everywhere (or, by distance, jump where neighbours change), so their
 * own gradient leads nowhere. What is given as the gradient is that of a soft form over all
 * training samples,
 *
 *     log Σ_{i in c} exp(−‖x − s_i‖² / T) − log Σ_i exp(−‖x − s_i‖² / T)
 *
 * with the softness T: a surrogate, which points from everywhere to a class's nearest samples.
 * Scores stay the hard votes. With a softness of 0 it refuses gradients, and answers scores alone.
 */
#ifndef PERIGEE_CLASSIC_KNN_H
#define PERIGEE_CLASSIC_KNN_H

#include "core/types.h"
#include "model.h"

typedef struct Knn Knn; /* starts with a Model */

enum { KNN_UNIFORM, KNN_DISTANCE };

typedef struct KnnParams {
    size_t k;
    int weights;
    double softness; /* NaN: from the samples */
} KnnParams;
extern const Fields knn_fields;

Knn *knn_new(const KnnParams *params, Error *err);

/* The training samples (float32, n × features); NULL while it is not fitted. */
Array *const *knn_samples(const Knn *knn);
/* The softness in force, NaN where it is not fitted: of itself an eighth of the mean squared
 * distance to the k-th neighbour among (up to a thousand of) the training samples. Attacks find
 * most about there; much more blurs the classes, much less sees the nearest sample alone. */
double knn_softness(const Knn *knn);

extern const ModelKind knn_kind;

#endif
