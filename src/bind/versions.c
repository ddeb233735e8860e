#include "bind/versions.h"

#include "core/blas.h"
#include "core/error.h"
#include "plot/gnuplot.h"
#include "revision.h"
#include "svm/libsvm.h"

#include <lua.h>
#include <stdlib.h>

const char *versions_perigee(void) {
    return PERIGEE_VERSION;
}

const char *versions_revision(void) {
    return PERIGEE_REVISION;
}

void versions_blas(char text[32]) {
    if (sscanf(blas_version(), "OpenBLAS %31s", text) != 1)
        snprintf(text, 32, "?");
}

static void print_gnuplot(FILE *out) {
    char *path = gnuplot_find();
    if (!path) {
        fputs("gnuplot not found: figures need it (Debian's package is gnuplot-nox)\n", out);
        return;
    }
    Error err = { 0 };
    Gnuplot *gnuplot = gnuplot_new(&err);
    const char *version = gnuplot ? gnuplot_version(gnuplot, "perigee", &err) : NULL;
    fprintf(out, "gnuplot %s (%s)\n", version ? version : err.message, path);
    gnuplot_free(gnuplot);
    free(path);
}

void versions_print(FILE *out) {
    char blas[32], libsvm[16];
    versions_blas(blas);
    const char *revision = versions_revision();
    fprintf(out, "perigee %s%s%s%s\n", versions_perigee(), *revision ? " (" : "", revision,
            *revision ? ")" : "");
    fprintf(out, "%s.%s\n", LUA_VERSION, LUA_VERSION_RELEASE);
    fprintf(out, "OpenBLAS %s, core %s\n", blas, blas_core_name());
    fprintf(out, "libsvm %s\n", libsvm_version_text(libsvm));
    print_gnuplot(out);
}
