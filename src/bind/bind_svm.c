/* bind_svm.c — the library svm: kernels and classifiers. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_model.h"
#include "bind/bind_svm.h"
#include "bind/libraries.h"
#include "core/array_values.h"
#include "core/error.h"

#include <stdio.h>
#include <string.h>

static const BoxType svc_type = { .name = "perigee.svm",
                                  .shown = "an svm",
                                  .release = bind_release_model };

/* ---- Kernels: tables { name = "rbf", gamma = 0.01 } ------------------------------------------ */

static void push_kernel(lua_State *L, const Kernel *kernel) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, kernel->kind->name);
    lua_setfield(L, -2, "name");
    for (const Field *field = kernel->kind->fields.field; field && field->name; field++) {
        Value value = field_get(field, kernel);
        bind_push_value(L, &value);
        lua_setfield(L, -2, field->name);
    }
}

/* A kernel as its constructor makes it, or a name. */
static Kernel check_kernel(lua_State *L, int arg, const char *where) {
    bool is_table = lua_istable(L, arg);
    if (is_table)
        lua_getfield(L, arg, "name");
    else
        lua_pushvalue(L, arg);
    const KernelKind *kind =
        lua_type(L, -1) == LUA_TSTRING ? kernel_find(lua_tostring(L, -1)) : NULL;
    if (!kind)
        bind_expected(L, -1, where, "kernel",
                      "svm.linear(), svm.rbf(gamma), svm.poly{…}, or the name of one");
    lua_pop(L, 1);
    Kernel kernel = kernel_of(kind);
    if (is_table) {
        const char *names[BIND_MOST_NAMES];
        bind_field_names(kind->fields.field, "name", names);
        bind_options(L, arg, where, names);
        bind_read_fields(L, arg, where, kind->fields.field, &kernel);
    }
    return kernel;
}

/* svm.NAME{…}; a number alone is the first parameter. */
static int new_kernel(lua_State *L) {
    const KernelKind *kind = bind_here(L)->data;
    Kernel kernel = kernel_of(kind);
    char where[64];
    snprintf(where, sizeof where, "svm.%s", kind->name);
    if (kind->fields.field && lua_gettop(L) > 0 && !lua_istable(L, 1) && !lua_isnil(L, 1)) {
        FieldPlace place;
        fields_place(kind->fields.field, &kernel, "", &place);
        bind_field_set(L, 1, where, &place);
    } else {
        bind_fields(L, 1, where, kind->fields.field, &kernel);
    }
    push_kernel(L, &kernel);
    return 1;
}

static void open_kernels(lua_State *L) {
    for (size_t i = 0; kernel_table[i]; i++) {
        const KernelKind *kind = kernel_table[i];
        bind_set_functions(
            L, (const BindFunction[]){ BIND_AS(kind->name, new_kernel, 1, kind), BIND_LAST });
        char name[64];
        snprintf(name, sizeof name, "svm.%s", kind->name);
        bind_describe_options(L, &(Described){ .name = name,
                                               .summary = kind->summary,
                                               .example = kind->example,
                                               .result = "kernel",
                                               .gives = "a table of its name and parameters; a "
                                                        "number alone is the first of them",
                                               .see = "svm.new",
                                               .group = i == 0 ? "Kernels" : NULL,
                                               .fields = kind->fields });
    }
}

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
    Kernel kernel = check_kernel(L, lua_absindex(L, arg), where);
    if (place->object)
        ((SvcParams *)place->object)->kernel = kernel;
}

static void push_kernel_field(lua_State *L, const FieldPlace *place) {
    push_kernel(L, &((const SvcParams *)place->object)->kernel);
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

static void register_objects(lua_State *L) {
    static const BindObject kernel = { read_kernel, push_kernel_field };
    static const BindObject weights = { read_weights, push_weights_field };
    bind_object_field(L, fields_find(svc_fields.field, "kernel"), &kernel);
    bind_object_field(L, fields_find(svc_fields.field, "weights"), &weights);
}

void svm_read_params(lua_State *L, int arg, const char *where, const Field *field,
                     SvcParams *params) {
    if (bind_opt_push(L, arg, "kernel") != LUA_TNIL)
        params->kernel = check_kernel(L, lua_gettop(L), where);
    bind_read_fields(L, arg, where, field, params);
    if (bind_opt_push(L, arg, "weights") != LUA_TNIL)
        push_weights(L, lua_gettop(L), where, params);
}

/* svm.new { kernel =, C =, tolerance =, weights =, solver = } */
static int svm_new(lua_State *L) {
    SvcParams params = svc_defaults();
    lua_settop(L, 1);
    bind_fields(L, 1, "svm.new", svc_fields.field, &params);
    svm_read_params(L, 1, "svm.new", svc_fields.field, &params);
    void **box = bind_new_box(L, &svc_type);
    Error err;
    *box = svc_new(&params, &err);
    return *box ? 1 : bind_raise(L, &err);
}

static const Field from_fields[] = {
    { "sv", FIELD_OBJECT, .type = "array|table", .required = true, .meaning = "support vectors" },
    { "alpha", FIELD_OBJECT, .type = "array|table", .required = true,
      .meaning = "their coefficients, signs included" },
    { "b", FIELD_OBJECT, .type = "array|table", .required = true, .meaning = "constants" },
    { "classes", FIELD_OBJECT, .type = "integer[]", .required = true, .meaning = "labels, rising" },
    SVC_C_FIELD,
    SVC_COMMON_FIELDS,
    { .name = NULL },
};

static const Array *push_option_array(lua_State *L, const char *name, DType dtype) {
    bind_opt_push(L, 1, name);
    return bind_to_array(L, lua_gettop(L), "svm.from", name, dtype);
}

/* svm.from { sv =, alpha =, b =, kernel =, classes = }: the rows of alpha follow `classes`. */
static int svm_from(lua_State *L) {
    SvcParams params = svc_defaults();
    lua_settop(L, 1);
    bind_fields(L, 1, "svm.from", from_fields, &params);
    svm_read_params(L, 1, "svm.from", from_fields, &params);
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
    SvcNumbers numbers = { sv, alpha, b, &(Labels){ label, count } };
    *box = svc_from(&params, &numbers, &err);
    return *box ? 1 : bind_raise(L, &err);
}

/* ---- A classifier's properties --------------------------------------------------------------- */

static void push_support(lua_State *L, const void *svc) {
    lua_pushinteger(L, (lua_Integer)svc_support_count(svc));
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

static const BindProperty properties[] = {
    BIND_PROPERTY("support", push_support), BIND_PROPERTY("support_per_class", push_per_class),
    BIND_PROPERTY("sv", push_numbers),      BIND_PROPERTY("alpha", push_numbers),
    BIND_PROPERTY("b", push_numbers),       BIND_LAST
};

int open_svm(lua_State *L) {
    static const BindType type = { .box = &svc_type,
                                   .like = &bind_any_model,
                                   .properties = properties };
    static const BindFunction functions[] = { BIND("new", svm_new, 1), BIND("from", svm_from, 1),
                                              BIND("search", bind_svm_search, 1), BIND_LAST };
    bind_new_model_type(L, &type, &svc_kind);
    register_objects(L);
    lua_newtable(L);
    bind_set_functions(L, functions);
    open_kernels(L);
    bind_describe_all(
        L, (const Described[]){ { "svm.new", .fields = svc_fields },
                                { "svm.from", .fields = { from_fields, svc_fields.initial } },
                                { .name = NULL } });
    bind_svm_search_open(L);
    return 1;
}
