/* folds.h: even folds, in every class and over all; folds of any numbers; what is right in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/error.h"
#include "core/folds.h"

#include <math.h>
#include <string.h>

enum { N = 103, K = 5 };

static void test_even(void **state) {
    (void)state;
    int32_t y[N], fold[N], count[4][K] = { 0 };
    Rng rng;
    Error err;
    rng_seed(&rng, 1);
    for (int i = 0; i < N; i++)
        y[i] = i % 7 == 0 ? 2 : i % 4 == 0 ? 1 : 0; /* 15, 22 and 66: remainders add up to 3 */
    assert_true(folds_stratified(&(FoldsOf){ "test", y, N, K }, &rng, fold, &err));
    for (int i = 0; i < N; i++) {
        assert_true(fold[i] >= 0 && fold[i] < K);
        count[y[i]][fold[i]]++;
        count[3][fold[i]]++;
    }
    for (int c = 0; c < 4; c++)
        for (int k = 0; k < K; k++)
            for (int l = 0; l < K; l++)
                assert_true(count[c][k] - count[c][l] <= 1);
}

static void test_seeds(void **state) {
    (void)state;
    int32_t y[N] = { 0 }, a[N], b[N];
    Rng rng;
    Error err;
    rng_seed(&rng, 1);
    assert_true(folds_stratified(&(FoldsOf){ "test", y, N, K }, &rng, a, &err));
    assert_true(folds_stratified(&(FoldsOf){ "test", y, N, K }, &rng, b, &err));
    assert_memory_not_equal(a, b, sizeof a);
    rng_seed(&rng, 1);
    assert_true(folds_stratified(&(FoldsOf){ "test", y, N, K }, &rng, b, &err));
    assert_memory_equal(a, b, sizeof a);
}

static void test_refused(void **state) {
    (void)state;
    int32_t y[3] = { 0, 1, 2 }, fold[3] = { 7, 7, 7 };
    Rng rng;
    Error err;
    rng_seed(&rng, 1);
    assert_false(folds_stratified(&(FoldsOf){ "fit", y, 3, 1 }, &rng, fold, &err));
    assert_false(folds_stratified(&(FoldsOf){ "fit", y, 3, 4 }, &rng, fold, &err));
    assert_string_equal(err.message, "fit: folds: expected from 2 to the 3 samples, got 4");
    assert_int_equal(fold[0], 7);
    assert_true(folds_stratified(&(FoldsOf){ "fit", y, 3, 3 }, &rng, fold, &err));
}

static void test_numbers(void **state) {
    (void)state;
    int32_t fold[5] = { 7, -3, 7, 100, -3 }, same[2] = { 4, 4 };
    FoldsOf of = { .where = "fit", .n = 5 };
    Error err;
    assert_true(folds_number(&of, fold, fold, &err));
    assert_int_equal(of.k, 3);
    assert_memory_equal(fold, ((int32_t[]){ 1, 0, 1, 2, 0 }), sizeof fold);
    of.n = 2;
    assert_false(folds_number(&of, same, same, &err));
    assert_string_equal(err.message, "fit: folds: expected two folds or more");
}

/* Of fold 0 two in three, of fold 1 none, of fold 3 all; equal scores are the first class's. */
static void test_accuracy(void **state) {
    (void)state;
    const int32_t y[6] = { 4, 4, 9, 9, 4, 9 }, fold[6] = { 0, 0, 0, 1, 3, 3 };
    const double scores[12] = { 1, 0, 2, 2, 1, 0, 0, 0, -1, -2, 0, 5 };
    int32_t label[2] = { 4, 9 };
    FoldAccuracy found =
        folds_accuracy(&(FoldScores){ y, fold, &(Labels){ label, 2 }, scores, 6, 4 });
    double mean = (2.0 / 3 + 0 + 1) / 3;
    double squares = pow(2.0 / 3 - mean, 2) + mean * mean + pow(1 - mean, 2);
    assert_true(found.all == 4.0 / 6);
    assert_true(fabs(found.spread - sqrt(squares / 3)) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),     cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_accuracy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
