#include "host/progress_bar.h"

#include "core/context.h"
#include "core/progress.h"
#include "core/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE = 512, FACTS = 96, BAR_WIDTH = 24, MIN_BAR_WIDTH = 8 };

/* Seconds. Off a terminal the first line comes later, and the last one only of what took a while.
 */
static const double SHOW_AFTER = 0.5, REDRAW_EVERY = 0.1;
static const double FIRST_AFTER = 4, LAST_AFTER = 1, LONGEST = 600;

typedef struct Bar {
    bool quiet, terminal, utf8;
    int depth;  /* of the loops open now */
    bool drawn; /* something stands on the terminal's line */
    double drawn_at;
    double next_at; /* seconds after the start when the next line is due, off the terminal */
} Bar;

/* One a context. */
static Bar *the_bar(void) {
    static const ContextSlot slot = { .size = sizeof(Bar) };
    return context_slot(&slot);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static bool locale_is_utf8(void) {
    const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static size_t terminal_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static void format_seconds(double seconds, char text[32]) {
    if (seconds < 9.95)
        snprintf(text, 32, "%.1f s", seconds);
    else if (seconds < 99.5)
        snprintf(text, 32, "%.0f s", seconds);
    else if (seconds < 5940)
        snprintf(text, 32, "%.0f min", seconds / 60);
    else
        snprintf(text, 32, "%.1f h", seconds / 3600);
}

/* Steps of the outermost loop, a second or each, whichever reads better. */
static void format_rate(double steps, double seconds, char text[32]) {
    double rate = steps / seconds;
    if (rate >= 1)
        snprintf(text, 32, "%.*f/s", rate < 9.95 ? 1 : 0, rate);
    else
        snprintf(text, 32, "%.1f s each", 1 / rate);
}

/* " 60 %  2.1/s  3.4 s left" */
static void format_facts(const Progress *progress, double elapsed, char text[FACTS]) {
    double fraction = progress_fraction(progress);
    if (!(fraction > 0)) {
        snprintf(text, FACTS, "  0 %%");
        return;
    }
    char rate[32], left[32];
    format_rate(fraction * progress->level[0].total, elapsed, rate);
    bool done = fraction > 1 - 1e-9;
    format_seconds(done ? elapsed : elapsed / fraction - elapsed, left);
    snprintf(text, FACTS, "%3.0f %%  %s  %s%s%s", floor(100 * fraction + 1e-7), rate,
             done ? "in " : "", left, done ? "" : " left");
}

/* ---- On a terminal --------------------------------------------------------------------------- */

static void clear_line(Bar *bar) {
    if (!bar->drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar->drawn = false;
}

static void draw(Bar *bar, const Progress *progress, double elapsed) {
    char facts[FACTS], line[LINE], cells[3 * BAR_WIDTH + 1] = "";
    format_facts(progress, elapsed, facts);
    const char *what = progress->level[0].what;
    size_t width = terminal_width(); /* a full line would wrap, and so would a ^C behind it */
    width = width > 3 ? width - 3 : 0;
    /* The bar gives way to the loop's own words, but not wholly; those are cut where it ends. */
    size_t needed = strlen(what) + strlen(facts) + 3;
    size_t wished = needed + strlen(progress->detail) + 2;
    size_t bar_width = MIN_BAR_WIDTH;
    if (width < needed + MIN_BAR_WIDTH)
        bar_width = 0;
    else if (width > wished + MIN_BAR_WIDTH)
        bar_width = width - wished < BAR_WIDTH ? width - wished : BAR_WIDTH;
    size_t full = (size_t)(progress_fraction(progress) * (double)bar_width);
    for (size_t i = 0; i < bar_width; i++)
        strcat(cells, i < full ? (bar->utf8 ? "━" : "#") : (bar->utf8 ? "┄" : "-"));
    snprintf(line, sizeof line, "%s  %s%s%s  %s", what, cells, bar_width ? " " : "", facts,
             progress->detail);
    line[utf8_head(line, width, NULL)] = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    bar->drawn = true;
}

/* ---- Elsewhere ------------------------------------------------------------------------------- */

/* "training: 60 %  2.1/s  3.4 s left  epoch 3" */
static void print_line(const Progress *progress, double elapsed) {
    char facts[FACTS];
    format_facts(progress, elapsed, facts);
    fprintf(stderr, "%s: %s%s%s\n", progress->level[0].what, facts + strspn(facts, " "),
            progress->detail[0] ? "  " : "", progress->detail);
}

/* Each line after twice the time of the last one, but not later than LONGEST after it. */
static void print_some(Bar *bar, const Progress *progress, double elapsed) {
    if (elapsed < bar->next_at || progress_fraction(progress) > 1 - 1e-9)
        return;
    print_line(progress, elapsed);
    bar->next_at = elapsed < LONGEST ? 2 * elapsed : elapsed + LONGEST;
}

/* The last line, of what took long enough for one; what was interrupted says so itself, as does
 * what failed before anything was done. */
static void print_end(const Progress *progress) {
    double elapsed = progress_clock() - progress->start;
    bool interrupted = progress->interrupted || progress_interrupt_pending();
    if (elapsed < LAST_AFTER || interrupted || progress->level[0].done == 0)
        return;
    Progress whole = *progress;
    whole.depth = 1;
    whole.level[0].done = whole.level[0].total;
    print_line(&whole, elapsed);
}

/* ---- The listener ---------------------------------------------------------------------------- */

static void listen(void *context, const Progress *progress) {
    Bar *bar = context;
    if (bar->depth == 0) { /* a new outermost loop */
        bar->next_at = FIRST_AFTER;
        bar->drawn_at = 0;
    }
    bar->depth = progress->depth;
    if (bar->quiet)
        return;
    if (bar->depth == 0) {
        if (bar->terminal)
            clear_line(bar);
        else
            print_end(progress);
        return;
    }
    double now = progress_clock(), elapsed = now - progress->start;
    if (elapsed < SHOW_AFTER)
        return;
    if (!bar->terminal) {
        print_some(bar, progress, elapsed);
    } else if (now - bar->drawn_at >= REDRAW_EVERY) {
        bar->drawn_at = now;
        draw(bar, progress, elapsed);
    }
}

void progress_bar_install(bool quiet) {
    const char *term = getenv("TERM");
    Bar *bar = the_bar();
    bar->quiet = quiet;
    bar->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    bar->utf8 = locale_is_utf8();
    progress_listen(listen, bar);
}

bool progress_bar_is_open(void) {
    return the_bar()->depth > 0;
}
