#include "core/file.h"

#include "core/fail.h"
#include "core/progress.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading --------------------------------------------------------------------------------- */

static bool has_name(const char *path, Error *err) {
    return *path || error_set(err, ERROR_FILE, "the file's name is empty");
}

/* O_NONBLOCK so that a FIFO is refused, not waited for. */
int file_open(const char *path, size_t *size, Error *err) {
    struct stat info;
    if (!has_name(path, err))
        return -1;
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
    int fd = file_open(path, &size, err);
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

bool file_make_folder(const char *path, Error *err) {
    struct stat info;
    if (!has_name(path, err))
        return false;
    if (mkdir(path, 0777) == 0 ||
        (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return true;
    return error_set(err, ERROR_FILE, "%s: %s", path,
                     errno == EEXIST ? "not a folder" : strerror(errno));
}

bool file_is_readable(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, R_OK) == 0;
}

bool file_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
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

/* Is `name` what create_beside calls a file for the target `base`? Then its process. */
static bool is_part_of(const char *name, const char *base, pid_t *process) {
    size_t length = strlen(base);
    long number;
    unsigned serial;
    int end = 0;
    if (strncmp(name, base, length) != 0 ||
        // NOLINTNEXTLINE(cert-err34-c): a number out of range is nobody's, or counts as somebody's
        sscanf(name + length, ".%ld-%u.part%n", &number, &serial, &end) != 2)
        return false;
    *process = (pid_t)number;
    return end > 0 && name[length + (size_t)end] == '\0';
}

/* Nobody by that number is here, and nobody elsewhere holds the file. */
static bool is_orphan(int folder, const char *name, pid_t process) {
    if (kill(process, 0) == 0 || errno != ESRCH)
        return false;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool orphan = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0)
        close(fd);
    return orphan;
}

/* What a process that was killed left beside the target. */
static void remove_orphans(const char *target) {
    const char *slash = strrchr(target, '/');
    const char *base = slash ? slash + 1 : target;
    char *path = strndup(target, (size_t)(base - target));
    DIR *folder = path ? opendir(*path ? path : ".") : NULL;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        pid_t process;
        if (is_part_of(entry->d_name, base, &process) &&
            is_orphan(dirfd(folder), entry->d_name, process))
            unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    free(path);
}

/* A new file beside the target, under the permissions that the target has or would get. */
static int create_beside(FileWriter *writer, mode_t mode) {
    size_t room = strlen(writer->path) + 48;
    writer->temporary = malloc(room);
    for (unsigned serial = 1; writer->temporary && serial <= 100; serial++) {
        snprintf(writer->temporary, room, "%s.%ld-%u.part", writer->path, (long)getpid(), serial);
        int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            (void)flock(fd, LOCK_EX | LOCK_NB); /* tells others that somebody is at it */
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
    if (!has_name(path, err) || !resolve_target(path, &writer->path, &mode, err))
        return false;
    remove_orphans(writer->path);
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

bool file_writer_put(FileWriter *writer, const void *bytes, size_t n, Error *err) {
    enum { PORTION = 1 << 20 };
    double started = progress_clock();
    for (size_t done = 0; done < n; done += PORTION) {
        if (progress_gives_up(started))
            return error_interrupted(err, writer->path);
        fwrite((const char *)bytes + done, 1, n - done < PORTION ? n - done : PORTION,
               writer->stream);
    }
    return true;
}

/* Why an earlier write failed, which stdio does not keep: another one says it. */
static int why_not(FILE *stream) {
    errno = 0;
    return write(fileno(stream), "", 1) < 0 ? errno : EIO;
}

bool file_writer_commit(FileWriter *writer, Error *err) {
    bool ok = !ferror(writer->stream);
    int failure = ok ? 0 : why_not(writer->stream);
    if (ok && (fflush(writer->stream) != 0 || fsync(fileno(writer->stream)) != 0)) {
        ok = false;
        failure = errno;
    }
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
        error_set(err, ERROR_FILE, "%s: %s", writer->path, strerror(failure));
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
