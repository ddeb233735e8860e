/* streams.h — the three standard streams, which a caller may have closed or filled. */
#ifndef PERIGEE_HOST_STREAMS_H
#define PERIGEE_HOST_STREAMS_H

#include <stdbool.h>

/* Open /dev/null where one is closed: otherwise the next file opened would take its place, and a
 * model file have print's words in it. Before anything else opens a file. */
void streams_fill(void);

/* Write out what waits on stdout. False if any of what was printed is lost; said on stderr, except
 * where a pipe's reader has just left early. */
bool streams_finish(void);

#endif
