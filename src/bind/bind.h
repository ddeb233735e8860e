/* bind.h — what all bindings share: boxes for C objects, arguments, options, errors.
 *
 * The rule of every binding: check all arguments; create the empty box with its metatable; call
 * core; raise on failure. So an error can leave at any point without a leak, because whatever
 * exists is already in the collector's hands.
 *
 * Datasets and samples are in bind_samples.h, models in bind_model.h. */
#ifndef PERIGEE_BIND_H
#define PERIGEE_BIND_H

#include "core/fields.h"
#include "core/types.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Rng Rng;

/* ---- Boxes: a userdata that owns one C object ---------------------------------------------- */

typedef struct BoxType {
    const char *name;  /* the metatable's name in the registry: "perigee.array" */
    const char *shown; /* in messages: "an array" */
    void (*release)(void *object);
    void (*describe)(const void *object, char text[128]); /* more than `shown`; may be NULL */
} BoxType;

/* Push an empty box, a small C object accounted; store the object through the pointer. The box owns
 * it from then on. */
void **bind_new_box(lua_State *L, const BoxType *type);

/* Push a box for an object that is there already; it is freed where Lua has no memory for the box.
 */
void bind_box(lua_State *L, const BoxType *type, void *object);

/* Push an empty box for malloc'd memory (a text): Lua's copying of it may raise. */
void **bind_new_memory_box(lua_State *L);

/* Push the malloc'd text that `call` makes, or raise the `err` that it then fills. */
#define BIND_PUSH_TEXT(L, call)                                                                    \
    do {                                                                                           \
        Error err = { 0 };                                                                         \
        void **box = bind_new_memory_box(L);                                                       \
        *box = (call);                                                                             \
        bind_push_made_text((L), *box, &err);                                                      \
    } while (0)
void bind_push_made_text(lua_State *L, const char *text, const Error *err);

/* The object in the box at `arg`, or NULL if it is something else (or emptied). */
void *bind_test(lua_State *L, int arg, const BoxType *type);

/* The same, where anything else is an error that names the function and the argument. */
void *bind_check(lua_State *L, int arg, const BoxType *type, const char *where, const char *name);

/* ---- Functions: what a library or a type offers ---------------------------------------------- */

/* A C function under a user's name. They stand in lists:
 *
 *     static const BindFunction functions[] = {
 *         BIND("take", take, 3), BIND("zeros", zeros, BIND_ANY), BIND_AS("min", reduce, 3, &min),
 *         BIND_LAST,
 *     };
 *     bind_set_functions(L, functions);
 *
 * Arguments beyond `most` are refused before the function is called (nil is none); a method's
 * object is one of them. */
typedef struct BindFunction {
    const char *name;
    lua_CFunction call;
    int most;              /* or BIND_ANY */
    const void *data;      /* what tells apart the names that share one `call` */
    const Fields *options; /* those of its table of options, for `call` and for the help */
} BindFunction;

enum { BIND_ANY = -1 };
#define BIND(user, function, arguments)                                                            \
    { .name = user, .call = function, .most = arguments }
#define BIND_AS(user, function, arguments, what)                                                   \
    { .name = user, .call = function, .most = arguments, .data = what }
#define BIND_WITH(user, function, arguments, fields)                                               \
    { .name = user, .call = function, .most = arguments, .options = fields }
#define BIND_LAST                                                                                  \
    { .name = NULL }

/* Push one; it is copied. Set all of a list in the table on top of the stack. */
void bind_push_function(lua_State *L, const BindFunction *function);
void bind_set_functions(lua_State *L, const BindFunction *list);
/* The functions in the table on top are "svm" "." NAME, or "dataset" ":" NAME: by that the help has
 * their options, and their messages begin with it. */
void bind_name_functions(lua_State *L, const char *owner, const char *mark);

/* Refuse arguments beyond `last`: for a function of BIND_ANY that has found its last one itself. */
void bind_end(lua_State *L, int last);

#define BIND_DESCRIPTIONS "perigee.descriptions"
/* Something that users make by a constructor with options. */
typedef struct Described {
    const char *name;    /* "attack.pgd" */
    const char *summary; /* what it is; NULL where the help has an entry of its own */
    const char *example; /* one that runs; with the summary */
    const char *result;  /* what the constructor gives: "attack", and in words */
    const char *gives;
    const char *group; /* the heading that it stands under in its library's list, or NULL */
    const char *see;   /* the entry that uses it: "svm.new" */
    Fields fields;
} Described;

/* Keep a description for the help (BIND_DESCRIPTIONS in the registry: by name, and the list of
 * names); the strings but the name outlive the program's run. */
void bind_describe_options(lua_State *L, const Described *described);

/* The entry by which the running C function was called; what its messages begin with: "svm.new",
 * "dataset:take". */
const BindFunction *bind_here(lua_State *L);
const char *bind_where(lua_State *L);

/* The object of the method that runs. */
void *bind_self(lua_State *L, const BoxType *type);

