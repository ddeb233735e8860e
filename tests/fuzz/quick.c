/* The harnesses without libFuzzer and sanitizers, on the program as it is shipped: mutations of the
 * files in folders, which nothing guides, but ten times as many. What guard.h finds counts, reads
 * behind the end of the file, signals, 20 seconds for one file, blocks that are never freed, and
 * what the harness itself says. See tests/fuzz/run.
 *
 *     quick_HARNESS LENGTH RUNS SECONDS SEED CASE FOLDER…
 *
 * says "N executions of N files, N MB at most", or what was found, of which CASE is the file. */
#include "fuzz.h"
#include "guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#pragma weak LLVMFuzzerInitialize
#pragma weak LLVMFuzzerCustomMutator
#pragma weak fuzz_settle

enum { MOST_SECONDS = 20, MOST_WAITING = 300, WARM = 2000 };

typedef struct File {
    uint8_t *bytes;
    size_t size;
} File;

static File *files;
static size_t file_count;
static uint64_t state;

static size_t draw(size_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)((state * 0x2545f4914f6cdd1du >> 32) % n);
}

/* ---- Mutations ------------------------------------------------------------------------------- */

/* Of a number of bytes; small ones more often. */
static size_t draw_length(size_t most) {
    size_t n = draw(4) ? draw(8) + 1 : draw(most) + 1;
    return n < most ? n : most;
}

static size_t erase(uint8_t *bytes, size_t size) {
    if (size < 2)
        return size;
    size_t n = draw_length(size - 1), at = draw(size - n + 1);
    memmove(bytes + at, bytes + at + n, size - at - n);
    return size - n;
}

/* A part of a file of the folders, or of this one, over what is there or between. */
static size_t graft(uint8_t *bytes, size_t size, size_t most) {
    File from = files[draw(file_count)];
    if (draw(2) || from.size == 0)
        from = (File){ bytes, size };
    uint8_t part[256];
    size_t n = draw_length(from.size < sizeof part ? from.size : sizeof part), at = draw(size);
    memcpy(part, from.bytes + draw(from.size - n + 1), n);
    bool between = draw(2);
    if (at + n > most || size + n > most)
        return size;
    if (between)
        memmove(bytes + at + n, bytes + at, size - at);
    memcpy(bytes + at, part, n);
    return between ? size + n : size > at + n ? size : at + n;
}

/* A number of 1, 2, 4 or 8 bytes, in either order. */
static void put_number(uint8_t *bytes, size_t size) {
    static const int64_t odd[] = { 0,         1,          -1,        2,        127,   128,
                                   255,       256,        32767,     65535,    65536, INT32_MAX,
                                   INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN };
    size_t width = (size_t)1 << draw(4);
    if (width > size)
        return;
    size_t at = draw(size - width + 1);
    uint64_t number = (uint64_t)odd[draw(sizeof odd / sizeof *odd)];
    bool big = draw(2);
    for (size_t i = 0; i < width; i++)
        bytes[at + i] = (uint8_t)(number >> 8 * (big ? width - 1 - i : i));
}

/* Text: another digit, or a sign that means something. */
static void put_sign(uint8_t *bytes, size_t size) {
    static const char signs[] = "0123456789-+.eE,;:\"'[]{}()# \t\n\r\\/nfNI";
    size_t at = draw(size);
    for (size_t i = 0; i < 64 && at + i < size; i++)
        if (bytes[at + i] >= '0' && bytes[at + i] <= '9') {
            bytes[at + i] =
                (uint8_t)(draw(4) ? '0' + draw(10) : (size_t)signs[draw(sizeof signs - 1)]);
            return;
        }
    bytes[at] = (uint8_t)signs[draw(sizeof signs - 1)];
}

/* The bytes from `at` to `end` with n in place of the first `gone` and as many more or fewer before
 * `end`, where there must be blanks for them. */
static void squeeze_in(uint8_t *at, size_t gone, const char *with, size_t n, uint8_t *end) {
    uint8_t *rest = at + gone;
    size_t between = (size_t)(end - rest), more = n > gone ? n - gone : 0;
    memmove(at + n, rest, between - more);
    if (n < gone)
        memset(at + n + between, ' ', gone - n);
    memcpy(at, with, n);
}

