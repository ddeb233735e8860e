/* attack_models.h — small models with known gradients for the tests of attacks.
 *
 * Linear: scores = W x + b. Bumps: score c = −‖x − center c‖². Either may reject at a threshold. */
#ifndef PERIGEE_TESTS_ATTACK_MODELS_H
#define PERIGEE_TESTS_ATTACK_MODELS_H

#include "core/error.h"

#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct TestModel {
    Model base;
    size_t features;
    const double *w, *b; /* classes × features (centers for bumps); classes (NULL: 0) */
    double threshold;
    bool bumps;
    double spoil; /* added to the first score and gradient: NAN to test soundness */
    size_t score_calls, gradient_calls, rows;
    size_t interrupt_at; /* raise an interrupt in this gradient call; 0: never */
    size_t break_at;     /* break off by an interrupt in this call for scores; 0: never */
} TestModel;

static double test_score(const TestModel *model, size_t c, const float *x) {
    double sum = model->b ? model->b[c] : 0;
    for (size_t j = 0; j < model->features; j++) {
        double w = model->w[c * model->features + j], value = (double)x[j];
        sum += model->bumps ? -(value - w) * (value - w) : w * value;
    }
    return sum;
}

static bool test_scores(Model *base, const Batch *batch, double *scores, Error *err) {
    const float *x = batch->x;
    TestModel *model = (TestModel *)base;
    if (model->score_calls + 1 == model->break_at) {
        progress_interrupt();
        return error_set(err, ERROR_INTERRUPTED, "%s: interrupted", batch->where);
    }
    size_t classes = base->classes.count, columns = model_columns(base);
    for (size_t i = 0; i < batch->n; i++) {
        for (size_t c = 0; c < classes; c++)
            scores[i * columns + c] = test_score(model, c, x + i * model->features);
        if (base->rejects)
            scores[i * columns + classes] = model->threshold;
    }
    if (model->gradient_calls > 0)
        scores[0] += model->spoil;
    model->score_calls++;
    model->rows += batch->n;
    return true;
}

static bool test_gradient(Model *base, const Batch *batch, const GradientRequest *request,
                          Error *err) {
    (void)err;
    const float *x = batch->x;
    TestModel *model = (TestModel *)base;
    size_t classes = base->classes.count, columns = model_columns(base), d = model->features;
    for (size_t i = 0; i < batch->n; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t c = 0; c < classes; c++) {
                double slope = model->w[c * d + j];
                if (model->bumps)
                    slope = -2 * ((double)x[i * d + j] - slope);
                sum += request->w[i * columns + c] * slope;
            }
            request->gradient[i * d + j] = (float)sum;
        }
    model->gradient_calls++;
    if (model->interrupt_at == model->gradient_calls)
        progress_interrupt();
    return true;
}

/* Whole requests: the scores and the weights that follow from them, too. */
static bool test_pass(Model *base, const Batch *batch, const GradientRequest *request, Error *err) {
    size_t columns = model_columns(base), count = batch->n * columns;
    double *scores = calloc(2 * count, sizeof *scores), *w = scores + count;
    GradientRequest weighted = { .w = request->w, .gradient = request->gradient };
    if (!request->w || request->scores) {
        test_scores(base, batch, scores, err);
        ((TestModel *)base)->score_calls--;
    }
    for (size_t i = 0; !request->w && i < batch->n; i++)
        request->weigh(request->context, request->first_row + i, scores + i * columns,
                       w + i * columns);
    if (request->scores)
        memcpy(request->scores, scores, count * sizeof *scores);
    weighted.w = request->w ? request->w : w;
    bool ok = test_gradient(base, batch, &weighted, err);
    free(scores);
    return ok;
}

static void test_free(Model *base) {
    free(base);
}

static const ModelKind test_kind = {
    .name = "test", .free = test_free, .scores = test_scores, .gradient = test_gradient
};

static const ModelKind test_whole_kind = { .name = "test",
                                           .free = test_free,
                                           .scores = test_scores,
                                           .gradient = test_gradient,
                                           .whole_batches = true };

static const ModelKind test_pass_kind = { .name = "test",
                                          .free = test_free,
                                          .scores = test_scores,
                                          .one_pass = true,
                                          .gradient = test_pass };

static TestModel *test_model(size_t classes, size_t features, const double *w, const double *b) {
    TestModel *model = calloc(1, sizeof *model);
    model_init(&model->base, &test_kind);
    model->features = model->base.features = features;
    model->w = w;
    model->b = b;
    int32_t label[16];
    for (size_t c = 0; c < classes; c++)
        label[c] = (int32_t)c;
    Error err;
    if (!labels_from("test", label, classes, &model->base.classes, &err))
        abort();
    return model;
}

#endif
