#include "bind/bind_fields.h"

#include "bind/bind.h"
#include "core/error.h"

#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

/* Is the table at arg a short list of numbers? */
static bool is_list(lua_State *L, int arg, Value *value) {
    value->count = lua_rawlen(L, arg);
    bool list = value->count > 0 && value->count <= FIELD_NUMBERS_MOST;
    value->is_whole = list;
    for (size_t i = 0; list && i < value->count; i++) {
        list = lua_rawgeti(L, arg, (lua_Integer)i + 1) == LUA_TNUMBER;
        value->number[i] = lua_tonumber(L, -1);
        value->is_whole = value->is_whole && value_number(value->number[i]).is_whole;
        lua_pop(L, 1);
    }
    return list;
}

Value bind_value(lua_State *L, int arg) {
    Value value = { .kind = VALUE_OTHER };
    if (bind_plain(L, arg, &value))
        return value;
    if (lua_istable(L, arg) && is_list(L, lua_absindex(L, arg), &value))
        value.kind = value.count == 2 ? VALUE_PAIR : VALUE_LIST;
    if (value.kind != VALUE_PAIR)
        bind_describe(L, arg, value.got);
    return value;
}

static void push_numbers(lua_State *L, const Value *value) {
    size_t count = value->kind == VALUE_PAIR ? 2 : value->count;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        if (value->is_whole)
            lua_pushinteger(L, (lua_Integer)value->number[i]);
        else
            bind_push_number(L, value->number[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void bind_push_value(lua_State *L, const Value *value) {
    switch (value->kind) {
    case VALUE_NUMBER:
        if (value->is_whole)
            lua_pushinteger(L, (lua_Integer)value->whole);
        else
            bind_push_number(L, value->number[0]);
        break;
    case VALUE_PAIR:
    case VALUE_LIST:
        push_numbers(L, value);
        break;
    case VALUE_BOOLEAN:
        lua_pushboolean(L, value->truth);
        break;
    case VALUE_WORD:
        lua_pushstring(L, value->word);
        break;
    default:
        lua_pushnil(L);
    }
}

/* ---- Option tables --------------------------------------------------------------------------- */

void bind_field_set(lua_State *L, int arg, const char *where, const FieldPlace *place) {
    if (lua_type(L, arg) == LUA_TSTRING)
        bind_string(L, arg, where, place->name); /* C would cut one with NUL */
    Value value = bind_value(L, arg);
    Error err;
    if (fields_set(place, &value, &err))
        return;
    bind_raise_in(L, where, &err);
}

void bind_read_fields(lua_State *L, int arg, const char *where, const Field *field, void *object) {
    char expected[FIELD_TEXT];
    FieldPlace place;
    for (; field && field->name; field++) {
        int type = bind_opt_push(L, arg, field->name);
        if (type == LUA_TNIL && field->required && field->kind != FIELD_OBJECT)
            bind_expected(L, -1, where, field->name, field_expected(field, expected));
        bool kept = field->kind == FIELD_OBJECT || (field->type && type == LUA_TFUNCTION);
        if (type != LUA_TNIL && !kept && fields_place(field, object, "", &place))
            bind_field_set(L, -1, where, &place);
        lua_pop(L, 1);
    }
}

void bind_field_names(const Field *field, const char *also, const char *names[BIND_MOST_NAMES]) {
    size_t count = 0;
    if (also)
        names[count++] = also;
    for (; field && field->name && count + 1 < BIND_MOST_NAMES; field++)
        names[count++] = field->name;
    names[count] = NULL;
}

void bind_fields(lua_State *L, int arg, const char *where, const Field *field, void *object) {
    const char *names[BIND_MOST_NAMES];
    bind_field_names(field, NULL, names);
    bind_options(L, arg, where, names);
    bind_read_fields(L, arg, where, field, object);
}

void bind_here_options(lua_State *L, int arg, void *object) {
    bind_fields(L, arg, bind_where(L), bind_here(L)->options->field, object);
}

static const Field seed_field[] = { { .name = "seed",
                                      .kind = FIELD_SEED,
                                      .initial = "the session's",
                                      .meaning =
                                          "makes a generator of its own: the same every time" },
                                    { .name = NULL } };

const Fields bind_seed_options = { seed_field, NULL };

Rng bind_opt_seed(lua_State *L, int arg) {
    uint64_t seed;
    bind_fields(L, arg, bind_where(L), seed_field, &seed);
    return bind_opt_rng(L, arg, bind_here(L)->name, NULL);
}

/* ---- Objects with options -------------------------------------------------------------------- */

/* The value at 1, and what the messages about its options begin with. */
typedef struct Optioned {
    const BindOptions *options;
    void *object;
    const char *where;
} Optioned;

static Optioned check_self(lua_State *L, const char *where) {
    Optioned self = { .options = NULL };
    if (luaL_getmetafield(L, 1, BIND_OPTIONS) != LUA_TNIL) {
        self.options = lua_touserdata(L, -1);
        luaL_getmetafield(L, 1, "perigee.type");
        self.object = bind_test(L, 1, lua_touserdata(L, -1));
        lua_pop(L, 2);
    }
    if (!self.object)
        bind_expected(L, 1, where, "self",
                      "an object with options (is this a call with a dot instead of a colon?)");
    self.where = self.options->where(self.object);
    return self;
}

static bool is_other(lua_State *L, const Optioned *self, int key, int value) {
    return self->options->other && lua_type(L, key) == LUA_TSTRING &&
           self->options->other(L, self->object, key, value);
}

static void check_place(lua_State *L, const Optioned *self, int key, FieldPlace *place) {
    Error err;
    char text[128];
    if (lua_type(L, key) != LUA_TSTRING)
        bind_error(L, "%s: options go by name, got %s for a name", self->where,
                   bind_describe(L, key, text));
    const char *name = lua_tostring(L, key);
    if (fields_locate(self->options->at, self->object, name, place, &err))
        return;
    if (bind_is_property(L, 1, name))
        bind_error(L, "%s: %s cannot be set: it is not an option", self->where, name);
    bind_raise_in(L, self->where, &err);
}

void bind_object_field(lua_State *L, const Field *field, const BindObject *object) {
    lua_pushlightuserdata(L, (void *)object);
    lua_rawsetp(L, LUA_REGISTRYINDEX, field);
}

static const BindObject *object_of(lua_State *L, const FieldPlace *place) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, place->field);
    const BindObject *object = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!object)
        bind_error(L, "%s: this option is chosen when the object is made", place->name);
    return object;
}

