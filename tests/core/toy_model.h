/* toy_model.h — a model that tests can see through: one centre a class, trained as the mean of its
 * samples; score c = −‖x − centre c‖² / 2. */
#ifndef PERIGEE_TESTS_TOY_MODEL_H
#define PERIGEE_TESTS_TOY_MODEL_H

#include "model.h"

#include <stdlib.h>
#include <string.h>

typedef struct Toy {
    Model base;
    double *centre; /* classes × features */
    double shrink;  /* a hyperparameter: centres are multiplied by it */
    int fits;       /* how often this one was trained */
} Toy;

static int toys_alive; /* leaks show here even where no sanitizer watches */

static void toy_free(Model *model) {
    toys_alive--;
    free(((Toy *)model)->centre);
    free(model);
}

static bool toy_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    (void)err;
    const float *x = batch->x;
    const Toy *toy = (const Toy *)model;
    size_t d = model->features, k = model->classes.count;
    for (size_t i = 0; i < batch->n; i++)
        for (size_t c = 0; c < k; c++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++) {
                double gap = x[i * d + j] - toy->centre[c * d + j];
                sum += gap * gap;
            }
            scores[i * k + c] = -sum / 2;
        }
    return true;
}

static bool toy_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    (void)err;
    const float *x = batch->x;
    const Toy *toy = (const Toy *)model;
    size_t d = model->features, k = model->classes.count;
    for (size_t i = 0; i < batch->n; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t c = 0; c < k; c++)
                sum -= request->w[i * k + c] * (x[i * d + j] - toy->centre[c * d + j]);
            request->gradient[i * d + j] = (float)sum;
        }
    return true;
}

static bool toy_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    (void)progress;
    Toy *toy = (Toy *)model;
    Labels classes;
    if (!labels_from("fit", samples->y, samples->n, &classes, err))
        return false;
    labels_clear(&model->classes);
    model->classes = classes;
    size_t d = model->features = samples->features;
    free(toy->centre);
    toy->centre = calloc(classes.count * d, sizeof *toy->centre);
    for (size_t c = 0; c < classes.count; c++) {
        double count = 0;
        for (size_t i = 0; i < samples->n; i++)
            count += samples->y[i] == classes.label[c];
        for (size_t i = 0; i < samples->n; i++)
            for (size_t j = 0; j < d && samples->y[i] == classes.label[c]; j++)
                toy->centre[c * d + j] += toy->shrink * samples->x[i * d + j] / count;
    }
    toy->fits++;
    return true;
}

static bool toy_option_at(Model *model, size_t i, FieldPlace *place) {
    static const Field shrink = { "shrink", FIELD_NUMBER, offsetof(Toy, shrink), .meaning = "" };
    return i == 0 && fields_place(&shrink, model, "", place);
}

static Model *toy_new(void);

static Model *toy_clone(const Model *model, Error *err) {
    (void)err;
    Toy *copy = (Toy *)toy_new();
    copy->shrink = ((const Toy *)model)->shrink;
    return &copy->base;
}

static const ModelKind toy_kind = {
    .name = "toy",
    .free = toy_free,
    .scores = toy_scores,
    .gradient = toy_gradient,
    .fit = toy_fit,
    .option_at = toy_option_at,
    .clone = toy_clone,
};

static Model *toy_new(void) {
    Toy *toy = calloc(1, sizeof *toy);
    model_init(&toy->base, &toy_kind);
    toy->shrink = 1;
    toys_alive++;
    return &toy->base;
}

#endif
