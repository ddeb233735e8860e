#include "bind/bind_fields.h"

#include "bind/bind.h"
#include "core/error.h"

#include <stdio.h>
#include <string.h>

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_pair(lua_State *L, int arg, Value *value) {
    bool pair = lua_rawlen(L, arg) == 2;
    value->is_whole = pair;
    for (int i = 0; pair && i < 2; i++) {
        pair = lua_rawgeti(L, arg, i + 1) == LUA_TNUMBER;
        value->number[i] = lua_tonumber(L, -1);
        value->is_whole = value->is_whole && value_number(value->number[i]).is_whole;
        lua_pop(L, 1);
    }
    return pair;
}

Value bind_value(lua_State *L, int arg) {
    Value value = { .kind = VALUE_OTHER };
    switch (lua_type(L, arg)) {
    case LUA_TNONE:
    case LUA_TNIL:
        value.kind = VALUE_NOTHING;
        return value;
    case LUA_TNUMBER:
        return lua_isinteger(L, arg) ? value_whole(lua_tointeger(L, arg))
                                     : value_number(lua_tonumber(L, arg));
    case LUA_TBOOLEAN:
        return value_boolean(lua_toboolean(L, arg));
    case LUA_TSTRING:
        return value_word(lua_tostring(L, arg));
    case LUA_TTABLE:
        if (is_pair(L, lua_absindex(L, arg), &value)) {
            value.kind = VALUE_PAIR;
            return value;
        }
    }
    bind_describe(L, arg, value.got);
    return value;
}

