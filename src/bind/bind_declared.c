#include "bind/bind_declared.h"

#include <math.h>
#include <string.h>

const char *bind_declared_text(lua_State *L, int table, const char *name) {
    lua_getfield(L, table, name);
    const char *text = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
    return text;
}

double bind_declared_number(lua_State *L, int table, const char *name, double otherwise) {
    double number = lua_getfield(L, table, name) == LUA_TNIL ? otherwise : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return number;
}

static void read_words(lua_State *L, int option, const char **word, size_t most) {
    size_t count = 0;
    if (lua_getfield(L, option, "words") == LUA_TTABLE)
        for (; count < most && count < lua_rawlen(L, -1); count++) {
            lua_rawgeti(L, -1, (lua_Integer)count + 1);
            word[count] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    lua_pop(L, 1);
    word[count] = NULL;
}

static FieldKind kind_of(const char *kind) {
    static const struct {
        const char *name;
        FieldKind kind;
    } kinds[] = { { "number", FIELD_NUMBER },
                  { "integer", FIELD_WHOLE },
                  { "boolean", FIELD_BOOLEAN },
                  { "word", FIELD_WORD } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, kind) == 0)
            return kinds[i].kind;
    return FIELD_OBJECT;
}

Field bind_declared_field(lua_State *L, int option, const char **word, size_t most) {
    const char *kind = bind_declared_text(L, option, "kind");
    Field field = { .name = bind_declared_text(L, option, "name"),
                    .kind = kind_of(kind),
                    .initial = bind_declared_text(L, option, "initial"),
                    .meaning = bind_declared_text(L, option, "meaning") };
    double low = bind_declared_number(L, option, "low", NAN),
           high = bind_declared_number(L, option, "high", NAN);
    if (!isnan(low) || !isnan(high)) {
        field.low = isnan(low) ? -INFINITY : low;
        field.high = isnan(high) ? INFINITY : high;
    }
    if (field.kind == FIELD_OBJECT)
        field.type = kind;
    if (field.kind == FIELD_WORD) {
        read_words(L, option, word, most);
        field.words = word;
    }
    return field;
}
