/* nonlocal_means.h — non-local means of images (A. Buades, B. Coll and J.-M. Morel, "A non-local
 * algorithm for image denoising", CVPR 2005), and their way back.
 *
 *     y(p) = Σ_q w(p, q) x(q) / Σ_q w(p, q),    w(p, q) = exp(−d²(p, q) / h²)
 *
 * over the search window of pixels q around p; d² is the mean square difference of the patches
 * around p and q, over all channels, which so share their weights. The way back is the derivative,
 * that of the weights too. A window or patch of an even size has one pixel more above and left of
 * the middle. */
#ifndef PERIGEE_REJECT_NONLOCAL_MEANS_H
#define PERIGEE_REJECT_NONLOCAL_MEANS_H

#include "core/types.h"
#include "reject/images.h"

#include <stdbool.h>

/* y = the means of x, or where there is no y, dx += of dy, at x. */
typedef struct NonlocalMeans {
    Images images;
    size_t search, patch; /* pixels of a side */
    float h;
    const float *x, *dy;
    float *y, *dx;
} NonlocalMeans;
bool nonlocal_means(const NonlocalMeans *means, Error *err);

#endif
