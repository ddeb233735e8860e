#include "core/file.h"

#include "core/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading --------------------------------------------------------------------------------- */

/* Opens a regular file for reading; O_NONBLOCK so that a FIFO is refused, not waited for. */
static int open_regular(const char *path, size_t *size, Error *err) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        error_set(err, ERROR_FILE, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (!S_ISREG(info.st_mode)) {
        error_set(err, ERROR_FILE, "%s: %s, not a file", path,
                  S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
        close(fd);
        return -1;
    }
    *size = (size_t)info.st_size;
    return fd;
}

/* Exactly `size` bytes; fewer if the file shrank meanwhile. −1 on a read error. */
static ptrdiff_t read_fully(int fd, unsigned char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ptrdiff_t)done;
}

bool file_read(const char *path, FileBytes *out, Error *err) {
    size_t size;
    int fd = open_regular(path, &size, err);
    if (fd < 0)
        return false;
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes) {
        close(fd);
        return error_memory(err, path, size);
    }
    ptrdiff_t got = read_fully(fd, bytes, size);
    int failure = errno;
    close(fd);
    if (got < 0) {
        free(bytes);
        return error_set(err, ERROR_FILE, "%s: %s", path, strerror(failure));
    }
    *out = (FileBytes){ .bytes = bytes, .size = (size_t)got };
    return true;
}

void file_bytes_free(FileBytes *file) {
    free(file->bytes);
    *file = (FileBytes){ 0 };
}

bool file_is_readable(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void clear_writer(FileWriter *writer) {
    free(writer->path);
    free(writer->temporary);
    *writer = (FileWriter){ 0 };
}

/* The file that `path` leads to, and its permissions if it exists. */
static bool resolve_target(const char *path, char **target, mode_t *mode, Error *err) {
    struct stat info;
    *mode = 0;
    if (stat(path, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            return error_set(err, ERROR_FILE, "%s: %s, not a file", path,
                             S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe");
        *mode = info.st_mode & 0777;
        *target = realpath(path, NULL);
    } else {
        *target = strdup(path);
    }
    return *target ? true : error_set(err, ERROR_FILE, "%s: %s", path, strerror(errno));
}

/* A new file beside the target, under the permissions that the target has or would get. */
static int create_beside(FileWriter *writer, mode_t mode) {
    size_t room = strlen(writer->path) + 48;
    writer->temporary = malloc(room);
    for (unsigned serial = 1; writer->temporary && serial <= 100; serial++) {
        snprintf(writer->temporary, room, "%s.%ld-%u.part", writer->path, (long)getpid(), serial);
        int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 && mode)
            (void)!fchmod(fd, mode); /* another owner's file may refuse: the umask's mode is fine */
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

bool file_writer_open(FileWriter *writer, const char *path, Error *err) {
    mode_t mode;
    *writer = (FileWriter){ 0 };
    if (!resolve_target(path, &writer->path, &mode, err))
        return false;
    int fd = create_beside(writer, mode);
    if (fd < 0) {
        error_set(err, ERROR_FILE, "%s: %s", path, strerror(errno));
        clear_writer(writer);
        return false;
    }
    writer->stream = fdopen(fd, "wb");
    if (!writer->stream) {
        close(fd);
        unlink(writer->temporary);
        clear_writer(writer);
        return error_memory(err, path, BUFSIZ);
    }
    return true;
}

bool file_writer_commit(FileWriter *writer, Error *err) {
    errno = 0;
    bool ok = !ferror(writer->stream) && fflush(writer->stream) == 0 &&
              fsync(fileno(writer->stream)) == 0;
    int failure = errno;
    if (fclose(writer->stream) != 0 && ok) {
        ok = false;
        failure = errno;
    }
    if (ok && rename(writer->temporary, writer->path) != 0) {
        ok = false;
        failure = errno;
    }
    if (!ok) {
        unlink(writer->temporary);
        error_set(err, ERROR_FILE, "%s: %s", writer->path,
                  failure ? strerror(failure) : "writing failed");
    }
    clear_writer(writer);
    return ok;
}

void file_writer_abandon(FileWriter *writer) {
    if (!writer->stream)
        return;
    fclose(writer->stream);
    unlink(writer->temporary);
    clear_writer(writer);
}
