/* descent.h — one descent of many samples in lockstep: the state that an attack's step works on.
 *
 * A row is one sample of this descent. Rows that still move are listed in `active`; what is
 * computed for a step (gradients, trial points) is stored by place in that list. */
#ifndef PERIGEE_ATTACK_DESCENT_H
#define PERIGEE_ATTACK_DESCENT_H

#include "attack/problem.h"
#include "core/rng.h"

/* Rows of a piece of a step's work; each row's result is its own. */
enum { DESCENT_PIECE = 8 };

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
    double *rated;                         /* n: the loss as an answer, where the row stands */
    Path *path;                            /* n */
    size_t iteration, iterations;          /* 1 … iterations; 0 at the start */
    size_t active_count;
    size_t *active;
    float *gradient;       /* active × features, of the current points */
    double *gradient_norm; /* active: l2 */
    double *largest;       /* active: the largest kernel beside the gradient (model.h), or NaN */
    double *weights;       /* active × columns: what the gradient is of, where scores are known */
    bool measures;         /* the next trial points are measured: risen, kernels as they are */
    double *height;        /* active: as the last ascent answered */
    double *risen;         /* n: what ascents raise (model.h), where each row stands */
    bool ahead;            /* gradients of the points that the rows have just moved to are there */
    bool foresees;         /* the next step is likely to ask for them, as this one has */
    float *trial;          /* active · trials × features */
    double *trial_scores;  /* active · trials × columns */
    double *trial_loss;    /* active · trials: of these scores */
    Goal *trial_goal;      /* active · trials: whose they are, … */
    size_t *trial_sample;  /* … as Descent.goal and Descent.sample have it */
    double *scratch;       /* one row of features for each worker thread */
    void *state[ATTACK_STATES]; /* the attack's own */
} Descent;

/* Room for n rows. The caller then fills x0, goal, extent, sample, stream (borrowed) and the start
 * points x (in ball and box), and with scores_known their scores too. On failure nothing is held.
 */
bool descent_init(Descent *descent, const Problem *problem, size_t n, Error *err);
void descent_clear(Descent *descent);

/* Seed a row's generator where its descent begins: its numbers follow from the seed, the sample,
 * where the descent sets out and the class that it is for. */
void descent_seed(const Descent *descent, size_t row, Rng *rng);

/* Where a row may go. */
Constraint descent_constraint(const Descent *descent, size_t row);

/* Trial points of some rows, side by side: `per` for each of `count` places in the active list
 * (place NULL: 0, 1, …). */
typedef struct Trials {
    const size_t *place;
    size_t count, per;
} Trials;

/* Scores of the trial points into trial_scores, counted for their samples, and losses into
 * trial_loss. */
bool descent_score(Descent *descent, const Trials *trials, Error *err);

/* A point that has been scored. */
typedef struct Candidate {
    const float *x;
    const double *scores;
    double loss;
} Candidate;

/* Gradients of the objective, or along the options' direction, where the active rows stand, into
 * `gradient`: counted, and noted in the rows' paths. That is done already where the attack's own
 * `gradient` says so. */
bool descent_take_gradients(Descent *descent, Error *err);

/* Other gradients: where, and along what. */
typedef struct GradientOf {
    const float *x;        /* active × features; NULL: where the rows stand */
    DescentView view;      /* how the objective's is asked for … */
    const double *weights; /* … unless it is of these sums of scores, active × columns */
} GradientOf;

/* Those into `gradient`, counted. Where points are given, or the view ascends, their scores are
 * counted as well, and lie in trial_scores, their losses in trial_loss; but not with weights. */
bool descent_gradients_of(Descent *descent, const GradientOf *of, Error *err);

/* Scores of any points (active × features) into trial_scores, counted, and losses into trial_loss.
 */
bool descent_score_at(Descent *descent, const float *x, Error *err);

/* How the options have it that this iteration's direction is asked for, along another one. */
DescentView descent_view(const Descent *descent, Direction direction);

/* Move the row there. */
void descent_move(Descent *descent, size_t row, Candidate to);

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

/* From the first value to the final one, by half a cosine over the run. */
double descent_cosine(const Descent *descent, double first, double last);

/* Of each sample's rows the first `most` by what is left of them (the least) go on; others stop. */
void descent_keep(Descent *descent, size_t most,
                  double (*left)(const Descent *descent, size_t row));

/* How many iterations a descent may take. */
size_t descent_iterations(const Attack *attack, const AttackParams *params);

/* Until every row has stopped. Steps the progress by one for each row and iteration (skipped ones
 * included), so a descent is worth n · descent_iterations. */
bool descent_run(Descent *descent, Progress *progress, Error *err);

#endif
