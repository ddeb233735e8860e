#include "host/versions.h"

#include "core/blas.h"
#include "revision.h"

#include <lua.h>

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

void versions_print(FILE *out) {
    char blas[32];
    versions_blas(blas);
    const char *revision = versions_revision();
    fprintf(out, "perigee %s%s%s%s\n", versions_perigee(), *revision ? " (" : "", revision,
            *revision ? ")" : "");
    fprintf(out, "%s.%s\n", LUA_VERSION, LUA_VERSION_RELEASE);
    fprintf(out, "OpenBLAS %s, core %s\n", blas, blas_core_name());
}