/* Does its owner keep it, or something in its place? */
static bool is_kept(const FieldPlace *place) {
    return place->field->kind == FIELD_OBJECT ||
           (place->field->kind == FIELD_WORD && place->field->type);
}

static void push_place(lua_State *L, const FieldPlace *place) {
    if (is_kept(place)) {
        object_of(L, place)->push(L, place);
        return;
    }
    Value value = field_get(place->field, place->object);
    bind_push_value(L, &value);
}

/* x.name */
static bool push_option(lua_State *L, void *object) {
    FieldPlace place;
    Optioned self = check_self(L, "options");
    for (size_t i = 0; self.options->at(object, i, &place); i++)
        if (strcmp(place.name, lua_tostring(L, 2)) == 0) {
            push_place(L, &place);
            return true;
        }
    return false;
}

static int option_names(lua_State *L) {
    FieldPlace place;
    Optioned self = check_self(L, "options");
    lua_newtable(L);
    for (size_t i = 0; self.options->at(self.object, i, &place); i++) {
        lua_pushstring(L, place.name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* x:get(name) */
static int get_option(lua_State *L) {
    FieldPlace place;
    Optioned self = check_self(L, "get");
    lua_settop(L, 2);
    if (is_other(L, &self, 2, 0))
        return 1;
    check_place(L, &self, 2, &place);
    push_place(L, &place);
    return 1;
}

/* The value at `value` into the place, or without an object only checked. */
static void put(lua_State *L, const Optioned *self, const FieldPlace *place, int value) {
    if (is_kept(place))
        object_of(L, place)->read(L, place, value, self->where);
    else if (lua_isnil(L, value) && self->options->initial)
        field_copy(place->field, place->object, self->options->initial(self->object));
    else
        bind_field_set(L, value, self->where, place);
}

static void set_option(lua_State *L, const Optioned *self, int key, int value) {
    FieldPlace place;
    if (is_other(L, self, key, value))
        return;
    check_place(L, self, key, &place);
    put(L, self, &place, value);
}

/* x.name = value */
static int assign_option(lua_State *L) {
    Optioned self = check_self(L, "options");
    set_option(L, &self, 2, 3);
    return 0;
}

static void check_option(lua_State *L, const Optioned *self, int key, int value) {
    FieldPlace place;
    if (is_other(L, self, key, 0))
        return;
    check_place(L, self, key, &place);
    place.object = NULL;
    put(L, self, &place, value);
}

/* Does the table at 2 have options of the one at `key` as well: "kernel.degree" beside "kernel"? */
static bool has_parts(lua_State *L, int key) {
    size_t length;
    bool found = false;
    if (lua_type(L, key) != LUA_TSTRING)
        return false;
    const char *name = lua_tolstring(L, key, &length);
    for (lua_pushnil(L); !found && lua_next(L, 2); lua_pop(L, found ? 2 : 1)) {
        const char *other = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        found = strncmp(other, name, length) == 0 && other[length] == '.';
    }
    return found;
}

/* Is the option at `key` set before the others? One that the object alone knows has no parts. */
static bool is_whole(lua_State *L, const Optioned *self, int key) {
    return has_parts(L, key) && !is_other(L, self, key, 0);
}

/* Set the wholes of the table at 2; the table at 3 gets what they were. */
static void set_wholes(lua_State *L, const Optioned *self) {
    const int key = 4, value = 5;
    FieldPlace place;
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, key))
        if (has_parts(L, key))
            check_option(L, self, key, value);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, key))
        if (is_whole(L, self, key)) {
            check_place(L, self, key, &place);
            lua_pushvalue(L, key);
            push_place(L, &place);
            lua_rawset(L, 3);
            put(L, self, &place, value);
        }
}

