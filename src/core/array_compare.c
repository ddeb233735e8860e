#include "core/array_compare.h"

#include "core/array.h"
#include "core/array_stream.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/progress.h"

#include <math.h>

typedef struct Comparison {
    const char *where;
    Tolerance tolerance;
    bool close; /* the answer */
} Comparison;

static bool near(double x, double y, const Tolerance *t) {
    if (x == y)
        return true;
    if (isnan(x) && isnan(y))
        return t->equal_nan;
    return isfinite(x) && isfinite(y) && fabs(x - y) <= t->atol + t->rtol * fabs(y);
}

static bool compare(Comparison *c, const Array *a, const Array *b, Error *err) {
    Sizes shape = array_sizes(a);
    if (!sizes_broadcast(c->where, &shape, b, err))
        return false;
    Stream x = stream_of(a, &shape), y = stream_of(b, &shape);
    StreamScratch in_x, in_y;
    size_t total = sizes_product(&shape);
    double started = progress_clock();
    in_x.filled = in_y.filled = 0;
    c->close = true;
    for (size_t first = 0; c->close && first < total; first += STREAM_RUN) {
        Run run = run_at(first, total);
        if (progress_gives_up_at(first, started))
            return error_interrupted(err, c->where);
        const double *p = stream_read(&x, DTYPE_F64, run, &in_x);
        const double *q = stream_read(&y, DTYPE_F64, run, &in_y);
        for (size_t i = 0; i < run.n && c->close; i++)
            c->close = near(p[i], q[i], &c->tolerance);
    }
    return true;
}

/* a with the digits that `dtype` has; as it is if that does not hold all of it. */
static Array *rounded(const Comparison *c, const Array *a, DType dtype, Error *err) {
    double misfit;
    if (a->dtype == dtype || dtype == DTYPE_F64 || stream_misfit(a, dtype, &misfit))
        return array_view(a, err);
    return array_contiguous(c->where, a, dtype, err);
}

static bool compare_pair(Comparison *c, const Array *const pair[2], Error *err) {
    DType dtype = array_common_dtype(pair, 2);
    Array *a = rounded(c, pair[0], dtype, err);
    Array *b = a ? rounded(c, pair[1], dtype, err) : NULL;
    bool ok = b && compare(c, a, b, err);
    array_free(a);
    array_free(b);
    return ok;
}

bool array_allclose(const Array *const pair[2], const Tolerance *tolerance, bool *close,
                    Error *err) {
    Comparison c = { .where = "allclose", .tolerance = *tolerance };
    bool ok = compare_pair(&c, pair, err);
    *close = c.close;
    return ok;
}

bool array_equal(const Array *const pair[2], bool *equal, Error *err) {
    Comparison c = { .where = "equal" };
    bool ok = !array_same_shape(pair[0], pair[1]) || compare_pair(&c, pair, err);
    *equal = c.close;
    return ok;
}
