/* array_conv_layout.c — a convolution's numbers where BLAS wants them: channels inside, and patches
 * side by side. */
#include "core/array_conv_inside.h"
#include "core/simd.h"
#include "core/transpose.h"

#include <stdint.h>
#include <string.h>

/* The item's samples of an array (n, channels, pixels) to or from (count, pixels, channels). */
void conv_turn_in(const Item *item, const char *from, Channels size, char *to) {
    const Plan *p = item->plan;
    size_t bytes = size.channels * size.pixels * p->size;
    for (size_t s = 0; s < item->count; s++)
        transpose(p->dtype, (Rows){ from + (item->first + s) * bytes, size.channels, size.pixels },
                  to + s * bytes);
}

void conv_turn_out(const Item *item, const char *from, Channels size, char *to) {
    const Plan *p = item->plan;
    size_t bytes = size.channels * size.pixels * p->size;
    for (size_t s = 0; s < item->count; s++)
        transpose(p->dtype, (Rows){ from + s * bytes, size.pixels, size.channels },
                  to + (item->first + s) * bytes);
}

/* Where kernel row ky of a patch meets its image: numbers skip … skip + count − 1 of that row's
 * kw·c lie inside and start at `at`; the rest is padding. */
typedef struct Run {
    size_t at, skip, count;
} Run;

static Run find_run(const Plan *p, size_t i, size_t j, size_t ky) {
    ptrdiff_t y = (ptrdiff_t)(i * p->stride[0] + ky) - (ptrdiff_t)p->padding[0];
    ptrdiff_t left = (ptrdiff_t)(j * p->stride[1]) - (ptrdiff_t)p->padding[1];
    ptrdiff_t right = left + (ptrdiff_t)p->kw, width = (ptrdiff_t)p->w;
    ptrdiff_t from = left < 0 ? 0 : left, to = right > width ? width : right;
    if (y < 0 || y >= (ptrdiff_t)p->h || to <= from)
        return (Run){ 0 };
    return (Run){ (size_t)(y * width + from) * p->c, (size_t)(from - left) * p->c,
                  (size_t)(to - from) * p->c };
}

/* patch = the item's patches, for the pixels of a band; or image += patch. */
#define PATCHES(T, suffix)                                                                         \
    SIMD_CLONES static void gather_##suffix(const Item *item, Band band) {                         \
        const Plan *p = item->plan;                                                                \
        size_t length = p->kw * p->c;                                                              \
        T *patch = (T *)item->patch;                                                               \
        for (size_t s = 0; s < item->count; s++)                                                   \
            for (size_t r = 0; r < band.rows * p->ow * p->kh; r++, patch += length) {              \
                const T *image = (const T *)item->image + s * p->h * p->w * p->c;                  \
                size_t pixel = r / p->kh;                                                          \
                Run run = find_run(p, band.first + pixel / p->ow, pixel % p->ow, r % p->kh);       \
                if (run.count < length)                                                            \
                    memset(patch, 0, length * sizeof *patch);                                      \
                for (size_t k = 0; k < run.count; k++)                                             \
                    patch[run.skip + k] = image[run.at + k];                                       \
            }                                                                                      \
    }                                                                                              \
    SIMD_CLONES static void scatter_##suffix(const Item *item, Band band) {                        \
        const Plan *p = item->plan;                                                                \
        size_t length = p->kw * p->c;                                                              \
        const T *patch = (const T *)item->patch;                                                   \
        for (size_t s = 0; s < item->count; s++)                                                   \
            for (size_t r = 0; r < band.rows * p->ow * p->kh; r++, patch += length) {              \
                T *image = (T *)item->image + s * p->h * p->w * p->c;                              \
                size_t pixel = r / p->kh;                                                          \
                Run run = find_run(p, band.first + pixel / p->ow, pixel % p->ow, r % p->kh);       \
                for (size_t k = 0; k < run.count; k++)                                             \
                    image[run.at + k] += patch[run.skip + k];                                      \
            }                                                                                      \
    }

PATCHES(float, f32)
PATCHES(double, f64)

void conv_gather(const Item *item, Band band) {
    (item->plan->dtype == DTYPE_F32 ? gather_f32 : gather_f64)(item, band);
}

void conv_scatter(const Item *item, Band band) {
    (item->plan->dtype == DTYPE_F32 ? scatter_f32 : scatter_f64)(item, band);
}
