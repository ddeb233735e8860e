/* Elementwise operations: functions, methods, in-place methods (add_) and operators. */
#include "bind/bind_array.h"

#include "core/array_compare.h"
#include "core/array_math.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Operands -------------------------------------------------------------------------------- */

static DType scalar_dtype(lua_State *L, int arg, DType peer) {
    if (peer != DTYPE_I32)
        return peer;
    if (lua_isboolean(L, arg))
        return DTYPE_I32;
    if (!lua_isinteger(L, arg))
        return DTYPE_F32;
    lua_Integer i = lua_tointeger(L, arg);
    return i >= INT32_MIN && i <= INT32_MAX ? DTYPE_I32 : DTYPE_F64;
}

void bind_array_operand(lua_State *L, int arg, const char *where, DType peer, Operand *operand) {
    int type = lua_type(L, arg);
    operand->array = bind_test_array(L, arg);
    if (operand->array)
        return;
    if (type == LUA_TTABLE) {
        operand->array =
            bind_to_array(L, arg, where, "operand", peer == DTYPE_F64 ? DTYPE_F64 : DTYPE_F32);
        lua_replace(L, arg);
        return;
    }
    if (type != LUA_TNUMBER && type != LUA_TBOOLEAN)
        bind_expected(L, arg, where, "operand", "an array, a number or a table of numbers");
    double x = type == LUA_TBOOLEAN ? lua_toboolean(L, arg) : lua_tonumber(L, arg);
    operand->scalar = (Array){ .dtype = scalar_dtype(L, arg, peer), .data = &operand->value };
    operand->array = &operand->scalar;
    if (operand->scalar.dtype == DTYPE_F32)
        operand->value.f32 = (float)x;
    else if (operand->scalar.dtype == DTYPE_F64)
        operand->value.f64 = x;
    else
        operand->value.i32 = (int32_t)x;
}

Array *bind_array_input(lua_State *L, int arg, const char *where) {
    Array *a = bind_test_array(L, arg);
    if (!a) {
        a = bind_to_array(L, arg, where, "array", DTYPE_F32);
        lua_replace(L, arg);
    }
    return a;
}

