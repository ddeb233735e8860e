/* gnuplot.png: images to a PNG without gnuplot. */
#include "bind/bind.h"
#include "bind/bind_fields.h"
#include "bind/bind_native.h"
#include "bind/versions.h"
#include "core/array.h"
#include "core/error.h"
#include "plot/png.h"
#include "plot/raster.h"

#include <stdlib.h>

static const char where[] = "gnuplot.png";

/* The image in the table on top of the stack. Its array stays in that table. */
static RasterImage check_image(lua_State *L) {
    static const char *const maps[] = { "grey", "heat", "diverging", NULL };
    static const Field fields[] = {
        { BIND_FIELD(RasterImage, low, FIELD_NUMBER), .low = -1e300, .high = 1e300 },
        { BIND_FIELD(RasterImage, high, FIELD_NUMBER), .low = -1e300, .high = 1e300 },
        { BIND_FIELD(RasterImage, left, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
        { BIND_FIELD(RasterImage, top, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
        { BIND_FIELD(RasterImage, right, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
        { BIND_FIELD(RasterImage, bottom, FIELD_NUMBER), .low = -1e6, .high = 1e6 },
        { BIND_FIELD(RasterImage, map, FIELD_WORD), .words = maps },
        { .name = NULL },
    };
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
                          .high = 1,
                          .right = 1,
                          .bottom = 1 };
    bind_read_fields(L, table, where, fields, &image);
    lua_settop(L, table);
    return image;
}

typedef struct Sheet {
    const char *where, *file;
    size_t width, height;
} Sheet;

static bool write_sheet(const Sheet *sheet, const RasterImage *images, size_t count, Error *err) {
    Raster raster;
    char header[256];
    if (!raster_new(&raster, sheet->height, sheet->width))
        return error_memory(err, sheet->where, sheet->height * sheet->width * 3);
    for (size_t i = 0; i < count; i++)
        raster_draw(&raster, &images[i]);
    PngImage png = { raster.rgb, sheet->height, sheet->width, 3, bind_header_line(header) };
    bool fine = png_write(sheet->file, &png, err);
    raster_free(&raster);
    if (!fine)
        error_prefix(err, "%s", sheet->where);
    return fine;
}

/* gnuplot.png{ where=, file=, width=, height=, images = { { value =, low =, high =, map =, left =,
 * top =, right =, bottom = }, … } } → true, or nil and why not. `value` is what gnuplot.numbers
 * gave, of rows × cols or 3 × rows × cols; the places are in pixels. */
static int plot_png(lua_State *L) {
    static const Field fields[] = {
        { BIND_FIELD(Sheet, where, FIELD_STRING) },
        { BIND_FIELD(Sheet, file, FIELD_STRING), .required = true },
        { BIND_FIELD(Sheet, width, FIELD_SIZE), .low = 1, .high = 100000 },
        { BIND_FIELD(Sheet, height, FIELD_SIZE), .low = 1, .high = 100000 },
        { .name = "images", .kind = FIELD_OBJECT },
        { .name = NULL },
    };
    Sheet sheet = { "plot", NULL, 1, 1 };
    bind_fields(L, 1, where, fields, &sheet);
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
    return bind_true_or_error(L, write_sheet(&sheet, images, count, &err), &err);
}

void bind_open_plot_png(lua_State *L) {
    static const BindFunction functions[] = { BIND("png", plot_png, 1), BIND_LAST };
    bind_set_functions(L, functions);
}
