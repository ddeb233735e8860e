/* layer.h — what a layer is, and the table of kinds.
 *
 * A layer maps a batch of activations to a batch of activations and pulls gradients back. Each kind
 * is one file (conv2d.c, relu.c, …) with its own struct that starts with a Layer, forward beside
 * backward; a new kind is such a file and one line in layer.c.
 *
 * Activations inside a pass are rows of float32, one a sample: (height, width, channels) with the
 * channels innermost, so that a kernel's row of a convolution is one contiguous run. Users see
 * (channels, height, width); layout.h converts where something enters or leaves.
 *
 * Parameters live in one vector that belongs to the network, in the layer's own order of elements;
 * export and import translate to PyTorch's. A layer's functions get pointers to its own part. */
#ifndef PERIGEE_NN_LAYER_H
#define PERIGEE_NN_LAYER_H

#include "core/types.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One sample's activation: an image, or a flat vector (channels long, height = width = 1). */
typedef struct Shape {
    bool flat;
    size_t channels, height, width;
} Shape;

size_t shape_size(Shape shape);
/* As users see it: {channels, height, width} or {channels}; returns how many numbers. */
int shape_numbers(Shape shape, size_t numbers[3]);
/* The same as text, "(1, 28, 28)"; returns text. */
char *shape_text(Shape shape, char text[64]);

enum { LAYER_MAX_PARAMETERS = 2, LAYER_NAME_SIZE = 64 };

/* One trainable array, in PyTorch's shape. */
typedef struct Parameter {
    const char *name; /* "weight", "bias" */
    int ndim;
    size_t shape[4];
    size_t offset, count; /* its place in the layer's part of the parameter vector */
} Parameter;

typedef struct LayerKind LayerKind;

typedef struct Layer {
    const LayerKind *kind;
    char name[LAYER_NAME_SIZE];
    Shape in, out;
    Parameter parameter[LAYER_MAX_PARAMETERS];
    int parameters;
    size_t parameter_count; /* of all of them */
    size_t fan_in;          /* products summed for one output: bounds the initial weights */
    size_t offset;          /* of the layer's part in the network's vector */
    size_t prepared;        /* of its part of what `prepare` makes of the weights */
} Layer;

/* What one call of forward or backward works on: n samples, by one thread. */
typedef struct Tile {
    size_t n;
    size_t first;          /* the number of the first one in its batch */
    bool training;         /* dropout drops */
    uint64_t seed;         /* of this batch, for dropout */
    float *scratch;        /* scratch(layer) floats, of no value between calls */
    const float *prepared; /* see prepare */
} Tile;

struct LayerKind {
    const char *name;        /* as users write it: "conv2d" */
    const char *label;       /* what automatic names start with: "conv" */
    const char *const *keys; /* options beside "kind" and "name", NULL-terminated */
    size_t size;             /* of the kind's struct */
    bool in_place;           /* y may be x itself; dx is then dy itself */
    bool backward_reads_x, backward_reads_y;

    /* Read the options and work out `out` and the parameters from `in`. */
    bool (*configure)(Layer *layer, const cJSON *options, Error *err);

    /* Put the options back into an object. NULL: there are none. */
    bool (*describe)(const Layer *layer, cJSON *options);

    /* Floats of scratch that a call needs, whatever the tile. NULL: none. */
    size_t (*scratch)(const Layer *layer);

    /* What backward wants of the weights in another form, made anew when they have changed: its
     * floats, and making it. Backward finds it in its tile. NULL: nothing. */
    size_t (*prepared)(const Layer *layer);
    void (*prepare)(const Layer *layer, const float *weights, float *prepared);

    /* y (n × out) from x (n × in). */
    void (*forward)(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                    float *y);

    /* From dy (n × out): dx (n × in) is written, dweights (the layer's part, NULL for not wanted)
     * added to. dx may be NULL; where the kind works in place it may be dy. */
    void (*backward)(const Layer *layer, const float *weights, const Tile *tile, const float *x,
                     const float *y, const float *dy, float *dx, float *dweights);

    /* Parameter p between the layer's order of elements and PyTorch's. NULL: they are the same. */
    void (*export)(const Layer *layer, int p, const float *own, float *torch);
    void (*import)(const Layer *layer, int p, const float *torch, float *own);
};

/* A layer from {"kind": …, "name": …, options}; messages start with `where`. `name` is used where
 * the object has none. NULL on unknown kinds and keys, and values that do not fit `in`. */
Layer *layer_new(const cJSON *description, const char *name, Shape in, Error *err);
void layer_free(Layer *layer);
cJSON *layer_describe(const Layer *layer); /* the caller deletes it; NULL without memory */

/* The kinds in the order of the table, NULL after the last; and the one a description asks for. */
const LayerKind *layer_kind_at(size_t i);
const LayerKind *layer_kind(const cJSON *description, Error *err);

/* ---- For the kinds: reading options, adding parameters --------------------------------------- */

/* A whole number, at least `low`. Without the key: *fallback, or an error where that is NULL. */
bool layer_option_size(const cJSON *options, const char *key, size_t low, const size_t *fallback,
                       size_t *value, Error *err);

/* Height and width: one number for both or a list of two; the fallback is a pair. */
bool layer_option_pair(const cJSON *options, const char *key, size_t low, const size_t *fallback,
                       size_t value[2], Error *err);

/* A number, low ≤ value < below. */
bool layer_option_number(const cJSON *options, const char *key, double low, double below,
                         double fallback, double *value, Error *err);

/* Write a pair as the reader takes it: one number where both are the same. */
bool layer_describe_pair(cJSON *options, const char *key, const size_t value[2]);

/* Append a parameter of that shape; fails where its count is beyond any memory. */
bool layer_add_parameter(Layer *layer, const char *name, int ndim, const size_t *shape, Error *err);

/* The output's height or width of a window that slides over `in`; 0 where it does not fit once. */
size_t layer_window_count(size_t in, size_t kernel, size_t stride, size_t padding);

/* sum += each row of rows × columns: a bias's gradient. */
void layer_add_columns(const float *matrix, size_t rows, size_t columns, float *sum);

extern const LayerKind conv2d_kind, relu_kind, maxpool_kind, linear_kind, flatten_kind,
    dropout_kind;

#endif
