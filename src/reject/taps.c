#include "reject/taps.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* Rows in whole tiles of what they go through (nn's, svm's): then the bits do not depend on them.
 */
enum { TILE_BYTES = 64 << 20, TILE_MAX = 512, TILE_STEP = 128, TILE_MIN = 16 };

size_t taps_tile(const Network *net) {
    size_t width = 1;
    for (size_t i = 0; i < network_layer_count(net); i++)
        width += network_output_size(net, i);
    size_t rows = TILE_BYTES / (width * sizeof(float));
    rows = rows < TILE_MIN ? TILE_MIN : rows > TILE_MAX ? TILE_MAX : rows;
    return rows < TILE_STEP ? rows : rows / TILE_STEP * TILE_STEP;
}

/* The taps of rows from `first` on. */
static void move_outputs(const TapsJob *job, size_t first, float **output) {
    for (size_t t = 0; t < job->taps.count; t++)
        output[t] = job->taps.output[t] + first * network_output_size(job->net, job->taps.layer[t]);
}

bool taps_extract(const TapsJob *job, Progress *progress, Error *err) {
    const Samples *samples = job->samples;
    size_t tile = taps_tile(job->net), n = samples->n;
    Batch all = { samples->x, n, samples->features, "fit" };
    float **output = malloc((job->taps.count + 1) * sizeof *output);
    bool ok = output || error_memory(err, "fit", job->taps.count * sizeof *output);
    progress_begin(progress, "layer outputs", (double)n);
    for (size_t first = 0; first < n && ok; first += tile) {
        Batch batch = batch_rows(&all, first, n - first < tile ? n - first : tile);
        move_outputs(job, first, output);
        ok = network_outputs(job->net, &batch, &(Taps){ job->taps.layer, job->taps.count, output },
                             err);
        if (!progress_step(progress, (double)batch.n, NULL))
            break;
    }
    progress_end(progress);
    free(output);
    return ok;
}
