/* What the engine does for every attack: passes through the model, stops, starts, an attack's own
 * state; and the line search, step by step. */
#include "attack/attacks.h"
#include "attack/descent.h"

#include "attack_models.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static AttackResult *run(const Attack *attack, const AttackParams *params, const AttackTask *task) {
    Error err;
    AttackResult *result = attack_run(attack, params, task, NULL, &err);
    if (!result)
        fail_msg("%s", err.message);
    return result;
}

static AttackParams params_of(const Attack *attack, double dmax) {
    AttackParams params = attack->params;
    params.norm = NORM_L2;
    params.dmax = dmax;
    params.lower = -INFINITY;
    params.upper = INFINITY;
    params.seed = 7;
    return params;
}

static double loss_at_end(const AttackResult *result, size_t i) {
    const Array *loss = result->trace[i].loss;
    return array_f64(loss)[array_size(loss) - 1];
}

/* ---- The line search ---- */

/* Rejected everywhere, so the loss is threshold + (x − 1)²: from 0 there is a valley at 1, and 2 is
 * as high as the start. One iteration on a grid of `valley` steps to 1. */
static AttackResult *search_valley(double valley, int from) {
    const double centers[2] = { -100, 1 };
    TestModel *model = test_model(2, 1, centers, NULL);
    model->bumps = model->base.rejects = true;
    model->threshold = 10;
    const float x = 0;
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = &x, .y = &y, .n = 1, .features = 1 };
    AttackParams params = params_of(&attack_pgd_exp, 1000);
    params.eta = 1 / valley;
    params.eta_min = from / valley;
    params.max_iter = 2;
    AttackResult *result = run(&attack_pgd_exp, &params, &task);
    model_release(&model->base);
    return result;
}

/* From `from` steps on, `tried` points come before the doublings, and the best of all is `best`
 * steps away. */
static void check_search(double valley, int from, int tried, double best) {
    AttackResult *result = search_valley(valley, from);
    int32_t doublings = from == 1 ? 11 : 10;
    assert_int_equal(array_i32(result->score_count)[0], 1 + tried + doublings);
    assert_true(fabs((double)array_f32(result->x_adv)[0] - best / valley) < 1e-6);
    result_free(result);
}

/* A point that is no worse than the start is not halved; others are until one is not, or until a
 * single step. Halves of odd multiples go to the even one. */
static void test_line_search_halves(void **state) {
    (void)state;
    check_search(10, 1, 0, 8);      /* 1 2 4 8 … */
    check_search(10, 5, 1, 10);     /* 5, 10 20 … */
    check_search(100, 64, 1, 128);  /* 64, 128 … */
    check_search(1024, 1, 0, 1024); /* ten doublings */
    check_search(2048, 2, 1, 2048);
    check_search(10, 20, 1, 0);     /* as high as the start; the rest is higher */
    check_search(3, 16, 3, 4);      /* 16 8 4, 8 … */
    check_search(1.75, 7, 3, 2);    /* 7 4 2, 4 … */
    check_search(1.3, 5, 2, 2);     /* 5 2, 4 … */
    check_search(0.25, 4, 3, 0);    /* 4 2 1, 2 …: nothing is better */
    check_search(0.9, 1000, 11, 1); /* 1000 500 250 125 62 31 16 8 4 2 1, 2 … */
}

/* ---- Stops ---- */

static double (*script)(size_t iteration);
static size_t last_iteration;

/* The loss is the script's, wherever the row stands: it moves to and fro until the iteration
 * `moves_until`. */
static size_t moves_until = SIZE_MAX;

/* To a point with these scores, whose loss is the objective's. */
static void move(Descent *descent, size_t row, const float *x, const double *scores) {
    double loss;
    LossRequest request = { .n = 1,
                            .scores = scores,
                            .goal = descent->goal + row,
                            .sample = descent->sample + row,
                            .loss = &loss };
    assert_true(problem_losses(descent->problem, &request, NULL));
    descent_move(descent, row, (Candidate){ x, scores, loss });
}

static bool scripted_step(Descent *descent, Error *err) {
    (void)err;
    last_iteration = descent->iteration;
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        const double scores[2] = { script(descent->iteration), 0 };
        float point =
            descent->iteration < moves_until ? (float)(descent->iteration % 2) : descent->x[row];
        move(descent, row, &point, scores);
    }
    return true;
}

