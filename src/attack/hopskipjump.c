/* hopskipjump.c — HopSkipJump (Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient
 * decision-based attack", IEEE S&P 2020): the nearest point in l2 or linf that reaches the goal, by
 * decisions alone. φ(x) is 1 where x reaches it, else −1. A row sets out from where it stands, or
 * the first of `tries` random points of the box, that reaches it; then step t of T, with d features
 * and x on the far side of the boundary:
 *
 *     B = min(evaluations √t, evaluations_most) random u of length 1, on the sphere for l2, in the
 *     cube for linf;  v = Σ (φ(x + δ u) − mean) u
 *     x ← x + ε v / ‖v‖ (its sign for linf), ε = distance / √t halved until φ is 1
 *     x ← the boundary between x0 and x, by bisection
 *
 * δ is a tenth of the box at first, then d^½ θ (linf: d θ) times the distance before the last
 * bisection, whose precision θ is gamma d^−3/2 (linf: gamma d^−2). Points beyond dmax are on the
 * way, but no answers. */
#include "attack/attack_fields.h"
#include "attack/attacks.h"
#include "attack/descent.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <limits.h>
#include <string.h>

/* Points of a row that are scored at once, and halvings of a step or a bracket at most. */
enum { AT_ONCE = 32, MOST_HALVINGS = 48 };

/* One row's numbers. */
typedef struct Note {
    bool found, busy;
    int halvings;
    double loss;  /* of the point that was found */
    double reach; /* how far FAR is from the sample */
    double delta, epsilon;
    double low, high, precision; /* of a bisection */
    double sum;                  /* of φ */
} Note;

/* By row: the far end of a bisection; the point that reaches the goal, and its scores; Σ φ u and
 * Σ u; and the places of the rows that are asked about. */
enum {
    HSJ_RNG,
    HSJ_NOTE,
    HSJ_FAR,
    HSJ_FOUND,
    HSJ_SCORES,
    HSJ_WEIGHED,
    HSJ_PLAIN,
    HSJ_PLACE,
    HSJ_STATES
};
static const AttackState hsj_state[HSJ_STATES] = {
    [HSJ_RNG] = { sizeof(Rng), WIDTH_ONE },
    [HSJ_NOTE] = { sizeof(Note), WIDTH_ONE },
    [HSJ_FAR] = { sizeof(float), WIDTH_FEATURES },
    [HSJ_FOUND] = { sizeof(float), WIDTH_FEATURES },
    [HSJ_SCORES] = { sizeof(double), WIDTH_COLUMNS },
    [HSJ_WEIGHED] = { sizeof(double), WIDTH_FEATURES },
    [HSJ_PLAIN] = { sizeof(double), WIDTH_FEATURES },
    [HSJ_PLACE] = { sizeof(size_t), WIDTH_ONE },
};

static Note *note_of(const Descent *descent, size_t row) {
    return (Note *)descent->state[HSJ_NOTE] + row;
}

static Rng *rng_of(const Descent *descent, size_t row) {
    return (Rng *)descent->state[HSJ_RNG] + row;
}

static float *floats_of(const Descent *descent, int state, size_t row) {
    return (float *)descent->state[state] + row * descent->problem->features;
}

static double *sums_of(const Descent *descent, int state, size_t row) {
    return (double *)descent->state[state] + row * descent->problem->features;
}

static bool is_linf(const Descent *descent) {
    return descent->problem->constraint.norm == NORM_LINF;
}

static double distance_of(const Descent *descent, size_t row, const float *x) {
    return norm_distance(descent->problem->constraint.norm, x, descent->x0[row],
                         descent->problem->features);
}

/* ---- Questions ------------------------------------------------------------------------------- */

/* A point that has been scored. */
static void take_found(const Descent *descent, size_t row, Candidate point) {
    const Problem *problem = descent->problem;
    Note *note = note_of(descent, row);
    memcpy(floats_of(descent, HSJ_FOUND, row), point.x, problem->features * sizeof(float));
    memcpy((double *)descent->state[HSJ_SCORES] + row * problem->columns, point.scores,
           problem->columns * sizeof(double));
    note->loss = point.loss;
    note->found = true;
}

static size_t can_pay(const Descent *descent, size_t row) {
    size_t samples = (size_t)descent->problem->params->samples;
    return descent->left ? descent->left[descent->sample[row]] / samples : SIZE_MAX;
}

