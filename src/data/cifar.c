#include "data/cifar.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/file.h"
#include "core/source.h"
#include "data/data_folder.h"
#include "data/dataset_bytes.h"
#include "data/foreign.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, MOST_FILES = 5, MOST_NAMES = 4096 };

const CifarSet cifar10 = {
    .name = "CIFAR-10",
    .folder = "cifar-10-batches-bin",
    .script = "scripts/get-data cifar-10",
    .train = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
               "data_batch_5.bin" },
    .test = { "test_batch.bin" },
    .labels = 1,
    .label = { { "batches.meta.txt", 10 } },
};

const CifarSet cifar100 = {
    .name = "CIFAR-100",
    .folder = "cifar-100-binary",
    .script = "scripts/get-data cifar-100",
    .train = { "train.bin" },
    .test = { "test.bin" },
    .labels = 2,
    .label = { { "coarse_label_names.txt", 20 }, { "fine_label_names.txt", 100 } },
};

#define AT(field) offsetof(CifarOptions, field)
static const char path_meaning[] = "a folder with the set's files, or one .bin file";
static const char source_initial[] = "the set's name";
static const char *const label_words[] = { "coarse", "fine", NULL };

const Field cifar10_fields[] = {
    { "path", FIELD_STRING, AT(path), .initial = "looked for", .meaning = path_meaning },
    STORE_FIELD(AT(store)),
    { "source", FIELD_STRING, AT(source), .initial = source_initial, .meaning = "for printing" },
    { .name = NULL },
};
const Field cifar100_fields[] = {
    { "labels", FIELD_WORD, AT(labels), .words = label_words,
      .meaning = "the 100 classes, or the 20 that they are grouped into" },
    { "path", FIELD_STRING, AT(path), .initial = "looked for", .meaning = path_meaning },
    STORE_FIELD(AT(store)),
    { "source", FIELD_STRING, AT(source), .initial = source_initial, .meaning = "for printing" },
    { .name = NULL },
};
const CifarOptions cifar10_initial = { .store = STORE_U8 };
const CifarOptions cifar100_initial = { .store = STORE_U8, .labels = 1 };

/* ---- One file -------------------------------------------------------------------------------- */

static size_t record_size(const CifarSet *set) {
    return (size_t)set->labels + PIXELS;
}

/* How many samples a file has; 0 is an error. */
static size_t count_samples(const CifarSet *set, Source *source, Error *err) {
    size_t record = record_size(set);
    unsigned char start[16];
    if (source->size > 0 && source->size % record == 0)
        return source->size / record;
    bool is_other = source->size >= sizeof start && source_read(source, start, sizeof start, err) &&
                    foreign_refuse(source->name, start, sizeof start, err);
    source->at = 0;
    if (!is_other)
        error_set(err, ERROR_FILE, "%s: %zu bytes are no %s: its samples take %zu each%s",
                  source->name, source->size, set->name, record,
                  source->size > record ? " (is it truncated?)" : "");
    return 0;
}

static bool read_samples(const CifarSet *set, Source *source, int which, ByteSamples *out,
                         size_t first, size_t count, Error *err) {
    unsigned char label[2];
    for (size_t i = 0; i < count; i++) {
        if (!source_read(source, label, (size_t)set->labels, err) ||
            !source_read(source, out->rows + (first + i) * PIXELS, PIXELS, err))
            return false;
        for (int k = 0; k < set->labels; k++)
            if (label[k] >= set->label[k].classes)
                return error_set(err, ERROR_FILE, "%s: label %zu is %d; %s has 0 to %d",
                                 source->name, i + 1, label[k], set->name,
                                 set->label[k].classes - 1);
        out->labels[first + i] = label[which];
    }
    return true;
}

static const Sizes sample_shape = { 3, { 3, SIDE, SIDE } };

Dataset *cifar_parse(const CifarSet *set, const char *name, const void *bytes, size_t size,
                     int labels, Error *err) {
    Source source = source_of(name, bytes, size);
    size_t n = count_samples(set, &source, err);
    ByteSamples samples = { .n = n, .sample = sample_shape, .store = STORE_U8 };
    if (n == 0 || !byte_samples_new(name, &samples, err))
        return NULL;
    if (read_samples(set, &source, labels, &samples, 0, n, err))
        return byte_samples_dataset(name, &samples, name, err);
    byte_samples_free(&samples);
    return NULL;
}

/* ---- A part ---------------------------------------------------------------------------------- */

/* The files of a part, which are opened one after the other: once to count, once to read. */
typedef struct Files {
    const CifarSet *set;
    char path[MOST_FILES][DATA_PATH];
    size_t samples[MOST_FILES], total;
    int count;
} Files;

