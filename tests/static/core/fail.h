/* fail.h — core/fail.h for tools that look at one file alone (tests/long/static.sh): they would
 * follow failures that answer true. */
#include_next "core/fail.h"

#ifndef PERIGEE_STATIC_FAIL_H
#define PERIGEE_STATIC_FAIL_H

#define error_set(...) ((void)error_set(__VA_ARGS__), false)
#define error_memory(...) ((void)error_memory(__VA_ARGS__), false)
#define error_interrupted(...) ((void)error_interrupted(__VA_ARGS__), false)

#endif
