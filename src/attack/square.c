/* square.c — the Square Attack (Andriushchenko et al., "Square Attack: a query-efficient black-box
 * adversarial attack via random search", ECCV 2020; on the l1 ball as F. Croce and M. Hein have it,
 * "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers", ICML 2021). It asks
 * for scores alone: a random change within a window of the image is kept where the loss falls.
 *
 *     linf   at first vertical stripes of ±dmax; then squares of x0 ± dmax, a sign a channel
 *     l2 l1  at first a grid of pyramids, at length dmax; then one window's change is taken away
 *            and its length given to another's, where a pyramid with a sign a channel is added, and
 *            what the bounds have taken of dmax before
 *
 * A window covers the share p of the image, which halves at 10, 50, 200, 500, 1000, 2000, 4000,
 * 6000 and 8000 of 10000 steps (of as many as there are, in proportion). Samples of no shape are a
 * line, and windows parts of it; of two sizes they are rows and columns, of three channels of them.
 */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "core/parallel.h"

#include <limits.h>
#include <string.h>

/* By row: its random numbers, and a window's new change. */
enum { SQUARE_RNG, SQUARE_CHANGE, SQUARE_STATES };
static const AttackState square_state[SQUARE_STATES] = {
    [SQUARE_RNG] = { sizeof(Rng), WIDTH_ONE },
    [SQUARE_CHANGE] = { sizeof(double), WIDTH_FEATURES },
};

typedef struct Frame {
    size_t channels, height, width;
} Frame;

typedef struct Window {
    size_t top, left, height, width;
} Window;

static Frame frame_of(const Sizes *shape, size_t features) {
    if (shape->ndim == 3)
        return (Frame){ shape->size[0], shape->size[1], shape->size[2] };
    if (shape->ndim == 2)
        return (Frame){ 1, shape->size[0], shape->size[1] };
    return (Frame){ 1, 1, features };
}

/* One row's step. z is its new point, at first its present one. */
typedef struct Square {
    const Descent *descent;
    size_t row;
    Frame frame;
    Constraint constraint;
    const float *x0;
    Rng *rng;
    double *z, *change;
} Square;

static size_t place_of(const Square *square, size_t c, size_t h, size_t w) {
    return (c * square->frame.height + h) * square->frame.width + w;
}

static double random_sign(Rng *rng) {
    return rng_next(rng) >> 63 ? 1 : -1;
}

/* The share of the image that the step's window covers. */
static double share_now(const Descent *descent) {
    static const size_t halves[] = { 10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000 };
    size_t step = (descent->iteration - 2) * 10000 / descent->iterations;
    double share = descent->problem->params->share;
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
        share /= step > halves[i] ? 2 : 1;
    return share;
}

/* At least `least` long where the image is, and of odd sides if they are to be. */
static size_t side_of(double length, size_t least, size_t most) {
    size_t side = (size_t)round(length);
    side = side > least ? side : least;
    side += least > 1 && side % 2 == 0;
    return side < most ? side : most;
}

static Window random_window(const Square *square, size_t height, size_t width) {
    Frame frame = square->frame;
    return (Window){ rng_below(square->rng, frame.height - height + 1),
                     rng_below(square->rng, frame.width - width + 1), height, width };
}

static Window draw_window(const Square *square) {
    Frame frame = square->frame;
    size_t least = square->constraint.norm == NORM_LINF ? 1 : 3;
    double area = share_now(square->descent) * (double)(frame.height * frame.width);
    double length = frame.height == 1 || frame.width == 1 ? area : sqrt(area);
    return random_window(square, side_of(length, least, frame.height),
                         side_of(length, least, frame.width));
}

/* ---- linf ------------------------------------------------------------------------------------ */

static void put(const Square *square, size_t j, double delta) {
    double low = constraint_lower(&square->constraint, j),
           high = constraint_upper(&square->constraint, j);
    square->z[j] = fmin(fmax((double)square->x0[j] + delta, low), high);
}

static void draw_stripes(const Square *square) {
    Frame frame = square->frame;
    for (size_t c = 0; c < frame.channels; c++)
        for (size_t w = 0; w < frame.width; w++) {
            double delta = random_sign(square->rng) * square->constraint.dmax;
            for (size_t h = 0; h < frame.height; h++)
                put(square, place_of(square, c, h, w), delta);
        }
}

/* Give every channel of the window its sign; has anything changed? */
static bool paint(const Square *square, Window window) {
    bool changed = false;
    for (size_t c = 0; c < square->frame.channels; c++) {
        double delta = random_sign(square->rng) * square->constraint.dmax;
        for (size_t h = window.top; h < window.top + window.height; h++)
            for (size_t w = window.left; w < window.left + window.width; w++) {
                size_t j = place_of(square, c, h, w);
                double before = square->z[j];
                put(square, j, delta);
                changed = changed || fabs(square->z[j] - before) >= 1e-7;
            }
    }
    return changed;
}

