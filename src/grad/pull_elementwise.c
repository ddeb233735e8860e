/* pull_elementwise.c — the way back through elementwise operations: dx += dy · slope, in one pass
 * over the memory, into the gradient that is there or over dy itself where nobody else reads it. */
#include "core/array.h"
#include "core/array_stream.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "grad/operations.h"
#include "grad/slopes.h"

enum { PIECE = 64 }; /* runs of a piece */
static const size_t WORTH_SPLITTING = 1 << 16;

typedef struct Sloping {
    SlopeKernel *kernel;
    unsigned reads;
    bool adds; /* to what is in `out` */
    DType dtype;
    Stream in[READS], d;
    char *out;
    size_t total;
} Sloping;

SIMD_CLONES static void add_f32(const float *from, float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

SIMD_CLONES static void add_f64(const double *from, double *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void run_block(void *context, size_t first_run, size_t last_run, int worker) {
    Sloping *s = context;
    StreamScratch scratch[READS], d_scratch;
    _Alignas(64) char product[STREAM_RUN * sizeof(double)];
    (void)worker;
    d_scratch.filled = 0;
    for (int k = 0; k < READS; k++)
        scratch[k].filled = 0;
    for (size_t i = first_run; i < last_run; i++) {
        Run run = run_at(i * STREAM_RUN, s->total);
        const void *values[READS] = { NULL };
        for (int k = 0; k < READS; k++)
            if (s->reads & 1U << k)
                values[k] = stream_read(&s->in[k], s->dtype, run, &scratch[k]);
        const void *d = stream_read(&s->d, s->dtype, run, &d_scratch);
        char *out = s->out + run.first * dtype_size(s->dtype);
        s->kernel(values, d, s->adds ? (void *)product : (void *)out, run.n);
        if (s->adds && s->dtype == DTYPE_F32)
            add_f32((float *)product, (float *)out, run.n);
        else if (s->adds)
            add_f64((double *)product, (double *)out, run.n);
    }
}

/* Into `out`, contiguous and of dy's shape and type. False where it gave up. */
static bool run_slope(const Pull *pull, const Slope *slope, Array *out, bool adds) {
    Sizes shape = array_sizes(out);
    Sloping s = { .kernel = slope->kernel[out->dtype == DTYPE_F64],
                  .reads = slope->reads,
                  .adds = adds,
                  .dtype = out->dtype,
                  .d = stream_of(pull->dy, &shape),
                  .out = out->data,
                  .total = array_size(out) };
    for (size_t k = 0; k < pull->node->inputs; k++)
        if (slope->reads & 1U << k)
            s.in[k] = stream_of(pull_x(pull, k), &shape);
    if (slope->reads & READS_Y)
        s.in[3] = stream_of(pull_y(pull), &shape);
    size_t runs = parallel_pieces(s.total, STREAM_RUN);
    if (s.total >= WORTH_SPLITTING)
        return parallel_try(runs, PIECE, run_block, &s);
    run_block(&s, 0, runs, 0);
    return true;
}

static const Slope *slope_of(const Pull *pull) {
    const Slope *slope = &pull->node->operation->slope[pull->k];
    const Array *exponent = slope == &slope_pow[0] ? pull_x(pull, 1) : NULL;
    return exponent && exponent->ndim == 0 && array_get(exponent, NULL) == 2 ? &slope_pow_2 : slope;
}

/* The slope of a maximum in a run of its own where dy or the gradient is no room for it. */
bool pull_slope(const Pull *pull, Error *err) {
    const Slope *slope = slope_of(pull);
    const Form *form = &pull_input(pull)->form;
    const char *name = pull->node->operation->name;
    Sizes shape = array_sizes(pull->dy);
    bool direct = form->dtype == pull->dy->dtype && sizes_take(&shape, &form->sizes) &&
                  form->sizes.ndim == shape.ndim &&
                  sizes_product(&form->sizes) == sizes_product(&shape);
    if (slope->one)
        return pull_give(pull, array_share(pull->dy, err), err);
    if (direct && *pull->gradient && gradient_is_own(*pull->gradient))
        return run_slope(pull, slope, *pull->gradient, true) || error_interrupted(err, name);
    Array *dx = pull->last && gradient_is_own(pull->dy)
                    ? array_share(pull->dy, err)
                    : array_uninitialised(name, pull->dy->dtype, &shape, err);
    if (dx && !run_slope(pull, slope, dx, false)) {
        array_free(dx);
        return error_interrupted(err, name);
    }
    return pull_give(pull, dx, err);
}
