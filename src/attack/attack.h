/* attack.h — attacks on any model: what they take, and what an attack is.
 *
 * An attack moves each sample within a ball and a box (constraint.h) so that a loss falls
 * (objective.h). It knows the model by model.h alone. All samples advance in lockstep: an iteration
 * is one gradient call for all samples still moving, and one or a few score calls for all their
 * trial points; a sample that has stopped drops out. Larger sets are done in groups. A new attack
 * is one file that defines an `Attack` and one line in attacks.h's table. */
#ifndef PERIGEE_ATTACK_ATTACK_H
#define PERIGEE_ATTACK_ATTACK_H

#include "attack/constraint.h"
#include "attack/result.h"
#include "core/fields.h"
#include "core/progress.h"
#include "model.h"

/* How a gradient becomes a step of length eta: as it is (step = eta · gradient); divided by its l2
 * norm; its sign; the signs of the largest components (of those that do not push out of the box),
 * divided by their number. */
typedef enum StepRule { STEP_RAW, STEP_UNIT, STEP_SIGN, STEP_LARGEST } StepRule;

/* How long steps are over a run: eta from first to last, or falling from eta to 0.004 eta by half a
 * cosine. */
typedef enum StepSchedule { SCHEDULE_CONSTANT, SCHEDULE_COSINE } StepSchedule;

/* Along what a sample moves: the gradient of the objective; an ascent in the logarithm (model.h);
 * the gradient of kernels that are made wider. */
typedef enum Direction { DIRECTION_GRADIENT, DIRECTION_LOG, DIRECTION_SMOOTH } Direction;

/* A stage of attack.halving: lengths are in units of dmax. The direction sees the γ of kernels
 * divided by wider (the machine that decides) and wider_below (those of the layers before it; in
 * the stage's second half by wider_later). */
typedef struct HalvingStage {
    int classes; /* of each sample that take part; 0: all but the true one */
    int steps;
    double eta, eta_end, momentum, wider, wider_below, wider_later;
} HalvingStage;
enum { HALVING_STAGES = 8 };
enum { ATTACK_OWN = 16 };
extern const Fields halving_stage_fields;

/* Of a task without target labels: any wrong class, that of the best score after y's at the start,
 * or each in turn, whose best answer counts. A success is any wrong class, in all three. */
typedef enum TargetRule { TARGET_ANY, TARGET_NEAREST, TARGET_EACH } TargetRule;

/* Everything that can be chosen about an attack; which of it a given attack takes is its `fields`.
 * Numbers marked "auto" may be NaN: attack_resolve fills in what follows from the rest. */
typedef struct AttackParams {
    int norm;               /* Norm */
    double dmax;            /* radius of the ball; must be given, but where the attack is minimal */
    const Array *dmax_each; /* a radius for each sample (float64) in its place, or NULL */
    double eta;             /* length of a step, or the grid of the line search; auto */
    double eta_min;         /* where the line search starts, a multiple of eta; auto: eta */
    double eps;             /* stop when the loss changes by less; NaN: whatever the loss does */
    int max_iter;
    int step;     /* StepRule; −1 is auto: unit for l2, sign for linf, largest for l1 */
    int schedule; /* StepSchedule; −1 is auto: cosine where eta is */
    double reach; /* FMN: how far beyond dmax it may search; 0: it may not */
    double alpha, alpha_final; /* FMN: the length of the first step and of the last … */
    double gamma, gamma_final; /* … and the share by which the ball shrinks or grows */
    double radius;             /* DDN: of the first ball */
    int levels;                /* DDN: values that a feature of an answer may have; 0: any */
    int evaluations, evaluations_most; /* HopSkipJump: of the first step, and at most … */
    int tries;                         /* … and random points for a start */
    double momentum;                   /* the share of the gradients before in a step's */
    double share;                      /* Square: of the features that the first windows cover */
    Model *surrogate;                  /* transfer: whose gradients are followed; borrowed */
    bool early_stop;                   /* stop a sample where it reaches its goal */
    int restarts;                      /* further runs from random points of the ball */
    double lower, upper;
    const Array *lower_each, *upper_each; /* bounds feature by feature (float32), or NULL */
    bool iterates;                        /* keep the pixels of every iterate */
    int objective;                        /* its place in objective_table */
    int direction;                        /* Direction */
    const Array *smoothing; /* what γ is divided by, one part of the run after the other (float32);
                               NULL: by the direction's own */
    int largest;            /* components of a step along the largest */
    HalvingStage stage[HALVING_STAGES];
    int stages;
    const Array *max_queries; /* scores and gradients of a sample at most: one number or one for
                                 each sample (int32); NULL: as many as it takes */
    int samples;              /* calls of the model whose mean an answer is (mean_model.h) */
    uint64_t seed;            /* of the random points */
    TargetRule rule;          /* of the task that they are of, for its JSON */
    const struct AttackParts *parts; /* from outside (parts.h), or NULL: each may be NULL as well */
    double own[ATTACK_OWN]; /* options of an attack that is not of the table (custom.h): a field
                               of any kind but a name, a pair or a string has room in one */
    const struct CustomStep *custom; /* its step */
} AttackParams;

/* What texts and JSON say of dmax where each sample has its own: the result has them in an array.
 */
#define DMAX_PER_SAMPLE "per sample"

struct StartScores;

/* The points of a double start: the best of them for each sample is tried as a second start. */
typedef struct AttackStart {
    const float *x; /* n × features */
    size_t n;
    struct StartScores *kept; /* where their scores are kept from run to run, or NULL */
} AttackStart;

