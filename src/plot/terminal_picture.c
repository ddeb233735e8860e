#include "plot/terminal_picture.h"

#include "core/fail.h"
#include "core/printable.h"
#include "core/utf8.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const picture_mode_words[] = { "plain", "256", "rgb", "sixel", NULL };

const Field panel_fields[] = {
    { FIELD_OF(Panel, low, FIELD_NUMBER) },
    { FIELD_OF(Panel, high, FIELD_NUMBER) },
    { FIELD_OF(Panel, map, FIELD_WORD), .words = colour_map_words },
    { FIELD_OF(Panel, caption, FIELD_STRING) },
    { .name = NULL },
};

const Field picture_space_fields[] = {
    { FIELD_OF(PictureSpace, mode, FIELD_WORD), .words = picture_mode_words },
    { FIELD_OF(PictureSpace, width, FIELD_SIZE), .low = 1, .high = 10000 },
    { .name = NULL },
};

enum { GAP = 2, SIXEL_CELL = 10, SIXEL_BAND = 6, CAPTION = 1024 };

/* A panel as it will be drawn: `scaled` is rows × cols of map positions, 0 … 1 or NaN, a plane a
 * channel. */
typedef struct Drawing {
    const Panel *panel;
    size_t rows, cols;
    double *scaled;
} Drawing;

static size_t channels_of(const Panel *panel) {
    return panel->colours ? 3 : 1;
}

/* ---- Fitting a panel into the width ---------------------------------------------------------- */

static double map_position(const Panel *panel, double value) {
    double span = panel->high - panel->low;
    if (isnan(value) || !(span > 0))
        return isnan(value) ? value : 0.5;
    return (value - panel->low) / span;
}

/* The mean over a block of `factor` × `factor` pixels of a plane, cut at the edges. */
static double block_mean(const Panel *panel, const float *plane, const size_t at[2],
                         size_t factor) {
    double sum = 0;
    size_t count = 0;
    for (size_t i = at[0] * factor; i < (at[0] + 1) * factor && i < panel->rows; i++)
        for (size_t j = at[1] * factor; j < (at[1] + 1) * factor && j < panel->cols; j++, count++)
            sum += plane[i * panel->cols + j];
    return sum / (double)count;
}

static bool drawing_fit(const Panel *panel, size_t width, Drawing *out, Error *err) {
    size_t factor = (panel->cols + width - 1) / width;
    factor = factor ? factor : 1;
    *out = (Drawing){ panel, (panel->rows + factor - 1) / factor,
                      (panel->cols + factor - 1) / factor, NULL };
    size_t cells = out->rows * out->cols, count = cells * channels_of(panel);
    out->scaled = malloc((count + 1) * sizeof *out->scaled);
    if (!out->scaled)
        return error_memory(err, "show", count * sizeof *out->scaled);
    for (size_t k = 0; k < count; k++) {
        size_t at[2] = { k % cells / out->cols, k % out->cols };
        const float *plane = panel->value + k / cells * panel->rows * panel->cols;
        out->scaled[k] = map_position(panel, block_mean(panel, plane, at, factor));
    }
    return true;
}

static Rgb drawing_colour(const Drawing *d, size_t row, size_t col) {
    const double *first = &d->scaled[row * d->cols + col];
    size_t plane = d->rows * d->cols;
    if (!d->panel->colours)
        return colour_at(d->panel->map, *first);
    return (Rgb){ colour_at(COLOUR_GREY, first[0]).r, colour_at(COLOUR_GREY, first[plane]).g,
                  colour_at(COLOUR_GREY, first[2 * plane]).b };
}

/* How bright a cell is: the mean of its channels. */
static double drawing_brightness(const Drawing *d, size_t row, size_t col) {
    size_t channels = channels_of(d->panel);
    double sum = 0;
    for (size_t c = 0; c < channels; c++)
        sum += d->scaled[(c * d->rows + row) * d->cols + col];
    return sum / (double)channels;
}

/* ---- Captions -------------------------------------------------------------------------------- */

/* Print at most `width` characters of text and fill up with spaces. */
static void print_padded(FILE *out, const char *text, size_t width) {
    char safe[CAPTION];
    size_t shown = 0, bytes = utf8_head(printable(text ? text : "", safe, CAPTION), width, &shown);
    fwrite(safe, 1, bytes, out);
    fprintf(out, "%*s", (int)(width - shown), "");
}

static bool any_caption(const Drawing *row, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (row[i].panel->caption)
            return true;
    return false;
}

