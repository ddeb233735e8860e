#include "nn/elementwise.h"

#include "core/simd.h"

static size_t block_at(size_t at, size_t count) {
    return count - at < ELEMENTWISE_BLOCK ? count - at : ELEMENTWISE_BLOCK;
}

void elementwise_forward(const Layer *layer, const LayerCall *call, ElementwiseValues *values) {
    size_t count = call->tile->n * shape_size(layer->out);
    for (size_t at = 0; at < count; at += ELEMENTWISE_BLOCK)
        values(layer, call->x + at, call->y + at, block_at(at, count));
}

SIMD_CLONES
static void multiply(const float *dy, const float *slope, float *dx, size_t n) {
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * slope[i];
}

void elementwise_backward(const Layer *layer, const LayerCall *call, ElementwiseSlopes *slopes) {
    size_t count = call->dx ? call->tile->n * shape_size(layer->out) : 0;
    const float *read = layer->kind->backward_reads_y ? call->y : call->x;
    float slope[ELEMENTWISE_BLOCK];
    for (size_t at = 0; at < count; at += ELEMENTWISE_BLOCK) {
        size_t n = block_at(at, count);
        slopes(layer, read + at, slope, n);
        multiply(call->dy + at, slope, call->dx + at, n);
    }
}
