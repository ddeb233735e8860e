#include "data/npz.h"

#include "core/array_values.h"
#include "core/error.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/utf8.h"
#include "data/foreign.h"
#include "data/npy.h"
#include "data/zip_directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

/* Deflate expands a byte to 1032 at most: a larger claim is false. */
enum { DEFLATE_RATIO = 1032, ENTRY_LIMIT = 16384, PORTION = 1 << 20 };

/* Packed entries up to this size are read without a look at whether they are whole. */
enum { UNSEEN_MOST = 1 << 20 };

/* What libzip says went wrong; it does not always say that memory lacked. */
static bool zip_failed(const char *what, zip_error_t *failure, Error *err) {
    int code = zip_error_code_zip(failure);
    if (code == ZIP_ER_CANCELLED)
        return error_interrupted(err, what);
    if (code == ZIP_ER_OK || code == ZIP_ER_MEMORY)
        return error_memory(err, what, 0);
    return error_set(err, ERROR_FILE, "%s: %s", what, zip_error_strerror(failure));
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* An archive that is being read. */
typedef struct Archive {
    const char *name;
    size_t size;
    zip_t *zip;
    const NpzWanted *wanted; /* NULL: all */
    Tensors out;
    bool broken; /* what is wrong is not one member's fault */
} Archive;

/* Out of libzip's source, which it takes over; `source` may be NULL, and failure says why. */
static bool open_archive(Archive *archive, zip_source_t *source, zip_error_t *failure, Error *err) {
    archive->zip = source ? zip_open_from_source(source, ZIP_RDONLY, failure) : NULL;
    if (archive->zip)
        return true;
    if (zip_error_code_zip(failure) == ZIP_ER_MEMORY)
        error_memory(err, archive->name, 0);
    else
        error_set(err, ERROR_FILE, "%s: not an npz file: %s", archive->name,
                  zip_error_strerror(failure));
    zip_source_free(source);
    return false;
}

/* Is an entry an array, and how long is its name without ".npy"? NumPy may save one as "". */
static bool is_array(const char *entry, size_t *length) {
    size_t whole = strlen(entry);
    bool is = whole >= 4 && strcmp(entry + whole - 4, ".npy") == 0;
    *length = is ? whole - 4 : 0;
    return is;
}

static bool check_stat(const char *name, const zip_stat_t *stat, size_t archive_size, Error *err) {
    zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((stat->valid & needed) != needed)
        return error_set(err, ERROR_FILE, "%s: an entry of the archive is malformed", name);
    if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
        return error_set(err, ERROR_FILE, "%s: '%s' is compressed by a method other than deflate",
                         name, stat->name);
    zip_uint64_t ratio = stat->comp_method == ZIP_CM_STORE ? 1 : DEFLATE_RATIO;
    if (stat->comp_size > archive_size || stat->size / ratio > stat->comp_size)
        return error_set(err, ERROR_FILE, "%s: '%s' claims a size that its bytes cannot hold", name,
                         stat->name);
    return true;
}

/* An entry on its way out of the archive. */
typedef struct Entry {
    const char *title; /* for messages */
    zip_file_t *file;
} Entry;

static bool read_entry(void *from, void *out, size_t n, Error *err) {
    const Entry *entry = from;
    for (size_t done = 0; done < n;) {
        size_t portion = n - done < PORTION ? n - done : PORTION;
        zip_int64_t got = zip_fread(entry->file, (char *)out + done, portion);
        if (got <= 0)
            return error_set(err, ERROR_FILE, "%s is corrupt: %s", entry->title,
                             zip_file_strerror(entry->file));
        if (!source_goes_on(entry->title, err))
            return false;
        done += (size_t)got;
    }
    return true;
}

/* At the end libzip compares the checksum. */
static bool check_end(const Entry *entry, Error *err) {
    unsigned char beyond;
    return zip_fread(entry->file, &beyond, 1) == 0 ||
           error_set(err, ERROR_FILE, "%s is corrupt: %s", entry->title,
                     zip_file_strerror(entry->file));
}

/* Unpacks an entry for nothing, to see whether all of it is there. */
static bool try_entry(Entry *entry, zip_uint64_t size, Error *err) {
    unsigned char chunk[8192];
    bool ok = true;
    for (zip_uint64_t done = 0; ok && done < size; done += sizeof chunk)
        ok = read_entry(entry, chunk, size - done < sizeof chunk ? size - done : sizeof chunk, err);
    return ok && check_end(entry, err);
}

static bool open_entry(const Archive *archive, zip_uint64_t index, Entry *entry, Error *err) {
    entry->file = zip_fopen_index(archive->zip, index, 0);
    return entry->file || zip_failed(entry->title, zip_get_error(archive->zip), err);
}

static bool is_named(const char *name, const char *entry) {
    size_t length;
    return is_array(entry, &length) && strlen(name) == length && memcmp(name, entry, length) == 0;
}

static bool is_wanted(const NpzWanted *wanted, const char *entry) {
    for (size_t i = 0; wanted && wanted->names[i]; i++)
        if (is_named(wanted->names[i], entry))
            return true;
    return wanted == NULL;
}

static NpyAs wanted_as(const NpzWanted *wanted, const char *entry) {
    return wanted && wanted->other && is_named(wanted->other, entry) ? wanted->as : NPY_AS_THEY_ARE;
}

static Array *load_entry(const Archive *archive, const zip_stat_t *stat, Error *err) {
    char title[512];
    snprintf(title, sizeof title, "%.255s: '%.200s'", archive->name, stat->name);
    Entry entry = { .title = title };
    if (stat->comp_method != ZIP_CM_STORE && stat->size > UNSEEN_MOST) {
        bool whole =
            open_entry(archive, stat->index, &entry, err) && try_entry(&entry, stat->size, err);
        if (entry.file)
            zip_fclose(entry.file);
        if (!whole)
            return NULL;
    }
    if (!open_entry(archive, stat->index, &entry, err))
        return NULL;
    ByteStream stream = { title, stat->size, read_entry, &entry };
    Array *array = npy_read(&stream, wanted_as(archive->wanted, stat->name), err);
    if (array && !check_end(&entry, err)) {
        array_free(array);
        array = NULL;
    }
    zip_fclose(entry.file);
    return array;
}

/* The entry's place in the archive; false where it is malformed. */
static bool stat_entry(const Archive *archive, zip_int64_t i, zip_stat_t *stat, Error *err) {
    zip_stat_init(stat);
    return zip_stat_index(archive->zip, (zip_uint64_t)i, 0, stat) == 0 ||
           error_set(err, ERROR_FILE, "%s: %s", archive->name, zip_strerror(archive->zip));
}

/* All entries together take no more bytes than the archive has: otherwise they share them, and a
 * small file could be any number of large arrays. */
static bool check_budget(const Archive *archive, Error *err) {
    zip_int64_t entries = zip_get_num_entries(archive->zip, 0);
    zip_uint64_t left = archive->size;
    for (zip_int64_t i = 0; i < entries; i++) {
        zip_stat_t stat;
        if (!stat_entry(archive, i, &stat, err))
            return false;
        zip_uint64_t taken = stat.valid & ZIP_STAT_COMP_SIZE ? stat.comp_size : 0;
        if (taken > left)
            return error_set(err, ERROR_FILE, "%s: its entries overlap", archive->name);
        left -= taken;
    }
    return true;
}

static bool take_entry(Archive *archive, const zip_stat_t *stat, Error *err) {
    size_t length;
    if (!is_array(stat->name, &length))
        return error_set(err, ERROR_FILE, "it is not an .npy file");
    Array *array =
        check_stat(archive->name, stat, archive->size, err) ? load_entry(archive, stat, err) : NULL;
    char *key = array ? strndup(stat->name, length) : NULL;
    archive->broken = key && tensors_find(&archive->out, NULL, key);
    bool ok = key && !archive->broken &&
              tensors_add(&archive->out, (TensorName){ NULL, key }, array, err);
    if (archive->broken)
        error_set(err, ERROR_FILE, "%s: '%s' is there twice", archive->name, key);
    else if (array && !key)
        error_memory(err, archive->name, length);
    free(key);
    array_free(array);
    return ok;
}

/* Where all are read, one that cannot be is left out, with the reason among the texts. */
static bool leave_out(Archive *archive, const char *entry, Error *err) {
    size_t title = strlen(archive->name);
    if (archive->wanted || archive->broken || err->kind == ERROR_MEMORY ||
        err->kind == ERROR_INTERRUPTED)
        return false;
    bool titled = strncmp(err->message, archive->name, title) == 0 && err->message[title] == ':';
    return tensors_set_text(&archive->out, entry, err->message + (titled ? title + 2 : 0), err);
}

static bool load_entries(Archive *archive, Error *err) {
    zip_int64_t entries = zip_get_num_entries(archive->zip, 0);
    for (zip_int64_t i = 0; i < entries; i++) {
        zip_stat_t stat;
        if (!stat_entry(archive, i, &stat, err))
            return false;
        Error reason = { 0 };
        if (!(stat.valid & ZIP_STAT_NAME) || !is_wanted(archive->wanted, stat.name) ||
            take_entry(archive, &stat, &reason) || leave_out(archive, stat.name, &reason))
            continue;
        *err = reason;
        return false;
    }
    return true;
}

/* "x_test x_train y_test y_train", for the message about what is missing. */
static void list_names(zip_t *archive, char *text, size_t room) {
    size_t used = 0;
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    text[0] = '\0';
    for (zip_int64_t i = 0; i < entries && used + 64 < room; i++) {
        const char *entry = zip_get_name(archive, (zip_uint64_t)i, 0);
        size_t length;
        if (entry && is_array(entry, &length))
            used += (size_t)snprintf(text + used, room - used, "%s%.*s", used ? ", " : "",
                                     (int)(length < 48 ? length : 48), entry);
    }
}

static bool check_found(const Archive *archive, Error *err) {
    char names[512];
    const NpzWanted *wanted = archive->wanted;
    for (size_t i = 0; wanted && wanted->names[i]; i++)
        if (!tensors_find(&archive->out, NULL, wanted->names[i])) {
            list_names(archive->zip, names, sizeof names);
            return error_set(err, ERROR_FILE, "%s: holds no array '%s' (it holds: %s)",
                             archive->name, wanted->names[i], names);
        }
    if (archive->out.count > 0)
        return true;
    return archive->out.text_count > 0
               ? error_set(err, ERROR_FILE, "%s: %s", archive->name, archive->out.text[0].value)
               : error_set(err, ERROR_FILE, "%s: holds no arrays", archive->name);
}

/* All of it into `out`; closes the archive. */
static bool read_archive(Archive *archive, Tensors *out, Error *err) {
    bool ok = check_budget(archive, err) && load_entries(archive, err) && check_found(archive, err);
    zip_discard(archive->zip);
    if (ok)
        *out = archive->out;
    else
        tensors_clear(&archive->out);
    return ok;
}

bool npz_parse(const char *name, const void *bytes, size_t size, const NpzWanted *wanted,
               Tensors *out, Error *err) {
    Archive archive = { .name = name, .size = size, .wanted = wanted };
    Source all = source_of(name, bytes, size);
    zip_error_t failure;
    if (!zip_directory_check(&all, ENTRY_LIMIT, err))
        return false;
    zip_error_init(&failure);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &failure);
    bool ok = open_archive(&archive, source, &failure, err);
    zip_error_fini(&failure);
    return ok && read_archive(&archive, out, err);
}

