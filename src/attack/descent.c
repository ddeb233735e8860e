/* descent.c — many rows descend in lockstep. One iteration of all that still move:
 *
 *     take_gradients   for all active rows in one pass, or already there: a step that moves to its
 *                      first trial points gets the next gradients out of the pass that scores them
 *     attack->step     makes new points, has them scored, moves the rows (descent_move)
 *     record           where a row stands joins its path; the best (or last) point is its answer
 *     drop_stopped     rows that are done leave, and the next passes are smaller
 *
 * What lasts is stored by row, 0 … n−1: where it stands, its scores, loss, path and answer. What an
 * iteration needs is stored by place in the list of active rows: gradients and trial points, so
 * that the model is given them as one batch. active[place] is the row. As rows leave, places move
 * up: only gradients that came ahead are carried along. All memory is taken at the start, by one
 * table; an attack's own state is declared in its Attack. */
#include "attack/descent.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/nan.h"
#include "core/parallel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The buffers of a descent, for allocation and release alike: elements of `size` bytes for each
 * row, trial point or worker thread: a single one, one per feature or one per column. */
typedef enum BufferRows { BY_ROW, BY_TRIAL, BY_THREAD } BufferRows;

static const struct Buffer {
    size_t offset, size;
    BufferRows rows;
    Width width;
} buffers[] = {
    { offsetof(Descent, x), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, scores), sizeof(double), BY_ROW, WIDTH_COLUMNS },
    { offsetof(Descent, loss), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, score_count), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, gradient_count), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, stop), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, still), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, answer), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, answer_at), sizeof(size_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, worth), sizeof(Worth), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, rated), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, path), sizeof(Path), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, active), sizeof(size_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, gradient), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, gradient_norm), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, largest), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, weights), sizeof(double), BY_ROW, WIDTH_COLUMNS },
    { offsetof(Descent, height), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, risen), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, trial), sizeof(float), BY_TRIAL, WIDTH_FEATURES },
    { offsetof(Descent, trial_scores), sizeof(double), BY_TRIAL, WIDTH_COLUMNS },
    { offsetof(Descent, trial_loss), sizeof(double), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, trial_goal), sizeof(Goal), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, trial_sample), sizeof(size_t), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, scratch), sizeof(double), BY_THREAD, WIDTH_FEATURES },
};
enum { BUFFERS = sizeof buffers / sizeof *buffers };

/* Iterations without a move after which a row is given up. */
enum { MOST_STILL = 5 };

static size_t width_of(const Problem *problem, Width width) {
    return width == WIDTH_FEATURES  ? problem->features
           : width == WIDTH_COLUMNS ? problem->columns
                                    : 1;
}

static void **buffer_slot(Descent *descent, const struct Buffer *buffer) {
    return (void **)(void *)((char *)descent + buffer->offset);
}

static bool allocate(void **slot, size_t count, size_t size, Error *err) {
    *slot = calloc(count ? count : 1, size);
    return *slot || error_memory(err, "attack", count * size);
}

bool descent_init(Descent *descent, const Problem *problem, size_t n, Error *err) {
    *descent = (Descent){ .problem = problem, .n = n };
    const Attack *attack = problem->attack;
    const size_t rows[] = {
        [BY_ROW] = n, [BY_TRIAL] = n * attack->trials, [BY_THREAD] = (size_t)parallel_threads()
    };
    bool ok = true;
    for (const struct Buffer *b = buffers; ok && b < buffers + BUFFERS; b++)
        ok = allocate(buffer_slot(descent, b), rows[b->rows] * width_of(problem, b->width), b->size,
                      err);
    for (size_t s = 0; ok && s < attack->states; s++)
        ok = allocate(&descent->state[s], n * width_of(problem, attack->state[s].width),
                      attack->state[s].size, err);
    if (!ok)
        descent_clear(descent);
    return ok;
}

