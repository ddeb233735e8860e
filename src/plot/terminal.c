#include "plot/terminal.h"

#include "core/context.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER_WAIT_MS = 100 };

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

static bool contains(const char *name, const char *part) {
    const char *value = getenv(name);
    return value && strstr(value, part);
}

static size_t number_from(const char *name, size_t fallback) {
    const char *value = getenv(name);
    long number = value ? strtol(value, NULL, 10) : 0;
    return number > 0 ? (size_t)number : fallback;
}

static bool is_dumb(void) {
    const char *term = getenv("TERM");
    return !term || !*term || strcmp(term, "dumb") == 0;
}

static PictureMode best_picture(bool colour) {
    static const struct {
        const char *word;
        PictureMode mode;
    } words[] = { { "plain", PICTURE_PLAIN },
                  { "256", PICTURE_256 },
                  { "rgb", PICTURE_RGB },
                  { "sixel", PICTURE_SIXEL } };
    const char *wish = getenv("PERIGEE_PICTURE");
    for (size_t i = 0; wish && i < sizeof words / sizeof *words; i++)
        if (strcmp(wish, words[i].word) == 0)
            return words[i].mode;
    if (!colour)
        return PICTURE_PLAIN;
    if (contains("COLORTERM", "truecolor") || contains("COLORTERM", "24bit") ||
        contains("TERM", "direct"))
        return PICTURE_RGB;
    return contains("TERM", "256") || contains("TERM", "kitty") ? PICTURE_256 : PICTURE_PLAIN;
}

Terminal terminal_now(void) {
    Terminal terminal = { .output = isatty(STDOUT_FILENO) != 0,
                          .columns = number_from("COLUMNS", 80),
                          .rows = number_from("LINES", 24) };
    struct winsize size;
    if (terminal.output && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        terminal.columns = size.ws_col;
        terminal.rows = size.ws_row;
        terminal.cell_width = size.ws_xpixel / size.ws_col;
    }
    terminal.colour = terminal.output && !is_dumb() && !is_set("NO_COLOR");
    terminal.picture = best_picture(terminal.colour);
    return terminal;
}

/* "\033[?62;4;22c": a 4 among the attributes says sixel. */
static bool answer_names_sixel(const char *answer) {
    const char *p = strstr(answer, "\033[?");
    for (p = p ? p + 3 : ""; *p && *p != 'c'; p += strcspn(p, ";c"), p += *p == ';')
        if (strtol(p, NULL, 10) == 4)
            return true;
    return false;
}

/* Read until the answer's final 'c'; false if it does not come in time. */
static bool read_answer(char *answer, size_t room) {
    size_t length = 0;
    struct pollfd key = { .fd = STDIN_FILENO, .events = POLLIN };
    while (length + 1 < room && poll(&key, 1, ANSWER_WAIT_MS) > 0) {
        if (read(STDIN_FILENO, answer + length, 1) != 1)
            break;
        answer[++length] = '\0';
        if (answer[length - 1] == 'c')
            return true;
    }
    return false;
}

/* A terminal is asked once by each context. */
typedef struct Sixel {
    bool asked, has;
} Sixel;

static bool ask_for_sixel(void) {
    static const char question[] = "\033[c";
    struct termios before, raw;
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    char answer[64] = "";
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    bool answered = write(STDOUT_FILENO, question, sizeof question - 1) > 0 &&
                    read_answer(answer, sizeof answer);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return answered && answer_names_sixel(answer);
}

bool terminal_has_sixel(void) {
    static const ContextSlot slot = { .size = sizeof(Sixel) };
    Sixel *sixel = context_slot(&slot);
    int waiting = 0;
    if (sixel->asked || !isatty(STDIN_FILENO) || !terminal_now().colour ||
        is_set("PERIGEE_PICTURE"))
        return sixel->has;
    if (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || waiting > 0)
        return false;
    sixel->asked = true;
    sixel->has = ask_for_sixel();
    return sixel->has;
}
