#include "attack/custom.h"

#include "attack/attack_fields.h"
#include "attack/unit_step.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- What is defined ------------------------------------------------------------------------- */

static const Field common[] = {
    ATTACK_MODEL,      ATTACK_NORM,      ATTACK_DMAX,  ATTACK_OBJECTIVE,
    ATTACK_DIRECTION,  ATTACK_SMOOTHING, ATTACK_EPS,   ATTACK_MAX_ITER("steps at most"),
    ATTACK_EARLY_STOP, ATTACK_RESTARTS,  ATTACK_START, ATTACK_START_FROM,
    ATTACK_SEED,       ATTACK_COMMON,
};
enum { COMMON = sizeof common / sizeof *common };
_Static_assert(COMMON + ATTACK_OWN < CUSTOM_FIELDS, "room for all fields and their end");

/* The way of a minimal attack is measured from the sample: it sets out from there alone. */
static bool sets_out_elsewhere(const Field *field) {
    return strcmp(field->name, "start") == 0 || strcmp(field->name, "start_from") == 0 ||
           strcmp(field->name, "restarts") == 0;
}

static bool custom_step(Descent *descent, Error *err);

/* Rows' generators; the points that the step has had scored last, their scores and losses, and in
 * which iteration; places of what is left to be scored. */
enum { ROW_RNG, ROW_SEEN, ROW_SCORES, ROW_LOSS, ROW_WHEN, ROW_PLACE };
static const AttackState state[] = {
    [ROW_RNG] = { sizeof(Rng), WIDTH_ONE },
    [ROW_SEEN] = { sizeof(float), WIDTH_FEATURES },
    [ROW_SCORES] = { sizeof(double), WIDTH_COLUMNS },
    [ROW_LOSS] = { sizeof(double), WIDTH_ONE },
    [ROW_WHEN] = { sizeof(size_t), WIDTH_ONE },
    [ROW_PLACE] = { sizeof(size_t), WIDTH_ONE },
};

void custom_init(CustomAttack *custom, const char *name, const char *summary, CustomAnswer answer) {
    const Attack attack = {
        .name = name,
        .summary = summary,
        .fields = custom->field,
        .params = { ATTACK_UNSET, .norm = NORM_L2, .max_iter = 50, .largest = 20 },
        .step = custom_step,
        .trials = 8, /* the arrays that a step makes of its rows */
        .state = state,
        .states = sizeof state / sizeof *state,
        .draws = true,
        .keeps_last = answer == CUSTOM_LAST,
        .minimal = answer == CUSTOM_NEAREST,
    };
    size_t count = 0;
    memset(custom, 0, sizeof *custom);
    memcpy(&custom->attack, &attack, sizeof attack);
    for (size_t i = 0; i < COMMON; i++)
        if (answer != CUSTOM_NEAREST || !sets_out_elsewhere(&common[i]))
            custom->field[count++] = common[i];
}

const Field *custom_add(CustomAttack *custom, const Field *option) {
    size_t at = 0;
    while (custom->field[at].name)
        at++;
    custom->field[at] = *option;
    custom->field[at].offset = ATTACK_AT(own) + custom->own++ * sizeof(double);
    return &custom->field[at];
}

/* ---- For the step ---------------------------------------------------------------------------- */

void custom_charge(Descent *descent, size_t answers) {
    size_t samples = (size_t)descent->problem->params->samples;
    for (size_t first = 0, last; descent->left && first < descent->active_count; first = last) {
        size_t left = descent->left[descent->sample[descent->active[first]]] / samples, going = 0;
        last = descent_siblings(descent, first);
        for (size_t a = first; a < last; a++)
            going += descent->stop[descent->active[a]] != STOP_MAX_QUERIES;
        for (size_t a = first; a < last; a++) {
            int32_t *stop = &descent->stop[descent->active[a]];
            if (*stop == STOP_MAX_QUERIES)
                continue;
            if (left >= answers + going) {
                left -= answers;
            } else {
                *stop = STOP_MAX_QUERIES;
                going--;
            }
        }
    }
}

/* What is known of a row's point that was scored in this iteration. */
static Candidate seen_at(const Descent *descent, size_t row) {
    return (Candidate){ (float *)descent->state[ROW_SEEN] + row * descent->problem->features,
                        (double *)descent->state[ROW_SCORES] + row * descent->problem->columns,
                        ((double *)descent->state[ROW_LOSS])[row] };
}

