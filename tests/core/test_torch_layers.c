/* Every kind of layer beside PyTorch's in float64, in training too where that differs: the cases of
 * reference/torch_layers/make.py. A kind without a case fails. */
#include "nn_case.h"

#include "data/safetensors.h"
#include "nn/layout.h"

#define FOLDER "tests/reference/torch_layers/"

typedef struct TorchCase {
    const cJSON *json;
    const char *name;
    const Tensors *answers;
    Network *net;
    const Layer *layer;
    Tile tile;
    float *weights, *dweights;
    float *x, *y, *dy, *dx; /* as a pass has them */
} TorchCase;

/* ((37 i² + 11 i + 101 salt) mod 1021 − 510) · scale / 512, as make.py has it. */
static float *numbers(size_t count, size_t salt, double scale) {
    float *x = calloc(count + 1, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(((double)(((37 * i + 11) * i + 101 * salt) % 1021) - 510) * scale / 512);
    return x;
}

static double number(const TorchCase *c, const char *key) {
    return cJSON_GetObjectItem(c->json, key)->valuedouble;
}

/* What PyTorch says, which must be there; it belongs to the answers. */
static void compare(const TorchCase *c, const char *what, const float *got, size_t count,
                    double tolerance) {
    Error err = { 0 };
    char name[128];
    snprintf(name, sizeof name, "%s/%s", c->name, what);
    Array *expected = tensors_read(c->answers, (TensorName){ NULL, name }, &err);
    if (!expected)
        fail_msg("%s: %s", c->layer->kind->name, err.message);
    char *layer = cJSON_PrintUnformatted(cJSON_GetObjectItem(c->json, "layer"));
    snprintf(name, sizeof name, "%.80s %s: %s", layer, c->name, what);
    free(layer);
    assert_int_equal(array_size(expected), count);
    assert_near(name, got, array_f32(expected), count, tolerance);
}

/* The same in the order that users see. */
static void compare_images(const TorchCase *c, const char *what, Shape shape, const float *inner,
                           double tolerance) {
    size_t count = c->tile.n * shape_size(shape);
    float *outer = calloc(count + 1, sizeof *outer);
    layout_to_outer(shape, c->tile.n, inner, outer);
    compare(c, what, outer, count, tolerance);
    free(outer);
}

static float *inner_numbers(const TorchCase *c, Shape shape, size_t salt, double scale) {
    size_t count = c->tile.n * shape_size(shape);
    float *outer = numbers(count, salt, scale), *inner = calloc(count + 1, sizeof *inner);
    layout_to_inner(shape, c->tile.n, outer, inner);
    free(outer);
    return inner;
}

static void set_parameters(const TorchCase *c) {
    for (int p = 0; p < c->layer->parameters; p++) {
        const Parameter *parameter = &c->layer->parameter[p];
        float *own = c->weights + parameter->offset;
        float *torch = numbers(parameter->count, 10 + (size_t)p, 1);
        for (size_t i = 0; strcmp(parameter->name, "running_var") == 0 && i < parameter->count; i++)
            torch[i] = fabsf(torch[i]) + 0.25f;
        if (c->layer->kind->import)
            c->layer->kind->import(c->layer, p, &(ParameterPiece){ torch, 0, parameter->count },
                                   own);
        else
            memcpy(own, torch, parameter->count * sizeof *own);
        free(torch);
    }
}

/* A parameter of `vector` in PyTorch's order: its gradient, or in training the buffer itself. */
static void compare_parameter(const TorchCase *c, int p, const float *vector, const char *what,
                              double tolerance) {
    const Parameter *parameter = &c->layer->parameter[p];
    float *torch = calloc(parameter->count + 1, sizeof *torch);
    if (c->layer->kind->export)
        c->layer->kind->export(c->layer, p, vector + parameter->offset, torch);
    else
        memcpy(torch, vector + parameter->offset, parameter->count * sizeof *torch);
    compare(c, what, torch, parameter->count, tolerance);
    free(torch);
}

static void compare_parameters(const TorchCase *c) {
    for (int p = 0; p < c->layer->parameters; p++) {
        const Parameter *parameter = &c->layer->parameter[p];
        char what[64];
        snprintf(what, sizeof what, "d%.40s", parameter->name);
        if (!parameter->buffer)
            compare_parameter(c, p, c->dweights, what, 1e-4);
        else if (c->tile.training)
            compare_parameter(c, p, c->weights, parameter->name, 1e-5);
    }
}

static Network *net_of_case(const cJSON *json) {
    cJSON *description = cJSON_CreateObject(), *layers = cJSON_CreateArray();
    Error err = { 0 };
    cJSON_AddItemToObject(description, "input",
                          cJSON_Duplicate(cJSON_GetObjectItem(json, "input"), true));
    cJSON_AddItemToArray(layers, cJSON_Duplicate(cJSON_GetObjectItem(json, "layer"), true));
    cJSON_AddItemToObject(description, "layers", layers);
    Network *net = network_new(description, 1, &err);
    if (!net)
        fail_msg("%s", err.message);
    cJSON_Delete(description);
    return net;
}

/* Weights may have to be prepared, and the scratch is a pass's. */
static void run(TorchCase *c) {
    const LayerKind *kind = c->layer->kind;
    float *scratch = calloc((kind->scratch ? kind->scratch(c->layer) : 0) + 1, sizeof *scratch);
    float *prepared = calloc((kind->prepared ? kind->prepared(c->layer) : 0) + 1, sizeof *prepared);
    if (kind->prepare)
        kind->prepare(c->layer, c->weights, prepared);
    c->tile.scratch = scratch;
    c->tile.prepared = prepared;
    LayerCall call = { .tile = &c->tile, .weights = c->weights, .x = c->x, .y = c->y };
    call.buffers = c->tile.training ? c->weights : NULL;
    kind->forward(c->layer, &call);
    call.buffers = NULL;
    call.dy = c->dy;
    call.dx = c->dx;
    call.dweights = c->dweights;
    kind->backward(c->layer, &call);
    free(scratch);
    free(prepared);
}

static void check_case(const cJSON *json, const Tensors *answers) {
    TorchCase c = { .json = json, .answers = answers, .net = net_of_case(json) };
    c.name = cJSON_GetStringValue(cJSON_GetObjectItem(json, "name"));
    c.layer = c.net->layer[0];
    c.tile = (Tile){ .n = (size_t)number(&c, "n"),
                     .training = cJSON_IsTrue(cJSON_GetObjectItem(json, "training")) };
    c.weights = c.net->weights;
    c.dweights = calloc(c.layer->parameter_count + 1, sizeof(float));
    c.x = inner_numbers(&c, c.layer->in, 1, number(&c, "scale"));
    c.dy = inner_numbers(&c, c.layer->out, 4, 1);
    c.y = calloc(c.tile.n * shape_size(c.layer->out) + 1, sizeof(float));
    c.dx = calloc(c.tile.n * shape_size(c.layer->in) + 1, sizeof(float));
    set_parameters(&c);
    run(&c);
    compare_images(&c, "y", c.layer->out, c.y, 1e-5);
    compare_images(&c, "dx", c.layer->in, c.dx, 1e-5);
    compare_parameters(&c);
    free(c.dweights);
    free(c.x);
    free(c.dy);
    free(c.y);
    free(c.dx);
    net_done(c.net);
}

static cJSON *read_cases(void) {
    FILE *file = fopen(FOLDER "cases.json", "rb");
    static char text[1 << 16];
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    cJSON *cases = cJSON_Parse(text);
    assert_non_null(cases);
    return cases;
}

static void layers_agree_with_torch(void **state) {
    (void)state;
    Error err = { 0 };
    Tensors answers;
    cJSON *cases = read_cases();
    const cJSON *json;
    tensors_init(&answers);
    if (!tensors_load(&answers, FOLDER "answers.safetensors", &err))
        fail_msg("%s", err.message);
    assert_true(cJSON_GetArraySize(cases) > 80);
    cJSON_ArrayForEach(json, cases) {
        check_case(json, &answers);
    }
    tensors_clear(&answers);
    cJSON_Delete(cases);
}

static void every_kind_has_a_case(void **state) {
    (void)state;
    cJSON *cases = read_cases();
    for (const LayerKind *const *kind = layer_table; *kind; kind++) {
        const cJSON *json;
        bool found = false;
        cJSON_ArrayForEach(json, cases) {
            const cJSON *layer = cJSON_GetObjectItem(json, "layer");
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(layer, "kind"));
            found = found || strcmp(name, (*kind)->name) == 0;
        }
        if (!found)
            fail_msg("%s has no case in " FOLDER "make.py", (*kind)->name);
    }
    cJSON_Delete(cases);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_agree_with_torch),
        cmocka_unit_test(every_kind_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
