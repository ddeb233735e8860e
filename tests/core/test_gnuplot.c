#include "plot/gnuplot.h"

#include "core/error.h"
#include "core/progress.h"
#include "plot/script.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* A folder of this run, the working folder of all tests. */
static char folder[64];

#define PNG "set terminal pngcairo size 300,200 noenhanced\n"
#define SVG "set terminal svg size 300,200 noenhanced\n"

/* ---- Helpers --------------------------------------------------------------------------------- */

static size_t count_entries(const char *path) {
    size_t n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static char *read_text(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    if (size)
        *size = n;
    return text;
}

static void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* A program of the test's own in gnuplot's place. */
static void stand_in(const char *script) {
    write_text("stand-in", script);
    assert_int_equal(chmod("stand-in", 0755), 0);
    setenv("PERIGEE_GNUPLOT", "./stand-in", 1);
}

/* One that answers every question as a healthy gnuplot would; `on_output` is run for "set output"
 * with the file's name in $file. */
#define ANSWERING(on_output)                                                                       \
    "#!/bin/sh\n"                                                                                  \
    "while IFS= read -r line; do\n"                                                                \
    "  case \"$line\" in\n"                                                                        \
    "  \"set output \"*) file=${line#*\\'}; file=${file%\\'}; " on_output ";;\n"                   \
    "  print*GPVAL_VERSION*) n=${line#*perigee }; n=${n%%>*}\n"                                    \
    "    echo \"<perigee $n>6.0.1</perigee $n>\";;\n"                                              \
    "  print*) n=${line#*perigee }; n=${n%%>*}\n"                                                  \
    "    echo \"<perigee $n>0|</perigee $n>\";;\n"                                                 \
    "  esac\n"                                                                                     \
    "done\n"

static Gnuplot *new_gnuplot(void) {
    Error err = { 0 };
    Gnuplot *gnuplot = gnuplot_new(&err);
    assert_non_null(gnuplot);
    return gnuplot;
}

static bool draw(Gnuplot *gnuplot, const char *terminal, const char *body, const char *file,
                 double timeout, Error *err) {
    GnuplotPicture picture = {
        .where = "plot.test", .terminal = terminal, .body = body, .file = file, .timeout = timeout
    };
    if (file)
        picture_format(file, &picture.format);
    *err = (Error){ 0 };
    return gnuplot_draw(gnuplot, &picture, err);
}

static void assert_no_child_left(void) {
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void assert_says(const Error *err, const char *words) {
    if (!strstr(err->message, words))
        fail_msg("expected \"%s\" in \"%s\"", words, err->message);
}

static int use_real(void **state) {
    (void)state;
    unsetenv("PERIGEE_GNUPLOT");
    return 0;
}

static void need_gnuplot(void) {
    char *path = gnuplot_find();
    if (!path) {
        print_message("skipped: gnuplot is not installed\n");
        skip();
    }
    free(path);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void check_label(const char *text, const char *expected) {
    char *quoted = script_label(text, strlen(text));
    assert_string_equal(quoted, expected);
    free(quoted);
}

static void test_label(void **state) {
    (void)state;
    check_label("", "''");
    check_label("a_b^c {x} \"q\" `w` @m $1", "'a_b^c {x} \"q\" `w` @m $1'");
    check_label("it's", "'it'.\"\\047\".'s'");
    check_label("'", "''.\"\\047\".''");
    check_label("two\nlines", "'two'.\"\\012\".'lines'");
    check_label("tab\tbell\a.", "'tab bell\\x07.'");
    check_label("\x1b[2J\xc2\x9b \xe2\x80\xae", "'\\x1b[2J\\x9b \\u{202e}'");
    check_label("é ‖δ‖ 𝛿", "'é ‖δ‖ 𝛿'");
    check_label("\xff\xc0\xaf\xed\xa0\x80", "'\\xff\\xc0\\xaf\\xed\\xa0\\x80'");
    check_label("cut \xe2\x82", "'cut \\xe2\\x82'");
}

static void test_path(void **state) {
    (void)state;
    char *quoted = script_path("/a b/it's|`x`\n\x01\xff.png");
    assert_string_equal(quoted, "'/a b/it'.\"\\047\".'s|`x`'.\"\\012\".''.\"\\001\".'\xff.png'");
    free(quoted);
}

static void test_format(void **state) {
    (void)state;
    PictureFormat format = PICTURE_PDF;
    assert_true(picture_format("a.PNG", &format));
    assert_int_equal(format, PICTURE_PNG);
    assert_true(picture_format("dir.d/a.svg", &format));
    assert_int_equal(format, PICTURE_SVG);
    assert_false(picture_format("a.jpg", &format));
    assert_false(picture_format("png", &format));
    assert_false(picture_format(".png", &format));
    assert_int_equal(format, PICTURE_SVG);
}

/* ---- Pictures -------------------------------------------------------------------------------- */

static void test_formats(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    size_t size = 0;
    assert_true(draw(gnuplot, PNG, "plot sin(x)\n", "a.png", 30, &err));
    char *png = read_text("a.png", &size);
    assert_memory_equal(png, "\x89PNG", 4);
    /* The width and the height in the first chunk. */
    assert_memory_equal(png + 16, "\0\0\x01\x2c\0\0\0\xc8", 8);
    assert_true(size > 2000);
    free(png);
    assert_true(draw(gnuplot, SVG, "set title 'a title'\nplot sin(x)\n", "a.svg", 30, &err));
    char *svg = read_text("a.svg", NULL);
    assert_non_null(strstr(svg, "a title"));
    free(svg);
    assert_true(draw(gnuplot, "set terminal pdfcairo\n", "plot x\n", "a.pdf", 30, &err));
    assert_non_null(strstr(gnuplot_terminals(gnuplot, "plot.test", &err), " svg "));
    assert_int_equal(strspn(gnuplot_version(gnuplot, "plot.test", &err), "0123456789"), 1);
    gnuplot_free(gnuplot);
    assert_no_child_left();
}

static void test_odd_names(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    static const char *const names[] = { "a b.svg",
                                         "it's.svg",
                                         "\"q\".svg",
                                         "|touch pwned.svg",
                                         "`touch pwned`.svg",
                                         "two\nlines.svg",
                                         "~x.svg",
                                         "$(id).svg",
                                         "-d.svg",
                                         "\xff\x01.svg",
                                         "é.svg",
                                         "sub dir`touch pwned`/x.svg" };
    assert_int_equal(mkdir("sub dir`touch pwned`", 0777), 0);
    size_t before = count_entries(".");
    Error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!draw(gnuplot, SVG, "plot x title 'l`touch pwned`'\n", names[i], 30, &err))
            fail_msg("%s: %s", names[i], err.message);
        assert_int_equal(access(names[i], R_OK), 0);
    }
    /* As many new files as names, but for the one in the other folder: no temporary one, no
     * shell's. */
    assert_int_equal(count_entries("."), before + sizeof names / sizeof *names - 1);
    assert_int_equal(access("pwned", F_OK), -1);
    assert_int_equal(access("pwned.svg", F_OK), -1);
    gnuplot_free(gnuplot);
}

static void test_gnuplots_words(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    write_text("kept.svg", "old");
    size_t before = count_entries(".");
    Error err;
    assert_false(draw(gnuplot, SVG, "plot nonesuch(x)\n", "kept.svg", 30, &err));
    assert_int_equal(err.kind, ERROR_FILE);
    assert_says(&err, "plot.test: gnuplot says: undefined function: nonesuch");
    assert_false(draw(gnuplot, "set terminal nonesuch\n", "plot x\n", "kept.svg", 30, &err));
    assert_says(&err, "terminal");
    char *old = read_text("kept.svg", NULL);
    assert_string_equal(old, "old");
    free(old);
    assert_int_equal(count_entries("."), before);
    /* The same process goes on, and nothing of the mistakes stays with it. */
    assert_true(draw(gnuplot, SVG, "plot x\n", "kept.svg", 30, &err));
    gnuplot_free(gnuplot);
}

static void test_unwritable(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, PNG, "plot x\n", "none/a.png", 30, &err));
    assert_says(&err, "plot.test: cannot write none/a.png: No such file or directory");
    assert_false(draw(gnuplot, PNG, "plot x\n", "/proc/a.png", 30, &err));
    assert_says(&err, "plot.test: cannot write /proc/a.png");
    assert_false(draw(gnuplot, PNG, "plot x\n", "/dev/full", 30, &err));
    assert_says(&err, "plot.test: cannot write /dev/full: a device or pipe, not a file");
    assert_int_equal(mkdir("folder.png", 0777), 0);
    assert_false(draw(gnuplot, PNG, "plot x\n", "folder.png", 30, &err));
    assert_says(&err, "plot.test: cannot write folder.png: a folder, not a file");
    gnuplot_free(gnuplot);
}

