/* bind.h — bind/bind.h for tools that look at one file alone (tests/long/static.sh): what raises a
 * Lua error does not come back. */
#include_next "bind/bind.h"

#ifndef PERIGEE_STATIC_BIND_H
#define PERIGEE_STATIC_BIND_H

static inline __attribute__((noreturn, unused)) int static_raised(void) {
    __builtin_unreachable();
}

#define bind_error(...) ((void)bind_error(__VA_ARGS__), static_raised())
#define bind_expected(...) ((void)bind_expected(__VA_ARGS__), static_raised())
#define bind_raise(...) ((void)bind_raise(__VA_ARGS__), static_raised())
#define bind_raise_in(...) ((void)bind_raise_in(__VA_ARGS__), static_raised())

#endif
