/* bind_problems.c — binary problems of SVMs, shared with other ranks by lua/perigee/problems.lua.
 */
#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_kernel.h"
#include "bind/bind_native.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/problems.h"
#include "svm/solver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HALF "perigee.problems" /* in the registry, filled by lua/perigee/problems.lua */

/* ---- Rank 0 ---------------------------------------------------------------------------------- */

/* A task while it is shared: its problems in pieces of `each`. */
typedef struct Sharing {
    const SolverHelper *helper;
    SolverTask *task;
    Progress *progress;
    size_t each;
    bool helped;
} Sharing;

static ProblemRange piece_of(const Sharing *sharing, size_t piece) {
    size_t first = piece * sharing->each, left = sharing->task->count - first;
    return (ProblemRange){ first, left < sharing->each ? left : sharing->each };
}

static Sharing *here(lua_State *L, ProblemRange *range) {
    Sharing *sharing = lua_touserdata(L, lua_upvalueindex(1));
    *range = piece_of(sharing, (size_t)luaL_checkinteger(L, 1) - 1);
    return sharing;
}

/* own(piece) → true, or nothing after an interrupt. */
static int solve_own(lua_State *L) {
    ProblemRange range;
    const Sharing *sharing = here(L, &range);
    SolverMatrix *matrix = sharing->task->matrix;
    SolverTask part = { matrix, sharing->task->problem + range.first, range.count, false };
    Error err;
    if (!solver_solve_here(matrix->source.rows.where, &part, NULL, &err))
        return bind_raise(L, &err);
    progress_step(sharing->progress, (double)range.count, NULL);
    lua_pushboolean(L, true);
    return part.solved;
}

/* take(piece, another's answer) */
static int take_answer(lua_State *L) {
    ProblemRange range;
    const Sharing *sharing = here(L, &range);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    Error err;
    if (!problems_read_answers(sharing->task, range, &(FileBytes){ (unsigned char *)bytes, size },
                               &err))
        return bind_raise(L, &err);
    progress_step(sharing->progress, (double)range.count, NULL);
    return 0;
}

/* Push bytes that something has written, and free them. */
static int push_bytes(lua_State *L, void **box, const FileBytes *bytes) {
    *box = bytes->bytes;
    lua_pushlstring(L, (const char *)bytes->bytes, bytes->size);
    free(*box);
    *box = NULL;
    return 1;
}

