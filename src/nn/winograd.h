/* winograd.h — convolutions by 3 × 3 kernels at stride 1 with a quarter of the multiplications:
 * Winograd's F(4 × 4, 3 × 3).
 *
 * An output is cut into tiles of 4 × 4 pixels. With the six pixels d that a row of four sees, the
 * kernel's three numbers g and fixed matrices A, B, G
 *
 *     y = Aᵀ [(G g) ⊙ (Bᵀ d)],
 *
 * and the same down the columns: 36 products a tile, channel and map, where the plain sum has 144.
 * For each of the 36 places those of all tiles, channels and maps are one matrix product. The
 * matrices are Toom and Cook's for the points 0, ±√½, ±√2 and infinity, which were measured to lose
 * least: on float32 about twice what the plain sum loses (the usual ±1, ±2 lose ten times that).
 *
 * The gradient with respect to the input is such a convolution too, by the kernel turned round;
 * that of the kernel is the reverse of these steps. Only where panel.h can multiply. */
#ifndef PERIGEE_NN_WINOGRAD_H
#define PERIGEE_NN_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { WINOGRAD_PLACES = 36 };

/* n images with channels innermost, and what comes out: out_height = height + 2·padding − 2. */
typedef struct Winograd {
    size_t n;
    size_t height, width, channels;
    size_t out_height, out_width, maps;
    size_t padding[2];
} Winograd;

/* Can it be done, and does it save work? n does not matter. */
bool winograd_pays(const Winograd *images);

/* Floats of scratch for winograd_convolve, and for winograd_outer. */
size_t winograd_scratch(const Winograd *images);
size_t winograd_outer_scratch(const Winograd *images);

/* The kernels in the form that winograd_convolve multiplies by: 36 × channels × maps of them, from
 * (3, 3, channels, maps). */
void winograd_filter(const float *weights, size_t channels, size_t maps, float *filter);

/* Images x and what they are convolved with and to. */
typedef struct WinogradCall {
    const Winograd *images;
    const float *x;
    float *scratch;
} WinogradCall;

/* y = bias + the convolution; bias may be NULL. */
void winograd_convolve(const WinogradCall *call, const float *filter, const float *bias, float *y);

/* dweights (3, 3, channels, maps) += the gradient of Σ dy · y. */
void winograd_outer(const WinogradCall *call, const float *dy, float *dweights);

#endif