/* The busy rows that can pay for one answer more, into HSJ_PLACE; others stop. */
static size_t list_busy(Descent *descent) {
    size_t *place = descent->state[HSJ_PLACE], count = 0, last = 0, promised = 0;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        Note *note = note_of(descent, row);
        promised = descent->sample[row] == last && a > 0 ? promised : 0;
        last = descent->sample[row];
        if (!note->busy)
            continue;
        if (can_pay(descent, row) > promised) {
            place[count++] = a;
            promised++;
        } else {
            descent->stop[row] = STOP_MAX_QUERIES;
            note->busy = false;
        }
    }
    return count;
}

/* One point of every busy row after the other, until none is busy. */
typedef struct Search {
    /* The next point, which is moved into the box. */
    void (*propose)(const Descent *descent, size_t row, double *z);
    /* What comes of it. */
    void (*learn)(const Descent *descent, size_t row, Candidate point, bool reached);
} Search;

typedef struct Proposals {
    Descent *descent;
    const Search *search;
} Proposals;

static void store(const Descent *descent, size_t row, double *z, float *out) {
    box_project(&descent->problem->constraint, z);
    constraint_store(&descent->problem->constraint, descent->x0[row], z, out);
}

static void propose(void *context, size_t begin, size_t end, int worker) {
    const Proposals *proposals = context;
    const Descent *descent = proposals->descent;
    const size_t *place = descent->state[HSJ_PLACE];
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t i = begin; i < end; i++) {
        size_t row = descent->active[place[i]];
        proposals->search->propose(descent, row, z);
        store(descent, row, z, descent->trial + i * d);
    }
}

static bool search(Descent *descent, const Search *search, Error *err) {
    const Problem *problem = descent->problem;
    size_t d = problem->features, columns = problem->columns;
    const size_t *place = descent->state[HSJ_PLACE];
    for (size_t count; (count = list_busy(descent)) > 0;) {
        parallel_for(count, DESCENT_PIECE, propose, &(Proposals){ descent, search });
        if (!descent_score(descent, &(Trials){ place, count, 1 }, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            size_t row = descent->active[place[i]];
            Candidate point = { descent->trial + i * d, descent->trial_scores + i * columns,
                                descent->trial_loss[i] };
            bool reached = problem_reached(problem, point.scores, descent->goal[row]);
            search->learn(descent, row, point, reached);
        }
        if (progress_interrupt_pending())
            return error_interrupted(err, problem->where);
    }
    return true;
}

/* Rows with a point that reaches the goal are busy; of others none. */
static void all_busy(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++) {
        Note *note = note_of(descent, descent->active[a]);
        note->busy = note->found && descent->stop[descent->active[a]] < 0;
        note->halvings = 0;
    }
}

/* ---- Where it sets out ----------------------------------------------------------------------- */

static void propose_noise(const Descent *descent, size_t row, double *z) {
    const Constraint *constraint = &descent->problem->constraint;
    for (size_t j = 0; j < constraint->features; j++) {
        double low = constraint_lower(constraint, j), high = constraint_upper(constraint, j);
        double middle = (double)descent->x0[row][j];
        low = isinf(low) ? middle - 1 : low;
        high = isinf(high) ? middle + 1 : high;
        z[j] = low + (high - low) * rng_uniform(rng_of(descent, row));
    }
}

static void learn_noise(const Descent *descent, size_t row, Candidate point, bool reached) {
    Note *note = note_of(descent, row);
    if (reached)
        take_found(descent, row, point);
    note->busy = !reached && ++note->halvings < descent->problem->params->tries;
}

/* ---- Bisection ------------------------------------------------------------------------------- */

/* (1 − mid) x0 + mid FAR. */
static void propose_blend(const Descent *descent, size_t row, double *z) {
    const Note *note = note_of(descent, row);
    const float *x0 = descent->x0[row], *far = floats_of(descent, HSJ_FAR, row);
    double middle = (note->low + note->high) / 2;
    for (size_t j = 0; j < descent->problem->features; j++)
        z[j] = (1 - middle) * (double)x0[j] + middle * (double)far[j];
}

