/* network_weights.c — a network's weights to and from files: in PyTorch's order and under its
 * names, which layers translate. What is read goes straight to its place. */
#include "core/array.h"
#include "core/fail.h"
#include "core/name_list.h"
#include "data/safetensors.h"
#include "nn/network.h"
#include "nn/network_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names ----------------------------------------------------------------------------------- */

/* A tensor's name behind the prefix, and its place among the tensors. */
typedef struct Ending {
    const char *text;
    size_t length, tensor;
} Ending;

/* A layer's name in a file, at most. */
enum { FOREIGN_NAME = 256 };

/* Weights on their way from tensors whose names begin with `prefix` (NULL: any) into a vector. */
typedef struct WeightsLoad {
    const Tensors *tensors;
    const char *prefix;
    float *weights;
    Ending
        *ending; /* of all those tensors, in the order of compare_endings; NULL: not needed yet */
    size_t endings;
    const char *name;  /* the present layer's, in the file */
    bool nested;       /* the net is: what stands in front of one name stands in front of all … */
    const char *front; /* … the first letters of this, so many; NULL: not known yet */
    size_t front_length;
    NameList missing;        /* what was not found */
    bool *taken;             /* which of the tensors belong to a layer; NULL: nobody asks */
    const WeightsFile *file; /* NULL: no file of another program's */
} WeightsLoad;

/* The order of texts that are read from their ends. */
static int compare_endings(const void *a, const void *b) {
    const Ending *x = a, *y = b;
    size_t common = x->length < y->length ? x->length : y->length;
    for (size_t i = 1; i <= common; i++) {
        unsigned char p = (unsigned char)x->text[x->length - i];
        unsigned char q = (unsigned char)y->text[y->length - i];
        if (p != q)
            return p < q ? -1 : 1;
    }
    return (x->length > y->length) - (x->length < y->length);
}

static bool list_endings(WeightsLoad *from, Error *err) {
    const Tensors *tensors = from->tensors;
    const char *prefix = from->prefix ? from->prefix : "";
    size_t skip = strlen(prefix), first = tensors_first(tensors, prefix);
    from->ending = malloc((tensors->count - first + 1) * sizeof *from->ending);
    if (!from->ending)
        return error_memory(err, "weights", tensors->count * sizeof *from->ending);
    for (size_t i = first; i < tensors->count; i++) {
        const char *name = tensors->entry[i].name;
        if (strncmp(name, prefix, skip) != 0)
            break;
        from->ending[from->endings++] = (Ending){ name + skip, strlen(name + skip), i };
    }
    qsort(from->ending, from->endings, sizeof *from->ending, compare_endings);
    return true;
}

