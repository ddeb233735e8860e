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

/* Push the option as an array of numbers; one stands for a list. */
static const Array *push_values(lua_State *L, const char *name, double fallback) {
    int type = bind_opt_push(L, 1, name);
    if (type == LUA_TNIL || type == LUA_TNUMBER) {
        lua_createtable(L, 1, 0);
        lua_pushnumber(L, type == LUA_TNIL ? fallback : lua_tonumber(L, -2));
        lua_rawseti(L, -2, 1);
    }
    const Array *values = bind_to_array(L, lua_gettop(L), where_search, name, DTYPE_F64);
    if (values->ndim != 1)
        luaL_error(L, "%s: %s: expected a list of numbers", where_search, name);
    return values;
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

/* { table =, C =, gamma =, seed =, accuracy =, best = } with the table that is on top. */
static void push_answer(lua_State *L, const SvcGrid *grid, const SvcFound *found, bool has_gamma) {
    lua_createtable(L, 0, 8);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "table");
    set_list(L, "C", grid->C, grid->Cs);
    if (has_gamma)
        set_list(L, "gamma", grid->gamma, grid->gammas);
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
static void set_model(lua_State *L, const SvcSearch *asked, const SvcFound *found,
                      Progress *progress) {
    Error err;
    SvcParams params = *asked->params;
    params.C = asked->grid->C[found->C];
    if (kernel_has(&params.kernel, "gamma"))
        params.kernel.gamma = asked->grid->gamma[found->gamma];
    Svc *svc = svc_new(&params, &err);
    bind_push_model(L, (Model *)svc, &err);
    if (!model_fit((Model *)svc, asked->samples, progress, &err))
        bind_raise(L, &err);
    lua_setfield(L, -2, "model");
}

/* svm.search { data =, kernel =, C = {…}, gamma = {…}, folds = 5, seed =, fit = true } */
int bind_svm_search(lua_State *L) {
    SearchParams search = initial;
    lua_settop(L, 1);
    bind_fields(L, 1, where_search, search_fields, &search);
    bind_opt_push(L, 1, "data");
    Samples samples = bind_check_training(L, 2, where_search, "data");
    svm_read_params(L, 1, where_search, search_fields, &search.svc);
    const Array *C = push_values(L, "C", search.svc.C);
    const Array *gamma = push_values(L, "gamma", search.svc.kernel.gamma);
    uint64_t seed;
    FoldsOf of = { where_search, samples.y, samples.n, search.folds };
    SvcGrid grid = { array_f64(C),
                     C->shape[0],
                     array_f64(gamma),
                     gamma->shape[0],
                     bind_push_folds(L, 1, &of, &seed),
                     search.folds };
    Error err;
    Array *table =
        array_new2(where_search, DTYPE_F64, grid.Cs, svc_search_columns(&search.svc, &grid), &err);
    bind_push_array(L, table, &err);
    SvcSearch asked = { &search.svc, &grid, &samples };
    SvcFound found = { .accuracy = array_f64(table) };
    Progress progress = progress_new();
    if (!svc_search(&asked, &found, &progress, &err))
        return bind_raise(L, &err);
    push_answer(L, &grid, &found, kernel_has(&search.svc.kernel, "gamma"));
    lua_pushinteger(L, (lua_Integer)seed);
    lua_setfield(L, -2, "seed");
    if (progress_was_interrupted(&progress))
        note_leave("stopped; svm.search answers from what it has tried so far");
    else if (found.any && search.fit)
        set_model(L, &asked, &found, &progress);
    return 1;
}
