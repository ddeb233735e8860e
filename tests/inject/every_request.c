#include "every_request.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 32, DESCRIPTORS = 64, BLOCK = 65536, SECONDS = 20 };

/* A file of the folder, as it was when the child began. */
typedef struct Kept {
    char name[64];
    struct stat info;
} Kept;

static struct {
    bool on;
    unsigned long from, to;
    const char *folder, *before, *after;
    int log, words; /* the log; what the child says on stderr */
    Kept kept[FILES];
    int files;
    off_t place[DESCRIPTORS];
} run = { .log = -1, .words = -1 };

void every_request_set_up(void) {
    const char *range = getenv("FAIL_EACH"), *log = getenv("FAIL_LOG");
    if (!range || !log || sscanf(range, "%lu-%lu", &run.from, &run.to) != 2)
        return;
    run.folder = getenv("FAIL_FOLDER");
    run.before = getenv("FAIL_BEFORE");
    run.after = getenv("FAIL_AFTER");
    run.log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    run.words = open(run.folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    run.on = run.folder && run.before && run.after && run.log >= 0 && run.words >= 0;
    if (!run.on)
        _exit(2);
}

bool every_request_is_on(void) {
    return run.on;
}

/* ---- What a child could change of its parent's ------------------------------------------------
 */

static bool writes_a_file(void) {
    struct stat info;
    for (int fd = 3; fd < DESCRIPTORS; fd++)
        if (fd != run.log && fd != run.words && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY &&
            fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
            return true;
    return false;
}

/* Where files are read, which parent and child share. */
static void keep_places(void) {
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        run.place[fd] = lseek(fd, 0, SEEK_CUR);
}

static void restore_places(void) {
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (run.place[fd] >= 0)
            lseek(fd, run.place[fd], SEEK_SET);
}

static int list(Kept kept[FILES]) {
    char path[1024];
    int count = 0;
    DIR *folder = opendir(run.folder);
    for (const struct dirent *entry; folder && count < FILES && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(kept[count].name, sizeof kept->name, "%.63s", entry->d_name);
        snprintf(path, sizeof path, "%s/%s", run.folder, entry->d_name);
        if (stat(path, &kept[count].info) == 0)
            count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

/* ---- What the child left ----------------------------------------------------------------------
 */

static int open_in(const char *folder, const char *name, int flags) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags | O_CLOEXEC, 0666);
}

static bool same(const char *folder, const char *other, const char *name) {
    static char a[BLOCK], b[BLOCK];
    int one = open_in(folder, name, O_RDONLY), two = open_in(other, name, O_RDONLY);
    ssize_t n = 0, m = 0;
    bool equal = one >= 0 && two >= 0;
    do {
        n = equal ? read(one, a, BLOCK) : 0;
        m = equal ? read(two, b, BLOCK) : 0;
        equal = equal && n == m && n >= 0 && memcmp(a, b, (size_t)n) == 0;
    } while (equal && n > 0);
    close(one);
    close(two);
    return equal;
}

static bool put_back(const char *name) {
    static char block[BLOCK];
    int from = open_in(run.before, name, O_RDONLY);
    int to = open_in(run.folder, name, O_WRONLY | O_CREAT | O_TRUNC);
    ssize_t n, put = 0;
    while (to >= 0 && (n = read(from, block, BLOCK)) > 0 && put >= 0)
        put = write(to, block, (size_t)n);
    close(from);
    close(to);
    return put >= 0;
}

static const Kept *find(const Kept *kept, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(kept[i].name, name) == 0)
            return &kept[i];
    return NULL;
}

static bool replaced(const Kept *kept, const Kept *now) {
    return now->info.st_ino != kept->info.st_ino || now->info.st_size != kept->info.st_size ||
           now->info.st_mtim.tv_sec != kept->info.st_mtim.tv_sec ||
           now->info.st_mtim.tv_nsec != kept->info.st_mtim.tv_nsec;
}

/* What is wrong with the files, or NULL; afterwards they are as they were. A file that was new
 * already and is written once more has the same bytes. */
static const char *look_at_files(bool done) {
    static Kept now[FILES];
    const char *wrong = NULL;
    int count = list(now);
    if (count != run.files)
        wrong = "left-over";
    for (int i = 0; i < run.files; i++) {
        const Kept *kept = &run.kept[i], *found = find(now, count, kept->name);
        bool another = found && replaced(kept, found);
        if (!found || (another && !same(run.folder, run.after, kept->name)))
            wrong = "destroyed";
        else if (done && !same(run.folder, run.after, kept->name))
            wrong = "unsaved";
        if ((!found || another) && !put_back(kept->name))
            _exit(3);
    }
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%.63s", run.folder, now[i].name);
        if (!find(run.kept, run.files, now[i].name))
            unlink(path);
    }
    return wrong;
}

/* ---- A request --------------------------------------------------------------------------------
 */

static const char *ending(int status, bool said) {
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL ? "hang" : "signal";
    return WEXITSTATUS(status) == 0 ? "whole" : said ? "error" : "silent";
}

static void judge(unsigned long request, int status) {
    char words[400];
    ssize_t n = pread(run.words, words, sizeof words - 1, 0);
    words[n > 0 ? n : 0] = '\0';
    words[strcspn(words, "\n")] = '\0';
    const char *how = ending(status, *words);
    const char *files = look_at_files(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    dprintf(run.log, "%s request %lu: %s\n", files ? files : how, request, words);
}

static void become_child(void) {
    run.on = false;
    dup2(run.words, STDERR_FILENO);
    close(run.words);
    close(run.log);
    alarm(SECONDS);
}

static bool try_without(unsigned long request) {
    int status;
    keep_places();
    run.files = list(run.kept);
    (void)!ftruncate(run.words, 0);
    lseek(run.words, 0, SEEK_SET);
    pid_t child = fork();
    if (child < 0)
        _exit(3);
    if (child == 0) {
        become_child();
        return true;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    restore_places();
    judge(request, status);
    return false;
}

bool every_request_fails(unsigned long request) {
    int before = errno;
    bool fails = false;
    if (request > run.to)
        _exit(0);
    if (request >= run.from && writes_a_file())
        dprintf(run.log, "open request %lu: \n", request);
    else if (request >= run.from)
        fails = try_without(request);
    errno = before;
    return fails;
}
