/* bind_svm.c — the library svm: classifiers, and the search for their parameters; bind_kernel.c has
 * the kernels. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_kernel.h"
#include "bind/bind_model.h"
#include "bind/bind_native.h"
#include "bind/bind_samples.h"
#include "bind/libraries.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/folds.h"
#include "core/memory.h"
#include "core/notes.h"
#include "svm/svc_search.h"

#include <math.h>
#include <string.h>

static const BoxType svc_type = { .name = "perigee.svm",
                                  .shown = "an svm",
                                  .release = bind_release_model };

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Class weights at `arg`: "balanced", or a table { [label] = weight }, left in memory on the stack.
 */
static void push_weights(lua_State *L, int table, const char *where, SvcParams *params) {
    int type = lua_type(L, table);
    size_t count = 0;
    params->weights = 0;
    params->balanced = type == LUA_TSTRING && strcmp(lua_tostring(L, table), "balanced") == 0;
    if (params->balanced || type == LUA_TNIL)
        return;
    if (type != LUA_TTABLE)
        bind_expected(L, table, where, "weights", "\"balanced\" or a table { [label] = weight }");
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    int32_t *label = lua_newuserdatauv(L, (count + 1) * sizeof *label, 0);
    double *weight = lua_newuserdatauv(L, (count + 1) * sizeof *weight, 0);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        label[params->weights] = (int32_t)bind_integer(L, lua_absindex(L, -2), where,
                                                       "weights: a label", INT32_MIN, INT32_MAX);
        weight[params->weights++] = bind_number(L, lua_absindex(L, -1), where, "weights: a weight");
    }
    params->weighted = label;
    params->weight = weight;
}

/* The options `kernel` and `weights` of an svm, read into the params of one and pushed. */
static void read_kernel(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    Kernel kernel = bind_check_kernel(L, lua_absindex(L, arg), where);
    if (place->object)
        svc_take_kernel(place->object, &kernel);
}

/* As lua/perigee/svm.lua shows it: a copy, which says so where it is written. */
static void push_kernel_field(lua_State *L, const FieldPlace *place) {
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.shown_kernel");
    bind_push_kernel(L, &((const SvcParams *)place->object)->kernel);
    if (lua_isfunction(L, -2)) {
        lua_pushstring(L, place->name);
        lua_call(L, 2, 1);
    } else {
        lua_remove(L, -2);
    }
}

static void read_weights(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    SvcParams weighted = { 0 };
    Error err;
    int top = lua_gettop(L);
    push_weights(L, lua_absindex(L, arg), where, &weighted);
    if (place->object && !svc_take_weights(place->object, &weighted, &err))
        bind_raise(L, &err);
    lua_settop(L, top);
}

static void push_weights_field(lua_State *L, const FieldPlace *place) {
    const SvcParams *params = place->object;
    if (params->balanced)
        lua_pushstring(L, "balanced");
    else if (params->weights == 0)
        lua_pushnil(L);
    else
        lua_createtable(L, 0, (int)params->weights);
    for (size_t i = 0; i < params->weights; i++) {
        lua_pushnumber(L, params->weight[i]);
        lua_rawseti(L, -2, params->weighted[i]);
    }
}

/* Bytes, or a text such as "2GB". */
static double check_memory(lua_State *L, int arg, const char *where) {
    Error err;
    double bytes = lua_type(L, arg) == LUA_TNUMBER   ? lua_tonumber(L, arg)
                   : lua_type(L, arg) == LUA_TSTRING ? memory_parse(lua_tostring(L, arg))
                                                     : NAN;
    if (!(bytes > 0 && isfinite(bytes)))
        bind_expected(L, arg, where, "memory", "bytes, or a text such as \"2GB\"");
    if (!svc_check_memory(where, bytes, &err))
        bind_raise(L, &err);
    return bytes;
}

static void read_memory(lua_State *L, const FieldPlace *place, int arg, const char *where) {
    double bytes = check_memory(L, lua_absindex(L, arg), where);
    if (place->object)
        ((SvcParams *)place->object)->memory = bytes;
}

static void push_memory(lua_State *L, const FieldPlace *place) {
    double bytes = ((const SvcParams *)place->object)->memory;
    if (bytes > 0)
        lua_pushnumber(L, bytes);
    else
        lua_pushnil(L);
}

