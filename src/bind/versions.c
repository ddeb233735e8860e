#include "bind/versions.h"

#include "bind/bind.h"
#include "core/blas.h"
#include "core/error.h"
#include "core/parallel.h"
#include "plot/gnuplot.h"
#include "revision.h"
#include "svm/libsvm.h"

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

/* ---- The session ------------------------------------------------------------------------------
 */

static const char *lua_number(void) {
    return &LUA_RELEASE[sizeof "Lua"];
}

/* Texts first, then the two numbers, which are whole. */
enum { WORDS = 6 };

typedef struct Versions {
    char blas[32], libsvm[16];
} Versions;

/* The words lie in `versions` or are constant. */
static void collect(Versions *versions, const char *words[WORDS][2]) {
    versions_blas(versions->blas);
    const char *const all[WORDS][2] = {
        { "version", versions_perigee() },
        { "revision", versions_revision() },
        { "blas", versions->blas },
        { "blas_core", blas_core_name() },
        { "libsvm", libsvm_version_text(versions->libsvm) },
        { "lua", lua_number() },
    };
    for (int i = 0; i < WORDS; i++)
        for (int k = 0; k < 2; k++)
            words[i][k] = all[i][k];
}

cJSON *bind_header(void) {
    Versions versions;
    const char *words[WORDS][2];
    cJSON *header = cJSON_CreateObject();
    collect(&versions, words);
    for (int i = 0; i < WORDS; i++)
        cJSON_AddStringToObject(header, words[i][0], words[i][1]);
    cJSON_AddNumberToObject(header, "seed", (double)bind_session_seed());
    cJSON_AddNumberToObject(header, "threads", parallel_threads());
    return header;
}

const char *bind_header_line(char text[256]) {
    char blas[32], libsvm[16], revision[64] = "";
    versions_blas(blas);
    if (*versions_revision())
        snprintf(revision, sizeof revision, " (%.50s)", versions_revision());
    snprintf(text, 256,
             "perigee %s%s, seed %llu, %d thread%s, OpenBLAS %s (%.40s), libsvm %s, Lua %s",
             versions_perigee(), revision, (unsigned long long)bind_session_seed(),
             parallel_threads(), parallel_threads() == 1 ? "" : "s", blas, blas_core_name(),
             libsvm_version_text(libsvm), lua_number());
    return text;
}

void bind_push_header(lua_State *L) {
    Versions versions;
    const char *words[WORDS][2];
    collect(&versions, words);
    lua_createtable(L, 0, WORDS + 2);
    for (int i = 0; i < WORDS; i++) {
        lua_pushstring(L, words[i][1]);
        lua_setfield(L, -2, words[i][0]);
    }
    lua_pushinteger(L, (lua_Integer)bind_session_seed());
    lua_setfield(L, -2, "seed");
    lua_pushinteger(L, parallel_threads());
    lua_setfield(L, -2, "threads");
}
