#include "data/csv.h"

#include "core/array.h"
#include "core/fail.h"
#include "core/file.h"
#include "data/decimal.h"
#include "data/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Classes that a column of texts may have before it is thought to be no labels; columns. */
enum { MOST_TEXTS = 10000, MOST_COLUMNS = 1 << 24 };

#define AT(field) offsetof(CsvOptions, field)
static const char *const missing_words[] = { "error", "skip", NULL };

const Field csv_fields[] = {
    { "header", FIELD_OBJECT, .type = "boolean", .initial = "found",
      .meaning = "the first row has the columns' names" },
    { "label", FIELD_OBJECT, .type = "string|integer", .initial = "the last",
      .meaning = "column of the labels: its name, or its place (from the end: -1, …)" },
    { "delimiter", FIELD_STRING, AT(delimiter), .initial = "found",
      .meaning = "what divides fields, one character" },
    { "missing", FIELD_WORD, AT(missing), .words = missing_words,
      .meaning = "what becomes of a row with a missing field" },
    { "source", FIELD_STRING, AT(source), .initial = "the path", .meaning = "for printing" },
    { .name = NULL },
};
const CsvOptions csv_initial = { .column = CSV_COLUMN_USUAL, .missing = CSV_MISSING_ERROR };

/* ---- Fields ---------------------------------------------------------------------------------- */

typedef struct CsvField {
    char *text; /* in the reader's buffer until more is read */
    size_t length;
    bool quoted;
} CsvField;

/* A file on its way into a dataset. */
typedef struct Csv {
    Text text;
    const CsvOptions *options;
    char delimiter;
    bool header, texts;    /* labels that are texts */
    size_t columns, label; /* how many; the labels' place, from 0 */
    size_t rows;           /* that are kept */
    Names names;           /* of the columns, with a header */
    CsvNotes *notes;
    Error *err;
} Csv;

static bool fail_at(Csv *csv, const char *what) {
    return error_set(csv->err, ERROR_FILE, "%s: line %zu: %s", csv->text.source->name,
                     csv->text.line, what);
}

static bool ends_field(const Csv *csv, int c) {
    return c == csv->delimiter || c == '\n' || c == '\r' || c == TEXT_END;
}

