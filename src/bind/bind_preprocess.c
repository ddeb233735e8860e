#include "bind/bind_preprocess.h"

#include "bind/bind_call.h"
#include "bind/bind_model.h"
#include "core/array.h"
#include "core/error.h"
#include "reject/preprocess.h"

#include <stdlib.h>
#include <string.h>

static const BoxType preprocess_type = { .name = "perigee.preprocess",
                                         .shown = "a preprocess",
                                         .release = bind_release_model };

static const char who[] = "the function of a preprocess";

/* ---- What the model calls -------------------------------------------------------------------- */

/* One definition, of all copies of a model. */
typedef struct Shared {
    BindRef definition;
    size_t refs;
    bool runs; /* its function */
} Shared;

/* What is kept of a call: the array that it made, and what pulls back through it. */
typedef struct Kept {
    BindRef y, pull;
    const char *where;
    size_t n, features; /* of what went in */
} Kept;

typedef struct Call {
    const Shared *shared;
    const Batch *x;
    bool back;
    Preprocessed *made;
    Kept *kept;
} Call;

static void push_half(lua_State *L, const char *name) {
    bind_push_half(L, "perigee.preprocess_half", name);
}

/* The answer at `arg` as rows of floats, pushed. */
static const Array *check_rows(lua_State *L, int arg, const Batch *x) {
    const Array *given = bind_test_array(L, arg);
    char text[128];
    if (given && dtype_is_whole(given->dtype))
        bind_error(L, "%s: %s answered %s, expected floats: f32 or f64", x->where, who,
                   bind_describe(L, arg, text));
    Array *rows =
        bind_to_array(L, arg, x->where, "the answer of the function of a preprocess", DTYPE_F32);
    bool one = x->n == 1 && rows->ndim == 1;
    if ((!one && (rows->ndim < 2 || rows->shape[0] != x->n)) || array_size(rows) == 0)
        bind_error(L, "%s: %s answered %s, expected (%d, …): a row for each sample", x->where, who,
                   array_shape_text(rows->ndim, rows->shape, text), (int)x->n);
    return rows;
}

static void forward_body(lua_State *L, const void *context) {
    const Call *call = context;
    const Batch *x = call->x;
    push_half(L, call->back ? "there_and_back" : "rows");
    bind_ref_push(L, call->shared->definition);
    bind_push_matrix(L, (BindMatrix){ x->where, DTYPE_F32, x->n, x->features }, x->x);
    lua_call(L, 2, 2);
    const Array *rows = check_rows(L, 1, x);
    call->made->y = array_f32(rows);
    call->made->features = array_size(rows) / x->n;
    call->kept->y = bind_ref_take(L);
    lua_settop(L, 2);
    if (call->back)
        call->kept->pull = bind_ref_take(L);
}

static void own_forget(Preprocessed *made) {
    Kept *kept = made->kept;
    if (kept) {
        bind_ref_clear(&kept->y);
        bind_ref_close(&kept->pull);
    }
    free(kept);
    *made = (Preprocessed){ 0 };
}

static void own_release(void *context) {
    Shared *shared = context;
    if (--shared->refs > 0)
        return;
    bind_ref_clear(&shared->definition);
    free(shared);
}

static bool own_forward(void *context, const Batch *x, bool back, Preprocessed *made, Error *err) {
    Shared *shared = context;
    const BindCaller caller = { shared->definition.L, x->where, who };
    if (shared->runs)
        return error_set(err, ERROR_ARGUMENT,
                         "preprocess: %s called the preprocess that it stands in", who);
    Kept *kept = calloc(1, sizeof *kept);
    if (!kept)
        return error_set(err, ERROR_MEMORY, "%s: out of memory", x->where);
    *kept = (Kept){ .where = x->where, .n = x->n, .features = x->features };
    *made = (Preprocessed){ .kept = kept };
    shared->runs = true;
    shared->refs++; /* the function may let go of all that holds it */
    bool ok = bind_call(&caller, forward_body, &(Call){ shared, x, back, made, kept }, err);
    shared->runs = false;
    own_release(shared);
    return ok;
}

typedef struct PullCall {
    const Kept *kept;
    BindMatrix slopes; /* of what was made */
    const float *dy;
    float *dx;
} PullCall;

static void pull_body(lua_State *L, const void *context) {
    const PullCall *call = context;
    const Kept *kept = call->kept;
    bind_ref_push(L, kept->pull);
    bind_push_matrix(L, call->slopes, call->dy);
    lua_call(L, 1, 1);
    BindMatrix wanted = { kept->where, DTYPE_F32, kept->n, kept->features };
    const Array *gradient = bind_check_matrix(L, wanted, "the gradient of a preprocess");
    memcpy(call->dx, array_f32(gradient), array_bytes(gradient));
}

static bool own_pull(const Preprocessed *made, const float *dy, float *dx, Error *err) {
    const Kept *kept = made->kept;
    const BindCaller caller = { kept->pull.L, kept->where, who };
    PullCall call = { kept, { kept->where, DTYPE_F32, kept->n, made->features }, dy, dx };
    return bind_call(&caller, pull_body, &call, err);
}

static void *own_retain(void *context) {
    ((Shared *)context)->refs++;
    return context;
}

static const PreprocessCalls own_calls = { own_forward, own_pull, own_forget, own_retain,
                                           own_release };

/* ---- The type -------------------------------------------------------------------------------- */

bool bind_preprocess_push_definition(lua_State *L, const Model *model) {
    if (model->kind != &preprocess_kind)
        return false;
    const Shared *shared = preprocess_context((const Preprocess *)model);
    bind_ref_push(L, shared->definition);
    return true;
}

static void push_model(lua_State *L, const void *self) {
    bind_push_model(L, model_retain(preprocess_model(self)), NULL);
}

static void push_f(lua_State *L, const void *self) {
    bind_preprocess_push_definition(L, self);
    lua_getfield(L, -1, "scores");
    lua_remove(L, -2);
}

int bind_new_preprocess(lua_State *L) {
    Error err;
    PreprocessParts parts = { .calls = &own_calls };
    parts.features = (size_t)lua_tointeger(L, 3);
    lua_settop(L, 2);
    parts.model = bind_check_model(L, 1, "reject.preprocess", "model");
    void **box = bind_new_box(L, &preprocess_type);
    lua_pushvalue(L, 2);
    BindRef definition = bind_ref_take(L);
    Shared *shared = malloc(sizeof *shared);
    if (!shared) {
        bind_ref_clear(&definition);
        return bind_error(L, "reject.preprocess: out of memory");
    }
    *shared = (Shared){ .definition = definition, .refs = 1 };
    parts.context = shared;
    *box = preprocess_new(&parts, &err);
    own_release(shared);
    return *box ? 1 : bind_raise(L, &err);
}

void bind_open_preprocess(lua_State *L) {
    static const BindFunction methods[] = { BIND("threshold_for", reject_threshold_for, 3),
                                            BIND_LAST };
    static const BindProperty properties[] = { BIND_PROPERTY("model", push_model),
                                               BIND_PROPERTY("f", push_f), BIND_LAST };
    static const BindType type = { .box = &preprocess_type,
                                   .like = &bind_any_model,
                                   .methods = methods,
                                   .properties = properties };
    bind_new_model_type(L, &type, &preprocess_kind);
}
