/* Starts of the program with mutated init files, histories, command lines, environments and lines
 * at the prompt, in a terminal or behind pipes. No start may end by a signal, hang, use more than a
 * gigabyte, or show Lua's own words about the program's files.
 *
 * Without arguments a few of them, always the same, as TAP. With FROM COUNT [PROGRAM] those
 * alone, the first one that fails with all that it was given; tests/long/starts.sh has the most of
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORDS = 12, MOST_TEXT = 1 << 14, MOST_SAID = 1 << 18, SECONDS = 60, USUAL = 25 };
enum { TICK = 3, MOST_SILENCE = 1000 }; /* milliseconds */

/* ---- Mutations ------------------------------------------------------------------------------- */

static uint64_t state;

static size_t draw(size_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = state ^ state >> 29;
    return (size_t)((x * 0xbf58476d1ce4e5b9u >> 24) % n);
}

typedef struct Text {
    char at[MOST_TEXT + 1]; /* with a NUL behind the last byte */
    size_t length;
} Text;

static const char *const fragments[] = {
    "\n",
    "\t",
    "\x1b[A",
    "\x1b]0;x\a",
    "\xff",
    "\xc3\xa9",
    "\xe2\x80\xae",
    "-1",
    "1e999",
    "0x",
    "99999999999999999999",
    "=",
    "--",
    "-",
    "'",
    "\"",
    "[[",
    "]]",
    "{",
    "}",
    "(",
    ")",
    "#",
    "#1700000000\n",
    "%s%n",
    "..",
    "\\",
    "?",
    "nil",
    "return ",
    "local ",
    "function ",
    "end",
    "error(nil)",
    "error({})",
    "\r\n",
    " ",
    "@",
    "$x",
    "~",
};
enum { FRAGMENTS = sizeof fragments / sizeof *fragments };

/* `n` bytes in place of `gone` bytes from `at` on. */
static void put(Text *text, size_t at, size_t gone, const char *with, size_t n) {
    if (gone > text->length - at)
        gone = text->length - at;
    if (text->length - gone + n > MOST_TEXT)
        return;
    memmove(text->at + at + n, text->at + at + gone, text->length - at - gone);
    memcpy(text->at + at, with, n);
    text->length += n - gone;
    text->at[text->length] = '\0';
}

static void double_part(Text *text, size_t at) {
    char part[64];
    size_t n = draw(sizeof part) + 1, times = draw(8) ? 1 : 200;
    if (n > text->length - at)
        n = text->length - at;
    memcpy(part, text->at + at, n);
    for (size_t i = 0; i < times; i++)
        put(text, at, 0, part, n);
}

static void mutate_once(Text *text) {
    size_t at = draw(text->length + 1);
    const char *fragment = fragments[draw(FRAGMENTS)];
    char byte = (char)draw(256);
    switch (draw(6)) {
    case 0:
        put(text, at, 1, &byte, 1);
        break;
    case 1:
        put(text, at, 0, fragment, strlen(fragment));
        break;
    case 2:
        put(text, at, strlen(fragment), fragment, strlen(fragment));
        break;
    case 3:
        put(text, at, draw(8) + 1, "", 0);
        break;
    case 4:
        double_part(text, at);
        break;
    default:
        put(text, at, draw(4) ? 0 : text->length, "", 0);
    }
}

/* As often as not it stays as it is. */
static void vary(Text *text, const char *seed) {
    text->length = 0;
    text->at[0] = '\0';
    put(text, 0, 0, seed, strlen(seed));
    for (size_t i = draw(2) ? draw(5) : 0; i > 0; i--)
        mutate_once(text);
}

/* ---- What a start is given ------------------------------------------------------------------- */

static const char *const init_files[] = {
    "x = 3\nprint('init', x)\n",
    "local a = array.zeros(2, 2)\nprint(a)\nfunction mine(n) return n + 1 end\n",
    "perigee.print_room(60, 4)\nfavourite = { name = 'x', 1, 2 }\nprint(help)\n",
    "print(perigee.facts().seed)\nseed(4)\ndata.x = 1\n",
    "error('on purpose')\n",
};

