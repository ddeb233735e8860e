/* squeezers.h — what feature squeezing does to images (W. Xu et al., "Feature squeezing: detecting
 * adversarial examples in deep neural networks", NDSS 2018), and their way back.
 *
 *     "bits b"    round(x (2^b − 1)) / (2^b − 1), halves to even: samples are within 0 … 1. Its
 *                 derivative is 0 nearly everywhere. The way back has that of its mean over normal
 *                 noise of deviation 0.15: of few bits what is near an edge between two steps
 *                 counts, of 3 and more all as if it were not there. Straight through (1
 *                 everywhere) is half blind: with 1 bit, attack.auto so turned 2 and 18 of 30 MNIST
 *                 digits at l2 1 and 2, and with this slope 8 and 30
 *     "median k"  of k × k pixels of a channel around each: SciPy's median_filter. The way back is
 *                 the subgradient: all goes to the pixel that is the median
 *     "mean k"    their mean: SciPy's uniform_filter
 *     "nlm a b s" non-local means (nonlocal_means.h): search windows of a × a pixels, patches of
 *                 b × b, and of strength s, in 255ths: the paper's non_local_means_a_b_s
 *
 * A window of an even k has one pixel more above and left of the middle, and of its k² values the
 * median is the upper one of two. Outside, images are mirrored (images.h). */
#ifndef PERIGEE_REJECT_SQUEEZERS_H
#define PERIGEE_REJECT_SQUEEZERS_H

#include "core/types.h"
#include "reject/images.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum SqueezerKind { SQUEEZE_BITS, SQUEEZE_MEDIAN, SQUEEZE_MEAN, SQUEEZE_NLM } SqueezerKind;
typedef struct Squeezer {
    SqueezerKind kind;
    size_t size;            /* b, k or a */
    size_t patch, strength; /* of non-local means */
} Squeezer;

enum { SQUEEZER_TEXT = 32 };
bool squeezer_parse(const char *text, Squeezer *squeezer, Error *err);
const char *squeezer_text(Squeezer squeezer, char text[SQUEEZER_TEXT]); /* returns text */
bool squeezer_needs_images(Squeezer squeezer);

/* y = q(x); and dx += of dy, at x. */
bool squeezer_apply(Squeezer squeezer, Images images, const float *x, float *y, Error *err);
typedef struct SqueezerPull {
    const float *x, *dy;
    float *dx;
} SqueezerPull;
bool squeezer_pull(Squeezer squeezer, Images images, const SqueezerPull *pull, Error *err);

#endif
