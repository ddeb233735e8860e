/* train_params.h — what can be chosen about the training of a network. */
#ifndef PERIGEE_NN_TRAIN_PARAMS_H
#define PERIGEE_NN_TRAIN_PARAMS_H

#include "core/fields.h"
#include "model.h"

/* Samples of a batch that an adversary is to move, by this seed, into x_adv (n × features). */
typedef struct TrainAttack {
    Samples samples;
    uint64_t seed;
    float *x_adv;
} TrainAttack;

/* What attacks batches against the present weights; the net's pass is then not in training. */
typedef struct TrainAdversary {
    bool (*perturb)(void *context, const TrainAttack *attack, Error *err);
    void *context;
    const char *text; /* what it is, for the net's record */
} TrainAdversary;

typedef struct TrainParams {
    size_t epochs, batch;
    double lr, momentum, weight_decay;
    double lr_decay; /* the rate is multiplied by this … */
    size_t lr_step;  /* … after every lr_step epochs */
    bool shuffle;
    bool anew;    /* draw the weights from the net's seed first */
    size_t shift; /* move each image by up to this many pixels, at random, every time */
    const TrainAdversary *adversary; /* NULL: batches are learned as they are */
    double adversarial_share;        /* of each batch that it moves */
    double trades; /* the weight of TRADES' divergence; 0: the loss is that of what was attacked */
    uint64_t seed; /* of the order, of dropout, of the shifts */
    const Samples *validation; /* scored after every epoch; NULL for none */
    const char *source;        /* what the samples are, for the net's record; NULL if unknown */
    Progress *progress;        /* told of every batch; NULL for none */
} TrainParams;

TrainParams train_defaults(void); /* 10 epochs of 128, rate 0.02, momentum 0.9, shuffled */

extern const Fields train_fields; /* its options */

#endif