/* The file at the path; a file that is no archive may be another program's. */
static bool open_file(Archive *archive, const char *path, Error *err) {
    int file = file_open(path, &archive->size, err);
    if (file < 0)
        return false;
    Source all = { .name = path, .file = file, .size = archive->size };
    bool few = !foreign_refuse_file(path, "PK", err) && zip_directory_check(&all, ENTRY_LIMIT, err);
    FILE *stream = few ? fdopen(file, "rb") : NULL;
    if (!stream) {
        close(file);
        return few ? error_memory(err, path, BUFSIZ) : false;
    }
    zip_error_t failure;
    zip_error_init(&failure);
    zip_source_t *source = zip_source_filep_create(stream, 0, -1, &failure);
    if (!source)
        fclose(stream); /* otherwise it is the source's */
    bool ok = open_archive(archive, source, &failure, err);
    zip_error_fini(&failure);
    return ok;
}

bool npz_load(const char *path, const NpzWanted *wanted, Tensors *out, Error *err) {
    Archive archive = { .name = path, .wanted = wanted };
    return open_file(&archive, path, err) && read_archive(&archive, out, err);
}

bool npz_names(const char *path, Names *out, Error *err) {
    Archive archive = { .name = path };
    if (!open_file(&archive, path, err))
        return false;
    bool ok = true;
    size_t length;
    *out = (Names){ 0 };
    zip_int64_t entries = zip_get_num_entries(archive.zip, 0);
    for (zip_int64_t i = 0; ok && i < entries; i++) {
        const char *entry = zip_get_name(archive.zip, (zip_uint64_t)i, 0);
        if (entry && is_array(entry, &length))
            ok = names_add(out, entry, length, err);
    }
    zip_discard(archive.zip);
    if (!ok)
        names_clear(out);
    return ok;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct NamedArray NpzEntry;

/* The same file at any time of day, as small as it was asked to be. */
static bool set_up(zip_t *archive, zip_uint64_t index, bool deflate) {
    return zip_file_set_dostime(archive, index, 0, 1 << 5 | 1, 0) == 0 && /* 1 January 1980 */
           zip_set_file_compression(archive, index, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) ==
               0;
}

/* An archive that is being written. It only borrows the entries' bytes: libzip frees what it takes
 * over in some failures, and not in others. */
typedef struct Building {
    zip_t *zip;
    unsigned char **bytes; /* of each entry */
    bool deflate;
    double started; /* an interrupt makes it give up (progress.h) */
} Building;

static bool add_entry(const Building *building, const NpzEntry *entry, unsigned char **bytes,
                      Error *err) {
    size_t size;
    char name[1024];
    if (snprintf(name, sizeof name, "%s.npy", entry->name) >= (int)sizeof name)
        return error_set(err, ERROR_ARGUMENT, "the name of array '%.40s…' is too long",
                         entry->name);
    *bytes = npy_encode(entry->array, &size, err);
    if (!*bytes)
        return false;
    zip_source_t *source = zip_source_buffer(building->zip, *bytes, size, 0);
    if (!source)
        return error_memory(err, entry->name, size);
    zip_int64_t index = zip_file_add(building->zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0)
        zip_source_free(source);
    if (index >= 0 && set_up(building->zip, (zip_uint64_t)index, building->deflate))
        return true;
    snprintf(name, sizeof name, "array '%s'", entry->name);
    return zip_failed(name, zip_get_error(building->zip), err);
}

static int gives_up(zip_t *zip, void *building) {
    (void)zip;
    return progress_gives_up(((const Building *)building)->started);
}

/* All entries, and the archive closed, which empties building->zip. */
static bool fill_archive(Building *building, const NpzEntry *entries, size_t count, Error *err) {
    for (size_t i = 0; i < count; i++) {
        if (progress_gives_up(building->started))
            return error_interrupted(err, "save_npz");
        if (!add_entry(building, &entries[i], &building->bytes[i], err))
            return false;
    }
    zip_register_cancel_callback_with_state(building->zip, gives_up, NULL, building);
    if (zip_close(building->zip) != 0)
        return zip_failed("save_npz", zip_get_error(building->zip), err);
    building->zip = NULL;
    return true;
}

/* An empty archive that is written into `source`, a reference of its own. */
static zip_t *new_archive(zip_source_t *source, Error *err) {
    zip_error_t failure;
    zip_error_init(&failure);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, &failure);
    if (zip)
        zip_source_keep(source);
    else
        zip_failed("save_npz", &failure, err);
    zip_error_fini(&failure);
    return zip;
}

