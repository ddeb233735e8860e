#include "host/typing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <readline/readline.h>

/* Of one terminal. The handlers touch nothing else; readline's own functions may not be called from
 * them. */
static struct {
    struct termios found, typed; /* the modes before, and while a line is typed */
    bool pastes_told;            /* the terminal marks what is pasted */
    bool changed;                /* the modes are `typed` */
    volatile sig_atomic_t came_back, resized;
} typing;

static const int leaving[] = { SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
enum { LEAVING = sizeof leaving / sizeof *leaving };

static struct sigaction before[LEAVING], before_continuing, before_resizing;

static void tell_terminal(const char *words) {
    ssize_t ignored = typing.pastes_told ? write(STDOUT_FILENO, words, strlen(words)) : 0;
    (void)ignored;
}

static void on_leaving(int signal_number);

/* Only what would end or stop the program: what is ignored (nohup) stays so. */
static void catch_signal(int signal_number, void (*handler)(int), struct sigaction *old) {
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, NULL, old);
    if (old->sa_handler == SIG_DFL)
        sigaction(signal_number, &action, NULL);
}

/* Put the terminal back, and let the signal do what it does. A SIGTSTP returns from that. */
static void on_leaving(int signal_number) {
    int saved_errno = errno;
    struct sigaction now, plain = { .sa_handler = SIG_DFL };
    sigset_t this_one;
    tcsetattr(STDIN_FILENO, TCSANOW, &typing.found);
    tell_terminal("\033[?2004l\r");
    sigaction(signal_number, &plain, &now);
    sigemptyset(&this_one);
    sigaddset(&this_one, signal_number);
    raise(signal_number);
    pthread_sigmask(SIG_UNBLOCK, &this_one, NULL);
    sigaction(signal_number, &now, NULL);
    errno = saved_errno;
}

/* In the background this stops the program once more, until it is in front. */
static void on_continuing(int signal_number) {
    (void)signal_number;
    int saved_errno = errno;
    tcsetattr(STDIN_FILENO, TCSANOW, &typing.typed);
    tell_terminal("\033[?2004h");
    typing.came_back = 1;
    errno = saved_errno;
}

static void on_resizing(int signal_number) {
    (void)signal_number;
    typing.resized = 1;
}

static void prepare(int meta) {
    if (typing.changed || tcgetattr(STDIN_FILENO, &typing.found) != 0)
        return;
    rl_prep_terminal(meta);
    tcgetattr(STDIN_FILENO, &typing.typed);
    typing.typed.c_cc[VINTR] = _POSIX_VDISABLE;
    typing.typed.c_iflag &= ~(tcflag_t)IXON; /* Ctrl-C would not let a stopped terminal go on */
    tcsetattr(STDIN_FILENO, TCSANOW, &typing.typed);
    const char *pastes = rl_variable_value("enable-bracketed-paste");
    typing.pastes_told = pastes && strcmp(pastes, "on") == 0;
    typing.changed = true;
    for (int i = 0; i < LEAVING; i++)
        catch_signal(leaving[i], on_leaving, &before[i]);
    catch_signal(SIGCONT, on_continuing, &before_continuing);
    catch_signal(SIGWINCH, on_resizing, &before_resizing);
}

static void restore(void) {
    if (!typing.changed)
        return;
    for (int i = 0; i < LEAVING; i++)
        sigaction(leaving[i], &before[i], NULL);
    sigaction(SIGCONT, &before_continuing, NULL);
    sigaction(SIGWINCH, &before_resizing, NULL);
    rl_deprep_terminal();
    typing.changed = false;
}

void typing_install(void) {
    rl_prep_term_function = prepare;
    rl_deprep_term_function = restore;
    rl_catch_sigwinch = 0; /* readline's own handler is there only while it looks at a key */
}

void typing_begin(void) {
    typing.resized = typing.came_back = 0;
    if (rl_instream) /* not before readline's first line */
        rl_reset_screen_size();
}

void typing_redraw(void) {
    if (typing.resized)
        rl_resize_terminal();
    if (typing.came_back)
        rl_forced_update_display();
    typing.resized = typing.came_back = 0;
}