static const char *const histories[] = {
    "#1700000000\nprint(1)\n#1700000001\nx = {\n  1,\n}\n",
    "a = 1\nb = 2\n\nc = [[\n]]\n",
    "#\n#-1\n#99999999999999999999\nlonger than before\n",
    "",
};

static const char *const typed[] = {
    "1 + 1\nx = { 1, 2 }\nx\n",
    "array.zeros(2)\nans\nprint(\n1)\n",
    "arr\t\t.ze\t\n?seed\nwho()\n",
    "\x1b[A\x1b[A\n\x12pri\n\x01\x0b\n",
    "?\nhelp 'array.new'\nwho\nx = function() return 1 end\nx\n",
    "local a = 1; a + 1\n= 3\nerror({})\nnosuch\nnosuch.thing\n",
};

static const char *const lines[][MOST_WORDS] = {
    { "-i" },
    { "-i", "--quiet", "--seed", "7" },
    { "-i", "--no-init", "script.lua", "an argument" },
    { "-i", "-e", "local y = 2; z = y" },
    { "-e", "print(1 + 1)" },
    { "--seed=3", "--threads=2", "-e", "print(array.rand(2))" },
    { "--shard", "3/40", "--solver=smo", "script.lua", "-x", "--", "-e" },
    { "--version" },
    { "--help" },
    { "--debug", "script.lua" },
    { "-" },
    { "--", "script.lua" },
};

static const char *const variables[] = {
    "TERM=xterm-256color",
    "TERM=dumb",
    "LANG=de_DE.UTF-8",
    "LC_ALL=C",
    "LC_ALL=tr_TR.UTF-8",
    "PERIGEE_THREADS=2",
    "PERIGEE_SHARD=1/2",
    "PERIGEE_HISTORY=history",
    "PERIGEE_LUA=lua",
    "PERIGEE_DATA=data",
    "PERIGEE_GNUPLOT=gnuplot",
    "PERIGEE_PICTURE=sixel",
    "PERIGEE_PAGER=cat",
    "COLUMNS=80",
    "LINES=24",
    "NO_COLOR=1",
    "HOME=.",
    "XDG_STATE_HOME=state",
    "XDG_DATA_HOME=/nowhere",
    "OPENBLAS_NUM_THREADS=1",
    "OPENBLAS_CORETYPE=Haswell",
    "INPUTRC=inputrc",
    "LESS=-R",
    "LUA_PATH=?.lua",
    "LUA_INIT=print(1)",
    "PATH=/usr/bin",
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

typedef struct Start {
    Text init, history, typed, script;
    Text word[MOST_WORDS], variable[MOST_WORDS];
    size_t words, variables;
    bool terminal;
} Start;

/* One in three: most lines are to get as far as the prompt. They end at a NUL. */
static void vary_word(Text *text, const char *seed) {
    do
        vary(text, seed);
    while (draw(3) && strcmp(text->at, seed) != 0);
    text->length = strlen(text->at);
}

static void choose_words(Start *start) {
    const char *const *line =
        lines[draw(2) ? draw(4) : draw(COUNT(lines))]; /* half: the prompt's */
    start->words = 0;
    while (start->words < MOST_WORDS && line[start->words]) {
        vary_word(&start->word[start->words], line[start->words]);
        start->words++;
    }
    start->terminal = start->words > 0 && strcmp(line[0], "-i") == 0 && draw(4) > 0;
}

static void choose(Start *start, uint64_t number) {
    state = number * 0x9e3779b97f4a7c15u + 1;
    vary(&start->init, init_files[draw(COUNT(init_files))]);
    vary(&start->history, histories[draw(COUNT(histories))]);
    vary(&start->typed, typed[draw(COUNT(typed))]);
    vary(&start->script, init_files[draw(COUNT(init_files))]);
    choose_words(start);
    start->variables = draw(4);
    for (size_t i = 0; i < start->variables; i++)
        vary_word(&start->variable[i], variables[draw(COUNT(variables))]);
}

/* ---- The process ----------------------------------------------------------------------------- */

static char folder[PATH_MAX], program[PATH_MAX], lua_dir[PATH_MAX];

static void write_file(const char *name, const Text *text) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text->at, 1, text->length, file) != text->length || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static void make_folder(const char *name) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mkdir(path, 0700);
}

