/* Results of several attacks: parts of the samples, sums, files. The rule itself is looked at in
 * tests/lua/test_worst.lua. */
#include "attack/judge.h"
#include "attack/worst.h"
#include "files/result_file.h"

#include "attack_models.h"
#include "core/array_values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Two classes of two features: s_0 = x_0, s_1 = x_1. */
static const double w[] = { 1, 0, 0, 1 };
static const float x[] = { 0.75F, 0.25F, 0.25F, 0.5F, 1, 0 };
static const float evaded[] = { 0.25F, 0.5F, 0.75F, 0.5F, 0, 1 };
static const int32_t y[] = { 0, 1, 0 };

/* The samples from `first` on, moved there. */
static AttackResult *judge(size_t first, size_t n, const float *x_adv) {
    Error err = { 0 };
    TestModel *model = test_model(2, 2, w, NULL);
    AttackTask task = {
        .model = &model->base, .x = x + 2 * first, .y = y + first, .n = n, .features = 2
    };
    Judge how = *(const Judge *)judge_fields.initial;
    AttackResult *result = attack_judge(&how, &task, x_adv + 2 * first, &err);
    if (!result)
        fail_msg("%s", err.message);
    model_release(&model->base);
    return result;
}

static const Worst usual = { .count = 2,
                             .from_start = true,
                             .name = "worst",
                             .params = "{\"parts\":[{},{}]}",
                             .where = "test" };

/* What no part has attacked is where it started; what has, is the part's. */
static void test_parts_of_the_samples(void **state) {
    (void)state;
    Error err = { 0 };
    const int32_t position[] = { 2, 3 };
    WorstPart part[] = { { judge(0, 3, x), NULL }, { judge(1, 2, evaded), position } };
    Worst worst = usual;
    worst.part = part;
    worst.interrupted = true;
    AttackResult *result = result_worst(&worst, &err);
    assert_non_null(result);
    const int32_t source[] = { 0, 1, 1 }, scores[] = { 1, 3, 3 };
    assert_memory_equal(array_i32(result->source), source, sizeof source);
    assert_memory_equal(array_i32(result->score_count), scores, sizeof scores);
    assert_memory_equal(array_f32(result->x_adv), x, 2 * sizeof(float));
    assert_memory_equal(array_f32(result->x_adv) + 2, evaded + 2, 4 * sizeof(float));
    const int32_t stop[] = { STOP_INTERRUPTED, STOP_GIVEN, STOP_GIVEN };
    assert_memory_equal(array_i32(result->stop), stop, sizeof stop);
    assert_int_equal(result_verdict(result, 1), VERDICT_EVADED);
    assert_true(array_f64(result->trace[2].loss)[1] == -1);
    result_free(result);

    const int32_t beyond[] = { 2, 4 };
    part[1].position = beyond;
    assert_null(result_worst(&worst, &err));
    assert_string_equal(err.message, "test: result 1 has a position that is no sample's");
    result_free((AttackResult *)part[0].result);
    result_free((AttackResult *)part[1].result);
}

/* Even a point that is farther from evading than the start: it is what the attack has come to. */
static void test_an_attacks_answer_is_taken(void **state) {
    (void)state;
    Error err = { 0 };
    const float back[] = { 1, 0, 0, 1, 1, 0 };
    const int32_t position[] = { 1 };
    WorstPart part[] = { { judge(0, 3, x), NULL }, { judge(0, 1, back), position } };
    Worst worst = usual;
    worst.part = part;
    AttackResult *result = result_worst(&worst, &err);
    assert_non_null(result);
    const int32_t source[] = { 1, 0, 0 };
    assert_memory_equal(array_i32(result->source), source, sizeof source);
    assert_memory_equal(array_f32(result->x_adv), back, 2 * sizeof(float));
    assert_int_equal(array_i32(result->stop)[1], STOP_GIVEN);
    result_free(result);
    result_free((AttackResult *)part[0].result);
    result_free((AttackResult *)part[1].result);
}

static void test_sums_stay_within_int32(void **state) {
    (void)state;
    Error err = { 0 };
    WorstPart part[] = { { judge(0, 3, x), NULL }, { judge(0, 3, evaded), NULL } };
    Worst worst = usual;
    worst.part = part;
    worst.from_start = false;
    array_i32(part[1].result->score_count)[1] = INT32_MAX;
    AttackResult *result = result_worst(&worst, &err);
    assert_non_null(result);
    const int32_t scores[] = { 3, INT32_MAX, 3 };
    assert_memory_equal(array_i32(result->score_count), scores, sizeof scores);
    result_free(result);
    result_free((AttackResult *)part[0].result);
    result_free((AttackResult *)part[1].result);
}

/* A file's source is one of the parts that it tells of. */
static void test_sources_of_files(void **state) {
    (void)state;
    Error err = { 0 };
    char path[64];
    snprintf(path, sizeof path, "/tmp/perigee-worst-%d.safetensors", (int)getpid());
    WorstPart part[] = { { judge(0, 3, x), NULL }, { judge(0, 3, evaded), NULL } };
    Worst worst = usual;
    worst.part = part;
    AttackResult *result = result_worst(&worst, &err);
    assert_non_null(result);
    assert_true(attack_result_save(result, path, NULL, &err));
    AttackResult *again = attack_result_load(path, &err);
    assert_non_null(again);
    assert_memory_equal(array_i32(again->source), array_i32(result->source), 3 * sizeof(int32_t));
    result_free(again);
    array_i32(result->source)[2] = 3;
    assert_true(attack_result_save(result, path, NULL, &err));
    assert_null(attack_result_load(path, &err));
    assert_non_null(strstr(err.message, "source of sample 3 is 3, no part"));
    strcpy(result->params, "{\"parts\":[1,2]}");
    assert_true(attack_result_save(result, path, NULL, &err));
    assert_null(attack_result_load(path, &err));
    assert_non_null(strstr(err.message, "the parts of its params are not objects"));
    strcpy(result->params, "{}");
    assert_true(attack_result_save(result, path, NULL, &err));
    assert_null(attack_result_load(path, &err));
    assert_non_null(strstr(err.message, "it has sources, and its params no parts"));
    unlink(path);
    result_free(result);
    result_free((AttackResult *)part[0].result);
    result_free((AttackResult *)part[1].result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_of_the_samples),
        cmocka_unit_test(test_an_attacks_answer_is_taken),
        cmocka_unit_test(test_sums_stay_within_int32),
        cmocka_unit_test(test_sources_of_files),
    };
    return cmocka_run_group_tests_name("worst", tests, NULL, NULL);
}
