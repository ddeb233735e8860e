#include "core/array_print.h"

#include "core/array.h"
#include "core/array_stream.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    ALL_SHOWN = 1000,   /* elements, at most, that are shown in full */
    SHOWN_CORNER = 400, /* of larger arrays about so many */
    MAX_EDGE = 3,
};

static const ArrayPrintRoom ANY_ROOM = { 90, 0 };

typedef struct Printer {
    const Array *a;
    char *text;
    size_t used, line; /* characters written; where the present line began */
    size_t edge;       /* elements shown at each end of an axis; 0: all */
    enum { INTEGERS, FIXED, SCIENTIFIC } style;
    int width;
    size_t line_width;
    size_t index[ARRAY_MAX_DIMS];
    double largest, smallest; /* finite and not 0, of what is shown */
    bool integral;
} Printer;

__attribute__((format(printf, 2, 3))) static void put(Printer *p, const char *format, ...) {
    va_list args;
    size_t room = ARRAY_TEXT_SIZE - p->used;
    va_start(args, format);
    int length = vsnprintf(p->text + p->used, room, format, args);
    va_end(args);
    p->used += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

char *array_title(const Array *a, char text[160]) {
    Sizes sizes = array_sizes(a);
    char shape[120];
    shape_words(&sizes, sizeof shape, shape);
    snprintf(text, 160, "Array<%s>[%s]", dtype_name(a->dtype), shape);
    return text;
}

static void put_special_counts(Printer *p) {
    const Array *a = p->a;
    size_t total = array_size(a), nans = 0, infinities = 0;
    Sizes shape = array_sizes(a);
    Stream s = stream_of(a, &shape);
    StreamScratch scratch;
    scratch.filled = 0;
    for (size_t first = 0; !dtype_is_whole(a->dtype) && first < total; first += STREAM_RUN) {
        Run run = run_at(first, total);
        const double *x = stream_read(&s, DTYPE_F64, run, &scratch);
        for (size_t i = 0; i < run.n; i++) {
            nans += x[i] != x[i];
            infinities += isinf(x[i]) != 0;
        }
    }
    if (nans)
        put(p, ", %zu NaN", nans);
    if (infinities)
        put(p, ", %zu Inf", infinities);
}

/* The next index of an axis to be shown after i: the middle is left out. */
static size_t next_shown(const Printer *p, int axis, size_t i) {
    size_t n = p->a->shape[axis];
    return p->edge && n > 2 * p->edge && i + 1 == p->edge ? n - p->edge : i + 1;
}

static void put_number(Printer *p, double x) {
    char number[40];
    if (isnan(x))
        snprintf(number, sizeof number, "nan");
    else if (isinf(x))
        snprintf(number, sizeof number, x > 0 ? "inf" : "-inf");
    else if (p->style == INTEGERS)
        snprintf(number, sizeof number, "%.0f", x == 0 ? 0 : x);
    else if (p->style == FIXED)
        snprintf(number, sizeof number, "%.4f", x);
    else
        snprintf(number, sizeof number, "%.4e", x);
    put(p, "%*s", p->width, number);
}

typedef void Visit(Printer *p, double x);

static void measure_range(Printer *p, double x) {
    double size = fabs(x);
    if (!isfinite(x))
        return;
    p->largest = size > p->largest ? size : p->largest;
    p->smallest = size > 0 && size < p->smallest ? size : p->smallest;
    p->integral = p->integral && x == rint(x);
}

/* Writes into the text, which is then taken back. */
static void measure_width(Printer *p, double x) {
    size_t before = p->used;
    p->width = 0;
    put_number(p, x);
    p->width = (int)(p->used - before);
    p->used = before;
}

static void for_shown(Printer *p, int axis, Visit *visit) {
    if (axis == p->a->ndim) {
        visit(p, array_get(p->a, p->index));
        return;
    }
    for (size_t i = 0; i < p->a->shape[axis]; i = next_shown(p, axis, i)) {
        p->index[axis] = i;
        for_shown(p, axis + 1, visit);
    }
}

static void widen(Printer *p, double x) {
    int widest = p->width;
    measure_width(p, x);
    p->width = p->width > widest ? p->width : widest;
}

static void choose_style(Printer *p) {
    p->largest = 0;
    p->smallest = INFINITY;
    p->integral = true;
    p->width = 0;
    for_shown(p, 0, measure_range);
    if (dtype_is_whole(p->a->dtype) || (p->integral && p->largest < 1e8))
        p->style = INTEGERS;
    else
        p->style = p->largest >= 1e5 || p->smallest < 1e-4 ? SCIENTIFIC : FIXED;
    for_shown(p, 0, widen);
}

/* What a line still needs beside the next number: the space before it, the brackets after it. */
static size_t gap_width(const Printer *p, const char *gap) {
    return (gap ? 7u : 2u) + (size_t)p->a->ndim;
}

/* Lines that the elements to be shown take, those that only say "..." included. */
static size_t count_lines(const Printer *p) {
    const size_t *shape = p->a->shape;
    int last = p->a->ndim - 1;
    size_t lines = 1, cell = (size_t)p->width + 2;
    for (int d = 0; d < last; d++) {
        bool cut = p->edge && shape[d] > 2 * p->edge;
        lines *= cut ? 2 * p->edge : shape[d];
        lines += cut; /* at least */
    }
    if (p->edge && shape[last] > 2 * p->edge) /* choose_part sees to it that this is one line */
        return lines;
    size_t room = p->line_width > 2 * (size_t)(last + 1) ? p->line_width - 2 * (size_t)last : 1;
    size_t per_line = room / cell ? room / cell : 1;
    return lines * ((shape[last] + per_line - 1) / per_line);
}

static void put_axis(Printer *p, int axis) {
    size_t n = p->a->shape[axis];
    int inner = p->a->ndim - 1 - axis; /* axes inside this one */
    put(p, "[");
    for (size_t i = 0, next; i < n; i = next) {
        p->index[axis] = i;
        if (inner)
            put_axis(p, axis + 1);
        else
            put_number(p, array_get(p->a, p->index));
        next = next_shown(p, axis, i);
        if (next >= n)
            break;
        const char *gap = next > i + 1 ? "..." : NULL;
        if (!inner && p->used - p->line + (size_t)p->width + gap_width(p, gap) <= p->line_width) {
            put(p, gap ? "  ...  " : "  ");
            continue;
        }
        put(p, "\n");
        p->line = p->used;
        if (gap)
            put(p, "%*s%s\n", axis + 1, "", gap);
        put(p, "%*s", axis + 1, "");
    }
    put(p, "]");
}

/* Does a row that is cut short not even then fit into a line? */
static bool row_breaks(const Printer *p) {
    size_t n = p->a->shape[p->a->ndim - 1], shown = 2 * p->edge;
    size_t length = shown * ((size_t)p->width + 2) + 5 + 2 * (size_t)p->a->ndim;
    return p->edge && n > shown && length > p->line_width + 2;
}

/* How much of each axis to show, and in which style the numbers then are. */
static void choose_part(Printer *p, size_t lines) {
    const Array *a = p->a;
    if (array_size(a) > ALL_SHOWN)
        p->edge = MAX_EDGE;
    while (p->edge > 1 && pow(2.0 * (double)p->edge, a->ndim) > SHOWN_CORNER)
        p->edge--;
    choose_style(p);
    while (a->ndim && p->edge != 1 && ((lines && count_lines(p) > lines) || row_breaks(p))) {
        p->edge = p->edge ? p->edge - 1 : MAX_EDGE;
        choose_style(p);
    }
}

size_t array_print(const Array *a, const ArrayPrintRoom *room, char text[ARRAY_TEXT_SIZE]) {
    room = room ? room : &ANY_ROOM;
    Printer p = { .a = a, .text = text, .line_width = room->width };
    char title[160];
    put(&p, "%s", array_title(a, title));
    put_special_counts(&p);
    if (array_size(a) == 0) {
        put(&p, " []");
        return p.used;
    }
    choose_part(&p, room->lines > 1 ? room->lines - 1 : room->lines);
    put(&p, a->ndim == 0 ? " " : "\n");
    p.line = p.used;
    if (a->ndim == 0)
        put_number(&p, array_get(a, p.index));
    else
        put_axis(&p, 0);
    return p.used;
}
