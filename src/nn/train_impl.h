/* train_impl.h — a training's inside, for train*.c: train.c sets up and counts epochs,
 * train_batch.c does one batch and its step, train_crew.c has others do pieces of batches,
 * train_checkpoint.c keeps it all in a file. */
#ifndef PERIGEE_NN_TRAIN_IMPL_H
#define PERIGEE_NN_TRAIN_IMPL_H

#include "core/labels.h"
#include "core/rng.h"
#include "model.h"
#include "nn/gradient_parts.h"
#include "nn/network_impl.h"
#include "nn/optimizer.h"
#include "nn/train_params.h"

#include <stdatomic.h>

/* What is added up over one piece of a batch, beside its gradient. */
typedef struct PieceSums {
    double loss;
    size_t hits;
} PieceSums;

/* A batch whose samples are made before its pass, rather than gathered tile by tile: where
 * something looks at all of them, or changes them. All NULL where nothing does. */
typedef struct MadeBatch {
    float *x;        /* rows of features, as the samples'; behind them what an adversary makes */
    float *room;     /* of one row, for each worker */
    int32_t *y;      /* their labels … */
    int32_t *target; /* … and the columns of these */
} MadeBatch;

/* How other processes take part in batches; all NULL or 0 where there are none. */
typedef struct CrewPart {
    size_t *piece, *column; /* by process: where its pieces begin, and its weights; owned */
    bool at_work;           /* on the present batch */
    size_t batches;         /* whose time was looked at lately */
    double alone, together; /* the time of one: the least, then a mean of late ones */
    /* Of the present batch: when it was ordered and begun here, and the time of our pieces and of
     * all that is not done alone. */
    double ordered, begun, own, shared;
} CrewPart;

typedef struct Trainer {
    Network *net;
    const Samples *samples;
    const TrainParams *params;
    size_t outputs;
    int32_t *target;     /* the column of each sample's label */
    int32_t *held;       /* the same of the validation samples, or NULL */
    size_t *order;       /* of this epoch */
    GradientParts parts; /* of a batch: its pieces' gradients, … */
    PieceSums *sums;     /* … and their other sums */
    float *tiles;        /* for each worker a tile's scores and their slopes */
    MadeBatch made;
    PassRoom room; /* of batches that go through as a whole */
    Optimizer optimizer;
    Rng rng;
    struct TrainHistory *history;
    float *backup;    /* the weights before */
    float *buffers;   /* room for the net's buffers over a step, in its vector's places; or NULL */
    float *best;      /* with patience: those of the least validation loss … */
    double best_loss; /* … which was this, */
    size_t since;     /* so many epochs ago */
    Labels classes;   /* the net's, or of the samples where it has none yet */
    bool lent;        /* the net has them before it is trained */
    bool stopped;     /* by an interrupt */
    /* the present epoch, and the generator before it drew the order */
    size_t epoch;
    Rng shuffled;
    /* the present batch: */
    double started;
    atomic_bool given_up;
    size_t first, count;
    size_t from, until; /* of its samples, those that are done here */
    uint64_t seed;
    CrewPart crew;
} Trainer;

/* What batches need, for the largest of them; after network_ready, which sees to the workspaces. */
bool trainer_allocate_batch(Trainer *trainer, Error *err);
void trainer_clear_batch(Trainer *trainer);

/* The step of the batch of trainer->count samples from trainer->first on; its summed loss and hits
 * are added to *loss and *hits. A large batch may be given up after an interrupt: there is no step,
 * and training has stopped. */
bool train_batch(Trainer *trainer, double *loss, size_t *hits, Error *err);

/* Gradients and sums of the pieces that are done here of the present batch, by tiles; their rows,
 * where any are made, by nobody else before. */
void trainer_do_pieces(Trainer *trainer);

bool crew_allocate(Trainer *trainer, Error *err);
void crew_clear(Trainer *trainer);

/* Say what is done here of the present batch: all of it, or our pieces; then the others know of it,
 * too. And, when these are done, get all sums, and the whole gradient into the first vector. */
void crew_begin(Trainer *trainer);
void crew_end(Trainer *trainer);

/* The present batch has taken so many seconds. */
void crew_measure(Trainer *trainer, double seconds);

/* The others' part of a training: of how many batches. */
size_t crew_assist(Trainer *trainer);

/* What a file tells of options that are no numbers: "flip 0.5, noise 0.1". Returns text. */
enum { AUGMENT_TEXT = 160 };
char *train_augment_text(const TrainParams *params, char text[AUGMENT_TEXT]);

/* The seed of a checkpoint that is there, if it can be read. */
void checkpoint_seed(const char *path, uint64_t *seed);

/* Take up what the checkpoint holds, if there is one. One of another training is refused, and so is
 * a path that cannot be written. */
bool checkpoint_resume(Trainer *trainer, Error *err);

/* Write it; nothing where none is asked for. */
bool checkpoint_write(const Trainer *trainer, Error *err);

#endif
