#include "core/notes.h"

#include "core/progress.h"

#include <stdarg.h>
#include <stdio.h>

static char note[256];

void note_leave(const char *format, ...) {
    if (!progress_interrupt_pending())
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(note, sizeof note, format, args);
    va_end(args);
}

const char *note_left(void) {
    return note;
}

void note_forget(void) {
    note[0] = '\0';
}
