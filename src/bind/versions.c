#include "bind/versions.h"

#include "bind/bind.h"
#include "core/blas.h"
#include "core/error.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/session.h"
#include "plot/gnuplot.h"
#include "revision.h"
#include "svm/libsvm.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>

const char *versions_perigee(void) {
    return PERIGEE_VERSION;
}

/* OpenBLAS's number alone: "0.3.21". */
static void blas_number(char text[32]) {
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
    blas_number(blas);
    const char *revision = PERIGEE_REVISION; /* empty outside a checkout */
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
static const char *const names[WORDS] = { "version",   "revision", "blas",
                                          "blas_core", "libsvm",   "lua" };

typedef struct Facts {
    char blas[32], libsvm[16];
    const char *word[WORDS]; /* in these two, or constant */
} Facts;

static void collect(Facts *facts) {
    blas_number(facts->blas);
    facts->word[0] = versions_perigee();
    facts->word[1] = PERIGEE_REVISION;
    facts->word[2] = facts->blas;
    facts->word[3] = blas_core_name();
    facts->word[4] = libsvm_version_text(facts->libsvm);
    facts->word[5] = lua_number();
}

cJSON *bind_header(Error *err) {
    Facts facts;
    JsonTree tree;
    JsonNode header = json_begin(&tree);
    collect(&facts);
    for (int i = 0; i < WORDS; i++)
        json_string(header, names[i], facts.word[i]);
    char seed[24]; /* a number with all its digits, which no double holds */
    snprintf(seed, sizeof seed, "%" PRIu64, session_seed());
    json_item(header, "seed", cJSON_CreateRaw(seed));
    json_number(header, "threads", parallel_threads());
    cJSON *made = json_end(&tree);
    if (!made)
        error_memory(err, "save", 512);
    return made;
}

void bind_push_header(lua_State *L) {
    Facts facts;
    collect(&facts);
    lua_createtable(L, 0, WORDS + 2);
    for (int i = 0; i < WORDS; i++)
        bind_set_string(L, names[i], facts.word[i]);
    bind_set_size(L, "seed", session_seed());
    bind_set_size(L, "threads", (size_t)parallel_threads());
}