/* FAR within mid of x0, feature by feature. */
static void propose_clipped(const Descent *descent, size_t row, double *z) {
    const Note *note = note_of(descent, row);
    const float *x0 = descent->x0[row], *far = floats_of(descent, HSJ_FAR, row);
    double middle = (note->low + note->high) / 2;
    for (size_t j = 0; j < descent->problem->features; j++)
        z[j] = fmin(fmax((double)far[j], (double)x0[j] - middle), (double)x0[j] + middle);
}

static void learn_bracket(const Descent *descent, size_t row, Candidate point, bool reached) {
    Note *note = note_of(descent, row);
    *(reached ? &note->high : &note->low) = (note->low + note->high) / 2;
    if (reached)
        take_found(descent, row, point);
    note->busy = note->high - note->low > note->precision && ++note->halvings < MOST_HALVINGS;
}

static double theta(const Descent *descent) {
    double d = (double)descent->problem->features, gamma = descent->problem->params->gamma;
    return is_linf(descent) ? gamma / (d * d) : gamma / (d * sqrt(d));
}

/* From what was found, which becomes FAR, towards the sample. */
static bool bisect(Descent *descent, bool blend, Error *err) {
    static const Search by_blend = { propose_blend, learn_bracket },
                        by_clip = { propose_clipped, learn_bracket };
    size_t bytes = descent->problem->features * sizeof(float);
    all_busy(descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        Note *note = note_of(descent, row);
        if (!note->busy)
            continue;
        memcpy(floats_of(descent, HSJ_FAR, row), floats_of(descent, HSJ_FOUND, row), bytes);
        note->reach = distance_of(descent, row, floats_of(descent, HSJ_FAR, row));
        note->low = 0;
        note->high = blend ? 1 : note->reach;
        note->precision = blend ? theta(descent) : fmin(note->reach, 1) * theta(descent);
    }
    return search(descent, blend ? &by_blend : &by_clip, err);
}

static bool to_boundary(Descent *descent, Error *err) {
    return bisect(descent, !is_linf(descent), err);
}

static bool set_out(Descent *descent, Error *err) {
    static const Search noise = { propose_noise, learn_noise };
    const Problem *problem = descent->problem;
    size_t d = problem->features, columns = problem->columns;
    for (size_t row = 0; row < descent->n; row++) {
        Candidate start = { descent->x + row * d, descent->scores + row * columns,
                            descent->loss[row] };
        descent_seed(descent, row, rng_of(descent, row));
        if (problem_reached(problem, start.scores, descent->goal[row]))
            take_found(descent, row, start);
        note_of(descent, row)->busy = !note_of(descent, row)->found;
    }
    if (!search(descent, &noise, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        int32_t *stop = &descent->stop[descent->active[a]];
        if (*stop < 0 && !note_of(descent, descent->active[a])->found)
            *stop = STOP_ENDED;
    }
    /* Noise is far from the sample in every feature: on the straight line first, for linf too. */
    return bisect(descent, true, err) && (!is_linf(descent) || to_boundary(descent, err));
}

/* ---- The gradient at the boundary ------------------------------------------------------------ */

/* The widest side of the box, 1 where there is none. */
static double width_of(const Constraint *constraint) {
    double width = 0;
    for (size_t j = 0; j < constraint->features; j++) {
        double side = constraint_upper(constraint, j) - constraint_lower(constraint, j);
        width = isfinite(side) ? fmax(width, side) : width;
    }
    return width > 0 ? width : 1;
}

static double delta_of(const Descent *descent, const Note *note) {
    double d = (double)descent->problem->features;
    if (descent->iteration == 1)
        return 0.1 * width_of(&descent->problem->constraint);
    return (is_linf(descent) ? d : sqrt(d)) * theta(descent) * note->reach;
}

typedef struct Around {
    Descent *descent;
    size_t per;
} Around;

static void draw_around(void *context, size_t begin, size_t end, int worker) {
    const Around *around = context;
    const Descent *descent = around->descent;
    const size_t *place = descent->state[HSJ_PLACE];
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t i = begin; i < end; i++) {
        size_t row = descent->active[place[i]];
        const float *x = floats_of(descent, HSJ_FOUND, row);
        Rng *rng = rng_of(descent, row);
        for (size_t k = 0; k < around->per; k++) {
            for (size_t j = 0; j < d; j++)
                z[j] = is_linf(descent) ? 2 * rng_uniform(rng) - 1 : rng_normal(rng);
            double length = norm_of(NORM_L2, z, d), delta = note_of(descent, row)->delta;
            for (size_t j = 0; j < d; j++)
                z[j] = (double)x[j] + (length > 0 ? delta / length : 0) * z[j];
            store(descent, row, z, descent->trial + (i * around->per + k) * d);
        }
    }
}