static void draw_square(const Square *square) {
    enum { TRIES = 16 }; /* where both signs lead out of the box nothing changes */
    Window window = draw_window(square);
    for (int k = 0; k < TRIES && !paint(square, window); k++)
        continue;
}

/* ---- l2 and l1: z is a change here, until it is settled -------------------------------------- */

/* What lengths are sums of: a square, or a size; and the length of such a sum. */
static double part(const Square *square, double value) {
    return square->constraint.norm == NORM_L1 ? fabs(value) : value * value;
}

static double length_of(const Square *square, double sum) {
    return square->constraint.norm == NORM_L1 ? sum : sqrt(sum);
}

/* Of all of a window's changes (outside: of what is in neither of two) in one channel. */
static double window_sum(const Square *square, size_t c, Window window) {
    double sum = 0;
    for (size_t h = window.top; h < window.top + window.height; h++)
        for (size_t w = window.left; w < window.left + window.width; w++)
            sum += part(square, square->z[place_of(square, c, h, w)]);
    return sum;
}

static double whole_sum(const Square *square) {
    double sum = 0;
    for (size_t j = 0; j < square->constraint.features; j++)
        sum += part(square, square->z[j]);
    return sum;
}

/* The height of a pyramid of that many rows and columns at (h, w): rings around the middle, each
 * 1 / k² higher than the one before that is the k-th from within. */
static double pyramid(size_t rows, size_t columns, size_t h, size_t w) {
    size_t middle_h = rows / 2, middle_w = columns / 2,
           rings = 1 + (rows > columns ? rows : columns) / 2;
    size_t away_h = h > middle_h ? h - middle_h : middle_h - h;
    size_t away_w = w > middle_w ? w - middle_w : middle_w - w;
    double sum = 0;
    for (size_t k = away_h > away_w ? away_h : away_w; k < rings; k++)
        sum += 1 / (double)((k + 1) * (k + 1));
    return sum;
}

/* Of two halves, one up and one down, side by side or one above the other. */
static double two_pyramids(Window window, bool beside, size_t h, size_t w) {
    size_t along = beside ? window.width : window.height, at = beside ? w : h;
    size_t across = beside ? window.height : window.width, other = beside ? h : w;
    size_t half = along / 2;
    return at < half ? pyramid(half, across, at, other)
                     : -pyramid(along - half, across, at - half, other);
}

/* Into `change`, in the window's channel, at length 1: a pair of pyramids with a random sign. */
static void draw_pyramids(const Square *square, size_t c, Window window) {
    bool beside = window.height == 1 || (window.width > 1 && rng_next(square->rng) >> 63);
    double sign = random_sign(square->rng), sum = 0;
    for (size_t h = 0; h < window.height; h++)
        for (size_t w = 0; w < window.width; w++) {
            size_t j = place_of(square, c, window.top + h, window.left + w);
            square->change[j] = sign * two_pyramids(window, beside, h, w);
            sum += part(square, square->change[j]);
        }
    double length = length_of(square, sum);
    for (size_t h = window.top; h < window.top + window.height; h++)
        for (size_t w = window.left; w < window.left + window.width; w++)
            square->change[place_of(square, c, h, w)] /= length > 0 ? length : 1;
}

/* Of what the window held a channel's share: its direction beside the pyramids', at `length`. */
static void blend(const Square *square, size_t c, Window window, double length) {
    double held = length_of(square, window_sum(square, c, window)) + 1e-10, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t h = window.top; h < window.top + window.height; h++)
            for (size_t w = window.left; w < window.left + window.width; w++) {
                size_t j = place_of(square, c, h, w);
                if (pass == 0) {
                    square->change[j] += square->z[j] / held;
                    sum += part(square, square->change[j]);
                } else
                    square->change[j] *= sum > 0 ? length / length_of(square, sum) : 0;
            }
}

static void set_window(const Square *square, size_t c, Window window, bool change) {
    for (size_t h = window.top; h < window.top + window.height; h++)
        for (size_t w = window.left; w < window.left + window.width; w++) {
            size_t j = place_of(square, c, h, w);
            square->z[j] = change ? square->change[j] : 0;
        }
}

/* The sum of both windows in a channel, where they overlap once. */
static double both_sums(const Square *square, size_t c, Window a, Window b) {
    size_t top = a.top > b.top ? a.top : b.top, left = a.left > b.left ? a.left : b.left;
    size_t bottom = a.top < b.top ? a.top + a.height : b.top + b.height;
    size_t right = a.left < b.left ? a.left + a.width : b.left + b.width;
    double shared = bottom > top && right > left
                        ? window_sum(square, c, (Window){ top, left, bottom - top, right - left })
                        : 0;
    return window_sum(square, c, a) + window_sum(square, c, b) - shared;
}

