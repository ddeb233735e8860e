#include "core/fields.h"

#include "core/fail.h"
#include "core/suggest.h"
#include "core/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

Value value_number(double number) {
    Value value = { .kind = VALUE_NUMBER, .number = { number, number } };
    value.is_whole = number == floor(number) && fabs(number) < 0x1p63;
    value.whole = value.is_whole ? (int64_t)number : 0;
    return value;
}

Value value_whole(int64_t whole) {
    Value value = { .kind = VALUE_NUMBER, .is_whole = true, .whole = whole };
    value.number[0] = value.number[1] = (double)whole;
    return value;
}

Value value_boolean(bool truth) {
    return (Value){ .kind = VALUE_BOOLEAN, .truth = truth };
}

Value value_word(const char *word) {
    return (Value){ .kind = VALUE_WORD, .word = word };
}

static const char *list_text(const Value *value, char text[VALUE_TEXT]) {
    size_t used = 0;
    for (size_t i = 0; i < value->count && used < VALUE_TEXT; i++)
        used += (size_t)snprintf(text + used, VALUE_TEXT - used, "%s%.14g", i ? ", " : "{",
                                 value->number[i]);
    if (used < VALUE_TEXT - 1)
        strcpy(text + used, "}");
    return text;
}

const char *value_text(const Value *value, char text[VALUE_TEXT]) {
    switch (value->kind) {
    case VALUE_NOTHING:
        return strcpy(text, "nothing");
    case VALUE_NUMBER:
        if (value->is_whole)
            snprintf(text, VALUE_TEXT, "%lld", (long long)value->whole);
        else if (isnan(value->number[0]))
            strcpy(text, "nan"); /* without the sign that printf may show */
        else
            snprintf(text, VALUE_TEXT, "%.14g", value->number[0]);
        return text;
    case VALUE_LIST:
        return value->got[0] ? strcpy(text, value->got) : list_text(value, text);
    case VALUE_PAIR:
        snprintf(text, VALUE_TEXT, "{%.14g, %.14g}", value->number[0], value->number[1]);
        return text;
    case VALUE_BOOLEAN:
        return strcpy(text, value->truth ? "true" : "false");
    case VALUE_WORD:
        snprintf(text, VALUE_TEXT, "the string \"%.60s%s\"", value->word,
                 strlen(value->word) > 60 ? "…" : "");
        return text;
    default:
        return strcpy(text, value->got);
    }
}

/* ---- What a field takes, in words ------------------------------------------------------------ */

static bool is_numeric(const Field *field) {
    return field->kind <= FIELD_PAIR;
}

static bool wants_whole(const Field *field) {
    return field->kind != FIELD_NUMBER && field->kind != FIELD_NUMBERS;
}

/* {0, 0} in a table stands for "no bounds": nothing has a range of one number. */
static bool has_range(const Field *field) {
    return is_numeric(field) && (field->low != 0 || field->high != 0);
}

static const char *range_words(const Field *field, const char *between, char text[FIELD_TEXT]) {
    bool above = field->open & FIELD_ABOVE_LOW, below = field->open & FIELD_BELOW_HIGH;
    bool low = has_range(field) && field->low > -INFINITY;
    bool high = has_range(field) && field->high < INFINITY;
    const char *to = below ? "below " : "";
    text[0] = '\0';
    if (low && high && above)
        snprintf(text, FIELD_TEXT, "above %.14g and %s%.14g", field->low,
                 below ? "below " : "up to ", field->high);
    else if (low && high)
        snprintf(text, FIELD_TEXT, "%s%.14g to %s%.14g", between, field->low, to, field->high);
    else if (low && above)
        snprintf(text, FIELD_TEXT, "above %.14g", field->low);
    else if (low)
        snprintf(text, FIELD_TEXT, "%s%.14g or more", *between ? "of " : "", field->low);
    else if (has_range(field) && (high || (below && *between)))
        snprintf(text, FIELD_TEXT, below ? "below %.14g" : "up to %.14g", field->high);
    return text;
}

const char *field_range(const Field *field, char text[FIELD_TEXT]) {
    char range[FIELD_TEXT];
    range_words(field, "", range);
    if (field->required)
        snprintf(text, FIELD_TEXT, "must be given%s%.200s", *range ? "; " : "", range);
    else
        strcpy(text, range);
    return text;
}

/* The words in quotes, `last` between the last two and `comma` between the others. */
static const char *quoted_words(const Field *field, const char *comma, const char *last,
                                char text[FIELD_TEXT]) {
    const char *const *words = field->words + (size_t)field->low;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; words[i] && used < FIELD_TEXT; i++)
        used += (size_t)snprintf(text + used, FIELD_TEXT - used, "%s\"%s\"",
                                 i == 0         ? ""
                                 : words[i + 1] ? comma
                                                : last,
                                 words[i]);
    return text;
}

