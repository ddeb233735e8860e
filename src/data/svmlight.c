#include "data/svmlight.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "data/decimal.h"
#include "data/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FEATURES = 1 << 30 };

#define AT(field) offsetof(SvmlightOptions, field)

const Field svmlight_fields[] = {
    { "features", FIELD_SIZE, AT(features), .low = 1, .high = MOST_FEATURES, .initial = "found",
      .meaning = "how many a sample has" },
    { "zero_based", FIELD_OBJECT, .type = "boolean|\"auto\"", .initial = "\"auto\"",
      .meaning = "indices count from 0; found: if there is an index 0" },
    { "source", FIELD_STRING, AT(source), .initial = "the path", .meaning = "for printing" },
    { .name = NULL },
};
const SvmlightOptions svmlight_initial = { 0 };

/* Rows that are made of a file of any density. */
static const double MOST_BYTES = 2e9;

/* A file on its way into a dataset. */
typedef struct Reading {
    Text text;
    const SvmlightOptions *options;
    Error *err;
    size_t rows, values;  /* samples; numbers that stand there */
    uint64_t least, most; /* of the indices */
    uint64_t base;        /* 0 or 1 */
    size_t declared;      /* features, by "# features: N" in front; 0: it does not say */
    size_t features;
} Reading;

/* Where it is: NULL in the first pass, which only looks. */
typedef struct Row {
    float *x;
    int32_t *y;
} Row;

static bool fail_token(Reading *reading, const char *complaint) {
    const Text *text = &reading->text;
    char shown[TEXT_SHOWN];
    return error_set(reading->err, ERROR_FILE, "%s: line %zu: \"%s\" %s", text->source->name,
                     text->line, text_shown(text_token(text), text_length(text), shown), complaint);
}

/* To the next blank, comment or line's end. */
static bool take_token(Reading *reading) {
    Text *text = &reading->text;
    text_mark(text);
    for (int c = text_peek(text); c != TEXT_END && !strchr(" \t\r\n#", c); c = text_peek(text))
        text->at++;
    return !text->failed;
}

static bool read_label(Reading *reading, int32_t *label) {
    float number;
    if (!take_token(reading))
        return false;
    const char *token = text_token(&reading->text);
    size_t length = text_length(&reading->text);
    if (memchr(token, ',', length))
        return fail_token(reading, "is more than one label; samples have one here");
    if (memchr(token, ':', length))
        return fail_token(reading, "stands where the label is expected");
    if (!decimal_float(token, length, &number))
        return fail_token(reading, "is no label: expected a whole number");
    if (number != truncf(number) || !(fabsf(number) < 1 << 24))
        return fail_token(reading, "is no whole number below 16777216: labels are classes here");
    *label = (int32_t)number;
    return true;
}

/* "7:-1.25" apart. */
static bool read_pair(Reading *reading, uint64_t *index, float *value) {
    const char *token = text_token(&reading->text);
    size_t length = text_length(&reading->text), at = 0;
    for (*index = 0; at < length && token[at] >= '0' && token[at] <= '9'; at++)
        if ((*index = *index * 10 + (uint64_t)(token[at] - '0')) > MOST_FEATURES)
            return fail_token(reading, "has an index above 1073741824");
    if (at == 0 || at == length || token[at] != ':' ||
        !decimal_float(token + at + 1, length - at - 1, value))
        return fail_token(reading, "is no feature: expected index:number");
    return isfinite(*value) || fail_token(reading, "is not a finite number");
}

static bool is_query(const Text *text) {
    return text_length(text) > 4 && memcmp(text_token(text), "qid:", 4) == 0;
}

static bool note_pair(Reading *reading, uint64_t index, uint64_t last, const Row *row,
                      float value) {
    if (index <= last && last != UINT64_MAX)
        return fail_token(reading, "follows an index that is not smaller: they must ascend");
    if (row) {
        if (index - reading->base >= reading->features)
            return fail_token(reading, "is beyond the number of features that was given");
        row->x[index - reading->base] = value;
        return true;
    }
    reading->values++;
    reading->least = index < reading->least ? index : reading->least;
    reading->most = index > reading->most ? index : reading->most;
    return true;
}

/* The features behind a label; to the line's end. */
static bool read_features(Reading *reading, const Row *row) {
    Text *text = &reading->text;
    uint64_t index, last = UINT64_MAX;
    float value;
    for (;;) {
        text_mark(text);
        text_skip_blanks(text);
        int c = text_peek(text);
        if (c == '#')
            text_skip_line(text);
        if (c == '#' || c == '\n' || c == '\r' || c == TEXT_END)
            return !text->failed;
        if (!take_token(reading))
            return false;
        if (is_query(text))
            continue;
        if (!read_pair(reading, &index, &value) || !note_pair(reading, index, last, row, value))
            return false;
        last = index;
    }
}

/* Past a comment: "# features: 784" counts where it stands before the samples. */
static void skip_comment(Reading *reading) {
    static const char words[] = "# features: ";
    Text *text = &reading->text;
    uint64_t count = 0;
    text_mark(text);
    for (const char *c = words; *c; c++, text->at++)
        if (text_peek(text) != *c) {
            text_skip_line(text);
            return;
        }
    for (int c = text_peek(text); c >= '0' && c <= '9' && count <= MOST_FEATURES;
         text->at++, c = text_peek(text))
        count = count * 10 + (uint64_t)(c - '0');
    text_skip_blanks(text);
    int c = text_peek(text);
    if (reading->rows == 0 && count <= MOST_FEATURES && (c == '\n' || c == '\r' || c == TEXT_END))
        reading->declared = (size_t)count;
    text_skip_line(text);
}