/* Its options from the table at `arg` into the struct that they are of (see bind_fields.h). */
void bind_here_options(lua_State *L, int arg, void *object);

/* What it answers where it writes a file, say: the argument at `arg`; or it raises the error. */
int bind_answer(lua_State *L, int arg, bool ok, const Error *err);

/* ---- Types: what can be done with a box ------------------------------------------------------ */

/* x.shape. `push` leaves one value, which may be nil; it is given what the box owns, or a member of
 * that struct, and the name is at 2, for a function of several. What is kept is made when it is
 * first read and stays in the table that is the box's user value. */
typedef struct BindProperty {
    const char *name;
    void (*push)(lua_State *L, const void *object);
    bool kept;
    size_t offset; /* of the member */
} BindProperty;
#define BIND_PROPERTY(user, function)                                                              \
    { .name = user, .push = function }
#define BIND_KEPT(user, function)                                                                  \
    { .name = user, .push = function, .kept = true }
#define BIND_MEMBER(user, function, type, member)                                                  \
    { .name = user, .push = function, .offset = offsetof(type, member) }
#define BIND_KEPT_MEMBER(user, function, type, member)                                             \
    { .name = user, .push = function, .kept = true, .offset = offsetof(type, member) }

/* x.name is, in this order, a property, a method, or what `other` finds; a name that is none of
 * these is an error that suggests the nearest. Lists end in a name of NULL; any may be NULL. */
typedef struct BindType {
    const BoxType *box;
    const struct BindType *like; /* what it can do besides: a kind's common part */
    const BindFunction *methods;
    const BindProperty *properties;
    int (*item)(lua_State *L, void *object, lua_Integer i); /* x[i]: how many values it pushed */
    /* x[{first, last}] or x[object], what stands there on top: likewise; 0 is what it does not take
     */
    int (*items)(lua_State *L, void *object);
    const char *keys; /* "an integer or a name": what x[…] takes; NULL: others than names are nil */
    bool (*other)(lua_State *L, void *object); /* x.key, the key at 2: has it pushed a value? */
    void (*others)(lua_State *L, const void *object); /* such keys, into the list on top */
    const char *fixed; /* of a type whose fields cannot be set: "d:with{…} makes a changed one" */
    const struct BindOptions *options; /* of a type .like bind_with_options (bind_fields.h) */
    const luaL_Reg *meta;
} BindType;

/* Register the type, which outlives L; __gc, __close and __name are added. Leaves the metatable on
 * the stack. A type that is boxed only to be freed is bind_new_owner's: nothing is left there. */
void bind_new_type(lua_State *L, const BindType *type);
bool bind_is_property(lua_State *L, int arg, const char *name); /* of the object there */
void bind_new_owner(lua_State *L, const BoxType *box);

/* In the metatable of a type with options: those, and the function that lists the names which the
 * value at 1 has now, for errors and completion. */
#define BIND_OPTIONS "perigee.options"
#define BIND_OPTION_NAMES "perigee.option_names"

/* ---- Errors --------------------------------------------------------------------------------- */

/* Raise the message with the caller's position; ERROR_INTERRUPTED as the hook that stops Lua does
 * it, with the message as the note. Does not return. A message begins with the name by which users
 * called the running function: it takes the place of the bare one ("take: …", as core has it) or of
 * the type's ("svm: …"); one that begins with a library's function by its whole name stays. */
int bind_raise(lua_State *L, const Error *err);

/* luaL_error for such messages. */
int bind_error(lua_State *L, const char *format, ...);

/* The same with "where: " in front of the message: a file's failure under the user's function. */
int bind_raise_in(lua_State *L, const char *where, Error *err);

/* "where: name: expected …, got …". Does not return. `got` is described from the value at arg. */
int bind_expected(lua_State *L, int arg, const char *where, const char *name, const char *expected);

/* What a value is, in words for messages: "nil", "a string (\"abc\")", "an array f32[3x4]". Pushes
 * nothing; text belongs to the caller. */
const char *bind_describe(lua_State *L, int arg, char text[128]);

/* What a table calls itself, "perigee.ensemble", in its metatable, which keeps the text; or "". */
const char *bind_table_name(lua_State *L, int arg);

/* A library or the globals: tables which complain when they are asked for what they have not. */
bool bind_is_library(lua_State *L, int arg);

/* Push what an error value says: a string itself, anything else as the prompt would show it. Never
 * raises. */
const char *bind_push_raised(lua_State *L, int arg);

/* Nothing, a number, a boolean or a string as a Value, which borrows the string; false if it is
 * none of these. */
bool bind_plain(lua_State *L, int arg, Value *value);

/* nil, message: the answer of functions whose file or process failed. Returns 2. */
int bind_nil_error(lua_State *L, const Error *err);

/* The same if it did, else true. */
int bind_true_or_error(lua_State *L, bool done, const Error *err);

/* ---- Arguments: integers and numbers with their range ---------------------------------------- */

lua_Integer bind_integer(lua_State *L, int arg, const char *where, const char *name,
                         lua_Integer low, lua_Integer high);
