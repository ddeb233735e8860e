#include "host/streams.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void streams_fill(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

bool streams_finish(void) {
    bool failed_before = ferror(stdout);
    if (fflush(stdout) == 0 && !failed_before)
        return true;
    struct stat about;
    if (fstat(STDOUT_FILENO, &about) != 0 || !(S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode)))
        fputs("perigee: standard output could not be written; some of it is lost\n", stderr);
    return false;
}
