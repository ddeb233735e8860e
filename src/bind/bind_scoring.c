/* bind_scoring.c — scores of a long batch, shared with other ranks by lua/perigee/scoring.lua. */
#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "model.h"
#include "mpi/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HALF "perigee.scoring" /* in the registry, filled by lua/perigee/scoring.lua */

/* ---- Rank 0 ---------------------------------------------------------------------------------- */

/* Rows of a batch. */
typedef struct Span {
    size_t first, n;
} Span;

/* A batch while it is shared. */
typedef struct Sharing {
    Model *model;
    Pieces *pieces;
    double *scores;
    bool *is_done; /* of each piece */
    size_t sent;   /* the first of the pieces that are handed out now */
    bool helped, failed;
    Error err; /* of what failed here, without what Lua adds */
} Sharing;

static size_t count_of(const Pieces *pieces) {
    return parallel_pieces(pieces->batch->n, pieces->most);
}

static Span rows_of(const Sharing *sharing, size_t piece) {
    size_t most = sharing->pieces->most, first = piece * most;
    size_t left = sharing->pieces->batch->n - first;
    return (Span){ first, left < most ? left : most };
}

static double *scores_of(const Sharing *sharing, Span rows) {
    return sharing->scores + rows.first * sharing->pieces->columns;
}

static Sharing *here(lua_State *L, size_t *piece) {
    Sharing *sharing = lua_touserdata(L, lua_upvalueindex(1));
    *piece = sharing->sent + (size_t)luaL_checkinteger(L, 1) - 1;
    return sharing;
}

/* False after an interrupt. */
static bool note_done(Sharing *sharing, size_t piece, size_t n) {
    sharing->is_done[piece] = true;
    return progress_step(sharing->pieces->progress, (double)n, NULL);
}

static int fail(lua_State *L, Sharing *sharing) {
    sharing->failed = true;
    return bind_raise(L, &sharing->err);
}

/* own(task) → true, or nothing after an interrupt. */
static int score_own(lua_State *L) {
    size_t piece;
    Sharing *sharing = here(L, &piece);
    Span own = rows_of(sharing, piece);
    Batch rows = batch_rows(sharing->pieces->batch, own.first, own.n);
    if (!pieces_check(sharing->pieces, sharing->model, &sharing->err) ||
        !model_scores(sharing->model, &rows, scores_of(sharing, own), &sharing->err))
        return fail(L, sharing);
    lua_pushboolean(L, true);
    return note_done(sharing, piece, own.n);
}

/* take(task, another's scores) */
static int take_scores(lua_State *L) {
    size_t piece, size;
    Sharing *sharing = here(L, &piece);
    Span rows = rows_of(sharing, piece);
    const char *bytes = luaL_checklstring(L, 2, &size);
    if (!pieces_check(sharing->pieces, sharing->model, &sharing->err))
        return fail(L, sharing);
    if (size != rows.n * sharing->pieces->columns * sizeof *sharing->scores)
        return bind_error(L, "%s: another rank's answer is not as long as it should be",
                          sharing->pieces->batch->where);
    memcpy(scores_of(sharing, rows), bytes, size);
    note_done(sharing, piece, rows.n);
    return 0;
}

static size_t row_bytes(const Batch *batch) {
    return batch->features * (batch->x ? sizeof *batch->x : 1);
}

/* Push what all tasks have in common, { where =, features =, floats = }, and the list of these:
 * their rows' bytes. */
static void push_tasks(lua_State *L, const Sharing *sharing, size_t tasks) {
    const Batch *batch = sharing->pieces->batch;
    const char *all = batch->x ? (const char *)batch->x : (const char *)batch->bytes;
    lua_createtable(L, 0, 3);
    bind_set_string(L, "where", batch->where);
    bind_set_size(L, "features", batch->features);
    lua_pushboolean(L, batch->x != NULL);
    lua_setfield(L, -2, "floats");
    lua_createtable(L, (int)tasks, 0);
    for (size_t i = 0; i < tasks; i++) {
        Span rows = rows_of(sharing, sharing->sent + i);
        lua_pushlstring(L, all + rows.first * row_bytes(batch), rows.n * row_bytes(batch));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Is there anybody, and may he be asked for this model? What an attack has put around one
 * (attacked.h) is no object of Lua's. */
static bool are_shared(lua_State *L, Model *model) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, model->kind) == LUA_TNIL)
        return false;
    bind_push_half(L, HALF, "are_shared");
    bind_push_model(L, model_retain(model), NULL);
    lua_call(L, 1, 1);
    return lua_toboolean(L, -1);
}

/* As many pieces at once as ranks should have copies of on their way, several for each of them; 0:
 * they are too large. */
static size_t pieces_at_once(const Pieces *pieces) {
    static const double USUAL = 1 << 26, MOST = 1 << 30;
    double piece = (double)pieces->most * (double)row_bytes(pieces->batch) + 1,
           several = 4.0 * ranks_count();
    return several * piece > MOST ? 0 : (size_t)fmax(several, USUAL / piece);
}

/* What takes less than some hundredths of a second, or than sending it, is done before others have
 * heard of it. */
