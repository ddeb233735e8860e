#include "nn/container.h"

static const Container initial = { .prefix = true };

#define CONTAINER_PREFIX                                                                           \
    {                                                                                              \
        "prefix", FIELD_BOOLEAN, offsetof(Container, prefix),                                      \
            .meaning = "names inside begin with its own, as in \"layer1.conv1\""                   \
    }

/* Nothing happens in a sequence itself: its output is where its last layer has left it. */
static void pass_on(const Layer *layer, const LayerCall *call) {
    (void)layer;
    (void)call;
}

static const Field sequence_fields[] = { CONTAINER_PREFIX, LAYER_NAME, { .name = NULL } };

const LayerKind layer_sequence = {
    .name = "sequence",
    .label = "sequence",
    .summary = "Layers one after the other under one name. Those without a name are called \"0\", "
               "\"1\", … as PyTorch's Sequential does.",
    .example = "local conv = nn.conv2d { out = 2, kernel = 3 }\n"
               "local block = nn.sequence { name = \"features\", conv, nn.relu() }\n"
               "print(nn.new { input = { 8, 8 }, block })",
    .fields = { sequence_fields, &initial },
    .size = sizeof(Container),
    .in_place = true,
    .forward = pass_on,
    .backward = pass_on,
};

/* `out` equals the body's output: the shortcut's is checked by the network, which knows it. */
static void add(const Layer *layer, const LayerCall *call) {
    size_t count = call->tile->n * shape_size(layer->out);
    for (size_t i = 0; i < count; i++)
        call->y[i] = call->x[i] + call->also[i];
}

static const Field residual_fields[] = {
    { "shortcut", FIELD_OBJECT, .type = "table", .initial = "the input itself",
      .meaning = "the other way: a layer, or a list of layers (a sequence)" },
    CONTAINER_PREFIX,
    LAYER_NAME,
    { .name = NULL },
};

const LayerKind layer_residual = {
    .name = "residual",
    .label = "residual",
    .summary = "body(x) + shortcut(x): its layers one after the other, and beside them the input "
               "itself or what `shortcut` makes of it.",
    .example = "local conv = nn.conv2d { out = 1, kernel = 3, padding = 1 }\n"
               "local block = nn.residual { name = \"block\", conv }\n"
               "print(nn.new { input = { 8, 8 }, block, nn.relu() })",
    .fields = { residual_fields, &initial },
    .size = sizeof(Container),
    .in_place = true,
    .forward = add,
    .backward = pass_on,
};

const LayerKind *const container_table[] = { &layer_sequence, &layer_residual, NULL };

const Container *container_of(const Layer *layer) {
    const LayerKind *kind = layer->kind;
    return kind == &layer_sequence || kind == &layer_residual ? (const Container *)layer : NULL;
}

const Container *residual_of(const Layer *layer) {
    return layer->kind == &layer_residual ? (const Container *)layer : NULL;
}
