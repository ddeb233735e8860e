/* panel.h — small matrix products on rows anywhere in memory, for convolutions without a patch
 * matrix.
 *
 * A row is a list of segments at a fixed distance from one another: the patch under a kernel is
 * one, read where it lies in the image. Only where the processor has AVX2 or AVX-512 and the number
 * of columns is a multiple of 16; elsewhere callers gather patches and use BLAS. */
#ifndef PERIGEE_NN_PANEL_H
#define PERIGEE_NN_PANEL_H

#include <stdbool.h>
#include <stddef.h>

/* count rows; row p is segment s = 0 … segments−1 of `length` floats at at[p] + s·stride, one after
 * the other. */
typedef struct PanelRows {
    const float *const *at;
    size_t count, segments, length, stride;
} PanelRows;

/* Can a product with that many columns be done here? */
bool panel_fits(size_t columns);

/* out[p] = start + row p · matrix, with matrix (segments·length) × columns. start is `bias`, or, if
 * that is NULL, what out[p] holds (rows of out must then differ). */
void panel_multiply(const PanelRows *rows, const float *matrix, size_t columns, const float *bias,
                    float *const *out);

/* sum += Σ_p row pᵀ · factor p: sum (segments·length) × columns, factor count × columns; fresh: sum
 * held nothing and is 0. */
void panel_outer(const PanelRows *rows, const float *factor, size_t columns, bool fresh,
                 float *sum);

/* count runs of numbers: in a source `stride` apart, where they are added `step`, with overlaps. */
typedef struct PanelRuns {
    const float *const *from;
    size_t sources, count, length, stride, step;
} PanelRuns;

/* Sources that are worth a call; any number will do. */
enum { PANEL_SOURCES = 8 };

/* to[i·step + k] += from[s][i·stride + k] for all k < length of each run i of the first source,
 * then of the next one, on any processor. */
void panel_add_runs(const PanelRuns *runs, float *to);

#endif
