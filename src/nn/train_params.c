#include "nn/train_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum NumberType { NUMBER_REAL, NUMBER_SIZE, NUMBER_SEED, NUMBER_BOOL } NumberType;

typedef struct NumberField {
    const char *name;
    NumberType type;
    size_t offset; /* in TrainParams */
    double low, high;
} NumberField;

#define FIELD(name, type, low, high)                                                               \
    { #name, type, offsetof(TrainParams, name), low, high }
static const NumberField fields[] = {
    FIELD(epochs, NUMBER_SIZE, 0, 1e6),
    FIELD(batch, NUMBER_SIZE, 1, 1e6),
    FIELD(lr, NUMBER_REAL, 0, 1e6),
    FIELD(momentum, NUMBER_REAL, 0, 1),
    FIELD(weight_decay, NUMBER_REAL, 0, 1e6),
    FIELD(lr_decay, NUMBER_REAL, 0, 1e6),
    FIELD(lr_step, NUMBER_SIZE, 1, 1e6),
    FIELD(shift, NUMBER_SIZE, 0, 1e6),
    FIELD(seed, NUMBER_SEED, -0x1p53, 0x1p53),
    FIELD(shuffle, NUMBER_BOOL, 0, 1),
};
#undef FIELD
enum { FIELDS = sizeof fields / sizeof fields[0] };

TrainParams train_defaults(void) {
    return (TrainParams){ .epochs = 10,
                          .batch = 128,
                          .lr = 0.02,
                          .momentum = 0.9,
                          .lr_decay = 1,
                          .lr_step = 1,
                          .shuffle = true };
}

const char *const *train_names(void) {
    static const char *names[FIELDS + 1];
    for (size_t i = 0; i < FIELDS; i++)
        names[i] = fields[i].name;
    return names;
}

static const NumberField *find_field(const char *what, const char *name, Error *err) {
    char list[256] = "";
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
        strcat(strcat(list, i ? ", " : ""), fields[i].name);
    }
    error_set(err, ERROR_ARGUMENT, "%s: a net has no parameter \"%s\"; it has %s", what, name,
              list);
    return NULL;
}

bool train_set(TrainParams *params, const char *name, double value, Error *err) {
    const NumberField *field = find_field("set", name, err);
    if (!field)
        return false;
    if (!(value >= field->low && value <= field->high) ||
        (field->type != NUMBER_REAL && value != floor(value)))
        return error_set(err, ERROR_ARGUMENT, "set: %s: expected a %s from %g to %g, got %g", name,
                         field->type == NUMBER_REAL ? "number" : "whole number", field->low,
                         field->high, value);
    void *place = (char *)params + field->offset;
    switch (field->type) {
    case NUMBER_REAL:
        *(double *)place = value;
        break;
    case NUMBER_SIZE:
        *(size_t *)place = (size_t)value;
        break;
    case NUMBER_SEED:
        *(uint64_t *)place = (uint64_t)(int64_t)value;
        break;
    case NUMBER_BOOL:
        *(bool *)place = value != 0;
        break;
    }
    return true;
}

bool train_get(const TrainParams *params, const char *name, double *value, Error *err) {
    const NumberField *field = find_field("get", name, err);
    if (!field)
        return false;
    const void *place = (const char *)params + field->offset;
    switch (field->type) {
    case NUMBER_REAL:
        *value = *(const double *)place;
        break;
    case NUMBER_SIZE:
        *value = (double)*(const size_t *)place;
        break;
    case NUMBER_SEED:
        *value = (double)(int64_t) * (const uint64_t *)place;
        break;
    case NUMBER_BOOL:
        *value = *(const bool *)place;
        break;
    }
    return true;
}
