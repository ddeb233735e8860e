/* bind_fields.h — options that are fields (core/fields.h): from Lua's tables into structs and back.
 *
 * A type of objects with options fills one BindOptions; reading, assigning, :set and :get of all of
 * them are then the functions below, and say the same of every mistake. */
#ifndef PERIGEE_BIND_FIELDS_H
#define PERIGEE_BIND_FIELDS_H

#include "core/fields.h"
#include "core/rng.h"

#include <lua.h>

/* A field for calls that the help does not tell of, under its member's name; its range may follow:
 * { BIND_FIELD(PlotAxis, cells, FIELD_SIZE), .low = 1, .high = 20000 }. */
#define BIND_FIELD(type, member, what)                                                             \
    .name = #member, .kind = what, .offset = offsetof(type, member)

/* The value at `arg`. Its word is borrowed from the stack. */
Value bind_value(lua_State *L, int arg);

/* Push it; VALUE_NOTHING is nil. */
void bind_push_value(lua_State *L, const Value *value);

/* Put the value at `arg` into the field, or raise "where: NAME: expected …, got …". */
void bind_field_set(lua_State *L, int arg, const char *where, const FieldPlace *place);

/* The fields' names behind `also`, a key of the caller's (or NULL): for bind_options. */
enum { BIND_MOST_NAMES = 64 };
void bind_field_names(const Field *field, const char *also, const char *names[BIND_MOST_NAMES]);

/* The option table at `arg` into `object`: like bind_options (see bind.h) with the fields' names,
 * then every field that the table has. Those of kind FIELD_OBJECT are the caller's to read. */
void bind_fields(lua_State *L, int arg, const char *where, const Field *field, void *object);

/* The same for a table that also holds a list or further keys of the caller's, checked already. */
void bind_read_fields(lua_State *L, int arg, const char *where, const Field *field, void *object);

/* The options of what draws at random and has no others: a seed, a uint64_t by itself. The
 * generator by them (see bind_opt_rng). */
extern const Field bind_seed_field[];
Rng bind_seed_options(lua_State *L, int arg, const char *where);

/* ---- Objects with options ---------------------------------------------------------------------
 */

typedef struct BindOptions {
    FieldAt *at;
    /* The value of a FIELD_OBJECT at `arg` checked and taken over; pushed. Both NULL where the type
     * has no such field. */
    void (*read)(lua_State *L, const FieldPlace *place, int arg, const char *where);
    void (*push)(lua_State *L, const FieldPlace *place);
    /* Options that the object knows and `at` does not: set the value at `value`, or push what the
     * key names where value is 0. False: it has none of that name. May be NULL. */
    bool (*other)(lua_State *L, void *object, int key, int value);
} BindOptions;

/* How a FIELD_OBJECT of models is read and pushed, by whoever defines the field: the place's object
 * is what its struct is. Kept in the registry under the field. */
typedef struct BindObject {
    void (*read)(lua_State *L, const FieldPlace *place, int arg, const char *where);
    void (*push)(lua_State *L, const FieldPlace *place);
} BindObject;
void bind_object_field(lua_State *L, const Field *field, const BindObject *object);

/* An object's options, and what its messages begin with. */
typedef struct BindOptioned {
    const BindOptions *options;
    void *object;
    const char *where; /* "svm" */
} BindOptioned;

/* Push the option that is named by the key at `key` and return true; or push nothing. */
bool bind_push_option(lua_State *L, const BindOptioned *self, int key);

/* self[key] = value, both on the stack; unknown names and unfit values raise. */
void bind_set_option(lua_State *L, const BindOptioned *self, int key, int value);

/* Every name of the table at `arg`: all are looked up before any is set. */
void bind_set_options(lua_State *L, const BindOptioned *self, int arg);

/* Push the names of all options as a list. */
void bind_push_option_names(lua_State *L, const BindOptioned *self);

/* Push the option that is named by the string at `arg`; an unknown one raises. */
void bind_get_option(lua_State *L, const BindOptioned *self, int arg);

/* ---- What the help says -----------------------------------------------------------------------
 */

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

/* Keep a description for the help; the strings and fields outlive the program's run. */
void bind_describe_options(lua_State *L, const Described *described);

/* A list of them, which ends in a NULL name. */
void bind_describe_all(lua_State *L, const Described *list);

/* described(name): nil, or { name =, summary =, example =, result =, options = { { name, type,
 * default, meaning, range }, … } }; described(): the list of names in the order in which they were
 * told. For perigee/help.lua. */
int bind_described(lua_State *L);

#endif
