/* bind_plot_live.h — gnuplot.listen: what running core loops report, for plot.live.
 */
#ifndef PERIGEE_BIND_PLOT_LIVE_H
#define PERIGEE_BIND_PLOT_LIVE_H

#include <lua.h>

/* gnuplot.listen(callback) / gnuplot.listen(nil): from now on callback(what, fraction, detail) is
 * called while loops run, 20 times a second at most and at the end of each outermost one; nil ends
 * it. An error in the callback ends it too; gnuplot.listen(nil) then returns its message. */
int bind_plot_listen(lua_State *L);

/* Register its box type. */
void bind_open_plot_live(lua_State *L);

#endif
