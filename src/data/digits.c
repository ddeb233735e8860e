#include "data/digits.h"

#include "core/array.h"
#include "core/array_values.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "data/digit_skeletons.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, MAX_POINTS = 48, MAX_STROKES = 6, STEPS = 6 };

typedef struct Point {
    double x, y;
} Point;

/* A skeleton's points, stroke by stroke: stroke s is point[start[s]] … point[start[s+1] − 1]. */
typedef struct Strokes {
    Point point[MAX_POINTS];
    int start[MAX_STROKES + 1], count;
} Strokes;

/* The hand of one image. Lengths are in boxes (1 = the digit's height) or, for the pen, pixels. */
typedef struct Hand {
    double shake;                  /* of a single point */
    double slant, stretch, angle;  /* x += −slant·y; width × stretch; radians */
    double wave[2][2], pull[2][2]; /* the smooth field: two waves, and where each pulls */
    double phase[2];
    double radius, flow, flow_phase; /* of the pen; how much and where it gets wider */
    double ink, soft;                /* darkness; width of the edge */
    double size;                     /* pixels of the longer side of the box */
} Hand;

static double between(Rng *rng, double low, double high) {
    return low + (high - low) * rng_uniform(rng);
}

/* A normal number within two and a half deviations: no hand is arbitrarily bad. */
static double around(Rng *rng, double mean, double deviation) {
    double z = rng_normal(rng);
    return mean + deviation * (z < -2.5 ? -2.5 : z > 2.5 ? 2.5 : z);
}

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

/* ---- Skeleton -------------------------------------------------------------------------------- */

static const DigitSkeleton *choose_skeleton(int digit, Rng *rng) {
    const DigitSkeleton *first = digit_skeletons, *chosen = NULL;
    double total = 0;
    while (first->digit != digit)
        first++;
    for (const DigitSkeleton *s = first; s->digit == digit; s++)
        total += s->weight;
    double place = total * rng_uniform(rng);
    for (const DigitSkeleton *s = first; s->digit == digit && place >= 0; s++) {
        chosen = s;
        place -= s->weight;
    }
    return chosen;
}

static void read_strokes(const char *text, Strokes *strokes) {
    int points = 0;
    strokes->count = 0;
    strokes->start[0] = 0;
    while (*text) {
        if (*text == '/') {
            strokes->start[++strokes->count] = points;
            text++;
        } else if (*text == ' ') {
            text++;
        } else {
            char *next;
            double x = (double)strtol(text, &next, 10);
            double y = (double)strtol(next + 1, &next, 10); /* behind the comma */
            strokes->point[points++] = (Point){ x / 100, y / 100 };
            text = next;
        }
    }
    strokes->start[++strokes->count] = points;
}

/* ---- Hand ------------------------------------------------------------------------------------ */

static Hand new_hand(Rng *rng) {
    Hand hand;
    double care = exp(around(rng, 0, 0.4)); /* one writer's shaking and bending go together */
    hand.shake = 0.034 * care;
    hand.slant = around(rng, 0.12, 0.2);
    hand.stretch = clamp(exp(around(rng, -0.28, 0.22)), 0.4, 1.25);
    hand.angle = around(rng, 0, 0.1);
    for (int k = 0; k < 2; k++) {
        for (int d = 0; d < 2; d++) {
            hand.wave[k][d] = between(rng, -5, 5);
            hand.pull[k][d] = around(rng, 0, 0.034 * care);
        }
        hand.phase[k] = between(rng, 0, 6.2831853);
    }
    hand.radius = clamp(exp(around(rng, 0.22, 0.27)), 0.7, 2.2);
    hand.flow = between(rng, 0, 0.3);
    hand.flow_phase = between(rng, 0, 6.2831853);
    hand.ink = between(rng, 0.85, 1.15);
    hand.soft = between(rng, 0.8, 1.7);
    hand.size = around(rng, 19.8, 0.7);
    return hand;
}

