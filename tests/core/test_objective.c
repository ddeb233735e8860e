/* Objectives by hand, all of the table against differences; and what success is. */
#include "attack/objective.h"
#include "attack/verdict.h"

#include "attack_models.h"
#include "core/error.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const double centers[3 * 2] = { 0, 0, 1, 0, 0, 2 };
static const double many_centers[5 * 2] = { 0 };

static Model *bumps(double threshold) {
    TestModel *model = test_model(3, 2, centers, NULL);
    model->bumps = true;
    model->threshold = threshold;
    model->base.rejects = true;
    return &model->base;
}

static double loss(const Objective *objective, const Model *model, const double *scores,
                   size_t truth, ptrdiff_t target) {
    return objective->loss(model, scores, (Goal){ truth, target, false });
}

static void test_margin(void **state) {
    (void)state;
    Model *model = bumps(0);
    const double accepted[4] = { 3, 5, 4, 1 }, rejected[4] = { 3, 5, 4, 5 };
    const Objective *margin = &objective_margin;
    assert_true(loss(margin, model, accepted, 1, -1) == 1);
    assert_true(loss(margin, model, accepted, 0, -1) == -2);
    assert_true(loss(margin, model, rejected, 1, -1) == 1); /* a tie rejects: 5 − 4 */
    assert_true(loss(margin, model, rejected, 0, -1) == 0); /* 5 − 5 */
    assert_true(loss(margin, model, (double[]){ 3, 5, 4, 6 }, 1, 0) == 3);
    model_release(model);
}

/* Where the sample begins to be rejected the margin jumps, the continuous one does not. */
static void test_continuous(void **state) {
    (void)state;
    Model *model = bumps(0);
    const Objective *continuous = &objective_continuous;
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, 1 }, 1, -1) == 1);
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, 1 }, 0, -1) == -2);
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, 4.5 }, 0, -1) == -0.5);
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, 6 }, 0, -1) == 1);
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, -INFINITY }, 0, -1) == -2);
    assert_true(loss(continuous, model, (double[]){ 3, 5, 4, 6 }, 1, 0) == 3);
    model_release(model);
}

static void test_cross_entropy(void **state) {
    (void)state;
    TestModel *model = test_model(2, 2, centers, NULL);
    const double scores[2] = { 1, 3 };
    const Objective *entropy = &objective_cross_entropy;
    assert_float_equal(loss(entropy, &model->base, scores, 0, -1), -log(1 + exp(2)), 1e-12);
    assert_float_equal(loss(entropy, &model->base, scores, 0, 1), log(1 + exp(-2)), 1e-12);
    /* Where p is 1 in double there are digits left still. */
    const double far[2] = { 60, 0 };
    double w[2];
    entropy->weights(&model->base, far, (Goal){ 0, -1, false }, w);
    assert_float_equal(loss(entropy, &model->base, far, 0, -1) * exp(60), -1, 1e-6);
    assert_float_equal(w[0] * exp(60), 1, 1e-6);
    assert_float_equal(w[1] * exp(60), -1, 1e-6);
    model_release(&model->base);
}

static void test_dlr(void **state) {
    (void)state;
    Model *model = bumps(0);
    const Objective *dlr = &objective_dlr;
    const double scores[4] = { 3, 6, 4, 1 }; /* sorted: 6 4 3 1 */
    assert_float_equal(loss(dlr, model, scores, 1, -1), (6. - 4) / (6 - 3), 1e-12);
    assert_float_equal(loss(dlr, model, scores, 1, 2), (6. - 4) / (6 - (3 + 1) / 2.), 1e-12);
    /* three finite columns are too few for a target: the margin alone */
    const double open[4] = { 3, 6, 4, -INFINITY };
    assert_true(loss(dlr, model, open, 1, 2) == 2);
    assert_true(loss(dlr, model, (double[]){ 2, 2, 2, -INFINITY }, 1, -1) == 0);
    model_release(model);
    TestModel *two = test_model(2, 2, centers, NULL);
    assert_true(loss(dlr, &two->base, (double[]){ 1, 3 }, 0, -1) == -2);
    model_release(&two->base);
}

/* A goal is reached where a point is accepted as another class, or as the target; and negative is
 * the loss of the two objectives that are margins exactly there. */
