/* child.h — a helper program as a child process: started without a shell, talked to through pipes.
 *
 * The child runs in a process group of its own, so that a Ctrl-C at the terminal is not its
 * business and so that stopping it stops whatever it started. Our ends of the pipes are
 * non-blocking and close-on-exec. Its standard input is a socket, because a write to a socket can
 * be told not to raise SIGPIPE, where a pipe would need the whole program's signal handling
 * changed. A Child with pid 0 is not there. What is long it can read from a file in memory. */
#ifndef PERIGEE_PLOT_CHILD_H
#define PERIGEE_PLOT_CHILD_H

#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct Child {
    pid_t pid;
    int in, out, err; /* ours: we write to in, read from out and err; −1 if closed */
    int shared;       /* the file in memory; −1 if there is none */
    int status;       /* from waitpid, once it has ended */
} Child;

#define CHILD_SHARED "/proc/self/fd/3" /* the child's name of the file in memory */

/* Run the program at `path` (a path, not searched for) with `argv`, NULL-terminated. */
bool child_start(const char *path, char *const argv[], Child *child, Error *err);

/* True while it runs; reaps it, keeping its status, when it has ended. */
bool child_alive(Child *child);

/* Write what the pipe will take now. Returns the bytes taken, 0 if it is full, −1 if nobody
 * reads. */
ssize_t child_write(const Child *child, const char *text, size_t length);

/* Put the text into the file in memory. False if that cannot be had here. */
bool child_share(const Child *child, const char *text, size_t length);

/* Read what has arrived on one of the two outputs; 0 if nothing has, −1 at the end. */
ssize_t child_read(int fd, char *buffer, size_t size);

/* Close its input, give it `grace` seconds to leave by itself, then kill its group; reap it. */
void child_stop(Child *child, double grace);

/* "exit status 1" or "signal 9 (Killed)" of one that has ended; returns text. */
const char *child_ending(const Child *child, char text[64]);

#endif