/* At a sample's label? Empty lines and comments are left behind. */
static bool next_sample(Reading *reading) {
    Text *text = &reading->text;
    for (;;) {
        text_mark(text);
        text_skip_blanks(text);
        if (text_peek(text) == '#')
            skip_comment(reading);
        if (!text_skip_line_end(text))
            return text_peek(text) != TEXT_END;
    }
}

static bool survey(Reading *reading, Source *source) {
    int32_t label;
    if (!text_open(&reading->text, source, reading->err))
        return false;
    for (; next_sample(reading); reading->rows++)
        if (!read_label(reading, &label) || !read_features(reading, NULL))
            return false;
    return !reading->text.failed &&
           (reading->rows > 0 ||
            error_set(reading->err, ERROR_FILE, "%s: no samples", source->name));
}

static bool settle(Reading *reading, const char *name) {
    const SvmlightOptions *options = reading->options;
    char size[32];
    reading->base = options->base == SVMLIGHT_ZERO || reading->least == 0 ? 0 : 1;
    if (options->base == SVMLIGHT_ONE && reading->least == 0)
        return error_set(reading->err, ERROR_FILE,
                         "%s: there is an index 0, though they should count from 1", name);
    uint64_t found = reading->values ? reading->most + 1 - reading->base : 0;
    if (options->features && found > options->features)
        return error_set(reading->err, ERROR_FILE,
                         "%s: there is a feature %" PRIu64 "; features = %zu", name, found,
                         options->features);
    found = found > reading->declared ? found : reading->declared;
    reading->features = options->features ? options->features : (size_t)found;
    if (reading->features == 0)
        return error_set(reading->err, ERROR_FILE, "%s: no features (features = says how many)",
                         name);
    double bytes = 4.0 * (double)reading->rows * (double)reading->features;
    if (!options->features && bytes > MOST_BYTES)
        return error_set(
            reading->err, ERROR_FILE,
            "%s: %zu samples of %zu features would take %s, of which %.3g %% are not 0;"
            " features = %zu reads them all the same",
            name, reading->rows, reading->features, memory_text(bytes, size),
            100 * (double)reading->values * 4 / bytes, reading->features);
    return memory_check(name, bytes, "rows of float32", reading->err);
}

static bool fill(Reading *reading, Source *source, const Row *first) {
    size_t row = 0;
    text_close(&reading->text);
    if (!text_open(&reading->text, source, reading->err))
        return false;
    for (; row < reading->rows && next_sample(reading); row++) {
        Row now = { first->x + row * reading->features, first->y + row };
        if (!read_label(reading, now.y) || !read_features(reading, &now))
            return false;
    }
    return !reading->text.failed &&
           (row == reading->rows ||
            error_set(reading->err, ERROR_FILE, "%s: it changed while it was read", source->name));
}

static Dataset *make(Reading *reading, Source *source) {
    static const char where[] = "data.svmlight";
    Array *y = array_new1(where, DTYPE_I32, reading->rows, reading->err);
    Array *x =
        y ? array_new2(where, DTYPE_F32, reading->rows, reading->features, reading->err) : NULL;
    const char *from = reading->options->source ? reading->options->source : source->name;
    Dataset *dataset = NULL;
    if (x && fill(reading, source, &(Row){ array_f32(x), array_i32(y) }))
        dataset =
            dataset_new(where, &(DatasetParts){ .x = x, .y = y, .source = from }, reading->err);
    array_free(x);
    array_free(y);
    return dataset;
}

static Dataset *read(Source *source, const SvmlightOptions *options, Error *err) {
    Reading reading = { .options = options, .err = err, .least = UINT64_MAX };
    Dataset *dataset = NULL;
    if (survey(&reading, source) && settle(&reading, source->name))
        dataset = make(&reading, source);
    text_close(&reading.text);
    return dataset;
}

Dataset *svmlight_load(const char *path, const SvmlightOptions *options, Error *err) {
    Source source;
    if (!source_open(&source, path, err))
        return NULL;
    Dataset *dataset = read(&source, options, err);
    source_close(&source);
    return dataset;
}

Dataset *svmlight_parse(const char *name, const void *bytes, size_t size,
                        const SvmlightOptions *options, Error *err) {
    Source source = source_of(name, bytes, size);
    return read(&source, options, err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

bool svmlight_save(const Dataset *dataset, const char *path, Error *err) {
    size_t n = dataset_count(dataset), features = dataset_features(dataset);
    char text[DECIMAL_TEXT];
    FileWriter writer;
    float *room = malloc((features + 1) * sizeof *room);
    if (!room)
        return error_memory(err, path, features * sizeof *room);
    if (!file_writer_open(&writer, path, err)) {
        free(room);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!source_goes_on(path, NULL)) {
            file_writer_abandon(&writer);
            free(room);
            return error_interrupted(err, path);
        }
        const float *x = dataset_row(dataset, i, room);
        if (i == 0)
            fprintf(writer.stream, "# features: %zu\n", features);
        fprintf(writer.stream, "%d", array_i32(dataset->y)[i]);
        for (size_t j = 0; j < features; j++)
            if (x[j] != 0)
                fprintf(writer.stream, " %zu:%.*s", j + 1, (int)decimal_text(x[j], text), text);
        fputc('\n', writer.stream);
    }
    free(room);
    return file_writer_commit(&writer, err);
}
