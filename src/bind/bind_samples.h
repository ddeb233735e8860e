/* bind_samples.h — datasets, and what is taken for samples in their place. */
#ifndef PERIGEE_BIND_SAMPLES_H
#define PERIGEE_BIND_SAMPLES_H

#include "bind/bind.h"
#include "core/array_index.h"
#include "core/array_shape.h"
#include "core/batch.h"
#include "data/names.h"

typedef struct Dataset Dataset;
typedef struct Model Model;
typedef struct Samples Samples;

extern const BoxType bind_dataset_type;

int bind_push_dataset(lua_State *L, Dataset *dataset, const Error *err);
Dataset *bind_check_dataset(lua_State *L, int arg, const char *where, const char *name);
Dataset *bind_test_dataset(lua_State *L, int arg);

/* Samples to score or attack: a dataset, an n × features array, an n × sample-shape array, or one
 * sample as a 1-d array. Pushes what must stay alive. labels is NULL for arrays. */
typedef struct BindSamples {
    const float *x;
    const int32_t *y; /* or NULL */
    size_t n, features;
    int sample_ndim;
    size_t sample_shape[ARRAY_MAX_DIMS]; /* {features} where nothing better is known */
} BindSamples;
BindSamples bind_check_samples(lua_State *L, int arg, const char *where, const char *name);

/* The same where nothing but the rows counts, for the running function, laid out as the model takes
 * them. */
Batch bind_check_batch(lua_State *L, int arg, const Model *model, const char *name);

/* The same for calls that go through the batch in pieces (model.h): bytes of a dataset stay what
 * they are. */
Batch bind_check_pieces(lua_State *L, int arg, const Model *model, const char *name);

/* Samples in any of these forms are laid out as the model takes them, or it raises. */
void bind_check_layout(lua_State *L, int arg, const Model *model, const char *where);

/* Samples to learn from: a dataset. Pushes what must stay alive. */
Samples bind_check_training(lua_State *L, int arg, const char *where, const char *name);

/* The same for a kind that fits_bytes (model.h). */
Samples bind_check_stored_training(lua_State *L, int arg, const char *where, const char *name);

/* ---- Some of them ----------------------------------------------------------------------------
 */

/* {first, last [, step]} on top of the stack, of n samples or of an axis: from 1, or from -1 at the
 * end, both included. */
Slice bind_range(lua_State *L, const char *where, size_t n);

/* The places, of n samples, of the positions at arg, an array or a table: in a new userdata on the
 * stack. */
Places bind_places(lua_State *L, int arg, const char *where, size_t n);

/* Those that the index at 2, alone on top of its object, chooses: such a range, a mask or an array
 * of positions. False where it is none of these. Likewise on the stack. */
bool bind_chosen_places(lua_State *L, const char *where, size_t n, Places *chosen);

/* ---- What bind_dataset.c and bind_data.c share ------------------------------------------------
 */

/* Push the new dataset that `call` makes, which fills `err` where it fails: once more after a
 * collection if memory lacks. The second answers with it. */
#define BIND_PUSH_NEW_DATASET(L, call)                                                             \
    do {                                                                                           \
        void **box = bind_new_box((L), &bind_dataset_type);                                        \
        BIND_TRY_MAKE((L), *box, call);                                                            \
        bind_account_dataset((L), *box);                                                           \
    } while (0)
#define BIND_DATASET_RETURN(L, call)                                                               \
    do {                                                                                           \
        BIND_PUSH_NEW_DATASET((L), call);                                                          \
        return 1;                                                                                  \
    } while (0)

/* Tell the collector what the dataset holds alone. */
void bind_account_dataset(lua_State *L, const Dataset *dataset);

/* The option `names`, { [label] = name }, of the table at `arg`, held on the stack, or else `own`;
 * push such a table, or nothing where there are none: how many values. */
const ClassNames *bind_opt_names(lua_State *L, int arg, const char *where, const ClassNames *own);
int bind_push_names(lua_State *L, const ClassNames *classes);
void bind_names_open(lua_State *L);

/* Register the type; the library then holds concat. */
void bind_dataset_open(lua_State *L);
int bind_dataset_concat(lua_State *L);

/* Set the functions that read sets, files and folders in the library's table on top. */
void bind_data_readers(lua_State *L);

/* The method `with`, beside data.new. */
int bind_dataset_with(lua_State *L);

#endif
