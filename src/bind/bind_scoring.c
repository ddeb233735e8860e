/* bind_scoring.c — scores of a long batch, shared with other ranks by lua/perigee/scoring.lua. */
#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HALF "perigee.scoring" /* in the registry, filled by lua/perigee/scoring.lua */

/* ---- Rank 0 ---------------------------------------------------------------------------------- */

/* Rows of a batch, which are sent at once. */
typedef struct Span {
    size_t first, n;
} Span;

/* A batch while it is shared. */
typedef struct Sharing {
    Model *model;
    Pieces *pieces;
    double *scores;
    Span sent;     /* what the others have of it now */
    bool *is_done; /* of each of its pieces */
    bool whole;    /* all of them are */
    bool helped;
} Sharing;

/* The rows of one of them. */
static Span rows_of(const Sharing *sharing, size_t piece) {
    size_t most = sharing->pieces->most, before = piece * most;
    size_t left = sharing->sent.n - before;
    return (Span){ sharing->sent.first + before, left < most ? left : most };
}

static Sharing *here(lua_State *L, size_t *piece) {
    *piece = (size_t)luaL_checkinteger(L, 1) - 1;
    return lua_touserdata(L, lua_upvalueindex(1));
}

static double *scores_of(const Sharing *sharing, Span rows) {
    return sharing->scores + rows.first * sharing->pieces->columns;
}

/* False after an interrupt. */
static bool note_done(Sharing *sharing, size_t piece, size_t n) {
    sharing->is_done[piece] = true;
    return progress_step(sharing->pieces->progress, (double)n, NULL);
}

/* own(piece) → true, or nothing after an interrupt. */
static int score_own(lua_State *L) {
    size_t piece;
    Sharing *sharing = here(L, &piece);
    Span own = rows_of(sharing, piece);
    Batch rows = batch_rows(sharing->pieces->batch, own.first, own.n);
    Error err;
    if (!model_scores(sharing->model, &rows, scores_of(sharing, own), &err))
        return bind_raise(L, &err);
    lua_pushboolean(L, true);
    return note_done(sharing, piece, own.n);
}

/* take(piece, another's scores) */
static int take_scores(lua_State *L) {
    size_t piece, size;
    Sharing *sharing = here(L, &piece);
    Span rows = rows_of(sharing, piece);
    const char *bytes = luaL_checklstring(L, 2, &size);
    if (size != rows.n * sharing->pieces->columns * sizeof *sharing->scores)
        return bind_error(L, "%s: another rank's answer is not as long as it should be",
                          sharing->pieces->what);
    memcpy(scores_of(sharing, rows), bytes, size);
    note_done(sharing, piece, rows.n);
    return 0;
}

static size_t row_bytes(const Batch *batch) {
    return batch->features * (batch->x ? sizeof *batch->x : 1);
}

/* Push { name =, pointer =, size = } of the rows, and { n =, features =, floats = }. */
static void push_rows(lua_State *L, const Batch *batch, Span span) {
    const char *all = batch->x ? (const char *)batch->x : (const char *)batch->bytes;
    const char *rows = all + span.first * row_bytes(batch);
    size_t bytes = span.n * row_bytes(batch);
    char name[32];
    snprintf(name, sizeof name, "batch %016" PRIx64, hash_quick(0, rows, bytes));
    lua_createtable(L, 0, 3);
    bind_set_string(L, "name", name);
    bind_set_size(L, "size", bytes);
    lua_pushlightuserdata(L, (void *)rows);
    lua_setfield(L, -2, "pointer");
    lua_createtable(L, 0, 3);
    bind_set_size(L, "n", span.n);
    bind_set_size(L, "features", batch->features);
    lua_pushboolean(L, batch->x != NULL);
    lua_setfield(L, -2, "floats");
}

static void push_closure(lua_State *L, lua_CFunction function, Sharing *sharing) {
    lua_pushlightuserdata(L, sharing);
    lua_pushcclosure(L, function, 1);
}

/* Is there anybody, and may he be asked for this model? What an attack has put around one
 * (attacked.h) is no object of Lua's. */
static bool are_shared(lua_State *L, Model *model) {
    bind_push_half(L, HALF, "are_shared");
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, model->kind) == LUA_TNIL)
        return false;
    lua_pop(L, 1);
    bind_push_model(L, model_retain(model), NULL);
    lua_call(L, 1, 1);
    return lua_toboolean(L, -1);
}

