/* png_jump.h — libpng's errors, which it reports by jumping out of its functions.
 *
 * They jump into png_guarded alone, over functions of libpng and the few of the caller's that call
 * them: those hold nothing, and what is to be freed hangs on the object that they are given. */
#ifndef PERIGEE_CORE_PNG_JUMP_H
#define PERIGEE_CORE_PNG_JUMP_H

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>

typedef struct PngJump {
    jmp_buf back;
    char message[128]; /* libpng's, after a failure */
} PngJump;

/* For png_create_read_struct and png_create_write_struct, with a PngJump as their error pointer. */
void png_jump_out(png_structp png, png_const_charp message);
void png_ignore_warning(png_structp png, png_const_charp message);

/* False where libpng jumped out of work(object). */
bool png_guarded(PngJump *jump, void (*work)(void *object), void *object);

#endif
