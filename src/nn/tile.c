/* tile.c — a few samples on their way through the layers, forward and back, on one thread. */
#include "core/denormals.h"
#include "nn/forks.h"
#include "nn/layout.h"
#include "nn/network.h"
#include "nn/network_impl.h"

#include <string.h>

static Shape activation_shape(const Network *net, size_t activation) {
    return activation ? net->layer[activation - 1]->out : net->input;
}

float *tile_activation(const Network *net, const TileRun *run, size_t activation) {
    return run->arena + run->plan->offset[activation] * run->capacity +
           run->at * shape_size(activation_shape(net, activation));
}

void tile_give(const Network *net, const TileRun *run, const Taps *taps, size_t l) {
    Shape shape = net->layer[l]->out;
    for (size_t t = 0; t < taps->count; t++)
        if (taps->layer[t] == l)
            layout_to_outer(shape, run->tile.n, tile_activation(net, run, l + 1),
                            taps->output[t] + run->row * shape_size(shape));
}

static const float *read_activation(const Network *net, const TileRun *run, size_t activation) {
    return activation == 0 && run->input ? run->input : tile_activation(net, run, activation);
}

LayerCall tile_call(const Network *net, const TileRun *run, size_t l, Tile *tile) {
    const Wire *wire = &net->wire[l];
    *tile = run->tile;
    tile->prepared = net->prepared + net->layer[l]->prepared;
    return (LayerCall){ .tile = tile,
                        .weights = net->weights + net->layer[l]->offset,
                        .x = read_activation(net, run, wire->source),
                        .also = wire->also == WIRING_NONE
                                    ? NULL
                                    : read_activation(net, run, (size_t)wire->also),
                        .y = tile_activation(net, run, l + 1) };
}

void tile_forward(const Network *net, const TileRun *run, const Taps *taps) {
    DenormalMode caller = denormals_flush();
    for (size_t l = run->begin; l < run->end; l++) {
        Tile tile;
        LayerCall call = tile_call(net, run, l, &tile);
        net->layer[l]->kind->forward(net->layer[l], &call);
        if (taps)
            tile_give(net, run, taps, l);
    }
    denormals_restore(caller);
}

void tile_enter(const Network *net, const TileRun *run, const TileGradients *gradients,
                Slope *slope) {
    Shape shape = net->layer[slope->layer]->out;
    for (size_t t = 0; t < gradients->taps->count; t++) {
        if (gradients->taps->layer[t] != slope->layer || !gradients->gradient[t])
            continue;
        const float *from = gradients->gradient[t] + run->row * shape_size(shape);
        if (slope->started)
            layout_add_inner(shape, run->tile.n, from, slope->values);
        else
            layout_to_inner(shape, run->tile.n, from, slope->values);
        slope->started = true;
    }
}

/* What flows back through a tile. */
typedef struct Flow {
    const TileGradients *gradients;
    size_t stop; /* below this layer nobody wants it, … */
    bool out;    /* … or what comes out there leaves the layers that are run */
    Slope slope;
    float *other; /* room for the next one */
    Forks forks;
} Flow;

size_t network_lowest(const Network *net, bool input_wanted) {
    size_t l = 0;
    while (!input_wanted && l < net->layers && net->layer[l]->parameters == 0)
        l++;
    return l;
}

static void clear_layers(const Network *net, size_t from, size_t to, float *dweights) {
    for (size_t l = from; l < to; l++)
        memset(dweights + net->layer[l]->offset, 0,
               net->layer[l]->parameter_count * sizeof *dweights);
}

/* From the output of the slope's layer to its input, if anybody wants it there. */
static void layer_backward(const Network *net, const TileRun *run, Flow *flow) {
    size_t l = flow->slope.layer;
    bool down = l != flow->stop || flow->out;
    const Layer *layer = net->layer[l];
    float *dweights = flow->gradients->dweights, *dy = flow->slope.values;
    Tile tile;
    float *dx = !down ? NULL : layer->kind->in_place ? dy : flow->other;
    LayerCall call = tile_call(net, run, l, &tile);
    call.dy = dy;
    call.dx = dx;
    call.dweights = dweights ? dweights + layer->offset : NULL;
    call.fresh = run->first && dweights && layer->kind->starts_weights;
    layer->kind->backward(layer, &call);
    if (dx == flow->other) {
        flow->other = dy;
        flow->slope.values = dx;
    }
}

/* Back through the slope's layer, and to where ways part or meet. */
static void step_back(const Network *net, const TileRun *run, Flow *flow) {
    size_t l = flow->slope.layer;
    if (residual_of(net->layer[l]))
        forks_part(&flow->forks, net, run->tile.n, &flow->slope);
    else if (flow->slope.started)
        layer_backward(net, run, flow);
    if (l != flow->stop || flow->out)
        forks_arrive(&flow->forks, net, run->tile.n, l, &flow->slope);
}

static Flow start_flow(const Network *net, const TileRun *run, const Workspace *space,
                       const TileGradients *gradients) {
    bool out = gradients->dx || gradients->below;
    size_t lowest = network_lowest(net, out);
    Flow flow = { .gradients = gradients,
                  .stop = lowest > run->begin ? lowest : run->begin,
                  .out = out,
                  .slope = { .values = space->gradient[0], .started = gradients->above },
                  .other = space->gradient[1] };
    forks_start(&flow.forks, net, space->waiting, network_rounded(net->largest * net->tile));
    size_t size = shape_size(net->layer[run->end - 1]->out);
    if (gradients->above)
        memcpy(flow.slope.values, gradients->above + run->at * size,
               run->tile.n * size * sizeof(float));
    return flow;
}

void tile_backward(const Network *net, const TileRun *run, const Workspace *space,
                   const TileGradients *gradients) {
    float *dx = gradients->dx;
    bool first = run->first && gradients->dweights;
    DenormalMode caller = denormals_flush();
    Flow flow = start_flow(net, run, space, gradients);
    if (first)
        clear_layers(net, run->end, net->layers, gradients->dweights);
    for (size_t l = run->end; l-- > flow.stop;) {
        flow.slope.layer = l;
        tile_enter(net, run, gradients, &flow.slope);
        bool started = flow.slope.started && net->layer[l]->kind->starts_weights;
        if (first && !started) /* just before it is added to: it stays in the cache */
            clear_layers(net, l, l + 1, gradients->dweights);
        step_back(net, run, &flow);
    }
    size_t size = shape_size(net->layer[run->begin]->in);
    if (gradients->below && flow.slope.started)
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): what has started has values
        memcpy(gradients->below + run->at * size, flow.slope.values,
               run->tile.n * size * sizeof(float));
    if (dx && flow.slope.started)
        layout_to_outer(net->input, run->tile.n, flow.slope.values, dx);
    else if (dx)
        memset(dx, 0, run->tile.n * shape_size(net->input) * sizeof *dx);
    denormals_restore(caller);
}