/* Shake every point; equal points move together, so that corners stay closed. */
static void shake(Strokes *strokes, const Hand *hand, Rng *rng) {
    Point before[MAX_POINTS];
    int n = strokes->start[strokes->count];
    memcpy(before, strokes->point, sizeof before);
    for (int i = 0; i < n; i++) {
        int same = 0;
        while (before[same].x != before[i].x || before[same].y != before[i].y)
            same++;
        if (same < i) {
            strokes->point[i] = strokes->point[same];
            continue;
        }
        strokes->point[i].x += around(rng, 0, hand->shake);
        strokes->point[i].y += around(rng, 0, hand->shake);
    }
}

/* The smooth field, then slant, stretch and turn. */
static Point bend(Point p, const Hand *hand) {
    Point q = p;
    for (int k = 0; k < 2; k++) {
        double s = sin(hand->wave[k][0] * p.x + hand->wave[k][1] * p.y + hand->phase[k]);
        q.x += hand->pull[k][0] * s;
        q.y += hand->pull[k][1] * s;
    }
    double x = (q.x - 0.5) * hand->stretch - hand->slant * (q.y - 0.5), y = q.y - 0.5;
    double c = cos(hand->angle), s = sin(hand->angle);
    return (Point){ c * x - s * y, s * x + c * y };
}

/* ---- Curves ---------------------------------------------------------------------------------- */

/* The path as short segments; `along` runs from 0 to 1 over each stroke. A segment that begins a
 * stroke has no line from its predecessor. */
typedef struct Path {
    Point point[MAX_POINTS * STEPS + MAX_STROKES];
    double along[MAX_POINTS * STEPS + MAX_STROKES];
    bool begins[MAX_POINTS * STEPS + MAX_STROKES];
    int count;
} Path;

/* Catmull–Rom: through b and c, its tangents parallel to a→c and b→d. */
static Point spline(Point a, Point b, Point c, Point d, double t) {
    double t2 = t * t, t3 = t2 * t;
    double wa = -0.5 * t3 + t2 - 0.5 * t, wb = 1.5 * t3 - 2.5 * t2 + 1;
    double wc = -1.5 * t3 + 2 * t2 + 0.5 * t, wd = 0.5 * t3 - 0.5 * t2;
    return (Point){ wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                    wa * a.y + wb * b.y + wc * c.y + wd * d.y };
}

static void add_stroke(Path *path, const Point *p, int n, const Hand *hand) {
    for (int i = 0; i + 1 < n; i++) {
        Point a = p[i > 0 ? i - 1 : 0], d = p[i + 2 < n ? i + 2 : n - 1];
        for (int k = i == 0 ? 0 : 1; k <= STEPS; k++) {
            double t = (double)k / STEPS;
            path->point[path->count] = bend(spline(a, p[i], p[i + 1], d, t), hand);
            path->along[path->count] = ((double)i + t) / (n - 1);
            path->begins[path->count++] = i == 0 && k == 0;
        }
    }
}

static void trace(const Strokes *strokes, const Hand *hand, Path *path) {
    path->count = 0;
    for (int s = 0; s < strokes->count; s++)
        add_stroke(path, strokes->point + strokes->start[s],
                   strokes->start[s + 1] - strokes->start[s], hand);
}

/* Into pixels: the longer side of the box around the ink becomes hand->size, its middle the
 * image's. */
static void fit(Path *path, const Hand *hand) {
    assert(path->count > 0);
    Point low = path->point[0], high = low;
    for (int i = 1; i < path->count; i++) {
        low.x = fmin(low.x, path->point[i].x);
        low.y = fmin(low.y, path->point[i].y);
        high.x = fmax(high.x, path->point[i].x);
        high.y = fmax(high.y, path->point[i].y);
    }
    double longer = fmax(high.x - low.x, high.y - low.y);
    double scale = (hand->size - 2 * hand->radius) / fmax(longer, 0.1);
    for (int i = 0; i < path->count; i++) {
        Point *p = &path->point[i];
        p->x = (p->x - (low.x + high.x) / 2) * scale + SIDE / 2.0;
        p->y = (p->y - (low.y + high.y) / 2) * scale + SIDE / 2.0;
    }
}

/* ---- Ink ------------------------------------------------------------------------------------- */

/* A segment of the pen's path: its ends, and its radius and ink there. */
typedef struct Segment {
    Point a, b;
    double radius_a, radius_b, ink_a, ink_b;
} Segment;

