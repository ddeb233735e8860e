#include "reject/taps.h"

#include "core/fail.h"

#include <stdio.h>
#include <string.h>

enum { TILE_BYTES = 64 << 20, TILE_MAX = 1024, TILE_MIN = 16 };

size_t taps_tile(const Network *net) {
    size_t width = 1;
    for (size_t i = 0; i < network_layer_count(net); i++)
        width += network_output_size(net, i);
    size_t rows = TILE_BYTES / (width * sizeof(float));
    return rows < TILE_MIN ? TILE_MIN : rows > TILE_MAX ? TILE_MAX : rows;
}

bool taps_find(const Network *net, const char *where, const char *name, size_t *layer, Error *err) {
    ptrdiff_t found = network_find(net, name);
    if (found >= 0) {
        *layer = (size_t)found;
        return true;
    }
    char list[512] = "";
    for (size_t i = 0; i < network_layer_count(net); i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                 network_layer_name(net, i));
    }
    return error_set(err, ERROR_ARGUMENT, "%s: the net has no layer \"%s\" (it has: %s)", where,
                     name, list);
}

bool taps_extract(Network *net, const size_t *tap, size_t taps, const float *x, size_t n,
                  float *const *output, Progress *progress, Error *err) {
    size_t tile = taps_tile(net), features = ((Model *)net)->features;
    progress_begin(progress, "layer outputs", (double)n);
    bool ok = true;
    for (size_t first = 0; first < n && ok; first += tile) {
        size_t rows = n - first < tile ? n - first : tile;
        Pass *pass = network_forward(net, x + first * features, rows, tap, taps, false, err);
        for (size_t t = 0; pass && t < taps; t++) {
            size_t width = network_output_size(net, tap[t]);
            memcpy(output[t] + first * width, pass_output(pass, t), rows * width * sizeof(float));
        }
        ok = pass != NULL;
        pass_free(pass);
        if (!progress_step(progress, (double)rows, NULL))
            break;
    }
    progress_end(progress);
    return ok;
}
