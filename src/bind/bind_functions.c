/* Functions under the names that users call them by, and the messages that begin with these. */
#include "bind/bind.h"
#include "bind/bind_grad.h"
#include "bind/bind_metatables.h"

#include "core/error.h"
#include "core/notes.h"
#include "core/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Errors ---------------------------------------------------------------------------------- */

/* A function's upvalue. */
typedef struct Entry {
    BindFunction function; /* first: bind_here gives it */
    char where[48];        /* the name that users know it by, or the bare one */
    size_t owner;          /* how much of it is its library or type; 0: the bare one */
} Entry;

static int call_function(lua_State *L);

/* The entry of the function that runs, if users call it by a name. */
static const Entry *named_entry(lua_State *L) {
    lua_Debug call;
    const Entry *entry = NULL;
    if (!lua_getstack(L, 0, &call) || !lua_getinfo(L, "f", &call))
        return NULL;
    if (lua_tocfunction(L, -1) == call_function && lua_getupvalue(L, -1, 1)) {
        entry = lua_touserdata(L, -1); /* the function keeps it */
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return entry && entry->owner ? entry : NULL;
}

/* Does the message begin with that word as the name of what it is about? How long that is. */
static size_t begins_with(const char *message, const char *word, size_t length) {
    return strncmp(message, word, length) == 0 && message[length] == ':' ? length : 0;
}

/* Does it name another function of a library's, attack.pgd where attack:run was called? */
static bool names_another(lua_State *L, const char *message) {
    size_t owner = strcspn(message, ".: ");
    size_t name = message[owner] == '.' ? strcspn(message + owner + 1, ".: ") : 0;
    if (name == 0 || message[owner + 1 + name] != ':')
        return false;
    int top = lua_gettop(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushlstring(L, message, owner);
    bool is_it = lua_rawget(L, -2) == LUA_TTABLE;
    if (is_it) {
        lua_pushlstring(L, message + owner + 1, name);
        is_it = lua_rawget(L, -2) == LUA_TFUNCTION;
    }
    lua_settop(L, top);
    return is_it;
}

/* Is that function one of the program's own files? */
static bool is_own(lua_State *L, const lua_Debug *frame) {
    lua_getfield(L, LUA_REGISTRYINDEX, "perigee.lua_dir");
    size_t length;
    const char *folder = lua_tolstring(L, -1, &length);
    bool own = folder && *frame->source == '@' && strncmp(frame->source + 1, folder, length) == 0 &&
               frame->source[length + 1] == '/';
    lua_pop(L, 1);
    return own;
}

/* Push "user.lua:3: ", the line that called the function that runs: where that is one of the
 * program's own, the nearest of the user's. "" where C called it. */
static void push_position(lua_State *L) {
    lua_Debug frame;
    int level = 1;
    for (; lua_getstack(L, level, &frame) && lua_getinfo(L, "Sl", &frame); level++)
        if (!is_own(L, &frame) && (level == 1 || frame.currentline > 0))
            break;
    luaL_where(L, level);
}

/* The message on top of the stack without the position that is below it: it has come through a
 * function written in Lua on the same line, and says so already. */
static void say_position_once(lua_State *L) {
    size_t length;
    const char *position = lua_tolstring(L, -2, &length), *message = lua_tostring(L, -1);
    const char *again = length > 0 ? strstr(message, position) : NULL;
    if (!again)
        return;
    lua_pushlstring(L, message, (size_t)(again - message));
    lua_pushstring(L, again + length);
    lua_concat(L, 2);
    lua_remove(L, -2);
}

/* Raise the message on top of the stack. It begins with the name that users know the function by
 * that runs, whatever those who wrote it call that: core knows "slice", and a type "svm". */
static int raise_named(lua_State *L) {
    const Entry *entry = named_entry(L);
    luaL_checkstack(L, 8, NULL);
    push_position(L);
    lua_insert(L, -2);
    const char *message = lua_tostring(L, -1);
    if (entry && !begins_with(message, entry->where, strlen(entry->where)) &&
        !names_another(L, message)) {
        const char *bare = entry->function.name;
        size_t said = begins_with(message, bare, strlen(bare));
        if (!said)
            said = begins_with(message, entry->where, entry->owner);
        lua_pushfstring(L, "%s%s%s", entry->where, said ? "" : ": ", message + said);
        lua_remove(L, -2);
    }
    say_position_once(L);
    lua_concat(L, 2);
    return lua_error(L);
}

enum { MESSAGE_MOST = 1024 }; /* as in an Error; names and values of the user's may be in it */

int bind_error(lua_State *L, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    size_t length;
    const char *words = lua_tolstring(L, -1, &length);
    char shown[MESSAGE_MOST];
    printable_bytes(words, length, shown, sizeof shown);
    lua_pushstring(L, shown);
    return raise_named(L);
}

int bind_raise(lua_State *L, const Error *err) {
    if (err->kind == ERROR_INTERRUPTED) { /* no fault: what stops a line of Lua says no more */
        note_leave("%s", err->message);
        lua_pushliteral(L, "interrupted");
        return lua_error(L);
    }
    lua_pushstring(L, err->message);
    return raise_named(L);
}

int bind_raise_in(lua_State *L, const char *where, Error *err) {
    error_prefix(err, "%s", where);
    return bind_raise(L, err);
}

void bind_push_made_text(lua_State *L, const char *text, const Error *err) {
    if (!text && err->kind == ERROR_NONE)
        bind_error(L, "not enough memory");
    if (!text)
        bind_raise(L, err);
    lua_pushstring(L, text);
}

int bind_nil_error(lua_State *L, const Error *err) {
    lua_pushnil(L);
    lua_pushstring(L, err->message);
    return 2;
}

int bind_true_or_error(lua_State *L, bool done, const Error *err) {
    if (!done)
        return bind_nil_error(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

static void describe_box(lua_State *L, int arg, char text[128]) {
    snprintf(text, 128, "a userdata");
    int kind = luaL_getmetafield(L, arg, "perigee.type");
    if (kind == LUA_TLIGHTUSERDATA) {
        const BoxType *type = lua_touserdata(L, -1);
        const void *object = bind_test(L, arg, type);
        snprintf(text, 128, object ? "%s" : "%s that was closed", type->shown);
        if (object && type->describe)
            type->describe(object, text);
    }
    if (kind != LUA_TNIL)
        lua_pop(L, 1);
}

const char *bind_table_name(lua_State *L, int arg) {
    if (!lua_istable(L, arg) || luaL_getmetafield(L, arg, "__name") == LUA_TNIL)
        return "";
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    lua_pop(L, 1);
    return name;
}

/* One of the program's own tables, or a user's, by what it calls itself: "an ensemble". */
static bool describe_table(lua_State *L, int arg, char text[128]) {
    char shown[64];
    const char *name = bind_table_name(L, arg);
    name = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
    if (*name) {
        printable(name, shown, sizeof shown);
        snprintf(text, 128, "%s %s", strchr("aeiou", *shown) ? "an" : "a", shown);
    }
    return *name != '\0';
}

bool bind_is_library(lua_State *L, int arg) {
    const char *name = bind_table_name(L, arg);
    return strcmp(name, "perigee.library") == 0 || strcmp(name, "perigee.table of globals") == 0;
}

bool bind_plain(lua_State *L, int arg, Value *value) {
    switch (lua_type(L, arg)) {
    case LUA_TNONE:
    case LUA_TNIL:
        *value = (Value){ .kind = VALUE_NOTHING };
        return true;
    case LUA_TNUMBER:
        *value = lua_isinteger(L, arg) ? value_whole(lua_tointeger(L, arg))
                                       : value_number(lua_tonumber(L, arg));
        return true;
    case LUA_TBOOLEAN:
        *value = value_boolean(lua_toboolean(L, arg));
        return true;
    case LUA_TSTRING:
        *value = value_word(lua_tostring(L, arg));
        return true;
    }
    return false;
}

/* The text on one line: a message is a sentence. */
static void join_lines(char text[128]) {
    size_t length = strlen(text);
    for (char *end; length + 2 < 128 && (end = strchr(text, '\n')); length++) {
        memmove(end + 2, end + 1, strlen(end));
        end[0] = '\\';
        end[1] = 'n';
    }
}

const char *bind_describe(lua_State *L, int arg, char text[128]) {
    Value value;
    char raw[128];
    if (bind_plain(L, arg, &value))
        join_lines(printable(value_text(&value, raw), text, 128));
    else if (lua_type(L, arg) == LUA_TUSERDATA)
        describe_box(L, lua_absindex(L, arg), text);
    else if (!describe_table(L, arg, text))
        snprintf(text, 128, "a %s", luaL_typename(L, arg));
    return text;
}

const char *bind_push_raised(lua_State *L, int arg) {
    arg = lua_absindex(L, arg);
    if (lua_type(L, arg) == LUA_TSTRING) {
        lua_pushvalue(L, arg);
    } else {
        lua_getfield(L, LUA_REGISTRYINDEX, "perigee.raised");
        lua_pushvalue(L, arg);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) != LUA_TSTRING) {
            lua_pop(L, 1);
            lua_pushfstring(L, "a %s", luaL_typename(L, arg));
        }
    }
    return lua_tostring(L, -1);
}

int bind_expected(lua_State *L, int arg, const char *where, const char *name,
                  const char *expected) {
    char got[128];
    return bind_error(L, "%s: %s: expected %s, got %s", where, name, expected,
                      bind_describe(L, arg, got));
}

/* ---- Functions ------------------------------------------------------------------------------- */

const BindFunction *bind_here(lua_State *L) {
    return lua_touserdata(L, lua_upvalueindex(1));
}

const char *bind_where(lua_State *L) {
    if (lua_islightuserdata(L, lua_upvalueindex(1))) { /* x[…]: index_object's type */
        const BindType *type = lua_touserdata(L, lua_upvalueindex(1));
        return type->box->name + strlen("perigee.");
    }
    return ((const Entry *)bind_here(L))->where;
}

void *bind_self(lua_State *L, const BoxType *type) {
    void *object = bind_test(L, 1, type);
    if (!object) {
        char expected[128];
        snprintf(expected, sizeof expected, "%s (is this a call with a dot instead of a colon?)",
                 type->shown);
        bind_expected(L, 1, bind_where(L), "self", expected);
    }
    return object;
}

int bind_answer(lua_State *L, int arg, bool ok, const Error *err) {
    if (!ok)
        return bind_raise(L, err);
    lua_settop(L, arg);
    return 1;
}

/* x:take(…) is said to have one argument fewer than take(x, …). */
static bool called_as_method(lua_State *L) {
    lua_Debug call;
    return lua_getstack(L, 0, &call) && lua_getinfo(L, "n", &call) &&
           strcmp(call.namewhat, "method") == 0;
}

static void refuse_surplus(lua_State *L, int most, int arg) {
    const char *name = bind_where(L);
    char got[128];
    bind_describe(L, arg, got);
    most -= called_as_method(L);
    if (most <= 0)
        bind_error(L, "%s: expected no arguments, got %s", name, got);
    bind_error(L, "%s: expected at most %d argument%s, got %s as well", name, most,
               most == 1 ? "" : "s", got);
}

void bind_end(lua_State *L, int last) {
    int top = lua_gettop(L);
    for (int arg = last + 1; arg <= top; arg++)
        if (!lua_isnil(L, arg))
            refuse_surplus(L, last, arg);
    if (top > last)
        lua_settop(L, last);
}

/* Call the same function once more, protected; what comes out of it unnamed is named. */
static int call_protected(lua_State *L) {
    const char *where = bind_where(L);
    luaL_checkstack(L, 8, NULL);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushboolean(L, true);
    lua_pushcclosure(L, call_function, 2);
    lua_insert(L, 1);
    if (lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0) == LUA_OK)
        return lua_gettop(L);
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool named = begins_with(message, where, strlen(where));
    if (bind_is_raw(message)) {
        lua_pushfstring(L, "%s: an argument's metatable answers what it should not: %s", where,
                        message);
    } else if (!named) {
        return lua_error(L);
    }
    push_position(L);
    lua_insert(L, -2);
    lua_concat(L, 2);
    return lua_error(L);
}

/* A second upvalue: it is called by call_protected. */
static int call_function(lua_State *L) {
    const BindFunction *f = bind_here(L);
    if (!lua_toboolean(L, lua_upvalueindex(2)) && bind_any_metatable(L))
        return call_protected(L);
    if (f->most >= 0)
        bind_end(L, f->most);
    return bind_records(L) ? bind_grad_call(L, f, bind_where(L)) : f->call(L);
}

void bind_push_function(lua_State *L, const BindFunction *function) {
    Entry *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = (Entry){ .function = *function };
    snprintf(own->where, sizeof own->where, "%s", function->name);
    lua_pushcclosure(L, call_function, 1);
}

void bind_describe_options(lua_State *L, const Described *described) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BIND_DESCRIPTIONS);
    bool again = lua_getfield(L, -1, described->name) != LUA_TNIL;
    lua_pop(L, 1);
    Described *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = *described;
    lua_setfield(L, -2, described->name);
    if (again) { /* an attack that its user has defined anew */
        lua_pop(L, 1);
        return;
    }
    lua_pushstring(L, described->name);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

void bind_name_functions(lua_State *L, const char *owner, const char *mark) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_tocfunction(L, -1) != call_function)
            continue;
        lua_getupvalue(L, -1, 1);
        Entry *entry = lua_touserdata(L, -1);
        char name[sizeof entry->where];
        snprintf(name, sizeof name, "%.20s%s%.24s", owner, mark, entry->function.name);
        if (strcmp(entry->function.name, owner) == 0) /* x[i] = value */
            snprintf(name, sizeof name, "%.40s", owner);
        memcpy(entry->where, name, sizeof name);
        entry->owner = strlen(owner);
        if (entry->function.options)
            bind_describe_options(L, &(Described){ name, .fields = *entry->function.options });
        lua_pop(L, 1);
    }
}

void bind_set_functions(lua_State *L, const BindFunction *list) {
    for (; list->name; list++) {
        bind_push_function(L, list);
        lua_setfield(L, -2, list->name);
    }
}
