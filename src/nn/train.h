/* train.h — training a network by SGD on softmax cross-entropy.
 *
 * Every epoch goes once through a new random order of the samples (or the given order) in batches;
 * the last batch takes what is left. A batch is split over the workers, their gradients are added
 * in a fixed order: the same seed and thread count give the same bits. */
#ifndef PERIGEE_NN_TRAIN_H
#define PERIGEE_NN_TRAIN_H

#include "core/progress.h"
#include "model.h"

#include <cjson/cJSON.h>

typedef struct Network Network;

typedef struct TrainParams {
    size_t epochs, batch;
    double lr, momentum, weight_decay;
    double lr_decay; /* the rate is multiplied by this … */
    size_t lr_step;  /* … after every lr_step epochs */
    bool shuffle;
    bool anew;     /* draw the weights from the net's seed first */
    size_t shift;  /* move each image by up to this many pixels, at random, every time */
    uint64_t seed; /* of the order, of dropout, of the shifts */
    const Samples *validation; /* scored after every epoch; NULL for none */
    const char *source;        /* what the samples are, for the net's record; NULL if unknown */
} TrainParams;

TrainParams train_defaults(void); /* 10 epochs of 128, rate 0.02, momentum 0.9, shuffled */

/* The numbers among the parameters by name ("epochs", "lr", …; booleans as 0 and 1), checked
 * against their range, and the NULL-terminated list of the names. */
bool train_set(TrainParams *params, const char *name, double value, Error *err);
bool train_get(const TrainParams *params, const char *name, double *value, Error *err);
const char *const *train_names(void);

/* One row an epoch that was finished. */
typedef struct TrainHistory {
    size_t epochs; /* finished */
    struct TrainEpoch {
        double loss, accuracy; /* means over the epoch, dropout on, while the weights moved */
        double validation_loss, validation_accuracy; /* NaN without samples, or interrupted */
        double lr, seconds;
    } * epoch;
    bool interrupted;
} TrainHistory;

void train_history_clear(TrainHistory *history);

/* Train on from the present weights (or anew). Labels become columns by the net's classes; a net
 * without classes takes the sorted labels of `samples` (their count must be the outputs'). An
 * interrupt leaves the weights of the last finished batch and returns true; on failure, and where
 * loss or weights are no longer finite numbers, the net is as it was. `history` gets one row an
 * epoch. */
bool network_train(Network *net, const Samples *samples, const TrainParams *params,
                   TrainHistory *history, Progress *progress, Error *err);

/* How the net was last trained (samples, parameters, final loss and accuracy), or NULL. */
const cJSON *network_record(const Network *net);

/* The parameters that model_fit uses. */
TrainParams *network_fit_params(Network *net);

#endif