/* What else stands there, behind the words. */
static const char *append(char text[FIELD_TEXT], const char *between, const char *more) {
    size_t used = strlen(text);
    snprintf(text + used, FIELD_TEXT - used, "%s%s", between, more);
    return text;
}

const char *field_expected(const Field *field, char text[FIELD_TEXT]) {
    char range[FIELD_TEXT], words[FIELD_TEXT];
    switch (field->kind) {
    case FIELD_BOOLEAN:
        return strcpy(text, "true or false");
    case FIELD_WORD:
        quoted_words(field, ", ", field->type ? ", " : " or ", text);
        return field->type ? append(text, " or a ", field->type) : text;
    case FIELD_NAME:
        snprintf(text, FIELD_TEXT, "a word of at most %d letters in UTF-8 without '.' and ':'",
                 FIELD_NAME_SIZE - 1);
        return text;
    case FIELD_STRING:
        return strcpy(text, "a string");
    case FIELD_SEED:
        return strcpy(text, "an integer");
    case FIELD_OBJECT:
        snprintf(text, FIELD_TEXT, "%s", field->type);
        return text;
    default:
        range_words(field, "from ", range);
        snprintf(text, FIELD_TEXT, "%s%s%.200s%s", wants_whole(field) ? "an integer" : "a number",
                 *range ? " " : "", range,
                 field->kind == FIELD_PAIR      ? " or {height, width}"
                 : field->kind == FIELD_NUMBERS ? " or a list of at most 32"
                                                : "");
        return field->words ? append(text, " or ", quoted_words(field, "", "", words)) : text;
    }
}

const char *field_type(const Field *field, char text[FIELD_TEXT]) {
    char words[FIELD_TEXT];
    switch (field->kind) {
    case FIELD_NUMBER:
        strcpy(text, "number");
        return field->type ? append(text, "|", field->type) : text;
    case FIELD_NUMBERS:
        return strcpy(text, "number|number[]");
    case FIELD_PAIR:
        strcpy(text, "integer|integer[]");
        return field->words ? append(text, "|", quoted_words(field, "", "", words)) : text;
    case FIELD_BOOLEAN:
        return strcpy(text, "boolean");
    case FIELD_WORD:
        quoted_words(field, "|", "|", text);
        return field->type ? append(text, "|", field->type) : text;
    case FIELD_NAME:
    case FIELD_STRING:
        return strcpy(text, "string");
    case FIELD_OBJECT:
        snprintf(text, FIELD_TEXT, "%s", field->type);
        return text;
    default:
        return strcpy(text, "integer");
    }
}

const char *field_initial(const Fields *fields, const Field *field, char text[FIELD_TEXT]) {
    Value value = { .kind = VALUE_NOTHING };
    char number[VALUE_TEXT];
    if (fields->initial && field->kind != FIELD_OBJECT && !field->required)
        value = field_get(field, fields->initial);
    if (field->initial && value.kind != VALUE_WORD)
        snprintf(text, FIELD_TEXT, "%s", field->initial);
    else if (value.kind == VALUE_NOTHING)
        strcpy(text, "none");
    else if (value.kind == VALUE_WORD)
        snprintf(text, FIELD_TEXT, "\"%s\"", value.word);
    else
        snprintf(text, FIELD_TEXT, "%s", value_text(&value, number));
    return text;
}

/* ---- Values into fields and out of them ------------------------------------------------------ */

const Field *fields_find(const Field *field, const char *name) {
    for (; field && field->name; field++)
        if (strcmp(field->name, name) == 0)
            return field;
    return NULL;
}

static bool in_range(const Field *field, double number) {
    if (isnan(number))
        return false;
    if (!has_range(field))
        return true;
    bool low = field->open & FIELD_ABOVE_LOW ? number > field->low : number >= field->low;
    bool high = field->open & FIELD_BELOW_HIGH ? number < field->high : number <= field->high;
    return low && high;
}

static int find_word(const Field *field, const char *word) {
    for (int i = (int)field->low; field->words[i]; i++)
        if (strcmp(field->words[i], word) == 0)
            return i;
    return -1;
}

/* Names are parts of longer ones ("relu4.C"): the signs used there are not for them. */
static bool is_name(const char *word) {
    return *word && strlen(word) < FIELD_NAME_SIZE && !strpbrk(word, ".: \t\n") &&
           utf8_is_valid(word);
}

/* Two numbers, one for both, or the word that stands for two. */
static bool is_pair(const Field *field, const Value *value) {
    if (value->kind == VALUE_WORD)
        return field->words && strcmp(value->word, field->words[0]) == 0;
    bool both = value->kind == VALUE_PAIR;
    return (both || value->kind == VALUE_NUMBER) && value->is_whole &&
           in_range(field, value->number[0]) && (!both || in_range(field, value->number[1]));
}

