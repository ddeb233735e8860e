/* layer.h — what a layer is, and the table of kinds.
 *
 * A layer maps a batch of activations to a batch of activations and pulls gradients back. Each kind
 * is one file (conv2d.c, relu.c, …) with its own struct that starts with a Layer, forward beside
 * backward; a new kind is such a file and one line in LAYER_TABLE.
 *
 * Activations inside a pass are rows of float32, one per sample: (height, width, channels) with the
 * channels innermost, so that a kernel's row of a convolution is one contiguous run. Users see
 * (channels, height, width); layout.h converts where something enters or leaves.
 *
 * Parameters live in one vector that belongs to the network, in the layer's own order of elements;
 * export and import translate to PyTorch's. A layer's functions get pointers to its own part. */
#ifndef PERIGEE_NN_LAYER_H
#define PERIGEE_NN_LAYER_H

#include "core/fields.h"
#include "core/types.h"

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

enum { LAYER_MAX_PARAMETERS = 16, LAYER_NAME_SIZE = FIELD_NAME_SIZE };

/* One array, in PyTorch's shape: trained, or a buffer, which is saved and loaded as the others are
 * but changed by its own layer alone. */
typedef struct Parameter {
    const char *name; /* "weight", "bias" */
    int ndim;
    bool buffer;  /* no step of training changes it */
    bool squares; /* none of it is negative */
    bool one;     /* all of it starts from the first of `initial` */
    size_t shape[4];
    size_t offset, count; /* its place in the layer's part of the parameter vector */
    const float *initial; /* the values it starts from, the layer's; NULL: drawn */
} Parameter;

/* Some of a parameter's numbers, as PyTorch counts them. */
typedef struct ParameterPiece {
    const float *values;
    size_t first, n;
} ParameterPiece;

typedef struct LayerKind LayerKind;

typedef struct Layer {
    const LayerKind *kind;
    char own[LAYER_NAME_SIZE];  /* its name among those beside it … */
    char name[LAYER_NAME_SIZE]; /* … and in the network: "layer1.0.conv1" (wiring.h) */
    Shape in, out;
    Parameter parameter[LAYER_MAX_PARAMETERS];
    int parameters;
    size_t parameter_count; /* of all of them */
    size_t fan_in;          /* products summed for one output: bounds the initial weights */
    size_t offset;          /* of the layer's part in the network's vector */
    size_t prepared;        /* of its part of what `prepare` makes of the weights */
    void *hosted;           /* what a hosted kind has of this one; NULL in a copy and before
                               layer_configure */
} Layer;

/* The samples that one call works on, on one thread. */
typedef struct Tile {
    size_t n;
    size_t first;          /* the number of the first one in its batch */
    bool training;         /* dropout drops */
    uint64_t seed;         /* of this batch, for dropout */
    float *scratch;        /* scratch(layer) floats, which keep nothing between calls */
    const float *prepared; /* see prepare */
} Tile;

/* One call of forward or backward. In place, y is x itself and dx is dy itself. */
typedef struct LayerCall {
    const Tile *tile;
    const float *weights; /* the layer's part of the vector */
    float *buffers;       /* the same for changing buffers, in training's forward; or NULL */
    const float *x;       /* n × in */
    const float *also;    /* n × in: what a residual adds to it (container.h) */
    float *y;             /* n × out: written by forward, read by backward */
    const float *dy;      /* n × out; backward only, like what follows */
    float *dx;            /* n × in, written; or NULL */
    float *dweights;      /* the layer's part, added to; or NULL */
    bool fresh;           /* it holds nothing yet: only where the kind starts_weights */
} LayerCall;

/* What runs a kind of layer that is not built in: code of the user's, which may fail. It is called
 * on the main thread alone, and sees whole batches instead of tiles. */
typedef struct LayerHost {
    void (*retain)(const LayerKind *kind); /* the layers of a kind keep it alive */
    void (*release)(const LayerKind *kind);
    void (*clear)(Layer *layer); /* frees `hosted` */

    /* With `kept`, something goes there for the backward calls that may follow, for `forget` to
     * free: once, where forward has set it to something. */
    bool (*forward)(const Layer *layer, const LayerCall *call, void **kept, Error *err);
    bool (*backward)(const Layer *layer, const LayerCall *call, void *kept, Error *err);
    void (*forget)(const Layer *layer, void *kept);
} LayerHost;

struct LayerKind {
    const char *name;    /* as users write it: "conv2d" */
    const char *label;   /* what automatic names start with: "conv" */
    const char *summary; /* what it does, for the help: its first sentence stands in lists */
    const char *example; /* one that runs */
    Fields fields;       /* the options, over the kind's struct; LAYER_NAME is the last of them */
    size_t size;         /* of the kind's struct */
    bool in_place;       /* y may be x itself; dx is then dy itself */
    bool backward_reads_x, backward_reads_y;
    bool starts_weights; /* backward takes dweights that hold nothing: see fresh */

