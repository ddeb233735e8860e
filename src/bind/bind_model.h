/* bind_model.h — models as arguments and answers, of every kind. */
#ifndef PERIGEE_BIND_MODEL_H
#define PERIGEE_BIND_MODEL_H

#include "bind/bind.h"

typedef struct Field Field;
typedef struct FoldsOf FoldsOf;
typedef struct Model Model;
typedef struct ModelKind ModelKind;
typedef struct Network Network;
typedef struct Progress Progress;

/* What every kind of model can do: scores, predict, gradient, fit, set, get, clone, save; classes,
 * rejects, features, kind; its options. Each kind's type is .like it, and registers itself. */
extern const BindType bind_any_model;
void bind_new_model_type(lua_State *L, const BindType *type, const ModelKind *kind);
/* A new model into a box that is there before it; its maker fills `err` where it fails. */
#define BIND_MODEL_RETURN(L, type, make)                                                           \
    do {                                                                                           \
        Error err;                                                                                 \
        void **box = bind_new_box(L, type);                                                        \
        *box = (make);                                                                             \
        return *box ? 1 : bind_raise(L, &err);                                                     \
    } while (0)
/* Push a box of the model's own kind that takes over one reference; NULL raises err. */
int bind_push_model(lua_State *L, Model *model, const Error *err);
/* A model box, or a Lua table with scores (and gradient, classes, rejects) wrapped as a Model. The
 * result is a borrowed reference, kept alive by a box that is pushed on the stack. */
Model *bind_check_model(lua_State *L, int arg, const char *where, const char *name);
Model *bind_test_model(lua_State *L, int arg); /* model boxes only; or NULL */
/* The same as bind_check_model where a net is wanted (a model box of the kind "net"). */
Network *bind_check_net(lua_State *L, int arg, const char *where, const char *name);
/* bind_here_options of the table at 1, and fields of the types "model" and "net" are read as well:
 * into a Model * or a Network *, NULL where there is none and none is required. What keeps them
 * alive is pushed. */
void bind_model_options(lua_State *L, void *object);
/* The model of the method that runs, of any kind. */
Model *bind_self_model(lua_State *L);
/* Push the folds that are drawn by the option "seed" of the table at `arg`, or from the session's
 * generator; *seed (may be NULL) gets it. */
const int32_t *bind_push_folds(lua_State *L, int arg, const FoldsOf *of, uint64_t *seed);
/* A training call of a model's method fit, `samples` as it takes them: raises what fails, notes an
 * interrupt, and leaves the model alone on the stack, where it is at 1. */
typedef bool BindFit(Model *model, const void *samples, Progress *progress, Error *err);
int bind_fit_model(lua_State *L, Model *model, BindFit *fit, const void *samples);
/* model:threshold_for(p, ds), the method of nr and dnr (bind_reject.c). */
int reject_threshold_for(lua_State *L);
/* The BoxType.release of models. */
void bind_release_model(void *model);
/* The answer of a call with samples at 2: the model's scores (n × columns, float64), labels (n,
 * int32), or gradients by the weights at 3 (n × features, float32). After Ctrl-C in a large batch
 * only the rows done so far. */
int bind_answer_scores(lua_State *L, Model *model);
int bind_answer_labels(lua_State *L, Model *model);
int bind_answer_gradient(lua_State *L, Model *model);
/* The weights at `arg`, n × columns or one row for all of them: as n rows, pushed. */
typedef struct WeightRows {
    DType dtype;
    size_t n, columns;
} WeightRows;
const Array *bind_weight_rows(lua_State *L, int arg, const char *name, WeightRows rows);

/* ---- Lua tables as models (bind_lua_model.c) --------------------------------------------------
 */

/* Such a table has `scores(self, x)`, which answers n × columns numbers (an array of floats,
 * or nested tables), and the list `classes` of its sorted labels; optional are `gradient(self, x,
 * w)` (n × features), `rejects` (its last column is the reject class), `features`, `input` (the
 * shape of a sample), `gradient_is`, `fit(self, ds)`, `set(self, {name = value})`, `get(self,
 * name)` and `clone(self)`. What its methods are given is read-only. A table that can be fitted may
 * have its `classes` only afterwards; where fit sets none they are the dataset's. Every method is
 * called once per batch, protected: what it raises becomes an Error. */

/* True if the value at `arg` is a table with a `scores` function (its own or by its metatable), or
 * with `predict(self, x)` alone, which answers n labels: see ModelAnswers. */
bool lua_model_fits(lua_State *L, int arg);

/* Wrap the table at `arg` and push the box that owns the wrapper. Raises if classes are not a
 * sorted list of integers. The wrapper keeps the table alive through the registry. */
Model *lua_model_push_box(lua_State *L, int arg, const char *where, const char *name);

/* Push the table that the model is a wrapper of; false where it is none. */
bool lua_model_push_table(lua_State *L, const Model *model);

/* native.lua_models(model) → the list of the tables in a model box: a classifier written in Lua on
 * a layer, say. */
int lua_model_tables(lua_State *L);

#endif
