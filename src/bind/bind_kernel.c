#include "bind/bind_kernel.h"

#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "core/array.h"
#include "core/array_values.h"
#include "core/error.h"
#include "svm/own_kernel.h"

#include <stdlib.h>
#include <string.h>

/* ---- Values by a function written in Lua ----------------------------------------------------- */

static const char who[] = "the kernel written in Lua";

/* What pull wants: a function of the slopes, and for what. */
typedef struct Pull {
    BindRef function;
    const char *where;
    size_t n, m, features;
} Pull;

typedef struct Call {
    const KernelCall *asked;
    double *values;
    Pull *pull; /* to be filled, or NULL */
} Call;

static void push_half(lua_State *L, const char *name) {
    bind_push_half(L, "perigee.kernels", name);
}

static void push_parameters(lua_State *L, const Kernel *kernel) {
    lua_newtable(L);
    for (const Field *field = kernel->kind->fields.field; field->name; field++) {
        Value value = field_get(field, kernel);
        lua_pushnumber(L, value.number[0]);
        lua_setfield(L, -2, field->name);
    }
}

/* The support vectors are not copied. */
static void push_vectors(lua_State *L, const KernelCall *asked) {
    Error err;
    if (asked->vectors)
        bind_push_array(L, array_share_read_only(asked->vectors, &err), &err);
    else
        bind_push_matrix(L,
                         (BindMatrix){ asked->x.where, DTYPE_F32, asked->s.n, asked->s.features },
                         asked->s.x);
}

static void values_body(lua_State *L, const void *context) {
    const Call *call = context;
    const KernelCall *asked = call->asked;
    const Batch *x = &asked->x;
    push_half(L, call->pull ? "there_and_back" : "values");
    bind_ref_push(L, *(const BindRef *)asked->kernel->kind->context);
    bind_push_matrix(L, (BindMatrix){ x->where, DTYPE_F32, x->n, x->features }, x->x);
    push_vectors(L, asked);
    push_parameters(L, asked->kernel);
    lua_call(L, 4, 2);
    if (call->pull)
        call->pull->function = bind_ref_take(L);
    else
        lua_pop(L, 1);
    char place[BIND_PLACE];
    bind_ref_push(L, *(const BindRef *)asked->kernel->kind->context);
    lua_getfield(L, -1, "values");
    bind_function_place(L, -1, place);
    lua_pop(L, 2);
    BindMatrix wanted = { x->where, DTYPE_F64, x->n, asked->s.n };
    const Array *values = bind_check_matrix_of(L, wanted, who, place);
    memcpy(call->values, array_f64(values), array_bytes(values));
}

static lua_State *state_of(const KernelKind *kind) {
    return ((const BindRef *)kind->context)->L;
}

static void own_forget(void *kept) {
    if (kept)
        bind_ref_close(&((Pull *)kept)->function);
    free(kept);
}

static bool own_values(const KernelCall *asked, double *values, void **kept, Error *err) {
    const KernelKind *kind = asked->kernel->kind;
    const BindCaller caller = { state_of(kind), asked->x.where, who };
    Pull *pull = kept ? calloc(1, sizeof *pull) : NULL;
    if (kept && !pull)
        return error_set(err, ERROR_MEMORY, "%s: out of memory", asked->x.where);
    if (pull)
        *pull = (Pull){
            .where = asked->x.where, .n = asked->x.n, .m = asked->s.n, .features = asked->x.features
        };
    kind->count(kind, 1); /* its function may let go of all that holds it */
    bool ok = bind_call(&caller, values_body, &(Call){ asked, values, pull }, err);
    kind->count(kind, -1);
    if (ok && kept)
        *kept = pull;
    else
        own_forget(pull);
    return ok;
}

typedef struct PullCall {
    const Pull *pull;
    const double *slope;
    float *gradient;
} PullCall;

static void pull_body(lua_State *L, const void *context) {
    const PullCall *call = context;
    const Pull *pull = call->pull;
    bind_ref_push(L, pull->function);
    bind_push_matrix(L, (BindMatrix){ pull->where, DTYPE_F64, pull->n, pull->m }, call->slope);
    lua_call(L, 1, 1);
    BindMatrix wanted = { pull->where, DTYPE_F32, pull->n, pull->features };
    const Array *gradient = bind_check_matrix(L, wanted, "the kernel's gradient");
    memcpy(call->gradient, array_f32(gradient), array_bytes(gradient));
}

static bool own_pull(void *kept, const double *slope, float *gradient, Error *err) {
    const Pull *pull = kept;
    const BindCaller caller = { pull->function.L, pull->where, who };
    return bind_call(&caller, pull_body, &(PullCall){ pull, slope, gradient }, err);
}

static void own_release(void *context) {
    bind_ref_clear(context);
    free(context);
}

static const KernelCalls own_calls = { own_values, own_pull, own_forget, own_release };

/* ---- Their boxes ----------------------------------------------------------------------------- */

static void release_kind(void *kind) {
    ((const KernelKind *)kind)->count(kind, -1);
}

static const BoxType kind_type = { .name = "perigee.own_kernel",
                                   .shown = "a kernel written in Lua",
                                   .release = release_kind };