/* The darkest that this segment makes a pixel: full within the radius, fading over `soft`. */
static double ink_at(const Segment *s, double x, double y, double soft) {
    double dx = s->b.x - s->a.x, dy = s->b.y - s->a.y, square = dx * dx + dy * dy;
    double t = square > 0 ? ((x - s->a.x) * dx + (y - s->a.y) * dy) / square : 0;
    t = clamp(t, 0, 1);
    double ex = x - s->a.x - t * dx, ey = y - s->a.y - t * dy;
    double inside = s->radius_a + t * (s->radius_b - s->radius_a) - sqrt(ex * ex + ey * ey);
    return clamp(inside / soft + 0.5, 0, 1) * (s->ink_a + t * (s->ink_b - s->ink_a));
}

static void draw_segment(const Segment *s, double soft, float *image) {
    double reach = fmax(s->radius_a, s->radius_b) + soft;
    int left = (int)clamp(fmin(s->a.x, s->b.x) - reach, 0, SIDE);
    int right = (int)clamp(fmax(s->a.x, s->b.x) + reach + 1, 0, SIDE);
    int top = (int)clamp(fmin(s->a.y, s->b.y) - reach, 0, SIDE);
    int bottom = (int)clamp(fmax(s->a.y, s->b.y) + reach + 1, 0, SIDE);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            float ink = (float)ink_at(s, x + 0.5, y + 0.5, soft);
            if (ink > image[y * SIDE + x])
                image[y * SIDE + x] = ink;
        }
}

/* The pen's radius and ink at a point of the path. It is lighter at both ends of a stroke. */
static void pen_at(const Path *path, const Hand *hand, int i, double *radius, double *ink) {
    double along = path->along[i], pressure = sin(hand->flow_phase + 5 * along);
    double end = fmin(along, 1 - along);
    double taper = end < 0.08 ? 0.85 + 0.15 * end / 0.08 : 1;
    *radius = hand->radius * (1 + hand->flow * pressure) * taper;
    *ink = hand->ink * (1 + 0.4 * hand->flow * pressure);
}

static void draw_path(const Path *path, const Hand *hand, float *image) {
    for (int i = 1; i < path->count; i++) {
        if (path->begins[i])
            continue;
        Segment s = { .a = path->point[i - 1], .b = path->point[i] };
        pen_at(path, hand, i - 1, &s.radius_a, &s.ink_a);
        pen_at(path, hand, i, &s.radius_b, &s.ink_b);
        draw_segment(&s, hand->soft, image);
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        image[i] = image[i] > 1 ? 1 : image[i];
}

/* Shift by whole pixels so that the centre of mass is in the middle. */
static void centre(const float *drawn, float *image) {
    double mass = 1e-9, mx = 0, my = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            mass += drawn[y * SIDE + x];
            mx += drawn[y * SIDE + x] * (x + 0.5);
            my += drawn[y * SIDE + x] * (y + 0.5);
        }
    int dx = (int)lround(SIDE / 2.0 - mx / mass), dy = (int)lround(SIDE / 2.0 - my / mass);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int from_x = x - dx, from_y = y - dy;
            bool inside = from_x >= 0 && from_x < SIDE && from_y >= 0 && from_y < SIDE;
            image[y * SIDE + x] = inside ? drawn[from_y * SIDE + from_x] : 0;
        }
}

void digits_draw(int digit, Rng *rng, float *image) {
    Strokes strokes;
    Path path;
    float drawn[SIDE * SIDE] = { 0 };
    read_strokes(choose_skeleton(digit, rng)->strokes, &strokes);
    Hand hand = new_hand(rng);
    shake(&strokes, &hand, rng);
    trace(&strokes, &hand, &path);
    fit(&path, &hand);
    draw_path(&path, &hand, drawn);
    centre(drawn, image);
}

/* ---- Datasets -------------------------------------------------------------------------------- */

typedef struct Sheet {
    const int32_t *label;
    float *image;
    uint64_t seed;
    size_t first; /* of the images being drawn */
} Sheet;

enum { DRAWN_AT_ONCE = 4096, PIECE = 32 }; /* a piece: what a worker takes at a time */

