/* Points judged as an attack's answers are. */
#include "attack/judge.h"

#include "attack_models.h"
#include "core/array_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Two classes of two features: s_0 = x_0, s_1 = x_1. */
static const double w[] = { 1, 0, 0, 1 };
static const float x[] = { 0.75F, 0.25F, 0.25F, 0.5F };
static const float moved[] = { 0.25F, 0.5F, 0.25F, 0.75F };

static AttackResult *judge(const Judge *how, const float *x_adv, size_t *calls, Error *err) {
    TestModel *model = test_model(2, 2, w, NULL);
    AttackTask task = { .model = &model->base, .x = x, .n = 2, .features = 2 };
    AttackResult *result = attack_judge(how, &task, x_adv, err);
    *calls = model->score_calls;
    model_release(&model->base);
    return result;
}

static Judge usual(void) {
    Judge how = *(const Judge *)judge_fields.initial;
    how.where = "test";
    return how;
}

static void test_by_hand(void **state) {
    (void)state;
    Error err;
    size_t calls;
    Judge how = usual();
    AttackResult *result = judge(&how, moved, &calls, &err);
    assert_non_null(result);
    assert_int_equal(calls, 2);
    const int32_t y[] = { 0, 1 }; /* where none are given, the model's best class */
    assert_memory_equal(array_i32(result->y), y, sizeof y);
    assert_int_equal(result_verdict(result, 0), VERDICT_EVADED);
    assert_int_equal(result_verdict(result, 1), VERDICT_CORRECT);
    assert_true(array_f64(result->distance)[0] == sqrt(0.25 + 0.0625));
    const double loss[] = { 0.5, -0.25 };
    assert_memory_equal(array_f64(result->trace[0].loss), loss, sizeof loss);
    assert_int_equal(array_i32(result->score_count)[0], 2);
    result_free(result);
}

static void test_the_same_points_are_scored_once(void **state) {
    (void)state;
    Error err;
    size_t calls;
    Judge how = usual();
    AttackResult *result = judge(&how, x, &calls, &err);
    assert_non_null(result);
    assert_int_equal(calls, 1);
    assert_int_equal(array_i32(result->score_count)[1], 1);
    assert_memory_equal(array_f64(result->scores), array_f64(result->start_scores),
                        4 * sizeof(double));
    result_free(result);
}

/* Just within the tolerance, and just beyond. */
static void test_tolerance(void **state) {
    (void)state;
    Error err = { 0 };
    size_t calls;
    Judge how = usual();
    how.params.norm = NORM_LINF;
    how.params.dmax = 0.5 - 0.9e-6;
    AttackResult *result = judge(&how, moved, &calls, &err);
    assert_non_null(result);
    result_free(result);
    how.params.dmax = 0.5 - 1.1e-6;
    assert_null(judge(&how, moved, &calls, &err));
    assert_string_equal(err.message, "test: x_adv: sample 1: its linf distance is 0.5, by 1.1e-06 "
                                     "more than dmax 0.499999; check = false keeps such points");
    how.check = false;
    result = judge(&how, moved, &calls, &err);
    assert_non_null(result);
    result_free(result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_the_same_points_are_scored_once),
        cmocka_unit_test(test_tolerance),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
