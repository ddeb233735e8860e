/* Attacks on models with known answers: where they end, what they keep, how they stop. */
#include "attack/attacks.h"
#include "attack/start_scores.h"

#include "attack_models.h"
#include "core/array.h"
#include "core/error.h"
#include "core/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

enum { N = 12, D = 6, CLASSES = 3 };

/* ---- Fixtures ---- */

typedef struct Fixture {
    double centers[CLASSES * D];
    float x[N * D];
    int32_t y[N];
    TestModel *model;
} Fixture;

/* Samples near their class's center; bump scores; rejection far from all centers. */
static Fixture *fixture_new(void) {
    Fixture *f = calloc(1, sizeof *f);
    Rng rng;
    rng_seed(&rng, 3);
    for (size_t c = 0; c < CLASSES; c++)
        for (size_t j = 0; j < D; j++)
            f->centers[c * D + j] = j % CLASSES == c ? 0.9 : 0.1;
    for (size_t i = 0; i < N; i++) {
        f->y[i] = (int32_t)(i % CLASSES);
        for (size_t j = 0; j < D; j++) {
            double value = f->centers[(i % CLASSES) * D + j] + 0.1 * rng_normal(&rng);
            f->x[i * D + j] = (float)fmin(fmax(value, 0), 1);
        }
    }
    f->model = test_model(CLASSES, D, f->centers, NULL);
    f->model->bumps = true;
    f->model->base.rejects = true;
    f->model->threshold = -0.9;
    return f;
}

static void fixture_free(Fixture *f) {
    model_release(&f->model->base);
    free(f);
}

static AttackTask task_of(Fixture *f, size_t first, size_t n) {
    return (AttackTask){
        .model = &f->model->base, .x = f->x + first * D, .y = f->y + first, .n = n, .features = D
    };
}

static AttackParams params_of(const Attack *attack, Norm norm, double dmax) {
    AttackParams params = attack->params;
    params.norm = (int)norm;
    params.dmax = dmax;
    params.seed = 7;
    return params;
}

static bool takes_norm(const Attack *attack, int norm) {
    return attack_takes_norm(attack, norm);
}

static AttackResult *run(const char *name, const AttackParams *params, const AttackTask *task) {
    Error err;
    AttackResult *result = attack_run(attack_find(name), params, task, NULL, &err);
    if (!result)
        fail_msg("%s", err.message);
    return result;
}

static double loss_at_end(const AttackResult *result, size_t i) {
    const Array *loss = result->trace[i].loss;
    return array_f64(loss)[array_size(loss) - 1];
}

/* ---- Constraints hold, losses fall ---- */

static void check_inside(const AttackResult *result, const AttackParams *params) {
    for (size_t i = 0; i < result->n; i++) {
        const float *x = array_f32(result->x_adv) + i * D, *x0 = array_f32(result->x0) + i * D;
        double distance = norm_distance((Norm)params->norm, x, x0, D);
        assert_true(distance <= params->dmax * (1 + 1e-12));
        assert_true(distance == array_f64(result->distance)[i]);
        for (size_t j = 0; j < D; j++)
            assert_true(x[j] >= 0 && x[j] <= 1);
        const Trace *trace = &result->trace[i];
        for (size_t t = 0; t < array_size(trace->distance); t++)
            assert_true(array_f64(trace->distance)[t] <= params->dmax * (1 + 1e-12));
    }
}

static void test_ball_and_box_hold(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    for (size_t a = 0; attack_table[a]; a++)
        for (int norm = NORM_L1; norm <= NORM_LINF; norm++)
            for (int r = 0; r <= 3 && takes_norm(attack_table[a], norm); r++) {
                AttackParams params = params_of(attack_table[a], (Norm)norm, 0.4 * r);
                params.iterates = true;
                params.surrogate = task.model;
                if (attack_uses(attack_table[a], "restarts"))
                    params.restarts = 2;
                AttackResult *result = run(attack_table[a]->name, &params, &task);
                check_inside(result, &params);
                result_free(result);
            }
    fixture_free(f);
}

