/* Results to files and back; files that are not what they should be. */
#include "attack/attacks.h"
#include "core/array.h"
#include "core/error.h"
#include "files/result_file.h"

#include "attack_models.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

enum { N = 3, D = 2 };

static const double centers[2 * D] = { 0.2, 0.2, 0.8, 0.8 };
static const float points[N * D] = { 0.2F, 0.3F, 0.7F, 0.8F, 0.4F, 0.1F };
static const int32_t labels[N] = { 0, 1, 0 }, targets[N] = { 1, 0, 1 };

static char path[64];

static int make_path(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/perigee-result-%d.safetensors", (int)getpid());
    return 0;
}

static int remove_path(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static AttackResult *make(bool iterates, bool targeted, size_t n) {
    TestModel *model = test_model(2, D, centers, NULL);
    model->bumps = true;
    model->base.rejects = true;
    model->threshold = -INFINITY;
    AttackTask task = { .model = &model->base,
                        .x = points,
                        .y = labels,
                        .target = targeted ? targets : NULL,
                        .n = n,
                        .features = D,
                        .sample_ndim = 2,
                        .sample_shape = { 1, 2 } };
    const Attack *attack = attack_find("pgd_exp");
    AttackParams params = attack->params;
    params.dmax = 0.5;
    params.iterates = iterates;
    params.seed = 12345678901234567890u;
    Error err;
    AttackResult *result = attack_run(attack, &params, &task, NULL, &err);
    if (!result)
        fail_msg("%s", err.message);
    model_release(&model->base);
    return result;
}

static void assert_same_array(const Array *a, const Array *b) {
    assert_true((a == NULL) == (b == NULL));
    if (!a)
        return;
    assert_true(a->dtype == b->dtype && array_same_shape(a, b));
    if (array_bytes(a) > 0)
        assert_memory_equal(a->data, b->data, array_bytes(a));
}

static void assert_same(const AttackResult *a, const AttackResult *b) {
    assert_string_equal(a->attack, b->attack);
    assert_string_equal(a->model_kind, b->model_kind);
    assert_string_equal(a->params, b->params);
    assert_true(labels_equal(&a->classes, &b->classes) && a->rejects == b->rejects);
    assert_true(a->sample_ndim == b->sample_ndim && a->norm == b->norm);
    assert_int_equal(a->sample_shape[1], b->sample_shape[1]);
    assert_same_array(a->x0, b->x0);
    assert_same_array(a->x_adv, b->x_adv);
    assert_same_array(a->target, b->target);
    assert_same_array(a->scores, b->scores);
    assert_same_array(a->stop, b->stop);
    for (size_t i = 0; i < a->n; i++) {
        assert_same_array(a->trace[i].loss, b->trace[i].loss);
        assert_same_array(a->trace[i].scores, b->trace[i].scores);
        assert_same_array(a->trace[i].distance, b->trace[i].distance);
        assert_same_array(a->trace[i].gradient_norm, b->trace[i].gradient_norm);
        assert_same_array(a->trace[i].largest_kernel, b->trace[i].largest_kernel);
        assert_same_array(a->trace[i].iterates, b->trace[i].iterates);
    }
}

static void test_round_trip(void **state) {
    (void)state;
    for (int k = 0; k < 6; k++) {
        AttackResult *result = make(k & 1, k & 2, k < 4 ? N : 0);
        Error err;
        assert_true(attack_result_save(result, path, NULL, &err));
        AttackResult *again = attack_result_load(path, &err);
        if (!again)
            fail_msg("%s", err.message);
        assert_same(result, again);
        result_free(result);
        result_free(again);
    }
}

/* Save a result after one of its tensors or its metadata was spoilt; it must not load. */
static void check_refused(const char *name, const Array *instead, const char *meta,
                          const char *words) {
    AttackResult *result = make(true, false, N);
    Error err;
    Tensors whole, spoilt;
    tensors_init(&whole);
    tensors_init(&spoilt);
    assert_true(attack_result_save(result, path, NULL, &err));
    assert_true(tensors_load(&whole, path, &err));
    for (size_t i = 0; i < whole.count; i++) {
        bool this_one = name && strcmp(whole.entry[i].name, name) == 0;
        if (this_one && !instead)
            continue;
        assert_true(tensors_add(&spoilt, (TensorName){ NULL, whole.entry[i].name },
                                this_one ? instead : whole.entry[i].array, &err));
    }
    assert_true(
        tensors_set_text(&spoilt, "perigee", meta ? meta : tensors_text(&whole, "perigee"), &err));
    assert_true(tensors_save(&spoilt, path, &err));
    assert_null(attack_result_load(path, &err));
    if (!strstr(err.message, words) || !strstr(err.message, path))
        fail_msg("%s", err.message);
    tensors_clear(&whole);
    tensors_clear(&spoilt);
    result_free(result);
}

static void test_spoilt_files(void **state) {
    (void)state;
    Error err;
    Array *short_scores = array_new2("test", DTYPE_F64, N, 2, &err);
    Array *lengths = array_new1("test", DTYPE_I32, N, &err);
    Array *nothing = array_new2("test", DTYPE_F32, (size_t)1 << 40, 0, &err);
    check_refused("x0", nothing, NULL, "no features");
    array_free(nothing);
    check_refused("scores", NULL, NULL, "scores");
    check_refused("scores", short_scores, NULL, "scores does not have the result's shape");
    check_refused("trace.length", lengths, NULL, "lengths of the traces");
    array_i32(lengths)[0] = -1;
    check_refused("y", lengths, NULL, "y of sample 1 is -1, not a class");
    array_i32(lengths)[0] = INT32_MAX;
    check_refused("trace.length", lengths, NULL, "lengths of the traces");
    check_refused("label", lengths, NULL, "label of sample 1 is 2147483647, not a class");
    check_refused(NULL, NULL, "{\"kind\": \"attack_result\", \"classes\": [1, 0]}", "rising order");
    check_refused(NULL, NULL, "{\"kind\": \"svm\"}", "not that of a result");
    check_refused(NULL, NULL, "not json", "not a JSON object");
    check_refused(NULL, NULL, "{\"kind\": \"attack_result\"}", "classes");
    check_refused(NULL, NULL,
                  "{\"kind\": \"attack_result\", \"classes\": [0, 1], \"rejects\": true}", "shape");
    check_refused(NULL, NULL,
                  "{\"kind\": \"attack_result\", \"classes\": [0, 1], \"rejects\": true, "
                  "\"shape\": [2]}",
                  "missing from the metadata");
    check_refused(NULL, NULL, "{\"kind\": \"attack_result\", \"classes\": [0, \"x\"]}", "classes");
    array_free(short_scores);
    array_free(lengths);
}

static void test_missing_file(void **state) {
    (void)state;
    Error err;
    assert_null(attack_result_load("/nowhere/result.safetensors", &err));
    assert_int_equal(err.kind, ERROR_FILE);
}

static void test_csv(void **state) {
    (void)state;
    AttackResult *result = make(false, false, N);
    Error err;
    assert_true(attack_result_csv(result, path, &err));
    FILE *file = fopen(path, "r");
    char line[512];
    size_t lines = 0, iterates = 0;
    while (fgets(line, sizeof line, file)) {
        if (lines++ == 0)
            assert_string_equal(line, "sample,iterate,loss,score_0,score_1,reject,distance,"
                                      "gradient_norm\n");
        else
            assert_non_null(strstr(line, ",-inf,"));
    }
    fclose(file);
    for (size_t i = 0; i < N; i++)
        iterates += array_size(result->trace[i].loss);
    assert_int_equal(lines, iterates + 1);
    assert_false(attack_result_csv(result, "/nowhere/trace.csv", &err));
    result_free(result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_spoilt_files, make_path, remove_path),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test_setup_teardown(test_csv, make_path, remove_path),
    };
    return cmocka_run_group_tests_name("result_file", tests, NULL, NULL);
}
