/* bind_model.c — what all models have in common in Lua: boxes, methods, fields.
 *
 * Any model's box is recognised without knowing its kind: it is released by bind_release_model. */
#include "bind/bind.h"
#include "bind/bind_call.h"
#include "bind/bind_fields.h"
#include "bind/bind_grad.h"
#include "bind/bind_model.h"
#include "bind/bind_samples.h"
#include "bind/versions.h"
#include "core/array.h"
#include "core/error.h"
#include "core/folds.h"
#include "core/notes.h"
#include "files/model_file.h"
#include "grad/models.h"
#include "grad/operations.h"

#include <string.h>

Model *bind_self_model(lua_State *L) {
    Model *model = bind_test_model(L, 1);
    if (!model)
        bind_expected(L, 1, bind_where(L), "self",
                      "a model (is this a call with a dot instead of a colon?)");
    return model;
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void push_kind(lua_State *L, const void *model) {
    lua_pushstring(L, ((const Model *)model)->kind->name);
}

/* "surrogate" where the model, or a part of it, says that its gradient is not that of its scores
 * (lua/perigee/kinds.lua). */
static void push_gradient_is(lua_State *L, const void *model) {
    (void)model;
    bind_push_half(L, "perigee.kinds", "gradient_is");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
}

static const BindProperty properties[] = { BIND_MEMBER("classes", bind_push_labels, Model, classes),
                                           BIND_MEMBER("rejects", bind_push_truth, Model, rejects),
                                           BIND_MEMBER("features", bind_push_size, Model, features),
                                           BIND_PROPERTY("kind", push_kind),
                                           BIND_PROPERTY("gradient_is", push_gradient_is),
                                           BIND_LAST };

/* ---- Options ----------------------------------------------------------------------------------
 */

static bool option_at(void *model, size_t i, FieldPlace *place) {
    return model_option_at(model, i, place);
}

static const char *kind_name(const void *model) {
    return ((const Model *)model)->kind->name;
}

/* A part written in Lua sets and gets its own. */
static bool set_itself(lua_State *L, void *object, int key, int value) {
    const char *rest;
    Model *part = model_sets_itself(object, lua_tostring(L, key), &rest);
    Value set = bind_value(L, value == 0 ? key : value);
    Error err;
    if (!part)
        return false;
    if (!(value == 0 ? part->kind->get(part, rest, &set, &err)
                     : part->kind->set(part, rest, &set, &err)))
        bind_raise(L, &err);
    if (value == 0)
        bind_push_value(L, &set);
    return true;
}

static const BindOptions model_options = { option_at, kind_name, NULL, set_itself };

static int model_eq(lua_State *L) {
    Model *a = bind_test_model(L, 1);
    lua_pushboolean(L, a && a == bind_test_model(L, 2));
    return 1;
}

/* ---- Methods --------------------------------------------------------------------------------- */

/* What is asked into the array on top of the stack. After an interrupt, with a note, the answer is
 * the rows that are done. */
static void answer(lua_State *L, Model *model, const Batch *batch, const GradientRequest *request) {
    Progress progress = progress_new();
    Error err;
    model_retain(model); /* one written in Lua may close the box that we came from */
    Pieces pieces = pieces_of(model, batch, &progress);
    bool ok = model_answer(model, &pieces, request, &err);
    model_release(model);
    if (!ok)
        bind_raise(L, &err);
    if (pieces.done == batch->n)
        return;
    note_leave("stopped; %s answers for the first %zu of %zu samples", batch->where, pieces.done,
               batch->n);
    bind_push_array(L, array_rows(bind_test_array(L, -1), 0, pieces.done, &err), &err);
}

/* The same, for a tape: in one piece, with what the way back needs. */
static void record_scores(lua_State *L, Model *model, const Batch *batch, const Array *rows) {
    const Array **x = lua_newuserdatauv(L, sizeof *x, 0);
    Sizes shape = { 2, { batch->n, model_columns(model) } };
    Array *scores = bind_push_new_array(L, batch->where, DTYPE_F64, &shape);
    void *kept;
    BIND_TRY_MAKE(L, kept, model_scores_recorded(model, rows, batch, array_f64(scores), &err));
    bind_tell_owned(L, operation_find("scores"), kept);
    *x = bind_test_array(L, 2);
    if (!*x)
        bind_error(L, "scores: x was closed meanwhile");
    bind_tell_inputs(L, x, 1);
}

int bind_answer_scores(lua_State *L, Model *model) {
    const char *where = bind_where(L);
    Batch batch = bind_wants_attributes(L) ? bind_check_batch(L, 2, model, "x")
                                           : bind_check_pieces(L, 2, model, "x");
    if (bind_wants_attributes(L)) {
        record_scores(L, model, &batch, bind_test_array(L, -1));
        return 1;
    }
    Sizes shape = { 2, { batch.n, model_columns(model) } };
    Array *scores = bind_push_new_array(L, where, DTYPE_F64, &shape);
    answer(L, model, &batch, &(GradientRequest){ .scores = array_f64(scores) });
    return 1;
}

int bind_answer_labels(lua_State *L, Model *model) {
    const char *where = bind_where(L);
    bind_answer_scores(L, model);
    const Array *scores = bind_test_array(L, -1);
    size_t n = scores->shape[0], columns = scores->shape[1];
    Error err;
    if (!model_check_rows(model, array_f64(scores), &(Batch){ .n = n, .where = where }, &err))
        bind_raise(L, &err);
    Array *labels = bind_push_new_array(L, where, DTYPE_I32, &(Sizes){ 1, { n } });
    for (size_t i = 0; i < n; i++)
        array_i32(labels)[i] = model_label(model, array_f64(scores) + i * columns);
    return 1;
}

static int method_scores(lua_State *L) {
    return bind_answer_scores(L, bind_self_model(L));
}

static int method_predict(lua_State *L) {
    return bind_answer_labels(L, bind_self_model(L));
}

const Array *bind_weight_rows(lua_State *L, int arg, const char *name, WeightRows rows) {
    const char *where = bind_where(L);
    size_t n = rows.n, columns = rows.columns;
    const Array *w = bind_to_array(L, arg, where, name, rows.dtype);
    if (w->ndim == 2 && w->shape[0] == n && w->shape[1] == columns)
        return w;
    if (w->ndim != 1 || w->shape[0] != columns) {
        char text[128];
        bind_error(L, "%s: %s is %s, expected (%d, %d) or (%d,)", where, name,
                   w->ndim == 0 ? "a number" : array_shape_text(w->ndim, w->shape, text), (int)n,
                   (int)columns, (int)columns);
    }
    Array *all = bind_push_new_array(L, where, rows.dtype, &(Sizes){ 2, { n, columns } });
    size_t bytes = array_bytes(w);
    for (size_t i = 0; i < n; i++)
        memcpy((char *)all->data + i * bytes, w->data, bytes);
    return all;
}

int bind_answer_gradient(lua_State *L, Model *model) {
    static const char where[] = "gradient";
    Batch batch = bind_check_pieces(L, 2, model, "x");
    WeightRows rows = { DTYPE_F64, batch.n, model_columns(model) };
    GradientRequest request = { .w = array_f64(bind_weight_rows(L, 3, "w", rows)) };
    Sizes shape = { 2, { batch.n, batch.features } };
    request.gradient = array_f32(bind_push_new_array(L, where, DTYPE_F32, &shape));
    answer(L, model, &batch, &request);
    return 1;
}

static int method_gradient(lua_State *L) {
    return bind_answer_gradient(L, bind_self_model(L));
}

int bind_fit_model(lua_State *L, Model *model, BindFit *fit, const void *samples) {
    Progress progress = progress_new();
    Error err;
    model_retain(model); /* a part written in Lua may close the box */
    bool ok = fit(model, samples, &progress, &err);
    bind_account(L, model_bytes(model));
    const ModelKind *kind = model->kind;
    model_release(model);
    if (!ok)
        return bind_raise(L, &err);
    if (progress_was_interrupted(&progress))
        note_leave("stopped; the %s %s", kind->name,
                   kind->all_or_nothing ? "is as it was" : "keeps what it has");
    lua_settop(L, 1);
    return 1;
}

static bool fit_to_samples(Model *model, const void *samples, Progress *progress, Error *err) {
    return model_fit(model, samples, progress, err);
}

static int method_fit(lua_State *L) {
    Model *model = bind_self_model(L);
    bind_check_dataset(L, 2, "fit", "ds");
    bind_options(L, 3, "fit", (const char *const[]){ NULL });
    Samples samples = model->kind->fits_bytes ? bind_check_stored_training(L, 2, "fit", "ds")
                                              : bind_check_training(L, 2, "fit", "ds");
    bind_check_layout(L, 2, model, "fit");
    return bind_fit_model(L, model, fit_to_samples, &samples);
}

const int32_t *bind_push_folds(lua_State *L, int arg, const FoldsOf *of, uint64_t *seed) {
    Error err;
    Rng rng = bind_opt_rng(L, arg, of->where, seed);
    int32_t *fold = lua_newuserdatauv(L, of->n * sizeof *fold, 0);
    if (!folds_stratified(of, &rng, fold, &err))
        bind_raise(L, &err);
    return fold;
}

static int method_clone(lua_State *L) {
    Error err;
    return bind_push_model(L, model_clone(bind_self_model(L), &err), &err);
}

/* m:with{ name = value, … } */
static int method_with(lua_State *L) {
    const Model *model = bind_self_model(L);
    Error err = { 0 };
    lua_settop(L, 2);
    if (!lua_istable(L, 2))
        bind_expected(L, 2, bind_where(L), "options", "a table, name = value");
    Model *copy = model_fitted_copy(model, &err);
    bind_push_model(L, copy, &err);
    lua_replace(L, 1);
    bind_set_options(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))
        if (!model_apply(copy, lua_tostring(L, -2), &err))
            bind_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

static int method_save(lua_State *L) {
    const Model *model = bind_self_model(L);
    const char *path = bind_string(L, 2, "save", "path");
    Error err;
    cJSON *header = bind_header(&err);
    bool ok = header && model_save(model, path, header, &err);
    cJSON_Delete(header);
    return bind_answer(L, 2, ok, &err);
}

static const BindFunction methods[] = {
    BIND("scores", method_scores, 2),     BIND("predict", method_predict, 2),
    BIND("gradient", method_gradient, 3), BIND("fit", method_fit, 3),
    BIND("clone", method_clone, 1),       BIND("with", method_with, 2),
    BIND("save", method_save, 2),         BIND_LAST,
};

/* ---- Types and boxes ------------------------------------------------------------------------- */

static const luaL_Reg meta[] = { { "__eq", model_eq }, { NULL, NULL } };
const BindType bind_any_model = { .like = &bind_with_options,
                                  .methods = methods,
                                  .properties = properties,
                                  .options = &model_options,
                                  .meta = meta };

void bind_new_model_type(lua_State *L, const BindType *type, const ModelKind *kind) {
    lua_pushlightuserdata(L, (void *)type->box);
    lua_rawsetp(L, LUA_REGISTRYINDEX, kind); /* for bind_push_model */
    bind_new_type(L, type);
    lua_pop(L, 1);
}

Model *bind_test_model(lua_State *L, int arg) {
    if (lua_type(L, arg) != LUA_TUSERDATA || !luaL_getmetafield(L, arg, "perigee.type"))
        return NULL;
    const BoxType *type = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return type->release == bind_release_model ? bind_test(L, arg, type) : NULL;
}

Model *bind_check_model(lua_State *L, int arg, const char *where, const char *name) {
    arg = lua_absindex(L, arg);
    Model *model = bind_test_model(L, arg);
    if (model) {
        lua_pushvalue(L, arg);
        return model;
    }
    if (!lua_model_fits(L, arg))
        bind_expected(L, arg, where, name, "a model (or a table with scores and classes)");
    return lua_model_push_box(L, arg, where, name);
}

void bind_model_options(lua_State *L, void *object) {
    const char *where = bind_where(L);
    bind_here_options(L, 1, object);
    for (const Field *field = bind_here(L)->options->field; field->name; field++) {
        bool net = field->kind == FIELD_OBJECT && strcmp(field->type, "net") == 0;
        void *place = (char *)object + field->offset;
        if (!net && (field->kind != FIELD_OBJECT || strcmp(field->type, "model") != 0))
            continue;
        if (bind_opt_push(L, 1, field->name) == LUA_TNIL && !field->required)
            lua_pop(L, 1);
        else if (net)
            *(Network **)place = bind_check_net(L, lua_gettop(L), where, field->name);
        else
            *(Model **)place = bind_check_model(L, lua_gettop(L), where, field->name);
    }
}

void bind_release_model(void *model) {
    model_release(model);
}

int bind_push_model(lua_State *L, Model *model, const Error *err) {
    if (!model)
        return bind_raise(L, err);
    if (lua_model_push_table(L, model)) {
        model_release(model);
        return 1;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, model->kind);
    const BoxType *type = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!type) {
        const char *kind = model->kind->name;
        model_release(model);
        return bind_error(L, "a model of kind %s has no Lua type", kind);
    }
    bind_box(L, type, model);
    if (model->refs == 1) /* new, and not seen through another box */
        bind_account(L, model_bytes(model));
    return 1;
}
