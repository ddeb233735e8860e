/* fields_json.h: options to files and back, and what is refused in a file. */
#include "core/fields_json.h"

#include "core/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct Thing {
    double rate, reach;
    size_t count, pair[2];
    uint64_t seed;
    bool flag;
    int word;
    char name[FIELD_NAME_SIZE];
} Thing;

static const char *const words[] = { "l1", "l2", NULL };

#define AT(field) offsetof(Thing, field)
static const Field fields[] = {
    { "rate", FIELD_NUMBER, AT(rate), .low = 0, .high = 1 },
    { "reach", FIELD_NUMBER, AT(reach), .initial = "the model's" },
    { "count", FIELD_SIZE, AT(count), 1, 1e6, .required = true },
    { "pair", FIELD_PAIR, AT(pair), 1, 1000, .initial = "the other's" },
    { "seed", FIELD_SEED, AT(seed), .meaning = "" },
    { "flag", FIELD_BOOLEAN, AT(flag), .meaning = "" },
    { "word", FIELD_WORD, AT(word), .words = words, .initial = "the norm's" },
    { "name", FIELD_NAME, AT(name), .initial = "its kind" },
    { "data", FIELD_OBJECT, .type = "dataset", .required = true },
    { NULL },
};

static const Thing initial = { .rate = 0.5, .reach = NAN, .word = -1 };

/* The text of an object, to be freed by cJSON_free. */
static char *text_of(const Thing *thing) {
    JsonTree tree;
    fields_write_json(fields, thing, json_begin(&tree));
    char *text = json_end_text(&tree);
    assert_non_null(text);
    return text;
}

static const char *read(const char *text, Thing *thing) {
    static Error err;
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    err.message[0] = '\0';
    bool ok = fields_read_json(fields, thing, json, &err);
    assert_int_equal(ok, err.message[0] == '\0');
    cJSON_Delete(json);
    return err.message;
}

static void assert_round_trip(const Thing *thing, const char *expected) {
    Thing back = initial;
    char *text = text_of(thing);
    assert_string_equal(text, expected);
    assert_string_equal(read(text, &back), "");
    assert_true(back.rate == thing->rate && back.seed == thing->seed && back.flag == thing->flag);
    assert_true(back.reach == thing->reach || (isnan(back.reach) && isnan(thing->reach)));
    assert_true(back.count == thing->count && back.word == thing->word);
    assert_memory_equal(back.pair, thing->pair, sizeof back.pair);
    assert_string_equal(back.name, thing->name);
    cJSON_free(text);
}

static void test_round_trips(void **state) {
    (void)state;
    Thing thing = initial;
    thing.count = 3;
    assert_round_trip(&thing, "{\"rate\":0.5,\"count\":3,\"seed\":0,\"flag\":false}");
    thing = (Thing){ 0.25, INFINITY, 7, { 2, 2 }, (uint64_t)INT64_MAX, true, 1, "conv1" };
    assert_round_trip(&thing, "{\"rate\":0.25,\"reach\":\"inf\",\"count\":7,\"pair\":2,"
                              "\"seed\":\"9223372036854775807\",\"flag\":true,\"word\":\"l2\","
                              "\"name\":\"conv1\"}");
    thing = (Thing){ 0, -2, 7, { 2, 5 }, (uint64_t)-3, true, 0, "" };
    assert_round_trip(&thing, "{\"rate\":0,\"reach\":-2,\"count\":7,\"pair\":[2,5],\"seed\":-3,"
                              "\"flag\":true,\"word\":\"l1\"}");
}

static void test_older_files(void **state) {
    (void)state;
    Thing thing = initial;
    assert_string_equal(read("{\"count\":1,\"flag\":1,\"rate\":null,\"more\":[]}", &thing), "");
    assert_true(thing.flag && thing.rate == 0.5);
}

static void test_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        { "{\"rate\":0.5}", "count: expected an integer from 1 to 1000000, got nothing" },
        { "{\"count\":null}", "count: expected an integer from 1 to 1000000, got nothing" },
        { "{\"count\":1,\"rate\":true}", "rate: expected a number from 0 to 1, got true" },
        { "{\"count\":1,\"rate\":\"1x\"}",
          "rate: expected a number from 0 to 1, got the string \"1x\"" },
        { "{\"count\":1,\"seed\":\"\"}", "seed: expected an integer, got the string \"\"" },
        { "{\"count\":1,\"seed\":\"1.5\"}", "seed: expected an integer, got 1.5" },
        { "{\"count\":1,\"flag\":\"yes\"}",
          "flag: expected true or false, got the string \"yes\"" },
        { "{\"count\":1,\"word\":1}", "word: expected \"l1\" or \"l2\", got 1" },
        { "{\"count\":1,\"pair\":[1,2,3]}",
          "pair: expected an integer from 1 to 1000 or {height, width}, got a list of 3" },
        { "{\"count\":1,\"pair\":[1,\"2\"]}",
          "pair: expected an integer from 1 to 1000 or {height, width}, got a list of 2" },
        { "{\"count\":1,\"pair\":[1,2.5]}",
          "pair: expected an integer from 1 to 1000 or {height, width}, got {1, 2.5}" },
        { "{\"count\":{}}", "count: expected an integer from 1 to 1000000, got an object" },
        { "{\"count\":1,\"name\":\"a.b\"}", "name: expected a word of at most 63 letters in UTF-8 "
                                            "without '.' and ':', got the string "
                                            "\"a.b\"" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Thing thing = initial;
        assert_string_equal(read(wrong[i][0], &thing), wrong[i][1]);
    }
}

static const char *check(const char *text, const char *const *also) {
    static Error err;
    cJSON *json = cJSON_Parse(text);
    err.message[0] = '\0';
    bool ok = fields_check_json(fields, also, json, &err);
    assert_int_equal(ok, err.message[0] == '\0');
    cJSON_Delete(json);
    return err.message;
}

static void test_names(void **state) {
    (void)state;
    static const char *const also[] = { "kind", NULL };
    assert_string_equal(check("{\"kind\":1,\"rate\":2,\"data\":3}", also), "");
    assert_non_null(strstr(check("{\"kind\":1}", NULL), "unknown option 'kind' (valid: rate, "));
    assert_non_null(strstr(check("{\"kind\":1,\"ratte\":2}", also),
                           "unknown option 'ratte'; did you mean 'rate'? (valid: rate, reach, "));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_older_files),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
