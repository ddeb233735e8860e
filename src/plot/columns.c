#include "plot/columns.h"

#include "core/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const Field plot_axis_fields[] = {
    { FIELD_OF(PlotAxis, low, FIELD_NUMBER), .low = -1e308, .high = 1e308 },
    { FIELD_OF(PlotAxis, high, FIELD_NUMBER), .low = -1e308, .high = 1e308 },
    { FIELD_OF(PlotAxis, log, FIELD_BOOLEAN) },
    { FIELD_OF(PlotAxis, cells, FIELD_SIZE), .low = 1, .high = 20000 },
    { .name = NULL },
};

/* Room for the longest number ("-1.2345678901234567e-308"), its separator and the end; the fewest
 * digits and the most. */
enum { NUMBER_SIZE = 32, DIGITS = 7, ALL_DIGITS = 17 };

bool columns_range(const double *x, size_t n, bool positive, double *low, double *high) {
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || (positive && x[i] <= 0))
            continue;
        if (!found || x[i] < *low)
            *low = x[i];
        if (!found || x[i] > *high)
            *high = x[i];
        found = true;
    }
    return found;
}

/* The cell in which x falls; what lies off either end is in one cell each. */
static ptrdiff_t cell_of(const PlotAxis *axis, double x) {
    double share = axis->log ? log(x / axis->low) / log(axis->high / axis->low)
                             : (x - axis->low) / (axis->high - axis->low);
    double cell = floor(share * (double)axis->cells);
    if (!(cell >= 0))
        return -1;
    return cell < (double)axis->cells ? (ptrdiff_t)cell : (ptrdiff_t)axis->cells;
}

/* A run of points in one column of pixels. */
typedef struct Run {
    size_t first, lowest, highest, last;
} Run;

static size_t keep_run(const Run *run, size_t *keep) {
    size_t lower = run->lowest < run->highest ? run->lowest : run->highest;
    size_t upper = run->lowest < run->highest ? run->highest : run->lowest;
    const size_t order[] = { run->first, lower, upper, run->last };
    size_t kept = 0;
    for (size_t i = 0; i < 4; i++)
        if (i == 0 || order[i] != order[i - 1])
            keep[kept++] = order[i];
    return kept;
}

static bool is_point(const double *x, const double *y, size_t i) {
    return isfinite(x[i]) && isfinite(y[i]);
}

size_t columns_thin_line(const double *x, const double *y, size_t n, const PlotAxis *axis,
                         size_t *keep) {
    size_t kept = 0, i = 0;
    while (i < n) {
        if (!is_point(x, y, i)) {
            keep[kept++] = i++; /* one gap is as wide as many */
            while (i < n && !is_point(x, y, i))
                i++;
            continue;
        }
        ptrdiff_t cell = cell_of(axis, x[i]);
        Run run = { i, i, i, i };
        for (i++; i < n && is_point(x, y, i) && cell_of(axis, x[i]) == cell; i++) {
            run.last = i;
            if (y[i] < y[run.lowest])
                run.lowest = i;
            if (y[i] > y[run.highest])
                run.highest = i;
        }
        kept += keep_run(&run, keep + kept);
    }
    return kept;
}

size_t columns_thin_points(const double *x, const double *y, size_t n, const PlotAxis axes[2],
                           size_t *keep) {
    const size_t wide = axes[0].cells + 2, high = axes[1].cells + 2;
    unsigned char *taken = calloc(wide * high, 1);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_point(x, y, i))
            continue;
        size_t column = (size_t)(cell_of(&axes[0], x[i]) + 1);
        size_t row = (size_t)(cell_of(&axes[1], y[i]) + 1);
        unsigned char *cell = taken ? &taken[row * wide + column] : NULL;
        if (cell && *cell)
            continue;
        if (cell)
            *cell = 1;
        keep[kept++] = i;
    }
    free(taken);
    return kept;
}

/* So many that numbers between two ends stay apart: 6 of their distance's. */
static int digits_between(double low, double high) {
    double size = fmax(fabs(low), fabs(high)), distance = high - low;
    if (!(distance > 0) || distance >= size)
        return DIGITS;
    return (int)fmin(DIGITS + floor(log10(size / distance)), ALL_DIGITS);
}

static size_t print_number(char *text, double x, int digits) {
    if (!isfinite(x))
        return (size_t)snprintf(text, NUMBER_SIZE, "NaN");
    return (size_t)snprintf(text, NUMBER_SIZE, "%.*g", digits, x);
}

/* For the rows that are kept of a column. */
static int column_digits(const double *x, const size_t *keep, size_t rows) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < rows; i++) {
        double value = x[keep ? keep[i] : i];
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    return digits_between(low, high);
}

/* Room for so many of them. */
static char *new_text(size_t numbers, Error *err) {
    char *text = malloc(numbers * NUMBER_SIZE + 1);
    if (!text)
        error_memory(err, "plot", numbers * NUMBER_SIZE);
    return text;
}

char *columns_matrix_text(const double *x, size_t rows, size_t count, Error *err) {
    char *text = new_text(rows * count + rows, err), *end = text;
    if (!text)
        return NULL;
    int digits = column_digits(x, NULL, rows * count);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < count; j++) {
            end += print_number(end, x[i * count + j], digits);
            *end++ = ' ';
        }
        if (count > 0)
            end--;
        *end++ = '\n';
    }
    end[rows > 0 ? -1 : 0] = '\0';
    return text;
}

char *columns_text(const double *const *column, size_t count, const size_t *keep, size_t rows,
                   Error *err) {
    int digits[MAX_COLUMNS];
    char *text = new_text(rows * count, err);
    if (!text)
        return NULL;
    for (size_t j = 0; j < count; j++)
        digits[j] = column_digits(column[j], keep, rows);
    char *end = text;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < count; j++) {
            end += print_number(end, column[j][keep ? keep[i] : i], digits[j]);
            *end++ = j + 1 < count ? ' ' : '\n';
        }
    if (end > text)
        end--;
    *end = '\0';
    return text;
}
