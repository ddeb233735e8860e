#include "nn/layer.h"

#include "core/context.h"
#include "core/fail.h"
#include "core/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t shape_size(Shape shape) {
    return shape.channels * shape.height * shape.width;
}

int shape_numbers(Shape shape, size_t numbers[3]) {
    numbers[0] = shape.channels;
    numbers[1] = shape.height;
    numbers[2] = shape.width;
    return shape.flat ? 1 : 3;
}

char *shape_text(Shape shape, char text[64]) {
    if (shape.flat)
        snprintf(text, 64, "(%zu)", shape.channels);
    else
        snprintf(text, 64, "(%zu, %zu, %zu)", shape.channels, shape.height, shape.width);
    return text;
}

/* ---- The table ------------------------------------------------------------------------------- */

#define LAYER_ENTRY(name) &layer_##name,
const LayerKind *const layer_table[] = { LAYER_TABLE(LAYER_ENTRY) NULL };
#undef LAYER_ENTRY

/* Kinds that were defined in this context; they belong to who did. */
typedef struct Defined {
    const LayerKind **kind;
    size_t count;
} Defined;

static void forget_all(void *state) {
    free(((Defined *)state)->kind);
}

static Defined *defined_kinds(void) {
    static const ContextSlot slot = { .size = sizeof(Defined), .destroy = forget_all };
    return context_slot(&slot);
}

static const LayerKind *find_built_in(const char *name) {
    const LayerKind *const *const tables[] = { layer_table, container_table };
    for (size_t t = 0; t < 2; t++)
        for (const LayerKind *const *kind = tables[t]; *kind; kind++)
            if (strcmp(name, (*kind)->name) == 0)
                return *kind;
    return NULL;
}

/* The place of the defined kind of that name, or the one behind the last. */
static size_t find_defined(const char *name) {
    const Defined *defined = defined_kinds();
    size_t i = 0;
    while (i < defined->count && strcmp(defined->kind[i]->name, name) != 0)
        i++;
    return i;
}

static bool no_kind(const char *name, Error *err) {
    char list[512] = "";
    size_t used = 0;
    for (const LayerKind *const *kind = layer_table; *kind && used < sizeof list; kind++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                 (*kind)->name);
    if (!name)
        return error_set(err, ERROR_ARGUMENT, "kind: expected one of %s, got none", list);
    return error_set(err, ERROR_ARGUMENT,
                     "kind: expected one of %s, got \"%.60s\"; if it is a layer of your own, run "
                     "the file first that defines it by nn.layer { name = \"%.60s\", … }",
                     list, name, name);
}

const LayerKind *layer_find(const char *name, Error *err) {
    const Defined *defined = defined_kinds();
    const LayerKind *built_in = name ? find_built_in(name) : NULL;
    size_t i = name ? find_defined(name) : defined->count;
    if (!built_in && i == defined->count)
        no_kind(name, err);
    return built_in ? built_in : i < defined->count ? defined->kind[i] : NULL;
}

bool layer_define(const LayerKind *kind, Error *err) {
    Defined *defined = defined_kinds();
    size_t i = find_defined(kind->name);
    if (find_built_in(kind->name))
        return error_set(err, ERROR_ARGUMENT, "nn.layer: name: \"%s\" is a built-in layer's",
                         kind->name);
    if (i == defined->count) {
        const LayerKind **grown = realloc(defined->kind, (i + 1) * sizeof(LayerKind *));
        if (!grown)
            return error_memory(err, "nn.layer", (i + 1) * sizeof(LayerKind *));
        defined->kind = grown;
        defined->count++;
    }
    defined->kind[i] = kind;
    return true;
}

void layer_undefine(const LayerKind *kind) {
    Defined *defined = defined_kinds();
    for (size_t i = 0; i < defined->count; i++)
        if (defined->kind[i] == kind)
            defined->kind[i--] = defined->kind[--defined->count];
}

/* ---- Layers ---------------------------------------------------------------------------------- */

void layer_init(Layer *layer, const LayerKind *kind) {
    memset(layer, 0, kind->size);
    if (kind->fields.initial)
        memcpy(layer, kind->fields.initial, kind->size);
    layer->kind = kind;
}

