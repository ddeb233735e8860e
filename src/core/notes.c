#include "core/notes.h"

#include "core/context.h"
#include "core/printable.h"
#include "core/progress.h"

#include <stdarg.h>
#include <stdio.h>

enum { NOTE_SIZE = 256 };

static char *the_note(void) {
    static const ContextSlot slot = { .size = NOTE_SIZE };
    return context_slot(&slot);
}

void note_leave(const char *format, ...) {
    if (!progress_interrupt_pending())
        return;
    va_list args;
    va_start(args, format);
    char whole[NOTE_SIZE];
    vsnprintf(whole, sizeof whole, format, args);
    va_end(args);
    printable(whole, the_note(), NOTE_SIZE);
}

const char *note_left(void) {
    return the_note();
}

void note_forget(void) {
    the_note()[0] = '\0';
}
