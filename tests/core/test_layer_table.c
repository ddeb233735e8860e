/* Every kind of layer, called as a pass calls it: what layer.h promises of a kind. */
#include "layer_walk.h"

typedef struct Single {
    Network *net;
    const Layer *layer;
    Tile tile;
    size_t inputs, outputs, weights;
    float *x, *y, *dy, *dx, *dweights;
} Single;

static float *prepared_of(const Layer *layer, const float *weights) {
    float *prepared = floats(layer->kind->prepared ? layer->kind->prepared(layer) : 0);
    if (layer->kind->prepare)
        layer->kind->prepare(layer, weights, prepared);
    return prepared;
}

static LayerCall call_of(const Single *single) {
    return (LayerCall){ .tile = &single->tile,
                        .weights = single->net->weights,
                        .x = single->x,
                        .y = single->y,
                        .dy = single->dy,
                        .dx = single->dx,
                        .dweights = single->dweights };
}

/* As a pass does once the weights have changed. */
static void forward(const Single *single) {
    LayerCall call = call_of(single);
    if (single->layer->kind->prepare)
        single->layer->kind->prepare(single->layer, single->net->weights,
                                     (float *)single->tile.prepared);
    single->layer->kind->forward(single->layer, &call);
}

static void backward(const Single *single) {
    LayerCall call = call_of(single);
    single->layer->kind->backward(single->layer, &call);
}

static Single single_of(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Single single = { .net = net_with(kind, row, shape) };
    const Layer *layer = single.layer = single.net->layer[0];
    single.inputs = n * shape_size(layer->in);
    single.outputs = n * shape_size(layer->out);
    single.weights = layer->parameter_count;
    single.tile = (Tile){ .n = n, .first = 2, .seed = 11 };
    single.tile.scratch = floats(kind->scratch ? kind->scratch(layer) : 0);
    single.tile.prepared = prepared_of(layer, single.net->weights);
    single.x = floats(single.inputs);
    single.dx = floats(single.inputs);
    single.y = floats(single.outputs);
    single.dy = floats(single.outputs);
    single.dweights = floats(single.weights);
    fill_spaced(shape, n, true, single.x);
    if (kind->whole_batch) /* which has no kinks, but no slope where samples are alike */
        fill_random(single.x, single.inputs, 3);
    fill_random(single.dy, single.outputs, 2);
    return single;
}

static void single_done(Single *single) {
    free(single->tile.scratch);
    free((void *)single->tile.prepared);
    free(single->x);
    free(single->dx);
    free(single->y);
    free(single->dy);
    free(single->dweights);
    net_done(single->net);
}

static double weighted_sum(const Single *single) {
    double sum = 0;
    forward(single);
    for (size_t i = 0; i < single->outputs; i++)
        sum += (double)single->dy[i] * single->y[i];
    return sum;
}

/* Of many values, these: 31 shares no factor with the sizes that occur. */
enum { LOOKED_AT = 124 };

/* The slope of the sum at a value, by central differences; of two of them the error that falls with
 * the square of the step is taken out, since not every kind is linear between its kinks. */
static double difference(const Single *single, float *value, float step) {
    float kept = *value;
    *value = kept + step;
    double above = weighted_sum(single);
    *value = kept - step;
    double below = weighted_sum(single);
    *value = kept;
    return (above - below) / (2 * (double)step);
}

static void compare_slopes(const Single *single, const char *what, float *values,
                           const float *slopes, size_t count) {
    const float step = 0.02f;
    size_t looks = count < LOOKED_AT ? count : LOOKED_AT;
    for (size_t k = 0; k < looks; k++) {
        size_t i = looks < count ? k * 31 % count : k;
        double wide = difference(single, values + i, step);
        double numeric = (4 * difference(single, values + i, step / 2) - wide) / 3;
        /* sums of float32 as an unoptimised build makes them leave 3.2e-4 in a layernorm's */
        if (!(fabs(numeric - slopes[i]) <= 5e-4 * fmax(1, fabs(numeric))))
            fail_msg("%s: %s %zu of %zu: %g by differences, %g by backward",
                     single->layer->kind->name, what, i, count, numeric, slopes[i]);
    }
}

/* Of buffers there is no gradient. */
static void assert_all_zero(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_true(x[i] == 0);
}

/* Weight gradients are added to what is there. */
static void check_gradients(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    for (int training = 0; training < 2; training++) {
        Single single = single_of(kind, row, shape, n);
        single.tile.training = training;
        forward(&single);
        for (size_t i = 0; i < single.weights; i++)
            single.dweights[i] = 0.25f;
        backward(&single);
        for (size_t i = 0; i < single.weights; i++)
            single.dweights[i] -= 0.25f;
        compare_slopes(&single, "dx", single.x, single.dx, single.inputs);
        for (int p = 0; p < single.layer->parameters; p++) {
            const Parameter *parameter = &single.layer->parameter[p];
            float *dweights = single.dweights + parameter->offset;
            if (parameter->buffer)
                assert_all_zero(dweights, parameter->count);
            else
                compare_slopes(&single, "dweights", single.net->weights + parameter->offset,
                               dweights, parameter->count);
        }
        single_done(&single);
    }
}

