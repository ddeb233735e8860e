#include "data/npz.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/file.h"
#include "data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* Deflate expands a byte to 1032 at most: a larger claim is false. */
enum { DEFLATE_RATIO = 1032, ENTRY_LIMIT = 16384 };

/* ---- Reading --------------------------------------------------------------------------------- */

/* The archive in memory, or NULL. It borrows the bytes. */
static zip_t *open_archive(const char *name, const void *bytes, size_t size, Error *err) {
    zip_error_t failure;
    zip_error_init(&failure);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &failure);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &failure) : NULL;
    if (!archive) {
        error_set(err, ERROR_FILE, "%s: not an npz file: %s", name, zip_error_strerror(&failure));
        zip_source_free(source);
    }
    zip_error_fini(&failure);
    return archive;
}

/* The length of an entry's name without ".npy"; 0 if it is not an array. */
static size_t array_name_length(const char *entry) {
    size_t length = strlen(entry);
    return length > 4 && strcmp(entry + length - 4, ".npy") == 0 ? length - 4 : 0;
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

/* The entry's bytes to the end, so that libzip compares the checksum. */
static bool read_entry(zip_file_t *file, unsigned char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        zip_int64_t got = zip_fread(file, bytes + done, size - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    unsigned char beyond;
    return zip_fread(file, &beyond, 1) == 0;
}

static Array *load_entry(const char *name, zip_t *archive, const zip_stat_t *stat, Error *err) {
    unsigned char *bytes = malloc(stat->size ? stat->size : 1);
    if (!bytes) {
        error_memory(err, name, stat->size);
        return NULL;
    }
    Array *array = NULL;
    char title[512];
    snprintf(title, sizeof title, "%.255s: '%.200s'", name, stat->name);
    zip_file_t *file = zip_fopen_index(archive, stat->index, 0);
    if (!file)
        error_set(err, ERROR_FILE, "%s: %s", title, zip_strerror(archive));
    else if (!read_entry(file, bytes, stat->size))
        error_set(err, ERROR_FILE, "%s is corrupt: %s", title, zip_file_strerror(file));
    else
        array = npy_parse(title, bytes, stat->size, err);
    if (file)
        zip_fclose(file);
    free(bytes);
    return array;
}

static bool is_wanted(const char *const *wanted, const char *entry, size_t length) {
    for (size_t i = 0; wanted && wanted[i]; i++)
        if (strlen(wanted[i]) == length && memcmp(wanted[i], entry, length) == 0)
            return true;
    return wanted == NULL;
}

static bool load_entries(const char *name, zip_t *archive, size_t archive_size,
                         const char *const *wanted, Tensors *out, Error *err) {
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < entries; i++) {
        zip_stat_t stat;
        zip_stat_init(&stat);
        if (zip_stat_index(archive, (zip_uint64_t)i, 0, &stat) != 0)
            return error_set(err, ERROR_FILE, "%s: %s", name, zip_strerror(archive));
        size_t length = stat.valid & ZIP_STAT_NAME ? array_name_length(stat.name) : 0;
        if (length == 0 || !is_wanted(wanted, stat.name, length))
            continue;
        if (!check_stat(name, &stat, archive_size, err))
            return false;
        Array *array = load_entry(name, archive, &stat, err);
        char *key = array ? strndup(stat.name, length) : NULL;
        bool ok = key ? tensors_add(out, (TensorName){ NULL, key }, array, err)
                      : array && error_memory(err, name, length);
        free(key);
        array_free(array);
        if (!ok)
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
        size_t length = entry ? array_name_length(entry) : 0;
        if (length > 0)
            used += (size_t)snprintf(text + used, room - used, "%s%.*s", used ? ", " : "",
                                     (int)(length < 48 ? length : 48), entry);
    }
}

static bool check_found(const char *name, zip_t *archive, const char *const *wanted,
                        const Tensors *out, Error *err) {
    char names[512];
    for (size_t i = 0; wanted && wanted[i]; i++)
        if (!tensors_find(out, NULL, wanted[i])) {
            list_names(archive, names, sizeof names);
            return error_set(err, ERROR_FILE, "%s: holds no array '%s' (it holds: %s)", name,
                             wanted[i], names);
        }
    return out->count > 0 || error_set(err, ERROR_FILE, "%s: holds no arrays", name);
}

bool npz_parse(const char *name, const void *bytes, size_t size, const char *const *wanted,
               Tensors *out, Error *err) {
    Tensors loaded;
    zip_t *archive = open_archive(name, bytes, size, err);
    if (!archive)
        return false;
    tensors_init(&loaded);
    bool ok = zip_get_num_entries(archive, 0) <= ENTRY_LIMIT
                  ? load_entries(name, archive, size, wanted, &loaded, err) &&
                        check_found(name, archive, wanted, &loaded, err)
                  : error_set(err, ERROR_FILE, "%s: more than %d entries", name, ENTRY_LIMIT);
    zip_discard(archive);
    if (ok)
        *out = loaded;
    else
        tensors_clear(&loaded);
    return ok;
}

bool npz_load(const char *path, const char *const *wanted, Tensors *out, Error *err) {
    FileBytes file;
    if (!file_read(path, &file, err))
        return false;
    bool ok = npz_parse(path, file.bytes, file.size, wanted, out, err);
    file_bytes_free(&file);
    return ok;
}

/* ---- Writing --------------------------------------------------------------------------------- */

typedef struct NamedArray NpzEntry;

static bool add_entry(zip_t *archive, const NpzEntry *entry, bool deflate, Error *err) {
    size_t size;
    char name[1024];
    snprintf(name, sizeof name, "%s.npy", entry->name);
    unsigned char *bytes = npy_encode(entry->array, &size, err);
    if (!bytes)
        return false;
    zip_source_t *source = zip_source_buffer(archive, bytes, size, 1); /* takes over the bytes */
    if (!source) {
        free(bytes);
        return error_memory(err, "save_npz", size);
    }
    zip_int64_t index = zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return error_set(err, ERROR_FILE, "array '%s': %s", entry->name, zip_strerror(archive));
    }
    zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 1 << 5 | 1, 0); /* 1 January 1980 */
    zip_set_file_compression(archive, (zip_uint64_t)index, deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE,
                             0);
    return true;
}

