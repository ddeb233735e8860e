#include "plot/child.h"

#include "core/fail.h"
#include "core/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The child's three streams, and the file in memory. */
enum { GIVEN = 4, SHARED = 3 };

/* What the child gets must not be 0 to 3 here: one dup2 would overwrite the next one's source. It
 * is when this program was started with a standard stream closed. */
static bool move_above_given(int *fd) {
    if (*fd >= GIVEN)
        return true;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, GIVEN);
    if (moved < 0)
        return false;
    close(*fd);
    *fd = moved;
    return true;
}

/* ours[i] and theirs[i] are the two ends of the child's stream i. */
static bool open_streams(int ours[3], int theirs[3]) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return false;
    ours[0] = pair[0], theirs[0] = pair[1];
    for (int i = 1; i < 3; i++) {
        if (pipe2(pair, O_CLOEXEC) < 0)
            return false;
        ours[i] = pair[0], theirs[i] = pair[1];
    }
    for (int i = 0; i < 3; i++)
        if (!move_above_given(&ours[i]) || !move_above_given(&theirs[i]) ||
            fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            return false;
    return true;
}

/* It can do without, where the system has no such file, or the child no name of it. */
static int open_shared(void) {
    int fd = access("/proc/self/fd", X_OK) == 0 ? memfd_create("shared", MFD_CLOEXEC) : -1;
    if (fd >= 0 && !move_above_given(&fd))
        close_fd(&fd);
    return fd;
}

/* Own process group, no blocked signals, and the usual answer to those this program may ignore or
 * catch. Returns posix_spawn's error number. */
static int spawn(const char *path, char *const argv[], const int theirs[GIVEN], pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    const int restored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD };
    for (size_t i = 0; i < sizeof restored / sizeof *restored; i++)
        sigaddset(&usual, restored[i]);
    int code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    for (int i = 0; i < GIVEN && !code; i++)
        if (theirs[i] >= 0)
            code = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setsigmask(&attributes, &none);
    if (!code)
        code = posix_spawn(pid, path, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

bool child_start(const char *path, char *const argv[], Child *child, Error *err) {
    int ours[3] = { -1, -1, -1 }, theirs[GIVEN] = { -1, -1, -1, -1 };
    int shared = theirs[SHARED] = open_shared();
    pid_t pid = 0;
    int code = open_streams(ours, theirs) ? spawn(path, argv, theirs, &pid) : errno;
    for (int i = 0; i < 3; i++)
        close_fd(&theirs[i]);
    if (code) {
        for (int i = 0; i < 3; i++)
            close_fd(&ours[i]);
        close_fd(&shared);
        return error_set(err, ERROR_FILE, "could not start %s: %s", path, strerror(code));
    }
    *child = (Child){ .pid = pid, .in = ours[0], .out = ours[1], .err = ours[2], .shared = shared };
    return true;
}

static void forget(Child *child) {
    child->pid = 0;
    close_fd(&child->in);
    close_fd(&child->out);
    close_fd(&child->err);
    close_fd(&child->shared);
}

bool child_alive(Child *child) {
    if (child->pid == 0)
        return false;
    int status = 0;
    pid_t got = waitpid(child->pid, &status, WNOHANG);
    if (got == 0)
        return true;
    /* ECHILD: somebody else waited for it. Either way it is gone. */
    child->status = got > 0 ? status : 0;
    forget(child);
    return false;
}

ssize_t child_write(const Child *child, const char *text, size_t length) {
    ssize_t n;
    do
        n = send(child->in, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n;
}

bool child_share(const Child *child, const char *text, size_t length) {
    if (child->shared < 0 || ftruncate(child->shared, 0) != 0)
        return false;
    for (size_t at = 0; at < length;) {
        ssize_t n = pwrite(child->shared, text + at, length - at, (off_t)at);
        if (n < 0 && errno != EINTR)
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

ssize_t child_read(int fd, char *buffer, size_t size) {
    ssize_t n;
    do
        n = read(fd, buffer, size);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n > 0 ? n : -1;
}

void child_stop(Child *child, double grace) {
    if (child->pid == 0)
        return;
    close_fd(&child->in);
    const double end = progress_clock() + grace;
    while (child_alive(child)) {
        if (progress_clock() >= end) {
            kill(-child->pid, SIGKILL);
            while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
                ;
            forget(child);
            return;
        }
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
}

const char *child_ending(const Child *child, char text[64]) {
    if (WIFSIGNALED(child->status))
        snprintf(text, 64, "signal %d (%s)", WTERMSIG(child->status),
                 strsignal(WTERMSIG(child->status)));
    else
        snprintf(text, 64, "exit status %d", WEXITSTATUS(child->status));
    return text;
}