    /* In training a call has the whole batch, on the main thread; the kind's loops may be parallel.
     * Otherwise it has tiles, as others do. */
    bool whole_batch;

    /* Work out `out` and the parameters from `in` (which `out` equals before) and the options.
     * NULL: there is nothing to work out. */
    bool (*configure)(Layer *layer, Error *err);

    /* Floats of scratch that a call needs, whatever the tile. NULL: none. */
    size_t (*scratch)(const Layer *layer);

    /* What is needed of the weights in another form, made again when they have changed: how many
     * floats, and how to make it. Forward and backward find it in their tile. NULL: nothing. */
    size_t (*prepared)(const Layer *layer);
    void (*prepare)(const Layer *layer, const float *weights, float *prepared);

    void (*forward)(const Layer *layer, const LayerCall *call);
    void (*backward)(const Layer *layer, const LayerCall *call);
    const LayerHost *host; /* instead of these two; NULL: the kind is built in */

    /* Parameter p between the layer's order of elements and PyTorch's, of which import is given
     * some at a time. NULL: they are the same. */
    void (*export)(const Layer *layer, int p, const float *own, float *torch);
    void (*import)(const Layer *layer, int p, const ParameterPiece *piece, float *own);
};

/* Every kind of layer: one line each. */
#define LAYER_TABLE(LAYER)                                                                         \
    LAYER(conv2d)                                                                                  \
    LAYER(relu)                                                                                    \
    LAYER(maxpool)                                                                                 \
    LAYER(linear)                                                                                  \
    LAYER(flatten)                                                                                 \
    LAYER(dropout)                                                                                 \
    LAYER(sigmoid)                                                                                 \
    LAYER(tanh)                                                                                    \
    LAYER(leaky_relu)                                                                              \
    LAYER(elu)                                                                                     \
    LAYER(gelu)                                                                                    \
    LAYER(silu)                                                                                    \
    LAYER(softplus)                                                                                \
    LAYER(softmax)                                                                                 \
    LAYER(avgpool)                                                                                 \
    LAYER(global_avgpool)                                                                          \
    LAYER(layernorm)                                                                               \
    LAYER(normalise)                                                                               \
    LAYER(batchnorm)

#define LAYER_DECLARATION(name) extern const LayerKind layer_##name;
LAYER_TABLE(LAYER_DECLARATION)
#undef LAYER_DECLARATION

extern const LayerKind *const layer_table[];     /* ends with NULL */
extern const LayerKind *const container_table[]; /* those made of layers: container.h */

/* The kind of that name, built in or defined; without one (name may be NULL) the error lists them.
 */
const LayerKind *layer_find(const char *name, Error *err);

/* Have this context find a hosted kind by its name, instead of an earlier one of that name; and no
 * longer, if it still does. Whoever defines a kind undefines it before it is gone. A built-in
 * kind's name is refused. */
bool layer_define(const LayerKind *kind, Error *err);
void layer_undefine(const LayerKind *kind);

/* Make a layer of kind->size bytes: its defaults. Options are then filled in by the fields. */
void layer_init(Layer *layer, const LayerKind *kind);

/* The same in memory of its own; and a copy. NULL without memory; layer_free either, or NULL. */
Layer *layer_new(const LayerKind *kind, Error *err);
Layer *layer_copy(const Layer *layer, Error *err);
void layer_free(Layer *layer);

/* Once, when the options are there: the shapes and parameters that follow from `in`. */
bool layer_configure(Layer *layer, Shape in, Error *err);

/* ---- For the kinds --------------------------------------------------------------------------- */

/* The option that every layer has: the last row of a kind's fields, or its only one. */
#define LAYER_NAME                                                                                 \
    {                                                                                              \
        "name", FIELD_NAME, offsetof(Layer, own),                                                  \
            .initial = "its kind and number", .meaning = "what taps and weights call the layer"    \
    }
extern const Field layer_name_only[];

/* Sizes beyond this are mistakes. */
#define LAYER_LARGEST_SIZE 0x1p20

/* Append a parameter of that shape; fails if its count exceeds any memory. */
bool layer_add_parameter(Layer *layer, const char *name, const Sizes *shape, Error *err);

/* Refuse a flat input; and an image. */
bool layer_wants_image(const Layer *layer, Error *err);
bool layer_wants_flat(const Layer *layer, Error *err);

/* The output's height or width of a window that slides over `in`; 0 where it does not fit once. */
size_t layer_window_count(size_t in, size_t kernel, size_t stride, size_t padding);

/* sum += each row of rows × columns: a bias's gradient. */
void layer_add_columns(const float *matrix, size_t rows, size_t columns, float *sum);

#endif
