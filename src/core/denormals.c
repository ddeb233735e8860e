#include "core/denormals.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* What is read, what is computed. */
enum { ZEROS_IN = 1 << 6, ZEROS_OUT = 1 << 15 };

static DenormalMode mode(void) {
    return _mm_getcsr();
}

static void set_mode(DenormalMode to) {
    _mm_setcsr((unsigned)to);
}

#elif defined(__aarch64__)

/* FPCR.FZ stands for both. What is loaded and stored stays on its side of a change: the compiler
 * would move it across what it takes for a register's business. */
enum { ZEROS_IN = 1 << 24, ZEROS_OUT = 1 << 24 };

static DenormalMode mode(void) {
    DenormalMode is;
    __asm__ volatile("mrs %0, fpcr" : "=r"(is) : : "memory");
    return is;
}

static void set_mode(DenormalMode to) {
    __asm__ volatile("msr fpcr, %0" : : "r"(to) : "memory");
}

#else

enum { ZEROS_IN = 0, ZEROS_OUT = 0 };

static DenormalMode mode(void) {
    return 0;
}

static void set_mode(DenormalMode to) {
    (void)to;
}

#endif

DenormalMode denormals_flush(void) {
    const DenormalMode flushing = ZEROS_IN | ZEROS_OUT, caller = mode();
    if ((caller & flushing) != flushing)
        set_mode(caller | flushing);
    return caller;
}

void denormals_restore(DenormalMode caller) {
    if (mode() != caller)
        set_mode(caller);
}
