#include "core/png_jump.h"

#include <stdio.h>

void png_jump_out(png_structp png, png_const_charp message) {
    PngJump *jump = png_get_error_ptr(png);
    snprintf(jump->message, sizeof jump->message, "%s", message);
    longjmp(jump->back, 1);
}

void png_ignore_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

bool png_guarded(PngJump *jump, void (*work)(void *object), void *object) {
    if (setjmp(jump->back))
        return false;
    work(object);
    return true;
}