static void register_objects(lua_State *L) {
    static const BindObject memory = { read_memory, push_memory };
    static const BindObject kernel = { read_kernel, push_kernel_field };
    static const BindObject weights = { read_weights, push_weights_field };
    bind_object_field(L, fields_find(svc_fields.field, "kernel"), &kernel);
    bind_object_field(L, fields_find(svc_fields.field, "weights"), &weights);
    bind_object_field(L, fields_find(svc_fields.field, "memory"), &memory);
}

/* The options at 1 into a struct that starts with SvcParams, kernel and weights included. What the
 * result points to is pushed. */
static void read_params(lua_State *L, void *object) {
    SvcParams *params = object;
    lua_settop(L, 1);
    bind_here_options(L, 1, object);
    if (bind_opt_push(L, 1, "kernel") != LUA_TNIL)
        params->kernel = bind_check_kernel(L, lua_gettop(L), bind_where(L));
    if (bind_opt_push(L, 1, "weights") != LUA_TNIL)
        push_weights(L, lua_gettop(L), bind_where(L), params);
    if (bind_opt_push(L, 1, "memory") != LUA_TNIL)
        params->memory = check_memory(L, lua_gettop(L), bind_where(L));
}

bool libraries_choose_solver(const char *name) {
    int found = solver_find(name);
    if (found >= 0)
        solver_choose((SolverKind)found);
    return found >= 0;
}

/* native.solver() → the session's; native.solver(name) chooses it, nil the first. */
int bind_session_solver(lua_State *L) {
    SvcParams params = svc_defaults();
    FieldPlace place;
    fields_place(fields_find(svc_fields.field, "solver"), &params, "", &place);
    if (lua_isnil(L, 1))
        field_copy(place.field, &params, svc_fields.initial);
    else if (!lua_isnone(L, 1))
        bind_field_set(L, 1, "svm", &place);
    solver_choose(params.solver);
    lua_pushstring(L, solver_names[params.solver]);
    return 1;
}

/* svm.new { kernel =, C =, tolerance =, weights =, solver = } */
static int svm_new(lua_State *L) {
    SvcParams params = svc_defaults();
    read_params(L, &params);
    BIND_MODEL_RETURN(L, &svc_type, svc_new(&params, &err));
}

static const Array *push_option_array(lua_State *L, const char *name, DType dtype) {
    bind_opt_push(L, 1, name);
    return bind_to_kept_array(L, lua_gettop(L), "svm.from", name, dtype);
}

/* svm.from { sv =, alpha =, b =, kernel =, classes = }: the rows of alpha follow `classes`. */
static int svm_from(lua_State *L) {
    SvcParams params = svc_defaults();
    read_params(L, &params);
    const Array *sv = push_option_array(L, "sv", DTYPE_F32);
    const Array *alpha = push_option_array(L, "alpha", DTYPE_F64);
    const Array *b = push_option_array(L, "b", DTYPE_F64);
    const Array *list = push_option_array(L, "classes", DTYPE_I32);
    SvcNumbers numbers = { sv, alpha, b, &(Labels){ array_i32(list), array_size(list) } };
    BIND_MODEL_RETURN(L, &svc_type, svc_from(&params, &numbers, &err));
}

/* ---- svm.search: the grid of C and gamma ------------------------------------------------------
 */

#define ANSWER "perigee.search" /* the answers' metatable, filled by perigee/svm.lua */

/* Push the option as an array of numbers; one stands for a list. */
static const Array *push_values(lua_State *L, const char *name, double fallback) {
    int type = bind_opt_push(L, 1, name);
    if (type == LUA_TNIL || type == LUA_TNUMBER) {
        lua_createtable(L, 1, 0);
        lua_pushnumber(L, type == LUA_TNIL ? fallback : lua_tonumber(L, -2));
        lua_rawseti(L, -2, 1);
    }
    const Array *values = bind_to_array(L, lua_gettop(L), "svm.search", name, DTYPE_F64);
    if (values->ndim != 1)
        bind_error(L, "svm.search: %s: expected a list of numbers", name);
    return values;
}

/* The answer that perigee/svm.lua makes of the accuracies on top; C and gamma (0: none) are at the
 * slots `grid`. */