double bind_number(lua_State *L, int arg, const char *where, const char *name);
const char *bind_string(lua_State *L, int arg, const char *where, const char *name);
/* The 0-based place of the sample at a 1-based position, or at a negative one from the end. */
size_t bind_place(lua_State *L, const char *where, lua_Integer position, size_t samples);

/* ---- Option tables --------------------------------------------------------------------------- */

/* An error where the table of options at `arg` has more by way of a metatable's __index. The checks
 * below begin with it. */
void bind_refuse_inherited(lua_State *L, int arg, const char *where);

/* Check that the value at `arg` is a table (nil or none is taken for an empty one, and the slot is
 * then filled with it) and that each of its keys is in `valid` (NULL-terminated). An unknown key is
 * an error that lists the valid ones and names the nearest; a value without a name is refused. */
void bind_options(lua_State *L, int arg, const char *where, const char *const *valid);

/* The same for a constructor that takes a list beside its options: values 1 … #t are the caller's.
 */
void bind_options_list(lua_State *L, int arg, const char *where, const char *const *valid);

/* Push a table with what the one at `arg` holds. */
void bind_push_copy(lua_State *L, int arg);

/* Push the option's value; returns its type (LUA_TNIL if absent). */
int bind_opt_push(lua_State *L, int arg, const char *key);

/* A generator for one call: seeded by the option "seed" if the table at `arg` has it, else from the
 * session's generator (core/session.h). *used (may be NULL) gets the seed. What is drawn depends on
 * the stream, which stays what it is whatever a function is called in messages. */
Rng bind_opt_rng(lua_State *L, int arg, const char *stream, uint64_t *used);

/* A list of strings, at least one; it is copied, and both are pushed. `expected` says what else the
 * value at `arg` should have been. */
typedef struct BindStrings {
    const char *const *string;
    size_t count;
} BindStrings;
BindStrings bind_push_strings(lua_State *L, int arg, const char *name, const char *expected);

/* A number; NaN without a sign. */
void bind_push_number(lua_State *L, double value);

/* ---- Answers that are lists --------------------------------------------------------------------
 */

void bind_push_sizes(lua_State *L, int count, const size_t *size);
/* A member of the table on top of the stack. */
void bind_set_size(lua_State *L, const char *name, size_t size);
void bind_set_string(lua_State *L, const char *name, const char *text);

/* What is in a struct, for members too: Labels as a list; a const char *; a bool; a size_t; an
 * Array *, as a read-only view, or nil. */
void bind_push_labels(lua_State *L, const void *labels);
void bind_push_text(lua_State *L, const void *text);
void bind_push_truth(lua_State *L, const void *truth);
void bind_push_size(lua_State *L, const void *size);
void bind_push_shared(lua_State *L, const void *array);

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Tell Lua's collector that `bytes` were allocated where it cannot see them. */
void bind_account(lua_State *L, size_t bytes);

/* True if err is a lack of memory and a full collection has just been done: try once more.
 *     do a = array_new(…, &err); while (!a && bind_retry(L, &err, &tried)); */
bool bind_retry(lua_State *L, const Error *err, bool *tried);

/* Make `call`, which fills `err` where it answers false or NULL; once more after a collection if
 * memory lacks. What remains is raised. The second keeps the answer, an object, in `slot`. */
#define BIND_TRY(L, call)                                                                          \
    do {                                                                                           \
        Error err = { 0 };                                                                         \
        bool tried = false, made;                                                                  \
        do                                                                                         \
            made = (call);                                                                         \
        while (!made && bind_retry((L), &err, &tried));                                            \
        if (!made)                                                                                 \
            bind_raise((L), &err);                                                                 \
    } while (0)
#define BIND_TRY_MAKE(L, slot, call) BIND_TRY(L, ((slot) = (call)) != NULL)

/* ---- Arrays ---------------------------------------------------------------------------------- */

extern const BoxType bind_array_type;

/* Push a new zeroed array (accounted), for core to fill; a lack of memory is tried again after a
 * collection, and raises. */
Array *bind_push_new_array(lua_State *L, const char *where, DType dtype, const Sizes *shape);
/* Push a box that takes over `a` (accounted); a NULL raises err instead. */
int bind_push_array(lua_State *L, Array *a, const Error *err);
Array *bind_check_array(lua_State *L, int arg, const char *where, const char *name);
Array *bind_test_array(lua_State *L, int arg);
/* An array, a number or a (nested) table of numbers as a contiguous array of `dtype`, boxed and
 * pushed on the stack so that it lives as long as the slot. */
Array *bind_to_array(lua_State *L, int arg, const char *where, const char *name, DType dtype);
/* The same for an object that keeps it: read-only, and a copy of an array that can be written. */
Array *bind_to_kept_array(lua_State *L, int arg, const char *where, const char *name, DType dtype);
/* Sizes in a list that a Lua half has checked; nil has none. */
Sizes bind_listed_sizes(lua_State *L, int arg);

#endif
