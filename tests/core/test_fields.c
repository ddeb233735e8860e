/* Options as fields: what they take, refuse, say and give back. */
#include "core/error.h"
#include "core/fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct Thing {
    double rate, open, degree, any;
    int times;
    size_t count, pair[2];
    uint64_t seed;
    bool flag;
    int word;
    char name[FIELD_NAME_SIZE];
    const char *source;
} Thing;

static const char *const words[] = { "l1", "l2", "linf", NULL };

#define AT(field) offsetof(Thing, field)
static const Field fields[] = {
    { "rate", FIELD_NUMBER, AT(rate), .low = 0, .high = 1, .meaning = "a share" },
    { "open", FIELD_NUMBER, AT(open), .low = 0, .high = INFINITY, .open = FIELD_ABOVE_LOW,
      .initial = "rate / 2" },
    { "degree", FIELD_WHOLE, AT(degree), .low = 1, .high = 32 },
    { "any", FIELD_NUMBER, AT(any), .type = "function", .meaning = "" },
    { "times", FIELD_INTEGER, AT(times), .low = -3, .high = 7, .open = FIELD_BELOW_HIGH },
    { "count", FIELD_SIZE, AT(count), 1, INFINITY, .required = true },
    { "pair", FIELD_PAIR, AT(pair), 1, 1000, .initial = "the other's" },
    { "seed", FIELD_SEED, AT(seed), .initial = "the session's" },
    { "flag", FIELD_BOOLEAN, AT(flag), .meaning = "" },
    { "word", FIELD_WORD, AT(word), .words = words, .initial = "the norm's" },
    { "name", FIELD_NAME, AT(name), .initial = "its kind" },
    { "source", FIELD_STRING, AT(source), .initial = "the path" },
    { "data", FIELD_OBJECT, .type = "dataset|array" },
    { NULL },
};

static const Thing initial = { .rate = 0.25, .open = NAN, .degree = 3, .flag = true, .word = -1 };

/* The complaint about a value, or "" where it was taken. */
static const char *set(Thing *thing, const char *name, Value value) {
    static Error err;
    const Thing before = *thing;
    err.message[0] = '\0';
    bool ok = field_set(fields_find(fields, name), thing, &value, &err);
    if (!ok)
        assert_memory_equal(thing, &before, sizeof before);
    assert_int_equal(ok, err.message[0] == '\0');
    return err.message;
}

static void test_values_arrive(void **state) {
    (void)state;
    Thing thing = initial;
    assert_string_equal(set(&thing, "rate", value_number(0.5)), "");
    assert_string_equal(set(&thing, "open", value_number(1e-9)), "");
    assert_string_equal(set(&thing, "degree", value_number(32)), "");
    assert_string_equal(set(&thing, "any", value_number(-INFINITY)), "");
    assert_string_equal(set(&thing, "times", value_whole(6)), "");
    assert_string_equal(set(&thing, "count", value_whole(1)), "");
    assert_string_equal(set(&thing, "pair", value_whole(5)), "");
    assert_string_equal(set(&thing, "seed", value_whole(INT64_MIN + 1)), "");
    assert_string_equal(set(&thing, "flag", value_boolean(false)), "");
    assert_string_equal(set(&thing, "word", value_word("linf")), "");
    assert_true(thing.rate == 0.5 && thing.open == 1e-9 && thing.degree == 32 && thing.times == 6);
    assert_true(thing.any == -INFINITY && thing.count == 1 && thing.word == 2 && !thing.flag);
    assert_true(thing.pair[0] == 5 && thing.pair[1] == 5);
    assert_true(thing.seed == (uint64_t)(INT64_MIN + 1));
    char longest[FIELD_NAME_SIZE + 1];
    memset(longest, 'a', sizeof longest);
    longest[FIELD_NAME_SIZE] = '\0';
    assert_non_null(strstr(set(&thing, "name", value_word(longest)), "at most 63 letters"));
    longest[FIELD_NAME_SIZE - 1] = '\0';
    assert_string_equal(set(&thing, "name", value_word(longest)), "");
    assert_string_equal(thing.name, longest);
    static const char sentence[] =
        "of any length: with a. sign and the rest, over sixty-three signs";
    assert_string_equal(set(&thing, "source", value_word(sentence)), "");
    assert_ptr_equal(thing.source, sentence);
    assert_string_equal(field_get(fields_find(fields, "source"), &thing).word, sentence);
    assert_int_equal(field_get(fields_find(fields, "source"), &initial).kind, VALUE_NOTHING);
    assert_non_null(
        strstr(set(&thing, "source", value_boolean(true)), "expected a string, got true"));
    Value pair = { .kind = VALUE_PAIR, .is_whole = true, .number = { 2, 3 } };
    assert_string_equal(set(&thing, "pair", pair), "");
    assert_true(thing.pair[0] == 2 && thing.pair[1] == 3);
}