static void move_length(const Square *square) {
    Window to = draw_window(square), from = random_window(square, to.height, to.width);
    double left = fmax(part(square, square->constraint.dmax) - whole_sum(square), 0);
    for (size_t c = 0; c < square->frame.channels; c++) {
        double sum = fmax(both_sums(square, c, to, from), 0);
        draw_pyramids(square, c, to);
        blend(square, c, to, length_of(square, left / (double)square->frame.channels + sum));
    }
    for (size_t c = 0; c < square->frame.channels; c++) {
        set_window(square, c, from, false);
        set_window(square, c, to, true);
    }
}

/* A fifth of the image each. */
static void draw_grid(const Square *square) {
    Frame frame = square->frame;
    size_t height = frame.height >= 5 ? frame.height / 5 : 1;
    size_t width = frame.width >= 5 ? frame.width / 5 : 1;
    memset(square->z, 0, square->constraint.features * sizeof *square->z);
    for (size_t c = 0; c < frame.channels; c++)
        for (size_t top = 0; top + height <= frame.height; top += height)
            for (size_t left = 0; left + width <= frame.width; left += width) {
                Window window = { top, left, height, width };
                draw_pyramids(square, c, window);
                set_window(square, c, window, true);
            }
}

/* From a change to the point at the ball's border, and back into the box. */
static void settle(const Square *square) {
    double length = length_of(square, whole_sum(square)), dmax = square->constraint.dmax;
    double scale = length > 0 ? dmax / length : 0;
    for (size_t j = 0; j < square->constraint.features; j++)
        square->z[j] = (double)square->x0[j] + scale * square->z[j];
    ball_project(&square->constraint, square->x0, square->z);
    box_project(&square->constraint, square->z);
}

/* ---- The step -------------------------------------------------------------------------------- */

static void change_point(const Square *square) {
    const float *x = square->descent->x + square->row * square->constraint.features;
    bool first = square->descent->iteration == 1, linf = square->constraint.norm == NORM_LINF;
    for (size_t j = 0; j < square->constraint.features; j++)
        square->z[j] = (double)x[j] - (linf ? 0 : (double)square->x0[j]);
    if (linf) {
        (first ? draw_stripes : draw_square)(square);
        return;
    }
    (first ? draw_grid : move_length)(square);
    settle(square);
}

static void make_points(void *context, size_t begin, size_t end, int worker) {
    const Descent *descent = context;
    const Problem *problem = descent->problem;
    size_t d = problem->features;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        Square square = { .descent = descent,
                          .row = row,
                          .frame = frame_of(&problem->shape, d),
                          .constraint = descent_constraint(descent, row),
                          .x0 = descent->x0[row],
                          .rng = (Rng *)descent->state[SQUARE_RNG] + row,
                          .z = descent->scratch + (size_t)worker * d,
                          .change = (double *)descent->state[SQUARE_CHANGE] + row * d };
        if (descent->iteration == 1)
            descent_seed(descent, row, square.rng);
        change_point(&square);
        constraint_store(&square.constraint, square.x0, square.z, descent->trial + a * d);
    }
}

/* The stripes or the grid are where the search sets out, better than the sample or not. */
static bool square_step(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    size_t d = problem->features, columns = problem->columns;
    parallel_for(descent->active_count, DESCENT_PIECE, make_points, descent);
    if (!descent_score(descent, &(Trials){ NULL, descent->active_count, 1 }, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        Candidate candidate = { descent->trial + a * d, descent->trial_scores + a * columns,
                                descent->trial_loss[a] };
        if (descent->iteration == 1 || candidate.loss < descent->loss[row])
            descent_move(descent, row, candidate);
    }
    return true;
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM,
    ATTACK_DMAX,
    { "p", FIELD_NUMBER, ATTACK_AT(share), .low = 0, .high = 1, .open = FIELD_ABOVE_LOW,
      .meaning = "the share of the image that the first windows cover" },
    ATTACK_OBJECTIVE,
    ATTACK_MAX_ITER("points that are tried at most: the schedule's unit"),
    ATTACK_EARLY_STOP,
    ATTACK_SEED,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_square = {
    .name = "square",
    .summary = "the Square Attack: random search by scores alone",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_LINF, .max_iter = 5000, .share = 0.8,
                .early_stop = true },
    .step = square_step,
    .trials = 1,
    .state = square_state,
    .states = SQUARE_STATES,
    .compares = true,
    .draws = true,
    .finite = true,
    .patience = INT_MAX,
};
