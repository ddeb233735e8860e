#include "nn/forks.h"

#include <string.h>

void forks_start(Forks *forks, const Network *net, float *room, size_t floats) {
    forks->count = 0;
    for (size_t d = 0; d < net->depth; d++)
        forks->buffer[d] = room + d * floats;
}

void forks_part(Forks *forks, const Network *net, size_t rows, const Slope *slope) {
    size_t l = slope->layer;
    const Container *residual = residual_of(net->layer[l]);
    size_t first = wiring_first(net->layer, l);
    Fork *fork = &forks->open[forks->count];
    *fork = (Fork){ .first = first,
                    .until = residual->shortcut ? first + residual->body : first,
                    .waiting = forks->buffer[forks->count],
                    .started = slope->started };
    forks->count++;
    if (slope->started)
        memcpy(fork->waiting, slope->values, rows * shape_size(net->layer[l]->out) * sizeof(float));
}

static void swap(Fork *fork, Slope *slope) {
    float *values = slope->values;
    bool started = slope->started;
    slope->values = fork->waiting;
    slope->started = fork->started;
    fork->waiting = values;
    fork->started = started;
}

static void meet(Fork *fork, size_t floats, Slope *slope) {
    if (!slope->started)
        swap(fork, slope);
    else if (fork->started)
        for (size_t i = 0; i < floats; i++)
            slope->values[i] += fork->waiting[i];
}

void forks_arrive(Forks *forks, const Network *net, size_t rows, size_t l, Slope *slope) {
    while (forks->count > 0 && forks->open[forks->count - 1].until == l) {
        Fork *fork = &forks->open[forks->count - 1];
        if (fork->until != fork->first) {
            swap(fork, slope);
            fork->until = fork->first;
            return;
        }
        meet(fork, rows * shape_size(net->layer[l]->in), slope);
        forks->buffer[--forks->count] = fork->waiting;
    }
}
