/* prompt PERIGEE — how long the program takes from its start to its prompt on a terminal, and what
 * it holds in memory while it waits there: name, value and unit a line. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 7, PATIENCE_MS = 10000 };

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

/* Read what the child writes until its prompt is there. */
static int wait_for_prompt(int terminal) {
    char seen[8192];
    size_t used = 0;
    struct pollfd ready = { .fd = terminal, .events = POLLIN };
    while (used + 1 < sizeof seen && poll(&ready, 1, PATIENCE_MS) > 0) {
        ssize_t got = read(terminal, seen + used, sizeof seen - 1 - used);
        if (got <= 0)
            return 0;
        used += (size_t)got;
        seen[used] = '\0';
        if (strstr(seen, "> "))
            return 1;
    }
    return 0;
}

/* Megabytes of the process that are in memory. */
static double resident(pid_t child) {
    char path[64], line[256];
    double kilobytes = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %lf", &kilobytes);
    if (status)
        fclose(status);
    return kilobytes / 1024;
}

static int run(char *program, double *time, double *memory) {
    int terminal;
    double start = milliseconds();
    pid_t child = forkpty(&terminal, NULL, NULL, &(struct winsize){ .ws_row = 24, .ws_col = 80 });
    if (child < 0)
        return 0;
    if (child == 0) {
        execv(program, (char *[]){ program, "--no-init", NULL });
        _exit(127);
    }
    int ok = wait_for_prompt(terminal);
    *time = milliseconds() - start;
    usleep(100000);
    *memory = resident(child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(terminal);
    return ok;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    double time[RUNS], memory[RUNS];
    if (argc != 2) {
        fputs("usage: prompt PERIGEE\n", stderr);
        return 2;
    }
    setenv("TERM", "xterm", 1);
    setenv("PERIGEE_HISTORY", "", 1);
    for (int i = 0; i < RUNS; i++)
        if (!run(argv[1], &time[i], &memory[i])) {
            fprintf(stderr, "prompt: %s showed no prompt\n", argv[1]);
            return 1;
        }
    qsort(time, RUNS, sizeof *time, by_value);
    qsort(memory, RUNS, sizeof *memory, by_value);
    printf("start.prompt %.6g ms\nstart.memory %.6g MB\n", time[RUNS / 2], memory[RUNS / 2]);
    return 0;
}
