/* error.h — what went wrong, for whoever asks: filled in by the functions of fail.h. */
#ifndef PERIGEE_CORE_ERROR_H
#define PERIGEE_CORE_ERROR_H

#include "core/fail.h"

struct Error {
    ErrorKind kind;
    char message[1024];
};

#endif