static void test_success(void **state) {
    (void)state;
    Model *model = bumps(0);
    const double accepted[4] = { 3, 5, 4, 1 }, rejected[4] = { 3, 5, 4, 5 };
    assert_false(verdict_success(model, accepted, (Goal){ 1, -1, false }));
    assert_true(verdict_success(model, accepted, (Goal){ 0, -1, false }));
    assert_false(verdict_success(model, rejected, (Goal){ 0, -1, false }));
    assert_true(verdict_success(model, accepted, (Goal){ 0, 1, false }));
    assert_false(verdict_success(model, accepted, (Goal){ 0, 2, false }));
    assert_true(verdict_of(false, LABEL_REJECTED, LABEL_REJECTED) == VERDICT_CORRECT);
    assert_true(verdict_of(true, LABEL_REJECTED, 1) == VERDICT_REJECTED);
    for (Verdict start = VERDICT_CORRECT; start <= VERDICT_WRONG; start++)
        for (Verdict now = VERDICT_CORRECT; now <= VERDICT_WRONG; now++)
            assert_int_equal(verdict_after(start, now),
                             now == VERDICT_WRONG && start != VERDICT_WRONG ? VERDICT_EVADED : now);
    Rng rng;
    rng_seed(&rng, 3);
    for (int round = 0; round < 500; round++) {
        double scores[4];
        for (int c = 0; c < 4; c++)
            scores[c] = rng_normal(&rng);
        Goal goal = { (size_t)(round % 3), round % 2 ? -1 : (ptrdiff_t)(round % 3 + 1) % 3, false };
        bool success = verdict_success(model, scores, goal);
        assert_true(success == (objective_continuous.loss(model, scores, goal) < 0));
        assert_true(success == (objective_margin.loss(model, scores, goal) < 0));
    }
    model_release(model);
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; objective_table[i]; i++) {
        assert_string_equal(objective_table[i]->name, objective_words[i]);
        assert_ptr_equal(objective_find(objective_words[i]), objective_table[i]);
    }
    assert_null(objective_find("nothing"));
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

/* Every objective of the table: its weights are the loss's slopes in the scores, 0 for the reject
 * column. Steps over a kink are left out: the slopes on its two sides differ. */
static void test_weights_are_slopes(void **state) {
    (void)state;
    const double h = 1e-6;
    Rng rng;
    rng_seed(&rng, 1);
    for (size_t o = 0; objective_table[o]; o++) {
        const Objective *objective = objective_table[o];
        size_t compared = 0;
        for (int round = 0; round < 400; round++) {
            bool rejects = round % 2;
            TestModel *model = test_model(5, 2, many_centers, NULL);
            model->base.rejects = rejects;
            Goal goal = { rng_below(&rng, 5), round % 4 < 2 ? -1 : (ptrdiff_t)rng_below(&rng, 5),
                          false };
            double scores[6], w[6], up[6], w_up[6];
            for (int c = 0; c < 6; c++)
                scores[c] = 2 * rng_normal(&rng);
            if (!rejects)
                scores[5] = INFINITY; /* not the model's: whoever looks at it answers no number */
            else if (round % 8 == 1)
                scores[5] = -INFINITY;
            objective->weights(&model->base, scores, goal, w);
            for (int c = 0; c < 5; c++) {
                memcpy(up, scores, sizeof up);
                up[c] += h;
                objective->weights(&model->base, up, goal, w_up);
                double slope = (objective->loss(&model->base, up, goal) -
                                objective->loss(&model->base, scores, goal)) /
                               h;
                if (fabs(w_up[c] - w[c]) > 1e-4)
                    continue;
                assert_true(fabs(slope - w[c]) < 1e-4);
                compared++;
            }
            assert_true(!rejects || w[5] == 0);
            model_release(&model->base);
        }
        assert_true(compared > 1900);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margin),        cmocka_unit_test(test_continuous),
        cmocka_unit_test(test_cross_entropy), cmocka_unit_test(test_dlr),
        cmocka_unit_test(test_success),       cmocka_unit_test(test_table),
        cmocka_unit_test(test_soundness),     cmocka_unit_test(test_weights_are_slopes),
    };
    return cmocka_run_group_tests_name("objective", tests, NULL, NULL);
}
