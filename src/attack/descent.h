/* descent.h — one descent of many samples in lockstep: the state that an attack's step works on.
 *
 * A row is one sample of this descent. Rows that still move are listed in `active`; what is
 * computed for a step (gradients, trial points) is stored by place in that list. */
#ifndef PERIGEE_ATTACK_DESCENT_H
#define PERIGEE_ATTACK_DESCENT_H

#include "attack/attack.h"
#include "attack/objective.h"
#include "attack/verdict.h"

/* Rows of a piece of a step's work; each row's result is its own. */
enum { DESCENT_PIECE = 8 };

/* What stays the same over all descents of an attack. */
typedef struct Problem {
    const Attack *attack;
    const Objective *objective;
    const AttackParams *params; /* resolved */
    Constraint constraint;      /* but for dmax, which is a row's own: descent_constraint */
    Model *model;               /* what is attacked, or its means over several calls */
    size_t features, columns;
    char where[48]; /* "attack.pgd_exp", for messages */
} Problem;

/* How far a sample may go, and its eta, which may follow from that. */
typedef struct Extent {
    double dmax, eta;
} Extent;

/* One row's way so far: plain growing storage. */
typedef struct Path {
    size_t count, capacity;
    double *loss, *scores, *distance;
    double *gradient_norm;  /* NaN where no gradient has been taken */
    double *largest_kernel; /* beside it; NaN where none decides */
    float *iterates;        /* NULL unless kept */
} Path;

typedef struct Descent {
    const Problem *problem;
    size_t n;
    const float *const *x0; /* the attacked sample of each row */
    const Goal *goal;       /* n */
    const Extent *extent;   /* n */
    const size_t *sample;   /* n: each row's number in the user's batch, for messages */
    const uint64_t *stream; /* n: seed of each row's own random numbers */
    bool scores_known;
    size_t *left; /* by number in the user's batch: queries that may still be spent on a sample;
                     NULL: as many as it takes */
    float *x;     /* n × features: where each row stands */
    double *scores, *loss;                 /* n × columns; n */
    int32_t *score_count, *gradient_count; /* n */
    int32_t *stop;                         /* n: StopReason, valid for rows that stopped */
    int32_t *still;                        /* n: iterations since the row last moved */
    float *answer;                         /* n × features: the best (or last) point so far */
    size_t *answer_at;                     /* n: its place in the path */
    Worth *worth;                          /* n: how good it is */
    Path *path;                            /* n */
    size_t iteration, iterations;          /* 1 … iterations; 0 at the start */
    size_t active_count;
    size_t *active;
    float *gradient;       /* active × features, of the current points */
    double *gradient_norm; /* active: l2 */
    double *largest;       /* active: the largest kernel beside the gradient (model.h), or NaN */
    double *weights;       /* active × columns: what the gradient is of, where scores are known */
    Goal *place_goal;      /* active: the rows' goals, for ascents */
    bool measures;         /* the next trial points are measured: risen, kernels as they are */
    double *height;        /* active: as the last ascent answered */
    double *risen;         /* n: what ascents raise (model.h), where each row stands */
    bool ahead;            /* gradients of the points that the rows have just moved to are there */
    float *trial;          /* active · trials × features */
    double *trial_scores;  /* active · trials × columns */
    double *scratch;       /* one row of features for each worker thread */
    void *state[ATTACK_STATES]; /* the attack's own */
} Descent;

/* Room for n rows. The caller then fills x0, goal, extent, sample, stream (borrowed) and the start
 * points x (in ball and box), and with scores_known their scores too. On failure nothing is held.
 */
bool descent_init(Descent *descent, const Problem *problem, size_t n, Error *err);
void descent_clear(Descent *descent);

/* Where a row may go. */
Constraint descent_constraint(const Descent *descent, size_t row);

/* Points that are scored: n × features, and n × columns. */
typedef struct Points {
    const float *x;
    size_t n;
    double *scores; /* out */
} Points;

/* Scores of any points. A long batch is done in pieces (see model.h's
 * whole_batches); an interrupt between two of them is a failure: ask progress_interrupt_pending. */
bool problem_score(const Problem *problem, const Points *points, Error *err);

/* Trial points of some rows, side by side: `per` for each of `count` places in the active list
 * (place NULL: 0, 1, …). */
typedef struct Trials {
    const size_t *place;
    size_t count, per;
} Trials;

/* Scores of the trial points into trial_scores, counted for their samples. */
bool descent_score(Descent *descent, const Trials *trials, Error *err);

/* What a point with these scores is worth to a goal; the attack's loss there, and that of the row.
 * Where scores are not finite the loss is infinite: no such point is better than any other. */
double problem_loss(const Problem *problem, const double *scores, Goal goal);
Worth problem_worth(const Problem *problem, const double *scores, Goal goal);
double descent_loss(const Descent *descent, size_t row, const double *scores);

/* Move the row to this point. */
void descent_move(Descent *descent, size_t row, const float *point, const double *scores);

/* Score the first trial point of every active row and move the rows there, better or worse. The
 * gradient that the next iteration will ask for comes out of the same pass through the model;
 * where `measures` is set it is heights instead. */
bool descent_take_trials(Descent *descent, Error *err);

/* How far the row is from its goal, where its gradient is known: the loss, or what is left to rise.
 */
double descent_left(const Descent *descent, size_t row);

/* Rows of one sample, one for each class that it may be taken for, lie side by side: the place
 * behind those of the sample at the place `first`. */
size_t descent_siblings(const Descent *descent, size_t first);

/* Of each sample's rows the first `most` by what is left of them (the least) go on; others stop. */
void descent_keep(Descent *descent, size_t most,
                  double (*left)(const Descent *descent, size_t row));

/* Scores and gradients that an iteration of one row takes at most, if the gradient of where it
 * stands has come with its scores, and if not. */
size_t problem_price(const Problem *problem, bool ahead);

/* How many iterations a descent may take. */
size_t descent_iterations(const Attack *attack, const AttackParams *params);

/* Until every row has stopped. Steps the progress by one for each row and iteration (skipped ones
 * included), so a descent is worth n · descent_iterations. */
bool descent_run(Descent *descent, Progress *progress, Error *err);

#endif
