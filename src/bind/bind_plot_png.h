/* bind_plot_png.h — gnuplot.png: images to a PNG without gnuplot. */
#ifndef PERIGEE_BIND_PLOT_PNG_H
#define PERIGEE_BIND_PLOT_PNG_H

#include <lua.h>

/* gnuplot.png{ where=, file=, width=, height=, images = { { value =, channels =, low =, high =,
 * map =, left =, top =, right =, bottom = }, … } } → true, or nil and why not. `value` is what
 * gnuplot.numbers gave, of channels × rows × cols; the places are in pixels. */
int bind_plot_png(lua_State *L);

#endif