/* The type that numbers among the arguments first … last follow: that of the arrays there. */
static DType peer_dtype(lua_State *L, int first, int last) {
    DType peer = DTYPE_F64;
    bool found = false;
    for (int arg = first; arg <= last; arg++) {
        const Array *a = bind_test_array(L, arg);
        if (!a)
            continue;
        if (!found || a->dtype == DTYPE_F64 || peer == DTYPE_I32)
            peer = a->dtype;
        found = true;
    }
    return peer;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

enum { MAX_OPERANDS = 3 };

static void check_operands(lua_State *L, const ArrayOp *op, Operand *operands,
                           const Array **inputs) {
    int count = array_op_inputs(op), mask = strcmp(array_op_name(op), "where") == 0;
    DType peer = peer_dtype(L, 1 + mask, count);
    for (int k = 0; k < count; k++) {
        const char *where = array_op_name(op);
        if (k == 0 && mask)
            inputs[k] = bind_array_input(L, 1, where);
        else {
            bind_array_operand(L, k + 1, where, peer, &operands[k]);
            inputs[k] = operands[k].array;
        }
    }
}

static int apply_op(lua_State *L, const ArrayOp *op) {
    const Array *inputs[MAX_OPERANDS];
    Operand operands[MAX_OPERANDS];
    lua_settop(L, array_op_inputs(op)); /* operators bring a second operand even to unary minus */
    check_operands(L, op, operands, inputs);
    void **box = bind_new_box(L, &bind_array_type);
    BIND_ARRAY_MAKE(L, *box, array_apply(op, inputs, &err));
    bind_account(L, array_bytes(*box));
    return 1;
}

/* x:op_(…): the result goes into x, which is returned. */
static int apply_op_in_place(lua_State *L, const ArrayOp *op) {
    const Array *inputs[MAX_OPERANDS];
    Operand operands[MAX_OPERANDS];
    Error err = { 0 };
    bool tried = false, ok;
    Array *x = bind_check_array(L, 1, array_op_name(op), "array");
    lua_settop(L, array_op_inputs(op));
    check_operands(L, op, operands, inputs);
    do
        ok = array_apply_into(op, inputs, x, &err);
    while (!ok && bind_retry(L, &err, &tried));
    if (!ok)
        return bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

static int apply(lua_State *L) {
    return apply_op(L, bind_here(L)->data);
}

static int apply_in_place(lua_State *L) {
    return apply_op_in_place(L, bind_here(L)->data);
}

/* clip(x, low, high) with nil for no bound: then maximum or minimum alone does it. */
static const ArrayOp *clip_op(lua_State *L) {
    lua_settop(L, 3);
    if (lua_isnil(L, 2) && lua_isnil(L, 3))
        luaL_error(L, "clip: expected a lower or an upper bound");
    if (lua_isnil(L, 3))
        return array_op("maximum");
    if (!lua_isnil(L, 2))
        return array_op("clip");
    lua_remove(L, 2);
    return array_op("minimum");
}

static int clip(lua_State *L) {
    return apply_op(L, clip_op(L));
}

static int clip_in_place(lua_State *L) {
    return apply_op_in_place(L, clip_op(L));
}

/* ---- Comparing whole arrays ------------------------------------------------------------------ */

static const char *const tolerance_options[] = { "rtol", "atol", "equal_nan", NULL };

static int allclose(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "allclose");
    Operand b;
    bool close;
    Error err = { 0 };
    bind_array_operand(L, 2, "allclose", DTYPE_F64, &b);
    bind_options(L, 3, "allclose", tolerance_options);
    Tolerance t = { .rtol = bind_opt_number(L, 3, "allclose", "rtol", 0, HUGE_VAL, 1e-5),
                    .atol = bind_opt_number(L, 3, "allclose", "atol", 0, HUGE_VAL, 1e-8),
                    .equal_nan = bind_opt_boolean(L, 3, "allclose", "equal_nan", false) };
    if (!array_allclose("allclose", a, b.array, &t, &close, &err))
        return bind_raise(L, &err);
    lua_pushboolean(L, close);
    return 1;
}

static int equal(lua_State *L) {
    const Array *a = bind_array_input(L, 1, "equal"), *b;
    if (lua_isnumber(L, 2) || lua_istable(L, 2))
        b = bind_to_array(L, 2, "equal", "operand", DTYPE_F64);
    else
        b = bind_check_array(L, 2, "equal", "operand");
    lua_pushboolean(L, array_equal(a, b));
    return 1;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static const struct {
    const char *event, *op;
} operators[] = {
    { "__add", "add" }, { "__sub", "sub" }, { "__mul", "mul" },   { "__div", "div" },
    { "__pow", "pow" }, { "__mod", "mod" }, { "__idiv", "idiv" }, { "__unm", "neg" },
};

static void set_operators(lua_State *L, int metatable) {
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const ArrayOp *op = array_op(operators[i].op);
        /* Lua passes a second operand even to unary minus. */
        bind_push_function(L, &(BindFunction)BIND_AS(array_op_name(op), apply, 2, op));
        lua_setfield(L, metatable, operators[i].event);
    }
}

/* add, and add_ among the methods. */
static void set_op(lua_State *L, const ArrayOp *op, int library, int methods) {
    int inputs = array_op_inputs(op);
    BindFunction f = BIND_AS(array_op_name(op), apply, inputs, op);
    bind_array_set_both(L, &f, library, methods);
    /* where's first argument is no place for a result. */
    if (array_op_is_mask(op) || strcmp(f.name, "where") == 0)
        return;
    f.call = apply_in_place;
    f.name = lua_pushfstring(L, "%s_", f.name);
    bind_push_function(L, &f);
    lua_settable(L, methods);
}

void bind_array_open_math(lua_State *L, int library, int methods, int metatable) {
    static const BindFunction others[] = { BIND("clip", clip, 3), BIND("allclose", allclose, 3),
                                           BIND("equal", equal, 2), BIND_LAST };
    const ArrayOp *op;
    for (size_t i = 0; (op = array_op_at(i)) != NULL; i++)
        set_op(L, op, library, methods);
    for (const BindFunction *f = others; f->name; f++)
        bind_array_set_both(L, f, library, methods);
    bind_push_function(L, &(BindFunction)BIND("clip_", clip_in_place, 3));
    lua_setfield(L, methods, "clip_");
    set_operators(L, metatable);
}