/* The archive as one block of memory, owned by the returned source. */
static zip_source_t *build_archive(const NpzEntry *entries, size_t count, bool deflate,
                                   Error *err) {
    zip_error_t failure;
    zip_error_init(&failure);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &failure);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_TRUNCATE, &failure) : NULL;
    bool ok = archive != NULL;
    if (!ok)
        error_set(err, ERROR_FILE, "%s", zip_error_strerror(&failure));
    zip_error_fini(&failure);
    if (!archive) {
        zip_source_free(source);
        return NULL;
    }
    zip_source_keep(source); /* the archive's own reference goes with it */
    for (size_t i = 0; ok && i < count; i++)
        ok = add_entry(archive, &entries[i], deflate, err);
    if (ok && zip_close(archive) == 0)
        return source;
    if (ok)
        error_set(err, ERROR_FILE, "%s", zip_strerror(archive));
    zip_discard(archive);
    zip_source_free(source);
    return NULL;
}

static bool write_source(zip_source_t *source, const char *path, Error *err) {
    FileWriter writer;
    char chunk[65536];
    zip_int64_t got = 0;
    if (!file_writer_open(&writer, path, err))
        return false;
    bool ok = zip_source_open(source) == 0;
    while (ok && (got = zip_source_read(source, chunk, sizeof chunk)) > 0)
        fwrite(chunk, 1, (size_t)got, writer.stream);
    if (ok)
        zip_source_close(source);
    if (ok && got == 0)
        return file_writer_commit(&writer, err);
    file_writer_abandon(&writer);
    return error_set(err, ERROR_FILE, "%s: %s", path, zip_error_strerror(zip_source_error(source)));
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
    zip_source_t *source = build_sorted(tensors, deflate, err);
    if (!source) {
        error_prefix(err, "%s", path);
        return false;
    }
    bool ok = write_source(source, path, err);
    zip_source_free(source);
    return ok;
}
