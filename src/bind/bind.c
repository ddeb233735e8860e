/* The general part of bind.h: boxes, types, arguments, options, the session's generator. */
#include "bind/bind.h"

#include "core/array.h"
#include "core/context.h"
#include "core/error.h"
#include "core/fields.h"
#include "core/labels.h"
#include "core/nan.h"
#include "core/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Boxes ----------------------------------------------------------------------------------- */

typedef struct Box {
    void *object;
} Box;

/* __gc and __close of every type: the type itself is the upvalue. Idempotent. */
static int release_box(lua_State *L) {
    const BoxType *type = lua_touserdata(L, lua_upvalueindex(1));
    Box *box = luaL_testudata(L, 1, type->name);
    if (box && box->object) {
        void *object = box->object;
        box->object = NULL;
        type->release(object);
    }
    return 0;
}

/* What malloc gives for the struct behind a box, say an array's header: Lua sees the box alone. */
enum { SMALL_OBJECT = 256 };

void **bind_new_box(lua_State *L, const BoxType *type) {
    bind_account(L, SMALL_OBJECT);
    Box *box = lua_newuserdatauv(L, sizeof *box, 1);
    box->object = NULL;
    if (luaL_getmetatable(L, type->name) == LUA_TNIL) /* nobody would free what comes into it */
        bind_error(L, "%s has not been opened", type->name);
    lua_setmetatable(L, -2);
    return &box->object;
}

static int new_box(lua_State *L) {
    bind_new_box(L, lua_touserdata(L, 1));
    return 1;
}

void bind_box(lua_State *L, const BoxType *type, void *object) {
    if (!lua_checkstack(L, 2)) {
        type->release(object);
        bind_error(L, "stack overflow");
    }
    lua_pushcfunction(L, new_box);
    lua_pushlightuserdata(L, (void *)type);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        type->release(object);
        lua_error(L);
    }
    ((Box *)lua_touserdata(L, -1))->object = object;
}

void **bind_new_memory_box(lua_State *L) {
    static const BoxType memory_type = { .name = "perigee.memory",
                                         .shown = "memory",
                                         .release = free };
    if (luaL_getmetatable(L, memory_type.name) == LUA_TNIL)
        bind_new_owner(L, &memory_type);
    lua_pop(L, 1);
    return bind_new_box(L, &memory_type);
}

void *bind_test(lua_State *L, int arg, const BoxType *type) {
    Box *box = luaL_testudata(L, arg, type->name);
    return box ? box->object : NULL;
}

void *bind_check(lua_State *L, int arg, const BoxType *type, const char *where, const char *name) {
    void *object = bind_test(L, arg, type);
    if (!object)
        bind_expected(L, arg, where, name, type->shown);
    return object;
}

/* ---- Types ----------------------------------------------------------------------------------- */

static const BindProperty *find_property(const BindType *type, const char *name) {
    for (; type; type = type->like)
        for (const BindProperty *p = type->properties; p && p->name; p++)
            if (strcmp(p->name, name) == 0)
                return p;
    return NULL;
}

bool bind_is_property(lua_State *L, int arg, const char *name) {
    if (luaL_getmetafield(L, arg, "__index") != LUA_TFUNCTION || !lua_getupvalue(L, -1, 1))
        return false;
    const BindType *type = lua_touserdata(L, -1);
    lua_pop(L, 2);
    return find_property(type, name) != NULL;
}

/* Add the names to the list on top of the stack. */
static void list_properties(lua_State *L, const BindProperty *properties) {
    for (; properties && properties->name; properties++) {
        lua_pushstring(L, properties->name);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
}

/* The value at 1 has nothing by the name at 2. Raises, at the position of the nearest Lua code. */
static int refuse_name(lua_State *L, const BindType *type, const void *object) {
    if (lua_getfield(L, LUA_REGISTRYINDEX, "perigee.missing") != LUA_TFUNCTION)
        return 1;
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    if (!luaL_callmeta(L, 1, BIND_OPTION_NAMES))
        lua_newtable(L);
    for (; type; type = type->like) {
        list_properties(L, type->properties);
        if (type->others)
            type->others(L, object);
    }
    lua_call(L, 3, 1);
    return 1;
}

static void push_fresh(lua_State *L, const BindProperty *property, const void *object) {
    property->push(L, (const char *)object + property->offset);
}

static void push_kept(lua_State *L, const BindProperty *property, const void *object) {
    if (lua_getiuservalue(L, 1, 1) != LUA_TTABLE) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, 1);
    }
    int kept = lua_gettop(L);
    if (lua_getfield(L, kept, property->name) != LUA_TNIL)
        return;
    push_fresh(L, property, object);
    lua_pushvalue(L, -1);
    lua_setfield(L, kept, property->name);
}

