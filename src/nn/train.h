/* train.h — training a network: steps of an optimizer (optimizer.h) on the gradient of a loss of
 * batches, softmax cross-entropy unless there is another.
 *
 * Every epoch goes once through a new random order of the samples (or the given order) in batches;
 * the last batch takes what is left. A batch is split over the workers, their gradients are added
 * in a fixed order: the same seed gives the same bits, for any number of threads. So does a
 * training that was cut off, however, and is resumed from its checkpoint. */
#ifndef PERIGEE_NN_TRAIN_H
#define PERIGEE_NN_TRAIN_H

#include "model.h"
#include "nn/train_params.h"

#include <cjson/cJSON.h>

typedef struct Network Network;

/* Why it ended, other than that all epochs were done or by an interrupt. */
typedef enum TrainEnd { TRAIN_DONE, TRAIN_PATIENCE, TRAIN_ON_EPOCH } TrainEnd;
extern const char *const train_ends[]; /* NULL, "patience", "on_epoch" */

/* One row per finished epoch. */
typedef struct TrainHistory {
    size_t epochs; /* finished */
    size_t at;     /* the last one begun, whose end on_epoch belongs to */
    bool interrupted;
    int ended;   /* TrainEnd */
    size_t best; /* with patience: the epoch whose weights the net has; 0 before it is known */
    struct TrainEpoch {
        double loss, accuracy; /* means over the epoch, dropout on, while the weights moved */
        double validation_loss, validation_accuracy; /* NaN without samples, or interrupted */
        double lr, seconds;
    } epoch[];
} TrainHistory;

/* Its columns under the names that users know them by; a NULL name ends them. */
typedef struct TrainColumn {
    const char *name;
    size_t offset;   /* of a double in a row */
    bool validation; /* only where there were validation samples */
} TrainColumn;
extern const TrainColumn train_columns[];
double train_number(const TrainHistory *history, const TrainColumn *column, size_t epoch);

/* Train on from the present weights (or anew). Labels become columns by the net's classes; a net
 * without classes takes the sorted labels of `samples` (there must be as many as outputs). An
 * interrupt leaves the weights of the last finished batch; a checkpoint is of the last epoch. On
 * failure (NULL), and where loss or weights are no longer finite numbers, the net is as it was. The
 * caller frees the history. */
TrainHistory *network_train(Network *net, const Samples *samples, const TrainParams *params,
                            Error *err);

/* What of such a training other processes (TrainCrew) cannot do, for a sentence: "the loss is a
 * function"; NULL: they can. And is there anything for them in a batch? */
const char *network_train_keeps(const Network *net, const TrainParams *params);
bool network_train_divides(const Network *net, const Samples *samples, const TrainParams *params);

/* Assist a training elsewhere until it ends: this net, which is changed, those samples, and what
 * params say of batches; in *batches of them. False: it could not begin. */
bool network_assist(Network *net, const Samples *samples, const TrainParams *params,
                    size_t *batches, Error *err);

/* How the net was last trained (samples, parameters, final loss and accuracy), or NULL. */
const cJSON *network_record(const Network *net);

/* The parameters that model_fit uses. */
TrainParams *network_fit_params(Network *net);

#endif
