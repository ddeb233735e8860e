#include "data/dataset_fields.h"

#include "data/dataset_bytes.h"

#define AT(field) offsetof(DatasetOptions, field)

static const char own[] = "the dataset's";
static const char shape_type[] = "integer[]", shape_initial[] = "x's";
static const char shape_meaning[] = "of one sample, as { 28, 28 }";

/* clang-format off */
const Field dataset_new_fields[] = {
    { "x", FIELD_OBJECT, .type = "array|table",
      .meaning = "n × features, or n × the sample's shape; must be given" },
    { "y", FIELD_OBJECT, .type = "array|table", .meaning = "n whole numbers; must be given" },
    { "shape", FIELD_OBJECT, .type = shape_type, .initial = shape_initial,
      .meaning = shape_meaning },
    { "store", FIELD_WORD, AT(store), .words = store_words, .initial = "\"f32\"",
      .meaning = "floats, or bytes that stand for k / 255; where x is of bytes it must be said" },
    { "source", FIELD_STRING, AT(source), .meaning = "where it comes from, for printing" },
    { "names", FIELD_OBJECT, .type = "table", .initial = "none",
      .meaning = "what the classes are called, { [label] = name }" },
    { .name = NULL },
};
const DatasetOptions dataset_new_initial = { .source = "arrays", .store = -1 };

const Field dataset_with_fields[] = {
    { "x", FIELD_OBJECT, .type = "array|table", .initial = own,
      .meaning = "n × features, or n × the sample's shape" },
    { "y", FIELD_OBJECT, .type = "array|table", .initial = own, .meaning = "n whole numbers" },
    { "shape", FIELD_OBJECT, .type = shape_type, .initial = "the dataset's where x has its features",
      .meaning = shape_meaning },
    { "store", FIELD_WORD, AT(store), .words = store_words, .initial = own,
      .meaning = "floats, or bytes that stand for k / 255; as in data.new" },
    { "source", FIELD_STRING, AT(source), .initial = own,
      .meaning = "where it comes from, for printing" },
    { "names", FIELD_OBJECT, .type = "table", .initial = own,
      .meaning = "what the classes are called, { [label] = name }" },
    { .name = NULL },
};

const Field dataset_npz_fields[] = {
    { "x", FIELD_STRING, AT(x), .initial = "found",
      .meaning = "name of the samples' array, n × features or n × the sample's shape" },
    { "y", FIELD_STRING, AT(y), .initial = "found", .meaning = "name of the labels' array" },
    { "shape", FIELD_OBJECT, .type = shape_type, .initial = shape_initial,
      .meaning = shape_meaning },
    { "scale", FIELD_NUMBER, AT(scale), .meaning = "x is multiplied by it: 1/255 for bytes" },
    { "store", FIELD_WORD, AT(store), .words = store_words,
      .initial = "as it was saved, else \"f32\"",
      .meaning = "\"u8\": bytes stay bytes, which stand for k / 255" },
    { "source", FIELD_STRING, AT(source), .initial = "the path", .meaning = "for printing" },
    { .name = NULL },
};
const DatasetOptions dataset_npz_initial = { .scale = 1, .store = -1 };

const Field npz_save_fields[] = {
    { "compress", FIELD_BOOLEAN, .meaning = "deflate, as numpy.savez_compressed does" },
    { .name = NULL },
};
/* clang-format on */