/* The first of the names that end in that, or what would come after it. */
static const Ending *first_ending(const WeightsLoad *from, const char *text) {
    const Ending key = { .text = text, .length = strlen(text) };
    size_t low = 0, high = from->endings;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_endings(&from->ending[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return from->ending + low;
}

static bool ends_in(const WeightsLoad *from, const Ending *ending, const char *text) {
    size_t length = strlen(text);
    return ending < from->ending + from->endings && ending->length >= length &&
           strcmp(ending->text + ending->length - length, text) == 0;
}

/* The tensor of exactly that name, or NULL. */
static const Ending *find_whole(const WeightsLoad *from, const char *name) {
    const Ending *whole = first_ending(from, name);
    return ends_in(from, whole, name) && whole->length == strlen(name) ? whole : NULL;
}

/* Not a tensor's place: an error, or one that is missing, which is told of when all are known. */
enum { FAILED = -1, MISSING = -2 };

static ptrdiff_t missing(WeightsLoad *from, const char *own) {
    char name[2 * FOREIGN_NAME + LAYER_NAME_SIZE];
    snprintf(name, sizeof name, "%s%.*s%s", from->prefix ? from->prefix : "",
             from->front ? (int)from->front_length : 0, from->front ? from->front : "", own);
    name_list_add(&from->missing, name);
    return MISSING;
}

/* "conv1.weight" is not to be taken from "layer1.0.conv1.weight". */
static ptrdiff_t search_behind_front(WeightsLoad *from, const char *own) {
    for (const Ending *at = first_ending(from, own); ends_in(from, at, own); at++)
        if (at->length == from->front_length + strlen(own) &&
            strncmp(at->text, from->front, from->front_length) == 0)
            return (ptrdiff_t)at->tensor;
    return missing(from, own);
}

static ptrdiff_t remember(WeightsLoad *from, const Ending *found, const char *own) {
    if (from->nested) {
        from->front = found->text;
        from->front_length = found->length - strlen(own);
    }
    return (ptrdiff_t)found->tensor;
}

/* Of those that end in `dotted`, from `part` on, the one with least in front: in a nested net the
 * others are its blocks'. NULL: there are several such. */
static const Ending *with_least_in_front(const WeightsLoad *from, const Ending *part,
                                         const char *dotted) {
    const Ending *least = part;
    bool alone = true;
    for (const Ending *at = part + 1; ends_in(from, at, dotted); at++) {
        if (!from->nested)
            return NULL;
        alone = at->length == least->length ? false : at->length < least->length || alone;
        least = at->length < least->length ? at : least;
    }
    return alone ? least : NULL;
}

/* The tensor that is called layer.parameter, or that with "module." in front, as DataParallel saves
 * it; or the one whose name ends in it after a '.'. MISSING: none; FAILED: several. */
static ptrdiff_t search_tensor(WeightsLoad *from, const char *dotted, Error *err) {
    const char *own = dotted + 1, *prefix = from->prefix ? from->prefix : "";
    char parallel[FOREIGN_NAME + LAYER_NAME_SIZE + 8];
    if (!from->ending && !list_endings(from, err))
        return FAILED;
    if (from->front)
        return search_behind_front(from, own);
    snprintf(parallel, sizeof parallel, "module%s", dotted);
    const Ending *whole = find_whole(from, own), *part = first_ending(from, dotted);
    if (!whole)
        whole = find_whole(from, parallel);
    if (whole)
        return remember(from, whole, own);
    if (!ends_in(from, part, dotted))
        return missing(from, own);
    const Ending *least = with_least_in_front(from, part, dotted);
    if (least)
        return remember(from, least, own);
    error_set(err, ERROR_ARGUMENT, "both %s%s and %s%s fit %s", prefix, part[0].text, prefix,
              part[1].text, own);
    return FAILED;
}

/* A model's file has a parameter under just its name, and is not searched. */
static ptrdiff_t find_tensor(WeightsLoad *from, const Layer *layer, int p, Error *err) {
    char dotted[FOREIGN_NAME + LAYER_NAME_SIZE];
    snprintf(dotted, sizeof dotted, ".%.*s.%s", FOREIGN_NAME - 2, from->name,
             layer->parameter[p].name);
    ptrdiff_t found =
        from->prefix ? tensors_index(from->tensors, (TensorName){ from->prefix, dotted + 1 }) : -1;
    return found >= 0 ? found : search_tensor(from, dotted, err);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static bool check_shape(const Layer *layer, const Parameter *parameter, const Sizes *shape,
                        Error *err) {
    char got[128], expected[128];
    bool same = shape->ndim == parameter->ndim;
    for (int i = 0; same && i < parameter->ndim; i++)
        same = shape->size[i] == parameter->shape[i];
    return same || error_set(err, ERROR_ARGUMENT, "%s.%s is %s, expected %s", layer->name,
                             parameter->name, array_shape_text(shape->ndim, shape->size, got),
                             array_shape_text(parameter->ndim, parameter->shape, expected));
}

static const char *wrong_number(const Parameter *parameter, float value) {
    return isnan(value)                      ? "NaN"
           : isinf(value)                    ? "infinite"
           : parameter->squares && value < 0 ? "negative"
                                             : NULL;
}

/* Numbers from `first` on; the error counts from there. */
static bool check_numbers(const Layer *layer, const Parameter *parameter,
                          const ParameterPiece *piece, Error *err) {
    for (size_t i = 0; i < piece->n; i++) {
        const char *wrong = wrong_number(parameter, piece->values[i]);
        if (wrong)
            return error_set(err, ERROR_ARGUMENT, "%s.%s: number %zu is %s", layer->name,
                             parameter->name, piece->first + i + 1, wrong);
    }
    return true;
}

/* Numbers that wait for a layer to put them in its own order. */
enum { PIECE = 4096 };

static bool read_numbers(TensorPieces *tensor, const Layer *layer, int p, float *own, Error *err) {
    const Parameter *parameter = &layer->parameter[p];
    float values[PIECE];
    bool direct = !layer->kind->import;
    size_t count = parameter->count, most = direct ? count : PIECE;
    for (size_t first = 0; first < count; first += most) {
        float *to = direct ? own : values;
        ParameterPiece piece = { to, first, count - first < most ? count - first : most };
        if (!tensor_take(tensor, to, piece.n, err) || !check_numbers(layer, parameter, &piece, err))
            return false;
        if (!direct)
            layer->kind->import(layer, p, &piece, own);
    }
    return true;
}

static bool load_parameter(WeightsLoad *from, const Layer *layer, int p, Error *err) {
    const Parameter *parameter = &layer->parameter[p];
    ptrdiff_t found = find_tensor(from, layer, p, err);
    if (found < 0)
        return found == MISSING;
    if (from->taken)
        from->taken[found] = true;
    TensorPieces tensor;
    float *own = from->weights + layer->offset + parameter->offset;
    bool ok = tensor_begin(&tensor, from->tensors, (size_t)found, err) &&
              check_shape(layer, parameter, &tensor.elements.shape, err) &&
              read_numbers(&tensor, layer, p, own, err);
    tensor_end(&tensor);
    return ok;
}

/* ---- From and to files ----------------------------------------------------------------------- */

/* Of labels that are not listed anywhere. */
enum { CLASSES_MOST = 1 << 18 };

/* A net that was given no classes takes 0, 1, … once it has a foreign file's weights: PyTorch's
 * have no labels. */
static bool number_classes(Network *net, Error *err) {
    size_t count = shape_size(net->layer[net->layers - 1]->out);
    if (net->model.classes.count > 0)
        return true;
    if (count > CLASSES_MOST)
        return error_set(err, ERROR_ARGUMENT, "%zu outputs are too many for classes", count);
    int32_t *label = malloc(count * sizeof *label);
    if (!label)
        return error_memory(err, "weights", count * sizeof *label);
    for (size_t i = 0; i < count; i++)
        label[i] = (int32_t)i;
    bool ok = labels_from("classes", label, count, &net->model.classes, err);
    free(label);
    return ok;
}

/* PyTorch's batch norms count the batches that they have seen, for a kind of average that we do not
 * have: nobody misses it. */
static bool is_count_of_batches(const char *name) {
    static const char count[] = "num_batches_tracked";
    size_t length = strlen(name), own = sizeof count - 1;
    return length >= own && strcmp(name + length - own, count) == 0;
}

/* What no layer takes. */
static void list_left(const WeightsLoad *from, NameList *left) {
    for (size_t i = 0; from->taken && i < from->tensors->count; i++)
        if (!from->taken[i] && !is_count_of_batches(from->tensors->entry[i].name))
            name_list_add(left, from->tensors->entry[i].name);
}

/* Other names than the net's are seen where both stand side by side. */
static bool check_none_missing(WeightsLoad *from, Error *err) {
    NameList left = { 0 };
    if (from->missing.count == 0)
        return true;
    list_left(from, &left);
    bool one = from->missing.count == 1;
    return error_set(err, ERROR_ARGUMENT, "%s %s missing%s%s", name_list_text(&from->missing),
                     one ? "is" : "are", left.count ? "; no layer takes " : "",
                     name_list_text(&left));
}

/* A tensor beside the given one, "fc.bias" beside "fc.weight", that its layer does not take: that
 * would be another net. */
static bool check_beside(const WeightsLoad *from, size_t taken, Error *err) {
    const struct NamedArray *entry = from->tensors->entry;
    const char *end = strrchr(entry[taken].name, '.');
    size_t stem = end ? (size_t)(end - entry[taken].name) + 1 : 0;
    for (size_t i = taken; i-- > 0 && strncmp(entry[i].name, entry[taken].name, stem) == 0;)
        taken = i;
    for (size_t i = taken; i < from->tensors->count; i++) {
        const char *name = entry[i].name;
        if (strncmp(name, entry[taken].name, stem) != 0)
            break;
        if (!from->taken[i] && !strchr(name + stem, '.') && !is_count_of_batches(name))
            return error_set(err, ERROR_ARGUMENT, "the file has %s, which the layer does not take",
                             name);
    }
    return true;
}

/* Strictly each tensor belongs to a layer: a net without a layer's bias would otherwise take the
 * rest of another net for its own. Else what is left may be other layers'. */
static bool check_left(const WeightsLoad *from, Error *err) {
    NameList left = { 0 };
    list_left(from, &left);
    if (from->file->strict && left.count > 0)
        return error_set(err, ERROR_ARGUMENT, "no layer takes %s", name_list_text(&left));
    if (from->file->left)
        *from->file->left = left;
    for (size_t i = 0; i < from->tensors->count; i++)
        if (from->taken[i] && strchr(from->tensors->entry[i].name, '.') &&
            !check_beside(from, i, err))
            return false;
    return true;
}

/* What a file calls the layer. */
static const char *name_in_file(const WeightsLoad *from, const Network *net, size_t l) {
    for (size_t i = 0; from->file && i < from->file->foreigners; i++)
        if (from->file->foreign[i].layer == l)
            return from->file->foreign[i].name;
    return net->layer[l]->name;
}

/* What network_load_weights does; its `from` has no weights yet. */
static bool load_weights(Network *net, WeightsLoad from, Error *err) {
    size_t bytes = network_rounded(net->parameters + 1) * sizeof(float);
    float *weights = aligned_alloc(64, bytes);
    if (!weights)
        return error_memory(err, "weights", bytes);
    from.weights = weights;
    from.nested = network_is_nested(net) && !(from.file && from.file->foreigners);
    bool ok = true;
    for (size_t l = 0; l < net->layers && ok; l++) {
        from.name = name_in_file(&from, net, l);
        for (int p = 0; p < net->layer[l]->parameters && ok; p++)
            ok = load_parameter(&from, net->layer[l], p, err);
    }
    free(from.ending);
    ok = check_none_missing(&from, err) && ok && (!from.taken || check_left(&from, err));
    ok = ok && (from.prefix || number_classes(net, err));
    if (ok) {
        float *old = net->weights;
        net->weights = weights;
        weights = old;
        network_weights_changed(net);
    }
    free(weights);
    return ok;
}

bool network_load_weights(Network *net, const Tensors *tensors, const char *prefix, Error *err) {
    return load_weights(net, (WeightsLoad){ .tensors = tensors, .prefix = prefix }, err);
}

/* All weights of the file, which is open. */
static bool load_open_file(Network *net, const Tensors *tensors, const WeightsFile *file,
                           Error *err) {
    WeightsLoad from = { .tensors = tensors, .file = file };
    if (!(from.taken = calloc(tensors->count + 1, sizeof *from.taken)))
        return error_memory(err, "weights", tensors->count);
    bool ok = load_weights(net, from, err);
    free(from.taken);
    return ok;
}

bool network_load_file(Network *net, const WeightsFile *file, Error *err) {
    Tensors tensors;
    tensors_init(&tensors);
    bool opened = tensors_open(&tensors, file->path, err);
    bool ok = opened && load_open_file(net, &tensors, file, err);
    if (!ok)
        error_prefix(err, "load_weights%s%s", opened ? ": " : "", opened ? file->path : "");
    tensors_clear(&tensors);
    return ok;
}

Array *network_parameter(const Network *net, size_t layer, int p, const float *vector, Error *err) {
    const Layer *owner = net->layer[layer];
    const Parameter *parameter = &owner->parameter[p];
    Sizes sizes = sizes_of(parameter->ndim, parameter->shape);
    Array *array = array_new("weights", DTYPE_F32, &sizes, err);
    if (!array)
        return NULL;
    const float *own = (vector ? vector : net->weights) + owner->offset + parameter->offset;
    if (owner->kind->export)
        owner->kind->export(owner, p, own, array_f32(array));
    else
        memcpy(array_f32(array), own, parameter->count * sizeof *own);
    return array;
}

int network_parameters(const Network *net, size_t layer) {
    return net->layer[layer]->parameters;
}

const char *network_parameter_name(const Network *net, size_t layer, int p) {
    return net->layer[layer]->parameter[p].name;
}

bool network_parameter_is_buffer(const Network *net, size_t layer, int p) {
    return net->layer[layer]->parameter[p].buffer;
}

size_t network_vector_size(const Network *net) {
    return net->parameters;
}

bool network_save_weights(const Network *net, Tensors *tensors, const char *prefix, Error *err) {
    bool ok = true;
    for (size_t l = 0; l < net->layers && ok; l++)
        for (int p = 0; p < net->layer[l]->parameters && ok; p++) {
            char name[2 * LAYER_NAME_SIZE];
            snprintf(name, sizeof name, "%s.%s", net->layer[l]->name,
                     net->layer[l]->parameter[p].name);
            Array *array = network_parameter(net, l, p, NULL, err);
            ok = array && tensors_add(tensors, (TensorName){ prefix, name }, array, err);
            array_free(array);
        }
    return ok;
}
