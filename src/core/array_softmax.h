/* array_softmax.h — softmax along an axis, and its logarithm.
 *
 *     y_i = exp(x_i − max x) / Σ_k exp(x_k − max x)
 *
 * computed in double. −inf gets 0; a NaN, an inf or nothing but −inf makes the whole NaN. int32
 * gives f64, other types stay. */
#ifndef PERIGEE_CORE_ARRAY_SOFTMAX_H
#define PERIGEE_CORE_ARRAY_SOFTMAX_H

#include "core/types.h"

/* A new array of x's shape. */
Array *array_softmax(const Array *x, int axis, Error *err);

/* log y_i = x_i − max x − log Σ_k exp(x_k − max x), which is exact where y_i is next to nothing. */
Array *array_log_softmax(const Array *x, int axis, Error *err);

/* Pull a gradient back: y · (dy − Σ_k dy_k y_k), for y = softmax(x). y and dy have one shape. */
Array *array_softmax_pull(const Array *y, const Array *dy, int axis, Error *err);

/* The same for y = log_softmax(x): dy − exp(y) Σ_k dy_k, in digits that are right where one leads
 * by far. */
Array *array_log_softmax_pull(const Array *y, const Array *dy, int axis, Error *err);

#endif