/* Behind the opening quote, to behind the closing one; doubled quotes become one in place. */
static bool take_quoted(Csv *csv, CsvField *field) {
    Text *text = &csv->text;
    size_t line = text->line, length = 0;
    text_mark(text);
    for (;; text->at++) {
        int c = text_peek(text);
        if (c == TEXT_END) {
            text->line = line;
            return !text->failed && fail_at(csv, "a quote that nothing closes");
        }
        text->line += c == '\n';
        if (c == '"') {
            text->at++;
            if (text_peek(text) != '"')
                break;
        }
        text_token(text)[length++] = (char)c;
    }
    if (csv->delimiter != '\t' && csv->delimiter != ' ')
        text_skip_blanks(text);
    bool ends = ends_field(csv, text_peek(text));
    *field = (CsvField){ text_token(text), length, true };
    return ends || fail_at(csv, "something between a closing quote and the next field");
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool take_field(Csv *csv, CsvField *field) {
    Text *text = &csv->text;
    text_mark(text);
    for (int c; (c = text_peek(text)) == ' ' || (c == '\t' && csv->delimiter != '\t'); text->at++)
        ;
    if (text_peek(text) == '"') {
        text->at++;
        return take_quoted(csv, field);
    }
    size_t blanks = text_length(text);
    while (!ends_field(csv, text_peek(text)))
        text->at++;
    *field = (CsvField){ text_token(text) + blanks, text_length(text) - blanks, false };
    while (field->length > 0 && is_blank(field->text[field->length - 1]))
        field->length--;
    return !text->failed;
}

/* Steps over a delimiter, if there is one: another field follows. Blanks divide in runs. */
static bool next_field(Csv *csv) {
    if (csv->delimiter == ' ') {
        bool any = text_peek(&csv->text) == ' ';
        text_skip_blanks(&csv->text);
        int c = text_peek(&csv->text);
        return any && c != '\n' && c != '\r' && c != TEXT_END;
    }
    if (text_peek(&csv->text) != csv->delimiter)
        return false;
    csv->text.at++;
    return true;
}

/* At a row's first field? Empty lines before it are left behind. */
static bool next_row(Csv *csv) {
    do {
        text_mark(&csv->text);
        if (csv->delimiter != '\t')
            text_skip_blanks(&csv->text);
    } while (text_skip_line_end(&csv->text));
    return text_peek(&csv->text) != TEXT_END;
}

/* A class may be called "none", in quotes. */
static bool is_missing(const CsvField *field) {
    static const char *const words[] = { "NA", "N/A", "nan", "null", "none", "?" };
    if (field->length == 0 || field->quoted)
        return field->length == 0;
    for (size_t i = 0; field->length <= 4 && i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == field->length &&
            strncasecmp(words[i], field->text, field->length) == 0)
            return true;
    return false;
}

static bool is_number(const CsvField *field) {
    float number;
    return decimal_float(field->text, field->length, &number);
}

/* "column 3 ("colour")" */
static bool fail_field(Csv *csv, size_t column, const CsvField *field, const char *complaint) {
    char shown[TEXT_SHOWN];
    const char *name = column < csv->names.count ? csv->names.text[column] : "";
    text_shown(field->text, field->length, shown);
    return error_set(csv->err, ERROR_FILE, "%s: line %zu, column %zu%s%.40s%s: %s%s%s%s",
                     csv->text.source->name, csv->text.line, column + 1, *name ? " (" : "", name,
                     *name ? ")" : "", *shown ? "\"" : "", shown, *shown ? "\" " : "", complaint);
}

/* ---- The first row --------------------------------------------------------------------------- */

/* What there is most of in the first line, quotes left aside; a comma where there is none. */
static char find_delimiter(const Text *text) {
    static const char candidate[] = ",;\t|";
    size_t count[4] = { 0 }, best = 0;
    bool quoted = false;
    for (size_t i = text->at; i < text->end; i++) {
        char c = text->buffer[i];
        const char *found = c && !quoted ? strchr(candidate, c) : NULL;
        if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '\n' || c == '\r') && i > text->at)
            break;
        if (found)
            count[found - candidate]++;
    }
    for (size_t k = 1; k < 4; k++)
        best = count[k] > count[best] ? k : best;
    return candidate[best];
}

/* The first row's fields, as names; *numbers: those that are none and should be, if it is no
 * header. */
static bool read_names(Csv *csv) {
    CsvField field = { 0 };
    do {
        if (!take_field(csv, &field) || !names_add(&csv->names, field.text, field.length, csv->err))
            return false;
        if (csv->names.count > MOST_COLUMNS)
            return fail_at(csv, "too many fields");
    } while (next_field(csv));
    csv->columns = csv->names.count;
    return true;
}

/* By its name it must be in the header, which stands there once. */
static bool find_named(Csv *csv) {
    const char *label = csv->options->label;
    size_t found = 0;
    for (size_t c = 0; c < csv->columns; c++)
        if (strcmp(csv->names.text[c], label) == 0) {
            csv->label = c;
            found++;
        }
    return found == 1 ||
           error_set(csv->err, ERROR_FILE,
                     "%s: line %zu: %s \"%.40s\" in the header (%.40s, %.40s%s)",
                     csv->text.source->name, csv->text.line,
                     found ? "more than one column is called" : "no column is called", label,
                     csv->names.text[0], csv->columns > 1 ? csv->names.text[1] : "",
                     csv->columns > 2 ? ", …" : "");
}

/* The one column that has a usual name for labels, which makes the row a header; or the last. */
static void find_usual(Csv *csv) {
    static const char *const usual[] = { "label", "labels", "class", "target", "y" };
    size_t found = 0;
    csv->label = csv->columns - 1;
    for (size_t c = 0; csv->options->header != CSV_HEADER_NO && c < csv->columns; c++)
        for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
            if (strcasecmp(csv->names.text[c], usual[k]) == 0) {
                csv->label = found++ ? csv->columns - 1 : c;
                break;
            }
    csv->header = found > 0;
}

