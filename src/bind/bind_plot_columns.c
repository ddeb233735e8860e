/* gnuplot — the numbers of figures: from arrays and lists to the text of datablocks; images to a
 * PNG without gnuplot. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_native.h"
#include "core/array.h"
#include "core/error.h"
#include "plot/colour.h"
#include "plot/columns.h"
#include "plot/raster.h"

#include <stdio.h>

/* gnuplot.numbers(x, where, name): an array, a list or a list of lists as float64 array. */
static int plot_numbers(lua_State *L) {
    const char *where = luaL_checkstring(L, 2), *name = luaL_checkstring(L, 3);
    bind_to_array(L, 1, where, name, DTYPE_F64);
    return 1;
}

static Array *check_numbers(lua_State *L, int arg) {
    Array *a = bind_check_array(L, arg, "gnuplot", "numbers");
    if (a->dtype != DTYPE_F64 || !array_is_contiguous(a))
        bind_error(L, "gnuplot: expected what numbers() gave");
    return a;
}

/* gnuplot.range(x [, positive]) → low, high of the finite (and positive) ones; nothing if none. */
static int plot_range(lua_State *L) {
    const Array *x = check_numbers(L, 1);
    double low, high;
    if (!columns_range(array_f64(x), array_size(x), lua_toboolean(L, 2), &low, &high))
        return 0;
    lua_pushnumber(L, low);
    lua_pushnumber(L, high);
    return 2;
}

static PlotAxis check_axis(lua_State *L, int arg, const char *key) {
    PlotAxis axis = { .high = 1, .cells = 1000 };
    bind_opt_push(L, arg, key);
    bind_fields(L, lua_gettop(L), "gnuplot.columns", plot_axis_fields, &axis);
    lua_pop(L, 1);
    return axis;
}

/* The positions to keep, in a userdata on the stack; NULL where all are. */
static size_t *thin(lua_State *L, int arg, const double *const *column, size_t *rows) {
    typedef struct Kind {
        bool line, points;
    } Kind;
    static const Field fields[] = { { FIELD_OF(Kind, line, FIELD_BOOLEAN) },
                                    { FIELD_OF(Kind, points, FIELD_BOOLEAN) },
                                    { .name = "x", .kind = FIELD_OBJECT },
                                    { .name = "y", .kind = FIELD_OBJECT },
                                    { .name = NULL } };
    if (lua_isnoneornil(L, arg))
        return NULL;
    luaL_argcheck(L, column[1], 1, "x and y, of which to keep some");
    Kind kind = { 0 };
    bind_fields(L, arg, "gnuplot.columns", fields, &kind);
    PlotAxis axes[2] = { check_axis(L, arg, "x"), check_axis(L, arg, "y") };
    size_t *keep = lua_newuserdatauv(L, (*rows + 1) * sizeof *keep, 0);
    *rows = kind.line ? columns_thin_line(column[0], column[1], *rows, &axes[0], keep)
                      : columns_thin_points(column[0], column[1], *rows, axes, keep);
    return keep;
}

/* gnuplot.columns({ x, y, … } [, { line = true | points = true, x = axis, y = axis }]) → text, and
 * how many lines it has. The columns are of one length; axis = { low =, high =, log =, cells = }.
 */
static int plot_columns(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    size_t count = lua_rawlen(L, 1), rows = 0;
    const double *column[MAX_COLUMNS] = { NULL };
    luaL_argcheck(L, count >= 1 && count <= MAX_COLUMNS, 1, "1 to 8 columns");
    for (size_t j = 0; j < count; j++) {
        lua_rawgeti(L, 1, (lua_Integer)j + 1);
        const Array *a = check_numbers(L, -1);
        if (j > 0 && array_size(a) != rows)
            return bind_error(L, "gnuplot.columns: columns of %d and %d numbers", (int)rows,
                              (int)array_size(a));
        rows = array_size(a);
        column[j] = array_f64(a);
        lua_pop(L, 1); /* the table keeps it */
    }
    size_t *keep = thin(L, 2, column, &rows);
    BIND_PUSH_TEXT(L, columns_text(column, count, keep, rows, &err));
    lua_pushinteger(L, (lua_Integer)rows);
    return 2;
}

/* gnuplot.matrix(x): the numbers of a 2-d array, one line per row. */
static int plot_matrix(lua_State *L) {
    const Array *a = check_numbers(L, 1);
    luaL_argcheck(L, a->ndim == 2, 1, "2-d");
    BIND_PUSH_TEXT(L, columns_matrix_text(array_f64(a), a->shape[0], a->shape[1], &err));
    return 1;
}

/* gnuplot.palette(map) → the map's anchor colours, "#rrggbb" each, evenly spaced. */
static int plot_palette(lua_State *L) {
    int count;
    const Rgb *anchor =
        colour_anchors((ColourMap)luaL_checkoption(L, 1, NULL, colour_map_words), &count);
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "#%02x%02x%02x", anchor[i].r, anchor[i].g, anchor[i].b);
        lua_pushstring(L, text);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* ---- Images without gnuplot ------------------------------------------------------------------ */

static const char png_name[] = "gnuplot.png";

/* The image in the table on top of the stack. Its array stays in that table. */
static RasterImage check_image(lua_State *L) {
    int table = lua_gettop(L);
    luaL_checktype(L, table, LUA_TTABLE);
    bind_opt_push(L, table, "value");
    const Array *value = bind_check_array(L, -1, png_name, "value");
    bool fits = value->dtype == DTYPE_F64 && array_is_contiguous(value) && array_size(value) > 0 &&
                (value->ndim == 2 || (value->ndim == 3 && value->shape[0] == 3));
    if (!fits)
        bind_error(L, "%s: value: expected rows × cols or 3 × rows × cols float64 numbers",
                   png_name);
    RasterImage image = { .value = array_f64(value),
                          .rows = value->shape[value->ndim - 2],
                          .cols = value->shape[value->ndim - 1],
                          .channels = value->ndim == 3 ? 3 : 1,
                          .high = 1,
                          .right = 1,
                          .bottom = 1 };
    bind_read_fields(L, table, png_name, raster_image_fields, &image);
    lua_settop(L, table);
    return image;
}

/* gnuplot.png{ where=, file=, width=, height=, images = { { value =, low =, high =, map =, left =,
 * top =, right =, bottom = }, … } } → true, or nil and why not. `value` is what gnuplot.numbers
 * gave, of rows × cols or 3 × rows × cols; the places are in pixels. */
static int plot_png(lua_State *L) {
    RasterPage page = { .where = "plot", .width = 1, .height = 1 };
    bind_fields(L, 1, png_name, raster_page_fields, &page);
    luaL_argcheck(L, bind_opt_push(L, 1, "images") == LUA_TTABLE, 1, "images");
    int list = lua_gettop(L);
    size_t count = lua_rawlen(L, list);
    RasterImage *images = lua_newuserdatauv(L, (count + 1) * sizeof *images, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        images[i] = check_image(L);
        lua_pop(L, 1);
    }
    Error err = { 0 };
    return bind_true_or_error(L, raster_save(&page, images, count, &err), &err);
}

void bind_open_plot_columns(lua_State *L) {
    static const BindFunction functions[] = {
        BIND("numbers", plot_numbers, 3),
        BIND("range", plot_range, 2),
        BIND("columns", plot_columns, 2),
        BIND("matrix", plot_matrix, 1),
        BIND("palette", plot_palette, 1),
        BIND("png", plot_png, 1),
        BIND_LAST,
    };
    bind_set_functions(L, functions);
}