static void draw_some(void *context, size_t first, size_t last, int worker) {
    const Sheet *sheet = context;
    (void)worker;
    for (size_t i = sheet->first + first; i < sheet->first + last; i++) {
        Rng rng;
        rng_seed(&rng, sheet->seed + i);
        digits_draw(sheet->label[i], &rng, sheet->image + i * SIDE * SIDE);
    }
}

/* How many of the n were drawn before an interrupt. */
static size_t draw_all(Sheet *sheet, size_t n, Progress *progress) {
    bool going = true;
    progress_begin(progress, "drawing digits", (double)n);
    while (going && sheet->first < n) {
        size_t left = n - sheet->first, count = left < DRAWN_AT_ONCE ? left : DRAWN_AT_ONCE;
        parallel_for(count, PIECE, draw_some, sheet);
        sheet->first += count;
        going = progress_step(progress, (double)count, NULL);
    }
    progress_end(progress);
    return sheet->first;
}

static bool settle_classes(const DigitsOptions *options, int32_t classes[10], int *count,
                           Error *err) {
    *count = options->class_count > 0 ? options->class_count : 10;
    for (int c = 0; c < *count; c++) {
        classes[c] = options->class_count > 0 ? options->classes[c] : c;
        if (classes[c] < 0 || classes[c] > 9)
            return error_set(err, ERROR_ARGUMENT, "data.digits: class %d is not a digit",
                             classes[c]);
        for (int other = 0; other < c; other++)
            if (classes[other] == classes[c])
                return error_set(err, ERROR_ARGUMENT, "data.digits: class %d is there twice",
                                 classes[c]);
    }
    return true;
}

/* The classes in turn, shuffled. */
static bool deal_labels(const int32_t *classes, int count, Array *y, Rng *rng, Error *err) {
    size_t n = array_length(y), *order = malloc((n + 1) * sizeof *order);
    if (!order)
        return error_memory(err, "data.digits", n * sizeof *order);
    rng_permutation(rng, n, order);
    for (size_t i = 0; i < n; i++)
        array_i32(y)[order[i]] = classes[i % (size_t)count];
    free(order);
    return true;
}

/* The first `count` samples; takes over the dataset. */
static Dataset *keep_first(Dataset *ds, size_t count, Error *err) {
    if (!ds || count == dataset_count(ds))
        return ds;
    Dataset *part = dataset_range(ds, 0, count, err);
    dataset_free(ds);
    return part;
}

const Field digits_fields[] = {
    { "seed", FIELD_SEED, offsetof(DigitsOptions, seed), .initial = "the session's",
      .meaning = "makes a generator of its own: the same every time" },
    { "classes", FIELD_OBJECT, .type = "integer[]", .initial = "0 to 9",
      .meaning = "the digits to draw from" },
    { .name = NULL },
};

/* The labels must not come in the order in which a split with the same seed deals them again. */
#define OWN_STREAM 0xd1617500d1617500u

Dataset *digits_new(const DigitsOptions *options, Progress *progress, Error *err) {
    int32_t classes[10];
    int count;
    Rng rng;
    Dataset *ds = NULL;
    if (!settle_classes(options, classes, &count, err))
        return NULL;
    rng_seed(&rng, options->seed ^ OWN_STREAM);
    Array *y = array_new1("data.digits", DTYPE_I32, options->n, err);
    /* Each row is written before it is seen. */
    Sizes shape = { 2, { options->n, (size_t)SIDE * SIDE } };
    Array *x = y ? array_uninitialised("data.digits", DTYPE_F32, &shape, err) : NULL;
    if (x && deal_labels(classes, count, y, &rng, err)) {
        Sheet sheet = { array_i32(y), array_f32(x), rng_next(&rng), 0 };
        size_t drawn = draw_all(&sheet, options->n, progress);
        char source[64];
        snprintf(source, sizeof source, "built-in digits, seed %llu",
                 (unsigned long long)options->seed);
        DatasetParts parts = { x, y, source, { 2, { SIDE, SIDE } }, NULL };
        ds = dataset_new("data.digits", &parts, err);
        ds = keep_first(ds, drawn, err);
    }
    array_free(x);
    array_free(y);
    return ds;
}