/* Room for a layer of the kind, which it keeps alive. */
static Layer *allocate(const LayerKind *kind, Error *err) {
    Layer *layer = malloc(kind->size);
    if (!layer)
        error_memory(err, "nn.new", kind->size);
    else if (kind->host)
        kind->host->retain(kind);
    return layer;
}

Layer *layer_copy(const Layer *layer, Error *err) {
    Layer *copy = allocate(layer->kind, err);
    if (copy) {
        memcpy(copy, layer, layer->kind->size);
        copy->hosted = NULL;
    }
    return copy;
}

Layer *layer_new(const LayerKind *kind, Error *err) {
    Layer *layer = allocate(kind, err);
    if (layer)
        layer_init(layer, kind);
    return layer;
}

void layer_free(Layer *layer) {
    const LayerKind *kind = layer ? layer->kind : NULL;
    if (kind && kind->host) {
        kind->host->clear(layer);
        kind->host->release(kind);
    }
    free(layer);
}

/* Counts beyond this are mistakes, and their products would overflow. */
static const double LARGEST_COUNT = 1u << 31;

static bool check_count(const char *what, int ndim, const size_t *shape, Error *err) {
    double count = 1;
    for (int i = 0; i < ndim; i++)
        count *= (double)shape[i];
    return count <= LARGEST_COUNT ||
           error_set(err, ERROR_ARGUMENT, "%s: %.0f numbers are too many", what, count);
}

bool layer_configure(Layer *layer, Shape in, Error *err) {
    size_t numbers[3];
    layer->in = layer->out = in;
    layer->parameters = 0; /* a copy of a layer in use has its shapes */
    layer->parameter_count = 0;
    if (layer->kind->configure && !layer->kind->configure(layer, err))
        return false;
    return check_count("the output", shape_numbers(layer->out, numbers), numbers, err);
}

/* ---- For the kinds --------------------------------------------------------------------------- */

const Field layer_name_only[] = { LAYER_NAME, { .name = NULL } };

bool layer_add_parameter(Layer *layer, const char *name, const Sizes *shape, Error *err) {
    if (!check_count(name, shape->ndim, shape->size, err))
        return false;
    Parameter *parameter = &layer->parameter[layer->parameters++];
    *parameter = (Parameter){ .name = name, .ndim = shape->ndim, .offset = layer->parameter_count };
    parameter->count = 1;
    for (int i = 0; i < shape->ndim; i++) {
        parameter->shape[i] = shape->size[i];
        parameter->count *= shape->size[i];
    }
    layer->parameter_count += parameter->count;
    return true;
}

bool layer_wants_image(const Layer *layer, Error *err) {
    char text[64];
    return !layer->in.flat ||
           error_set(err, ERROR_ARGUMENT, "%s takes images, its input is a flat %s",
                     layer->kind->name, shape_text(layer->in, text));
}

bool layer_wants_flat(const Layer *layer, Error *err) {
    char text[64];
    return layer->in.flat ||
           error_set(err, ERROR_ARGUMENT,
                     "%s takes flat vectors, its input is %s; put a flatten before it",
                     layer->kind->name, shape_text(layer->in, text));
}

size_t layer_window_count(size_t in, size_t kernel, size_t stride, size_t padding) {
    size_t padded = in + 2 * padding;
    return kernel > padded ? 0 : (padded - kernel) / stride + 1;
}

/* Some columns at a time, whose sums stay in registers. */
SIMD_CLONES
void layer_add_columns(const float *matrix, size_t rows, size_t columns, float *sum) {
    enum { SOME = 64 };
    size_t first = 0;
    for (; first + SOME <= columns; first += SOME) {
        float some[SOME];
        for (size_t c = 0; c < SOME; c++)
            some[c] = sum[first + c];
        for (size_t i = 0; i < rows; i++)
            for (size_t c = 0; c < SOME; c++)
                some[c] += matrix[i * columns + first + c];
        for (size_t c = 0; c < SOME; c++)
            sum[first + c] = some[c];
    }
    for (size_t i = 0; first < columns && i < rows; i++)
        for (size_t c = first; c < columns; c++)
            sum[c] += matrix[i * columns + c];
}
