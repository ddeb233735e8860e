/* The loss's columns in every case, and its gradient against differences. */
#include "attack/objective.h"

#include "attack_models.h"
#include "core/error.h"
#include "core/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static const double centers[3 * 2] = { 0, 0, 1, 0, 0, 2 };

static Model *bumps(double threshold) {
    TestModel *model = test_model(3, 2, centers, NULL);
    model->bumps = true;
    model->threshold = threshold;
    model->base.rejects = true;
    return &model->base;
}

static void test_generic_columns(void **state) {
    (void)state;
    Model *model = bumps(0);
    const double accepted[4] = { 3, 5, 4, 1 }, rejected[4] = { 3, 5, 4, 5 };
    Margin m = objective_margin(model, accepted, (Goal){ 1, -1 });
    assert_true(m.k == 1 && m.c == 2);
    assert_true(objective_loss(model, accepted, (Goal){ 1, -1 }) == 1);
    assert_true(objective_loss(model, accepted, (Goal){ 0, -1 }) == -2);
    m = objective_margin(model, rejected, (Goal){ 1, -1 }); /* a tie rejects */
    assert_true(m.k == 3 && m.c == 2);
    m = objective_margin(model, rejected, (Goal){ 0, -1 });
    assert_true(m.k == 3 && m.c == 1);
    model_release(model);
}

static void test_target_columns(void **state) {
    (void)state;
    Model *model = bumps(0);
    const double scores[4] = { 3, 5, 4, 6 };
    Margin m = objective_margin(model, scores, (Goal){ 1, 0 });
    assert_true(m.k == 3 && m.c == 0);
    assert_true(objective_loss(model, scores, (Goal){ 1, 0 }) == 3);
    model_release(model);
}

static void test_reached(void **state) {
    (void)state;
    Model *model = bumps(0);
    const double accepted[4] = { 3, 5, 4, 1 }, rejected[4] = { 3, 5, 4, 5 };
    assert_false(objective_reached(model, accepted, (Goal){ 1, -1 }));
    assert_true(objective_reached(model, accepted, (Goal){ 0, -1 }));
    assert_false(objective_reached(model, rejected, (Goal){ 0, -1 }));
    assert_true(objective_reached(model, accepted, (Goal){ 0, 1 }));
    assert_false(objective_reached(model, accepted, (Goal){ 0, 2 }));
    model_release(model);
}

static void test_two_classes(void **state) {
    (void)state;
    TestModel *model = test_model(2, 2, centers, NULL);
    const double scores[2] = { 1, 3 };
    assert_true(objective_loss(&model->base, scores, (Goal){ 0, -1 }) == -2);
    assert_true(objective_loss(&model->base, scores, (Goal){ 1, -1 }) == 2);
    model_release(&model->base);
}

static void test_soundness(void **state) {
    (void)state;
    Model *model = bumps(0);
    double scores[4] = { 1, 2, 3, -INFINITY };
    assert_true(objective_is_sound(model, scores));
    scores[3] = INFINITY;
    assert_false(objective_is_sound(model, scores));
    scores[3] = NAN;
    assert_false(objective_is_sound(model, scores));
    scores[3] = 0;
    scores[1] = -INFINITY;
    assert_false(objective_is_sound(model, scores));
    model_release(model);
}

static double loss_at(Model *model, const float *x, Goal goal) {
    double scores[4];
    Error err;
    assert_true(model_scores(model, &(Batch){ x, 1, 2, "test" }, scores, &err));
    return objective_loss(model, scores, goal);
}

/* Generic and targeted, accepted and rejected, at random points. */
static void test_gradient_is_the_loss_s(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 1);
    for (int round = 0; round < 200; round++) {
        Model *model = bumps(round % 2 ? -0.4 : -INFINITY);
        Goal goal = { (size_t)rng_below(&rng, 3), round % 4 < 2 ? -1 : (ptrdiff_t)(round % 3) };
        float x[2] = { (float)rng_uniform(&rng), (float)rng_uniform(&rng) }, g[2];
        double scores[4], w[4];
        Error err;
        assert_true(model_scores(model, &(Batch){ x, 1, 2, "test" }, scores, &err));
        objective_weights(model, scores, goal, w);
        assert_true(model_gradient(model, &(Batch){ x, 1, 2, "test" },
                                   &(GradientRequest){ .w = w, .gradient = g }, &err));
        for (int j = 0; j < 2; j++) {
            const float h = 1.0F / 4096;
            float up[2] = { x[0], x[1] }, down[2] = { x[0], x[1] };
            up[j] += h;
            down[j] -= h;
            Margin at = objective_margin(model, scores, goal);
            double s_up[4], s_down[4];
            assert_true(model_scores(model, &(Batch){ up, 1, 2, "test" }, s_up, &err));
            assert_true(model_scores(model, &(Batch){ down, 1, 2, "test" }, s_down, &err));
            Margin above = objective_margin(model, s_up, goal);
            Margin below = objective_margin(model, s_down, goal);
            if (above.k != at.k || above.c != at.c || below.k != at.k || below.c != at.c)
                continue; /* a kink between the points */
            double slope = (loss_at(model, up, goal) - loss_at(model, down, goal)) /
                           ((double)up[j] - (double)down[j]);
            assert_true(fabs(slope - (double)g[j]) < 1e-4);
        }
        model_release(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generic_columns), cmocka_unit_test(test_target_columns),
        cmocka_unit_test(test_reached),         cmocka_unit_test(test_two_classes),
        cmocka_unit_test(test_soundness),       cmocka_unit_test(test_gradient_is_the_loss_s),
    };
    return cmocka_run_group_tests_name("objective", tests, NULL, NULL);
}
