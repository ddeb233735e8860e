/* Linear equations and decompositions of matrices. */
#include "bind/bind_array.h"
#include "bind/bind_grad.h"

#include "core/array_solve.h"

static int solve(lua_State *L) {
    const Array *a = bind_array_input(L, 1), *b = bind_array_input(L, 2);
    BIND_ARRAY_RETURN(L, array_solve(a, b, &err));
}

static int inv(lua_State *L) {
    const Array *a = bind_array_input(L, 1);
    BIND_ARRAY_RETURN(L, array_inv(a, &err));
}

/* svd(x, {full_matrices=}) → u, s, vt. */
static int svd(lua_State *L) {
    const Array *x = bind_array_input(L, 1);
    ArrayOptions options = bind_array_options(L, 2, bind_here(L)->options->field);
    void **box[3];
    Svd out;
    bind_tell(L, &options.full_matrices, sizeof options.full_matrices);
    for (int i = 0; i < 3; i++)
        box[i] = bind_new_box(L, &bind_array_type);
    BIND_TRY(L, array_svd(x, options.full_matrices, &out, &err));
    *box[0] = out.u;
    *box[1] = out.s;
    *box[2] = out.vt;
    for (int i = 0; i < 3; i++)
        bind_array_account(L, *box[i]);
    return 3;
}

/* eigh(x) → w, v. */
static int eigh(lua_State *L) {
    const Array *x = bind_array_input(L, 1);
    void **values = bind_new_box(L, &bind_array_type),
         **vectors = bind_new_box(L, &bind_array_type);
    Eigh out;
    BIND_TRY(L, array_eigh(x, &out, &err));
    *values = out.w;
    *vectors = out.v;
    bind_array_account(L, out.w);
    bind_array_account(L, out.v);
    return 2;
}

const BindFunction bind_array_solve_functions[] = {
    BIND("solve", solve, 2),
    BIND("inv", inv, 1),
    BIND_WITH("svd", svd, 2, ARRAY_OPTIONS(array_svd_fields)),
    BIND("eigh", eigh, 1),
    BIND_LAST,
};