/* Where the first run of at least n blanks behind `at` ends; NULL: there is none near. */
static uint8_t *behind_blanks(uint8_t *at, const uint8_t *end, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < 256 && at + i < end; i++) {
        found = at[i] == ' ' ? found + 1 : 0;
        if (found == n)
            return at + i + 1;
    }
    return n == 0 ? at : NULL;
}

/* Text: an odd number for another one, and blanks make up for its length, as headers have them. */
static void put_digits(uint8_t *bytes, size_t size) {
    static const char *const odd[] = {
        "0",          "1",          "-1",  "65536", "99999999",
        "2147483648", "4294967295", "1e9", "07",    "18446744073709551615"
    };
    const char *with = odd[draw(sizeof odd / sizeof *odd)];
    size_t at = draw(size), gone = 0, n = strlen(with);
    while (at < size && (bytes[at] < '0' || bytes[at] > '9'))
        at++;
    while (at + gone < size && bytes[at + gone] >= '0' && bytes[at + gone] <= '9')
        gone++;
    uint8_t *rest = bytes + at + gone;
    uint8_t *end = behind_blanks(rest, bytes + size, n > gone ? n - gone : 0);
    if (gone > 0 && end)
        squeeze_in(bytes + at, gone, with, n, end);
}

static size_t mutate_once(uint8_t *bytes, size_t size, size_t most) {
    size_t at = draw(size);
    switch (draw(9)) {
    case 0:
        bytes[at] ^= (uint8_t)(1 << draw(8));
        return size;
    case 1:
        bytes[at] = (uint8_t)draw(256);
        return size;
    case 2:
        bytes[at] = (uint8_t)(bytes[at] + draw(9) - 4);
        return size;
    case 3:
        put_number(bytes, size);
        return size;
    case 4:
        put_sign(bytes, size);
        return size;
    case 5:
        return draw(4) ? size : erase(bytes, size);
    case 6:
        put_digits(bytes, size);
        return size;
    default:
        return graft(bytes, size, most);
    }
}

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most) {
    if (size == 0)
        bytes[size++] = (uint8_t)draw(256);
    for (size_t times = (size_t)1 << draw(4); times > 0; times--)
        size = mutate_once(bytes, size, most);
    return size;
}

static size_t mutate(uint8_t *bytes, size_t size, size_t most) {
    return LLVMFuzzerCustomMutator
               ? LLVMFuzzerCustomMutator(bytes, size, most, (unsigned)draw(1u << 31))
               : LLVMFuzzerMutate(bytes, size, most);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void add_file(const char *folder, const char *name, size_t most) {
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        if (file)
            fclose(file);
        return;
    }
    size_t size = (size_t)info.st_size < most ? (size_t)info.st_size : most;
    files = realloc(files, (file_count + 1) * sizeof *files);
    files[file_count] = (File){ malloc(size + 1), size };
    if (fread(files[file_count].bytes, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    file_count++;
    fclose(file);
}

static void add_folder(const char *folder, size_t most) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        add_file(folder, entries[i]->d_name, most);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

/* ---- Executions ------------------------------------------------------------------------------ */

static const uint8_t *tried;
static size_t tried_size;
static const char *case_path;
static size_t executions, most_executions;
static int seconds_left;

/* A signal may come while the guard is locked: dprintf would ask it for memory. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    char words[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    size_t size = length < (int)sizeof words ? (size_t)length : sizeof words - 1;
    if (write(STDERR_FILENO, words, size) != (ssize_t)size)
        _exit(1);
}

static void keep_case(void) {
    int file = open(case_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t written = file >= 0 ? write(file, tried, tried_size) : -1;
    if (written != (ssize_t)tried_size)
        say("quick: %s: it could not be written\n", case_path);
    say("quick: the case of %zu bytes is in %s\n", tried_size, case_path);
}

static void on_signal(int number) {
    say("quick: ERROR: signal %d\n", number);
    keep_case();
    _exit(1);
}

/* Seconds of the processor, which this one may have to wait for; of the clock, since a file could
 * make it wait for ever. */
static void on_second(int number) {
    static size_t before;
    static clock_t since;
    static int seconds;
    (void)number;
    seconds = guard_on && executions == before ? seconds + 1 : 0;
    before = executions;
    if (seconds == 0)
        since = clock();
    if (clock() - since >= (clock_t)MOST_SECONDS * CLOCKS_PER_SEC || seconds >= MOST_WAITING) {
        say("quick: ERROR: one file takes more than %d seconds\n", MOST_SECONDS);
        keep_case();
        _exit(1);
    }
    seconds_left--;
}

/* Of which signals tell, those on a stack that has run over, too. */
static void listen(void) {
    static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPIPE };
    static char stack[1 << 16];
    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof stack }, NULL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        sigaction(deadly[i], &(struct sigaction){ .sa_handler = on_signal, .sa_flags = SA_ONSTACK },
                  NULL);
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_second, .sa_flags = SA_RESTART },
              NULL);
    const struct itimerval second = { { 1, 0 }, { 1, 0 } };
    setitimer(ITIMER_REAL, &second, NULL);
}