static void test_losses_fall(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    const char *names[] = { "pgd", "pgd_exp" };
    const double dmax[] = { 2.5, 1.2, 0.5 };
    for (size_t a = 0; a < 2; a++)
        for (int norm = NORM_L1; norm <= NORM_LINF; norm++) {
            AttackParams params = params_of(attack_find(names[a]), (Norm)norm, dmax[norm]);
            AttackResult *result = run(names[a], &params, &task);
            for (size_t i = 0; i < N; i++) {
                assert_true(loss_at_end(result, i) < array_f64(result->trace[i].loss)[0] - 0.1);
                assert_true(loss_at_end(result, i) < 0);
                assert_int_equal(result_start_verdict(result, i), VERDICT_CORRECT);
                assert_int_equal(result_verdict(result, i), VERDICT_EVADED);
            }
            result_free(result);
        }
    fixture_free(f);
}

/* ---- Closed forms on a linear model ---- */

static const double line[2 * 2] = { 3, 4, 0, 0 }; /* loss of class 0: 3 x1 + 4 x2 */

static AttackResult *run_line(const char *name, AttackParams params, const float *x, Error *err) {
    TestModel *model = test_model(2, 2, line, NULL);
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = x, .y = &y, .n = 1, .features = 2 };
    params.lower = -INFINITY;
    params.upper = INFINITY;
    AttackResult *result = attack_run(attack_find(name), &params, &task, NULL, err);
    model_release(&model->base);
    return result;
}

static void check_line(const char *name, Norm norm, double dx, double dy, double tolerance) {
    Error err;
    const float x[2] = { 1, 2 };
    AttackParams params = params_of(attack_find(name), norm, 2);
    AttackResult *result = run_line(name, params, x, &err);
    assert_non_null(result);
    const float *end = array_f32(result->x_adv);
    assert_true(fabs((double)end[0] - (1 + dx)) < tolerance);
    assert_true(fabs((double)end[1] - (2 + dy)) < tolerance);
    assert_true(fabs(loss_at_end(result, 0) - (11 + 3 * dx + 4 * dy)) < 8 * tolerance);
    result_free(result);
}

/* The least of a linear loss on a ball is known. */
static void test_linear_optimum(void **state) {
    (void)state;
    const char *names[] = { "fgsm", "pgd", "pgd_exp" };
    for (size_t a = 0; a < 3; a++) {
        check_line(names[a], NORM_L2, -1.2, -1.6, 1e-5);
        check_line(names[a], NORM_LINF, -2, -2, 1e-5);
        check_line(names[a], NORM_L1, 0, -2, 1e-5);
    }
}

static void test_step_rules(void **state) {
    (void)state;
    const struct {
        StepRule rule;
        double dx, dy;
    } rules[] = { { STEP_RAW, -0.3, -0.4 },
                  { STEP_UNIT, -0.06, -0.08 },
                  { STEP_SIGN, -0.1, -0.1 },
                  { STEP_LARGEST, 0, -0.1 } };
    for (size_t k = 0; k < 4; k++) {
        Error err;
        const float x[2] = { 1, 2 };
        AttackParams params = params_of(attack_find("pgd"), NORM_L2, 10);
        params.step = (int)rules[k].rule;
        params.largest = 1;
        params.eta = 0.1;
        params.max_iter = 1;
        AttackResult *result = run_line("pgd", params, x, &err);
        assert_non_null(result);
        assert_true(fabs((double)array_f32(result->x_adv)[0] - (1 + rules[k].dx)) < 1e-6);
        assert_true(fabs((double)array_f32(result->x_adv)[1] - (2 + rules[k].dy)) < 1e-6);
        result_free(result);
    }
}

/* ---- Lockstep ---- */

static void assert_same_sample(const AttackResult *a, size_t i, const AttackResult *b, size_t k) {
    assert_memory_equal(array_f32(a->x_adv) + i * D, array_f32(b->x_adv) + k * D,
                        D * sizeof(float));
    size_t count = array_size(a->trace[i].loss);
    assert_int_equal(count, array_size(b->trace[k].loss));
    assert_memory_equal(array_f64(a->trace[i].loss), array_f64(b->trace[k].loss),
                        count * sizeof(double));
    assert_int_equal(array_i32(a->stop)[i], array_i32(b->stop)[k]);
    assert_int_equal(array_i32(a->score_count)[i], array_i32(b->score_count)[k]);
    assert_int_equal(array_i32(a->gradient_count)[i], array_i32(b->gradient_count)[k]);
}

