/* file.h — whole files in, whole files out.
 *
 * Reading takes a regular file at once. Writing goes to a file beside the target that is renamed at
 * the end: a reader sees the old file or the new one, never half of one, and a failed write leaves
 * nothing behind. Messages start with the path; callers put the user's function in front. */
#ifndef PERIGEE_CORE_FILE_H
#define PERIGEE_CORE_FILE_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct FileBytes {
    unsigned char *bytes; /* owned; never NULL after a successful read */
    size_t size;
} FileBytes;

/* The whole content of a regular file. */
bool file_read(const char *path, FileBytes *out, Error *err);
void file_bytes_free(FileBytes *file);

/* A regular file's descriptor for reading, the caller's to close, and its size; −1 on failure. */
int file_open(const char *path, size_t *size, Error *err);

/* Make a folder, if it is not there; its parent must be. */
bool file_make_folder(const char *path, Error *err);

/* True for a regular file that this process may read. */
bool file_is_readable(const char *path);

/* True for a folder, or a link to one. */
bool file_is_folder(const char *path);

typedef struct FileWriter {
    FILE *stream; /* write here */
    char *path;   /* symbolic links followed */
    char *temporary;
} FileWriter;

/* Open a new file beside `path`. An existing target must be a regular file. What killed processes
 * left beside it is removed. */
bool file_writer_open(FileWriter *writer, const char *path, Error *err);

/* A large block, in portions between which an interrupt makes it give up (progress.h): the only way
 * to fail here. */
bool file_writer_put(FileWriter *writer, const void *bytes, size_t n, Error *err);

/* Everything to the disk, then rename. Checks the errors of all writes before it, so callers need
 * not. Ends the writer in any case; on failure the target is as it was. */
bool file_writer_commit(FileWriter *writer, Error *err);

/* Give up: the target stays as it was. */
void file_writer_abandon(FileWriter *writer);

#endif