static bool push_other(lua_State *L, const BindType *type, void *object) {
    for (; type; type = type->like)
        if (type->other && type->other(L, object))
            return true;
    return false;
}

static int push_named(lua_State *L, const BindType *type, void *object) {
    const BindProperty *property = find_property(type, lua_tostring(L, 2));
    if (property) {
        (property->kept ? push_kept : push_fresh)(L, property, object);
        return 1;
    }
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 1;
    lua_settop(L, 2);
    return push_other(L, type, object) ? 1 : refuse_name(L, type, object);
}

/* __index. Upvalues: the type, the table of its methods. */
static int index_object(lua_State *L) {
    const BindType *type = lua_touserdata(L, lua_upvalueindex(1));
    const char *where = type->box->name + strlen("perigee.");
    void *object = bind_check(L, 1, type->box, where, "self");
    lua_settop(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING)
        return push_named(L, type, object);
    if (lua_type(L, 2) == LUA_TNUMBER && type->item)
        return type->item(L, object,
                          bind_integer(L, 2, where, "index", LUA_MININTEGER, LUA_MAXINTEGER));
    if (type->items && (lua_istable(L, 2) || lua_isuserdata(L, 2))) {
        int pushed = type->items(L, object);
        if (pushed > 0)
            return pushed;
    }
    if (type->keys)
        bind_expected(L, 2, where, "index", type->keys);
    lua_pushnil(L);
    return 1;
}

static void set_methods(lua_State *L, const BindType *type) {
    if (type->like)
        set_methods(L, type->like);
    if (type->methods)
        bind_set_functions(L, type->methods);
}

/* __newindex of a type whose fields cannot be set. */
static int refuse_assignment(lua_State *L) {
    const BindType *type = lua_touserdata(L, lua_upvalueindex(1));
    const char *where = type->box->name + strlen("perigee.");
    char key[128];
    if (lua_type(L, 2) == LUA_TSTRING)
        return bind_error(L, "%s: %s cannot be set; %s", where, lua_tostring(L, 2), type->fixed);
    return bind_error(L, "%s: [%s] cannot be set; %s", where, bind_describe(L, 2, key),
                      type->fixed);
}

static void set_events(lua_State *L, const BindType *type) {
    if (type->like)
        set_events(L, type->like);
    if (type->fixed) {
        lua_pushlightuserdata(L, (void *)type);
        lua_pushcclosure(L, refuse_assignment, 1);
        lua_setfield(L, -2, "__newindex");
    }
    if (type->meta)
        luaL_setfuncs(L, type->meta, 0);
    if (type->options) {
        lua_pushlightuserdata(L, (void *)type->options);
        lua_setfield(L, -2, BIND_OPTIONS);
    }
}