/* A disk that takes 4000 bytes, as far as gnuplot can tell. */
static void test_full_disk(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    write_text("full.svg", "old");
    size_t before = count_entries(".");
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    Error err;
    bool drawn = draw(gnuplot, SVG, "plot sin(x)\n", "full.svg", 30, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_false(drawn);
    assert_says(&err, "full.svg was not written");
    char *kept = read_text("full.svg", NULL);
    assert_string_equal(kept, "old");
    free(kept);
    assert_int_equal(count_entries("."), before);
    gnuplot_free(gnuplot);
}

/* More data than any pipe holds, behind more words than one holds: neither side may wait for the
 * other. Nor where it cannot read what is shared. */
static void test_large_body(void **state) {
    (void)state;
    need_gnuplot();
    enum { LINES = 100000 };
    char *body = malloc(LINES * 32), *at = body;
    assert_non_null(body);
    at += sprintf(at, "set print\n"); /* standard error */
    for (int i = 0; i < 2000; i++)
        at += sprintf(at, "print 'as many bytes as a line of what it complains about: %d'\n", i);
    at += sprintf(at, "$d << EOD\n");
    for (int i = 0; i < LINES - 2000; i++)
        at += sprintf(at, "%d %d\n", i, i % 97);
    sprintf(at, "EOD\nplot $d with dots\n");
    for (int shares = 1; shares >= 0; shares--) {
        if (!shares)
            stand_in("#!/bin/sh\nexec gnuplot \"$@\" 3<&-\n");
        Gnuplot *gnuplot = new_gnuplot();
        Error err;
        if (!draw(gnuplot, PNG, body, "large.png", 60, &err))
            fail_msg("%s", err.message);
        gnuplot_free(gnuplot);
    }
    free(body);
}

/* A picture does not go through its standard input, which it reads byte by byte. */
static void test_body_is_loaded(void **state) {
    (void)state;
    need_gnuplot();
    stand_in("#!/bin/sh\ntee told | gnuplot \"$@\"\n");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_true(draw(gnuplot, SVG, "plot x title 'of its own'\n", "loaded.svg", 30, &err));
    gnuplot_free(gnuplot);
    char *told = read_text("told", NULL), *picture = read_text("loaded.svg", NULL);
    assert_null(strstr(told, "of its own"));
    assert_non_null(strstr(picture, "of its own"));
    free(told);
    free(picture);
}

/* Of what it says while it loads, the place in the shared file is left out. */
static void test_words_about_a_body(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, SVG, "plot '/none.dat', x\nexit status 2\n", "w.svg", 30, &err));
    assert_says(&err, "exit status 2 before it was done; it said: warning: Cannot find");
    gnuplot_free(gnuplot);
}