/* This model's scores do not depend on the batch, so alone and together agree to the bit. */
static void test_alone_is_as_in_lockstep(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    for (size_t a = 0; attack_table[a]; a++)
        for (int norm = NORM_L1; norm <= NORM_LINF; norm++) {
            if (!takes_norm(attack_table[a], norm))
                continue;
            AttackParams params = params_of(attack_table[a], (Norm)norm, 0.6);
            params.restarts = attack_uses(attack_table[a], "restarts") ? 2 : 0;
            AttackTask all = task_of(f, 0, N);
            params.surrogate = all.model;
            AttackResult *together = run(attack_table[a]->name, &params, &all);
            for (size_t i = 0; i < N; i++) {
                AttackTask one = task_of(f, i, 1);
                AttackResult *alone = run(attack_table[a]->name, &params, &one);
                assert_same_sample(together, i, alone, 0);
                result_free(alone);
            }
            result_free(together);
        }
    fixture_free(f);
}

static void test_one_call_a_batch(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.8);
    AttackResult *result = run("pgd_exp", &params, &task);
    int32_t longest = 0, gradients = 0, scores = 0;
    for (size_t i = 0; i < N; i++) {
        int32_t count = array_i32(result->gradient_count)[i];
        longest = count > longest ? count : longest;
        gradients += count;
        scores += array_i32(result->score_count)[i];
        assert_int_equal(array_i32(result->score_count)[i], 1 + 11 * count);
    }
    assert_int_equal(f->model->gradient_calls, longest);
    assert_int_equal(f->model->score_calls, longest + 2); /* the starts; the answers once more */
    assert_int_equal(f->model->rows, (size_t)scores + N);
    assert_true(gradients > 0);
    result_free(result);
    fixture_free(f);
}

static void test_same_seed_same_bits(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    AttackParams params = params_of(attack_find("noise"), NORM_L2, 0.3);
    AttackResult *a = run("noise", &params, &task), *b = run("noise", &params, &task);
    assert_memory_equal(array_f32(a->x_adv), array_f32(b->x_adv), N * D * sizeof(float));
    params.seed = 8;
    AttackResult *c = run("noise", &params, &task);
    assert_memory_not_equal(array_f32(a->x_adv), array_f32(c->x_adv), N * D * sizeof(float));
    result_free(a);
    result_free(b);
    result_free(c);
    fixture_free(f);
}

/* ---- Targets, starts, labels ---- */

static void test_targets(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    int32_t target[N];
    for (size_t i = 0; i < N; i++)
        target[i] = (f->y[i] + 1 + (int32_t)(i & 1)) % CLASSES;
    task.target = target;
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 1.2);
    AttackResult *result = run("pgd_exp", &params, &task);
    for (size_t i = 0; i < N; i++) {
        assert_true(result_hit(result, i));
        assert_int_equal(array_i32(result->label)[i], target[i]);
    }
    assert_int_equal(result_counts(result).hit, N);
    result_free(result);
    target[4] = 9;
    Error err;
    assert_null(attack_run(attack_find("pgd_exp"), &params, &task, NULL, &err));
    assert_string_equal(err.message,
                        "attack.pgd_exp: sample 5: target 9 is not a class of the test model");
    fixture_free(f);
}

/* On a line: downhill from the sample leads left to −0.0425; a start point lies on the right, from
 * where −0.1 is reached. */
static void test_double_start_wins(void **state) {
    (void)state;
    const double centers[3] = { 0.5, 0.45, 0.9 }, b[3] = { 0, 0, -0.1 };
    TestModel *model = test_model(3, 1, centers, b);
    model->bumps = true;
    const float x = 0.5F, starts[3] = { 0.1F, 0.9F, 0.6F };
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = &x, .y = &y, .n = 1, .features = 1 };
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.45);
    AttackResult *single = run("pgd_exp", &params, &task);
    assert_true(fabs(loss_at_end(single, 0) + 0.0425) < 1e-5);
    task.start = (AttackStart){ .x = starts, .n = 3 };
    AttackResult *both = run("pgd_exp", &params, &task);
    assert_true(fabs(loss_at_end(both, 0) + 0.1) < 1e-5);
    assert_true(fabs(array_f64(both->trace[0].distance)[0] - 0.4) <
                1e-5); /* the trace is its own */
    task.start.n = 1;  /* not better than the answer: not run */
    AttackResult *useless = run("pgd_exp", &params, &task);
    assert_int_equal(array_i32(useless->gradient_count)[0], array_i32(single->gradient_count)[0]);
    assert_int_equal(array_i32(useless->score_count)[0], array_i32(single->score_count)[0] + 1);
    result_free(single);
    result_free(both);
    result_free(useless);
    model_release(&model->base);
}

