/* bind_svm.c — the library svm: kernels and classifiers. */
#include "bind/bind.h"
#include "bind/bind_svm.h"

#include <math.h>
#include <string.h>

static void release_svc(void *svc) {
    model_release(svc);
}

static const BoxType svc_type = { .name = "perigee.svm",
                                  .shown = "an svm",
                                  .release = release_svc };

/* ---- Kernels: tables { name = "rbf", gamma = 0.01 } ------------------------------------------ */

static int push_kernel(lua_State *L, const Kernel *kernel) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, kernel_names[kernel->kind]);
    lua_setfield(L, -2, "name");
    if (kernel_has_gamma(kernel)) {
        lua_pushnumber(L, kernel->gamma);
        lua_setfield(L, -2, "gamma");
    }
    if (kernel_has_degree(kernel)) {
        lua_pushnumber(L, kernel->coef0);
        lua_setfield(L, -2, "coef0");
        lua_pushinteger(L, kernel->degree);
        lua_setfield(L, -2, "degree");
    }
    return 1;
}

static void check_kernel(lua_State *L, const char *where, const Kernel *kernel) {
    Error err;
    if (!kernel_check(where, kernel, &err))
        bind_raise(L, &err);
}

/* The parameters in the table at `arg`; a kernel's own table has its name among them. */
static Kernel kernel_options(lua_State *L, int arg, const char *where, KernelKind kind,
                             bool has_name) {
    static const char *const all[] = { "name", "gamma", "coef0", "degree", NULL };
    static const char *const with_gamma[] = { "name", "gamma", NULL };
    static const char *const none[] = { "name", NULL };
    Kernel kernel = svc_defaults().kernel;
    kernel.kind = kind;
    const char *const *valid = kernel_has_degree(&kernel)  ? all
                               : kernel_has_gamma(&kernel) ? with_gamma
                                                           : none;
    bind_options(L, arg, where, has_name ? valid : valid + 1);
    kernel.gamma = bind_opt_number(L, arg, where, "gamma", 0, HUGE_VAL, kernel.gamma);
    kernel.coef0 = bind_opt_number(L, arg, where, "coef0", -HUGE_VAL, HUGE_VAL, kernel.coef0);
    kernel.degree = (int)bind_opt_integer(L, arg, where, "degree", 1, 32, kernel.degree);
    check_kernel(L, where, &kernel);
    return kernel;
}

static KernelKind kernel_word(lua_State *L, int arg, const char *where) {
    int kind = lua_type(L, arg) == LUA_TSTRING ? kernel_find(lua_tostring(L, arg)) : -1;
    if (kind < 0)
        bind_expected(L, arg, where, "kernel",
                      "svm.linear(), svm.rbf(gamma), svm.poly{…}, or the name of one");
    return (KernelKind)kind;
}

/* The option "kernel": a table as the constructors make it, or a name. */
Kernel svm_opt_kernel(lua_State *L, int arg, const char *where) {
    Kernel kernel = svc_defaults().kernel;
    int type = bind_opt_push(L, arg, "kernel");
    int top = lua_gettop(L);
    if (type == LUA_TTABLE) {
        lua_getfield(L, top, "name");
        kernel = kernel_options(L, top, where, kernel_word(L, -1, where), true);
    } else if (type != LUA_TNIL) {
        kernel.kind = kernel_word(L, top, where);
    }
    lua_settop(L, top - 1);
    return kernel;
}

static int svm_linear(lua_State *L) {
    Kernel kernel = svc_defaults().kernel;
    kernel.kind = KERNEL_LINEAR;
    return push_kernel(L, &kernel);
}

static int svm_rbf(lua_State *L) {
    Kernel kernel = svc_defaults().kernel;
    kernel.kind = KERNEL_RBF;
    if (lua_istable(L, 1))
        kernel = kernel_options(L, 1, "svm.rbf", KERNEL_RBF, false);
    else if (!lua_isnoneornil(L, 1))
        kernel.gamma = bind_number(L, 1, "svm.rbf", "gamma");
    check_kernel(L, "svm.rbf", &kernel);
    return push_kernel(L, &kernel);
}