/* The archive as one block of memory, owned by the returned source. */
static zip_source_t *build_archive(const NpzEntry *entries, size_t count, bool deflate,
                                   Error *err) {
    Building building = { .bytes = calloc(count, sizeof *building.bytes),
                          .deflate = deflate,
                          .started = progress_clock() };
    zip_source_t *source = building.bytes ? zip_source_buffer_create(NULL, 0, 0, NULL) : NULL;
    if (!source)
        error_memory(err, "save_npz", count * sizeof *building.bytes);
    else
        building.zip = new_archive(source, err);
    bool ok = building.zip && fill_archive(&building, entries, count, err);
    if (building.zip)
        zip_discard(building.zip);
    for (size_t i = 0; building.bytes && i < count; i++)
        free(building.bytes[i]);
    free(building.bytes);
    if (ok)
        return source;
    zip_source_free(source);
    return NULL;
}

static bool write_source(zip_source_t *source, const char *path, Error *err) {
    FileWriter writer;
    char chunk[65536];
    zip_int64_t got = 0;
    double started = progress_clock();
    if (!file_writer_open(&writer, path, err))
        return false;
    bool ok = zip_source_open(source) == 0;
    while (ok && !progress_gives_up(started) &&
           (got = zip_source_read(source, chunk, sizeof chunk)) > 0)
        fwrite(chunk, 1, (size_t)got, writer.stream);
    if (ok)
        zip_source_close(source);
    if (ok && got == 0)
        return file_writer_commit(&writer, err);
    file_writer_abandon(&writer);
    if (got > 0)
        return error_interrupted(err, path);
    return zip_failed(path, zip_source_error(source), err);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const NpzEntry *)a)->name, ((const NpzEntry *)b)->name);
}