static void print_captions(FILE *out, const Drawing *row, size_t count, size_t enlarge) {
    if (!any_caption(row, count))
        return;
    for (size_t i = 0; i < count; i++) {
        size_t last = i + 1 == count ? 0 : GAP;
        print_padded(out, row[i].panel->caption, row[i].cols * enlarge);
        fprintf(out, "%*s", (int)last, "");
    }
    fputc('\n', out);
}

/* ---- Characters and half blocks -------------------------------------------------------------- */

static char ink(const Drawing *d, size_t row, size_t col) {
    static const char ramp[] = " .:-=+*#%@";
    size_t below = row + 1 < d->rows ? row + 1 : row;
    double mean = 0.5 * (drawing_brightness(d, row, col) + drawing_brightness(d, below, col));
    if (isnan(mean))
        return '?';
    mean = mean < 0 ? 0 : mean > 1 ? 1 : mean;
    return ramp[(size_t)lround(mean * (double)(sizeof ramp - 2))];
}

static void print_colour(FILE *out, PictureMode mode, int ground, Rgb colour) {
    if (mode == PICTURE_RGB)
        fprintf(out, "\033[%d;2;%d;%d;%dm", ground, colour.r, colour.g, colour.b);
    else
        fprintf(out, "\033[%d;5;%dm", ground, colour_xterm256(colour));
}

static bool same_colour(Rgb a, Rgb b) {
    return a.r == b.r && a.g == b.g && a.b == b.b;
}

/* One text line of a panel: pixel rows `row` and row+1. Colours are sent where they change. */
static void print_half_blocks(FILE *out, PictureMode mode, const Drawing *d, size_t row) {
    bool has_lower = row + 1 < d->rows;
    Rgb upper_now = { 0, 0, 0 }, lower_now = { 0, 0, 0 };
    for (size_t j = 0; j < d->cols; j++) {
        Rgb upper = drawing_colour(d, row, j);
        if (j == 0 || !same_colour(upper, upper_now))
            print_colour(out, mode, 38, upper);
        upper_now = upper;
        if (has_lower) {
            Rgb lower = drawing_colour(d, row + 1, j);
            if (j == 0 || !same_colour(lower, lower_now))
                print_colour(out, mode, 48, lower);
            lower_now = lower;
        }
        fputs("\xe2\x96\x80", out); /* upper half block */
    }
    fputs("\033[0m", out);
}

static void print_cells(FILE *out, PictureMode mode, const Drawing *row, size_t count) {
    size_t tallest = 0;
    for (size_t i = 0; i < count; i++)
        tallest = row[i].rows > tallest ? row[i].rows : tallest;
    print_captions(out, row, count, 1);
    for (size_t y = 0; y < tallest; y += 2) {
        for (size_t i = 0; i < count; i++) {
            const Drawing *d = &row[i];
            if (y >= d->rows)
                fprintf(out, "%*s", (int)d->cols, "");
            else if (mode == PICTURE_PLAIN)
                for (size_t j = 0; j < d->cols; j++)
                    fputc(ink(d, y, j), out);
            else
                print_half_blocks(out, mode, d, y);
            fprintf(out, "%*s", i + 1 == count ? 0 : GAP, "");
        }
        fputc('\n', out);
    }
}

/* ---- Sixel ----------------------------------------------------------------------------------- */

/* All panels of a row as one picture of palette indices; −1 is background. */
typedef struct Canvas {
    size_t width, height;
    int16_t *pixel;
} Canvas;

static bool canvas_compose(const Drawing *row, size_t count, size_t enlarge, Canvas *canvas,
                           Error *err) {
    size_t gap = GAP * enlarge;
    *canvas = (Canvas){ 0 };
    for (size_t i = 0; i < count; i++) {
        canvas->width += row[i].cols * enlarge + (i ? gap : 0);
        if (row[i].rows * enlarge > canvas->height)
            canvas->height = row[i].rows * enlarge;
    }
    canvas->pixel = malloc((canvas->width * canvas->height + 1) * sizeof *canvas->pixel);
    if (!canvas->pixel)
        return error_memory(err, "show", canvas->width * canvas->height * sizeof *canvas->pixel);
    for (size_t p = 0; p < canvas->width * canvas->height; p++)
        canvas->pixel[p] = -1;
    size_t left = 0;
    for (size_t i = 0; i < count; left += row[i].cols * enlarge + gap, i++)
        for (size_t y = 0; y < row[i].rows * enlarge; y++)
            for (size_t x = 0; x < row[i].cols * enlarge; x++)
                canvas->pixel[y * canvas->width + left + x] =
                    (int16_t)colour_xterm256(drawing_colour(&row[i], y / enlarge, x / enlarge));
    return true;
}

