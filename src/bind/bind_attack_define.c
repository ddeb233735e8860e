/* bind_attack_define.c — attacks whose step is written in Lua: what is defined.
 *
 * A definition is a box. Its user value is the table that lua/perigee/define.lua has checked: it
 * holds the step, and the strings that the attack's fields borrow. Whoever refers to the attack
 * keeps the box: its constructor, every object made by that, and for the help the latest definition
 * of each name. So a name that is defined anew leaves the objects of the old one as they are. */
#include "attack/custom.h"
#include "bind/bind.h"
#include "bind/bind_attack.h"
#include "bind/bind_call.h"
#include "bind/bind_declared.h"
#include "bind/bind_fields.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 16 };

typedef struct Definition {
    CustomAttack custom;
    lua_State *L; /* the main thread */
    const char *word[ATTACK_OWN][MOST_WORDS + 1];
} Definition;

/* Tables in the registry: the boxes by their attacks' addresses (weak), by their constructors
 * (weak), and by their names. */
#define BY_ATTACK "perigee.definitions"
#define BY_CONSTRUCTOR "perigee.defined_constructors"
#define BY_NAME "perigee.defined"

/* What bind_object_field keeps by the fields' addresses goes with them. */
static void release(void *object) {
    Definition *definition = object;
    lua_State *L = definition->L;
    for (const Field *field = definition->custom.field; field->name; field++)
        if ((field->kind == FIELD_OBJECT || field->type) && lua_checkstack(L, 2)) {
            lua_pushnil(L);
            lua_rawsetp(L, LUA_REGISTRYINDEX, field);
        }
    free(definition);
}

static const BoxType definition_type = { .name = "perigee.definition",
                                         .shown = "an attack's definition",
                                         .release = release };

static void push_table(lua_State *L, const char *name, const char *mode) {
    if (luaL_getsubtable(L, LUA_REGISTRYINDEX, name) || !mode)
        return;
    lua_createtable(L, 0, 1);
    bind_set_string(L, "__mode", mode);
    lua_setmetatable(L, -2);
}

bool bind_push_definition(lua_State *L, const Attack *attack) {
    push_table(L, BY_ATTACK, "v");
    bool defined = lua_rawgetp(L, -1, attack) != LUA_TNIL;
    lua_remove(L, -2);
    if (!defined)
        lua_pop(L, 1);
    return defined;
}

const Field *bind_own_fields(const Attack *attack, size_t *count) {
    const CustomAttack *custom = (const CustomAttack *)attack;
    const Field *end = custom->field;
    while (end->name)
        end++;
    *count = custom->own;
    return end - custom->own;
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* Its default, or what stands for none. */
static void set_default(lua_State *L, int option, const Field *field, AttackParams *params) {
    FieldPlace place;
    fields_place(field, params, "", &place);
    if (lua_getfield(L, option, "default") != LUA_TNIL)
        bind_field_set(L, -1, "attack.define: options", &place);
    else if (field->kind == FIELD_NUMBER || field->kind == FIELD_WHOLE)
        memcpy((char *)params + field->offset, &(double){ NAN }, sizeof(double));
    else if (field->kind == FIELD_WORD)
        memcpy((char *)params + field->offset, &(int){ -1 }, sizeof(int));
    lua_pop(L, 1);
}

/* Add the option at the top: { name =, kind =, default =, low =, high =, words =, meaning =, … }.
 */
static void add_option(lua_State *L, Definition *definition) {
    int option = lua_gettop(L);
    CustomAttack *custom = &definition->custom;
    Field field = bind_declared_field(L, option, definition->word[custom->own], MOST_WORDS);
    set_default(L, option, custom_add(custom, &field), &custom->attack.params);
}

/* Defaults of options that every attack has, by their names. */
static void set_common(lua_State *L, int common, CustomAttack *custom) {
    FieldPlace place;
    for (lua_pushnil(L); lua_next(L, common); lua_pop(L, 1)) {
        const Field *field = fields_find(custom->field, lua_tostring(L, -2));
        if (!field || field->kind == FIELD_OBJECT)
            bind_error(L, "attack.define: options: %s has no default of a definition's",
                       lua_tostring(L, -2));
        fields_place(field, &custom->attack.params, "", &place);
        bind_field_set(L, -1, "attack.define: options", &place);
    }
}

static CustomAnswer answer_of(const char *word) {
    return strcmp(word, "last") == 0      ? CUSTOM_LAST
           : strcmp(word, "nearest") == 0 ? CUSTOM_NEAREST
                                          : CUSTOM_BEST;
}

/* Push the box of a definition by the table at 1. */
static Definition *push_box(lua_State *L) {
    void **slot = bind_new_box(L, &definition_type);
    Definition *definition = calloc(1, sizeof *definition);
    if (!definition)
        bind_error(L, "attack.define: out of memory");
    definition->L = bind_main_thread(L);
    *slot = definition;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return definition;
}

/* The constructor on top keeps the box at `box`, and so does the name. */
static void keep(lua_State *L, int box, const Attack *attack) {
    push_table(L, BY_CONSTRUCTOR, "k");
    lua_pushvalue(L, -2);
    lua_pushvalue(L, box);
    lua_rawset(L, -3);
    push_table(L, BY_NAME, NULL);
    lua_pushvalue(L, box);
    lua_setfield(L, -2, attack->name);
    lua_pop(L, 2);
}

/* What lua/perigee/define.lua calls with a checked definition, which it does not touch any more:
 * { name =, summary =, example =, answer =, patience =, step =, options = a list, common = … } →
 * the constructor. */
int bind_define_attack(lua_State *L) {
    const int spec = 1, box = 2;
    lua_settop(L, 1);
    luaL_checkstack(L, 40, NULL);
    Definition *definition = push_box(L);
    CustomAttack *custom = &definition->custom;
    custom_init(custom, bind_declared_text(L, spec, "name"), bind_declared_text(L, spec, "summary"),
                answer_of(bind_declared_text(L, spec, "answer")));
    custom->attack.example = bind_declared_text(L, spec, "example");
    custom->attack.patience = (int)bind_declared_number(L, spec, "patience", 0);
    lua_getfield(L, spec, "options");
    for (lua_Integer i = 1; i <= (lua_Integer)lua_rawlen(L, 3); i++, lua_settop(L, 3)) {
        lua_rawgeti(L, 3, i);
        add_option(L, definition);
    }
    lua_getfield(L, spec, "common");
    set_common(L, 4, custom);
    push_table(L, BY_ATTACK, "v");
    lua_pushvalue(L, box);
    lua_rawsetp(L, -2, &custom->attack);
    lua_newtable(L);
    bind_add_attack(L, &custom->attack);
    bind_name_functions(L, "attack", ".");
    lua_getfield(L, -1, custom->attack.name);
    keep(L, box, &custom->attack);
    return 1;
}

void bind_open_attack_define(lua_State *L) {
    bind_new_owner(L, &definition_type);
    bind_open_attack_state(L);
}