/* After how many iterations of this script an attack with these windows stops. */
static size_t stops_with(const Attack *like, double (*losses)(size_t iteration), double eps,
                         int reason) {
    const double flat[2] = { 0, 0 }, b[2] = { 0, 0 };
    TestModel *model = test_model(2, 1, flat, b);
    const float x = 0;
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = &x, .y = &y, .n = 1, .features = 1 };
    Attack scripted = { .name = "scripted",
                        .fields = attack_pgd.fields,
                        .params = attack_pgd.params,
                        .step = scripted_step,
                        .trials = 1,
                        .window = like->window,
                        .window_after = like->window_after };
    AttackParams params = params_of(&scripted, 1);
    params.eps = eps;
    params.max_iter = 60;
    params.early_stop = reason == STOP_REACHED;
    script = losses;
    AttackResult *result = run(&scripted, &params, &task);
    assert_int_equal(array_i32(result->stop)[0], reason);
    result_free(result);
    model_release(&model->base);
    return last_iteration;
}

static size_t stops_after(const Attack *like, double (*losses)(size_t iteration), int reason) {
    return stops_with(like, losses, 0.5, reason);
}

static double every_5(size_t iteration) {
    return (double)(iteration % 5);
}

static double every_10(size_t iteration) {
    return (double)(iteration % 10);
}

static double rising(size_t iteration) {
    return (double)iteration;
}

/* By 0.15 an iteration, to and fro. */
static double drifting(size_t iteration) {
    return 0.15 * (double)iteration + (double)(iteration % 2);
}

static double at_rest_from_7(size_t iteration) {
    return iteration < 7 ? (double)iteration : 7.25;
}

/* Losses that come again after 5 or 10 iterations have equal means in windows of that length: the
 * rule stops where it begins. */
static void test_windows(void **state) {
    (void)state;
    assert_int_equal(stops_after(&attack_pgd, every_5, STOP_CONVERGED), 11);
    assert_int_equal(stops_after(&attack_pgd_exp, every_10, STOP_CONVERGED), 21);
    assert_int_equal(stops_after(&attack_pgd_exp, every_5, STOP_CONVERGED), 21);
    assert_int_equal(stops_after(&attack_pgd, every_10, STOP_MAX_ITER), 60);
    /* Two windows must be full; without any there is no such rule. */
    assert_int_equal(stops_after(&(Attack){ .window = 5 }, every_5, STOP_CONVERGED), 9);
    assert_int_equal(stops_after(&(Attack){ .window = 10 }, every_10, STOP_CONVERGED), 19);
    assert_int_equal(stops_after(&(Attack){ .window = 0 }, every_5, STOP_MAX_ITER), 60);
    assert_int_equal(stops_after(&attack_pgd, rising, STOP_MAX_ITER), 60);
    assert_int_equal(stops_after(&attack_pgd_exp, drifting, STOP_MAX_ITER), 60);
    assert_int_equal(stops_after(&attack_pgd_exp, at_rest_from_7, STOP_CONVERGED), 8);
}

static double constant(size_t iteration) {
    (void)iteration;
    return 1;
}

static double falls_below_0_at_9(size_t iteration) {
    return 8.5 - (double)iteration;
}

/* Without eps only who has not moved for five iterations stops, or where it is asked to. */
static void test_stops_without_eps(void **state) {
    (void)state;
    assert_int_equal(stops_with(&attack_pgd, constant, NAN, STOP_MAX_ITER), 60);
    assert_int_equal(stops_with(&attack_pgd, constant, 0, STOP_MAX_ITER), 60);
    assert_int_equal(stops_with(&attack_pgd, constant, 1e-9, STOP_CONVERGED), 2);
    moves_until = 20;
    assert_int_equal(stops_with(&attack_pgd, every_5, NAN, STOP_STILL), 24);
    moves_until = SIZE_MAX;
    assert_int_equal(stops_with(&attack_pgd, falls_below_0_at_9, NAN, STOP_REACHED), 9);
}

/* ---- Starts ---- */

enum { SAMPLES = 30 };