static void new_metatable(lua_State *L, const BoxType *box) {
    luaL_newmetatable(L, box->name);
    lua_pushlightuserdata(L, (void *)box);
    lua_setfield(L, -2, "perigee.type");
    lua_pushlightuserdata(L, (void *)box);
    lua_pushcclosure(L, release_box, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
}

void bind_new_owner(lua_State *L, const BoxType *box) {
    new_metatable(L, box);
    lua_pop(L, 1);
}

void bind_new_type(lua_State *L, const BindType *type) {
    new_metatable(L, type->box);
    lua_pushlightuserdata(L, (void *)type);
    lua_newtable(L);
    set_methods(L, type);
    bind_name_functions(L, type->box->name + strlen("perigee."), ":");
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, "methods"); /* for those who complete names */
    lua_pushcclosure(L, index_object, 2);
    lua_setfield(L, -2, "__index");
    set_events(L, type);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

lua_Integer bind_integer(lua_State *L, int arg, const char *where, const char *name,
                         lua_Integer low, lua_Integer high) {
    int exact = 0;
    lua_Integer value = lua_type(L, arg) == LUA_TNUMBER ? lua_tointegerx(L, arg, &exact) : 0;
    if (!exact || value < low || value > high) {
        const Field integer = { .kind = FIELD_WHOLE,
                                .low = low > -LUA_MAXINTEGER ? (double)low : -INFINITY,
                                .high = high < LUA_MAXINTEGER ? (double)high : INFINITY };
        char expected[FIELD_TEXT];
        bind_expected(L, arg, where, name, field_expected(&integer, expected));
    }
    return value;
}

double bind_number(lua_State *L, int arg, const char *where, const char *name) {
    if (lua_type(L, arg) != LUA_TNUMBER)
        bind_expected(L, arg, where, name, "a number");
    return lua_tonumber(L, arg);
}

const char *bind_string(lua_State *L, int arg, const char *where, const char *name) {
    if (lua_type(L, arg) != LUA_TSTRING)
        bind_expected(L, arg, where, name, "a string");
    size_t length;
    const char *text = lua_tolstring(L, arg, &length);
    if (strlen(text) != length)
        bind_error(L, "%s: %s: expected a string without NUL", where, name);
    return text;
}

size_t bind_place(lua_State *L, const char *where, lua_Integer position, size_t samples) {
    lua_Integer place = position < 0 ? (lua_Integer)samples + position : position - 1;
    if (position == 0 || place < 0 || place >= (lua_Integer)samples)
        bind_error(L, "%s: position %I of %I samples (from 1, or from -1 at the end)", where,
                   position, (lua_Integer)samples);
    return (size_t)place;
}

/* ---- Option tables --------------------------------------------------------------------------- */

static int refuse_option(lua_State *L, const char *where, const char *key,
                         const char *const *valid) {
    Error err;
    fields_unknown(key, valid, &err);
    return bind_error(L, "%s: %s", where, err.message);
}

static int refuse_position(lua_State *L, const char *where, const char *const *valid) {
    char text[128];
    return bind_error(L, "%s: options go by name, as in %s { %s = … }; got %s without one", where,
                      where, valid[0] ? valid[0] : "name", bind_describe(L, -1, text));
}

/* Options are looked up in the table alone, since a metamethod may raise, or be anything's. */
void bind_refuse_inherited(lua_State *L, int arg, const char *where) {
    if (luaL_getmetafield(L, arg, "__index") != LUA_TNIL)
        bind_error(L,
                   "%s: the table of options has a metatable with __index, by which none is found: "
                   "copy them into the table",
                   where);
}

/* `list` values without a name are the caller's: positions 1 … #t. */
static void check_options(lua_State *L, int arg, const char *where, const char *const *valid,
                          lua_Integer list) {
    bind_refuse_inherited(L, arg, where);
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= list)
            continue;
        if (lua_type(L, -2) != LUA_TSTRING)
            refuse_position(L, where, valid);
        const char *key = lua_tostring(L, -2);
        size_t i = 0;
        while (valid[i] && strcmp(valid[i], key) != 0)
            i++;
        if (!valid[i])
            refuse_option(L, where, key, valid);
    }
}

void bind_options(lua_State *L, int arg, const char *where, const char *const *valid) {
    if (lua_isnoneornil(L, arg)) {
        if (lua_gettop(L) < arg)
            lua_settop(L, arg);
        lua_newtable(L);
        lua_replace(L, arg);
        return;
    }
    if (lua_type(L, arg) != LUA_TTABLE)
        bind_expected(L, arg, where, "options", "a table");
    check_options(L, arg, where, valid, 0);
}

void bind_options_list(lua_State *L, int arg, const char *where, const char *const *valid) {
    if (lua_type(L, arg) != LUA_TTABLE)
        bind_expected(L, arg, where, "options", "a table with a list");
    check_options(L, arg, where, valid, (lua_Integer)lua_rawlen(L, arg));
}

