/* every_request.h — each request for memory of a run made to fail, in a child of its own.
 *
 * A start of the program for each of them would take hours. Instead the run forks at each: the
 * child goes without the memory to whatever end that has, the parent looks at what came of it, puts
 * back the files that the child replaced, and goes on to the next request.
 *
 *     FAIL_EACH=FROM-TO  these requests; the run ends behind them
 *     FAIL_FOLDER, FAIL_BEFORE, FAIL_AFTER
 *                        where the run writes, how that looked before it, and how it looks after
 *     FAIL_LOG=PATH      a line a request is added: how it ended (tests/inject/run), and its
 * message; "open" where a file is being written, whose place parent and child would share: such a
 * request is to be tried by a start of its own
 *
 * For programs without other threads: a child has none of them. */
#ifndef PERIGEE_TESTS_INJECT_EVERY_REQUEST_H
#define PERIGEE_TESTS_INJECT_EVERY_REQUEST_H

#include <stdbool.h>

void every_request_set_up(void);

/* Whether this request is to fail: it does in a child that was made for it. `title` says what is
 * tried, for the log. */
bool every_request_fails(unsigned long request);

/* In such a child nothing forks any more. */
bool every_request_is_on(void);

#endif