void descent_clear(Descent *descent) {
    for (size_t i = 0; descent->path && i < descent->n; i++) {
        free(descent->path[i].loss);
        free(descent->path[i].scores);
        free(descent->path[i].distance);
        free(descent->path[i].gradient_norm);
        free(descent->path[i].largest_kernel);
        free(descent->path[i].iterates);
    }
    for (size_t b = 0; b < BUFFERS; b++)
        free(*buffer_slot(descent, &buffers[b]));
    for (size_t s = 0; s < ATTACK_STATES; s++)
        free(descent->state[s]);
    *descent = (Descent){ 0 };
}

Constraint descent_constraint(const Descent *descent, size_t row) {
    Constraint constraint = descent->problem->constraint;
    constraint.dmax = descent->extent[row].dmax;
    return constraint;
}

/* As many answers of the model in one of these counts of the row, each a mean of several. */
static void count_answers(const Descent *descent, int32_t *count, size_t row, size_t answers) {
    size_t queries = answers * (size_t)descent->problem->params->samples;
    count[row] += (int32_t)queries;
    if (descent->left)
        descent->left[descent->sample[row]] -= queries;
}

static void count_scores(const Descent *descent, size_t row, size_t count) {
    count_answers(descent, descent->score_count, row, count);
}

/* Whose the trial points are. */
static void name_trials(Descent *descent, const Trials *trials) {
    for (size_t i = 0; i < trials->count * trials->per; i++) {
        size_t place = i / trials->per;
        size_t row = descent->active[trials->place ? trials->place[place] : place];
        descent->trial_goal[i] = descent->goal[row];
        descent->trial_sample[i] = descent->sample[row];
    }
}

/* Of the first n rows of trial_scores, whose goals and samples are beside them. */
static LossRequest trial_request(const Descent *descent, size_t n) {
    return (LossRequest){ .n = n,
                          .scores = descent->trial_scores,
                          .goal = descent->trial_goal,
                          .sample = descent->trial_sample,
                          .loss = descent->trial_loss };
}

/* Not of a row that could not pay in the middle of a step, and stops: it gets nothing. */
static bool pays(const Descent *descent, size_t row) {
    return descent->stop[row] != STOP_MAX_QUERIES;
}

static void count_active_scores(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++)
        if (pays(descent, descent->active[a]))
            count_scores(descent, descent->active[a], 1);
}

static void count_active_gradients(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++)
        if (pays(descent, descent->active[a]))
            count_answers(descent, descent->gradient_count, descent->active[a], 1);
}

bool descent_score(Descent *descent, const Trials *trials, Error *err) {
    for (size_t i = 0; i < trials->count; i++)
        count_scores(descent, descent->active[trials->place ? trials->place[i] : i], trials->per);
    Points points = { descent->trial, trials->count * trials->per, descent->trial_scores };
    LossRequest request = trial_request(descent, points.n);
    name_trials(descent, trials);
    return problem_score(descent->problem, &points, err) &&
           problem_losses(descent->problem, &request, err);
}

static bool grow_one(void *slot, size_t count, size_t size, Error *err) {
    void *old, *grown;
    memcpy(&old, slot, sizeof old);
    if (!(grown = realloc(old, count * size)))
        return error_memory(err, "attack", count * size);
    memcpy(slot, &grown, sizeof grown);
    return true;
}

static bool grow(Path *path, const Problem *problem, Error *err) {
    size_t capacity = path->capacity ? 2 * path->capacity : 8;
    bool ok = grow_one(&path->loss, capacity, sizeof(double), err) &&
              grow_one(&path->scores, capacity * problem->columns, sizeof(double), err) &&
              grow_one(&path->distance, capacity, sizeof(double), err) &&
              grow_one(&path->gradient_norm, capacity, sizeof(double), err) &&
              grow_one(&path->largest_kernel, capacity, sizeof(double), err) &&
              (!problem->params->iterates ||
               grow_one(&path->iterates, capacity * problem->features, sizeof(float), err));
    path->capacity = ok ? capacity : path->capacity;
    return ok;
}

/* The active rows' scores side by side in trial_scores, as trial points of their own. */
static LossRequest active_request(Descent *descent) {
    size_t columns = descent->problem->columns;
    name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(descent->trial_scores + a * columns, descent->scores + descent->active[a] * columns,
               columns * sizeof(double));
    return trial_request(descent, descent->active_count);
}