static void push_answer(lua_State *L, const int grid[2], const SvcFound *found, uint64_t seed) {
    int table = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_getfield(L, -1, "answer");
    lua_pushvalue(L, table);
    lua_pushvalue(L, grid[0]);
    grid[1] ? lua_pushvalue(L, grid[1]) : lua_pushnil(L);
    lua_pushinteger(L, (lua_Integer)seed);
    if (found->any) {
        lua_pushinteger(L, (lua_Integer)found->C + 1);
        lua_pushinteger(L, (lua_Integer)found->gamma + 1);
    }
    lua_call(L, found->any ? 6 : 4, 1);
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
static int svm_search(lua_State *L) {
    static const char where[] = "svm.search";
    SvcSearchOptions search = *(const SvcSearchOptions *)svc_search_fields.initial;
    search.svc.solver = solver_default();
    read_params(L, &search);
    bind_opt_push(L, 1, "data");
    Samples samples = bind_check_training(L, -1, where, "data");
    const Array *C = push_values(L, "C", search.svc.C);
    int C_at = lua_gettop(L);
    const Array *gamma = push_values(L, "gamma", search.svc.kernel.gamma);
    int gamma_at = kernel_has(&search.svc.kernel, "gamma") ? lua_gettop(L) : 0;
    uint64_t seed;
    FoldsOf of = { where, samples.y, samples.n, search.folds };
    const int32_t *fold = bind_push_folds(L, 1, &of, &seed);
    SvcGrid grid = { array_f64(C),    C->shape[0], array_f64(gamma),
                     gamma->shape[0], fold,        search.folds };
    Error err;
    Array *table =
        array_new2(where, DTYPE_F64, grid.Cs, svc_search_columns(&search.svc, &grid), &err);
    bind_push_array(L, table, &err);
    SvcSearch asked = { &search.svc, &grid, &samples, where };
    SvcFound found = { .accuracy = array_f64(table) };
    Progress progress = progress_new();
    if (!svc_search(&asked, &found, &progress, &err))
        return bind_raise(L, &err);
    push_answer(L, (const int[]){ C_at, gamma_at }, &found, seed);
    if (progress_was_interrupted(&progress))
        note_leave("stopped; svm.search answers from what it has tried so far");
    else if (found.any && search.fit)
        set_model(L, &asked, &found, &progress);
    return 1;
}

/* ---- A classifier's properties --------------------------------------------------------------- */

static void push_support(lua_State *L, const void *svc) {
    lua_pushinteger(L, (lua_Integer)svc_support_count(svc));
}

static void push_unsolved(lua_State *L, const void *svc) {
    lua_pushinteger(L, (lua_Integer)svc_unsolved(svc));
}

/* The numbers that only a fitted classifier has, whichever the name says. */
static void push_numbers(lua_State *L, const void *svc) {
    const char *name = lua_tostring(L, 2);
    Error err;
    if (!model_is_fitted(svc))
        lua_pushnil(L);
    else if (strcmp(name, "sv") == 0)
        bind_push_array(L, svc_support_vectors(svc, &err), &err);
    else if (strcmp(name, "alpha") == 0)
        bind_push_array(L, svc_alpha(svc, &err), &err);
    else
        bind_push_array(L, svc_b(svc, &err), &err);
}

/* Push a list: for every class its number of support vectors. */
static void push_per_class(lua_State *L, const void *svc) {
    size_t classes = ((const Model *)svc)->classes.count;
    size_t *count = lua_newuserdatauv(L, (classes + 1) * sizeof *count, 0);
    svc_support_per_class(svc, count);
    if (classes > 0)
        bind_push_sizes(L, (int)classes, count);
    else
        lua_pushnil(L);
    lua_remove(L, -2);
}

static const BindProperty properties[] = { BIND_PROPERTY("support", push_support),
                                           BIND_PROPERTY("support_per_class", push_per_class),
                                           BIND_PROPERTY("sv", push_numbers),
                                           BIND_PROPERTY("alpha", push_numbers),
                                           BIND_PROPERTY("b", push_numbers),
                                           BIND_PROPERTY("unsolved", push_unsolved),
                                           BIND_LAST };

int open_svm(lua_State *L) {
    static const BindType type = { .box = &svc_type,
                                   .like = &bind_any_model,
                                   .properties = properties };
    static const BindFunction functions[] = {
        BIND_WITH("new", svm_new, 1, &svc_fields), BIND_WITH("from", svm_from, 1, &svc_from_fields),
        BIND_WITH("search", svm_search, 1, &svc_search_fields), BIND_LAST
    };
    bind_new_model_type(L, &type, &svc_kind);
    register_objects(L);
    lua_newtable(L);
    bind_set_functions(L, functions);
    bind_open_kernels(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, ANSWER);
    lua_pop(L, 1);
    return 1;
}