/* Metatables by their kinds, for as long as somebody has one. */
static void push_metas(lua_State *L) {
    if (luaL_getsubtable(L, LUA_REGISTRYINDEX, "perigee.own_kernels"))
        return;
    lua_newtable(L);
    lua_pushstring(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

/* What makes a table this kernel: its metatable holds the kind. */
static void push_meta(lua_State *L, const KernelKind *kind) {
    push_metas(L);
    if (lua_rawgetp(L, -1, kind) == LUA_TNIL) {
        lua_pop(L, 1);
        push_half(L, "meta");
        void **box = bind_new_box(L, &kind_type);
        kind->count(kind, 1);
        *box = (void *)kind;
        lua_call(L, 1, 1);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, -3, kind);
    }
    lua_remove(L, -2);
}

/* The kind that the metatable of the table at `arg` holds, or NULL. */
static const KernelKind *test_own(lua_State *L, int arg) {
    if (luaL_getmetafield(L, arg, "__own") == LUA_TNIL)
        return NULL;
    const KernelKind *kind = bind_test(L, -1, &kind_type);
    lua_pop(L, 1);
    return kind;
}

/* ---- Tables { name = "rbf", gamma = 0.01 } --------------------------------------------------- */

void bind_push_kernel(lua_State *L, const Kernel *kernel) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, kernel->kind->name);
    lua_setfield(L, -2, "name");
    for (const Field *field = kernel->kind->fields.field; field && field->name; field++) {
        Value value = field_get(field, kernel);
        bind_push_value(L, &value);
        lua_setfield(L, -2, field->name);
    }
    if (kernel->kind->calls) {
        push_meta(L, kernel->kind);
        lua_setmetatable(L, -2);
    }
}

bool bind_push_kernel_definition(lua_State *L, const Kernel *kernel) {
    if (!kernel->kind || !kernel->kind->calls)
        return false;
    bind_ref_push(L, *(const BindRef *)kernel->kind->context);
    return true;
}

/* A kernel as its constructor makes it, or a name. */
Kernel bind_check_kernel(lua_State *L, int arg, const char *where) {
    bool is_table = lua_istable(L, arg) && !bind_is_library(L, arg);
    if (is_table && luaL_getmetafield(L, arg, "__kept") != LUA_TNIL)
        lua_replace(L, arg);
    if (is_table)
        lua_getfield(L, arg, "name");
    else
        lua_pushvalue(L, arg);
    const KernelKind *kind = is_table ? test_own(L, arg) : NULL;
    if (!kind && lua_type(L, -1) == LUA_TSTRING)
        kind = own_kernel_find(lua_tostring(L, -1));
    if (!kind)
        bind_expected(
            L, -1, where, "kernel",
            "svm.linear(), svm.rbf(gamma), svm.poly{…}, svm.kernel{…}, or the name of one");
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

/* A number alone is the parameter of a kernel that has one; of several it could be any. */
static bool has_one_parameter(const KernelKind *kind) {
    const Field *field = kind->fields.field;
    return field && field[0].name && !field[1].name;
}

/* svm.NAME{…} */
static int new_kernel(lua_State *L) {
    const KernelKind *kind = bind_here(L)->data;
    Kernel kernel = kernel_of(kind);
    const char *where = bind_where(L);
    if (has_one_parameter(kind) && lua_gettop(L) > 0 && !lua_istable(L, 1) && !lua_isnil(L, 1)) {
        FieldPlace place;
        fields_place(kind->fields.field, &kernel, "", &place);
        bind_field_set(L, 1, where, &place);
    } else {
        bind_fields(L, 1, where, kind->fields.field, &kernel);
    }
    bind_push_kernel(L, &kernel);
    return 1;
}

void bind_open_kernels(lua_State *L) {
    for (size_t i = 0; kernel_table[i]; i++) {
        const KernelKind *kind = kernel_table[i];
        bind_set_described(L, &(BindFunction)BIND_AS(kind->name, new_kernel, 1, kind),
                           &(Described){ "svm.", kind->summary, kind->example, "kernel",
                                         !kind->fields.field ? "a table of its name"
                                         : has_one_parameter(kind)
                                             ? "a table of its name and its parameter, which may "
                                               "also be given as a number alone"
                                             : "a table of its name and parameters",
                                         i == 0 ? "Kernels" : NULL, "svm.new", kind->fields });
    }
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* The lists at `names` and `values`; what is pushed keeps them. */
static const OwnParameter *push_list(lua_State *L, int names, int values, size_t *count) {
    *count = (size_t)lua_rawlen(L, names);
    luaL_checkstack(L, (int)*count + 4, "svm.kernel: too many parameters");
    OwnParameter *parameter = lua_newuserdatauv(L, (*count + 1) * sizeof *parameter, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, names, (lua_Integer)i + 1);
        lua_rawgeti(L, values, (lua_Integer)i + 1);
        parameter[i] = (OwnParameter){ lua_tostring(L, -2), lua_tonumber(L, -1) };
        lua_pop(L, 1);
    }
    return parameter;
}

int bind_own_kernel(lua_State *L) {
    Error err;
    lua_settop(L, 4);
    OwnKernelParts parts = { .name = lua_tostring(L, 2), .calls = &own_calls };
    parts.parameter = push_list(L, 3, 4, &parts.parameters);
    if (luaL_getmetatable(L, kind_type.name) == LUA_TNIL)
        bind_new_owner(L, &kind_type);
    void **box = bind_new_box(L, &kind_type);
    BindRef *definition = calloc(1, sizeof *definition);
    if (!definition)
        return bind_error(L, "svm.kernel: out of memory");
    parts.context = definition;
    const KernelKind *kind = own_kernel_new(&parts, &err);
    if (!kind) {
        free(definition);
        return bind_raise(L, &err);
    }
    *box = (void *)kind;
    lua_pushvalue(L, 1);
    *definition = bind_ref_take(L);
    Kernel kernel = kernel_of(kind);
    bind_push_kernel(L, &kernel);
    return 1;
}