static void weigh_around(void *context, size_t begin, size_t end, int worker) {
    const Around *around = context;
    const Descent *descent = around->descent;
    const Problem *problem = descent->problem;
    const size_t *place = descent->state[HSJ_PLACE];
    size_t d = problem->features;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        size_t row = descent->active[place[i]];
        Note *note = note_of(descent, row);
        const float *x = floats_of(descent, HSJ_FOUND, row);
        double *weighed = sums_of(descent, HSJ_WEIGHED, row),
               *plain = sums_of(descent, HSJ_PLAIN, row);
        for (size_t t = i * around->per; t < (i + 1) * around->per; t++) {
            const double *scores = descent->trial_scores + t * problem->columns;
            double phi = problem_reached(problem, scores, descent->goal[row]) ? 1 : -1;
            note->sum += phi;
            for (size_t j = 0; j < d; j++) {
                double u = ((double)descent->trial[t * d + j] - (double)x[j]) / note->delta;
                weighed[j] += phi * u;
                plain[j] += u;
            }
        }
    }
}

/* `per` further points of those busy rows that can pay for them, or `one` of those that cannot. */
static size_t list_around(Descent *descent, size_t per, bool one) {
    size_t *place = descent->state[HSJ_PLACE], count = list_busy(descent), kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t first = descent->active[place[i]], rows = 1;
        while (i + rows < count &&
               descent->sample[descent->active[place[i + rows]]] == descent->sample[first])
            rows++;
        bool rich = can_pay(descent, first) / rows >= per;
        for (size_t k = 0; k < rows; k++)
            if (rich != one)
                place[kept++] = place[i + k];
        i += rows - 1;
    }
    return kept;
}

static bool look_around(Descent *descent, size_t per, bool one, Error *err) {
    size_t count = list_around(descent, per, one);
    Around around = { descent, one ? 1 : per };
    if (count == 0)
        return true;
    parallel_for(count, 1, draw_around, &around);
    if (!descent_score(descent, &(Trials){ descent->state[HSJ_PLACE], count, around.per }, err))
        return false;
    parallel_for(count, 1, weigh_around, &around);
    return !progress_interrupt_pending() || error_interrupted(err, descent->problem->where);
}

/* Rows that cannot pay for all go on one by one, until they stop. */
static bool estimate(Descent *descent, size_t evaluations, Error *err) {
    size_t d = descent->problem->features;
    all_busy(descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        note_of(descent, row)->delta = delta_of(descent, note_of(descent, row));
        note_of(descent, row)->sum = 0;
        memset(sums_of(descent, HSJ_WEIGHED, row), 0, d * sizeof(double));
        memset(sums_of(descent, HSJ_PLAIN, row), 0, d * sizeof(double));
        if (!(note_of(descent, row)->delta > 0)) /* it stands on the sample */
            note_of(descent, row)->busy = false;
    }
    for (size_t done = 0; done < evaluations;) {
        size_t per = evaluations - done < AT_ONCE ? evaluations - done : AT_ONCE;
        if (!look_around(descent, per, false, err))
            return false;
        for (size_t k = 0; descent->left && k < per; k++)
            if (!look_around(descent, per - k, true, err))
                return false;
        done += per;
    }
    return true;
}

/* WEIGHED becomes v, at length 1 or as its sign. */
static void make_direction(Descent *descent, size_t row, size_t evaluations) {
    size_t d = descent->problem->features;
    double *v = sums_of(descent, HSJ_WEIGHED, row);
    const double *plain = sums_of(descent, HSJ_PLAIN, row);
    double mean = note_of(descent, row)->sum / (double)evaluations;
    for (size_t j = 0; j < d; j++)
        v[j] = fabs(mean) < 1 ? v[j] - mean * plain[j] : mean * plain[j];
    double length = norm_of(NORM_L2, v, d);
    for (size_t j = 0; j < d; j++)
        v[j] = is_linf(descent) ? (v[j] > 0) - (v[j] < 0) : length > 0 ? v[j] / length : 0;
}

/* ---- The step -------------------------------------------------------------------------------- */

