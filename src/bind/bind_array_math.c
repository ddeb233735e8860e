/* Elementwise operations, by core's table; clip, and the comparison of whole arrays. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"

#include "core/array_compare.h"
#include "core/array_math.h"

enum { MAX_OPERANDS = 3 };

typedef struct Operands {
    Operand operand[MAX_OPERANDS];
    const Array *input[MAX_OPERANDS];
} Operands;

static void check_operands(lua_State *L, const ArrayOp *op, Operands *operands) {
    int count = array_op_inputs(op);
    lua_settop(L, count); /* operators bring a second operand even to unary minus */
    for (int k = 0; k < count; k++) {
        bind_array_operand(L, k + 1, &operands->operand[k]);
        operands->input[k] = operands->operand[k].array;
    }
}

static int apply(lua_State *L, const ArrayOp *op) {
    Operands operands;
    check_operands(L, op, &operands);
    BIND_ARRAY_RETURN(L, array_apply(op, operands.input, &err));
}

static int apply_in_place(lua_State *L, const ArrayOp *op) {
    Operands operands;
    Array *x = bind_check_array(L, 1, bind_where(L), "array");
    check_operands(L, op, &operands);
    BIND_TRY(L, array_apply_into(op, operands.input, x, &err));
    lua_settop(L, 1);
    return 1;
}

int bind_array_apply(lua_State *L) {
    return apply(L, bind_here(L)->data);
}

int bind_array_apply_in_place(lua_State *L) {
    return apply_in_place(L, bind_here(L)->data);
}

/* clip(x, low, high) with nil for no bound: then maximum or minimum alone does it. */
static const ArrayOp *clip_op(lua_State *L) {
    lua_settop(L, 3);
    if (lua_isnil(L, 2) && lua_isnil(L, 3))
        bind_error(L, "clip: expected a lower or an upper bound");
    if (lua_isnil(L, 3))
        return array_op("maximum");
    if (!lua_isnil(L, 2))
        return array_op("clip");
    lua_remove(L, 2);
    return array_op("minimum");
}

static int clip(lua_State *L) {
    const ArrayOp *op = clip_op(L);
    bind_tell_operation(L, array_op_name(op));
    return apply(L, op);
}

static int clip_in_place(lua_State *L) {
    return apply_in_place(L, clip_op(L));
}

static int allclose(lua_State *L) {
    const Array *pair[2] = { bind_array_input(L, 1), bind_array_input(L, 2) };
    bool close;
    ArrayOptions options = bind_array_options(L, 3, bind_here(L)->options->field);
    Tolerance t = { options.rtol, options.atol, options.equal_nan };
    BIND_TRY(L, array_allclose(pair, &t, &close, &err));
    lua_pushboolean(L, close);
    return 1;
}

static int equal(lua_State *L) {
    const Array *pair[2] = { bind_array_input(L, 1), bind_array_input(L, 2) };
    bool same;
    BIND_TRY(L, array_equal(pair, &same, &err));
    lua_pushboolean(L, same);
    return 1;
}

const BindFunction bind_array_math_functions[] = {
    BIND("clip", clip, 3),
    BIND_WITH("allclose", allclose, 3, ARRAY_OPTIONS(array_closeness_fields)),
    BIND("equal", equal, 2),
    BIND_LAST,
};

const BindFunction bind_array_math_methods[] = {
    BIND("clip_", clip_in_place, 3),
    BIND_LAST,
};
