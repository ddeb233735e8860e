/* layout.h — images between (channels, height, width), as users and files have them, and (height,
 * width, channels), as the layers do. Flat vectors and one-channel images are the same in both. */
#ifndef PERIGEE_NN_LAYOUT_H
#define PERIGEE_NN_LAYOUT_H

#include "nn/layer.h"

/* True where both orders are the same. */
bool layout_is_same(Shape shape);

/* n images; source and target do not overlap. */
void layout_to_inner(Shape shape, size_t n, const float *chw, float *hwc);
void layout_to_outer(Shape shape, size_t n, const float *hwc, float *chw);

/* The same on all threads, for whole batches. */
void layout_batch_to_inner(Shape shape, size_t n, const float *chw, float *hwc);
void layout_batch_to_outer(Shape shape, size_t n, const float *hwc, float *chw);

/* hwc += chw. */
void layout_add_inner(Shape shape, size_t n, const float *chw, float *hwc);

#endif