static void propose_step(const Descent *descent, size_t row, double *z) {
    const float *x = floats_of(descent, HSJ_FOUND, row);
    const double *v = sums_of(descent, HSJ_WEIGHED, row);
    for (size_t j = 0; j < descent->problem->features; j++)
        z[j] = (double)x[j] + note_of(descent, row)->epsilon * v[j];
}

static void learn_step(const Descent *descent, size_t row, Candidate point, bool reached) {
    Note *note = note_of(descent, row);
    if (reached)
        take_found(descent, row, point);
    note->epsilon /= 2;
    note->busy = !reached && ++note->halvings < MOST_HALVINGS;
}

static bool go_along(Descent *descent, size_t evaluations, Error *err) {
    static const Search step = { propose_step, learn_step };
    all_busy(descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        Note *note = note_of(descent, row);
        if (!note->busy)
            continue;
        make_direction(descent, row, evaluations);
        note->epsilon = distance_of(descent, row, floats_of(descent, HSJ_FOUND, row)) /
                        sqrt((double)descent->iteration);
        note->busy = note->epsilon > 0;
    }
    return search(descent, &step, err);
}

/* Rows go to what they have found, where that is no further than dmax. */
static void move_rows(Descent *descent) {
    size_t columns = descent->problem->columns;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        const float *x = floats_of(descent, HSJ_FOUND, row);
        const double *scores = (double *)descent->state[HSJ_SCORES] + row * columns;
        if (note_of(descent, row)->found &&
            distance_of(descent, row, x) <= descent->extent[row].dmax)
            descent_move(descent, row, (Candidate){ x, scores, note_of(descent, row)->loss });
    }
}

static bool hsj_step(Descent *descent, Error *err) {
    const AttackParams *params = descent->problem->params;
    double wanted = params->evaluations * sqrt((double)descent->iteration);
    size_t evaluations = (size_t)fmin(wanted, params->evaluations_most);
    if (descent->iteration == 1 && !set_out(descent, err))
        return false;
    if (!estimate(descent, evaluations, err) || !go_along(descent, evaluations, err) ||
        !to_boundary(descent, err))
        return false;
    move_rows(descent);
    return true;
}

static bool hsj_resolve(AttackParams *params, Error *err) {
    return params->evaluations <= params->evaluations_most ||
           error_set(
               err, ERROR_ARGUMENT,
               "attack.hopskipjump: evaluations: expected at most evaluations_most, %d, got %d",
               params->evaluations_most, params->evaluations);
}

static const Field fields[] = {
    ATTACK_MODEL,
    ATTACK_NORM_FROM(NORM_L2, attack_norm_words),
    ATTACK_DMAX_AS("infinite", "how far an answer may be, in the norm, or that of each sample"),
    { "evaluations", FIELD_INTEGER, ATTACK_AT(evaluations), .low = 1, .high = 1e6,
      .meaning = "points around the boundary in the first step; in step t √t times that …" },
    { "evaluations_most", FIELD_INTEGER, ATTACK_AT(evaluations_most), .low = 1, .high = 1e6,
      .meaning = "… but no more than these" },
    { "gamma", FIELD_NUMBER, ATTACK_AT(gamma), .low = 0, .high = 1e6, .open = FIELD_ABOVE_LOW,
      .meaning =
          "how precisely the boundary is found: theta is gamma / d^1.5, for linf gamma / d^2" },
    { "tries", FIELD_INTEGER, ATTACK_AT(tries), .low = 1, .high = 1e6,
      .meaning = "random points of the box that are tried for a start" },
    ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP,
    ATTACK_START,
    ATTACK_START_FROM,
    ATTACK_SEED,
    ATTACK_COMMON,
    ATTACK_FIELDS_END,
};

const Attack attack_hopskipjump = {
    .name = "hopskipjump",
    .summary = "HopSkipJump: the nearest point that evades, by labels alone",
    .fields = fields,
    .params = { ATTACK_UNSET_BUT(continuous), .norm = NORM_L2, .max_iter = 64, .evaluations = 100,
                .evaluations_most = 10000, .gamma = 1, .tries = 100 },
    .resolve = hsj_resolve,
    .step = hsj_step,
    .trials = AT_ONCE,
    .state = hsj_state,
    .states = HSJ_STATES,
    .draws = true,
    .minimal = true,
    .patience = INT_MAX,
};
