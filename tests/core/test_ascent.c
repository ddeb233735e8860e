/* Ascents (model.h): what rises, and its direction against differences, for every kind with kernels
 * in it; and that the logarithm's does not vanish where all kernels do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "random_models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 5, MOST_FEATURES = 64, CLASSES = 4 };

typedef struct Case {
    Model *model;
    float x[ROWS * MOST_FEATURES];
    Goal goal[ROWS];
} Case;

static void must(bool ok, const Error *err) {
    if (!ok)
        fail_msg("%s", err->message);
}

static Case case_of(Model *model, bool targeted) {
    Case c = { .model = model };
    fill_random(c.x, ROWS * model->features, 5);
    for (size_t i = 0; i < ROWS; i++) {
        size_t truth = i % model->classes.count;
        ptrdiff_t target = targeted ? (ptrdiff_t)((truth + 1) % model->classes.count) : -1;
        c.goal[i] = (Goal){ truth, target, targeted };
    }
    return c;
}

/* What the ascent raises at the rows' points. */
static void heights(const Case *c, const float *x, const Ascent *like, double *height) {
    Error err;
    double scores[ROWS * (CLASSES + 1)];
    Ascent ascent = *like;
    ascent.direction = NULL;
    ascent.scores = scores;
    ascent.height = height;
    Batch batch = { x, ROWS, c->model->features, "test" };
    must(model_ascent(c->model, &batch, &ascent, &err), &err);
}

/* Along each row's own direction and along a random one, differences of the height say what the
 * direction does. */
static void check_direction(const Case *c, const Ascent *like) {
    size_t d = c->model->features;
    float direction[ROWS * MOST_FEATURES], way[MOST_FEATURES];
    double scores[ROWS * (CLASSES + 1)], expected[ROWS * (CLASSES + 1)], height[ROWS];
    Error err;
    Batch batch = { c->x, ROWS, d, "test" };
    Ascent ascent = *like;
    ascent.scores = scores;
    ascent.height = height;
    ascent.direction = direction;
    must(model_ascent(c->model, &batch, &ascent, &err), &err);
    must(model_scores(c->model, &batch, expected, &err), &err);
    assert_memory_equal(scores, expected, ROWS * model_columns(c->model) * sizeof *scores);
    for (size_t i = 0; i < ROWS; i++) {
        const float *own = direction + i * d;
        double length = 0, slope = 0;
        for (size_t j = 0; j < d; j++)
            length += (double)own[j] * own[j];
        assert_true(length > 0 && isfinite(length));
        fill_random(way, d, i);
        for (size_t j = 0; j < d; j++) {
            way[j] = (float)((double)way[j] / sqrt((double)d) + own[j] / sqrt(length)) * 2e-3F;
            slope += (double)way[j] * own[j];
        }
        float x[ROWS * MOST_FEATURES];
        double above[ROWS], below[ROWS];
        memcpy(x, c->x, sizeof x);
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = c->x[i * d + j] + way[j];
        heights(c, x, like, above);
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = c->x[i * d + j] - way[j];
        heights(c, x, like, below);
        double change = (above[i] - below[i]) / 2;
        if (fabs(change - slope) > 0.03 * fabs(slope))
            fail_msg("%s: row %zu: %g by differences, %g by the direction", c->model->kind->name, i,
                     change, slope);
    }
}

static void check_model(Model *model) {
    for (int targeted = 0; targeted <= 1; targeted++)
        for (int logarithmic = 0; logarithmic <= 1; logarithmic++) {
            Case c = case_of(model, targeted);
            Ascent ascent = { .goal = c.goal, .logarithmic = logarithmic, .threshold = -INFINITY };
            check_direction(&c, &ascent);
            ascent.threshold = 0.5; /* from outside */
            check_direction(&c, &ascent);
            ascent.wider = 1;
            ascent.wider_below = 1;
            check_direction(&c, &ascent);
        }
    model_release(model);
}

static void test_svm(void **state) {
    (void)state;
    check_model(random_svm(&kernel_rbf, (SvmShape){ 700, 9, 4, 4 }));
    check_model(random_svm(&kernel_rbf, (SvmShape){ 40, 3, 2, 1 }));
    check_model(random_svm(&kernel_linear, (SvmShape){ 40, 3, 4, 4 }));
    check_model(random_svm(&kernel_poly, (SvmShape){ 40, 3, 4, 4 }));
}

static void test_rejectors(void **state) {
    (void)state;
    check_model(rejecting(random_svm(&kernel_rbf, (SvmShape){ 60, 9, 4, 4 })));
    check_model(rejecting(random_svm(&kernel_rbf, (SvmShape){ 60, 9, 2, 1 })));
    check_model(on_layer(random_svm(&kernel_rbf, (SvmShape){ 60, 48, 4, 4 })));
    check_model(rejecting(on_layer(random_svm(&kernel_rbf, (SvmShape){ 60, 48, 4, 4 }))));
    check_model(random_dnr(false));
    check_model(random_dnr(true));
}

/* The logarithm's height is above 0 where the target's score is above the truth's, the reject score
 * and the threshold from outside. */
