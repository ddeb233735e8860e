#include "core/fields_json.h"

#include "core/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------------------- */

/* Is it a number that JSON has, and a double holds? */
static bool is_plain(const Value *value) {
    double number = value->number[0];
    return isfinite(number) &&
           (!value->is_whole || (number < 0x1p63 && (int64_t)number == value->whole));
}

static void add_value(JsonNode to, const char *name, const Value *value) {
    char text[VALUE_TEXT];
    switch (value->kind) {
    case VALUE_NOTHING:
        break;
    case VALUE_NUMBER:
        if (is_plain(value))
            json_number(to, name, value->number[0]);
        else
            json_string(to, name, value_text(value, text));
        break;
    case VALUE_PAIR:
        json_item(to, name, cJSON_CreateDoubleArray(value->number, 2));
        break;
    case VALUE_LIST:
        json_item(to, name, cJSON_CreateDoubleArray(value->number, (int)value->count));
        break;
    case VALUE_BOOLEAN:
        json_bool(to, name, value->truth);
        break;
    default:
        json_string(to, name, value->word);
    }
}

void fields_write_json(const Field *field, const void *object, JsonNode to) {
    for (; field && field->name; field++) {
        Value value = field_get(field, object);
        add_value(to, field->name, &value);
    }
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The number that a string stands for, or the string itself. A seed can have all 64 bits. */
static Value number_in(const char *text) {
    char *end;
    Value whole = value_whole((int64_t)strtoull(text, &end, 10));
    if (*text && !*end)
        return whole;
    Value number = value_number(strtod(text, &end));
    return *text && !*end ? number : value_word(text);
}

/* Two numbers are a pair, others a list. */
static Value list_value(const cJSON *list) {
    Value value = { .kind = VALUE_PAIR, .is_whole = true };
    int count = cJSON_GetArraySize(list);
    bool numbers = count > 0 && count <= FIELD_NUMBERS_MOST;
    snprintf(value.got, sizeof value.got, "a list of %d", count);
    for (; numbers && value.count < (size_t)count; value.count++) {
        const cJSON *item = cJSON_GetArrayItem(list, (int)value.count);
        numbers = cJSON_IsNumber(item);
        value.number[value.count] = item->valuedouble;
        value.is_whole = value.is_whole && value_number(item->valuedouble).is_whole;
    }
    if (count != 2 || !numbers)
        value.kind = numbers ? VALUE_LIST : VALUE_OTHER;
    return value;
}

Value value_from_json(const cJSON *item, bool is_text) {
    if (cJSON_IsNumber(item))
        return value_number(item->valuedouble);
    if (cJSON_IsBool(item))
        return value_boolean(cJSON_IsTrue(item));
    if (cJSON_IsString(item))
        return is_text ? value_word(item->valuestring) : number_in(item->valuestring);
    if (cJSON_IsArray(item))
        return list_value(item);
    return (Value){ .kind = VALUE_OTHER, .got = "an object" };
}

static Value value_for(const Field *field, const cJSON *item) {
    if (cJSON_IsNumber(item) && field->kind == FIELD_BOOLEAN)
        return value_boolean(item->valuedouble != 0);
    return value_from_json(item, field->kind == FIELD_WORD || field->kind == FIELD_NAME);
}

bool fields_read_json(const Field *field, void *object, const cJSON *json, Error *err) {
    char expected[FIELD_TEXT];
    for (; field && field->name; field++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, field->name);
        bool there = item && !cJSON_IsNull(item);
        if (field->kind == FIELD_OBJECT || (!there && !field->required))
            continue;
        if (!there)
            return error_set(err, ERROR_ARGUMENT, "%s: expected %s, got nothing", field->name,
                             field_expected(field, expected));
        Value value = value_for(field, item);
        if (!field_set(field, object, &value, err))
            return false;
    }
    return true;
}

static bool is_listed(const char *const *names, const char *name) {
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool fields_check_json(const Field *field, const char *const *also, const cJSON *json, Error *err) {
    enum { MOST = 64 };
    const char *names[MOST + 1];
    size_t count = 0;
    for (const Field *each = field; each && each->name && count < MOST; each++)
        names[count++] = each->name;
    names[count] = NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        if (item->string && !is_listed(names, item->string) && !is_listed(also, item->string))
            return fields_unknown(item->string, names, err);
    }
    return true;
}

bool fields_agree_json(const Field *field, const void *object, const cJSON *json, Error *err) {
    for (; field && field->name; field++) {
        Value value = field_get(field, object);
        if (value.kind != VALUE_NOTHING && !cJSON_HasObjectItem(json, field->name))
            return error_set(err, ERROR_FILE, "this session's has %s, the file's has not",
                             field->name);
    }
    return true;
}
