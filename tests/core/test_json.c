/* json.h: numbers to the last bit, formats newer than the program. */
#include "core/error.h"
#include "core/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_every_number_reads_back(void **state) {
    (void)state;
    const double numbers[] = {
        0.1, 1.0 / 3, 0.76936948384969006, -0.0, 9007199254740993.0, 5e-324, 1e300, 1, -17
    };
    size_t n = sizeof numbers / sizeof *numbers;
    cJSON *root = cJSON_CreateObject();
    cJSON *inner = cJSON_AddArrayToObject(cJSON_AddObjectToObject(root, "inner"), "list");
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(inner, cJSON_CreateNumber(numbers[i]));
    char *text = json_text(root);
    cJSON_Delete(root);
    assert_non_null(text);
    root = cJSON_Parse(text);
    inner = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "inner"), "list");
    assert_int_equal(cJSON_GetArraySize(inner), n);
    for (int i = 0; i < (int)n; i++) {
        double back = cJSON_GetArrayItem(inner, i)->valuedouble;
        assert_memory_equal(&back, &numbers[i], sizeof back);
    }
    cJSON_free(text);
    cJSON_Delete(root);
}

static void test_rows(void **state) {
    (void)state;
    const double numbers[] = { 1, -2.5, NAN, -1.2345678e-308, INFINITY };
    char *text = json_row(numbers, 5);
    assert_string_equal(text, "[1,-2.5,null,-1.234568e-308,null]");
    free(text);
    text = json_row(NULL, 0);
    assert_string_equal(text, "[]");
    free(text);
}

static void test_short_numbers_stay_short(void **state) {
    (void)state;
    cJSON *root = cJSON_Parse("{\"a\":[0.1,-2,1e-8,null],\"b\":\"0.1\",\"c\":true}");
    char *text = json_text(root);
    assert_string_equal(text, "{\"a\":[0.1,-2,1e-08,null],\"b\":\"0.1\",\"c\":true}");
    cJSON_free(text);
    cJSON_Delete(root);
}

static bool known(const char *json, int newest, Error *err) {
    cJSON *root = cJSON_Parse(json);
    bool ok = json_check_format(root, "model", newest, err);
    cJSON_Delete(root);
    return ok;
}

static void test_formats(void **state) {
    (void)state;
    Error err = { 0 };
    assert_true(known("{}", 1, NULL));
    assert_true(known("{\"format\":1}", 1, NULL));
    assert_true(known("{\"format\":2}", 3, NULL));
    assert_false(known("{\"format\":3}", 2, &err));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_string_equal(err.message, "this model is of format 3, and perigee " PERIGEE_VERSION
                                     " reads formats up to 2: a newer perigee wrote it");
    static const char *const wrong[] = { "{\"format\":0}", "{\"format\":1.5}", "{\"format\":\"1\"}",
                                         "{\"format\":null}" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(known(wrong[i], 2, &err));
        assert_string_equal(err.message, "the format of this model is not a number from 1");
    }
}

/* What cJSON would read as something else than what stands there. */
static void test_refused_texts(void **state) {
    (void)state;
    Error err = { 0 };
    assert_null(json_parse("a file", "{\"a\":1,\"b\":2,\"a\":3}", 100, &err));
    assert_string_equal(err.message, "a file: 'a' is there twice");
    assert_null(json_parse("a file", "{\"l\":[{\"x\":1,\"y\":0,\"x\":2}]}", 100, &err));
    assert_string_equal(err.message, "a file: 'x' is there twice");
    assert_null(json_parse("a file", "{\"t\":\"a\\u0000b\"}", 100, &err));
    assert_string_equal(err.message, "a file: a text that contains NUL");
    cJSON *root =
        json_parse("a file", "{\"t\":\"a\\\\u0000b\"}", 100, &err); /* a backslash, u0000b */
    assert_non_null(root);
    assert_string_equal(cJSON_GetObjectItem(root, "t")->valuestring, "a\\u0000b");
    cJSON_Delete(root);
    assert_null(json_parse("a file", "{\"l\":[1,2,3]}", 4, &err));
    assert_string_equal(err.message, "a file: more than 4 values");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_reads_back),
        cmocka_unit_test(test_short_numbers_stay_short),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_refused_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
