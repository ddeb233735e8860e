#include "plot/child.h"

#include "core/fail.h"
#include "core/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
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

/* The child's ends must not be 0, 1 or 2 themselves: one dup2 would overwrite the next one's
 * source. They are when this program was started with a standard stream closed. */
static bool move_above_streams(int *fd) {
    if (*fd > STDERR_FILENO)
        return true;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
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
        if (!move_above_streams(&ours[i]) || !move_above_streams(&theirs[i]) ||
            fcntl(ours[i], F_SETFL, O_NONBLOCK) < 0)
            return false;
    return true;
}

/* Own process group, no blocked signals, and the usual answer to those this program may ignore or
 * catch. Returns posix_spawn's error number. */
static int spawn(const char *path, char *const argv[], const int theirs[3], pid_t *pid) {
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
    for (int i = 0; i < 3 && !code; i++)
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
    int ours[3] = { -1, -1, -1 }, theirs[3] = { -1, -1, -1 };
    pid_t pid = 0;
    int code = open_streams(ours, theirs) ? spawn(path, argv, theirs, &pid) : errno;
    for (int i = 0; i < 3; i++)
        close_fd(&theirs[i]);
    if (code) {
        for (int i = 0; i < 3; i++)
            close_fd(&ours[i]);
        return error_set(err, ERROR_FILE, "could not start %s: %s", path, strerror(code));
    }
    *child = (Child){ .pid = pid, .in = ours[0], .out = ours[1], .err = ours[2] };
    return true;
}

static void forget(Child *child) {
    child->pid = 0;
    close_fd(&child->in);
    close_fd(&child->out);
    close_fd(&child->err);
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