/* ---- What goes wrong with the process -------------------------------------------------------- */

static void test_missing(void **state) {
    (void)state;
    setenv("PERIGEE_GNUPLOT", "/nonexistent/gnuplot", 1);
    assert_null(gnuplot_find());
    setenv("PERIGEE_GNUPLOT", "no-such-program-anywhere", 1);
    assert_null(gnuplot_find());
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, PNG, "plot x\n", "m.png", 5, &err));
    assert_says(&err, "plot.test: gnuplot was not found");
    assert_int_equal(access("m.png", F_OK), -1);
    /* A file that is there but no program of this machine. */
    stand_in("\x7f"
             "ELF nothing");
    assert_false(draw(gnuplot, PNG, "plot x\n", "m.png", 5, &err));
    assert_says(&err, "could not start");
    gnuplot_free(gnuplot);
    assert_no_child_left();
}

static void test_found_on_path(void **state) {
    (void)state;
    char *old = strdup(getenv("PATH"));
    assert_int_equal(mkdir("bin", 0777), 0);
    write_text("bin/gnuplot", "#!/bin/sh\n");
    assert_int_equal(chmod("bin/gnuplot", 0755), 0);
    char path[128];
    snprintf(path, sizeof path, "/nonexistent:%s/bin", folder);
    setenv("PATH", path, 1);
    char *found = gnuplot_find();
    snprintf(path, sizeof path, "%s/bin/gnuplot", folder);
    assert_string_equal(found, path);
    free(found);
    setenv("PATH", old, 1);
    free(old);
}

