#include "core/batch.h"

Batch batch_rows(const Batch *batch, size_t first, size_t n) {
    return (Batch){ batch->x + first * batch->features, n, batch->features, batch->where };
}