static bool find_label(Csv *csv) {
    ptrdiff_t place = csv->options->column, columns = (ptrdiff_t)csv->columns;
    if (csv->columns < 2)
        return fail_at(csv, "one field alone: expected features and a label (delimiter = says what "
                            "divides them)");
    if (csv->options->label)
        return find_named(csv);
    if (place == CSV_COLUMN_USUAL) {
        find_usual(csv);
        return true;
    }
    if (place == 0 || place > columns || -place > columns)
        return error_set(csv->err, ERROR_ARGUMENT, "%s: label: column %td of %zu",
                         csv->text.source->name, place, csv->columns);
    csv->label = (size_t)(place < 0 ? columns + place : place - 1);
    return true;
}

/* Names of columns: no feature is a number, and not all are missing. Where only some are none, the
 * row is a sample that something is wrong with. */
static bool looks_like_header(const Csv *csv) {
    bool named = false;
    for (size_t c = 0; c < csv->columns; c++) {
        CsvField field = { csv->names.text[c], strlen(csv->names.text[c]), false };
        if (c != csv->label && is_number(&field))
            return false;
        named = named || (c != csv->label && !is_missing(&field));
    }
    return named;
}

static bool start(Csv *csv, Source *source, bool again) {
    if (!text_open(&csv->text, source, csv->err))
        return false;
    if (!again && csv->options->delimiter)
        csv->delimiter = *csv->options->delimiter;
    else if (!again)
        csv->delimiter = find_delimiter(&csv->text);
    return next_row(csv) ||
           (!csv->text.failed && error_set(csv->err, ERROR_FILE, "%s: no rows", source->name));
}

/* Columns, header, labels; then the file from its start, behind the header. */
static bool read_head(Csv *csv, Source *source) {
    if (!start(csv, source, false) || !read_names(csv) || !find_label(csv))
        return false;
    CsvHeader header = csv->options->header;
    csv->header = csv->header || csv->options->label || header == CSV_HEADER_YES ||
                  (header == CSV_HEADER_AUTO && looks_like_header(csv));
    if (!csv->header)
        names_clear(&csv->names);
    return true;
}

static bool skip_head(Csv *csv, Source *source) {
    CsvField field = { 0 };
    text_close(&csv->text);
    if (!start(csv, source, true))
        return false;
    if (csv->header)
        do
            if (!take_field(csv, &field))
                return false;
        while (next_field(csv));
    return true;
}

/* ---- First pass: how many rows, which labels ------------------------------------------------- */

static bool note_label(Csv *csv, const CsvField *field) {
    Names *texts = &csv->notes->classes.names;
    csv->texts = csv->texts || !is_number(field);
    if (texts->count < MOST_TEXTS)
        return names_insert(texts, field->text, field->length, csv->err);
    return !csv->texts || fail_field(csv, csv->label, field,
                                     "is one of more than 10000 texts: not a column of labels");
}

static bool fail_count(Csv *csv, size_t fields) {
    return error_set(csv->err, ERROR_FILE, "%s: line %zu has %s%zu fields, the first row %zu",
                     csv->text.source->name, csv->text.line,
                     fields > csv->columns ? "more than " : "",
                     fields > csv->columns ? csv->columns : fields, csv->columns);
}

/* Numbers are left to the second pass. *whole: no field is missing. */
static bool survey_row(Csv *csv, bool *whole) {
    CsvField field = { 0 };
    size_t column = 0;
    *whole = true;
    do {
        if (column == csv->columns)
            return fail_count(csv, column + 1);
        if (!take_field(csv, &field))
            return false;
        bool missing = is_missing(&field);
        if (missing && csv->options->missing == CSV_MISSING_ERROR)
            return fail_field(csv, column, &field,
                              "is missing (missing = \"skip\" leaves such rows out)");
        *whole = *whole && !missing;
        if (column == csv->label && !missing && !note_label(csv, &field))
            return false;
        column++;
    } while (next_field(csv));
    return column == csv->columns || fail_count(csv, column);
}