static bool count_all(Files *files, Error *err) {
    for (int i = 0; i < files->count; i++) {
        Source source;
        if (!source_open(&source, files->path[i], err))
            return false;
        files->samples[i] = count_samples(files->set, &source, err);
        source_close(&source);
        if (files->samples[i] == 0)
            return false;
        files->total += files->samples[i];
    }
    return true;
}

static bool read_all(const Files *files, int labels, ByteSamples *out, Error *err) {
    size_t first = 0;
    bool ok = true;
    for (int i = 0; ok && i < files->count; i++) {
        Source source;
        if (!source_open(&source, files->path[i], err))
            return false;
        ok = read_samples(files->set, &source, labels, out, first, files->samples[i], err);
        source_close(&source);
        first += files->samples[i];
    }
    return ok;
}

/* What is looked for: a part of a set. */
typedef struct Part {
    const CifarSet *set;
    bool test;
} Part;

static bool list_files(const Part *part, const char *folder, Files *files) {
    const char *const *name = part->test ? part->set->test : part->set->train;
    files->set = part->set;
    for (files->count = 0; files->count < MOST_FILES && name[files->count]; files->count++) {
        char *path = files->path[files->count];
        if (snprintf(path, DATA_PATH, "%s/%s", folder, name[files->count]) >= DATA_PATH)
            return false;
    }
    return true;
}

static bool has_part(const char *folder, const void *what) {
    Files files;
    if (!list_files(what, folder, &files))
        return false;
    for (int i = 0; i < files.count; i++)
        if (!file_is_readable(files.path[i]))
            return false;
    return true;
}

/* The part's files, and the folder that the names of the classes are in. */
static bool find_files(const Part *part, const char *path, Files *files, char folder[DATA_PATH],
                       Error *err) {
    char searched[DATA_SEARCHED];
    *files = (Files){ .set = part->set };
    if (path && !file_is_folder(path)) {
        const char *slash = strrchr(path, '/');
        files->count = 1;
        snprintf(folder, DATA_PATH, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
        return snprintf(files->path[0], DATA_PATH, "%s", path) < DATA_PATH ||
               error_set(err, ERROR_ARGUMENT, "path: it is too long");
    }
    if (path) {
        snprintf(folder, DATA_PATH, "%s", path);
        return list_files(part, path, files) ||
               error_set(err, ERROR_ARGUMENT, "path: it is too long");
    }
    return (data_folder_find(part->set->folder, has_part, part, folder, searched) &&
            list_files(part, folder, files)) ||
           error_set(err, ERROR_FILE, "%s's %s files are not in %s; %s downloads them",
                     part->set->name, part->test ? "test" : "training", searched,
                     part->set->script);
}

/* A line a name, as many as there are classes: otherwise none has one. */
static bool read_names(const struct CifarLabels *label, const char *folder, ClassNames *out,
                       Error *err) {
    char path[DATA_PATH];
    FileBytes file;
    bool ok = true;
    *out = (ClassNames){ 0 };
    if (snprintf(path, DATA_PATH, "%s/%s", folder, label->names) >= DATA_PATH ||
        !file_is_readable(path) || !file_read(path, &file, NULL))
        return true;
    const char *at = (const char *)file.bytes, *end = at + file.size;
    while (ok && at < end && file.size < MOST_NAMES) {
        size_t length = 0;
        while (at + length < end && !strchr("\r\n", at[length]))
            length++;
        ok = length == 0 || names_add(&out->names, at, length, err);
        at += length + 1;
    }
    file_bytes_free(&file);
    if (!ok || out->names.count != (size_t)label->classes)
        class_names_clear(out);
    return ok;
}

static Dataset *load_files(Files *files, const CifarOptions *options, Error *err) {
    ByteSamples samples = { .sample = sample_shape, .store = options->store };
    char source[DATA_PATH];
    if (!count_all(files, err))
        return NULL;
    samples.n = files->total;
    if (!byte_samples_new(files->set->name, &samples, err))
        return NULL;
    if (!read_all(files, options->labels, &samples, err)) {
        byte_samples_free(&samples);
        return NULL;
    }
    if (options->path)
        snprintf(source, sizeof source, "%s", options->path);
    else
        snprintf(source, sizeof source, "%s %s", files->set->name,
                 options->test ? "test" : "train");
    return byte_samples_dataset(files->set->name, &samples,
                                options->source ? options->source : source, err);
}

Dataset *cifar_load(const CifarSet *set, const CifarOptions *options, ClassNames *classes,
                    Error *err) {
    Part part = { set, options->test };
    Files files;
    char folder[DATA_PATH];
    *classes = (ClassNames){ 0 };
    if (!find_files(&part, options->path, &files, folder, err) ||
        !read_names(&set->label[options->labels], folder, classes, err))
        return NULL;
    Dataset *dataset = load_files(&files, options, err);
    if (!dataset)
        class_names_clear(classes);
    return dataset;
}
