#include "core/batch.h"

#include "core/bytes.h"

Batch batch_rows(const Batch *batch, size_t first, size_t n) {
    Batch rows = { batch->x, n, batch->features, batch->where };
    if (batch->x) {
        rows.x += first * batch->features;
    } else if (batch->bytes) {
        bytes_to_floats(batch->bytes + first * batch->features, n * batch->features, batch->room);
        rows.x = batch->room;
    }
    return rows;
}