/* Rejected everywhere: two valleys, at 0.4 with loss 1 and at 0.9 with loss 1.05. */
static AttackResult *run_valleys(double from, int restarts) {
    const double centers[3] = { -100, 0.4, 0.9 }, b[3] = { 0, 0, -0.05 };
    TestModel *model = test_model(3, 1, centers, b);
    model->bumps = model->base.rejects = true;
    model->threshold = 1;
    float x[SAMPLES];
    int32_t y[SAMPLES] = { 0 };
    for (int i = 0; i < SAMPLES; i++)
        x[i] = (float)(from + 0.001 * i);
    AttackTask task = { .model = &model->base, .x = x, .y = y, .n = SAMPLES, .features = 1 };
    AttackParams params = params_of(&attack_pgd, 0.45);
    params.eta = 0.02;
    params.restarts = restarts;
    AttackResult *result = run(&attack_pgd, &params, &task);
    model_release(&model->base);
    return result;
}

/* Of the random points 3 in 10 lead to the worse valley: what they find is dropped. */
static void test_worse_answers_of_restarts_are_dropped(void **state) {
    (void)state;
    AttackResult *once = run_valleys(0.48, 0), *again = run_valleys(0.48, 1);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t last = array_size(again->trace[i].loss) - 1;
        assert_true(loss_at_end(once, i) < 1.001);
        assert_true(loss_at_end(again, i) <= loss_at_end(once, i));
        assert_true(array_f64(again->trace[i].distance)[last] == array_f64(again->distance)[i]);
        assert_true(array_i32(again->gradient_count)[i] > array_i32(once->gradient_count)[i]);
    }
    result_free(once);
    result_free(again);
}

/* From the worse valley most samples get to the better one by one of five random points; the trace
 * is then of that descent. */
static void test_better_answers_of_restarts_are_kept(void **state) {
    (void)state;
    AttackResult *once = run_valleys(0.82, 0), *again = run_valleys(0.82, 5);
    size_t better = 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_true(fabs(loss_at_end(once, i) - 1.05) < 0.001);
        if (loss_at_end(again, i) > 1.04)
            continue;
        better++;
        assert_true(array_f64(again->trace[i].distance)[0] > 0);
        assert_true(fabs((double)array_f32(again->x_adv)[i] - 0.4) < 0.03);
    }
    assert_true(better > SAMPLES / 2);
    result_free(once);
    result_free(again);
}

enum { STARTS = 4000, START_FEATURES = 3 };
static float start_point[STARTS + 1][START_FEATURES];
static size_t start_count;

static bool record_starts(Descent *descent, Error *err) {
    (void)err;
    memcpy(start_point[start_count++], descent->x, sizeof *start_point);
    return true;
}

/* The random starts of one sample at 0.5, in this box. */
static void draw_starts(Norm norm, double lower, double upper) {
    const double flat[2 * START_FEATURES] = { 0 };
    TestModel *model = test_model(2, START_FEATURES, flat, NULL);
    const float x[START_FEATURES] = { 0.5F, 0.5F, 0.5F };
    const int32_t y = 0;
    AttackTask task = {
        .model = &model->base, .x = x, .y = &y, .n = 1, .features = START_FEATURES
    };
    Attack drawing = { .name = "drawing",
                       .fields = attack_pgd.fields,
                       .params = attack_pgd.params,
                       .step = record_starts,
                       .trials = 1 };
    AttackParams params = params_of(&drawing, 0.3);
    params.norm = (int)norm;
    params.restarts = STARTS;
    params.max_iter = 1;
    params.lower = lower;
    params.upper = upper;
    start_count = 0;
    result_free(run(&drawing, &params, &task));
    assert_int_equal(start_count, STARTS + 1); /* the sample's own place is the first */
    assert_memory_equal(start_point[0], x, sizeof x);
    model_release(&model->base);
}

/* Uniform in the ball of radius dmax around the sample: radius³ is uniform, and the features'
 * second moments are the ball's (test_random_point.c). */
static void test_random_starts_fill_the_ball(void **state) {
    (void)state;
    const double moment[] = { 2. / 20, 1. / 5, 1. / 3 }, dmax = 0.3;
    const float x0[START_FEATURES] = { 0.5F, 0.5F, 0.5F };
    for (int norm = NORM_L1; norm <= NORM_LINF; norm++) {
        double cube = 0, mean = 0, square = 0;
        draw_starts((Norm)norm, -INFINITY, INFINITY);
        for (size_t k = 1; k <= STARTS; k++) {
            double radius = norm_distance((Norm)norm, start_point[k], x0, START_FEATURES) / dmax;
            assert_true(radius <= 1 + 1e-12);
            cube += radius * radius * radius / STARTS;
            for (size_t j = 0; j < START_FEATURES; j++) {
                double delta = ((double)start_point[k][j] - 0.5) / dmax;
                mean += delta / (START_FEATURES * STARTS);
                square += delta * delta / (START_FEATURES * STARTS);
            }
        }
        assert_true(fabs(cube - 0.5) < 0.03);
        assert_true(fabs(mean) < 0.03);
        assert_true(fabs(square - moment[norm]) < 0.05 * moment[norm]);
    }
}