static void test_known_start_scores_change_nothing(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.9);
    params.max_iter = 2;
    task.start = (AttackStart){ .x = f->x, .n = N };
    AttackResult *computed = run("pgd_exp", &params, &task);
    check_inside(computed, &params);
    /* Kept from the first run, used by the second, made anew for another model's. */
    task.start.kept = start_scores_new();
    for (int round = 0; round < 2; round++) {
        AttackResult *known = run("pgd_exp", &params, &task);
        for (size_t i = 0; i < N; i++)
            assert_same_sample(computed, i, known, i);
        result_free(known);
    }
    start_scores_free(task.start.kept);
    result_free(computed);
    fixture_free(f);
}

static void test_labels_that_are_wrong_at_the_start(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    f->y[0] = 1; /* it is near class 0 */
    AttackTask task = task_of(f, 0, N);
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.5);
    AttackResult *result = run("pgd_exp", &params, &task);
    assert_int_equal(result_start_verdict(result, 0), VERDICT_WRONG);
    assert_true(array_f64(result->trace[0].loss)[0] < 0);
    assert_int_equal(result_counts(result).started_correct, N - 1);
    result_free(result);
    task.y = NULL; /* the model's own best class */
    result = run("pgd_exp", &params, &task);
    assert_int_equal(array_i32(result->y)[0], 0);
    assert_int_equal(result_start_verdict(result, 0), VERDICT_CORRECT);
    result_free(result);
    fixture_free(f);
}

/* ---- Stops and failures ---- */

static void test_zero_gradient(void **state) {
    (void)state;
    const double flat[2 * 2] = { 1, 1, 1, 1 }, b[2] = { 1, 0 };
    TestModel *model = test_model(2, 2, flat, b);
    const float x[2] = { 0.5F, 0.5F };
    const int32_t y = 0;
    AttackTask task = { .model = &model->base, .x = x, .y = &y, .n = 1, .features = 2 };
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 1);
    AttackResult *result = run("pgd_exp", &params, &task);
    assert_int_equal(array_i32(result->stop)[0], STOP_ZERO_GRADIENT);
    assert_int_equal(array_size(result->trace[0].loss), 1);
    assert_int_equal(result_verdict(result, 0), VERDICT_CORRECT);
    result_free(result);
    model_release(&model->base);
}

static void test_stops(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, 1);
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 1);
    params.max_iter = 2;
    params.eps = 0;
    AttackResult *result = run("pgd_exp", &params, &task);
    assert_int_equal(array_i32(result->stop)[0], STOP_MAX_ITER);
    assert_int_equal(array_i32(result->gradient_count)[0], 1); /* the start counts */
    result_free(result);
    params.max_iter = 1000;
    params.eps = 1e-6;
    result = run("pgd_exp", &params, &task);
    assert_int_equal(array_i32(result->stop)[0], STOP_CONVERGED);
    result_free(result);
    fixture_free(f);
}

static void test_interrupt(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    AttackParams params = params_of(attack_find("pgd"), NORM_L2, 1);
    params.restarts = 3;
    f->model->interrupt_at = 3;
    Progress progress = progress_new();
    Error err;
    AttackResult *result = attack_run(attack_find("pgd"), &params, &task, &progress, &err);
    assert_non_null(result);
    assert_true(progress_was_interrupted(&progress));
    progress_clear_interrupt();
    assert_int_equal(f->model->gradient_calls, 3);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(array_i32(result->stop)[i], STOP_INTERRUPTED);
        assert_true(loss_at_end(result, i) < array_f64(result->trace[i].loss)[0]);
    }
    check_inside(result, &params);
    result_free(result);
    fixture_free(f);
}

/* What is interrupted while it scores the points where it shall begin has the samples for answers.
 */
static void test_interrupt_at_another_start(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    task.begin = f->x;
    for (int a = 0; a < 2; a++) {
        const Attack *attack = attack_find(a ? "fgsm" : "pgd");
        AttackParams params = params_of(attack, NORM_L2, 1);
        f->model->break_at = f->model->score_calls + 2;
        Progress progress = progress_new();
        Error err;
        AttackResult *result = attack_run(attack, &params, &task, &progress, &err);
        progress_clear_interrupt();
        assert_non_null(result);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(array_i32(result->stop)[i], STOP_INTERRUPTED);
            assert_int_equal(array_size(result->trace[i].loss), 1);
            assert_true(array_f64(result->distance)[i] == 0);
        }
        result_free(result);
    }
    fixture_free(f);
}

