/* Every kind of layer, found through the table, on odd shapes and with options that its fields
 * allow: for tests that hold for all of them. A new kind is met here without a line of its own. */
#ifndef PERIGEE_TESTS_LAYER_WALK_H
#define PERIGEE_TESTS_LAYER_WALK_H

#include "nn_case.h"

#include "nn/network_build.h"

/* ---- Options and inputs ---------------------------------------------------------------------- */

/* What fields are given, by what they are: the i-th pair takes pair[i], the i-th size size[i],
 * numbers a share of their range. A row without values leaves the defaults, where there are any. */
typedef struct OptionRow {
    bool chosen;
    size_t pair[4][2], size[2];
    double share;
} OptionRow;

static const OptionRow rows[] = {
    { false, { { 2, 2 }, { 1, 1 }, { 1, 1 }, { 1, 1 } }, { 3, 1 }, 0.5 },
    { true, { { 2, 3 }, { 2, 1 }, { 1, 0 }, { 1, 2 } }, { 3, 1 }, 0.3 },
    { true, { { 3, 2 }, { 1, 3 }, { 0, 2 }, { 2, 1 } }, { 17, 17 }, 0.7 },
    { true, { { 1, 3 }, { 3, 2 }, { 2, 1 }, { 1, 1 } }, { 1, 1 }, 0 },
    { true, { { 2, 1 }, { 2, 3 }, { 0, 0 }, { 3, 1 } }, { 80, 16 }, 0.9 },
    { true, { { 1, 2 }, { 1, 2 }, { 0, 1 }, { 1, 1 } }, { 16, 1 }, 0.1 },
    { true, { { 1, 1 }, { 2, 2 }, { 2, 2 }, { 2, 2 } }, { 2, 1 }, 0.2 },
    { true, { { 5, 4 }, { 1, 1 }, { 2, 3 }, { 1, 1 } }, { 16, 1 }, 0.4 },
    { true, { { 2, 2 }, { 2, 1 }, { 1, 0 }, { 1, 1 } }, { 16, 16 }, 0.6 },
    { true, { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 } }, { 32, 1 }, 0.8 },
};

static const Shape shapes[] = {
    { false, 1, 5, 4 }, { false, 3, 4, 7 }, { false, 17, 4, 3 }, { false, 16, 3, 5 },
    { true, 1, 1, 1 },  { true, 3, 1, 1 },  { true, 17, 1, 1 },
};

static const size_t batches[] = { 1, 3 };

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The nearest number that the field's range has; both bounds 0 are none. */
static inline double clamped(const Field *field, double value) {
    double low = field->low == 0 && field->high == 0 ? -INFINITY : field->low;
    double high = field->low == 0 && field->high == 0 ? INFINITY : field->high;
    return fmin(fmax(value, low), high);
}

/* A number of its range, a bound that is open left out. */
static inline double within(const Field *field, double share) {
    bool bounded = isfinite(field->low) && isfinite(field->high) && field->low < field->high;
    share = field->open & FIELD_ABOVE_LOW ? fmax(share, 0.05) : share;
    return bounded ? field->low + share * (field->high - field->low) : clamped(field, 1 + share);
}

static inline Value value_for(const Field *field, const OptionRow *row, size_t *pairs,
                              size_t *sizes) {
    const size_t *pair = row->pair[*pairs];
    switch (field->kind) {
    case FIELD_NUMBER:
        return value_number(within(field, row->share));
    case FIELD_PAIR:
        *pairs = (*pairs + 1) % 4;
        return (Value){ .kind = VALUE_PAIR,
                        .is_whole = true,
                        .number = { clamped(field, (double)pair[0]),
                                    clamped(field, (double)pair[1]) } };
    case FIELD_BOOLEAN:
        return value_boolean(row->share > 0.5);
    case FIELD_WORD:
        return value_word(field->words[0]);
    case FIELD_NAME:
        return value_word("own");
    default:
        return value_whole((int64_t)clamped(field, (double)row->size[(*sizes)++ % 2]));
    }
}

static inline Layer *layer_with(const LayerKind *kind, const OptionRow *row) {
    Error err = { 0 };
    Layer *layer = layer_new(kind, &err);
    size_t pairs = 0, sizes = 0;
    assert_non_null(layer);
    for (const Field *field = kind->fields.field; field->name; field++) {
        Value value = value_for(field, row, &pairs, &sizes);
        if ((row->chosen || field->required) && !field_set(field, layer, &value, &err))
            fail_msg("%s: %s", kind->name, err.message);
    }
    return layer;
}

/* A network of the one layer, or NULL where it does not take such an input. */
static inline Network *net_with(const LayerKind *kind, const OptionRow *row, Shape shape) {
    Error err = { 0 };
    Layer *layer = layer_with(kind, row);
    NetworkParts parts = { .input = shape, .layer = &layer, .layers = 1, .seed = 7 };
    Network *net = network_build(&parts, &err);
    free(layer);
    return net;
}

/* Numbers that lie 0.1 apart in every channel of every sample, and at least 0.05 from 0: no kink is
 * nearer than a step. Channels are innermost, as inside a pass, or outermost. */
static inline void fill_spaced(Shape shape, size_t n, bool inner, float *x) {
    size_t pixels = shape.flat ? shape.channels : shape.height * shape.width;
    size_t planes = shape.flat ? 1 : shape.channels, order[64];
    Rng rng;
    rng_seed(&rng, 3);
    for (size_t i = 0; i < n; i++, x += planes * pixels)
        for (size_t c = 0; c < planes; c++) {
            rng_permutation(&rng, pixels, order);
            for (size_t p = 0; p < pixels; p++)
                x[inner ? p * planes + c : c * pixels + p] =
                    0.1f * ((float)order[p] - (float)(pixels / 2) + 0.5f);
        }
}

static inline float *floats(size_t count) {
    float *x = calloc(count + 1, sizeof *x);
    assert_non_null(x);
    return x;
}

typedef void Check(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n);

/* Call `check` wherever a kind takes the input; each takes some. */
static inline void walk(Check *check) {
    for (const LayerKind *const *kind = layer_table; *kind; kind++) {
        size_t taken = 0;
        for (size_t r = 0; r < COUNT(rows); r++)
            for (size_t s = 0; s < COUNT(shapes); s++) {
                Network *net = net_with(*kind, &rows[r], shapes[s]);
                if (!net)
                    continue;
                net_done(net);
                taken++;
                for (size_t b = 0; b < COUNT(batches); b++)
                    check(*kind, &rows[r], shapes[s], batches[b]);
            }
        if (taken < COUNT(rows))
            fail_msg("%s takes only %zu of the inputs", (*kind)->name, taken);
    }
}

#endif