/* (x, options): the wholes have been set. */
static int check_options(lua_State *L) {
    Optioned self = check_self(L, "set");
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, 3))
        check_option(L, &self, 3, 4);
    return 0;
}

/* x:set{ name = value, … }: all are checked before any is set. A part's name depends on what its
 * whole is: wholes are set first, and again to what they were where the check refuses another. What
 * fails later, in a Lua model's own `set` or for memory, leaves set what was set before it. */
void bind_set_options(lua_State *L) {
    Optioned self = check_self(L, "set");
    if (!lua_istable(L, 2))
        bind_expected(L, 2, self.where, "options", "a table, name = value");
    bind_refuse_inherited(L, 2, self.where);
    lua_settop(L, 2);
    lua_newtable(L);
    set_wholes(L, &self);
    lua_settop(L, 3);
    lua_pushcfunction(L, check_options);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
        for (lua_pushnil(L); lua_next(L, 3); lua_settop(L, 5))
            set_option(L, &self, 5, 6);
        lua_isstring(L, 4) ? bind_error(L, "%s", lua_tostring(L, 4)) : lua_error(L);
    }
    lua_settop(L, 3);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, 4))
        if (!is_whole(L, &self, 4))
            set_option(L, &self, 4, 5);
    lua_settop(L, 2);
}

static int set_options(lua_State *L) {
    bind_set_options(L);
    lua_settop(L, 1);
    return 1;
}

static const BindFunction option_methods[] = { BIND("set", set_options, 2),
                                               BIND("get", get_option, 2), BIND_LAST };
static const luaL_Reg option_events[] = { { "__newindex", assign_option },
                                          { BIND_OPTION_NAMES, option_names },
                                          { NULL, NULL } };
const BindType bind_with_options = { .methods = option_methods,
                                     .other = push_option,
                                     .meta = option_events };

/* ---- What the help says ---------------------------------------------------------------------- */

void bind_set_described(lua_State *L, const BindFunction *function, const Described *described) {
    Described own = *described;
    bind_push_function(L, function);
    lua_setfield(L, -2, function->name);
    own.name = lua_pushfstring(L, "%s%s", described->name, function->name);
    bind_describe_options(L, &own);
    lua_pop(L, 1);
}

/* { name, type, default, meaning, range } */
static void push_row(lua_State *L, const Fields *fields, const Field *field) {
    char type[FIELD_TEXT], initial[FIELD_TEXT], range[FIELD_TEXT];
    const char *const cells[] = { field->name, field_type(field, type),
                                  field_initial(fields, field, initial), field->meaning,
                                  field_range(field, range) };
    lua_createtable(L, 5, 0);
    for (int i = 0; i < 5; i++) {
        lua_pushstring(L, cells[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

int bind_described(lua_State *L) {
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, BIND_DESCRIPTIONS);
    if (lua_isnil(L, 1))
        return 1;
    if (lua_getfield(L, 2, bind_string(L, 1, "described", "name")) == LUA_TNIL)
        return 1;
    const Described *described = lua_touserdata(L, 3);
    lua_createtable(L, 0, 7);
    bind_set_string(L, "summary", described->summary);
    bind_set_string(L, "example", described->example);
    bind_set_string(L, "result", described->result);
    bind_set_string(L, "gives", described->gives);
    bind_set_string(L, "group", described->group);
    bind_set_string(L, "see", described->see);
    lua_newtable(L);
    const Field *field = described->fields.field;
    for (lua_Integer row = 1; field && field->name; field++, row++) {
        push_row(L, &described->fields, field);
        lua_rawseti(L, -2, row);
    }
    lua_setfield(L, -2, "options");
    return 1;
}
