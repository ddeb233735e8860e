#include "plot/gnuplot.h"

#include "core/fail.h"
#include "core/progress.h"
#include "plot/child.h"
#include "plot/script.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const formats[] = { "png", "svg", "pdf", "letters", "sixels", NULL };
const Field gnuplot_picture_fields[] = {
    { FIELD_OF(GnuplotPicture, where, FIELD_STRING) },
    { FIELD_OF(GnuplotPicture, terminal, FIELD_STRING) },
    { FIELD_OF(GnuplotPicture, body, FIELD_STRING) },
    { FIELD_OF(GnuplotPicture, file, FIELD_STRING) },
    { FIELD_OF(GnuplotPicture, signature, FIELD_STRING) },
    { FIELD_OF(GnuplotPicture, format, FIELD_WORD), .words = formats },
    { FIELD_OF(GnuplotPicture, dots, FIELD_NUMBER), .low = 0, .high = 1e6 },
    { FIELD_OF(GnuplotPicture, timeout, FIELD_NUMBER), .low = 0, .high = 1e6 },
    { .name = NULL },
};

/* Seconds to wait for an answer that takes no drawing, and for gnuplot to leave when asked to. */
static const double ANSWER_TIMEOUT = 10, LEAVE_TIMEOUT = 0.5;

enum { POLL_MS = 50, WORDS_SIZE = 4096, ANSWER_SIZE = 16384 };

/* The last bytes of a stream: gnuplot may send a whole picture there when an output failed. */
typedef struct Tail {
    char text[ANSWER_SIZE + 1];
    size_t size;
} Tail;

struct Gnuplot {
    Child child;
    bool loads;      /* what is shared with it; one in a box of its own, or elsewhere, cannot */
    unsigned serial; /* of the last question */
    Tail out;
    char words[WORDS_SIZE + 1]; /* what it first said on stderr since the last question */
    size_t words_size;
    char version[32];
    char terminals[ANSWER_SIZE]; /* empty until asked */
};

/* What is being sent, in pieces, so that a large body need not be copied. */
typedef struct Stream {
    const char *const *piece; /* NULL-terminated */
    size_t offset;            /* into *piece */
} Stream;

/* ---- Finding and starting it ----------------------------------------------------------------- */

