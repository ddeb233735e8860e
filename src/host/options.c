#include "host/options.h"

#include "core/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const LONG_NAMES[] = { "--help",   "--version", "--interactive", "--quiet",
                                          "--seed",   "--debug",   "--no-init",     "--threads",
                                          "--solver", "--shard",   "--mpi",         NULL };
enum { MAX_THREADS = 256, MAX_SHARDS = 1000000 };

static bool parse_number(const char *text, uint64_t high, uint64_t *number) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    /* strtoull takes a sign and leading blanks; we do not. */
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > high)
        return false;
    *number = value;
    return true;
}

/* --name value, or --name=value. NULL: not this option. "" stands for a value that is missing. */
static const char *value_of(const char *name, int argc, char **argv, int *at) {
    size_t length = strlen(name);
    const char *word = argv[*at];
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): *at is below argc
    if (strncmp(word, name, length) != 0)
        return NULL;
    if (word[length] == '=')
        return word + length + 1;
    if (word[length])
        return NULL;
    return *at + 1 < argc ? argv[++*at] : "";
}

/* "3/40": the third of forty. */
static bool parse_shard(const char *name, const char *text, Options *options, char message[256]) {
    char first[16] = "";
    uint64_t number = 0, count = 0;
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : 0;
    if (length > 0 && length < sizeof first) {
        memcpy(first, text, length);
        if (parse_number(first, MAX_SHARDS, &number) &&
            parse_number(slash + 1, MAX_SHARDS, &count) && number >= 1 && number <= count) {
            options->shard = (size_t)number;
            options->shards = (size_t)count;
            return true;
        }
    }
    snprintf(message, 256, "%s: expected i/n with i from 1 to n, as 3/40, got \"%.60s\"", name,
             text);
    return false;
}

static bool parse_value(int argc, char **argv, int *at, Options *options, char message[256]) {
    const char *value;
    uint64_t number;
    if ((value = value_of("--seed", argc, argv, at))) {
        if (parse_number(value, INT64_MAX, &options->seed))
            return true;
        snprintf(message, 256, "--seed: expected a whole number of 0 or more, got \"%.60s\"",
                 value);
    } else if ((value = value_of("--threads", argc, argv, at))) {
        if (parse_number(value, MAX_THREADS, &number)) {
            options->threads = (int)number;
            return true;
        }
        snprintf(message, 256, "--threads: expected a number from 0 (all) to %d, got \"%.60s\"",
                 MAX_THREADS, value);
    } else if ((value = value_of("--shard", argc, argv, at))) {
        return parse_shard("--shard", value, options, message);
    } else if ((value = value_of("--solver", argc, argv, at))) {
        options->solver = value;
        return true;
    } else {
        const char *nearest = suggest_nearest(argv[*at], LONG_NAMES);
        snprintf(message, 256, "unknown option %.60s%s%s%s; --help lists them", argv[*at],
                 nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
    return false;
}

static bool is_either(const char *word, const char *one, const char *other) {
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

static bool parse_option(int argc, char **argv, int *at, Options *options, char message[256]) {
    const char *word = argv[*at];
    if (strcmp(word, "-e") == 0) {
        if (*at + 1 == argc) {
            snprintf(message, 256, "-e: expected Lua code after it");
            return false;
        }
        options->code[options->code_count++] = argv[++*at];
    } else if (is_either(word, "-i", "--interactive")) {
        options->interactive = true;
    } else if (is_either(word, "-q", "--quiet")) {
        options->quiet = true;
    } else if (strcmp(word, "--debug") == 0) {
        options->debug = true;
    } else if (strcmp(word, "--mpi") == 0) {
        options->mpi = true;
    } else if (strcmp(word, "--no-init") == 0) {
        options->no_init_file = true;
    } else if (is_either(word, "-v", "--version")) {
        options->version = true;
    } else if (is_either(word, "-h", "--help")) {
        options->help = true;
    } else {
        return parse_value(argc, argv, at, options, message);
    }
    return true;
}

bool options_parse(int argc, char **argv, Options *options, char message[256]) {
    *options = (Options){ .code = calloc((size_t)argc + 1, sizeof *options->code) };
    if (!options->code) {
        snprintf(message, 256, "not enough memory");
        return false;
    }
    const char *threads = getenv("PERIGEE_THREADS");
    uint64_t number = 0;
    if (threads && *threads && !parse_number(threads, MAX_THREADS, &number)) {
        snprintf(message, 256,
                 "PERIGEE_THREADS: expected a number from 0 (all) to %d, got \"%.60s\"",
                 MAX_THREADS, threads);
        return false;
    }
    options->threads = (int)number;
    const char *shard = getenv("PERIGEE_SHARD");
    if (shard && *shard && !parse_shard("PERIGEE_SHARD", shard, options, message))
        return false;
    int at = 1;
    for (; at < argc; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (argv[at][0] != '-' || strcmp(argv[at], "-") == 0)
            break;
        if (!parse_option(argc, argv, &at, options, message))
            return false;
    }
    options->script = at;
    return true;
}

void options_help(FILE *out) {
    fputs(
        "usage: perigee [options] [script.lua [arguments]]\n"
        "\n"
        "A lab for adversarial machine learning. Without a script it opens a prompt, or runs what\n"
        "comes in on standard input.\n"
        "\n"
        "  script.lua     run this file; its arguments are in `arg` and `...`\n"
        "  -              run standard input\n"
        "  -e CODE        run CODE (may be repeated; before the script)\n"
        "  -i             open the prompt afterwards, with the script's local variables\n"
        "  --seed N       seed of the session's random numbers (0)\n"
        "  --threads N    threads to use; 0: all the machine lets this process have\n"
        "                 (default: PERIGEE_THREADS, else 0)\n"
        "  --solver NAME  what SVMs are trained with: libsvm, or smo, which needs less memory and\n"
        "                 survives a lack of it (libsvm)\n"
        "  --shard I/N    do the I-th of N shares of every evaluate.security: for clusters, where "
        "N\n"
        "                 processes share the work (default: PERIGEE_SHARD, else all of it)\n"
        "  --mpi          start MPI, also where nothing tells that mpirun has started the program\n"
        "  --quiet, -q    no progress on standard error, no greeting\n"
        "  --no-init      leave the user's init.lua out at the prompt\n"
        "  --debug        tracebacks with this program's own frames\n"
        "  --version, -v  versions of this program and of what it stands on\n"
        "  --help, -h     this text\n"
        "\n"
        "Exit status: 0, 1 after an error, 2 after misuse, 130 after an interrupt.\n"
        "Environment: PERIGEE_DATA (folder with mnist/), PERIGEE_THREADS, PERIGEE_SHARD,\n"
        "PERIGEE_HISTORY (file; empty: none), PERIGEE_PAGER (else PAGER; empty: none), "
        "PERIGEE_LUA\n"
        "(folder with perigee/), OPENBLAS_CORETYPE, NO_COLOR.\n",
        out);
}
