#include "svm/own_decision.h"

#include "core/array.h"
#include "core/blas.h"
#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* Pairs of one call, 8 MB of values; and rows, so that an interrupt is heard between calls. */
enum { PAIRS = 1 << 20, MOST_ROWS = 1024 };

struct OwnPass {
    DecisionView view;
    Kernel kernel; /* the view's: kept, should the machine be fitted anew before this ends */
    Batch batch;
    size_t most, block; /* rows of a block; the present one */
    double *values;     /* most × m: of the present block; then its slopes */
    void **kept;        /* one per block: what pulls it */
};

static size_t block_count(const OwnPass *pass) {
    return (pass->batch.n + pass->most - 1) / pass->most;
}

static void pass_clear(OwnPass *pass) {
    for (size_t k = 0; pass->kept && k < block_count(pass); k++)
        pass->kernel.kind->calls->forget(pass->kept[k]);
    kernel_release(&pass->kernel);
    free(pass->kept);
    free(pass->values);
}

static bool pass_init(OwnPass *pass, DecisionView view, const Batch *batch, Error *err) {
    size_t m = decision_vectors(view.decision), most = PAIRS / m;
    most = most < 1 ? 1 : most > MOST_ROWS ? MOST_ROWS : most;
    *pass = (OwnPass){ .view = view, .batch = *batch, .most = most < batch->n ? most : batch->n };
    kernel_assign(&pass->kernel, &view.decision->kernel);
    pass->values = malloc(pass->most * m * sizeof *pass->values);
    pass->kept = calloc(block_count(pass) + 1, sizeof *pass->kept);
    if (pass->values && pass->kept)
        return true;
    pass_clear(pass);
    return error_memory(err, batch->where, pass->most * m * sizeof *pass->values);
}

static size_t first_row(const OwnPass *pass) {
    return pass->block * pass->most;
}

static size_t row_count(const OwnPass *pass) {
    size_t left = pass->batch.n - first_row(pass);
    return left < pass->most ? left : pass->most;
}

static bool call_kernel(const OwnPass *pass, const Kernel *kernel, void **kept, Error *err) {
    const Array *sv = pass->view.decision->sv;
    Batch rows = batch_rows(&pass->batch, first_row(pass), row_count(pass));
    Batch vectors = { array_f32(sv), sv->shape[0], sv->shape[1], pass->batch.where };
    KernelCall call = { kernel, rows, vectors, sv };
    return kernel->kind->calls->values(&call, pass->values, kept, err);
}

/* f of the block from its values. */
static void sum_values(const OwnPass *pass, double *f) {
    const Decision *decision = pass->view.decision;
    size_t m = decision_vectors(decision), functions = decision_functions(decision);
    const double *b = array_f64(decision->b);
    blas_dgemm(false, true, row_count(pass), functions, m, 1, pass->values, m,
               array_f64(decision->alpha), m, 0, f, functions);
    for (size_t i = 0; i < row_count(pass) * functions; i++)
        f[i] += b[i % functions];
}

/* The block's f, unless NULL; with `keep` what pulls it, with the kernel as it is seen there. */
static bool forward_block(OwnPass *pass, bool keep, double *f, Error *err) {
    const Kernel *kernel = &pass->view.decision->kernel;
    Kernel seen = *kernel;
    seen.gamma /= pass->view.wider > 0 ? pass->view.wider : 1;
    void **kept = keep ? &pass->kept[pass->block] : NULL;
    bool twice = keep && seen.gamma != kernel->gamma;
    if (twice && !call_kernel(pass, &seen, kept, err))
        return false;
    if (twice && !f)
        return true;
    if (!call_kernel(pass, kernel, twice ? NULL : kept, err))
        return false;
    if (f)
        sum_values(pass, f);
    return true;
}

static bool backward_block(OwnPass *pass, const double *w, float *gradient, Error *err) {
    const Decision *decision = pass->view.decision;
    size_t m = decision_vectors(decision), functions = decision_functions(decision);
    blas_dgemm(false, false, row_count(pass), m, functions, 1, w, functions,
               array_f64(decision->alpha), m, 0, pass->values, m);
    return decision->kernel.kind->calls->pull(pass->kept[pass->block], pass->values, gradient, err);
}

/* All blocks, kept or not. */
static bool forward(OwnPass *pass, bool keep, double *f, Error *err) {
    size_t functions = decision_functions(pass->view.decision);
    bool ok = true;
    for (pass->block = 0; ok && pass->block < block_count(pass); pass->block++)
        ok = forward_block(pass, keep, f + first_row(pass) * functions, err);
    return ok;
}

bool own_values(const Decision *decision, const Batch *batch, double *f, Error *err) {
    OwnPass pass;
    if (!pass_init(&pass, (DecisionView){ .decision = decision }, batch, err))
        return false;
    bool ok = forward(&pass, false, f, err);
    pass_clear(&pass);
    return ok;
}

/* The weights of the block: given, or following from its f into what follows f. */
static const double *weigh(const OwnPass *pass, const GradientRequest *request, double *f) {
    size_t functions = decision_functions(pass->view.decision), first = first_row(pass);
    if (request->scores)
        memcpy(request->scores + first * functions, f, row_count(pass) * functions * sizeof *f);
    if (request->w)
        return request->w + first * functions;
    double *w = f + pass->most * functions;
    for (size_t i = 0; i < row_count(pass); i++)
        request->weigh(request->context, request->first_row + first + i, f + i * functions,
                       w + i * functions);
    return w;
}

/* One block there and back, with room for f and its weights. */
static bool gradient_block(OwnPass *pass, const GradientRequest *request, double *f, Error *err) {
    bool wants_f = request->scores || !request->w;
    float *gradient = request->gradient + first_row(pass) * pass->batch.features;
    bool ok = forward_block(pass, true, wants_f ? f : NULL, err) &&
              backward_block(pass, weigh(pass, request, f), gradient, err);
    pass->kernel.kind->calls->forget(pass->kept[pass->block]);
    pass->kept[pass->block] = NULL;
    return ok;
}

bool own_gradient(DecisionView view, const Batch *batch, const GradientRequest *request,
                  Error *err) {
    OwnPass pass;
    if (!pass_init(&pass, view, batch, err))
        return false;
    size_t count = 2 * pass.most * decision_functions(view.decision);
    double *f = malloc(count * sizeof *f);
    bool ok = f || error_memory(err, batch->where, count * sizeof *f);
    for (; ok && pass.block < block_count(&pass); pass.block++)
        ok = gradient_block(&pass, request, f, err);
    free(f);
    pass_clear(&pass);
    return ok;
}

OwnPass *own_forward(DecisionView view, const Batch *batch, double *f, Error *err) {
    OwnPass *pass = malloc(sizeof *pass);
    if (!pass)
        error_memory(err, batch->where, sizeof *pass);
    if (!pass || !pass_init(pass, view, batch, err)) {
        free(pass);
        return NULL;
    }
    if (forward(pass, true, f, err))
        return pass;
    own_pass_free(pass);
    return NULL;
}

bool own_backward(OwnPass *pass, const double *w, float *gradient, Error *err) {
    size_t functions = decision_functions(pass->view.decision);
    bool ok = true;
    for (pass->block = 0; ok && pass->block < block_count(pass); pass->block++) {
        size_t first = first_row(pass);
        ok = backward_block(pass, w + first * functions, gradient + first * pass->batch.features,
                            err);
    }
    return ok;
}

void own_pass_free(OwnPass *pass) {
    if (pass)
        pass_clear(pass);
    free(pass);
}
