/* descent_gradient.c — the directions along which rows move, and the passes that give them together
 * with scores.
 *
 *     the objective's gradient     of one of the table (weigh), or of one that takes whole batches
 *                                  (parts.h): scores, weights, and back, piece by piece
 *     an ascent (model.h)          as the options or the attack itself see it: DescentView
 *     a direction from outside     parts.h
 *
 * A step that moves its rows to their first trial points (descent_take_trials) has these scored and
 * differentiated in one pass where the next iteration will want it: `ahead`. */
#include "attack/descent.h"
#include "attack/descent_inside.h"
#include "core/array_values.h"
#include "core/fail.h"

#include <math.h>
#include <string.h>

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

double descent_left(const Descent *descent, size_t row) {
    return view_at(descent, descent->iteration).ascends ? -descent->risen[row] : descent->loss[row];
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
    descent_name_trials(descent, &(Trials){ NULL, descent->active_count, 1 });
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
    descent_name_trials(descent, &(Trials){ NULL, points->n, 1 });
    no_kernels(descent);
    while (ok && pieces_next(&pieces))
        ok = answer_piece(descent, &pieces, err);
    pieces_end(&pieces);
    return ok && (pieces.done == points->n || error_interrupted(err, points->where));
}

/* Can the next iteration of any row be paid for, whose gradient comes with its scores? */
static bool anybody_can_pay(const Descent *descent) {
    size_t price = problem_price(descent->problem, true);
    bool any = !descent->left;
    for (size_t a = 0; !any && a < descent->active_count; a++)
        any = descent->left[descent->sample[descent->active[a]]] >= price;
    return any;
}

/* Scores and losses of the trial points, and their gradients where the next iteration will want
 * them. */
static bool score_trials(Descent *descent, Error *err) {
    const Problem *problem = descent->problem;
    descent_count_active_scores(descent);
    descent->ahead = (problem->attack->gradient || descent->foresees) &&
                     descent->iteration < descent->iterations && !descent->measures &&
                     !PROBLEM_PART(problem, direction) && anybody_can_pay(descent);
    Batch batch = { descent->trial, descent->active_count, problem->features, problem->where };
    if (!descent->ahead && !descent->measures) {
        Points points = { descent->trial, descent->active_count, descent->trial_scores };
        return problem_score(problem, &points, err) && descent_lose_trials(descent, err);
    }
    DescentView view = view_at(descent, descent->iteration + 1);
    if (descent->measures || view.ascends)
        return ascend(descent, &batch, descent->measures ? NULL : &view, descent->trial_scores,
                      err) &&
               descent_lose_trials(descent, err);
    if (PROBLEM_PART(problem, losses))
        return answer_by_part(descent, &batch, err);
    GradientRequest request = { .weigh = weigh,
                                .context = descent,
                                .scores = descent->trial_scores,
                                .gradient = descent->gradient,
                                .largest = no_kernels(descent) };
    return model_gradient_in_pieces(problem->model, &batch, &request, err) &&
           descent_lose_trials(descent, err);
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
        LossRequest request = descent_active_request(descent);
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
    DirectionRequest request = { .at = descent_active_request(descent),
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
        descent_count_active_scores(descent);
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

/* That of the losses at any points, with these points' scores and losses. */
static bool ask_elsewhere(Descent *descent, const Batch *points, Error *err) {
    GradientRequest request = { .weigh = weigh,
                                .context = descent,
                                .scores = descent->trial_scores,
                                .gradient = descent->gradient };
    if (PROBLEM_PART(descent->problem, losses))
        return answer_by_part(descent, points, err);
    return model_gradient_in_pieces(descent->problem->model, points, &request, err) &&
           descent_lose_trials(descent, err);
}

bool descent_gradients_of(Descent *descent, const GradientOf *of, Error *err) {
    const Problem *problem = descent->problem;
    Batch batch = { of->x ? of->x : active_points(descent), descent->active_count,
                    problem->features, problem->where };
    bool scores = !of->weights && (of->x || of->view.ascends);
    descent->ahead = false; /* they lie where these come to */
    descent_count_active_gradients(descent);
    if (scores)
        descent_count_active_scores(descent);
    if (scores && of->view.ascends)
        return ascend(descent, &batch, &of->view, descent->trial_scores, err) &&
               descent_lose_trials(descent, err);
    if (scores)
        return ask_elsewhere(descent, &batch, err);
    if (!of->weights && !weigh_rows(descent, err))
        return false;
    GradientRequest request = { .w = of->weights ? of->weights : descent->weights,
                                .gradient = descent->gradient };
    return model_gradient_in_pieces(problem->model, &batch, &request, err);
}

static void measure_gradient(Descent *descent, size_t a) {
    size_t d = descent->problem->features;
    const float *g = descent->gradient + a * d;
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)g[j] * (double)g[j];
    descent->gradient_norm[a] = sqrt(sum);
}

bool descent_take_gradients(Descent *descent, Error *err) {
    if (!descent->ahead && !ask_gradients(descent, err))
        return false;
    descent->ahead = false;
    descent_count_active_gradients(descent);
    for (size_t a = 0; a < descent->active_count; a++) {
        measure_gradient(descent, a);
        const Path *path = &descent->path[descent->active[a]];
        path->gradient_norm[path->count - 1] = descent->gradient_norm[a];
        path->largest_kernel[path->count - 1] = descent->largest[a];
    }
    return true;
}
