#include "plot/colour.h"

#include <math.h>
#include <stdlib.h>

const char *const colour_map_words[] = { "grey", "heat", "diverging", NULL };

enum { MAX_ANCHORS = 9 };

static const struct {
    int count;
    Rgb anchor[MAX_ANCHORS];
} maps[] = {
    [COLOUR_GREY] = { 2, { { 0, 0, 0 }, { 255, 255, 255 } } },
    [COLOUR_HEAT] = { 9,
                      { { 68, 1, 84 },
                        { 71, 44, 122 },
                        { 59, 82, 139 },
                        { 44, 113, 142 },
                        { 33, 145, 140 },
                        { 39, 173, 129 },
                        { 94, 201, 98 },
                        { 170, 220, 50 },
                        { 253, 231, 37 } } },
    [COLOUR_DIVERGING] = { 5,
                           { { 33, 102, 172 },
                             { 146, 197, 222 },
                             { 247, 247, 247 },
                             { 244, 165, 130 },
                             { 178, 24, 43 } } },
};

static uint8_t between(uint8_t from, uint8_t to, double share) {
    return (uint8_t)lround(from + ((double)to - from) * share);
}

Rgb colour_at(ColourMap map, double t) {
    if (isnan(t))
        return (Rgb){ 255, 0, 255 };
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    int last = maps[map].count - 1;
    int i = (int)(t * last);
    if (i == last)
        i--;
    Rgb a = maps[map].anchor[i], b = maps[map].anchor[i + 1];
    double share = t * last - i;
    return (Rgb){ between(a.r, b.r, share), between(a.g, b.g, share), between(a.b, b.b, share) };
}

const Rgb *colour_anchors(ColourMap map, int *count) {
    *count = maps[map].count;
    return maps[map].anchor;
}

/* The cube's six levels are not evenly spaced: 0, 95, 135, 175, 215, 255. */
static int cube_level(uint8_t value) {
    return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static int cube_value(int level) {
    return level == 0 ? 0 : 55 + 40 * level;
}

static int squared_distance(Rgb colour, int r, int g, int b) {
    return (colour.r - r) * (colour.r - r) + (colour.g - g) * (colour.g - g) +
           (colour.b - b) * (colour.b - b);
}

int colour_xterm256(Rgb colour) {
    int r = cube_level(colour.r), g = cube_level(colour.g), b = cube_level(colour.b);
    int mean = (colour.r + colour.g + colour.b) / 3;
    int step = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
    int grey = 8 + 10 * step;
    int cube_error = squared_distance(colour, cube_value(r), cube_value(g), cube_value(b));
    if (squared_distance(colour, grey, grey, grey) < cube_error)
        return 232 + step;
    return 16 + 36 * r + 6 * g + b;
}