static void test_random_starts_stay_in_the_box(void **state) {
    (void)state;
    size_t at_border = 0;
    draw_starts(NORM_LINF, 0.4, 0.75);
    for (size_t k = 1; k <= STARTS; k++)
        for (size_t j = 0; j < START_FEATURES; j++) {
            float value = start_point[k][j];
            assert_true((double)value >= 0.4 && (double)value <= 0.75);
            at_border += value < 0.4001F;
        }
    assert_true(fabs((double)at_border / (START_FEATURES * STARTS) - 1. / 3) < 0.03);
}

/* ---- Which answer is kept ---- */

/* Scores of the second and third class; that of the true one is 0 and the reject score 1. */
static double scripted_scores[2][3][2];
static size_t descents;

static bool scores_step(Descent *descent, Error *err) {
    (void)err;
    descents += descent->iteration == 1;
    const double *now = scripted_scores[descents - 1][descent->iteration - 1];
    move(descent, 0, descent->x, (const double[]){ 0, now[0], now[1], 1 });
    return true;
}

/* How many iterates lead to the answer, by cross-entropy and with a restart. */
static size_t answer_after(int restarts) {
    const double flat[3] = { 0 }, b[3] = { 2, 0, 0 };
    TestModel *model = test_model(3, 1, flat, b);
    model->base.rejects = true;
    const float x = 0;
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = &x, .y = &y, .n = 1, .features = 1 };
    Attack scripted = { .name = "scripted",
                        .fields = attack_pgd.fields,
                        .params = attack_pgd.params,
                        .step = scores_step,
                        .trials = 1 };
    AttackParams params = params_of(&scripted, 1);
    params.max_iter = 3;
    params.eps = 0;
    params.restarts = restarts;
    while (objective_table[params.objective] != &objective_cross_entropy)
        params.objective++;
    descents = 0;
    AttackResult *result = run(&scripted, &params, &task);
    size_t count = array_size(result->trace[0].loss);
    result_free(result);
    model_release(&model->base);
    return count - 1;
}

/* Two classes that share the probability make the truth's small, and are rejected: a point that is
 * accepted as wrong is the better answer, within a descent and among several. */
static void test_success_before_loss(void **state) {
    (void)state;
    const double accepted[2] = { 1.1, -9 }, rejected[2] = { 0.99, 0.99 }, better[2] = { 1.5, -9 };
    for (int k = 0; k < 2; k++) {
        const double *const scores[2][3] = { { rejected, k ? better : accepted, rejected },
                                             { rejected, rejected, k ? accepted : rejected } };
        for (int t = 0; t < 6; t++)
            memcpy(scripted_scores[t / 3][t % 3], scores[t / 3][t % 3], sizeof accepted);
        assert_int_equal(answer_after(0), 2);
        assert_int_equal(answer_after(1), 2); /* no restart finds a better one … */
    }
    memcpy(scripted_scores[1][0], better, sizeof better);
    memcpy(scripted_scores[0][1], accepted, sizeof accepted);
    assert_int_equal(answer_after(1), 1); /* … but this */
    memcpy(scripted_scores[0][1], rejected, sizeof rejected);
    assert_int_equal(answer_after(0), 1); /* the lowest loss, where none succeeds */
}

/* ---- An attack's own state ---- */

/* v ← v / 2 + gradient, x ← x − v / 10: what it keeps is by row, while rows come and go. */
static const AttackState momentum_state[] = { { sizeof(double), WIDTH_FEATURES },
                                              { sizeof(int32_t), WIDTH_ONE } };

static bool momentum_step(Descent *descent, Error *err) {
    size_t d = descent->problem->features;
    int32_t *steps = descent->state[1];
    for (size_t a = 0; a < descent->active_count; a++) {
        size_t row = descent->active[a];
        double *v = (double *)descent->state[0] + row * d;
        assert_int_equal(steps[row]++, descent->iteration - 1);
        for (size_t j = 0; j < d; j++) {
            v[j] = v[j] / 2 + (double)descent->gradient[a * d + j];
            descent->trial[a * d + j] = descent->x[row * d + j] - (float)(v[j] / 10);
        }
    }
    return descent_take_trials(descent, err);
}

