#include "core/array_compare.h"

#include "core/array.h"
#include "core/array_stream.h"

#include <math.h>

static bool near(double x, double y, const Tolerance *t) {
    if (x == y)
        return true;
    if (isnan(x) && isnan(y))
        return t->equal_nan;
    return isfinite(x) && isfinite(y) && fabs(x - y) <= t->atol + t->rtol * fabs(y);
}

bool array_allclose(const char *where, const Array *a, const Array *b, const Tolerance *tolerance,
                    bool *close, Error *err) {
    size_t shape[ARRAY_MAX_DIMS], total = 1;
    int ndim;
    if (!stream_broadcast(where, a, b, &ndim, shape, err))
        return false;
    for (int d = 0; d < ndim; d++)
        total *= shape[d];
    Stream x = stream_of(a, ndim, shape), y = stream_of(b, ndim, shape);
    StreamScratch in_x, in_y;
    in_x.filled = in_y.filled = 0;
    *close = true;
    for (size_t first = 0; *close && first < total; first += STREAM_RUN) {
        size_t n = total - first < STREAM_RUN ? total - first : STREAM_RUN;
        const double *p = stream_read(&x, DTYPE_F64, first, n, &in_x);
        const double *q = stream_read(&y, DTYPE_F64, first, n, &in_y);
        for (size_t i = 0; i < n && *close; i++)
            *close = near(p[i], q[i], tolerance);
    }
    return true;
}

bool array_equal(const Array *a, const Array *b) {
    bool same;
    return array_same_shape(a, b) &&
           array_allclose("equal", a, b, &(Tolerance){ .rtol = 0 }, &same, NULL) && same;
}
