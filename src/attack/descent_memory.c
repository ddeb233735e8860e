/* descent_memory.c — what a descent holds: its buffers, by one table, and its rows' growing paths.
 */
#include "attack/descent.h"
#include "attack/descent_inside.h"
#include "core/fail.h"
#include "core/parallel.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The buffers of a descent, for allocation and release alike: elements of `size` bytes for each
 * row, trial point or worker thread: a single one, one per feature or one per column. */
typedef enum BufferRows { BY_ROW, BY_TRIAL, BY_THREAD } BufferRows;

static const struct Buffer {
    size_t offset, size;
    BufferRows rows;
    Width width;
} buffers[] = {
    { offsetof(Descent, x), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, scores), sizeof(double), BY_ROW, WIDTH_COLUMNS },
    { offsetof(Descent, loss), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, score_count), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, gradient_count), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, stop), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, still), sizeof(int32_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, answer), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, answer_at), sizeof(size_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, worth), sizeof(Worth), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, rated), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, path), sizeof(Path), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, active), sizeof(size_t), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, gradient), sizeof(float), BY_ROW, WIDTH_FEATURES },
    { offsetof(Descent, gradient_norm), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, largest), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, weights), sizeof(double), BY_ROW, WIDTH_COLUMNS },
    { offsetof(Descent, height), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, risen), sizeof(double), BY_ROW, WIDTH_ONE },
    { offsetof(Descent, trial), sizeof(float), BY_TRIAL, WIDTH_FEATURES },
    { offsetof(Descent, trial_scores), sizeof(double), BY_TRIAL, WIDTH_COLUMNS },
    { offsetof(Descent, trial_loss), sizeof(double), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, trial_goal), sizeof(Goal), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, trial_sample), sizeof(size_t), BY_TRIAL, WIDTH_ONE },
    { offsetof(Descent, scratch), sizeof(double), BY_THREAD, WIDTH_FEATURES },
};
enum { BUFFERS = sizeof buffers / sizeof *buffers };

static size_t width_of(const Problem *problem, Width width) {
    return width == WIDTH_FEATURES  ? problem->features
           : width == WIDTH_COLUMNS ? problem->columns
                                    : 1;
}

static void **buffer_slot(Descent *descent, const struct Buffer *buffer) {
    return (void **)(void *)((char *)descent + buffer->offset);
}

static bool allocate(void **slot, size_t count, size_t size, Error *err) {
    *slot = calloc(count ? count : 1, size);
    return *slot || error_memory(err, "attack", count * size);
}

bool descent_init(Descent *descent, const Problem *problem, size_t n, Error *err) {
    *descent = (Descent){ .problem = problem, .n = n };
    const Attack *attack = problem->attack;
    const size_t rows[] = {
        [BY_ROW] = n, [BY_TRIAL] = n * attack->trials, [BY_THREAD] = (size_t)parallel_threads()
    };
    bool ok = true;
    for (const struct Buffer *b = buffers; ok && b < buffers + BUFFERS; b++)
        ok = allocate(buffer_slot(descent, b), rows[b->rows] * width_of(problem, b->width), b->size,
                      err);
    for (size_t s = 0; ok && s < attack->states; s++)
        ok = allocate(&descent->state[s], n * width_of(problem, attack->state[s].width),
                      attack->state[s].size, err);
    if (!ok)
        descent_clear(descent);
    return ok;
}

void descent_clear(Descent *descent) {
    for (size_t i = 0; descent->path && i < descent->n; i++) {
        free(descent->path[i].loss);
        free(descent->path[i].scores);
        free(descent->path[i].distance);
        free(descent->path[i].gradient_norm);
        free(descent->path[i].largest_kernel);
        free(descent->path[i].iterates);
    }
    for (size_t b = 0; b < BUFFERS; b++)
        free(*buffer_slot(descent, &buffers[b]));
    for (size_t s = 0; s < ATTACK_STATES; s++)
        free(descent->state[s]);
    *descent = (Descent){ 0 };
}

static bool grow_one(void *slot, size_t count, size_t size, Error *err) {
    void *old, *grown;
    memcpy(&old, slot, sizeof old);
    if (!(grown = realloc(old, count * size)))
        return error_memory(err, "attack", count * size);
    memcpy(slot, &grown, sizeof grown);
    return true;
}

bool descent_grow_path(Path *path, const Problem *problem, Error *err) {
    size_t capacity = path->capacity ? 2 * path->capacity : 8;
    bool ok = grow_one(&path->loss, capacity, sizeof(double), err) &&
              grow_one(&path->scores, capacity * problem->columns, sizeof(double), err) &&
              grow_one(&path->distance, capacity, sizeof(double), err) &&
              grow_one(&path->gradient_norm, capacity, sizeof(double), err) &&
              grow_one(&path->largest_kernel, capacity, sizeof(double), err) &&
              (!problem->params->iterates ||
               grow_one(&path->iterates, capacity * problem->features, sizeof(float), err));
    path->capacity = ok ? capacity : path->capacity;
    return ok;
}
