/* train_params.h — what can be chosen about the training of a network. */
#ifndef PERIGEE_NN_TRAIN_PARAMS_H
#define PERIGEE_NN_TRAIN_PARAMS_H

#include "core/fields.h"
#include "model.h"
#include "nn/augment.h"

/* ---- What may come from outside: called on the main thread, with a context of the caller's.
 * NULL: there is none. What fails with ERROR_INTERRUPTED ends the training as an interrupt does. */

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

/* Changes a batch's samples in place, by this seed, before anything attacks them. */
typedef struct TrainChange {
    size_t n, features;
    uint64_t seed;
    float *x;
} TrainChange;
typedef struct TrainAugment {
    bool (*change)(void *context, const TrainChange *change, Error *err);
    void *context;
} TrainAugment;

/* The logits of a batch (n × outputs) with its labels: the mean loss, and its slope by the logits.
 */
typedef struct TrainLogits {
    const float *logits;
    const int32_t *y;
    size_t n, outputs;
    double *loss;  /* out */
    float *slopes; /* out, n × outputs */
} TrainLogits;
typedef struct TrainLoss {
    bool (*value)(void *context, const TrainLogits *logits, Error *err);
    void *context;
} TrainLoss;

/* The rate of an epoch, which count from 1; or a look at one that is done, which may end it all. */
struct TrainHistory;
typedef struct TrainWatch {
    bool (*rate)(void *context, size_t epoch, double *lr, Error *err);
    bool (*epoch)(void *context, const struct TrainHistory *so_far, bool *stop, Error *err);
    void *context;
} TrainWatch;

/* Processes that do pieces of each batch, in step (mpi/crew.h): all have the net and the samples,
 * the first of them has the training, and the others assist (train.h). */
typedef struct TrainCrew {
    int own, count; /* which we are, from 0; of how many */
    /* The first: n bytes for all others; they wait for these, or for the end, which is false. */
    void (*order)(const void *bytes, size_t n);
    void (*ready)(void);
    bool (*await)(void *bytes, size_t n);
    /* All of them, after an order: as in mpi/transport.h. */
    void (*broadcast)(void *bytes, size_t n);
    void (*gather)(void *all, const size_t *first, size_t unit);
    void (*turn)(float *matrix, size_t stride, const size_t *row, const size_t *column);
} TrainCrew;

/* What tells these from others in their places (their code, say), and so the net's layers that are
 * somebody else's: a checkpoint of others is refused. NULL: nothing does. */
typedef struct TrainCode {
    const char *loss, *rate, *augment, *adversary, *layers;
} TrainCode;

/* How the rate goes over the epochs, e from 0: lr · lr_decay^⌊e / lr_step⌋, as it is, or
 * lr · (1 + cos(π e / epochs)) / 2. */
typedef enum TrainSchedule { TRAIN_STEP, TRAIN_CONSTANT, TRAIN_COSINE } TrainSchedule;
enum { TRAIN_UNSAID = -1 }; /* nobody has chosen: TRAIN_STEP */

typedef struct TrainParams {
    size_t epochs, batch;
    double lr, momentum, weight_decay;
    int schedule;    /* TrainSchedule, or TRAIN_UNSAID */
    double lr_decay; /* the rate is multiplied by this … */
    size_t lr_step;  /* … after every lr_step epochs */
    int optimizer;   /* OptimizerKind */
    bool nesterov;
    double beta1, beta2, epsilon; /* Adam's */
    double clip;                  /* the gradient's largest length; 0: any */
    double label_smoothing;       /* the share of the target that all classes have alike */
    size_t patience; /* epochs without a better validation loss, after which it ends; 0: none */
    bool shuffle;
    bool anew;       /* draw the weights from the net's seed first */
    size_t shift;    /* move each image by up to this many pixels, at random, every time */
    Augment augment; /* and change it otherwise */
    const TrainAdversary *adversary; /* NULL: batches are learned as they are */
    double adversarial_share;        /* of each batch that it moves */
    double trades; /* the weight of TRADES' divergence; 0: the loss is that of what was attacked */
    uint64_t seed; /* of the order, of dropout, of what is changed, of the adversary */
    bool any_seed; /* it was drawn: that of a checkpoint will do as well */
    const Samples *validation;  /* scored after every epoch; NULL for none */
    const TrainAugment *change; /* beside augment */
    const TrainLoss *loss;      /* in cross-entropy's place */
    const TrainWatch *watch;    /* its functions may be NULL */
    const TrainCode *code;      /* for a checkpoint */
    const TrainCrew *crew;      /* NULL: this process does all of it */
    const char *checkpoint;     /* a file that is written after every epoch, and resumed from */
    const char *source;         /* what the samples are, for the net's record; NULL if unknown */
    Progress *progress;         /* told of every batch; NULL for none */
} TrainParams;

TrainParams train_defaults(void); /* 10 epochs of 128, rate 0.02, momentum 0.9, shuffled */

extern const Fields train_fields; /* its options */

/* Does a training like this use the option of that name, or is it at its default? Only another
 * optimizer or schedule may use it; the complaint says which. */
bool train_uses(const TrainParams *params, const char *name, Error *err);

#endif