/* What the active rows are worth as answers where they stand: their losses, but where the target
 * only says the way. */
static bool rate(Descent *descent, Error *err) {
    bool any = false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        descent->rated[row] = descent->loss[row];
        any = any || descent->goal[row].any;
    }
    if (!any)
        return true;
    LossRequest request = active_request(descent);
    for (size_t a = 0; a < request.n; a++)
        descent->trial_goal[a] = problem_answer_goal(descent->trial_goal[a]);
    if (!problem_losses(descent->problem, &request, err))
        return false;
    for (size_t a = 0; a < request.n; a++)
        descent->rated[descent->active[a]] = request.loss[a];
    return true;
}

/* Append where the row stands to its path, and keep it if it is the answer so far. */
static bool record(Descent *descent, size_t row, Error *err) {
    const Problem *problem = descent->problem;
    Path *path = &descent->path[row];
    size_t d = problem->features, columns = problem->columns, at = path->count;
    if (at == path->capacity && !grow(path, problem, err))
        return false;
    const float *x = descent->x + row * d;
    Worth worth = { .reached = problem_reached(problem, descent->scores + row * columns,
                                               descent->goal[row]),
                    .loss = descent->rated[row] };
    path->loss[at] = worth.loss;
    path->gradient_norm[at] = path->largest_kernel[at] = NAN;
    memcpy(path->scores + at * columns, descent->scores + row * columns, columns * sizeof(double));
    path->distance[at] = norm_distance(problem->constraint.norm, x, descent->x0[row], d);
    if (path->iterates)
        memcpy(path->iterates + at * d, x, d * sizeof(float));
    path->count++;
    if (problem->attack->minimal) {
        worth.distance = path->distance[at];
        if (worth.distance > descent->extent[row].dmax) /* on its way back, it may be */
            worth = (Worth){ .loss = INFINITY, .distance = worth.distance };
    }
    bool last = problem->attack->keeps_last && worth.loss < INFINITY;
    if (at == 0 || last || worth_more(worth, descent->worth[row])) {
        descent->answer_at[row] = at;
        descent->worth[row] = worth;
        memcpy(descent->answer + row * d, x, d * sizeof(float));
    }
    return true;
}

void descent_move(Descent *descent, size_t row, Candidate to) {
    const Problem *problem = descent->problem;
    float *x = descent->x + row * problem->features;
    if (memcmp(x, to.x, problem->features * sizeof(float)) != 0)
        descent->still[row] = 0;
    memcpy(x, to.x, problem->features * sizeof(float));
    memcpy(descent->scores + row * problem->columns, to.scores, problem->columns * sizeof(double));
    descent->loss[row] = to.loss;
}

/* The weights of the loss at the place `a` of the active list. Called by workers: the objective is
 * one of the table. */
static void weigh(const void *context, size_t a, const double *scores, double *w) {
    const Descent *descent = context;
    const Problem *problem = descent->problem;
    if (objective_is_sound(problem->model, scores))
        problem->objective->weights(problem->model, scores, descent->goal[descent->active[a]], w);
    else /* the row will stop there */
        memset(w, 0, problem->columns * sizeof *w);
}

/* By equal parts of the run. */
static double smoothing_at(const Descent *descent, int direction, size_t iteration) {
    static const double usual[] = { 30, 10, 3, 1 };
    const Array *given = descent->problem->params->smoothing;
    if (!given && direction == DIRECTION_LOG)
        return 1;
    size_t count = given ? array_size(given) : sizeof usual / sizeof *usual;
    size_t part = (iteration - 1) * count / descent->iterations;
    return given ? (double)array_f32(given)[part] : usual[part];
}

/* How that direction is asked for in that iteration. */
static DescentView view_of(const Descent *descent, int direction, size_t iteration) {
    if (direction == DIRECTION_GRADIENT)
        return (DescentView){ .ascends = false };
    return (DescentView){ true, direction == DIRECTION_LOG,
                          smoothing_at(descent, direction, iteration), 0 };
}

DescentView descent_view(const Descent *descent, Direction direction) {
    return view_of(descent, (int)direction, descent->iteration);
}