static bool survey(Csv *csv, Source *source) {
    bool whole;
    if (!skip_head(csv, source))
        return false;
    while (next_row(csv)) {
        if (!survey_row(csv, &whole))
            return false;
        csv->rows += whole;
        csv->notes->left_out += !whole;
    }
    if (csv->text.failed)
        return false;
    return csv->rows > 0 || error_set(csv->err, ERROR_FILE, "%s: no rows%s", source->name,
                                      csv->notes->left_out ? " without a missing field" : "");
}

/* ---- Second pass: numbers -------------------------------------------------------------------- */

static bool read_label(Csv *csv, const CsvField *field, int32_t *label) {
    float number;
    if (csv->texts) {
        *label = (int32_t)names_find(&csv->notes->classes.names, field->text, field->length);
        return *label >= 0 || fail_at(csv, "the file changed while it was read");
    }
    if (!decimal_float(field->text, field->length, &number) || number != truncf(number) ||
        fabsf(number) >= 1 << 24)
        return fail_field(csv, csv->label, field,
                          "is no label: expected a whole number below 16777216, or a text");
    *label = (int32_t)number;
    return true;
}

static bool read_feature(Csv *csv, size_t column, const CsvField *field, float *x) {
    return (decimal_float(field->text, field->length, x) && isfinite(*x)) ||
           fail_field(csv, column, field, "is not a finite number");
}

/* *whole: none is missing; otherwise what was read of it counts for nothing. */
static bool read_row(Csv *csv, float *x, int32_t *y, bool *whole) {
    CsvField field = { 0 };
    *whole = true;
    for (size_t column = 0; column < csv->columns; column++) {
        if ((column > 0 && !next_field(csv)) || !take_field(csv, &field))
            return !csv->text.failed && fail_at(csv, "the file changed meanwhile");
        *whole = *whole && !is_missing(&field);
        if (*whole && !(column == csv->label ? read_label(csv, &field, y)
                                             : read_feature(csv, column, &field, x++)))
            return false;
    }
    return true;
}

/* Behind the last row that is kept there may be some that are left out. */
static bool fill(Csv *csv, Source *source, float *x, int32_t *y) {
    size_t features = csv->columns - 1, row = 0;
    bool whole;
    if (!skip_head(csv, source))
        return false;
    while (row < csv->rows && next_row(csv)) {
        if (!read_row(csv, x + row * features, y + row, &whole))
            return false;
        row += whole;
    }
    return !csv->text.failed && (row == csv->rows || fail_at(csv, "the file changed meanwhile"));
}

/* ---- Reading --------------------------------------------------------------------------------- */

static Dataset *make(Csv *csv, Source *source) {
    static const char where[] = "data.csv";
    Array *y = array_new1(where, DTYPE_I32, csv->rows, csv->err);
    Array *x = y ? array_new2(where, DTYPE_F32, csv->rows, csv->columns - 1, csv->err) : NULL;
    const char *from = csv->options->source ? csv->options->source : source->name;
    Dataset *dataset = NULL;
    if (x && fill(csv, source, array_f32(x), array_i32(y)))
        dataset = dataset_new(where, &(DatasetParts){ .x = x, .y = y, .source = from }, csv->err);
    array_free(x);
    array_free(y);
    return dataset;
}

static bool check_delimiter(const CsvOptions *options, Error *err) {
    const char *d = options->delimiter;
    return !d || (*d && !d[1] && !strchr("\"\n\r.+-0123456789", *d)) ||
           error_set(err, ERROR_ARGUMENT,
                     "delimiter: expected one character that is no part of a number, got \"%.20s\"",
                     d);
}

static bool check_options(const CsvOptions *options, Error *err) {
    return check_delimiter(options, err) &&
           (!options->label || options->header != CSV_HEADER_NO ||
            error_set(err, ERROR_ARGUMENT,
                      "label: \"%.40s\" is a column's name, which a file without a header "
                      "(header = false) has not: expected its place",
                      options->label));
}