static bool is_program(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static char *join(const char *folder, size_t length, const char *name) {
    size_t size = length + strlen(name) + 3;
    char *path = malloc(size);
    if (path && length)
        snprintf(path, size, "%.*s/%s", (int)length, folder, name);
    else if (path)
        snprintf(path, size, "./%s", name); /* an empty entry of PATH is the working folder */
    return path;
}

char *gnuplot_find(void) {
    const char *wanted = getenv("PERIGEE_GNUPLOT");
    if (!wanted || !*wanted)
        wanted = "gnuplot";
    if (strchr(wanted, '/'))
        return is_program(wanted) ? strdup(wanted) : NULL;
    const char *entry = getenv("PATH");
    while (entry) {
        size_t length = strcspn(entry, ":");
        char *path = join(entry, length, wanted);
        if (path && is_program(path))
            return path;
        free(path);
        entry = entry[length] ? entry + length + 1 : NULL;
    }
    return NULL;
}

static bool start(Gnuplot *g, const char *where, Error *err) {
    char *path = gnuplot_find();
    if (!path)
        return error_set(err, ERROR_FILE, "%s: gnuplot was not found", where);
    char *argv[] = { "gnuplot", "-d", NULL };
    bool fine = child_start(path, argv, &g->child, err);
    free(path);
    if (!fine)
        error_prefix(err, "%s", where);
    g->version[0] = g->terminals[0] = '\0';
    return fine;
}

/* ---- One exchange ---------------------------------------------------------------------------- */

static void tail_add(Tail *tail, const char *text, size_t n) {
    if (n > ANSWER_SIZE) {
        text += n - ANSWER_SIZE;
        n = ANSWER_SIZE;
    }
    size_t kept = tail->size + n > ANSWER_SIZE ? ANSWER_SIZE - n : tail->size;
    memmove(tail->text, tail->text + tail->size - kept, kept);
    memcpy(tail->text + kept, text, n);
    tail->size = kept + n;
    tail->text[tail->size] = '\0';
}

/* The answer to question 7 stands between "<perigee 7>" and "</perigee 7>". */
static bool find_answer(const Gnuplot *g, unsigned serial, char answer[ANSWER_SIZE]) {
    char open[32], close[32];
    int length = snprintf(open, sizeof open, "<perigee %u>", serial);
    snprintf(close, sizeof close, "</perigee %u>", serial);
    const char *start = memmem(g->out.text, g->out.size, open, (size_t)length);
    const char *end = start ? strstr(start, close) : NULL;
    if (!end)
        return false;
    start += length;
    snprintf(answer, ANSWER_SIZE, "%.*s", (int)(end - start), start);
    return true;
}

/* Read what has come on both outputs, but of one that never ends only so much that the clock is
 * looked at. False when stdout has ended. */
static bool listen_to(Gnuplot *g) {
    enum { CHUNKS = 64 };
    char chunk[8192];
    ssize_t n = 0;
    for (int i = 0; i < CHUNKS && (n = child_read(g->child.err, chunk, sizeof chunk)) > 0; i++) {
        size_t room = WORDS_SIZE - g->words_size, take = (size_t)n < room ? (size_t)n : room;
        memcpy(g->words + g->words_size, chunk, take);
        g->words_size += take;
        g->words[g->words_size] = '\0';
    }
    for (int i = 0; i < CHUNKS && (n = child_read(g->child.out, chunk, sizeof chunk)) > 0; i++)
        tail_add(&g->out, chunk, (size_t)n);
    return n >= 0;
}

/* Send as much as it takes now. False when it no longer reads. */
static bool feed(const Child *child, Stream *stream) {
    while (*stream->piece) {
        const char *text = *stream->piece + stream->offset;
        size_t length = strlen(text);
        if (length == 0) {
            stream->piece++;
            stream->offset = 0;
            continue;
        }
        ssize_t n = child_write(child, text, length < 65536 ? length : 65536);
        if (n <= 0)
            return n == 0;
        stream->offset += (size_t)n;
    }
    return true;
}

/* The most telling line of its stderr: the last that is not empty, without "line 0:" or, of what it
 * loaded, "\"/proc/self/fd/3\" line 7:". */
static void last_words(Gnuplot *g, char *text, size_t size) {
    char *end = g->words + g->words_size;
    while (end > g->words && strchr(" \r\n\t", end[-1]))
        end--;
    *end = '\0';
    char *line = strrchr(g->words, '\n');
    line = line ? line + 1 : g->words;
    line += strspn(line, " \t");
    if (strncmp(line, "\"" CHILD_SHARED "\" ", sizeof CHILD_SHARED + 2) == 0)
        line += sizeof CHILD_SHARED + 2;
    if (strncmp(line, "line ", 5) == 0 && strchr(line, ':'))
        line = strchr(line, ':') + 1;
    snprintf(text, size, "%s", line + strspn(line, " \t"));
}

static bool report_death(Gnuplot *g, const char *where, Error *err) {
    char ending[64], words[512];
    /* Its pipe may close a moment before it can be waited for. */
    child_stop(&g->child, LEAVE_TIMEOUT);
    last_words(g, words, sizeof words);
    return error_set(err, ERROR_FILE, "%s: gnuplot ended with %s before it was done%s%s", where,
                     child_ending(&g->child, ending), *words ? "; it said: " : "", words);
}

static bool give_up(Gnuplot *g, const char *where, const char *reason, Error *err) {
    child_stop(&g->child, 0);
    return error_set(err, ERROR_FILE, "%s: %s", where, reason);
}

/* Wait until a pipe moves; a signal or POLL_MS wakes it too, to look at the clock. */
static void wait_for_pipes(const Child *child, bool writing) {
    struct pollfd fds[] = { { .fd = child->out, .events = POLLIN },
                            { .fd = child->err, .events = POLLIN },
                            { .fd = writing ? child->in : -1, .events = POLLOUT } };
    poll(fds, 3, POLL_MS);
}

/* Send the pieces, of which the last is the question g->serial, and wait for its answer. On any
 * failure the child is gone. */
static bool exchange(Gnuplot *g, const char *where, const char *const *pieces, double deadline,
                     char answer[ANSWER_SIZE], Error *err) {
    Stream stream = { .piece = pieces };
    g->out.size = g->words_size = 0;
    g->words[0] = '\0';
    for (;;) {
        bool reads = feed(&g->child, &stream);
        bool talks = listen_to(g);
        if (find_answer(g, g->serial, answer))
            return true;
        if (!reads || !talks || !child_alive(&g->child))
            return report_death(g, where, err);
        if (progress_interrupt_pending())
            return give_up(g, where, "interrupted", err);
        if (progress_clock() > deadline)
            return give_up(g, where, "gnuplot took too long and was stopped", err);
        wait_for_pipes(&g->child, *stream.piece != NULL);
    }
}

static void question(Gnuplot *g, const char *expression, char text[256]) {
    unsigned serial = ++g->serial;
    snprintf(text, 256, "\nset print '-'\nprint '<perigee %u>'.(%s).'</perigee %u>'\n", serial,
             expression, serial);
}

/* Run commands; false with gnuplot's own words if one of them failed. */
static bool run(Gnuplot *g, const char *where, const char *const commands[3], double deadline,
                Error *err) {
    char ask[256], answer[ANSWER_SIZE], words[512];
    question(g, "sprintf('%d|%s', GPVAL_ERRNO, GPVAL_ERRMSG)", ask);
    const char *pieces[] = { commands[0], commands[1], commands[2], ask, NULL };
    if (!exchange(g, where, pieces, deadline, answer, err))
        return false;
    const char *bar = strchr(answer, '|');
    if (bar && strtol(answer, NULL, 10) == 0 && !bar[1])
        return true;
    last_words(g, words, sizeof words);
    return error_set(err, ERROR_FILE, "%s: gnuplot says: %s", where,
                     bar && bar[1] ? bar + 1 : words);
}

static const char load[] = "load '" CHILD_SHARED "'\n";

/* Make sure that one is running. A question of its own tells one that cannot start (a broken
 * installation, a missing library) from a mistake in our commands. It is asked twice: who answers
 * the first time has read what is shared. */
static bool ensure(Gnuplot *g, const char *where, double timeout, Error *err) {
    if (progress_interrupt_pending())
        return error_set(err, ERROR_FILE, "%s: interrupted", where);
    if (child_alive(&g->child))
        return true;
    static const char version[] = "sprintf('%.1f.%s', GPVAL_VERSION, GPVAL_PATCHLEVEL)";
    char shared[256], ask[256], answer[ANSWER_SIZE];
    if (!start(g, where, err))
        return false;
    question(g, version, shared);
    question(g, version, ask);
    const bool shares = child_share(&g->child, shared, strlen(shared));
    const char *pieces[] = { shares ? load : "", ask, NULL };
    if (timeout > ANSWER_TIMEOUT)
        timeout = ANSWER_TIMEOUT;
    if (!exchange(g, where, pieces, progress_clock() + timeout, answer, err))
        return false;
    snprintf(g->version, sizeof g->version, "%.31s", answer);
    g->loads = find_answer(g, g->serial - 1, answer);
    return true;
}

/* ---- Public ---------------------------------------------------------------------------------- */

Gnuplot *gnuplot_new(Error *err) {
    Gnuplot *g = calloc(1, sizeof *g);
    if (!g) {
        error_memory(err, "plot", sizeof *g);
        return NULL;
    }
    g->child = (Child){ .in = -1, .out = -1, .err = -1, .shared = -1 };
    return g;
}

void gnuplot_free(Gnuplot *gnuplot) {
    if (!gnuplot)
        return;
    child_stop(&gnuplot->child, LEAVE_TIMEOUT);
    free(gnuplot);
}

const char *gnuplot_version(Gnuplot *gnuplot, const char *where, Error *err) {
    return ensure(gnuplot, where, ANSWER_TIMEOUT, err) ? gnuplot->version : NULL;
}

const char *gnuplot_terminals(Gnuplot *gnuplot, const char *where, Error *err) {
    if (!ensure(gnuplot, where, ANSWER_TIMEOUT, err))
        return NULL;
    if (!*gnuplot->terminals) {
        char ask[256], answer[ANSWER_SIZE];
        question(gnuplot, "GPVAL_TERMINALS", ask);
        const char *pieces[] = { ask, NULL };
        if (!exchange(gnuplot, where, pieces, progress_clock() + ANSWER_TIMEOUT, answer, err))
            return NULL;
        snprintf(gnuplot->terminals, sizeof gnuplot->terminals, " %.*s ", ANSWER_SIZE - 3, answer);
    }
    return gnuplot->terminals;
}

/* The terminal and the output first, and a look at how that went: a plot whose output could not be
 * opened would go to our pipe. `output` sets it; NULL for a window. */
static bool draw(Gnuplot *g, const GnuplotPicture *picture, const char *output, Error *err) {
    const double deadline = progress_clock() + picture->timeout;
    const char *setup[] = { "unset output\nreset\nreset errors\n", picture->terminal,
                            output ? output : "\n" };
    const char *body[] = { "\n", picture->body, output ? "\nunset output\n" : "\n" };
    if (!run(g, picture->where, setup, deadline, err))
        return false;
    /* it reads its standard input byte by byte, files in blocks: a figure takes half the time */
    if (g->loads && child_share(&g->child, picture->body, strlen(picture->body)))
        body[1] = load;
    bool fine = run(g, picture->where, body, deadline, err);
    child_share(&g->child, "", 0); /* its memory */
    return fine;
}

/* "set output …", malloc'd. "./" before a relative name: gnuplot would take one that begins with
 * '|' or '~' for more. */
static char *output_command(const char *path) {
    char *plain = NULL, *command = NULL;
    if (asprintf(&plain, "%s%s", *path == '/' ? "" : "./", path) < 0)
        return NULL;
    char *quoted = script_path(plain);
    if (quoted && asprintf(&command, "\nset output %s\n", quoted) < 0)
        command = NULL;
    free(quoted);
    free(plain);
    return command;
}

/* Version 6 only warns of a terminal that it does not know, and draws nothing. */
static bool check_whole(Gnuplot *g, const PictureFile *file, Error *err) {
    char words[512];
    last_words(g, words, sizeof words);
    return picture_whole(file, words, err);
}

static bool draw_file(Gnuplot *g, const GnuplotPicture *picture, PictureFile *file, Error *err) {
    char *output = output_command(file->writer.temporary);
    if (!output)
        return error_memory(err, picture->where, strlen(picture->file));
    bool fine = draw(g, picture, output, err) && check_whole(g, file, err) &&
                (!picture->signature || picture_sign(file, picture->signature, err));
    free(output);
    return fine;
}

bool gnuplot_draw(Gnuplot *gnuplot, const GnuplotPicture *picture, Error *err) {
    if (!ensure(gnuplot, picture->where, picture->timeout, err))
        return false;
    if (!picture->file)
        return draw(gnuplot, picture, NULL, err);
    PictureFile file = { .where = picture->where,
                         .file = picture->file,
                         .format = picture->format,
                         .dots = picture->dots };
    if (!picture_open(&file, err))
        return false;
    if (draw_file(gnuplot, picture, &file, err))
        return picture_keep(&file, err);
    picture_drop(&file);
    return false;
}