/* How the direction is asked for that leads from the points of one iteration to the next. */
static DescentView view_at(const Descent *descent, size_t iteration) {
    const Problem *problem = descent->problem;
    if (!problem_ascends(problem))
        return (DescentView){ .ascends = false };
    return problem->attack->view ? problem->attack->view(descent, iteration)
                                 : view_of(descent, problem->params->direction, iteration);
}

/* Where the largest kernels of the active rows shall go: not a number until a model fills it in. */
static double *no_kernels(const Descent *descent) {
    for (size_t a = 0; a < descent->active_count; a++)
        descent->largest[a] = NAN;
    return descent->largest;
}

/* Ascents of the points, one for each active row: scores, and gradients of what falls. Without a
 * view: scores and heights. */
static bool ascend(Descent *descent, const Batch *points, const DescentView *view, double *scores,
                   Error *err) {
    name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
    Ascent ascent = { .goal = descent->trial_goal,
                      .logarithmic = true,
                      .threshold = -INFINITY,
                      .scores = scores,
                      .height = descent->height };
    if (view) {
        ascent.logarithmic = view->logarithmic;
        ascent.wider = view->wider;
        ascent.wider_below = view->wider_below;
        ascent.direction = descent->gradient;
        ascent.largest = no_kernels(descent);
    }
    if (!model_ascent_in_pieces(descent->problem->model, points, &ascent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++)
        descent->risen[descent->active[a]] = descent->height[a];
    size_t count = view ? points->n * points->features : 0;
    for (size_t i = 0; i < count; i++)
        descent->gradient[i] = -descent->gradient[i];
    return true;
}

double descent_left(const Descent *descent, size_t row) {
    return view_at(descent, descent->iteration).ascends ? -descent->risen[row] : descent->loss[row];
}

/* Can the next iteration of any row be paid for, whose gradient comes with its scores? */
static bool anybody_can_pay(const Descent *descent) {
    size_t price = problem_price(descent->problem, true);
    bool any = !descent->left;
    for (size_t a = 0; !any && a < descent->active_count; a++)
        any = descent->left[descent->sample[descent->active[a]]] >= price;
    return any;
}

/* Scores, losses and gradients of one piece of the trial points, by an objective that takes whole
 * batches. */
static bool answer_piece(Descent *descent, const Pieces *pieces, Error *err) {
    const Problem *problem = descent->problem;
    size_t done = pieces->done, columns = problem->columns;
    double *scores = descent->trial_scores + done * columns;
    LossRequest request = { .n = pieces->piece.n,
                            .scores = scores,
                            .goal = descent->trial_goal + done,
                            .sample = descent->trial_sample + done,
                            .loss = descent->trial_loss + done,
                            .w = descent->weights + done * columns };
    ModelPass pass = { .model = problem->model,
                       .batch = pieces->piece,
                       .largest = descent->largest + done };
    bool ok = model_forward(&pass, scores, err) && problem_losses(problem, &request, err) &&
              model_backward(&pass, request.w, descent->gradient + done * problem->features, err);
    model_pass_clear(&pass);
    return ok;
}

static bool answer_by_part(Descent *descent, const Batch *points, Error *err) {
    Pieces pieces = pieces_of(descent->problem->model, points, NULL);
    bool ok = true;
    name_trials(descent, &(Trials){ NULL, points->n, 1 });
    no_kernels(descent);
    while (ok && pieces_next(&pieces))
        ok = answer_piece(descent, &pieces, err);
    pieces_end(&pieces);
    return ok && (pieces.done == points->n || error_interrupted(err, points->where));
}

/* Losses of the trial points, one for each active row. */
static bool lose_trials(Descent *descent, Error *err) {
    LossRequest request = trial_request(descent, descent->active_count);
    name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
    return problem_losses(descent->problem, &request, err);
}

bool descent_score_at(Descent *descent, const float *x, Error *err) {
    count_active_scores(descent);
    Points points = { x, descent->active_count, descent->trial_scores };
    return problem_score(descent->problem, &points, err) && lose_trials(descent, err);
}

/* Scores and losses of the trial points, and their gradients where the next iteration will want
 * them. */
static bool score_trials(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    count_active_scores(descent);
    descent->ahead = (problem->attack->gradient || descent->foresees) &&
                     descent->iteration < descent->iterations && !descent->measures &&
                     !PROBLEM_PART(problem, direction) && anybody_can_pay(descent);
    Batch batch = { descent->trial, descent->active_count, problem->features, problem->where };
    if (!descent->ahead && !descent->measures) {
        Points points = { descent->trial, descent->active_count, descent->trial_scores };
        return problem_score(problem, &points, err) && lose_trials(descent, err);
    }
    DescentView view = view_at(descent, descent->iteration + 1);
    if (descent->measures || view.ascends)
        return ascend(descent, &batch, descent->measures ? NULL : &view, descent->trial_scores,
                      err) &&
               lose_trials(descent, err);
    if (PROBLEM_PART(problem, losses))
        return answer_by_part(descent, &batch, err);
    GradientRequest request = { .weigh = weigh,
                                .context = descent,
                                .scores = descent->trial_scores,
                                .gradient = descent->gradient,
                                .largest = no_kernels(descent) };
    return model_gradient_in_pieces(problem->model, &batch, &request, err) &&
           lose_trials(descent, err);
}

bool descent_take_trials(Descent *descent, Error *err) {
    size_t d = descent->problem->features, columns = descent->problem->columns;
    if (!score_trials(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++)
        descent_move(descent, descent->active[a],
                     (Candidate){ descent->trial + a * d, descent->trial_scores + a * columns,
                                  descent->trial_loss[a] });
    return true;
}

static double mean(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* Has the row's loss come to rest? Never, unless somebody says what counts as rest: scores may be
 * of any scale, and flat before they fall. */
static bool has_converged(const Descent *descent, const Path *path) {
    const Attack *attack = descent->problem->attack;
    double eps = descent->problem->params->eps;
    const double *end = path->loss + path->count;
    if (isnan(eps))
        return false;
    if (path->count > 1 && fabs(end[-1] - end[-2]) < eps)
        return true;
    size_t window = (size_t)attack->window;
    return window > 0 && descent->iteration > (size_t)attack->window_after &&
           path->count >= 2 * window &&
           fabs(mean(end - window, window) - mean(end - 2 * window, window)) < eps;
}

/* The goal is reached, and nothing more is wanted: the run is to stop there, or no point can be
 * nearer. */
static bool is_content(const Descent *descent, size_t row) {
    const Problem *problem = descent->problem;
    bool best = problem->attack->minimal && descent->worth[row].distance == 0;
    return descent->worth[row].reached && (problem->params->early_stop || best);
}

static bool stands_on_numbers(const Descent *descent, size_t row) {
    return objective_is_sound(descent->problem->model,
                              descent->scores + row * descent->problem->columns);
}

/* Why the row stops after this iteration, or −1. */
static int32_t reason_to_stop(const Descent *descent, size_t row) {
    if (!stands_on_numbers(descent, row))
        return STOP_NOT_FINITE;
    if (has_converged(descent, &descent->path[row]))
        return STOP_CONVERGED;
    if (is_content(descent, row))
        return STOP_REACHED;
    int patience = descent->problem->attack->patience;
    return descent->still[row] >= (patience ? patience : MOST_STILL) ? STOP_STILL : -1;
}

/* Drop the rows whose stop has been set (≥ 0) from the active list, and their gradients if there
 * are any; how many stay comes out of it. */
static void drop_stopped(Descent *descent, bool gradients) {
    size_t kept = 0, d = descent->problem->features;
    for (size_t a = 0; a < descent->active_count; a++) {
        if (descent->stop[descent->active[a]] >= 0)
            continue;
        if (gradients && kept != a) {
            memcpy(descent->gradient + kept * d, descent->gradient + a * d, d * sizeof(float));
            descent->gradient_norm[kept] = descent->gradient_norm[a];
            descent->largest[kept] = descent->largest[a];
        }
        descent->active[kept++] = descent->active[a];
    }
    descent->active_count = kept;
}

static void measure_gradient(Descent *descent, size_t a) {
    size_t d = descent->problem->features;
    const float *g = descent->gradient + a * d;
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)g[j] * (double)g[j];
    descent->gradient_norm[a] = sqrt(sum);
}

/* The active rows side by side in `trial`, or their own storage while all are active. */
static const float *active_points(Descent *descent) {
    size_t d = descent->problem->features;
    if (descent->active_count == descent->n)
        return descent->x;
    for (size_t a = 0; a < descent->active_count; a++)
        memcpy(descent->trial + a * d, descent->x + descent->active[a] * d, d * sizeof(float));
    return descent->trial;
}

/* The weights of the active rows' losses, whose scores are known. */
static bool weigh_rows(Descent *descent, Error *err) {
    size_t columns = descent->problem->columns;
    if (PROBLEM_PART(descent->problem, losses)) {
        LossRequest request = active_request(descent);
        request.w = descent->weights;
        return problem_losses(descent->problem, &request, err);
    }
    for (size_t a = 0; a < descent->active_count; a++)
        weigh(descent, a, descent->scores + descent->active[a] * columns,
              descent->weights + a * columns);
    return true;
}

/* What a direction from outside is where the active rows stand. */
static bool ask_direction(Descent *descent, const Batch *points, Error *err) {
    const Problem *problem = descent->problem;
    const AttackParts *parts = problem->params->parts;
    DirectionRequest request = { .at = active_request(descent),
                                 .x = points->x,
                                 .features = problem->features,
                                 .iteration = descent->iteration,
                                 .direction = descent->gradient };
    request.at.model = problem->model;
    request.at.w = descent->weights;
    no_kernels(descent);
    return parts->direction(parts->context, &request, err);
}

/* Gradients of the losses where the active rows stand, whose scores are known. */
static bool ask_gradients(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    Batch batch = { active_points(descent), descent->active_count, problem->features,
                    problem->where };
    DescentView view = view_at(descent, descent->iteration);
    if (view.ascends) { /* scores the rows once more */
        count_active_scores(descent);
        return ascend(descent, &batch, &view, descent->trial_scores, err);
    }
    if (!weigh_rows(descent, err))
        return false;
    if (PROBLEM_PART(problem, direction))
        return ask_direction(descent, &batch, err);
    GradientRequest request = { .w = descent->weights,
                                .gradient = descent->gradient,
                                .largest = no_kernels(descent) };
    return model_gradient_in_pieces(problem->model, &batch, &request, err);
}

/* Where there is no gradient a row of a minimal attack that has reached its goal goes back towards
 * the sample, and one that coasts goes on. */
static bool goes_on(const Descent *descent, size_t row) {
    const Attack *attack = descent->problem->attack;
    return (attack->minimal && descent->worth[row].reached) ||
           (attack->coasts && descent->iteration > 1);
}

/* That of the losses at any points, with these points' scores and losses. */
static bool ask_elsewhere(Descent *descent, const Batch *points, Error *err) {
    GradientRequest request = { .weigh = weigh,
                                .context = descent,
                                .scores = descent->trial_scores,
                                .gradient = descent->gradient };
    if (PROBLEM_PART(descent->problem, losses))
        return answer_by_part(descent, points, err);
    return model_gradient_in_pieces(descent->problem->model, points, &request, err) &&
           lose_trials(descent, err);
}

bool descent_gradients_of(Descent *descent, const GradientOf *of, Error *err) {
    const Problem *problem = descent->problem;
    Batch batch = { of->x ? of->x : active_points(descent), descent->active_count,
                    problem->features, problem->where };
    bool scores = !of->weights && (of->x || of->view.ascends);
    descent->ahead = false; /* they lie where these come to */
    count_active_gradients(descent);
    if (scores)
        count_active_scores(descent);
    if (scores && of->view.ascends)
        return ascend(descent, &batch, &of->view, descent->trial_scores, err) &&
               lose_trials(descent, err);
    if (scores)
        return ask_elsewhere(descent, &batch, err);
    if (!of->weights && !weigh_rows(descent, err))
        return false;
    GradientRequest request = { .w = of->weights ? of->weights : descent->weights,
                                .gradient = descent->gradient };
    return model_gradient_in_pieces(problem->model, &batch, &request, err);
}

bool descent_take_gradients(Descent *descent, Error *err) {
    if (!descent->ahead && !ask_gradients(descent, err))
        return false;
    descent->ahead = false;
    count_active_gradients(descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        measure_gradient(descent, a);
        const Path *path = &descent->path[descent->active[a]];
        path->gradient_norm[path->count - 1] = descent->gradient_norm[a];
        path->largest_kernel[path->count - 1] = descent->largest[a];
    }
    return true;
}

/* Gradients of the losses of all active rows, unless they came with the scores; a row without any
 * stops. */
static bool take_gradients(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    const bool needs_length = problem->attack->needs_length || !isnan(problem->params->eps);
    const double smallest = needs_length ? 1e-20 : 0;
    if (!descent_take_gradients(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        if (!isfinite(descent->gradient_norm[a]))
            descent->stop[row] = STOP_NOT_FINITE;
        else if (!goes_on(descent, row) &&
                 (descent->gradient_norm[a] == 0 || descent->gradient_norm[a] < smallest))
            descent->stop[row] = STOP_ZERO_GRADIENT;
    }
    drop_stopped(descent, true);
    return true;
}

static bool start(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    descent->active_count = descent->n;
    for (size_t row = 0; row < descent->n; row++) {
        descent->active[row] = row;
        descent->stop[row] = -1;
    }
    if (!descent->scores_known &&
        !problem_score(problem, &(Points){ descent->x, descent->n, descent->scores }, err))
        return false;
    LossRequest request = { .n = descent->n,
                            .scores = descent->scores,
                            .goal = descent->goal,
                            .sample = descent->sample,
                            .loss = descent->loss };
    if (!problem_losses(problem, &request, err) || !rate(descent, err))
        return false;
    for (size_t row = 0; row < descent->n; row++) {
        count_scores(descent, row, descent->scores_known ? 0 : 1);
        if (!record(descent, row, err))
            return false;
        if (!stands_on_numbers(descent, row))
            descent->stop[row] = STOP_NOT_FINITE;
        else if (is_content(descent, row))
            descent->stop[row] = STOP_REACHED;
    }
    drop_stopped(descent, false);
    return true;
}

/* Of the rows of one sample all stop where one has reached the goal and was to stop there. */
static void stop_siblings(const Descent *descent, size_t first, size_t last) {
    bool reached = false;
    for (size_t a = first; a < last; a++)
        reached = reached || descent->worth[descent->active[a]].reached;
    for (size_t a = first; reached && a < last; a++) {
        int32_t *stop = &descent->stop[descent->active[a]];
        *stop = *stop >= 0 ? *stop : STOP_OUTRUN;
    }
}

size_t descent_siblings(const Descent *descent, size_t first) {
    size_t last = first + 1, sample = descent->sample[descent->active[first]];
    while (last < descent->active_count && descent->sample[descent->active[last]] == sample)
        last++;
    return last;
}

/* Places of one sample's rows, of which the `most` go on that have the least `left`. */
typedef struct Siblings {
    size_t first, last, most;
    double (*left)(const Descent *descent, size_t row);
} Siblings;

static void keep_nearest(Descent *descent, const Siblings *siblings, StopReason reason) {
    for (size_t a = siblings->first; a < siblings->last; a++) {
        double own = siblings->left(descent, descent->active[a]);
        size_t ahead = 0;
        for (size_t b = siblings->first; b < siblings->last; b++) {
            double other = siblings->left(descent, descent->active[b]);
            ahead += other < own || (other == own && b < a);
        }
        if (ahead >= siblings->most)
            descent->stop[descent->active[a]] = reason;
    }
}

void descent_keep(Descent *descent, size_t most,
                  double (*left)(const Descent *descent, size_t row)) {
    for (size_t first = 0, last; first < descent->active_count; first = last) {
        last = descent_siblings(descent, first);
        keep_nearest(descent, &(Siblings){ first, last, most, left }, STOP_OUTRUN);
    }
}

static double loss_of(const Descent *descent, size_t row) {
    return descent->loss[row];
}

/* Of each sample's rows as many go on as can be paid for until the iteration's end. */
static void stop_unpaid(Descent *descent) {
    if (!descent->left)
        return;
    size_t price = problem_price(descent->problem, descent->ahead);
    for (size_t first = 0, last; first < descent->active_count; first = last) {
        last = descent_siblings(descent, first);
        size_t most = descent->left[descent->sample[descent->active[first]]] / price;
        if (most < last - first)
            keep_nearest(descent, &(Siblings){ first, last, most, loss_of }, STOP_MAX_QUERIES);
    }
    drop_stopped(descent, descent->ahead);
}

/* To whoever wants to know after every iteration, and may end the run. */
static bool tell_step(const Descent *descent, Error *err) {
    const AttackParts *parts = descent->problem->params->parts;
    bool stop = false;
    if (!parts || !parts->on_step)
        return true;
    if (!parts->on_step(parts->context, descent, &stop, err))
        return false;
    *descent->problem->ended = *descent->problem->ended || stop;
    return true;
}

/* One iteration of every active row; those that are done leave the list. */
static bool iterate(Descent *descent, Error *err) {
    const Attack *attack = descent->problem->attack;
    stop_unpaid(descent);
    if (attack->gradient && descent->active_count > 0 && !take_gradients(descent, err))
        return false;
    if (descent->active_count == 0)
        return true;
    for (size_t a = 0; a < descent->active_count; a++)
        descent->still[descent->active[a]]++; /* until descent_move moves it */
    if (!attack->step(descent, err) || !rate(descent, err))
        return false;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        if (!record(descent, row, err))
            return false;
        int32_t reason = reason_to_stop(descent, row);
        if (descent->stop[row] < 0 || reason == STOP_REACHED)
            descent->stop[row] = reason;
    }
    for (size_t a = 0, next; descent->problem->params->early_stop && a < descent->active_count;
         a = next)
        stop_siblings(descent, a, next = descent_siblings(descent, a));
    drop_stopped(descent, descent->ahead);
    return tell_step(descent, err);
}

size_t descent_iterations(const Attack *attack, const AttackParams *params) {
    return (size_t)params->max_iter - (attack->counts_start ? 1 : 0);
}

/* The mean of the rows' last losses that are finite. */
static double mean_loss(const Descent *descent) {
    double sum = 0;
    size_t count = 0;
    for (size_t row = 0; row < descent->n; row++) {
        const Path *path = &descent->path[row];
        if (path->count == 0 || !isfinite(path->loss[path->count - 1]))
            continue;
        sum += path->loss[path->count - 1];
        count++;
    }
    return count ? sum / (double)count : NAN;
}

/* Say how far all rows are; rows that stopped early count as done. False: stop. */
static bool report(const Descent *descent, size_t active_before, Progress *progress) {
    char detail[96];
    size_t left = descent->iterations - descent->iteration;
    size_t stopped = active_before - descent->active_count;
    snprintf(detail, sizeof detail, "iteration %zu  loss %.4f, %zu of %zu still moving",
             descent->iteration, nan_unsigned(mean_loss(descent)), descent->active_count,
             descent->n);
    return progress_step(progress, (double)(active_before + stopped * left), detail);
}

bool descent_run(Descent *descent, Progress *progress, Error *err) {
    const Problem *problem = descent->problem;
    descent->iterations = descent_iterations(problem->attack, problem->params);
    if (!start(descent, err))
        return false;
    bool interrupted = progress_was_interrupted(progress);
    const bool *ended = problem->ended;
    while (descent->iteration < descent->iterations && descent->active_count > 0 && !interrupted &&
           !*ended) {
        size_t before = descent->active_count;
        descent->iteration++;
        /* A model written in Lua fails when it is interrupted: then keep what was recorded. */
        bool ok = iterate(descent, err);
        if (!ok && !progress_interrupt_pending())
            return false;
        interrupted = !report(descent, before, progress) || !ok;
    }
    for (size_t a = 0; a < descent->active_count; a++)
        descent->stop[descent->active[a]] = interrupted ? STOP_INTERRUPTED
                                            : *ended    ? STOP_ON_STEP
                                                        : STOP_MAX_ITER;
    return true;
}
