/* array_pool.h — the greatest number under a window that slides over images.
 *
 *     y[s][c][i][j] = max_{p, q} x[s][c][i·stride + p][j·stride + q]
 *
 * x (n, c, h, w), or (c, h, w); y (…, (h − kh) / stride + 1, (w − kw) / stride + 1). The type
 * stays. A NaN under the window is the greatest. */
#ifndef PERIGEE_CORE_ARRAY_POOL_H
#define PERIGEE_CORE_ARRAY_POOL_H

#include "core/types.h"

#include <stddef.h>

typedef struct PoolWindow {
    size_t kernel[2], stride[2]; /* downwards, to the right; each 1 at least */
} PoolWindow;

Array *array_maxpool(const Array *x, const PoolWindow *window, Error *err);

/* Pull a gradient back: the place of the greatest, the first of equals in reading order, gets what
 * dy (of y's shape) has for its window. */
Array *array_maxpool_pull(const Array *x, const Array *dy, const PoolWindow *window, Error *err);

#endif