void bind_push_value(lua_State *L, const Value *value) {
    switch (value->kind) {
    case VALUE_NUMBER:
        if (value->is_whole)
            lua_pushinteger(L, (lua_Integer)value->whole);
        else
            lua_pushnumber(L, value->number[0]);
        break;
    case VALUE_PAIR:
        lua_createtable(L, 2, 0);
        for (int i = 0; i < 2; i++) {
            lua_pushinteger(L, (lua_Integer)value->number[i]);
            lua_rawseti(L, -2, i + 1);
        }
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
    Value value = bind_value(L, arg);
    Error err;
    if (fields_set(place, &value, &err))
        return;
    bind_raise_in(L, where, &err);
}

static void set_field(lua_State *L, int arg, const char *where, const Field *field, void *object) {
    FieldPlace place = { .field = field, .object = object };
    snprintf(place.name, sizeof place.name, "%s", field->name);
    bind_field_set(L, arg, where, &place);
}

void bind_read_fields(lua_State *L, int arg, const char *where, const Field *field, void *object) {
    char expected[FIELD_TEXT];
    for (; field && field->name; field++) {
        int type = bind_opt_push(L, arg, field->name);
        if (type == LUA_TNIL && field->required && field->kind != FIELD_OBJECT)
            bind_expected(L, -1, where, field->name, field_expected(field, expected));
        if (type != LUA_TNIL && field->kind != FIELD_OBJECT)
            set_field(L, -1, where, field, object);
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

const Field bind_seed_field[] = { { .name = "seed",
                                    .kind = FIELD_SEED,
                                    .initial = "the session's",
                                    .meaning =
                                        "makes a generator of its own: the same every time" },
                                  { .name = NULL } };

Rng bind_seed_options(lua_State *L, int arg, const char *where) {
    uint64_t seed;
    bind_fields(L, arg, where, bind_seed_field, &seed);
    return bind_opt_rng(L, arg, where, NULL);
}

/* ---- Objects with options -------------------------------------------------------------------- */

static bool is_other(lua_State *L, const BindOptioned *self, int key, int value) {
    return self->options->other && lua_type(L, key) == LUA_TSTRING &&
           self->options->other(L, self->object, key, value);
}

static bool locate(lua_State *L, const BindOptioned *self, int key, FieldPlace *place) {
    const char *name = lua_type(L, key) == LUA_TSTRING ? lua_tostring(L, key) : NULL;
    for (size_t i = 0; name && self->options->at(self->object, i, place); i++)
        if (strcmp(place->name, name) == 0)
            return true;
    return false;
}

static void check_place(lua_State *L, const BindOptioned *self, int key, FieldPlace *place) {
    Error err;
    char text[128];
    if (lua_type(L, key) != LUA_TSTRING)
        luaL_error(L, "%s: options go by name, got %s for a name", self->where,
                   bind_describe(L, key, text));
    if (fields_locate(self->options->at, self->object, lua_tostring(L, key), place, &err))
        return;
    bind_raise_in(L, self->where, &err);
}

static void push_place(lua_State *L, const BindOptioned *self, const FieldPlace *place) {
    if (place->field->kind == FIELD_OBJECT) {
        self->options->push(L, place);
        return;
    }
    Value value = field_get(place->field, place->object);
    bind_push_value(L, &value);
}

bool bind_push_option(lua_State *L, const BindOptioned *self, int key) {
    FieldPlace place;
    if (!locate(L, self, key, &place))
        return false;
    push_place(L, self, &place);
    return true;
}

void bind_push_option_names(lua_State *L, const BindOptioned *self) {
    FieldPlace place;
    lua_newtable(L);
    for (size_t i = 0; self->options->at(self->object, i, &place); i++) {
        lua_pushstring(L, place.name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void bind_get_option(lua_State *L, const BindOptioned *self, int arg) {
    FieldPlace place;
    if (is_other(L, self, arg, 0))
        return;
    check_place(L, self, arg, &place);
    push_place(L, self, &place);
}

void bind_set_option(lua_State *L, const BindOptioned *self, int key, int value) {
    FieldPlace place;
    if (is_other(L, self, key, value))
        return;
    check_place(L, self, key, &place);
    if (place.field->kind == FIELD_OBJECT)
        self->options->read(L, &place, value, self->where);
    else
        bind_field_set(L, value, self->where, &place);
}

/* Would the value at `arg` do for this option? Raises if not, and changes nothing. */
static void rehearse(lua_State *L, const BindOptioned *self, const FieldPlace *place, int arg) {
    union {
        double number;
        size_t pair[2];
        uint64_t seed;
        int integer;
        bool truth;
        char name[FIELD_NAME_SIZE];
        const char *string;
    } scratch;
    Field field = *place->field;
    if (field.kind == FIELD_OBJECT)
        return;
    field.offset = 0;
    FieldPlace trial = { .field = &field, .object = &scratch };
    memcpy(trial.name, place->name, sizeof trial.name);
    bind_field_set(L, arg, self->where, &trial);
}

void bind_set_options(lua_State *L, const BindOptioned *self, int arg) {
    FieldPlace place;
    arg = lua_absindex(L, arg);
    if (!lua_istable(L, arg))
        bind_expected(L, arg, self->where, "options", "a table such as { C = 1 }");
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        if (is_other(L, self, lua_absindex(L, -2), 0)) {
            lua_pop(L, 1);
            continue;
        }
        check_place(L, self, lua_absindex(L, -2), &place);
        rehearse(L, self, &place, lua_gettop(L));
    }
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1))
        bind_set_option(L, self, lua_absindex(L, -2), lua_gettop(L));
}

/* ---- What the help says ---------------------------------------------------------------------- */

#define DESCRIPTIONS "perigee.descriptions"

void bind_describe_options(lua_State *L, const Described *described) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, DESCRIPTIONS);
    Described *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = *described;
    lua_setfield(L, -2, described->name);
    lua_pushstring(L, described->name);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

void bind_describe_all(lua_State *L, const Described *list) {
    for (; list->name; list++)
        bind_describe_options(L, list);
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

static int push_names(lua_State *L) {
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -2, i);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

int bind_described(lua_State *L) {
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, DESCRIPTIONS);
    if (lua_isnil(L, 1))
        return push_names(L);
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
