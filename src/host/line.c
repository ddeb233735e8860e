#include "host/line.h"

#include "core/progress.h"
#include "host/typing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_LENGTH = 5000 };

static struct {
    char *history_path;
    LineCompleter *completer;
    const void *context;
    LineChoices choices; /* of the Tab being answered */
    char *received;      /* the line that readline handed over */
    bool finished;
    bool dropped; /* Ctrl-C was typed */
} line;

/* ---- History --------------------------------------------------------------------------------- */

/* Make the folders above the file; the file itself is for the user's eyes only. */
static bool history_file_ready(const char *path) {
    char *folder = strdup(path);
    if (!folder)
        return false;
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(folder, 0700);
        *slash = '/';
    }
    free(folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static void history_open(const char *path) {
    using_history();
    stifle_history(HISTORY_LENGTH);
    if (!path || !*path || !history_file_ready(path))
        return;
    line.history_path = strdup(path);
    /* A time stamp ahead of each entry tells its first line from its others. */
    history_comment_char = '#';
    history_write_timestamps = 1;
    read_history(path);
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\n")] == '\0';
}

void line_remember(const char *entry) {
    HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
    if (is_blank(entry) || (last && strcmp(last->line, entry) == 0))
        return;
    add_history(entry);
    if (line.history_path)
        append_history(1, line.history_path);
}

/* ---- Completion ------------------------------------------------------------------------------ */

static char *next_choice(const char *text, int again) {
    static size_t next;
    (void)text;
    if (!again)
        next = 0;
    return next < line.choices.count ? line.choices.word[next++] : NULL;
}

/* Readline cuts the word to complete at these characters: all but as many bytes before the cursor
 * as the completer wants replaced. It asks for them first, so that the choices are made here. */
static char *break_characters(void) {
    static char breaks[] = " \t\n\"'`@$><=;|&{}()[]+-*/^%#~,.:\\!?";
    static char quotes[] = "\"'";
    char *before = strndup(rl_line_buffer, (size_t)rl_point);
    line.choices = (LineChoices){ 0 };
    if (before && line.completer)
        line.completer(line.context, before, &line.choices);
    free(before);
    /* In a quoted word everything but the quote belongs to it. */
    size_t start = (size_t)rl_point - line.choices.replaced;
    bool quoted = start > 0 && strchr(quotes, rl_line_buffer[start - 1]) != NULL;
    return quoted ? quotes : breaks;
}

static char **choices_for_readline(const char *text, int start, int end) {
    rl_attempted_completion_over = 1;
    rl_completion_suppress_append = 1;
    char **matches = NULL;
    if (line.choices.want_files) {
        rl_filename_completion_desired = 1;
        matches = rl_completion_matches(text, rl_filename_completion_function);
    } else if ((size_t)(end - start) == line.choices.replaced) {
        matches = rl_completion_matches(text, next_choice);
    } else {
        for (size_t i = 0; i < line.choices.count; i++)
            free(line.choices.word[i]);
    }
    free(line.choices.word);
    line.choices = (LineChoices){ 0 };
    return matches;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Ctrl-C is a key while a line is typed, not a signal: a signal can overtake or be overtaken by the
 * keys around it, and what is typed after it must go to the next line. */
static int drop_line(int count, int key) {
    (void)count;
    (void)key;
    line.dropped = true;
    return 0;
}

static void bind_interrupt_key(void) {
    const Keymap maps[] = { emacs_standard_keymap, vi_insertion_keymap, vi_movement_keymap };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        rl_bind_key_in_map(CTRL('C'), drop_line, maps[i]);
    /* Questions in the middle of a list of choices would not know the key. */
    rl_completion_query_items = -1;
    rl_variable_bind("page-completions", "off");
}

/* ---- Keys without a meaning ------------------------------------------------------------------ */

static int ring(int count, int key) {
    (void)count;
    (void)key;
    rl_ding();
    return 0;
}

/* What follows the first key of a sequence and means nothing. In a map that falls back on the first
 * key's own meaning it means that. */
static void ring_in(Keymap map, bool follows) {
    bool falls_back = map[ANYOTHERKEY].function != NULL;
    for (int key = 0; key < ANYOTHERKEY; key++) {
        if (map[key].type == ISKMAP)
            ring_in((Keymap)map[key].function, true);
        else if (follows && !falls_back && map[key].type == ISFUNC && !map[key].function)
            map[key].function = ring;
    }
}

/* At such a key readline aborts, which is a longjmp; and when the sequence ended a search (Ctrl-R
 * Ctrl-X z) or was pasted in one, readline 8.2 jumps into a function that has returned. So they
 * only ring the bell, as an abort does. When a line begins, readline has its own keys and the
 * user's. */
static int ring_at_unbound_keys(void) {
    ring_in(emacs_standard_keymap, false);
    ring_in(vi_insertion_keymap, false);
    ring_in(vi_movement_keymap, false);
    return 0;
}

void line_open(const char *history_path, LineCompleter *completer, const void *context) {
    line.completer = completer;
    line.context = context;
    if (!isatty(STDIN_FILENO))
        return;
    rl_readline_name = "perigee";
    rl_catch_signals = 0;
    typing_install();
    bind_interrupt_key();
    rl_startup_hook = ring_at_unbound_keys;
    rl_variable_bind("show-all-if-ambiguous", "on"); /* the user's inputrc has the last word */
    rl_outstream = isatty(STDOUT_FILENO) ? stdout : stderr;
    rl_completion_word_break_hook = break_characters;
    rl_attempted_completion_function = choices_for_readline;
    /* Quotes are the completer's business; whoever wants the closing one types it. */
    rl_completer_quote_characters = NULL;
    rl_basic_quote_characters = "";
    history_open(history_path);
}

static void receive(char *text) {
    line.received = text;
    line.finished = true;
    rl_callback_handler_remove();
}

/* Drop what was typed; the next prompt starts on a line of its own. */
static void give_up_line(void) {
    rl_point = rl_end; /* the mark goes behind the last line of what was typed */
    rl_redisplay();
    fputs("^C", rl_outstream);
    rl_free_line_state();
    rl_callback_sigcleanup();
    rl_callback_handler_remove();
    fputc('\n', rl_outstream);
    fflush(rl_outstream);
}

/* pselect lets no signal in where keys wait already: what was typed right after a Ctrl-C would then
 * still go to the line that it gave up. */
static bool was_interrupted(void) {
    sigset_t waiting;
    sigpending(&waiting);
    return sigismember(&waiting, SIGINT) || progress_interrupt_pending();
}

/* SIGINT is let in only while select waits, so that none slips between the look and the wait. */
static bool wait_for_key(const sigset_t *open_mask) {
    fd_set keys;
    FD_ZERO(&keys);
    FD_SET(STDIN_FILENO, &keys);
    if (was_interrupted())
        return false;
    if (pselect(STDIN_FILENO + 1, &keys, NULL, NULL, NULL, open_mask) > 0) {
        typing_redraw();
        if (!was_interrupted())
            rl_callback_read_char();
    } else if (errno == EINTR && !progress_interrupt_pending()) {
        typing_redraw();
    }
    return !was_interrupted();
}

static LineStatus read_from_terminal(const char *prompt, char **text) {
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigprocmask(SIG_BLOCK, &block, &old);
    line.finished = line.dropped = false;
    line.received = NULL;
    typing_begin();
    rl_callback_handler_install(prompt, receive);
    bool going = true;
    while (going && !line.finished)
        going = wait_for_key(&old) && !line.dropped;
    if (!line.finished)
        give_up_line();
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (!line.finished)
        return LINE_INTERRUPTED;
    if (!line.received)
        return LINE_END;
    *text = line.received;
    return LINE_READ;
}

static LineStatus read_plainly(char **text) {
    size_t room = 0;
    char *buffer = NULL;
    ssize_t length = getline(&buffer, &room, stdin);
    if (length < 0) {
        free(buffer);
        return progress_interrupt_pending() ? LINE_INTERRUPTED : LINE_END;
    }
    if (length > 0 && buffer[length - 1] == '\n')
        buffer[length - 1] = '\0';
    *text = buffer;
    return LINE_READ;
}

LineStatus line_read(const char *prompt, char **text) {
    return isatty(STDIN_FILENO) ? read_from_terminal(prompt, text) : read_plainly(text);
}
