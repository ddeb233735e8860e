/* columns.h — columns of numbers as the lines of a gnuplot datablock, thinned to what a picture can
 * show.
 *
 * A line of a million points has a thousand columns of pixels. Of each run of points in one such
 * column the first, the lowest, the highest and the last are kept, in their order: what is drawn
 * covers the same pixels. Of points without a line, one in each cell of a grid is kept. What is not
 * finite is a gap and stays a gap. */
#ifndef PERIGEE_PLOT_COLUMNS_H
#define PERIGEE_PLOT_COLUMNS_H

#include "core/fields.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>

enum { MAX_COLUMNS = 8 };

/* The part of an axis that is seen, and how many cells it is divided into. */
typedef struct PlotAxis {
    double low, high; /* low < high; both positive on a logarithmic axis */
    bool log;
    size_t cells;
} PlotAxis;
extern const Field plot_axis_fields[];

/* Lowest and highest finite value (positive: of those above 0); false if there is none. */
bool columns_range(const double *x, size_t n, bool positive, double *low, double *high);

/* The positions (0-based, rising) of the points to draw of a line, or of separate points. `keep`
 * has room for n; returns how many. Out of memory, columns_thin_points keeps them all. */
size_t columns_thin_line(const double *x, const double *y, size_t n, const PlotAxis *axis,
                         size_t *keep);
size_t columns_thin_points(const double *x, const double *y, size_t n, const PlotAxis axes[2],
                           size_t *keep);

/* Lines of `count` (at most MAX_COLUMNS) numbers each, "1 2.5\n…", as many digits as a column needs
 * to tell its numbers apart: row i has column[0][keep[i]], column[1][keep[i]], …; keep NULL takes
 * every row. No newline at the end. NULL on lack of memory; the caller frees it. */
char *columns_text(const double *const *column, size_t count, const size_t *keep, size_t rows,
                   Error *err);

/* The same of a matrix, rows × count and row-major: a line for each row. */
char *columns_matrix_text(const double *x, size_t rows, size_t count, Error *err);

#endif