static bool is_list(const Field *field, const Value *value) {
    size_t count = value->kind == VALUE_LIST   ? value->count
                   : value->kind == VALUE_PAIR ? 2
                                               : value->kind == VALUE_NUMBER;
    for (size_t i = 0; i < count; i++)
        if (!in_range(field, value->number[i]))
            return false;
    return count > 0 && count <= FIELD_NUMBERS_MOST;
}

/* Is there a number that reads as nothing, for a default that follows from elsewhere? */
static bool can_be_open(const Field *field) {
    return (field->kind == FIELD_NUMBER || field->kind == FIELD_WHOLE) && field->initial &&
           !field->required;
}

/* May this value stand in this field? */
static bool fits(const Field *field, const Value *value) {
    if (value->kind == VALUE_NOTHING)
        return can_be_open(field);
    bool whole = value->is_whole || !wants_whole(field);
    switch (field->kind) {
    case FIELD_BOOLEAN:
        return value->kind == VALUE_BOOLEAN;
    case FIELD_WORD:
        return value->kind == VALUE_WORD && find_word(field, value->word) >= 0;
    case FIELD_NAME:
        return value->kind == VALUE_WORD && is_name(value->word);
    case FIELD_STRING:
        return value->kind == VALUE_WORD;
    case FIELD_SEED:
        return value->kind == VALUE_NUMBER && value->is_whole;
    case FIELD_OBJECT:
        return false;
    case FIELD_NUMBERS:
        return is_list(field, value);
    case FIELD_PAIR:
        return is_pair(field, value);
    default:
        return value->kind == VALUE_NUMBER && whole && in_range(field, value->number[0]);
    }
}

static void store_list(FieldNumbers *numbers, const Value *value) {
    *numbers = (FieldNumbers){ .count = value->kind == VALUE_LIST   ? value->count
                                        : value->kind == VALUE_PAIR ? 2
                                                                    : 1 };
    memcpy(numbers->number, value->number, numbers->count * sizeof *numbers->number);
}

static void store_pair(size_t pair[2], const Value *value) {
    for (int i = 0; i < 2; i++)
        pair[i] = value->kind == VALUE_WORD ? FIELD_PAIR_WORD : (size_t)value->number[i];
}

static void store(const Field *field, void *place, const Value *value) {
    switch (field->kind) {
    case FIELD_NUMBER:
    case FIELD_WHOLE:
        *(double *)place = value->kind == VALUE_NOTHING ? NAN : value->number[0];
        break;
    case FIELD_NUMBERS:
        store_list(place, value);
        break;
    case FIELD_INTEGER:
        *(int *)place = (int)value->number[0];
        break;
    case FIELD_SIZE:
        *(size_t *)place = (size_t)value->number[0];
        break;
    case FIELD_PAIR:
        store_pair(place, value);
        break;
    case FIELD_SEED:
        *(uint64_t *)place = (uint64_t)value->whole;
        break;
    case FIELD_BOOLEAN:
        *(bool *)place = value->truth;
        break;
    case FIELD_WORD:
        *(int *)place = find_word(field, value->word);
        break;
    case FIELD_NAME:
        strcpy(place, value->word);
        break;
    case FIELD_STRING:
        *(const char **)place = value->word;
        break;
    case FIELD_OBJECT:
        break;
    }
}

static bool refuse(const char *name, const Field *field, const Value *value, Error *err) {
    char expected[FIELD_TEXT], got[VALUE_TEXT];
    return error_set(err, ERROR_ARGUMENT, "%s: expected %s, got %s", name,
                     field_expected(field, expected), value_text(value, got));
}

bool field_set(const Field *field, void *object, const Value *value, Error *err) {
    if (!fits(field, value))
        return refuse(field->name, field, value, err);
    store(field, (char *)object + field->offset, value);
    return true;
}

static Value pair_value(const Field *field, const size_t *pair) {
    if (pair[0] == FIELD_PAIR_WORD)
        return value_word(field->words[0]);
    if (pair[0] == pair[1])
        return value_whole((int64_t)pair[0]);
    return (Value){ .kind = VALUE_PAIR,
                    .is_whole = true,
                    .number = { (double)pair[0], (double)pair[1] } };
}

static Value list_value(const FieldNumbers *numbers) {
    if (numbers->count < 2)
        return numbers->count ? value_number(numbers->number[0]) : (Value){ .kind = VALUE_NOTHING };
    Value value = { .kind = VALUE_LIST, .count = numbers->count };
    memcpy(value.number, numbers->number, value.count * sizeof *value.number);
    return value;
}