static void gradients_by_differences(void **state) {
    (void)state;
    walk(check_gradients);
}

static void poison(float *x, size_t n, float with) {
    for (size_t i = 0; i < n; i++)
        x[i] = with;
}

/* What holds nothing comes to the same as what is cleared. */
static void check_fresh(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    if (!kind->starts_weights)
        return;
    Single single = single_of(kind, row, shape, n);
    float *cleared = floats(single.weights);
    forward(&single);
    LayerCall call = call_of(&single);
    call.dweights = cleared;
    kind->backward(single.layer, &call);
    poison(single.dweights, single.weights, 1e9f);
    call.dweights = single.dweights;
    call.fresh = true;
    kind->backward(single.layer, &call);
    assert_memory_equal(single.dweights, cleared, single.weights * sizeof *cleared);
    free(cleared);
    single_done(&single);
}

static void weights_start_from_nothing(void **state) {
    (void)state;
    walk(check_fresh);
}

static float *copy_of(const float *x, size_t n) {
    return memcpy(floats(n), x, n * sizeof *x);
}

/* What a kind says that it needs is all that it needs: backward does not look at x or y unless it
 * says so, and each gradient comes alone as well. */
static void check_claims(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    Single single = single_of(kind, row, shape, n);
    single.tile.training = true;
    forward(&single);
    backward(&single);
    float *dx = copy_of(single.dx, single.inputs);
    float *dweights = copy_of(single.dweights, single.weights);
    if (!kind->backward_reads_x)
        poison(single.x, single.inputs, NAN);
    if (!kind->backward_reads_y)
        poison(single.y, single.outputs, NAN);
    poison(single.dx, single.inputs, NAN);
    Single part = single;
    part.dweights = NULL;
    backward(&part);
    assert_memory_equal(dx, single.dx, single.inputs * sizeof *dx);
    part = single;
    part.dx = NULL;
    poison(single.dweights, single.weights, 0);
    backward(&part);
    assert_memory_equal(dweights, single.dweights, single.weights * sizeof *dweights);
    free(dx);
    free(dweights);
    single_done(&single);
}

static void backward_reads_what_it_says(void **state) {
    (void)state;
    walk(check_claims);
}

/* y in x's place, dx in dy's: the same numbers. */
static void check_in_place(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    if (!kind->in_place)
        return;
    Single single = single_of(kind, row, shape, n), placed = single;
    single.tile.training = placed.tile.training = true;
    forward(&single);
    backward(&single);
    placed.x = placed.y = copy_of(single.x, single.inputs);
    placed.dy = placed.dx = copy_of(single.dy, single.outputs);
    forward(&placed);
    assert_memory_equal(single.y, placed.y, single.outputs * sizeof *single.y);
    backward(&placed);
    assert_memory_equal(single.dx, placed.dx, single.inputs * sizeof *single.dx);
    free(placed.x);
    free(placed.dx);
    single_done(&single);
}

static void in_place_is_the_same(void **state) {
    (void)state;
    walk(check_in_place);
}

static void check_export(const LayerKind *kind, const OptionRow *row, Shape shape, size_t n) {
    (void)n;
    Network *net = net_with(kind, row, shape);
    const Layer *layer = net->layer[0];
    for (int p = 0; p < layer->parameters; p++) {
        const Parameter *parameter = &layer->parameter[p];
        const float *own = net->weights + layer->offset + parameter->offset;
        float *torch = copy_of(own, parameter->count), *back = floats(parameter->count);
        size_t product = 1;
        for (int d = 0; d < parameter->ndim; d++)
            product *= parameter->shape[d];
        assert_int_equal(product, parameter->count);
        assert_int_equal(kind->export == NULL, kind->import == NULL);
        if (kind->export) {
            kind->export(layer, p, own, torch);
            size_t count = parameter->count, half = count / 2;
            kind->import(layer, p, &(ParameterPiece){ torch, 0, half }, back);
            kind->import(layer, p, &(ParameterPiece){ torch + half, half, count - half }, back);
            assert_memory_equal(own, back, parameter->count * sizeof *own);
        }
        free(torch);
        free(back);
    }
    net_done(net);
}

static void import_undoes_export(void **state) {
    (void)state;
    walk(check_export);
}

static void kinds_are_described(void **state) {
    (void)state;
    for (const LayerKind *const *kind = layer_table; *kind; kind++) {
        Error err = { 0 };
        const Field *name = fields_find((*kind)->fields.field, "name");
        assert_ptr_equal(layer_find((*kind)->name, &err), *kind);
        assert_true((*kind)->summary[0] && (*kind)->example[0] && (*kind)->label[0]);
        if (!name || name->kind != FIELD_NAME || name->offset != offsetof(Layer, own))
            fail_msg("%s has no LAYER_NAME among its fields", (*kind)->name);
        for (const Field *field = (*kind)->fields.field; field->name; field++)
            if (!field->meaning || !field->meaning[0])
                fail_msg("%s: %s means nothing", (*kind)->name, field->name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_by_differences), cmocka_unit_test(backward_reads_what_it_says),
        cmocka_unit_test(in_place_is_the_same),     cmocka_unit_test(import_undoes_export),
        cmocka_unit_test(kinds_are_described),      cmocka_unit_test(weights_start_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