static Rgb xterm256_rgb(int index) {
    if (index >= 232) {
        uint8_t grey = (uint8_t)(8 + 10 * (index - 232));
        return (Rgb){ grey, grey, grey };
    }
    static const uint8_t level[] = { 0, 95, 135, 175, 215, 255 };
    index -= 16;
    return (Rgb){ level[index / 36], level[index / 6 % 6], level[index % 6] };
}

/* The six pixels of a column that have this colour, as sixel's character. */
static int sixel_at(const Canvas *canvas, size_t top, size_t x, int colour) {
    int bits = 0;
    for (size_t k = 0; k < SIXEL_BAND && top + k < canvas->height; k++)
        if (canvas->pixel[(top + k) * canvas->width + x] == colour)
            bits |= 1 << k;
    return 63 + bits;
}

static void print_sixel_colour(FILE *out, const Canvas *canvas, size_t top, int colour) {
    fprintf(out, "#%d", colour);
    for (size_t x = 0; x < canvas->width;) {
        int sixel = sixel_at(canvas, top, x, colour);
        size_t run = 1;
        while (x + run < canvas->width && sixel_at(canvas, top, x + run, colour) == sixel)
            run++;
        fprintf(out, "!%zu%c", run, sixel);
        x += run;
    }
    fputc('$', out); /* back to the band's left edge, for its next colour */
}

static void print_sixel(FILE *out, const Canvas *canvas) {
    fputs("\033P0;1;0q", out);
    fprintf(out, "\"1;1;%zu;%zu", canvas->width, canvas->height);
    for (int colour = 16; colour < 256; colour++) {
        Rgb rgb = xterm256_rgb(colour);
        fprintf(out, "#%d;2;%d;%d;%d", colour, rgb.r * 100 / 255, rgb.g * 100 / 255,
                rgb.b * 100 / 255);
    }
    for (size_t top = 0; top < canvas->height; top += SIXEL_BAND) {
        bool used[256] = { false };
        for (size_t p = top * canvas->width;
             p < (top + SIXEL_BAND) * canvas->width && p < canvas->height * canvas->width; p++)
            if (canvas->pixel[p] >= 0)
                used[canvas->pixel[p]] = true;
        for (int colour = 0; colour < 256; colour++)
            if (used[colour])
                print_sixel_colour(out, canvas, top, colour);
        fputc('-', out);
    }
    fputs("\033\\\n", out);
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* How many of the panels stand in one row of `width` cells; at least one. */
static size_t row_length(const Drawing *drawings, size_t count, size_t width, size_t enlarge) {
    size_t used = drawings[0].cols * enlarge, n = 1;
    while (n < count && used + GAP + drawings[n].cols * enlarge <= width)
        used += GAP + drawings[n++].cols * enlarge;
    return n;
}

static bool print_rows(FILE *out, const Drawing *drawings, size_t count, const PictureSpace *space,
                       Error *err) {
    PictureMode mode = space->mode;
    size_t width = space->width, cell_width = space->cell_width ? space->cell_width : SIXEL_CELL;
    /* In sixel a pixel of the image is as wide as a cell: the layout is that of half blocks. */
    for (size_t i = 0; i < count;) {
        size_t n = row_length(drawings + i, count - i, width, 1);
        if (i > 0)
            fputc('\n', out);
        if (mode == PICTURE_SIXEL) {
            Canvas canvas;
            if (!canvas_compose(drawings + i, n, cell_width, &canvas, err))
                return false;
            print_captions(out, drawings + i, n, 1);
            print_sixel(out, &canvas);
            free(canvas.pixel);
        } else {
            print_cells(out, mode, drawings + i, n);
        }
        i += n;
    }
    return true;
}

char *terminal_picture(const Panel *panels, size_t count, const PictureSpace *space, Error *err) {
    Drawing *drawings = calloc(count + 1, sizeof *drawings);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    bool ok = drawings && out;
    if (!ok)
        error_memory(err, "show", count * sizeof *drawings);
    for (size_t i = 0; ok && i < count; i++)
        ok = drawing_fit(&panels[i], space->width ? space->width : 1, &drawings[i], err);
    if (ok)
        ok = print_rows(out, drawings, count, space, err);
    if (out && fclose(out) != 0 && ok)
        ok = error_memory(err, "show", length);
    for (size_t i = 0; drawings && i < count; i++)
        free(drawings[i].scaled);
    free(drawings);
    if (!ok) {
        free(text);
        return NULL;
    }
    return text;
}
