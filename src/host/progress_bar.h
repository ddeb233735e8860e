/* progress_bar.h — shows on stderr how far a long call has got.
 *
 * On a terminal a bar with what, how far, rate and time left, redrawn in place and cleared when
 * done, nothing for the first half second. Elsewhere a line after 4, 8, 16 … seconds, at last every
 * ten minutes, and one at the end of what took a second or more. */
#ifndef PERIGEE_HOST_PROGRESS_BAR_H
#define PERIGEE_HOST_PROGRESS_BAR_H

#include <stdbool.h>

/* Become the listener of every Progress (core/progress.h). Quiet: listen, but draw nothing. */
void progress_bar_install(bool quiet);

/* Is a core loop open now? */
bool progress_bar_is_open(void);

#endif