void bind_push_copy(lua_State *L, int arg) {
    arg = lua_absindex(L, arg);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, -5);
    }
}

int bind_opt_push(lua_State *L, int arg, const char *key) {
    arg = lua_absindex(L, arg);
    lua_pushstring(L, key);
    return lua_rawget(L, arg);
}

BindStrings bind_push_strings(lua_State *L, int arg, const char *name, const char *expected) {
    size_t count = lua_istable(L, arg) ? (size_t)lua_rawlen(L, arg) : 0;
    if (!lua_istable(L, arg))
        bind_expected(L, arg, bind_where(L), name, expected);
    if (count == 0)
        bind_error(L, "%s: %s: expected %s, got an empty list", bind_where(L), name, expected);
    bind_push_copy(L, arg);
    const char **string = lua_newuserdatauv(L, count * sizeof *string, 0);
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        string[i] = bind_string(L, -1, bind_where(L), name);
    }
    return (BindStrings){ string, count };
}

/* ---- Answers that are lists --------------------------------------------------------------------
 */

void bind_push_sizes(lua_State *L, int count, const size_t *size) {
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, (lua_Integer)size[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

void bind_push_number(lua_State *L, double value) {
    lua_pushnumber(L, nan_unsigned(value));
}

void bind_set_size(lua_State *L, const char *name, size_t size) {
    lua_pushinteger(L, (lua_Integer)size);
    lua_setfield(L, -2, name);
}

void bind_set_string(lua_State *L, const char *name, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void bind_push_labels(lua_State *L, const void *object) {
    const Labels *labels = object;
    lua_createtable(L, (int)labels->count, 0);
    for (size_t c = 0; c < labels->count; c++) {
        lua_pushinteger(L, labels->label[c]);
        lua_rawseti(L, -2, (lua_Integer)c + 1);
    }
}

void bind_push_text(lua_State *L, const void *text) {
    lua_pushstring(L, *(const char *const *)text);
}

void bind_push_truth(lua_State *L, const void *truth) {
    lua_pushboolean(L, *(const bool *)truth);
}

void bind_push_size(lua_State *L, const void *size) {
    lua_pushinteger(L, (lua_Integer) * (const size_t *)size);
}

void bind_push_shared(lua_State *L, const void *array) {
    const Array *shared = *(Array *const *)array;
    Error err;
    if (shared)
        bind_push_array(L, array_share_read_only(shared, &err), &err);
    else
        lua_pushnil(L);
}

/* ---- Random numbers -------------------------------------------------------------------------- */

Rng bind_opt_rng(lua_State *L, int arg, const char *stream, uint64_t *used) {
    uint64_t seed = 0;
    bool given = false;
    if (lua_istable(L, arg)) {
        given = bind_opt_push(L, arg, "seed") != LUA_TNIL;
        if (given)
            seed = (uint64_t)bind_integer(L, -1, stream, "seed", LUA_MININTEGER, LUA_MAXINTEGER);
        lua_pop(L, 1);
    }
    if (!given)
        seed = session_draw();
    if (used)
        *used = seed;
    return session_stream(stream, seed);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* The collector is told in steps of this size: a call for every small array would cost more than
 * the array. */
enum { ACCOUNT_STEP = 1 << 18 };

void bind_account(lua_State *L, size_t bytes) {
    static const ContextSlot slot = { .size = sizeof(size_t) };
    size_t *owed = context_slot(&slot);
    *owed += bytes;
    if (*owed < ACCOUNT_STEP)
        return;
    size_t kilobytes = *owed >> 10;
    *owed = 0;
    lua_gc(L, LUA_GCSTEP, kilobytes > 1 << 30 ? 1 << 30 : (int)kilobytes);
}

bool bind_retry(lua_State *L, const Error *err, bool *tried) {
    if (*tried || err->kind != ERROR_MEMORY)
        return false;
    *tried = true;
    lua_gc(L, LUA_GCCOLLECT);
    return true;
}