/* Long batches are cut into calls of 1024 rows, between which an interrupt counts; a model that
 * wants whole batches gets them. */
static void test_long_batches(void **state) {
    (void)state;
    enum { MANY = ATTACK_GROUP }; /* 1408 trial points */
    Fixture *f = fixture_new();
    float *x = malloc(MANY * D * sizeof *x);
    for (size_t i = 0; i < MANY; i++)
        memcpy(x + i * D, f->x + i % N * D, D * sizeof *x);
    AttackTask task = { .model = &f->model->base, .x = x, .n = MANY, .features = D };
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.8);
    AttackResult *cut = run("pgd_exp", &params, &task);
    size_t calls = f->model->score_calls, steps = f->model->gradient_calls;
    assert_true(calls > 2 + steps);
    f->model->score_calls = f->model->gradient_calls = 0;
    f->model->base.kind = &test_whole_kind;
    AttackResult *whole = run("pgd_exp", &params, &task);
    assert_int_equal(f->model->score_calls, f->model->gradient_calls + 2);
    for (size_t i = 0; i < MANY; i++)
        assert_same_sample(cut, i, whole, i);
    f->model->base.kind = &test_kind;
    f->model->gradient_calls = 0;
    f->model->interrupt_at = 2;
    params.restarts = 1;
    AttackResult *interrupted = run("pgd_exp", &params, &task);
    progress_clear_interrupt();
    for (size_t i = 0; i < MANY;
         i++) { /* within the second line search: the first one's are kept */
        assert_int_equal(array_i32(interrupted->stop)[i], STOP_INTERRUPTED);
        assert_int_equal(array_size(interrupted->trace[i].loss), 2);
    }
    result_free(cut);
    result_free(whole);
    result_free(interrupted);
    free(x);
    fixture_free(f);
}

/* The first so many samples, before they could move; others may break off on their way. */
static void assert_failed(const AttackParams *params, const AttackTask *task, size_t count) {
    Error err;
    AttackResult *result = attack_run(attack_find("pgd"), params, task, NULL, &err);
    assert_non_null(result);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(result_verdict(result, i), VERDICT_FAILED);
        assert_int_equal(array_i32(result->stop)[i], STOP_NOT_FINITE);
    }
    result_free(result);
}

static void test_failures(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    const Attack *pgd = attack_find("pgd");
    AttackParams params = params_of(pgd, NORM_L2, NAN);
    Error err;
    assert_null(attack_run(pgd, &params, &task, NULL, &err));
    assert_non_null(strstr(err.message, "attack.pgd: dmax is not given"));
    params.dmax = 1;
    f->model->spoil = NAN;
    assert_failed(&params, &task, 1);
    f->model->spoil = 0;
    double kept = f->centers[0];
    f->centers[0] = INFINITY;
    assert_failed(&params, &task, N);
    f->centers[0] = kept;
    f->y[3] = 17;
    assert_null(attack_run(pgd, &params, &task, NULL, &err));
    assert_non_null(strstr(err.message, "sample 4: label 17 is not a class"));
    f->y[3] = 0;
    f->x[5] = 3;
    assert_null(attack_run(pgd, &params, &task, NULL, &err));
    assert_non_null(strstr(err.message, "sample 1: feature 6 is 3"));
    f->x[5] = 0;
    params.lower_each = array_new1("test", DTYPE_F32, 2, &err);
    assert_null(attack_run(pgd, &params, &task, NULL, &err));
    assert_non_null(strstr(err.message, "lower: expected one number or 6, got 2"));
    array_free((Array *)params.lower_each);
    params.lower_each = NULL;
    params.step = STEP_RAW;
    assert_null(attack_run(pgd, &params, &task, NULL, &err));
    params = params_of(attack_find("pgd_exp"), NORM_L2, 1);
    params.eta_min = 0.25;
    assert_null(attack_run(attack_find("pgd_exp"), &params, &task, NULL, &err));
    assert_non_null(strstr(err.message, "eta_min 0.25 is not a multiple of eta 0.1"));
    fixture_free(f);
}

