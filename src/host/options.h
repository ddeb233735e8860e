/* options.h — the command line, taken apart. */
#ifndef PERIGEE_HOST_OPTIONS_H
#define PERIGEE_HOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Options {
    bool help, version, interactive, quiet;
    bool debug;        /* tracebacks show this program's own frames too */
    bool mpi;          /* start MPI whether or not the environment tells of it */
    bool no_init_file; /* the prompt starts without the user's init.lua */
    uint64_t seed;
    int threads;          /* 0: all */
    size_t shard, shards; /* which of how many, from 1; 0: not said */
    const char *solver;   /* the name that was given, or NULL */
    int code_count;       /* pieces of code given by -e: */
    const char **code;
    int script; /* the script's place in argv; argc if there is none; "-" is standard input */
} Options;

/* False: misuse, with one sentence in `message`. The environment variables PERIGEE_THREADS
 * and PERIGEE_SHARD are the defaults of --threads and --shard. `options->code` is the caller's to
 * free. */
bool options_parse(int argc, char **argv, Options *options, char message[256]);

void options_help(FILE *out);

#endif