static void check_heights(Model *model) {
    enum { DRAWS = 60 };
    Error err;
    Case c = case_of(model, true);
    size_t above = 0, columns = model_columns(model);
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        double height[ROWS], scores[ROWS * (CLASSES + 1)];
        double threshold = draw % 2 ? 0.1 : -INFINITY;
        Ascent ascent = { .goal = c.goal, .logarithmic = true, .threshold = threshold };
        fill_random(c.x, ROWS * model->features, 100 + draw);
        heights(&c, c.x, &ascent, height);
        Batch batch = { c.x, ROWS, model->features, "test" };
        must(model_scores(model, &batch, scores, &err), &err);
        for (size_t i = 0; i < ROWS; i++) {
            const double *row = scores + i * columns;
            double reject = columns > CLASSES ? fmax(row[CLASSES], threshold) : threshold;
            double over = row[c.goal[i].target] - fmax(row[c.goal[i].truth], reject);
            if (fabs(over) > 1e-9)
                assert_int_equal(height[i] > 0, over > 0);
            above += over > 0;
        }
    }
    assert_true(above > DRAWS && above < DRAWS * (ROWS - 1));
    model_release(model);
}

static void test_heights_by_scores(void **state) {
    (void)state;
    check_heights(random_svm(&kernel_rbf, (SvmShape){ 60, 9, 4, 4 }));
    check_heights(rejecting(random_svm(&kernel_rbf, (SvmShape){ 60, 9, 4, 4 })));
}

/* Wider kernels: heights are those of a machine whose kernels are so. */
static void test_wider(void **state) {
    (void)state;
    Error err;
    Model *model = random_svm(&kernel_rbf, (SvmShape){ 60, 9, 4, 4 });
    Case c = case_of(model, true);
    Ascent ascent = { .goal = c.goal, .logarithmic = true, .threshold = 0.3, .wider = 10 };
    double seen[ROWS], own[ROWS];
    check_direction(&c, &ascent);
    heights(&c, c.x, &ascent, seen);
    Value gamma = value_number(0);
    must(model_get(model, "kernel.gamma", &gamma, &err), &err);
    assert_true(fabs(gamma.number[0] - 1.0 / 9) < 1e-12);
    ascent.wider = 0;
    heights(&c, c.x, &ascent, own);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(fabs(seen[i] - own[i]) > 1e-3);
    model_release(model);

    /* of a DNR the combiner's kernels alone: its layers' stay as they are */
    model = random_dnr(false);
    c = case_of(model, true);
    ascent.goal = c.goal;
    ascent.wider = 10;
    check_direction(&c, &ascent);
    model_release(model);
}

/* One machine in the plane: class 1 at (0, 0), class 0 at (1, 0). */
static Model *plane(double gamma) {
    static int32_t label[] = { 0, 1 };
    Error err;
    SvcParams params = svc_defaults();
    params.kernel = kernel_of(&kernel_rbf);
    params.kernel.gamma = gamma;
    Array *sv = array_new2("test", DTYPE_F32, 2, 2, &err);
    Array *alpha = array_new2("test", DTYPE_F64, 2, 2, &err);
    Array *b = array_new1("test", DTYPE_F64, 2, &err);
    array_f32(sv)[2] = 1;
    memcpy(array_f64(alpha), (double[]){ -1, 1, 1, -1 }, 4 * sizeof(double));
    array_f64(b)[0] = array_f64(b)[1] = -0.5;
    Svc *svc = svc_from(&params, &(SvcNumbers){ sv, alpha, b, &(Labels){ label, 2 } }, &err);
    assert_non_null(svc);
    array_free(sv);
    array_free(alpha);
    array_free(b);
    return (Model *)svc;
}

/* The formula with two kernels, by hand: it rises towards class 1, wherever its start. */
static void test_far_away(void **state) {
    (void)state;
    const double gamma = 4;
    Model *model = plane(gamma);
    Error err;
    for (int k = 0; k < 8; k++) {
        double far = 40 / sqrt(gamma), angle = k * acos(-1) / 4;
        float x[2] = { (float)(far * cos(angle)), (float)(far * sin(angle)) };
        float direction[2], gradient[2];
        double scores[2], height, w[2] = { -1, 1 };
        Batch batch = { x, 1, 2, "test" };
        GradientRequest request = { .w = w, .gradient = gradient };
        must(model_gradient(model, &batch, &request, &err), &err);
        assert_true(gradient[0] == 0 && gradient[1] == 0);
        Ascent ascent = { .goal = &(Goal){ 0, 1, false },
                          .logarithmic = true,
                          .threshold = 0.25,
                          .scores = scores,
                          .height = &height,
                          .direction = direction };
        must(model_ascent(model, &batch, &ascent, &err), &err);
        /* P = exp(−γ ‖x‖²); N, s_y − b are 0: the height is −γ ‖x‖² − log(θ − b) */
        double square = (double)x[0] * x[0] + (double)x[1] * x[1];
        assert_true(fabs(height - (-gamma * square - log(0.75))) < 1e-3);
        for (int j = 0; j < 2; j++)
            assert_true(fabs(direction[j] + 2 * gamma * (double)x[j]) < 1e-3);
    }
    model_release(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_svm),
        cmocka_unit_test(test_rejectors),
        cmocka_unit_test(test_heights_by_scores),
        cmocka_unit_test(test_wider),
        cmocka_unit_test(test_far_away),
    };
    return cmocka_run_group_tests_name("ascent", tests, NULL, NULL);
}