static int svm_poly(lua_State *L) {
    lua_settop(L, 1);
    Kernel kernel = kernel_options(L, 1, "svm.poly", KERNEL_POLY, false);
    return push_kernel(L, &kernel);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

/* The option "weights": "balanced", or a table { [label] = weight }, left in memory on the stack.
 */
static void push_weights(lua_State *L, int arg, const char *where, SvcParams *params) {
    int type = bind_opt_push(L, arg, "weights"), table = lua_gettop(L);
    if (type == LUA_TNIL)
        return;
    params->balanced = type == LUA_TSTRING && strcmp(lua_tostring(L, table), "balanced") == 0;
    if (params->balanced)
        return;
    if (type != LUA_TTABLE)
        bind_expected(L, table, where, "weights", "\"balanced\" or a table { [label] = weight }");
    size_t count = 0;
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

/* C (where it is one number), tolerance, weights and the kernel. Leaves values on the stack. */
SvcParams svm_push_params(lua_State *L, int arg, const char *where, bool single_C) {
    SvcParams params = svc_defaults();
    params.kernel = svm_opt_kernel(L, arg, where);
    if (single_C)
        params.C = bind_opt_number(L, arg, where, "C", 0, HUGE_VAL, params.C);
    params.tolerance = bind_opt_number(L, arg, where, "tolerance", 0, HUGE_VAL, params.tolerance);
    params.solver = (SolverKind)bind_opt_word(L, arg, where, "solver", solver_names, params.solver);
    push_weights(L, arg, where, &params);
    return params;
}

/* svm.new { kernel =, C =, tolerance =, weights =, solver = } */
static int svm_new(lua_State *L) {
    static const char *const valid[] = { "kernel", "C", "tolerance", "weights", "solver", NULL };
    lua_settop(L, 1);
    bind_options(L, 1, "svm.new", valid);
    SvcParams params = svm_push_params(L, 1, "svm.new", true);
    void **box = bind_new_box(L, &svc_type);
    Error err;
    *box = svc_new(&params, &err);
    return *box ? 1 : bind_raise(L, &err);
}

static const Array *push_option_array(lua_State *L, const char *name, DType dtype) {
    bind_opt_push(L, 1, name);
    return bind_to_array(L, lua_gettop(L), "svm.from", name, dtype);
}

/* svm.from { sv =, alpha =, b =, kernel =, classes = }: the rows of alpha follow `classes`. */
static int svm_from(lua_State *L) {
    static const char *const valid[] = { "sv", "alpha",     "b",       "classes", "kernel",
                                         "C",  "tolerance", "weights", "solver",  NULL };
    lua_settop(L, 1);
    bind_options(L, 1, "svm.from", valid);
    SvcParams params = svm_push_params(L, 1, "svm.from", true);
    const Array *sv = push_option_array(L, "sv", DTYPE_F32);
    const Array *alpha = push_option_array(L, "alpha", DTYPE_F64);
    const Array *b = push_option_array(L, "b", DTYPE_F64);
    const Array *list = push_option_array(L, "classes", DTYPE_I32);
    size_t count = array_size(list);
    int32_t *label = array_i32(list);
    for (size_t i = 1; i < count; i++)
        if (label[i] <= label[i - 1])
            return luaL_error(L, "svm.from: classes: expected rising labels, got %d before %d",
                              (int)label[i - 1], (int)label[i]);
    void **box = bind_new_box(L, &svc_type);
    Error err;
    *box = svc_from(&params, sv, alpha, b, &(Labels){ label, count }, &err);
    return *box ? 1 : bind_raise(L, &err);
}

/* ---- A classifier's fields and its line ------------------------------------------------------ */

static Svc *check_svc(lua_State *L, const char *where) {
    return bind_check(L, 1, &svc_type, where, "self");
}

/* Push a list: for every class its number of support vectors. With two classes and one function
 * both have those of their side, the sign of alpha. */
static void push_per_class(lua_State *L, const Svc *svc) {
    Error err;
    Array *alpha = svc_alpha(svc, &err);
    bind_push_array(L, alpha, &err);
    size_t functions = alpha->shape[0], m = alpha->shape[1];
    size_t classes = ((const Model *)svc)->classes.count;
    lua_createtable(L, (int)classes, 0);
    for (size_t c = 0; c < classes; c++) {
        const double *row = array_f64(alpha) + (functions == 1 ? 0 : c) * m;
        lua_Integer count = 0;
        for (size_t i = 0; i < m; i++)
            count += functions == 1 ? (c == 0 ? row[i] < 0 : row[i] > 0) : row[i] != 0;
        lua_pushinteger(L, count);
        lua_rawseti(L, -2, (lua_Integer)c + 1);
    }
    lua_remove(L, -2);
}

/* Push a field that only a fitted classifier has; false if `name` is none of these. */
static bool push_fitted(lua_State *L, const Svc *svc, const char *name) {
    Error err;
    bool fitted = model_is_fitted((const Model *)svc);
    if (strcmp(name, "support") == 0)
        lua_pushinteger(L, (lua_Integer)svc_support_count(svc));
    else if (strcmp(name, "support_per_class") == 0 && fitted)
        push_per_class(L, svc);
    else if (strcmp(name, "sv") == 0 && fitted)
        bind_push_array(L, svc_support_vectors(svc, &err), &err);
    else if (strcmp(name, "alpha") == 0 && fitted)
        bind_push_array(L, svc_alpha(svc, &err), &err);
    else if (strcmp(name, "b") == 0 && fitted)
        bind_push_array(L, svc_b(svc, &err), &err);
    else
        return false;
    return true;
}

static void push_weight_field(lua_State *L, const SvcParams *params) {
    if (params->balanced) {
        lua_pushstring(L, "balanced");
        return;
    }
    if (params->weights == 0) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, (int)params->weights);
    for (size_t i = 0; i < params->weights; i++) {
        lua_pushnumber(L, params->weight[i]);
        lua_rawseti(L, -2, params->weighted[i]);
    }
}

static int svc_index(lua_State *L) {
    static const char *const fields[] = { "kernel",  "C",       "tolerance",         "solver",
                                          "weights", "support", "support_per_class", "sv",
                                          "alpha",   "b",       BIND_MODEL_FIELDS,   NULL };
    const Svc *svc = check_svc(L, "svm");
    const SvcParams *params = svc_params(svc);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(name, "kernel") == 0)
        push_kernel(L, &params->kernel);
    else if (strcmp(name, "C") == 0)
        lua_pushnumber(L, params->C);
    else if (strcmp(name, "tolerance") == 0)
        lua_pushnumber(L, params->tolerance);
    else if (strcmp(name, "solver") == 0)
        lua_pushstring(L, solver_names[params->solver]);
    else if (strcmp(name, "weights") == 0)
        push_weight_field(L, params);
    else if (!push_fitted(L, svc, name))
        return bind_missing(L, fields);
    return 1;
}

