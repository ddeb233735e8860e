/* The gnuplot process and its quoting, for the recipes in lua/perigee/plot.
 *
 * One process serves a Lua state; it is in the registry under its type. Functions whose
 * process or file fails return nil and the message: the recipes raise it at their caller's line. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_native.h"
#include "core/error.h"

#include "plot/gnuplot.h"
#include "plot/script.h"

static void release_gnuplot(void *object) {
    gnuplot_free(object);
}

static const BoxType gnuplot_type = { .name = "perigee.gnuplot",
                                      .shown = "the gnuplot process",
                                      .release = release_gnuplot };

/* Ends with the Lua state: a finaliser of Lua's that draws after that finds it closed. */
static Gnuplot *the_gnuplot(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &gnuplot_type);
    Gnuplot *gnuplot = bind_test(L, -1, &gnuplot_type);
    lua_pop(L, 1);
    if (!gnuplot)
        bind_error(L, "plot: the session is closing");
    return gnuplot;
}

/* gnuplot.quote(text): a label as a gnuplot string expression. */
static int plot_quote(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    BIND_PUSH_TEXT(L, script_label(text, length));
    return 1;
}

/* gnuplot.quote_path(path): a file's name, byte by byte. */
static int plot_quote_path(lua_State *L) {
    const char *path = bind_string(L, 1, "gnuplot.quote_path", "path");
    BIND_PUSH_TEXT(L, script_path(path));
    return 1;
}

/* gnuplot.find(): the program's path, or nil. */
static int plot_find(lua_State *L) {
    void **box = bind_new_memory_box(L);
    char *path = gnuplot_find();
    if (!path)
        return 0;
    *box = path;
    lua_pushstring(L, path);
    return 1;
}

static int push_answer(lua_State *L, const char *answer, const Error *err) {
    if (!answer)
        return bind_nil_error(L, err);
    lua_pushstring(L, answer);
    return 1;
}

/* gnuplot.version() → "5.4.4" */
static int plot_version(lua_State *L) {
    Error err = { 0 };
    const char *version = gnuplot_version(the_gnuplot(L), "gnuplot.version", &err);
    return push_answer(L, version, &err);
}

/* gnuplot.terminals(where) → " png svg …", each name between spaces */
static int plot_terminals(lua_State *L) {
    const char *where = luaL_optstring(L, 1, "gnuplot.terminals");
    Error err = { 0 };
    const char *names = gnuplot_terminals(the_gnuplot(L), where, &err);
    return push_answer(L, names, &err);
}

/* gnuplot.draw{ where=, terminal=, body=, file=, format=, dots=, timeout= } → true, or nil and why
 * not. Without a file the terminal is a window; the format is by the file's ending where it is not
 * given. */
static int plot_draw(lua_State *L) {
    GnuplotPicture picture = { .where = "plot", .terminal = "", .body = "", .timeout = 60 };
    bind_fields(L, 1, "gnuplot.draw", gnuplot_picture_fields, &picture);
    if (picture.file && bind_opt_push(L, 1, "format") == LUA_TNIL)
        picture_format(picture.file, &picture.format);
    Error err = { 0 };
    bool done = gnuplot_draw(the_gnuplot(L), &picture, &err);
    return bind_true_or_error(L, done, &err);
}

void bind_open_gnuplot(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("quote", plot_quote, 1),
        BIND("quote_path", plot_quote_path, 1),
        BIND("find", plot_find, 0),
        BIND("version", plot_version, 0),
        BIND("terminals", plot_terminals, 1),
        BIND("draw", plot_draw, 1),
        BIND_LAST,
    };
    bind_new_owner(L, &gnuplot_type);
    void **box = bind_new_box(L, &gnuplot_type);
    Error err = { 0 };
    *box = gnuplot_new(&err);
    if (!*box)
        bind_raise(L, &err);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &gnuplot_type);
    lua_newtable(L);
    bind_set_functions(L, functions);
    bind_open_plot_columns(L);
    bind_open_plot_live(L);
}
