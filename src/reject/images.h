/* images.h — images as what squeezes them sees them: n × channels × height × width floats. Outside,
 * they are mirrored: d c b a | a b c d | d c b a. */
#ifndef PERIGEE_REJECT_IMAGES_H
#define PERIGEE_REJECT_IMAGES_H

#include <stddef.h>

typedef struct Images {
    size_t n, channels, height, width;
} Images;

/* Of pixel i, which may be outside, the one of n that it mirrors. */
static inline size_t images_mirrored(ptrdiff_t i, size_t n) {
    ptrdiff_t period = 2 * (ptrdiff_t)n;
    i = ((i % period) + period) % period;
    return (size_t)(i < (ptrdiff_t)n ? i : period - 1 - i);
}

#endif