/* On a linear loss with slopes 3 and 4, v is (2 − 2^(1−t)) · slope after t steps. */
static void test_state_is_kept_by_row(void **state) {
    (void)state;
    enum { ROWS = 4, STEPS = 6 };
    const double w[2 * 2] = { 3, 4, 0, 0 };
    TestModel *model = test_model(2, 2, w, NULL);
    const float x[ROWS * 2] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    const int32_t y[ROWS] = { 0, 0, 1, 0 }; /* the third goes the other way */
    AttackTask task = { .model = &model->base, .x = x, .y = y, .n = ROWS, .features = 2 };
    Attack momentum = { .name = "momentum",
                        .fields = attack_pgd.fields,
                        .params = attack_pgd.params,
                        .step = momentum_step,
                        .trials = 1,
                        .state = momentum_state,
                        .states = 2,
                        .gradient = true };
    AttackParams params = params_of(&momentum, INFINITY);
    params.max_iter = STEPS;
    AttackResult *result = run(&momentum, &params, &task);
    double way = 0;
    for (int t = 1; t <= STEPS; t++)
        way += (2 - ldexp(2, -t)) / 10;
    for (size_t i = 0; i < ROWS; i++) {
        double sign = y[i] == 0 ? -1 : 1;
        const float *end = array_f32(result->x_adv) + 2 * i;
        assert_true(fabs((double)(end[0] - x[2 * i]) - 3 * sign * way) < 1e-5);
        assert_true(fabs((double)(end[1] - x[2 * i + 1]) - 4 * sign * way) < 1e-5);
    }
    result_free(result);
    params.dmax = 1; /* each restart begins with a state of zeros: the step says so */
    params.restarts = 3;
    result_free(run(&momentum, &params, &task));
    model_release(&model->base);
}

/* ---- Passes through the model ---- */

/* An iteration of a fixed step is one pass: the scores of the new points and the gradients that the
 * next one wants. The first has the start's scores already, the last wants no gradients. */
static void test_one_pass_an_iteration(void **state) {
    (void)state;
    enum { ROWS = 5, STEPS = 12 };
    const double centers[3 * 2] = { 0.1, 0.1, 0.9, 0.2, 0.3, 0.9 };
    const float x[ROWS * 2] = { 0.1F, 0.2F, 0.3F, 0.1F, 0.2F, 0.2F, 0, 0, 0.3F, 0.3F };
    const int32_t y[ROWS] = { 0 };
    AttackResult *result[2];
    for (int one = 0; one < 2; one++) {
        TestModel *model = test_model(3, 2, centers, NULL);
        model->bumps = true;
        model->base.kind = one ? &test_pass_kind : &test_kind;
        AttackTask task = { .model = &model->base, .x = x, .y = y, .n = ROWS, .features = 2 };
        AttackParams params = params_of(&attack_pgd, 10);
        params.eps = 0;
        params.eta = 0.1;
        params.max_iter = STEPS;
        result[one] = run(&attack_pgd, &params, &task);
        assert_int_equal(model->gradient_calls, STEPS);
        /* The samples, the last step, the answers; by itself each step but that one. */
        assert_int_equal(model->score_calls, one ? 3 : STEPS + 2);
        assert_int_equal(model->rows, ROWS * (STEPS + 2));
        model_release(&model->base);
    }
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(array_i32(result[1]->gradient_count)[i], STEPS);
        assert_int_equal(array_i32(result[1]->score_count)[i], STEPS + 1);
        size_t count = array_size(result[0]->trace[i].loss);
        assert_int_equal(array_size(result[1]->trace[i].loss), count);
        assert_memory_equal(array_f64(result[0]->trace[i].loss),
                            array_f64(result[1]->trace[i].loss), count * sizeof(double));
    }
    result_free(result[0]);
    result_free(result[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_search_halves),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_stops_without_eps),
        cmocka_unit_test(test_worse_answers_of_restarts_are_dropped),
        cmocka_unit_test(test_better_answers_of_restarts_are_kept),
        cmocka_unit_test(test_random_starts_fill_the_ball),
        cmocka_unit_test(test_random_starts_stay_in_the_box),
        cmocka_unit_test(test_success_before_loss),
        cmocka_unit_test(test_state_is_kept_by_row),
        cmocka_unit_test(test_one_pass_an_iteration),
    };
    return cmocka_run_group_tests_name("descent", tests, NULL, NULL);
}