static Dataset *read(Source *source, const CsvOptions *options, CsvNotes *notes, Error *err) {
    Csv csv = { .options = options, .notes = notes, .err = err };
    Dataset *dataset = NULL;
    *notes = (CsvNotes){ 0 };
    if (check_options(options, err) && read_head(&csv, source) && survey(&csv, source)) {
        if (!csv.texts)
            class_names_clear(&notes->classes);
        dataset = make(&csv, source);
    }
    text_close(&csv.text);
    names_clear(&csv.names);
    if (!dataset)
        class_names_clear(&notes->classes);
    return dataset;
}

Dataset *csv_load(const char *path, const CsvOptions *options, CsvNotes *notes, Error *err) {
    Source source;
    *notes = (CsvNotes){ 0 };
    if (!source_open(&source, path, err))
        return NULL;
    Dataset *dataset = read(&source, options, notes, err);
    source_close(&source);
    return dataset;
}

Dataset *csv_parse(const char *name, const void *bytes, size_t size, const CsvOptions *options,
                   CsvNotes *notes, Error *err) {
    Source source = source_of(name, bytes, size);
    return read(&source, options, notes, err);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* A field in quotes, those inside doubled. */
static void put_quoted(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

/* Would reading give each label again for its word: are they 0, 1, … in the order of the words'
 * bytes, which are not all numbers? */
static bool are_read_back(char *const *word, const Labels *classes) {
    bool texts = false;
    for (size_t k = 0; k < classes->count; k++) {
        if (classes->label[k] != (int32_t)k || !word[k] ||
            (k > 0 && strcmp(word[k - 1], word[k]) >= 0))
            return false;
        texts = texts || !is_number(&(CsvField){ word[k], strlen(word[k]), true });
    }
    return texts && classes->count <= MOST_TEXTS;
}

/* What labels are written as, by label; *out is NULL where they are numbers. The words are the
 * dataset's. */
static bool find_words(const Dataset *dataset, char ***out, Error *err) {
    const Labels *classes = &dataset->classes;
    const ClassNames *names = &dataset->names;
    *out = NULL;
    if (names->names.count == 0)
        return true;
    char **word = calloc(classes->count + 1, sizeof *word);
    if (!word)
        return error_memory(err, "names", (classes->count + 1) * sizeof *word);
    for (size_t i = 0; i < names->names.count; i++) {
        int32_t label = class_names_label(names, i);
        if (label >= 0 && (size_t)label < classes->count)
            word[label] = names->names.text[i];
    }
    if (are_read_back(word, classes))
        *out = word;
    else
        free(word);
    return true;
}

/* False where the user has had enough. */
static bool write_rows(FILE *out, const char *path, const Dataset *dataset, char *const *word,
                       float *room) {
    size_t n = dataset_count(dataset), features = dataset_features(dataset);
    const int32_t *y = array_i32(dataset->y);
    char text[DECIMAL_TEXT];
    for (size_t j = 0; j < features; j++)
        fprintf(out, "x%zu,", j + 1);
    fputs("label\n", out);
    for (size_t i = 0; i < n; i++) {
        if (!source_goes_on(path, NULL))
            return false;
        const float *x = dataset_row(dataset, i, room);
        for (size_t j = 0; j < features; j++) {
            fwrite(text, 1, decimal_text(x[j], text), out);
            fputc(',', out);
        }
        if (word)
            put_quoted(out, word[y[i]]);
        else
            fprintf(out, "%d", y[i]);
        fputc('\n', out);
    }
    return true;
}

static bool write_file(const Dataset *dataset, const char *path, char *const *word, float *room,
                       Error *err) {
    FileWriter writer;
    if (!file_writer_open(&writer, path, err))
        return false;
    if (write_rows(writer.stream, path, dataset, word, room))
        return file_writer_commit(&writer, err);
    file_writer_abandon(&writer);
    return error_interrupted(err, path);
}

bool csv_save(const Dataset *dataset, const char *path, Error *err) {
    size_t bytes = (dataset_features(dataset) + 1) * sizeof(float);
    char **word = NULL;
    float *room = malloc(bytes);
    bool ok = room ? find_words(dataset, &word, err) : error_memory(err, path, bytes);
    ok = ok && write_file(dataset, path, word, room, err);
    free(word);
    free(room);
    return ok;
}