static void test_complaints(void **state) {
    (void)state;
    Thing thing = initial;
    static const struct {
        const char *name, *complaint;
        Value value;
    } wrong[] = {
        { "rate",
          "rate: expected a number from 0 to 1, got true",
          { .kind = VALUE_BOOLEAN, .truth = true } },
        { "rate",
          "rate: expected a number from 0 to 1, got 1.5",
          { .kind = VALUE_NUMBER, .number = { 1.5 } } },
        { "rate",
          "rate: expected a number from 0 to 1, got nan",
          { .kind = VALUE_NUMBER, .number = { NAN } } },
        { "rate", "rate: expected a number from 0 to 1, got nothing", { .kind = VALUE_NOTHING } },
        { "open",
          "open: expected a number above 0, got the string \"1\"",
          { .kind = VALUE_WORD, .word = "1" } },
        { "degree",
          "degree: expected an integer from 1 to 32, got 2.5",
          { .kind = VALUE_NUMBER, .number = { 2.5 } } },
        { "any",
          "any: expected a number, got an array f32[3]",
          { .kind = VALUE_OTHER, .got = "an array f32[3]" } },
        { "times",
          "times: expected an integer from -3 to below 7, got 7",
          { .kind = VALUE_NUMBER, .number = { 7 }, .is_whole = true, .whole = 7 } },
        { "count",
          "count: expected an integer of 1 or more, got 0",
          { .kind = VALUE_NUMBER, .number = { 0 }, .is_whole = true, .whole = 0 } },
        { "pair",
          "pair: expected an integer from 1 to 1000 or {height, width}, got {0, 3}",
          { .kind = VALUE_PAIR, .is_whole = true, .number = { 0, 3 } } },
        { "seed",
          "seed: expected an integer, got 0.5",
          { .kind = VALUE_NUMBER, .number = { 0.5 } } },
        { "flag",
          "flag: expected true or false, got 1",
          { .kind = VALUE_NUMBER, .number = { 1 }, .is_whole = true, .whole = 1 } },
        { "word",
          "word: expected \"l1\", \"l2\" or \"linf\", got the string \"l3\"",
          { .kind = VALUE_WORD, .word = "l3" } },
        { "name",
          "name: expected a word of at most 63 letters in UTF-8 without '.' and ':', got the "
          "string \"a.b\"",
          { .kind = VALUE_WORD, .word = "a.b" } },
        { "name",
          "name: expected a word of at most 63 letters in UTF-8 without '.' and ':', got the "
          "string \"\"",
          { .kind = VALUE_WORD, .word = "" } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_string_equal(set(&thing, wrong[i].name, wrong[i].value), wrong[i].complaint);
    assert_string_equal(set(&thing, "open", value_number(0)),
                        "open: expected a number above 0, got 0");
}

/* What is written comes back as it was; what is left open is nothing. */
static void test_round_trip(void **state) {
    (void)state;
    Thing thing = initial, copy = { 0 };
    static const char *const open[] = { "open", "pair", "word", "name" };
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        assert_int_equal(field_get(fields_find(fields, open[i]), &thing).kind, VALUE_NOTHING);
    thing = (Thing){ 0.5, 2, 4, -1, 3, 8, { 2, 3 }, 99, true, 1, "own", "a file" };
    for (const Field *field = fields; field->name; field++) {
        Value value = field_get(field, &thing);
        Error err;
        if (field->kind != FIELD_OBJECT)
            assert_true(field_set(field, &copy, &value, &err));
    }
    assert_memory_equal(&thing.rate, &copy.rate, 4 * sizeof(double));
    assert_true(copy.times == 3 && copy.count == 8 && copy.pair[0] == 2 && copy.pair[1] == 3);
    assert_true(copy.seed == 99 && copy.flag && copy.word == 1);
    assert_string_equal(copy.name, "own");
    assert_string_equal(copy.source, "a file");
}

static void test_help_words(void **state) {
    (void)state;
    static const struct {
        const char *name, *type, *range, *initial;
    } told[] = {
        { "rate", "number", "0 to 1", "0.25" },
        { "open", "number", "above 0", "rate / 2" },
        { "degree", "integer", "1 to 32", "3" },
        { "any", "number|function", "", "0" },
        { "times", "integer", "-3 to below 7", "0" },
        { "count", "integer", "must be given; 1 or more", "none" },
        { "pair", "integer|integer[]", "1 to 1000", "the other's" },
        { "seed", "integer", "", "the session's" },
        { "flag", "boolean", "", "true" },
        { "word", "\"l1\"|\"l2\"|\"linf\"", "", "the norm's" },
        { "name", "string", "", "its kind" },
        { "data", "dataset|array", "", "none" },
    };
    const Fields all = { fields, &initial };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const Field *field = fields_find(fields, told[i].name);
        char text[FIELD_TEXT];
        assert_string_equal(field_type(field, text), told[i].type);
        assert_string_equal(field_range(field, text), told[i].range);
        assert_string_equal(field_initial(&all, field, text), told[i].initial);
    }
}

static bool thing_at(void *object, size_t i, FieldPlace *place) {
    if (!fields[i].name)
        return false;
    *place = (FieldPlace){ .field = &fields[i], .object = object };
    strcat(strcpy(place->name, "part."), fields[i].name);
    return true;
}

static void test_names(void **state) {
    (void)state;
    Thing thing = initial;
    FieldPlace place;
    Error err;
    assert_true(fields_locate(thing_at, &thing, "part.times", &place, &err));
    assert_ptr_equal(place.field, fields_find(fields, "times"));
    assert_ptr_equal(place.object, &thing);
    Value two = value_whole(2), truth = value_boolean(true);
    place.object = NULL; /* then it is only checked */
    assert_true(fields_set(&place, &two, &err));
    assert_false(fields_set(&place, &truth, &err));
    assert_memory_equal(&thing, &initial, sizeof thing);
    assert_false(fields_locate(thing_at, &thing, "part.tmies", &place, &err));
    assert_non_null(strstr(err.message, "unknown option 'part.tmies'; did you mean 'part.times'?"));
    assert_non_null(strstr(err.message, "(valid: part.rate, part.open, "));
    assert_false(fields_unknown("x", (const char *const[]){ NULL }, &err));
    assert_string_equal(err.message, "unknown option 'x' (it takes none)");
    assert_null(fields_find(fields, "nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_arrive), cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_help_words),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
