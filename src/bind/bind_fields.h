/* bind_fields.h — options that are fields (core/fields.h): from Lua's tables into structs and back.
 *
 * A type of objects with options is .like bind_with_options and fills one BindOptions; reading,
 * assigning, :set and :get are then the same of all of them, and say the same of every mistake. */
#ifndef PERIGEE_BIND_FIELDS_H
#define PERIGEE_BIND_FIELDS_H

#include "bind/bind.h"
#include "core/fields.h"
#include "core/rng.h"

#include <lua.h>

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
 * then every field that the table has. Those of kind FIELD_OBJECT are the caller's to read, and
 * what stands in the place of a word (Field.type) where it is a function. */
void bind_fields(lua_State *L, int arg, const char *where, const Field *field, void *object);

/* The same for a table that also holds a list or further keys of the caller's, checked already. */
void bind_read_fields(lua_State *L, int arg, const char *where, const Field *field, void *object);

/* The options of what draws at random and has no others: a seed, a uint64_t by itself. The
 * generator by them (see bind_opt_rng). */
extern const Fields bind_seed_options;
Rng bind_opt_seed(lua_State *L, int arg);

/* ---- Objects with options ---------------------------------------------------------------------
 */

/* What BindType.options says of them. */
typedef struct BindOptions {
    FieldAt *at;
    const char *(*where)(const void *object); /* what messages begin with: "svm" */
    /* The struct with every default, which assigning nil gives again; NULL: nil is a value that
     * does not fit. */
    const void *(*initial)(const void *object);
    /* Options that the object knows and `at` does not: set the value at `value`, or push what the
     * key names where value is 0. False: it has none of that name. May be NULL. */
    bool (*other)(lua_State *L, void *object, int key, int value);
} BindOptions;

/* The common part of such types: the methods get and set, x.name = value, options among x's names.
 */
extern const BindType bind_with_options;

/* What the method set does, for methods that do more: of the object at 1 by the table at 2. */
void bind_set_options(lua_State *L);

/* How a FIELD_OBJECT is read and pushed, or a word with a `type`, by whoever defines the field;
 * kept in the registry under it. The one with the options is at 1, and the place's object what its
 * struct is; the value at `arg` is checked and, unless that is NULL, taken over. */
typedef struct BindObject {
    void (*read)(lua_State *L, const FieldPlace *place, int arg, const char *where);
    void (*push)(lua_State *L, const FieldPlace *place);
} BindObject;
void bind_object_field(lua_State *L, const Field *field, const BindObject *object);

/* ---- What the help says -----------------------------------------------------------------------
 */

/* Set a function in the table on top that makes what is described; name: "svm.", its library. */
void bind_set_described(lua_State *L, const BindFunction *function, const Described *described);

/* described(name): nil, or { name =, summary =, example =, result =, options = { { name, type,
 * default, meaning, range }, … } }; described(): a table whose list is the names in the order in
 * which they were told. For perigee/help.lua. */
int bind_described(lua_State *L);

#endif
