#include "nn/train_params.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(TrainParams, field)
static const Field fields[] = {
    { "epochs", FIELD_SIZE, AT(epochs), .low = 0, .high = 1e6,
      .meaning = "times through the samples" },
    { "batch", FIELD_SIZE, AT(batch), .low = 1, .high = 1e6, .meaning = "samples a step" },
    { "lr", FIELD_NUMBER, AT(lr), .low = 0, .high = 1e6,
      .meaning = "the rate: how far a step goes" },
    { "momentum", FIELD_NUMBER, AT(momentum), .low = 0, .high = 1,
      .meaning = "the share of the last step that is kept" },
    { "weight_decay", FIELD_NUMBER, AT(weight_decay), .low = 0, .high = 1e6,
      .meaning = "times the weights is added to their gradient" },
    { "lr_decay", FIELD_NUMBER, AT(lr_decay), .low = 0, .high = 1e6,
      .meaning = "the rate is multiplied by this …" },
    { "lr_step", FIELD_SIZE, AT(lr_step), .low = 1, .high = 1e6,
      .meaning = "… after this many epochs, each time" },
    { "shift", FIELD_SIZE, AT(shift), .low = 0, .high = 1e6,
      .meaning = "move every image by up to this many pixels, at random, every time" },
    { "shuffle", FIELD_BOOLEAN, AT(shuffle), .meaning = "a new order every epoch" },
    { "seed", FIELD_SEED, AT(seed), .initial = "the session's",
      .meaning = "of the order, of dropout, of the shifts" },
    { "validation", FIELD_OBJECT, .type = "dataset", .meaning = "scored after every epoch" },
    { .name = NULL },
};
#undef AT

static const TrainParams initial = { .epochs = 10,
                                     .batch = 128,
                                     .lr = 0.02,
                                     .momentum = 0.9,
                                     .lr_decay = 1,
                                     .lr_step = 1,
                                     .shuffle = true };

const Fields train_fields = { fields, &initial };

TrainParams train_defaults(void) {
    return initial;
}

/* JSON's numbers are doubles: a seed beyond them goes as text. */
static bool write_field(cJSON *object, const Field *field, const Value *value) {
    char text[VALUE_TEXT];
    if (value->kind == VALUE_BOOLEAN)
        return cJSON_AddNumberToObject(object, field->name, value->truth) != NULL;
    if (field->kind == FIELD_SEED && fabs(value->number[0]) > 0x1p53)
        return cJSON_AddStringToObject(object, field->name, value_text(value, text)) != NULL;
    return cJSON_AddNumberToObject(object, field->name, value->number[0]) != NULL;
}

bool train_write(cJSON *object, const TrainParams *params) {
    bool ok = object != NULL;
    for (const Field *field = fields; ok && field->kind != FIELD_OBJECT; field++) {
        Value value = field_get(field, params);
        ok = write_field(object, field, &value);
    }
    return ok;
}

static Value json_value(const Field *field, const cJSON *item) {
    if (cJSON_IsString(item) && field->kind == FIELD_SEED)
        return value_whole(strtoll(item->valuestring, NULL, 10));
    if (cJSON_IsNumber(item) && field->kind == FIELD_BOOLEAN)
        return value_boolean(item->valuedouble != 0);
    if (cJSON_IsNumber(item))
        return value_number(item->valuedouble);
    return (Value){ .kind = VALUE_OTHER, .got = "something else" };
}

bool train_read(const cJSON *object, TrainParams *params, Error *err) {
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        const Field *field = fields_find(fields, item->string);
        Value value = field ? json_value(field, item) : (Value){ 0 };
        if (!field || field->kind == FIELD_OBJECT || !field_set(field, params, &value, err))
            return error_set(err, ERROR_FILE, "load: \"%s\" is not a training parameter's number",
                             item->string);
    }
    return true;
}