/* build_archive of the arrays in the order of their names. */
static zip_source_t *build_sorted(const Tensors *tensors, bool deflate, Error *err) {
    size_t bytes = tensors->count * sizeof(NpzEntry);
    NpzEntry *entries = malloc(bytes);
    if (!entries) {
        error_memory(err, "save_npz", bytes);
        return NULL;
    }
    memcpy(entries, tensors->entry, bytes);
    qsort(entries, tensors->count, sizeof *entries, compare_names);
    zip_source_t *source = build_archive(entries, tensors->count, deflate, err);
    free(entries);
    return source;
}

bool npz_save(const Tensors *tensors, bool deflate, const char *path, Error *err) {
    if (tensors->count == 0)
        return error_set(err, ERROR_ARGUMENT, "%s: no arrays to save", path);
    if (tensors->count > ENTRY_LIMIT)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu arrays; at most %d", path, tensors->count,
                         ENTRY_LIMIT);
    for (size_t i = 0; i < tensors->count; i++)
        if (!utf8_is_valid(tensors->entry[i].name))
            return error_set(err, ERROR_ARGUMENT, "%s: the name of an array is not UTF-8", path);
    zip_source_t *source = build_sorted(tensors, deflate, err);
    if (!source) {
        error_prefix(err, "%s", path);
        return false;
    }
    bool ok = write_source(source, path, err);
    zip_source_free(source);
    return ok;
}