Value field_get(const Field *field, const void *object) {
    const void *place = (const char *)object + field->offset;
    const Value nothing = { .kind = VALUE_NOTHING };
    switch (field->kind) {
    case FIELD_NUMBER:
    case FIELD_WHOLE:
        if (isnan(*(const double *)place) && (field->initial || field->required))
            return nothing;
        return value_number(*(const double *)place);
    case FIELD_NUMBERS:
        return list_value(place);
    case FIELD_INTEGER:
        return value_whole(*(const int *)place);
    case FIELD_SIZE:
        return value_whole((int64_t) * (const size_t *)place);
    case FIELD_PAIR:
        return field->initial && *(const size_t *)place == 0 ? nothing : pair_value(field, place);
    case FIELD_SEED:
        return value_whole((int64_t) * (const uint64_t *)place);
    case FIELD_BOOLEAN:
        return value_boolean(*(const bool *)place);
    case FIELD_WORD:
        return *(const int *)place < 0 ? nothing : value_word(field->words[*(const int *)place]);
    case FIELD_NAME:
        return *(const char *)place ? value_word(place) : nothing;
    case FIELD_STRING:
        return *(const char *const *)place ? value_word(*(const char *const *)place) : nothing;
    default:
        return nothing;
    }
}

void field_copy(const Field *field, void *to, const void *from) {
    static const size_t sizes[] = {
        [FIELD_NUMBER] = sizeof(double), [FIELD_NUMBERS] = sizeof(FieldNumbers),
        [FIELD_WHOLE] = sizeof(double),  [FIELD_INTEGER] = sizeof(int),
        [FIELD_SIZE] = sizeof(size_t),   [FIELD_PAIR] = 2 * sizeof(size_t),
        [FIELD_SEED] = sizeof(uint64_t), [FIELD_BOOLEAN] = sizeof(bool),
        [FIELD_WORD] = sizeof(int),      [FIELD_NAME] = FIELD_NAME_SIZE,
        [FIELD_STRING] = sizeof(char *), [FIELD_OBJECT] = 0,
    };
    memcpy((char *)to + field->offset, (const char *)from + field->offset, sizes[field->kind]);
}

bool field_check(const Field *field, const void *object, Error *err) {
    Value value = field_get(field, object);
    return value.kind == VALUE_NOTHING || fits(field, &value) ||
           refuse(field->name, field, &value, err);
}

/* ---- Complaints ------------------------------------------------------------------------------ */

bool fields_unknown(const char *name, const char *const *names, Error *err) {
    char list[640] = "";
    size_t used = 0;
    for (size_t i = 0; names[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    if (!names[0])
        return error_set(err, ERROR_ARGUMENT, "unknown option '%.60s' (it takes none)", name);
    const char *nearest = suggest_nearest(name, names);
    return error_set(err, ERROR_ARGUMENT, "unknown option '%.60s'%s%s%s (valid: %s)", name,
                     nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
                     list);
}

/* An object's names are counted first: a DNR has as many as all its parts together. */
static bool refuse_place(FieldAt *at, void *object, const char *name, Error *err) {
    FieldPlace place;
    size_t count = 0;
    while (at(object, count, &place))
        count++;
    const char **names = calloc(count + 1, sizeof *names);
    char(*text)[FIELD_TEXT] = calloc(count + 1, sizeof *text);
    bool ok = names && text;
    for (size_t i = 0; ok && i < count && at(object, i, &place); i++)
        names[i] = strcpy(text[i], place.name);
    if (ok)
        fields_unknown(name, names, err);
    else
        error_memory(err, "options", count * sizeof *text);
    free(names);
    free(text);
    return false;
}

bool fields_place(const Field *field, void *object, const char *prefix, FieldPlace *place) {
    if (!field || !field->name)
        return false;
    *place = (FieldPlace){ .field = field, .object = object };
    snprintf(place->name, sizeof place->name, "%s%s", prefix, field->name);
    return true;
}

bool fields_part(FieldPlace *place, const char *prefix) {
    char name[FIELD_TEXT];
    memcpy(name, place->name, sizeof name);
    snprintf(place->name, sizeof place->name, "%.100s.%.150s", prefix, name);
    return true;
}

bool fields_set(const FieldPlace *place, const Value *value, Error *err) {
    if (!fits(place->field, value))
        return refuse(place->name, place->field, value, err);
    if (place->object)
        store(place->field, (char *)place->object + place->field->offset, value);
    return true;
}

bool fields_locate(FieldAt *at, void *object, const char *name, FieldPlace *place, Error *err) {
    for (size_t i = 0; at(object, i, place); i++)
        if (strcmp(place->name, name) == 0)
            return true;
    return refuse_place(at, object, name, err);
}