static void test_no_samples(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, 0);
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 1);
    AttackResult *result = run("pgd_exp", &params, &task);
    assert_int_equal(result->n, 0);
    result_free(result);
    fixture_free(f);
}

/* ---- Results ---- */

static void test_pick_and_rescore(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, N);
    for (int iterates = 0; iterates < 2; iterates++) {
        AttackParams params = params_of(attack_find("pgd_exp"), NORM_L2, 0.8);
        params.iterates = iterates;
        f->model->threshold = -0.9;
        AttackResult *result = run("pgd_exp", &params, &task);
        Error err;
        AttackResult *one = result_pick(result, 4, &err);
        assert_non_null(one);
        assert_same_sample(result, 4, one, 0);
        AttackResult *some = result_take(result, (size_t[]){ 5, 0, 5 }, 3, &err);
        for (size_t i = 0; i < 3; i++)
            assert_same_sample(result, i == 1 ? 0 : 5, some, i);
        assert_non_null(strstr(some->params, "\"taken_from\":"));
        result_free(some);
        AttackResult *again = result_rescore(result, &f->model->base, &err);
        assert_non_null(again);
        assert_memory_equal(array_f64(again->scores), array_f64(result->scores),
                            N * (CLASSES + 1) * sizeof(double));
        for (size_t i = 0; i < N; i++) {
            size_t count = array_size(again->trace[i].loss);
            assert_true(count == (iterates ? array_size(result->trace[i].loss) : 2) || count == 1);
            assert_true(fabs(loss_at_end(again, i) - loss_at_end(result, i)) < 1e-12);
        }
        f->model->threshold = 10; /* a stricter judge rejects all */
        AttackResult *strict = result_rescore(one, &f->model->base, &err);
        assert_int_equal(result_counts(strict).verdict[VERDICT_REJECTED], 1);
        assert_int_equal(result_start_verdict(strict, 0), VERDICT_REJECTED);
        assert_int_equal(result_counts(strict).robust, 0);
        result_free(result);
        assert_true(array_f64(one->distance)[0] > 0); /* outlives what it was picked from */
        result_free(one);
        result_free(again);
        result_free(strict);
    }
    fixture_free(f);
}

static void test_rescore_wants_the_same_classes(void **state) {
    (void)state;
    Fixture *f = fixture_new();
    AttackTask task = task_of(f, 0, 2);
    AttackParams params = params_of(attack_find("fgsm"), NORM_LINF, 0.1);
    AttackResult *result = run("fgsm", &params, &task);
    TestModel *other = test_model(2, D, f->centers, NULL);
    Error err;
    assert_null(result_rescore(result, &other->base, &err));
    assert_non_null(strstr(err.message, "rescore"));
    result_free(result);
    model_release(&other->base);
    fixture_free(f);
}

static void test_params_as_json(void **state) {
    (void)state;
    AttackParams params = params_of(attack_find("pgd_exp"), NORM_L1, 2);
    params.seed = UINT64_MAX;
    AttackParams resolved;
    Error err;
    assert_true(attack_resolve(attack_find("pgd_exp"), &params, &resolved, &err));
    char *text = attack_params_json(attack_find("pgd_exp"), &resolved);
    assert_non_null(strstr(text, "\"norm\":\"l1\""));
    assert_non_null(strstr(text, "\"eta\":0.1"));
    assert_non_null(strstr(text, "\"seed\":\"18446744073709551615\""));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ball_and_box_hold),
        cmocka_unit_test(test_losses_fall),
        cmocka_unit_test(test_linear_optimum),
        cmocka_unit_test(test_step_rules),
        cmocka_unit_test(test_alone_is_as_in_lockstep),
        cmocka_unit_test(test_one_call_a_batch),
        cmocka_unit_test(test_same_seed_same_bits),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_double_start_wins),
        cmocka_unit_test(test_known_start_scores_change_nothing),
        cmocka_unit_test(test_labels_that_are_wrong_at_the_start),
        cmocka_unit_test(test_zero_gradient),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_interrupt_at_another_start),
        cmocka_unit_test(test_long_batches),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_no_samples),
        cmocka_unit_test(test_pick_and_rescore),
        cmocka_unit_test(test_rescore_wants_the_same_classes),
        cmocka_unit_test(test_params_as_json),
    };
    return cmocka_run_group_tests_name("attack", tests, NULL, NULL);
}
