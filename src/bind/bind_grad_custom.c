/* bind_grad_custom.c — operations whose pullback is a Lua function: grad.straight_through. */
#include "bind/bind_array.h"
#include "bind/bind_call.h"
#include "bind/bind_grad.h"
#include "grad/operations.h"

#include <stdlib.h>

typedef struct Custom {
    BindRef pull; /* function(dy) → dx */
} Custom;

static void forget(void *attributes) {
    bind_ref_clear(&((Custom *)attributes)->pull);
}

typedef struct Asked {
    const Pull *pull;
    Array **dx;
} Asked;

static void ask(lua_State *L, const void *context) {
    const Asked *asked = context;
    const Form *form = &asked->pull->node->input[asked->pull->k].form;
    char got[128], want[128];
    bind_ref_push(L, ((const Custom *)asked->pull->node->attributes)->pull);
    BIND_ARRAY_PUSH(L, array_share(asked->pull->dy, &err));
    bind_test_array(L, -1)->read_only = true;
    lua_call(L, 1, 1);
    const Array *dx = bind_test_array(L, -1);
    if (!dx)
        bind_expected(L, -1, "straight_through", "what backward returns", "an array");
    Sizes sizes = array_sizes(dx);
    if (!(sizes.ndim == form->sizes.ndim && sizes_product(&sizes) == sizes_product(&form->sizes)))
        bind_error(L, "straight_through: backward returned %s for x of shape %s",
                   array_shape_text(dx->ndim, dx->shape, got),
                   array_shape_text(form->sizes.ndim, form->sizes.size, want));
    BIND_TRY_MAKE(L, *asked->dx, array_copy("straight_through", dx, &err));
}

static bool pull_custom(const Pull *pull, Error *err) {
    const Custom *custom = pull->node->attributes;
    Array *dx = NULL;
    BindCaller caller = { custom->pull.L, "straight_through", "backward" };
    return bind_call(&caller, ask, &(Asked){ pull, &dx }, err) && pull_give(pull, dx, err);
}

/* dy as it is. */
static bool pull_through(const Pull *pull, Error *err) {
    return pull_give(pull, array_share(pull->dy, err), err);
}

/* What is handed to backward has to be what it was. */
static const Operation custom = { .name = "straight_through",
                                  .inputs = 1,
                                  .keeps = KEEPS_X | KEEPS_Y,
                                  .pull = pull_custom,
                                  .forget = forget };
static const Operation through = { .name = "straight_through", .inputs = 1, .pull = pull_through };

/* custom(x, y, pull) → y as the result of x, whose gradient is what pull(dy) returns; without pull
 * it is dy. */
int bind_grad_custom(lua_State *L) {
    const Array *x = bind_check_array(L, 1, "straight_through", "x");
    lua_settop(L, 3);
    BIND_ARRAY_PUSH(L, array_share(bind_check_array(L, 2, "straight_through", "forward"), &err));
    lua_insert(L, 3);
    if (!bind_records(L) || !bind_is_traced(L, x)) {
        lua_settop(L, 3);
        return 1;
    }
    if (lua_isnil(L, 4)) {
        lua_settop(L, 3);
        bind_tell_owned(L, &through, NULL);
        bind_grad_record(L, &through, x);
        return 1;
    }
    Custom *told = calloc(1, sizeof *told);
    if (!told)
        return bind_error(L, "grad: not enough memory");
    bind_tell_owned(L, &custom, told);
    told->pull = bind_ref_take(L);
    bind_grad_record(L, &custom, x);
    return 1;
}