/* What takes less than some hundredths of a second is done before others have heard of it. */
static bool is_worth_it(lua_State *L, const Sharing *sharing) {
    enum { PROBES = 16 };
    static const double LEAST = 0.05;
    const Batch *batch = sharing->pieces->batch;
    Batch probe = batch_rows(batch, 0, batch->n < PROBES ? batch->n : PROBES);
    struct timespec begin, end;
    Error err;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (!model_scores(sharing->model, &probe, sharing->scores, &err))
        bind_raise(L, &err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    return seconds * (double)batch->n / (double)probe.n > LEAST;
}

/* Do the pieces of what is sent. */
static void share_span(lua_State *L, Sharing *sharing) {
    const Pieces *pieces = sharing->pieces;
    size_t count = parallel_pieces(sharing->sent.n, pieces->most), piece = 0;
    lua_settop(L, 0);
    sharing->is_done = lua_newuserdatauv(L, count * sizeof *sharing->is_done, 0);
    memset(sharing->is_done, 0, count * sizeof *sharing->is_done);
    bind_push_half(L, HALF, "scores");
    lua_pushstring(L, pieces->what);
    bind_push_model(L, model_retain(sharing->model), NULL);
    push_rows(L, pieces->batch, sharing->sent);
    lua_pushinteger(L, (lua_Integer)pieces->most);
    push_closure(L, score_own, sharing);
    push_closure(L, take_scores, sharing);
    lua_call(L, 7, 0);
    while (piece < count && sharing->is_done[piece])
        piece++;
    sharing->whole = piece == count;
    sharing->pieces->done += sharing->whole ? sharing->sent.n : piece * pieces->most;
}

/* Piece after piece of the batch, as much at once as others should keep. */
static void share_body(lua_State *L, const void *context) {
    enum { SENT_MOST = 1 << 28 };
    Sharing *sharing = *(Sharing *const *)context;
    Pieces *pieces = sharing->pieces;
    const Batch *batch = pieces->batch;
    size_t piece_bytes = pieces->most * row_bytes(batch), left;
    size_t sent = piece_bytes < SENT_MOST ? SENT_MOST / piece_bytes * pieces->most : pieces->most;
    if (!are_shared(L, sharing->model) || !is_worth_it(L, sharing))
        return;
    sharing->helped = true;
    progress_begin(pieces->progress, pieces->what, (double)batch->n);
    do {
        left = batch->n - pieces->done;
        sharing->sent = (Span){ pieces->done, left < sent ? left : sent };
        share_span(L, sharing);
    } while (sharing->whole && pieces->done < batch->n);
}

static bool share(const ModelHelper *helper, Model *model, Pieces *pieces, double *scores,
                  bool *helped, Error *err) {
    Sharing sharing = { model, pieces, scores, .helped = false };
    Sharing *context = &sharing;
    const BindCaller caller = { helper->context, pieces->what, "a rank" };
    bool ok = bind_call(&caller, share_body, &context, err);
    *helped = sharing.helped;
    if (sharing.helped) {
        progress_step(pieces->progress, 0, NULL); /* an interrupt is noted */
        progress_end(pieces->progress);
    }
    return ok;
}

/* scoring.ask(): long batches are shared from now on. */
static int ask(lua_State *L) {
    ModelHelper *helper = lua_newuserdatauv(L, sizeof *helper, 0);
    *helper = (ModelHelper){ share, bind_main_thread(L) };
    lua_setfield(L, LUA_REGISTRYINDEX, "perigee.scoring.helper");
    model_ask(helper);
    return 0;
}

/* ---- The other ranks ------------------------------------------------------------------------- */

/* scoring.scores(model, the rows' bytes, { n =, features =, floats = }, first, last) → the bytes of
 * these rows' scores */
static int scores(lua_State *L) {
    Error err;
    size_t size;
    lua_settop(L, 5);
    Model *model = bind_check_model(L, 1, "scores", "model");
    const char *bytes = luaL_checklstring(L, 2, &size);
    lua_getfield(L, 3, "n");
    lua_getfield(L, 3, "features");
    lua_getfield(L, 3, "floats");
    size_t n = (size_t)luaL_checkinteger(L, -3), features = (size_t)luaL_checkinteger(L, -2);
    bool floats = lua_toboolean(L, -1);
    size_t first = (size_t)luaL_checkinteger(L, 4) - 1, last = (size_t)luaL_checkinteger(L, 5);
    if (size != n * features * (floats ? sizeof(float) : 1) || first >= last || last > n)
        return bind_error(L, "scores: other rows came than were sent");
    void **box = bind_new_memory_box(L);
    size_t room = floats ? 0 : (last - first) * features * sizeof(float),
           answer = (last - first) * model_columns(model) * sizeof(double);
    unsigned char *memory = *box = malloc(answer + room + 1);
    if (!memory)
        return bind_error(L, "scores: out of memory");
    Batch batch = { floats ? (const float *)(const void *)bytes : NULL,
                    n,
                    features,
                    "scores",
                    (const unsigned char *)bytes,
                    (float *)(void *)(memory + answer) };
    Batch rows = batch_rows(&batch, first, last - first);
    if (!model_scores(model, &rows, (double *)(void *)memory, &err))
        return bind_raise(L, &err);
    lua_pushlstring(L, (const char *)memory, answer);
    free(memory);
    *box = NULL;
    return 1;
}

void bind_open_scoring(lua_State *L) {
    static const BindFunction functions[] = { BIND("ask", ask, 0), BIND("scores", scores, 5),
                                              BIND_LAST };
    lua_newtable(L);
    bind_set_functions(L, functions);
}