static void push_tasks(lua_State *L, const Sharing *sharing) {
    void **box = bind_new_memory_box(L);
    size_t pieces = parallel_pieces(sharing->task->count, sharing->each);
    lua_createtable(L, (int)pieces, 0);
    for (size_t i = 0; i < pieces; i++) {
        FileBytes bytes = { NULL };
        Error err;
        if (!problems_write(sharing->task, piece_of(sharing, i), &bytes, &err))
            bind_raise(L, &err);
        push_bytes(L, box, &bytes);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Push what all problems have in common, { solver =, kernel =, n =, features =, bases = }, and the
 * samples that the matrix is of, { name =, pointer =, size = }. */
static void push_matrix(lua_State *L, const SolverMatrix *matrix) {
    const SolverSource *source = &matrix->source;
    const Batch *rows = &source->rows;
    size_t bytes = rows->n * rows->features * sizeof *rows->x;
    char name[32];
    lua_createtable(L, 0, 8);
    bind_set_string(L, "solver", solver_names[matrix->kind]);
    bind_set_size(L, "n", rows->n);
    bind_set_size(L, "features", rows->features);
    lua_pushboolean(L, source->bases != NULL);
    lua_setfield(L, -2, "bases");
    bind_push_kernel(L, source->kernel);
    lua_setfield(L, -2, "kernel");
    lua_createtable(L, 0, 4);
    snprintf(name, sizeof name, "rows %016" PRIx64, hash_quick(0, rows->x, bytes));
    bind_set_string(L, "name", name);
    bind_set_size(L, "size", bytes);
    lua_pushlightuserdata(L, (void *)rows->x);
    lua_setfield(L, -2, "pointer");
}

/* Is there anybody? Within a piece there is nobody. */
static bool are_shared(lua_State *L) {
    bind_push_half(L, HALF, "are_shared");
    lua_call(L, 0, 1);
    return lua_toboolean(L, -1);
}

static void prepare_body(lua_State *L, const void *context) {
    if (!are_shared(L))
        return;
    bind_push_half(L, HALF, "prepare");
    push_matrix(L, *(const SolverMatrix *const *)context);
    lua_call(L, 2, 0);
}

static bool prepare(const SolverHelper *helper, const SolverMatrix *matrix, Error *err) {
    const BindCaller caller = { helper->context, matrix->source.rows.where, "a rank" };
    return bind_call(&caller, prepare_body, &matrix, err);
}

static void share_body(lua_State *L, const void *context) {
    Sharing *sharing = *(Sharing *const *)context;
    const SolverMatrix *matrix = sharing->task->matrix;
    if (!are_shared(L))
        return;
    sharing->helped = true;
    bind_push_half(L, HALF, "solve");
    lua_pushstring(L, matrix->source.rows.where);
    push_matrix(L, matrix);
    push_tasks(L, sharing);
    lua_remove(L, -2); /* its box */
    bind_push_closure(L, solve_own, sharing);
    bind_push_closure(L, take_answer, sharing);
    lua_call(L, 6, 1);
    sharing->task->solved = lua_toboolean(L, -1);
}

/* As many problems a piece as threads solve side by side. */
static bool share(const SolverHelper *helper, SolverTask *task, Progress *progress, bool *helped,
                  Error *err) {
    Sharing sharing = { helper, task, progress, (size_t)parallel_threads(), false };
    Sharing *context = &sharing;
    const BindCaller caller = { helper->context, task->matrix->source.rows.where, "a rank" };
    progress_begin(progress, "training SVMs", (double)task->count);
    memory_keep_freed(true); /* between pieces as well */
    bool ok = bind_call(&caller, share_body, &context, err);
    memory_keep_freed(false);
    progress_step(progress, 0, NULL); /* an interrupt is noted */
    progress_end(progress);
    *helped = sharing.helped;
    return ok;
}

/* problems.ask(): SVMs' problems are shared from now on. */
static int ask(lua_State *L) {
    SolverHelper *helper = lua_newuserdatauv(L, sizeof *helper, 0);
    *helper = (SolverHelper){ prepare, share, bind_main_thread(L) };
    lua_setfield(L, LUA_REGISTRYINDEX, "perigee.problems.helper");
    solver_ask(helper);
    return 0;
}

/* ---- The other ranks ------------------------------------------------------------------------- */

/* A matrix with what it is made of. While there is one its memory is kept for the next. */
typedef struct Shared {
    SolverMatrix matrix;
    Kernel kernel;
} Shared;

static Shared *new_shared(SolverKind kind, const Kernel *kernel, size_t n) {
    Shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->matrix = (SolverMatrix){ .kind = kind, .n = n };
    kernel_assign(&shared->kernel, kernel);
    matrix_hold();
    memory_keep_freed(true);
    return shared;
}

static void release_shared(void *object) {
    Shared *shared = object;
    solver_matrix_clear(&shared->matrix);
    kernel_release(&shared->kernel);
    matrix_release();
    memory_keep_freed(false);
    free(shared);
}

static const BoxType shared_type = { .name = "perigee.problems.matrix",
                                     .shown = "a kernel matrix",
                                     .release = release_shared };

static bool make_matrix(Shared *shared, const Batch *rows, bool of_bases, Error *err) {
    SolverSource source = { &shared->kernel, *rows, NULL, 0 };
    char sum[FIT_SUM];
    double n = (double)rows->n, bases_bytes = of_bases ? sizeof(float) * n * n : 0;
    double need =
        solver_bytes(shared->matrix.kind, rows->n, sum) + bases_bytes - (double)matrix_kept();
    float *bases = NULL;
    bool ok = memory_check(rows->where, need, sum, err) &&
              (!of_bases || (bases = gram_new(&shared->kernel, rows, err)));
    source.bases = bases;
    ok = ok && solver_matrix_make(&shared->matrix, &source, err);
    shared->matrix.source = (SolverSource){ 0 }; /* it is not needed any more */
    gram_free(bases);
    return ok;
}

/* Let go of the matrix in the box at `arg`, if there is one, but for its memory. */
static void drop_matrix(lua_State *L, int arg) {
    Shared *shared = bind_test(L, arg, &shared_type);
    if (shared)
        solver_matrix_clear(&shared->matrix);
}

/* problems.matrix({ solver =, kernel =, n =, features =, bases = }, the samples' bytes, the one
 * before or nil) */
static int new_matrix(lua_State *L) {
    static const char where[] = "fit";
    size_t size;
    lua_settop(L, 3);
    lua_getfield(L, 1, "solver");
    lua_getfield(L, 1, "bases");
    lua_getfield(L, 1, "kernel");
    lua_getfield(L, 1, "n");
    lua_getfield(L, 1, "features");
    const Kernel kernel = bind_check_kernel(L, 6, where);
    const char *bytes = luaL_checklstring(L, 2, &size);
    const Batch rows = { (const float *)(const void *)bytes, (size_t)luaL_checkinteger(L, 7),
                         (size_t)luaL_checkinteger(L, 8), where };
    void **box = bind_new_box(L, &shared_type);
    Shared *shared = *box = new_shared(solver_find(lua_tostring(L, 4)), &kernel, rows.n);
    Error err;
    if (!shared || size != rows.n * rows.features * sizeof *rows.x)
        return bind_error(L,
                          shared ? "fit: other samples came than were sent" : "fit: out of memory");
    drop_matrix(L, 3);
    if (!make_matrix(shared, &rows, lua_toboolean(L, 5), &err))
        return bind_raise(L, &err);
    return 1;
}

/* Solve, and write the answers; an interrupt is a failure. */
static bool solve(Shared *shared, const FileBytes *bytes, FileBytes *answers, Error *err) {
    Problems problems;
    bool ok = problems_read(&shared->matrix, bytes, &problems, err) &&
              solver_solve_here("fit", &problems.task, NULL, err);
    if (ok && !problems.task.solved)
        ok = error_set(err, ERROR_INTERRUPTED, "interrupted");
    ok = ok && problems_write_answers(&problems.task, answers, err);
    problems_clear(&problems);
    return ok;
}

/* problems.solve(matrix, bytes) → the answers' */
static int solve_call(lua_State *L) {
    Shared *shared = bind_check(L, 1, &shared_type, "fit", "matrix");
    size_t size;
    const char *task = luaL_checklstring(L, 2, &size);
    void **box = bind_new_memory_box(L);
    FileBytes answers = { NULL };
    Error err;
    if (!solve(shared, &(FileBytes){ (unsigned char *)task, size }, &answers, &err))
        return bind_raise(L, &err);
    return push_bytes(L, box, &answers);
}

void bind_open_problems(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("ask", ask, 0),
        BIND("matrix", new_matrix, 3),
        BIND("solve", solve_call, 2),
        BIND_LAST,
    };
    bind_new_owner(L, &shared_type);
    lua_newtable(L);
    bind_set_functions(L, functions);
}
