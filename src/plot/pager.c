#include "plot/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* the shell's exit status */

/* The environment with LESS in it; to be freed, its strings are others'. NULL without memory. */
static char **environment_of_pager(void) {
    size_t count = 0;
    while (environ[count])
        count++;
    char **made = malloc((count + 2) * sizeof *made);
    if (!made)
        return NULL;
    memcpy(made, environ, count * sizeof *made);
    if (!getenv("LESS"))
        made[count++] = (char *)"LESS=FRX";
    made[count] = NULL;
    return made;
}

/* The command with `input` as its standard input; 0 if it could not be started. */
static pid_t start(const char *command, int input) {
    char *const argv[] = { "sh", "-c", (char *)command, NULL };
    char **environment = environment_of_pager();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (!environment || posix_spawn_file_actions_init(&actions) != 0)
        return free(environment), 0;
    if (posix_spawnattr_init(&attributes) != 0)
        return posix_spawn_file_actions_destroy(&actions), free(environment), 0;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    if (posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) != 0 ||
        posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environment) != 0)
        pid = 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return pid;
}

/* Until the reader has gone, which is no error. */
static void write_all(int fd, const char *text, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        length -= (size_t)n;
    }
}

static int wait_for(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

bool pager_show(const char *command, const char *text, size_t length) {
    int ends[2];
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    fflush(stdout);
    const struct sigaction ignored = { .sa_handler = SIG_IGN };
    struct sigaction interrupt, broken;
    sigaction(SIGINT, &ignored, &interrupt);
    sigaction(SIGPIPE, &ignored, &broken);
    pid_t pid = start(command, ends[0]);
    close(ends[0]);
    if (pid)
        write_all(ends[1], text, length);
    close(ends[1]);
    int status = pid ? wait_for(pid) : NOT_FOUND;
    sigaction(SIGPIPE, &broken, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    return status != NOT_FOUND && status != NOT_EXECUTABLE;
}
