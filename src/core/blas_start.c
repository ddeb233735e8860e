#include "core/blas_start.h"

#include "core/memory.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Seconds of processor time, where a start takes a hundredth of that. */
static const struct itimerval PATIENCE = { .it_value = { .tv_sec = 3 } }, NEVER;

static bool over;

/* What the environment has in place of `lent` while the libraries are loaded. */
static const char ONE_THREAD[] = "OPENBLAS_NUM_THREADS=1";
static char *lent;

static void say_why(void) {
    static const char said[] =
        "perigee: OpenBLAS cannot get the memory that it starts with; raise the limit of address "
        "space (ulimit -v)\n";
    if (!over && write(STDERR_FILENO, said, sizeof said - 1) < 0)
        _exit(2);
}

static void give_up(int signal) {
    (void)signal;
    say_why();
    _exit(1);
}

static void give_back(void) {
    for (char **entry = environ; lent && entry && *entry; entry++) {
        if (*entry == ONE_THREAD)
            *entry = lent;
    }
}

void blas_start_over(void) {
    over = true;
    give_back();
    struct sigaction now;
    if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == give_up)
        signal(SIGINT, SIG_DFL);
    if (sigaction(SIGPROF, NULL, &now) || now.sa_handler != give_up)
        return; /* not ours: a profiler's */
    setitimer(ITIMER_PROF, &NEVER, NULL);
    signal(SIGPROF, SIG_DFL);
}

#if defined(__GLIBC__)
static bool is_named(const char *entry, const char *name) {
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* The environment cannot grow before libc is there: a variable that no library reads while it is
 * loaded makes room. */
static void ask_for_one_thread(char **environment) {
    static const char *const idle[] = { "_", "SHLVL", "OLDPWD", "PWD", "PATH" };
    char **place = NULL;
    for (char **entry = environment; *entry; entry++) {
        if (is_named(*entry, "OPENBLAS_NUM_THREADS"))
            return;
        for (size_t i = 0; i < sizeof idle / sizeof *idle && !place; i++) {
            if (is_named(*entry, idle[i]))
                place = entry;
        }
    }
    if (!place)
        return;
    lent = *place;
    *place = (char *)ONE_THREAD;
}

/* Nothing is initialised yet where this runs: system calls, and a list that needs no memory. */
static void watch_start(void) {
    if (!memory_is_limited())
        return;
    atexit(say_why);
    struct sigaction action = { .sa_handler = give_up };
    sigaction(SIGPROF, &action, NULL);
    /* Without a thread that it wants OpenBLAS interrupts itself. */
    struct sigaction before;
    if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(SIGINT, &action, NULL);
    setitimer(ITIMER_PROF, &PATIENCE, NULL);
}

static void prepare_start(int argc, char **argv, char **environment) {
    (void)argc;
    (void)argv;
    ask_for_one_thread(environment);
    watch_start();
}

/* Functions listed in this section run before those of the libraries. */
__attribute__((section(".preinit_array"),
               used)) static void (*const before_libraries)(int, char **, char **) = prepare_start;
#endif