static void write_files(const Start *start) {
    static const char *const folders[] = { "", "config", "config/perigee", "state",
                                           "state/perigee" };
    for (size_t i = 0; i < COUNT(folders); i++)
        make_folder(folders[i]);
    write_file("config/perigee/init.lua", &start->init);
    write_file("state/perigee/history", &start->history);
    write_file("history", &start->history);
    write_file("inputrc", &start->history);
    write_file("script.lua", &start->script);
}

static void set_variables(Start *start) {
    static const char *const fixed[] = {
        "TERM", "xterm", "PATH", "/usr/bin:/bin", "LANG", "C.UTF-8"
    };
    static const char *const sanitizers[] = { "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS" };
    char path[PATH_MAX + 64];
    char *kept[COUNT(sanitizers)];
    for (size_t i = 0; i < COUNT(sanitizers); i++)
        kept[i] = getenv(sanitizers[i]) ? strdup(getenv(sanitizers[i])) : NULL;
    clearenv();
    for (size_t i = 0; i < COUNT(sanitizers); i++)
        if (kept[i])
            setenv(sanitizers[i], kept[i], 1);
    for (size_t i = 0; i < COUNT(fixed); i += 2)
        setenv(fixed[i], fixed[i + 1], 1);
    setenv("HOME", folder, 1);
    snprintf(path, sizeof path, "%s/config", folder);
    setenv("XDG_CONFIG_HOME", path, 1);
    snprintf(path, sizeof path, "%s/state", folder);
    setenv("XDG_STATE_HOME", path, 1);
    for (size_t i = 0; i < start->variables; i++)
        if (strchr(start->variable[i].at, '='))
            putenv(start->variable[i].at);
}

/* In the child, whose standard streams are there. */
static void become(Start *start) {
    char *argv[MOST_WORDS + 2] = { program };
    for (size_t i = 0; i < start->words; i++)
        argv[i + 1] = start->word[i].at;
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (chdir(folder) != 0)
        _exit(126);
    set_variables(start);
    execv(program, argv);
    _exit(126);
}

typedef struct Child {
    pid_t pid;
    int in, out; /* a terminal: the same */
} Child;

static int open_terminal(char *name, size_t size) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
        return -1;
    snprintf(name, size, "%s", ptsname(terminal));
    return terminal;
}

static Child in_terminal(Start *start) {
    char name[128];
    int terminal = open_terminal(name, sizeof name);
    Child child = { fork(), terminal, terminal };
    if (child.pid != 0)
        return child;
    setsid();
    int own = open(name, O_RDWR);
    ioctl(own, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(own, i);
    close(own);
    close(terminal);
    become(start);
    return child;
}

static Child behind_pipes(Start *start) {
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0)
        return (Child){ -1, -1, -1 };
    Child child = { fork(), in[1], out[0] };
    if (child.pid == 0) {
        setsid();
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        int own[4] = { in[0], in[1], out[0], out[1] };
        for (int i = 0; i < 4; i++)
            close(own[i]);
        become(start);
    }
    close(in[0]);
    close(out[1]);
    return child;
}

typedef struct Outcome {
    char said[MOST_SAID + 1];
    size_t length;
    int status;
    long kilobytes;
    bool hung;
} Outcome;