bool custom_score(Descent *descent, const float *x, Error *err) {
    size_t d = descent->problem->features, columns = descent->problem->columns;
    custom_charge(descent, 1);
    if (!descent_score_at(descent, x, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        memcpy((float *)descent->state[ROW_SEEN] + row * d, x + a * d, d * sizeof *x);
        memcpy((double *)descent->state[ROW_SCORES] + row * columns,
               descent->trial_scores + a * columns, columns * sizeof(double));
        ((double *)descent->state[ROW_LOSS])[row] = descent->trial_loss[a];
        ((size_t *)descent->state[ROW_WHEN])[row] = descent->iteration;
    }
    return true;
}

/* Points to be projected by several threads. */
typedef struct Projection {
    const Descent *descent;
    const CustomPoints *points;
    float *out;
} Projection;

static double value_at(const CustomPoints *points, size_t i) {
    return points->f64 ? points->f64[i] : (double)points->f32[i];
}

/* Row by row in a step's own order: ball, box, rounding. */
static void project(void *context, size_t begin, size_t end, int worker) {
    const Projection *projection = context;
    const Descent *descent = projection->descent;
    size_t d = descent->problem->features;
    double *z = descent->scratch + (size_t)worker * d;
    for (size_t a = begin; a < end; a++) {
        size_t row = descent->active[a];
        Constraint constraint = descent_constraint(descent, row);
        for (size_t j = 0; j < d; j++)
            z[j] = value_at(projection->points, a * d + j);
        ball_project(&constraint, descent->x0[row], z);
        box_project(&constraint, z);
        constraint_store(&constraint, descent->x0[row], z, projection->out + a * d);
    }
}

/* What is wrong with the i-th number of the points, and what may have been the reason. */
static bool refuse_number(const Descent *descent, size_t i, double value, Error *err) {
    size_t d = descent->problem->features, row = descent->active[i / d];
    const Path *path = &descent->path[row];
    bool no_gradient = path->gradient_norm[path->count - 1] == 0;
    return error_set(err, ERROR_ARGUMENT, "the point of sample %zu: feature %zu is %s%s",
                     descent->sample[row] + 1, i % d + 1, isnan(value) ? "nan" : "infinite",
                     no_gradient ? " (its gradient is 0: nothing can be divided by its length)"
                                 : "");
}

/* Not of rows that have stopped for their queries: they were told nothing. */
static bool are_finite(const Descent *descent, const CustomPoints *points, Error *err) {
    size_t d = descent->problem->features;
    for (size_t i = 0; i < descent->active_count * d; i++) {
        double value = value_at(points, i);
        if (!(fabs(value) <= FLT_MAX) && descent->stop[descent->active[i / d]] != STOP_MAX_QUERIES)
            return refuse_number(descent, i, value, err);
    }
    return true;
}

/* A row that has stopped stays where it is. */
static void hold_stopped(const Descent *descent, float *out) {
    size_t d = descent->problem->features;
    for (size_t a = 0; a < descent->active_count; a++)
        if (descent->stop[descent->active[a]] == STOP_MAX_QUERIES)
            memcpy(out + a * d, descent->x + descent->active[a] * d, d * sizeof *out);
}

bool custom_project(const Descent *descent, const CustomPoints *points, float *out, Error *err) {
    if (!are_finite(descent, points, err))
        return false;
    parallel_for(descent->active_count, DESCENT_PIECE, project,
                 &(Projection){ descent, points, out });
    hold_stopped(descent, out);
    return true;
}

/* Gradients that several threads make steps of. */
typedef struct Units {
    const Descent *descent;
    double *g;
} Units;

static void make_units(void *context, size_t begin, size_t end, int worker) {
    const Units *units = context;
    const Descent *descent = units->descent;
    const AttackParams *params = descent->problem->params;
    size_t d = descent->problem->features;
    UnitStep unit = { step_rule_of((Norm)params->norm), step_components(params->largest, d) };
    (void)worker;
    for (size_t a = begin; a < end; a++) {
        double *g = units->g + a * d;
        if (unit.rule == STEP_LARGEST)
            drop_outward(&descent->problem->constraint, descent->x + descent->active[a] * d, g);
        unit_step(unit, d, g);
    }
}

void custom_unit(const Descent *descent, double *g) {
    parallel_for(descent->active_count, DESCENT_PIECE, make_units, &(Units){ descent, g });
}

Rng *custom_rng(const Descent *descent, size_t row) {
    return (Rng *)descent->state[ROW_RNG] + row;
}

static void seed_rows(const Descent *descent) {
    for (size_t row = 0; row < descent->n; row++)
        descent_seed(descent, row, custom_rng(descent, row));
}

/* Does the row stay where it is, or go where it has just been scored? */
static bool goes_where_known(Descent *descent, size_t row, const float *point) {
    size_t bytes = descent->problem->features * sizeof *point;
    Candidate seen = seen_at(descent, row);
    if (memcmp(point, descent->x + row * descent->problem->features, bytes) == 0)
        return true;
    if (((size_t *)descent->state[ROW_WHEN])[row] != descent->iteration ||
        memcmp(point, seen.x, bytes) != 0)
        return false;
    descent_move(descent, row, seen);
    return true;
}

/* Move all rows to their trial points; scores that are known are not asked for again. */
static bool move_rows(Descent *descent, Error *err) {
    size_t d = descent->problem->features, columns = descent->problem->columns, count = 0;
    size_t *place = descent->state[ROW_PLACE];
    for (size_t a = 0; a < descent->active_count; a++)
        if (!goes_where_known(descent, descent->active[a], descent->trial + a * d)) {
            memmove(descent->trial + count * d, descent->trial + a * d, d * sizeof(float));
            place[count++] = a;
        }
    descent->ahead = false;
    if (count > 0 && !descent_score(descent, &(Trials){ place, count, 1 }, err))
        return false;
    for (size_t i = 0; i < count; i++)
        descent_move(descent, descent->active[place[i]],
                     (Candidate){ descent->trial + i * d, descent->trial_scores + i * columns,
                                  descent->trial_loss[i] });
    return true;
}

static bool custom_step(Descent *descent, Error *err) {
    const CustomStep *step = descent->problem->params->custom;
    CustomPoints next = { NULL, NULL };
    if (descent->iteration == 1)
        seed_rows(descent);
    descent->foresees = false;
    if (!step->step(step->context, descent, &next, err))
        return false;
    if (!custom_project(descent, &next, descent->trial, err))
        return error_prefix(err, "%s: step", descent->problem->where), false;
    return descent->foresees ? descent_take_trials(descent, err) : move_rows(descent, err);
}
