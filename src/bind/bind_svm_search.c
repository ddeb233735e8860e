/* bind_svm_search.c — svm.search: the grid of C and gamma. */
#include "bind/bind_svm.h"

#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "core/array.h"
#include "core/error.h"
#include "core/folds.h"
#include "core/notes.h"
#include "svm/svc_search.h"

#define ANSWER "perigee.search" /* the answers' metatable, filled by perigee/svm.lua */

/* Where svm.search keeps its values on the stack. */
enum {
    OPTIONS = 1,
    DATA,
    DATA_Y,
    DATA_X,
    PARAMS,
    CS = PARAMS + SVM_PARAMS_SLOTS,
    GAMMAS,
    FOLDS,
    TABLE
};

static const char where_search[] = "svm.search";

/* What svm.search takes; C and gamma are lists. */
typedef struct SearchParams {
    SvcParams svc; /* first: its fields are among ours */
    int folds;
    bool fit;
} SearchParams;

static const Field search_fields[] = {
    { "data", FIELD_OBJECT, .type = "dataset", .required = true, .meaning = "samples with labels" },
    { "C", FIELD_OBJECT, .type = "number|number[]", .initial = "1", .meaning = "values to try" },
    { "gamma", FIELD_OBJECT, .type = "number|number[]", .initial = "the kernel's",
      .meaning = "values to try; kernels without gamma ignore it" },
    { "folds", FIELD_INTEGER, offsetof(SearchParams, folds), .low = 2, .high = 1000,
      .meaning = "folds, stratified by class" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",
      .meaning = "of the folds" },
    SVC_COMMON_FIELDS,
    { "fit", FIELD_BOOLEAN, offsetof(SearchParams, fit),
      .meaning = "train the best pair on all of data: the field model" },
    { .name = NULL },
};

static const SearchParams initial = { .svc = SVC_INITIAL, .folds = 5, .fit = true };

void bind_svm_search_open(lua_State *L) {
    bind_describe_options(L, &(Described){ "svm.search", .fields = { search_fields, &initial } });
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_pop(L, 1);
}

/* The option as an array of numbers, in the slot that the caller counts on. */
static const Array *push_values(lua_State *L, const char *name, double fallback) {
    int type = bind_opt_push(L, OPTIONS, name), slot = lua_gettop(L);
    if (type == LUA_TNIL || type == LUA_TNUMBER) {
        double value = type == LUA_TNIL ? fallback : lua_tonumber(L, slot);
        lua_createtable(L, 1, 0);
        lua_pushnumber(L, value);
        lua_rawseti(L, -2, 1);
        lua_replace(L, slot);
    }
    const Array *values = bind_to_array(L, slot, where_search, name, DTYPE_F64);
    lua_replace(L, slot);
    if (values->ndim != 1)
        luaL_error(L, "%s: %s: expected a list of numbers", where_search, name);
    return values;
}

/* Folds drawn from the option "seed" or the session's generator. */
static int32_t *push_folds(lua_State *L, const Samples *samples, int folds, uint64_t *seed) {
    Error err;
    int32_t *fold = lua_newuserdatauv(L, samples->n * sizeof *fold, 0);
    Rng rng = bind_opt_rng(L, OPTIONS, where_search, seed);
    if (!folds_stratified(&(FoldsOf){ where_search, samples->y, samples->n, folds }, &rng, fold,
                          &err))
        bind_raise(L, &err);
    return fold;
}

/* Set the field of the table on top to a copy of values. */
static void set_list(lua_State *L, const char *name, const double *values, size_t n) {
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* ---- The call -------------------------------------------------------------------------------- */

static void push_answer(lua_State *L, const SvcGrid *grid, const SvcFound *found, uint64_t seed,
                        bool has_gamma) {
    lua_createtable(L, 0, 8);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, TABLE);
    lua_setfield(L, -2, "table");
    set_list(L, "C", grid->C, grid->Cs);
    if (has_gamma)
        set_list(L, "gamma", grid->gamma, grid->gammas);
    lua_pushinteger(L, (lua_Integer)seed);
    lua_setfield(L, -2, "seed");
    if (!found->any)
        return;
    lua_pushnumber(L, found->accuracy[found->C * found->columns + found->gamma]);
    lua_setfield(L, -2, "accuracy");
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, grid->C[found->C]);
    lua_setfield(L, -2, "C");
    if (has_gamma) {
        lua_pushnumber(L, grid->gamma[found->gamma]);
        lua_setfield(L, -2, "gamma");
    }
    lua_setfield(L, -2, "best");
}

/* answer.model: the best parameters, trained on everything. */
static void set_model(lua_State *L, SvcParams *params, const SvcGrid *grid, const SvcFound *found,
                      const Samples *samples, Progress *progress) {
    Error err;
    params->C = grid->C[found->C];
    if (kernel_has(&params->kernel, "gamma"))
        params->kernel.gamma = grid->gamma[found->gamma];
    Svc *svc = svc_new(params, &err);
    bind_push_model(L, (Model *)svc, &err);
    if (!model_fit((Model *)svc, samples, progress, &err))
        bind_raise(L, &err);
    lua_setfield(L, -2, "model");
}

/* svm.search { data =, kernel =, C = {…}, gamma = {…}, folds = 5, seed =, fit = true } */
int bind_svm_search(lua_State *L) {
    SearchParams search = initial;
    lua_settop(L, 1);
    bind_fields(L, OPTIONS, where_search, search_fields, &search);
    bind_opt_push(L, OPTIONS, "data");
    Samples samples = bind_check_training(L, DATA, where_search, "data");
    svm_read_params(L, OPTIONS, where_search, search_fields, &search.svc);
    lua_settop(L, CS - 1);
    const Array *C = push_values(L, "C", search.svc.C);
    const Array *gamma = push_values(L, "gamma", search.svc.kernel.gamma);
    SvcGrid grid = { array_f64(C), C->shape[0], array_f64(gamma), gamma->shape[0], NULL, 0 };
    grid.folds = search.folds;
    uint64_t seed;
    grid.fold = push_folds(L, &samples, grid.folds, &seed);
    Error err;
    Array *table =
        array_new2(where_search, DTYPE_F64, grid.Cs, svc_search_columns(&search.svc, &grid), &err);
    bind_push_array(L, table, &err);
    SvcSearch asked = { &search.svc, &grid, &samples };
    SvcFound found = { .accuracy = array_f64(table) };
    Progress progress = progress_new();
    if (!svc_search(&asked, &found, &progress, &err))
        return bind_raise(L, &err);
    push_answer(L, &grid, &found, seed, kernel_has(&search.svc.kernel, "gamma"));
    if (progress_was_interrupted(&progress))
        note_leave("stopped; svm.search answers from what it has tried so far");
    if (found.any && search.fit && !progress_was_interrupted(&progress))
        set_model(L, &search.svc, &grid, &found, &samples, &progress);
    return 1;
}