/* What comes within a while goes behind what has been said; false: there is no more. */
static bool hear(const Child *child, Outcome *outcome, int milliseconds, bool *silent) {
    static char spill[4096];
    struct pollfd from = { .fd = child->out, .events = POLLIN };
    *silent = poll(&from, 1, milliseconds) == 0;
    if (*silent)
        return true;
    size_t room = MOST_SAID - outcome->length;
    ssize_t n = read(child->out, room ? outcome->said + outcome->length : spill,
                     room ? room : sizeof spill);
    if (n > 0 && room)
        outcome->length += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void type(const Child *child, const char *bytes, size_t n) {
    ssize_t written = write(child->in, bytes, n);
    (void)written; /* who does not listen is found out by the clock */
}

/* A file of /proc, as far as it fits; false: it is not there. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size) {
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file >= 0 ? read(file, text, size - 1) : -1;
    if (file >= 0)
        close(file);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The first thread sleeps, and so it is with its children: as a rule they wait for a key. */
static bool sleeps(pid_t pid) {
    char text[512], name[64];
    const char *kind =
        read_proc(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL; /* "1 (name) S …" */
    if (!kind || kind[1] != ' ' || kind[2] != 'S')
        return false;
    snprintf(name, sizeof name, "task/%d/children", (int)pid);
    read_proc(pid, name, text, sizeof text);
    char *at = text, *end = text;
    for (long child; (child = strtol(at, &end, 10)) > 0 && end != at; at = end)
        if (!sleeps((pid_t)child))
            return false;
    return true;
}

/* Has the terminal been asked what it is? It does not say, for which the program waits a little. */
static bool is_asked(const Outcome *outcome) {
    static const char question[] = "\x1b[c";
    size_t n = sizeof question - 1;
    return outcome->length >= n && memcmp(outcome->said + outcome->length - n, question, n) == 0;
}

/* Silence is when nothing more comes and nobody works; without /proc, a while. */
static bool is_silent(const Child *child, const Outcome *outcome, int quiet) {
    return quiet * TICK >= MOST_SILENCE || (quiet >= 2 && !is_asked(outcome) && sleeps(child->pid));
}

/* Type, and then at each silence something else that ends what waits: a line, the prompt, a pager.
 * Ctrl-C makes a terminal forget what was typed before it, so it comes alone. */
static void talk(const Start *start, const Child *child, Outcome *outcome) {
    static const char *const ends[] = { "\3", "\n\4", "q" };
    double end = now() + SECONDS;
    bool silent = false, more = true;
    int quiet = 0;
    if (!start->terminal) {
        type(child, start->typed.at, start->typed.length);
        close(child->in);
    }
    for (size_t turn = 0; (more = hear(child, outcome, TICK, &silent)) && now() < end;) {
        quiet = silent ? quiet + 1 : 0;
        if (!start->terminal || !is_silent(child, outcome, quiet))
            continue;
        const char *words = turn == 0 ? start->typed.at : ends[(turn - 1) % COUNT(ends)];
        type(child, words, turn == 0 ? start->typed.length : strlen(words));
        turn++;
        quiet = 0;
    }
    outcome->hung = more;
}

static void run(Start *start, Outcome *outcome) {
    struct rusage usage;
    Child child = start->terminal ? in_terminal(start) : behind_pipes(start);
    if (child.pid < 0 || child.out < 0) {
        perror("test_starts");
        exit(2);
    }
    *outcome = (Outcome){ .length = 0 };
    if (start->terminal)
        fcntl(child.in, F_SETFL, O_NONBLOCK);
    talk(start, &child, outcome);
    if (outcome->hung)
        kill(-child.pid, SIGKILL);
    close(child.out);
    wait4(child.pid, &outcome->status, 0, &usage);
    outcome->kilobytes = usage.ru_maxrss;
    outcome->said[outcome->length] = '\0';
}

/* ---- Judging --------------------------------------------------------------------------------- */

static bool wants_own_frames(const Start *start) {
    for (size_t i = 0; i < start->words; i++)
        if (strstr(start->word[i].at, "--d"))
            return true;
    return false;
}

/* A line of one of the program's Lua files, "…/perigee/init.lua:12:". */
static bool names_own_files(const Start *start, const Outcome *outcome) {
    const char *at = outcome->said, *end = outcome->said + outcome->length;
    while (!wants_own_frames(start) &&
           (at = memmem(at, (size_t)(end - at), lua_dir, strlen(lua_dir)))) {
        size_t n = strcspn(at, "\n\r ':\"");
        if (at[n] == ':' && at[n + 1] >= '0' && at[n + 1] <= '9')
            return true;
        at++;
    }
    return false;
}

static const char *fault(const Start *start, const Outcome *outcome) {
    static char text[128];
    if (outcome->hung)
        return "it hangs";
    if (start->terminal && WIFSIGNALED(outcome->status) && WTERMSIG(outcome->status) == SIGINT)
        return NULL; /* our Ctrl-C came when the prompt had been left and all was being closed */
    if (WIFSIGNALED(outcome->status)) {
        snprintf(text, sizeof text, "it ends by signal %d", WTERMSIG(outcome->status));
        return text;
    }
    if (WEXITSTATUS(outcome->status) > 2 && WEXITSTATUS(outcome->status) != 130) {
        snprintf(text, sizeof text, "its status is %d", WEXITSTATUS(outcome->status));
        return text;
    }
    if (outcome->kilobytes > 1 << 20)
        return "it uses more than a gigabyte";
    return names_own_files(start, outcome) ? "it shows Lua's words about the program's files"
                                           : NULL;
}

static void print_quoted(const char *what, const char *bytes, size_t n) {
    printf("# %s \"", what);
    for (size_t i = 0; i < n; i++)
        if (bytes[i] >= ' ' && bytes[i] <= '~' && bytes[i] != '"' && bytes[i] != '\\')
            putchar(bytes[i]);
        else
            printf("\\x%02x", (unsigned char)bytes[i]);
    puts("\"");
}

static void print_start(const Start *start, const Outcome *outcome) {
    printf("# in %s\n", start->terminal ? "a terminal" : "pipes");
    for (size_t i = 0; i < start->words; i++)
        print_quoted("word", start->word[i].at, start->word[i].length);
    for (size_t i = 0; i < start->variables; i++)
        print_quoted("variable", start->variable[i].at, start->variable[i].length);
    print_quoted("init", start->init.at, start->init.length);
    print_quoted("history", start->history.at, start->history.length);
    print_quoted("script", start->script.at, start->script.length);
    print_quoted("typed", start->typed.at, start->typed.length);
    print_quoted("said", outcome->said, outcome->length < 4000 ? outcome->length : 4000);
}

static bool try(uint64_t number) {
    static Start start;
    static Outcome outcome;
    choose(&start, number);
    write_files(&start);
    run(&start, &outcome);
    const char *wrong = fault(&start, &outcome);
    if (wrong) {
        printf("# start %llu: %s\n", (unsigned long long)number, wrong);
        print_start(&start, &outcome);
    }
    return !wrong;
}

/* ---- Around it ------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void find_lua(void) {
    static const char *const places[] = { "../lua", "../../lua" };
    char path[PATH_MAX + 16], at[PATH_MAX];
    snprintf(at, sizeof at, "%s", program);
    *strrchr(at, '/') = '\0';
    for (size_t i = 0; i < COUNT(places); i++) {
        snprintf(path, sizeof path, "%s/%s", at, places[i]);
        if (realpath(path, lua_dir))
            return;
    }
    fputs("test_starts: no folder lua near the program\n", stderr);
    exit(2);
}

static bool all(uint64_t from, uint64_t count) {
    for (uint64_t i = from; i < from + count; i++)
        if (!try(i))
            return false;
    return true;
}

int main(int argc, char **argv) {
    const char *named = argc > 3 ? argv[3] : getenv("PERIGEE");
    const char *top = getenv("TMPDIR");
    if (!named || !realpath(named, program)) {
        fputs("test_starts: which program? tests/run says it by PERIGEE\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    find_lua();
    snprintf(folder, sizeof folder, "%s/perigee-starts.XXXXXX", top && *top ? top : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        return 2;
    }
    bool ok =
        argc > 2 ? all(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10)) : all(0, USUAL);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (argc <= 2)
        printf("%sok 1 - mutated init files, histories, command lines and environments\n1..1\n",
               ok ? "" : "not ");
    return !ok;
}