static int svc_newindex(lua_State *L) {
    check_svc(L, "svm");
    return luaL_error(L,
                      "svm: the field %s cannot be set; hyperparameters are set by :set{ C = … }",
                      luaL_tolstring(L, 2, NULL));
}

static void add_kernel(luaL_Buffer *text, const Kernel *kernel) {
    char part[96] = "";
    luaL_addstring(text, kernel_names[kernel->kind]);
    if (kernel_has_degree(kernel))
        snprintf(part, sizeof part, "(gamma %g, coef0 %g, degree %d)", kernel->gamma, kernel->coef0,
                 kernel->degree);
    else if (kernel_has_gamma(kernel))
        snprintf(part, sizeof part, "(gamma %g)", kernel->gamma);
    luaL_addstring(text, part);
}

enum { MOST_SHOWN = 12 }; /* classes whose support vectors are listed one by one */

/* svm rbf(gamma 0.01), C 10: 10 classes, 1600 features, 1862 support vectors (213 180 …) */
static int svc_tostring(lua_State *L) {
    const Svc *svc = check_svc(L, "tostring");
    lua_settop(L, 1);
    const Model *model = (const Model *)svc;
    const SvcParams *params = svc_params(svc);
    size_t classes = model->classes.count;
    if (classes > 0)
        push_per_class(L, svc);
    luaL_Buffer text;
    char part[128];
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "svm ");
    add_kernel(&text, &params->kernel);
    snprintf(part, sizeof part, ", C %g%s", params->C, params->balanced ? ", balanced" : "");
    luaL_addstring(&text, part);
    if (classes == 0) {
        luaL_addstring(&text, " (not fitted)");
    } else {
        snprintf(part, sizeof part, ": %zu classes, %zu features, %zu support vectors", classes,
                 model->features, svc_support_count(svc));
        luaL_addstring(&text, part);
    }
    for (size_t c = 0; c < classes && classes <= MOST_SHOWN; c++) {
        lua_rawgeti(L, 2, (lua_Integer)c + 1);
        snprintf(part, sizeof part, "%s%d%s", c ? " " : " (", (int)lua_tointeger(L, -1),
                 c + 1 == classes ? ")" : "");
        lua_pop(L, 1);
        luaL_addstring(&text, part);
    }
    luaL_pushresult(&text);
    return 1;
}

int open_svm(lua_State *L) {
    static const luaL_Reg meta[] = { { "__index", svc_index },
                                     { "__newindex", svc_newindex },
                                     { "__tostring", svc_tostring },
                                     { NULL, NULL } };
    static const luaL_Reg functions[] = { { "new", svm_new },
                                          { "from", svm_from },
                                          { "search", bind_svm_search },
                                          { "linear", svm_linear },
                                          { "rbf", svm_rbf },
                                          { "poly", svm_poly },
                                          { NULL, NULL } };
    bind_new_model_type(L, &svc_type, &svc_kind, NULL, meta);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