static void execute(void) {
    guard_on = true;
    LLVMFuzzerTestOneInput(tried, tried_size);
    guard_on = false;
    executions++;
}

static void lost(size_t blocks) {
    say("quick: ERROR: %zu blocks of memory are not freed\n", blocks);
    keep_case();
    exit(1);
}

/* What an execution leaves behind may be made once, but not every time. */
static void try(void) {
    size_t before = guard_blocks();
    execute();
    for (int again = 0; !fuzz_settle && guard_blocks() > before; again++) {
        if (again == 2)
            lost(guard_blocks() - before);
        before = guard_blocks();
        execute();
    }
}

/* With garbage: what is left in the end after it has been collected. A part of the program that
 * some message has loaded stays: what is too much has to be so twice more. */
static void compare_blocks(void) {
    static size_t base, since;
    static int again;
    if (!fuzz_settle || (base > 0 && executions < most_executions && seconds_left > 0))
        return;
    if (executions < WARM)
        return;
    fuzz_settle();
    size_t blocks = guard_blocks();
    if (base > 0 && blocks <= base + WARM + (executions - since) / 20)
        return;
    if (again == 2)
        lost(blocks - base);
    if (base > 0) {
        again++;
        most_executions = executions + 10 * WARM;
        seconds_left = MOST_SECONDS;
    }
    base = blocks;
    since = executions;
}

static void try_mutations(uint8_t *work, uint8_t *end, size_t most) {
    const File *from = &files[draw(file_count)];
    size_t size = from->size;
    memcpy(work, from->bytes, size);
    do {
        size = mutate(work, size, most);
        size = size ? size : 1;
        tried = memcpy(end - size, work, size);
        tried_size = size;
        try();
        compare_blocks();
    } while (executions < most_executions && seconds_left > 0 && draw(2));
}

static size_t number(const char *text) {
    return strtoull(text, NULL, 10);
}

int main(int argc, char **argv) {
    if (argc < 7)
        return 2;
    size_t most = number(argv[1]);
    most_executions = number(argv[2]);
    seconds_left = (int)number(argv[3]);
    state = number(argv[4]) * 0x9e3779b97f4a7c15u + 1;
    case_path = argv[5];
    for (int i = 6; i < argc; i++)
        add_folder(argv[i], most);
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* no new pages for each buffer */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    uint8_t *work = malloc(most + 1), *end = guard_area(most);
    if (file_count == 0 || !work || !end) {
        fputs("quick: no files\n", stderr);
        return 2;
    }
    int out = dup(1);
    if (!freopen("/dev/null", "w", stdout))
        return 2;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    listen();
    while (executions < most_executions && seconds_left > 0)
        try_mutations(work, end + most, most);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    dprintf(out, "%zu executions of %zu files, %ld MB at most\n", executions, file_count,
            usage.ru_maxrss / 1024);
    return 0;
}