static bool is_running(pid_t pid) {
    char path[64], letter = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%*d %*s %c", &letter) != 1)
        letter = 'Z';
    if (f)
        fclose(f);
    return letter != 'Z';
}

/* Silent from the start, with a child of its own: all of it goes. */
static void test_hang(void **state) {
    (void)state;
    stand_in("#!/bin/sh\nsleep 100 &\necho $! > grandchild\nwait\n");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    double start = progress_clock();
    assert_false(draw(gnuplot, PNG, "plot x\n", "h.png", 0.5, &err));
    assert_true(progress_clock() - start < 5);
    assert_says(&err, "plot.test: gnuplot took too long and was stopped");
    char *text = read_text("grandchild", NULL);
    pid_t grandchild = (pid_t)atoi(text);
    free(text);
    assert_true(grandchild > 1);
    /* It is killed with its group; dying, and being reaped by whoever inherits it, take a moment.
     */
    while (is_running(grandchild) && progress_clock() - start < 5)
        usleep(10000);
    assert_false(is_running(grandchild));
    assert_no_child_left();
    gnuplot_free(gnuplot);
}

/* It hangs while it draws: the picture's temporary file goes too, and the next call starts anew. */
static void test_hang_while_drawing(void **state) {
    (void)state;
    need_gnuplot();
    size_t before = count_entries(".");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, PNG, "pause 100\n", "h.png", 1.5, &err));
    assert_says(&err, "took too long");
    assert_int_equal(count_entries("."), before);
    assert_no_child_left();
    assert_true(draw(gnuplot, SVG, "plot x\n", "h.svg", 30, &err));
    gnuplot_free(gnuplot);
}

static void test_death(void **state) {
    (void)state;
    need_gnuplot();
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, SVG, "exit status 3\n", "d.svg", 30, &err));
    assert_says(&err, "plot.test: gnuplot ended with exit status 3");
    assert_no_child_left();
    assert_true(draw(gnuplot, SVG, "plot x\n", "d.svg", 30, &err));
    gnuplot_free(gnuplot);
}

static void test_last_words(void **state) {
    (void)state;
    stand_in("#!/bin/sh\necho 'libfancy.so: cannot open' >&2\nexit 127\n");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, PNG, "plot x\n", "w.png", 5, &err));
    assert_says(&err, "exit status 127");
    assert_says(&err, "it said: libfancy.so: cannot open");
    stand_in("#!/bin/sh\nkill -SEGV $$\n");
    assert_false(draw(gnuplot, PNG, "plot x\n", "w.png", 5, &err));
    assert_says(&err, "signal 11");
    gnuplot_free(gnuplot);
    assert_no_child_left();
}

