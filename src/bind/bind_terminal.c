/* The terminal for Lua: perigee.terminal() and perigee.picture(), which show() is made of. */
#include "bind/bind_array.h"
#include "bind/bind_fields.h"
#include "bind/bind_native.h"
#include "plot/terminal.h"

/* perigee.terminal() → { output, colour, columns, rows, picture } */
static int terminal_facts(lua_State *L) {
    Terminal terminal = terminal_now();
    if (terminal.picture == PICTURE_RGB || terminal.picture == PICTURE_256)
        terminal.picture = terminal_has_sixel() ? PICTURE_SIXEL : terminal.picture;
    lua_createtable(L, 0, 5);
    lua_pushboolean(L, terminal.output);
    lua_setfield(L, -2, "output");
    lua_pushboolean(L, terminal.colour);
    lua_setfield(L, -2, "colour");
    bind_set_size(L, "columns", terminal.columns);
    bind_set_size(L, "rows", terminal.rows);
    bind_set_string(L, "picture", picture_mode_words[terminal.picture]);
    return 1;
}

/* One panel from the table on top of the stack; its array is pushed and stays there. */
static Panel check_panel(lua_State *L, int arg) {
    Panel panel = { .high = 1 };
    bind_opt_push(L, arg, "value");
    Array *value = bind_to_array(L, -1, "show", "value", DTYPE_F32);
    bool colours = value->ndim == 3 && value->shape[0] == 3;
    if ((value->ndim != 2 && !colours) || array_size(value) == 0)
        bind_error(L,
                   "show: an image is a 2-d array with pixels in it, or three of one size, got %d "
                   "dimensions",
                   value->ndim);
    panel.value = array_f32(value);
    panel.colours = colours;
    panel.rows = value->shape[value->ndim - 2];
    panel.cols = value->shape[value->ndim - 1];
    bind_read_fields(L, arg, "show", panel_fields, &panel);
    return panel;
}

/* perigee.picture(panels [, { mode =, width = }]) → text; panels: { { value =, low =, high =, map
 * =, caption = }, … }; a value is rows × cols, or 3 × rows × cols of red, green and blue */
static int picture_text(lua_State *L) {
    if (!lua_istable(L, 1))
        return bind_expected(L, 1, bind_where(L), "panels", "a list of panels");
    Terminal terminal = terminal_now();
    PictureSpace space = { terminal.picture, terminal.columns, terminal.cell_width };
    bind_fields(L, 2, bind_where(L), picture_space_fields, &space);
    size_t count = lua_rawlen(L, 1);
    Panel *panels = lua_newuserdatauv(L, (count + 1) * sizeof *panels, 0);
    lua_createtable(L, (int)count, 0); /* keeps the panels' arrays */
    int keep = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        if (!lua_istable(L, -1))
            return bind_expected(L, -1, bind_where(L), "panels", "a list of tables");
        panels[i] = check_panel(L, lua_gettop(L));
        lua_rawseti(L, keep, (lua_Integer)i + 1);
        lua_settop(L, keep);
    }
    BIND_PUSH_TEXT(L, terminal_picture(panels, count, &space, &err));
    return 1;
}

static lua_Integer optional(lua_State *L, int arg, const char *name) {
    return lua_isnoneornil(L, arg)
               ? 0
               : bind_integer(L, arg, bind_where(L), name, LUA_MININTEGER, LUA_MAXINTEGER);
}

/* perigee.print_room([width, lines]): where arrays' texts have to fit from now on; without numbers
 * as it was at the start. */
static int set_print_room(lua_State *L) {
    lua_Integer width = optional(L, 1, "width"), lines = optional(L, 2, "lines");
    ArrayPrintRoom room = { .lines = lines > 0 ? (size_t)lines : 0 };
    if (width > 0)
        room.width = width < 10 ? 10 : (size_t)width;
    bind_set_print_room(L, &room);
    return 0;
}

void bind_open_terminal(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("terminal", terminal_facts, 0),
        BIND("picture", picture_text, 2),
        BIND("print_room", set_print_room, 2),
        BIND_LAST,
    };
    bind_set_functions(L, functions);
}
