#include "bind/bind_plot_png.h"

#include "bind/bind.h"
#include "bind/bind_header.h"
#include "core/array.h"
#include "core/error.h"
#include "plot/png.h"
#include "plot/raster.h"

#include <stdlib.h>

static const char where[] = "gnuplot.png";

/* The image in the table on top of the stack. Its array stays in that table. */
static RasterImage check_image(lua_State *L) {
    static const char *const maps[] = { "grey", "heat", "diverging", NULL };
    int table = lua_gettop(L);
    luaL_checktype(L, table, LUA_TTABLE);
    bind_opt_push(L, table, "value");
    const Array *value = bind_check_array(L, -1, where, "value");
    bool fits = value->dtype == DTYPE_F64 && array_is_contiguous(value) && array_size(value) > 0 &&
                (value->ndim == 2 || (value->ndim == 3 && value->shape[0] == 3));
    if (!fits)
        luaL_error(L, "%s: value: expected rows × cols or 3 × rows × cols float64 numbers", where);
    RasterImage image = { .value = array_f64(value),
                          .rows = value->shape[value->ndim - 2],
                          .cols = value->shape[value->ndim - 1],
                          .channels = value->ndim == 3 ? 3 : 1,
                          .low = bind_opt_number(L, table, where, "low", -1e300, 1e300, 0),
                          .high = bind_opt_number(L, table, where, "high", -1e300, 1e300, 1),
                          .left = bind_opt_number(L, table, where, "left", -1e6, 1e6, 0),
                          .top = bind_opt_number(L, table, where, "top", -1e6, 1e6, 0),
                          .right = bind_opt_number(L, table, where, "right", -1e6, 1e6, 1),
                          .bottom = bind_opt_number(L, table, where, "bottom", -1e6, 1e6, 1) };
    image.map = (ColourMap)bind_opt_word(L, table, where, "map", maps, COLOUR_GREY);
    lua_settop(L, table);
    return image;
}

int bind_plot_png(lua_State *L) {
    static const char *const valid[] = { "where", "file", "width", "height", "images", NULL };
    bind_options(L, 1, where, valid);
    const char *caller = bind_opt_string(L, 1, where, "where", "plot");
    const char *file = bind_opt_string(L, 1, where, "file", NULL);
    size_t width = (size_t)bind_opt_integer(L, 1, where, "width", 1, 100000, 1);
    size_t height = (size_t)bind_opt_integer(L, 1, where, "height", 1, 100000, 1);
    luaL_argcheck(L, file, 1, "a file");
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
    Raster sheet;
    char header[256];
    bool fine = raster_new(&sheet, height, width);
    if (!fine)
        error_memory(&err, caller, height * width * 3);
    for (size_t i = 0; fine && i < count; i++)
        raster_draw(&sheet, &images[i]);
    if (fine &&
        !png_write(file, &(PngImage){ sheet.rgb, height, width, 3, bind_header_line(header) },
                   &err)) {
        error_prefix(&err, "%s", caller);
        fine = false;
    }
    raster_free(&sheet);
    if (!fine)
        return bind_nil_error(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}