/* It says that all is well and leaves half a picture, or none. */
static void test_incomplete(void **state) {
    (void)state;
    stand_in(ANSWERING("printf '<?xml version=\"1.0\"?><svg><g>' > \"$file\""));
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, SVG, "plot x\n", "i.svg", 5, &err));
    assert_says(&err, "plot.test: i.svg was not written: gnuplot's picture is incomplete after 29");
    assert_int_equal(access("i.svg", F_OK), -1);
    assert_string_equal(gnuplot_version(gnuplot, "plot.test", &err), "6.0.1");
    gnuplot_free(gnuplot);
    stand_in(ANSWERING(":"));
    gnuplot = new_gnuplot();
    assert_false(draw(gnuplot, SVG, "plot x\n", "i.svg", 5, &err));
    assert_says(&err, "incomplete after 0 bytes");
    gnuplot_free(gnuplot);
    assert_no_child_left();
}

static void on_alarm(int number) {
    (void)number;
    progress_interrupt();
}

static void test_interrupt(void **state) {
    (void)state;
    stand_in("#!/bin/sh\nsleep 100\n");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    signal(SIGALRM, on_alarm);
    struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
    setitimer(ITIMER_REAL, &soon, NULL);
    double start = progress_clock();
    assert_false(draw(gnuplot, PNG, "plot x\n", "c.png", 60, &err));
    assert_true(progress_clock() - start < 5);
    assert_says(&err, "plot.test: interrupted");
    /* While the request stands nothing new is started. */
    assert_false(draw(gnuplot, PNG, "plot x\n", "c.png", 60, &err));
    assert_says(&err, "plot.test: interrupted");
    progress_clear_interrupt();
    signal(SIGALRM, SIG_DFL);
    gnuplot_free(gnuplot);
    assert_no_child_left();
}

/* One that ignores the end of its input is not waited for long. */
static void test_stubborn(void **state) {
    (void)state;
    stand_in(ANSWERING(":") "sleep 100\n");
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_non_null(gnuplot_version(gnuplot, "plot.test", &err));
    double start = progress_clock();
    gnuplot_free(gnuplot);
    assert_true(progress_clock() - start < 5);
    assert_no_child_left();
}

static void test_descriptors(void **state) {
    (void)state;
    need_gnuplot();
    size_t before = count_entries("/proc/self/fd");
    for (int i = 0; i < 3; i++) {
        Gnuplot *gnuplot = new_gnuplot();
        Error err;
        assert_true(draw(gnuplot, SVG, "plot x\n", "f.svg", 30, &err));
        draw(gnuplot, SVG, "exit\n", "f.svg", 30, &err);
        assert_true(draw(gnuplot, SVG, "plot x\n", "f.svg", 30, &err));
        gnuplot_free(gnuplot);
    }
    setenv("PERIGEE_GNUPLOT", folder, 1);
    Gnuplot *gnuplot = new_gnuplot();
    Error err;
    assert_false(draw(gnuplot, SVG, "plot x\n", "f.svg", 30, &err));
    gnuplot_free(gnuplot);
    assert_int_equal(count_entries("/proc/self/fd"), before);
}

/* ---- The run --------------------------------------------------------------------------------- */

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/perigee-test-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static void remove_tree(const char *path) {
    DIR *d = opendir(path);
    if (!d) {
        unlink(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char inner[512];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        remove_tree(inner);
    }
    closedir(d);
    rmdir(path);
}

static int drop_folder(void **state) {
    (void)state;
    remove_tree(folder);
    return chdir("/");
}

#define TEST(function) cmocka_unit_test_setup(function, use_real)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_label),
        TEST(test_path),
        TEST(test_format),
        TEST(test_formats),
        TEST(test_odd_names),
        TEST(test_gnuplots_words),
        TEST(test_unwritable),
        TEST(test_full_disk),
        TEST(test_large_body),
        TEST(test_body_is_loaded),
        TEST(test_words_about_a_body),
        TEST(test_missing),
        TEST(test_found_on_path),
        TEST(test_hang),
        TEST(test_hang_while_drawing),
        TEST(test_death),
        TEST(test_last_words),
        TEST(test_incomplete),
        TEST(test_interrupt),
        TEST(test_stubborn),
        TEST(test_descriptors),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