static bool is_worth_it(lua_State *L, Sharing *sharing) {
    enum { PROBES = 16 };
    static const double LEAST = 0.05, BYTES_A_SECOND = 5e8;
    const Batch *batch = sharing->pieces->batch;
    Batch probe = batch_rows(batch, 0, batch->n < PROBES ? batch->n : PROBES);
    double start = progress_clock();
    if (!pieces_check(sharing->pieces, sharing->model, &sharing->err) ||
        !model_scores(sharing->model, &probe, sharing->scores, &sharing->err))
        fail(L, sharing);
    double row = (progress_clock() - start) / (double)probe.n;
    return (double)batch->n * (row - (double)row_bytes(batch) / BYTES_A_SECOND) > LEAST;
}

/* Do some pieces from the first on that is not done; false after an interrupt. */
static bool share_some(lua_State *L, Sharing *sharing, size_t tasks) {
    lua_settop(L, 0);
    bind_push_half(L, HALF, "scores");
    lua_pushstring(L, sharing->pieces->batch->where);
    bind_push_model(L, model_retain(sharing->model), NULL);
    push_tasks(L, sharing, tasks);
    bind_push_closure(L, score_own, sharing);
    bind_push_closure(L, take_scores, sharing);
    lua_call(L, 6, 1);
    return lua_toboolean(L, -1);
}

static void share_body(lua_State *L, const void *context) {
    Sharing *sharing = *(Sharing *const *)context;
    Pieces *pieces = sharing->pieces;
    size_t count = count_of(pieces), together = pieces_at_once(pieces);
    bool go = together > 0 && are_shared(L, sharing->model) && is_worth_it(L, sharing);
    if (!go)
        return;
    sharing->helped = true;
    progress_begin(pieces->progress, pieces->what, (double)pieces->batch->n);
    for (; go && sharing->sent < count; sharing->sent += together)
        go = share_some(L, sharing,
                        count - sharing->sent < together ? count - sharing->sent : together);
}

/* The rows before the first piece that is not done. */
static size_t rows_done(const Sharing *sharing) {
    size_t piece = 0, count = count_of(sharing->pieces);
    while (piece < count && sharing->is_done[piece])
        piece++;
    return piece < count ? rows_of(sharing, piece).first : sharing->pieces->batch->n;
}

/* An interrupt is no failure here: it leaves what is done. */
static bool share(const ModelHelper *helper, Model *model, Pieces *pieces, double *scores,
                  bool *helped, Error *err) {
    Sharing sharing = { model, pieces, scores, calloc(count_of(pieces), sizeof(bool)),
                        .failed = false };
    Sharing *context = &sharing;
    const BindCaller caller = { helper->context, pieces->batch->where, "a rank" };
    if (!sharing.is_done)
        return error_memory(err, pieces->batch->where, count_of(pieces));
    bool ok = bind_call(&caller, share_body, &context, err);
    if (sharing.failed && err)
        *err = sharing.err;
    *helped = sharing.helped;
    if (sharing.helped) {
        pieces->done = rows_done(&sharing);
        ok = ok || (err && err->kind == ERROR_INTERRUPTED);
        progress_step(pieces->progress, 0, NULL); /* an interrupt is noted */
        progress_end(pieces->progress);
    }
    free(sharing.is_done);
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

/* scoring.scores(model, { where =, features =, floats = }, the rows' bytes) → the bytes of their
 * scores */
static int scores(lua_State *L) {
    Error err;
    size_t size;
    lua_settop(L, 3);
    lua_getfield(L, 2, "where");
    lua_getfield(L, 2, "features");
    lua_getfield(L, 2, "floats");
    const char *where = luaL_checkstring(L, 4), *bytes = luaL_checklstring(L, 3, &size);
    size_t features = (size_t)luaL_checkinteger(L, 5);
    bool floats = lua_toboolean(L, 6);
    Model *model = bind_check_model(L, 1, where, "model");
    size_t row = features * (floats ? sizeof(float) : 1), n = row > 0 ? size / row : 0;
    if (n == 0 || n * row != size)
        return bind_error(L, "%s: other rows came than were sent", where);
    void **box = bind_new_memory_box(L);
    size_t answer = n * model_columns(model) * sizeof(double),
           room = floats ? 0 : n * features * sizeof(float);
    unsigned char *memory = *box = malloc(answer + room + 1);
    if (!memory)
        return bind_error(L, "%s: out of memory", where);
    Batch batch = { floats ? (const float *)(const void *)bytes : NULL,
                    n,
                    features,
                    where,
                    (const unsigned char *)bytes,
                    (float *)(void *)(memory + answer) };
    Batch rows = batch_rows(&batch, 0, n);
    if (!model_scores(model, &rows, (double *)(void *)memory, &err))
        return bind_raise(L, &err);
    lua_pushlstring(L, (const char *)memory, answer);
    free(memory);
    *box = NULL;
    return 1;
}

void bind_open_scoring(lua_State *L) {
    static const BindFunction functions[] = { BIND("ask", ask, 0), BIND("scores", scores, 3),
                                              BIND_LAST };
    lua_newtable(L);
    bind_set_functions(L, functions);
}