/* What is attacked. y and target are labels. */
typedef struct AttackTask {
    Model *model;
    const float *x; /* n × features */
    size_t n, features;
    const int32_t *y;      /* NULL: the model's best class at the start is taken for the truth */
    const int32_t *target; /* n labels, or NULL for error-generic: then by the rule */
    TargetRule rule;
    const float *begin; /* n × features: where each sample's search sets out, once in box and
                           ball; NULL: from the sample */
    AttackStart start;  /* n = 0 for none */
    int sample_ndim;    /* the shape of a sample, handed on to the result; 0: {features} */
    size_t sample_shape[ARRAY_MAX_DIMS];
} AttackTask;

struct Descent;

/* How an iteration of a descent asks for its direction: as an ascent (model.h), seen like this. */
typedef struct DescentView {
    bool ascends; /* false: the gradient of the objective */
    bool logarithmic;
    double wider, wider_below;
} DescentView;

/* Memory of an attack's own for every row of a descent, zeroed at its start: elements of `size`
 * bytes, as many a row as `width` says. */
typedef struct AttackState {
    size_t size;
    Width width;
} AttackState;
enum { ATTACK_STATES = 8 };

typedef struct Attack {
    const char *name;    /* "pgd_exp" */
    const char *summary; /* the help's first sentence */
    const char *example; /* Lua that runs, for the help; NULL where it has an entry of its own */
    const Field *fields; /* its options, of AttackParams (attack_fields.h) */
    AttackParams params; /* their defaults */

    /* Put numbers in place of "auto" and check what belongs together, for one dmax. NULL: there is
     * none. */
    bool (*resolve)(AttackParams *params, Error *err);

    /* One iteration of all active samples: new points, their scores and losses (see descent.h). */
    bool (*step)(struct Descent *descent, Error *err);
    /* NULL: as the options `direction` and `smoothing` have it. */
    DescentView (*view)(const struct Descent *descent, size_t iteration);
    bool each_class; /* an error-generic sample has a row for each of its wrong classes */
    size_t trials;   /* rows per sample of its largest score call, for the memory's bound */
    /* How many scores of a row a step takes at most. NULL: one. */
    size_t (*price)(const AttackParams *params);
    const AttackState *state; /* what it keeps; descent->state[0], … */
    size_t states;            /* ATTACK_STATES at most */
    bool gradient;            /* step wants the gradient */
    bool compares;            /* step compares losses: labels alone do not say enough for it */
    bool draws;               /* step draws random numbers from the rows' streams */
    bool counts_start;        /* max_iter counts the start as well as the steps */
    bool keeps_last;   /* the answer is the last point, whatever its loss; otherwise the best one, a
                          point that reaches the goal before one that does not (verdict.h) */
    bool minimal;      /* the answer is the nearest point that reaches the goal. dmax may be left
                          open (infinite); start and start_from do not go with it: it measures
                          its way from the sample */
    bool coasts;       /* once it moves, step goes on where there is no gradient */
    bool finite;       /* dmax must be: it is how far the step goes */
    bool needs_length; /* a gradient shorter than 1e-20 is none, as it is where eps is given */
    /* With eps: stop when the means of the last two windows of losses differ by less, after this
     * many iterations; 0: never. */
    int window, window_after;
    int patience; /* iterations without a move after which a row is given up; 0: 5 of them */
} Attack;

/* Does the attack take an option of that name? */
bool attack_uses(const Attack *attack, const char *option);

/* Is it made for this Norm? */
bool attack_takes_norm(const Attack *attack, int norm);

/* The parameters that say something in one line: "attack.pgd_exp: l2, dmax 2, eta 0.1, eta_min 0.1,
 * eps 1e-08, max_iter 30, bounds 0 … 1", with what a run makes of "auto" where it can. Returns
 * text.
 */
enum { ATTACK_TEXT = 512 };
const char *attack_text(const Attack *attack, const AttackParams *params, char text[ATTACK_TEXT]);

/* The parameters that this attack uses, bounds and seed (as text) included, as JSON text for
 * free(); NULL without memory. An infinite number becomes null; what has a number for each sample
 * is left out. */
char *attack_params_json(const Attack *attack, const AttackParams *params);

/* The parameters with "auto" resolved, checked; *out is set on success only. Where samples have a
 * dmax each, dmax is NaN there, and so is eta if it follows from it. */
bool attack_resolve(const Attack *attack, const AttackParams *params, AttackParams *out,
                    Error *err);

/* Where these parameters let samples go; it borrows the bounds. With a dmax for each sample the
 * constraint's is NaN. Fails where bounds are not one for each feature, or radii one of 0 or more
 * for each sample. */
bool attack_constraint(const AttackParams *params, const Batch *samples, Constraint *out,
                       Error *err);

/* What a sample's answer may depend on, to the last bit: the samples that are scored together with
 * it. Each ATTACK_GROUP of a set, in order, give what they give as a set of their own with the same
 * seed; but not where whoever looks on (parts.h) is to see all of them together. A power of two. */
enum { ATTACK_GROUP = 128 };

/* Attack all samples. An interrupt ends it early with what there is (each unfinished sample's stop
 * says so). A row that comes to scores or a gradient that are not finite stops there, and keeps the
 * answer that it had; one that starts there has failed. NULL with err if arguments do not fit, if
 * memory runs out, or if the model fails. */
AttackResult *attack_run(const Attack *attack, const AttackParams *params, const AttackTask *task,
                         Progress *progress, Error *err);

#endif
