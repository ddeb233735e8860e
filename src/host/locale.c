/* locale.c — numbers have a point in every locale.
 *
 * printf and strtod take the mark between a number's digits from the locale: after Lua's
 * os.setlocale("de_DE.UTF-8") a CSV file would have commas inside its numbers, gnuplot would not
 * understand its script, and a model would not be read back. So this program has its own setlocale,
 * which the Lua library and every module that is loaded find before libc's: it does what it is
 * asked, dates, letters, order and messages, and leaves numbers as they are. */
#include <dlfcn.h>
#include <locale.h>
#include <string.h>

typedef char *SetLocale(int category, const char *name);

static SetLocale *libc_setlocale(void) {
    union {
        void *object;
        SetLocale *function;
    } found = { .object = dlsym(RTLD_NEXT, "setlocale") };
    return found.function;
}

/* As libc's. NULL, and nothing changed, where numbers alone are to be written in another way. */
char *setlocale(int category, const char *name) {
    SetLocale *real = libc_setlocale();
    if (!real)
        return NULL;
    if (!name)
        return real(category, NULL);
    if (category == LC_NUMERIC && *name && strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0)
        return NULL;
    if (!real(category, name))
        return NULL;
    real(LC_NUMERIC, "C");
    return real(category, NULL);
}
