/* dnr_fit.c — training a Dnr: folds, layers, combiner. */
#include "core/fail.h"
#include "core/folds.h"
#include "core/memory.h"
#include "reject/dnr.h"
#include "reject/dnr_parts.h"
#include "reject/taps.h"
#include "svm/matrix_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a fit builds before any of it replaces the old parts. */
typedef struct Training {
    const Samples *samples;
    Progress *progress;
    char title[64]; /* of the progress */
    int32_t *fold;  /* 0 … folds−1 */
    int folds;
    float **output; /* per layer, n × width; freed as soon as it is used */
    float *inputs;  /* n × inputs: the combiner's */
    size_t classes, inputs_width;
    Model **classifier; /* fresh clones, trained */
    Model *combiner;
} Training;

static void training_clear(const Dnr *dnr, Training *training) {
    for (size_t l = 0; l < dnr->layers; l++) {
        if (training->output)
            free(training->output[l]);
        if (training->classifier)
            model_release(training->classifier[l]);
    }
    free(training->output);
    free(training->classifier);
    free(training->fold);
    free(training->inputs);
    model_release(training->combiner);
}

/* Folds may be numbered by any integers: renumber them from 0. */
static bool number_folds(Training *training, const int32_t *fold, Error *err) {
    size_t n = training->samples->n;
    Labels used;
    if (!labels_from("fit", fold, n, &used, err))
        return false;
    training->folds = (int)used.count;
    for (size_t i = 0; i < n; i++)
        training->fold[i] = (int32_t)labels_find(&used, fold[i]);
    labels_clear(&used);
    return training->folds >= 2 ||
           error_set(err, ERROR_ARGUMENT, "fit: folds: expected two folds or more");
}

static bool training_make(const Dnr *dnr, const Folds *folds, Training *training, Error *err) {
    const Samples *samples = folds->samples;
    size_t n = samples->n;
    Labels classes;
    if (!labels_from("fit", samples->y, n, &classes, err))
        return false;
    training->samples = samples;
    training->classes = classes.count;
    labels_clear(&classes);
    training->inputs_width = dnr->layers * training->classes;
    training->fold = malloc(n * sizeof *training->fold);
    training->inputs = malloc(n * training->inputs_width * sizeof *training->inputs);
    training->output = calloc(dnr->layers, sizeof *training->output);
    training->classifier = calloc(dnr->layers, sizeof *training->classifier);
    bool ok = training->fold && training->inputs && training->output && training->classifier;
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        training->output[l] = malloc(n * dnr->layer[l].width * sizeof(float));
        ok = training->output[l] != NULL;
    }
    if (!ok)
        error_memory(err, "fit", n * training->inputs_width * sizeof(float));
    return ok && number_folds(training, folds->fold, err);
}

/* Train layer l's classifier and put its out-of-fold scores beside the other layers'. */
static bool fit_layer(const Dnr *dnr, size_t l, Training *training, Error *err) {
    Progress *progress = training->progress;
    const DnrLayer *layer = &dnr->layer[l];
    size_t n = training->samples->n, classes = training->classes;
    Model *model = training->classifier[l] = model_clone(layer->classifier, err);
    if (!model)
        return false;
    double *oof = malloc(n * classes * sizeof *oof);
    if (!oof)
        return error_memory(err, "fit", n * classes * sizeof *oof);
    Samples samples = { training->output[l], training->samples->y, n, layer->width };
    bool ok = model_fit_folds(model, &(Folds){ &samples, training->fold, training->folds, oof },
                              progress, err);
    if (ok && !progress_was_interrupted(progress) && model_columns(model) != classes)
        ok = error_set(err, ERROR_ARGUMENT, "fit: the %s has %zu columns for %zu classes",
                       model->kind->name, model_columns(model), classes);
    for (size_t i = 0; ok && i < n; i++)
        for (size_t c = 0; c < classes; c++)
            training->inputs[i * training->inputs_width + l * classes + c] =
                (float)oof[i * classes + c];
    free(oof);
    free(training->output[l]);
    training->output[l] = NULL;
    return ok;
}

static bool fit_combiner(const Dnr *dnr, Training *training, Error *err) {
    Samples samples = { training->inputs, training->samples->y, training->samples->n,
                        training->inputs_width };
    training->combiner = model_clone(dnr->combiner, err);
    return training->combiner && model_fit(training->combiner, &samples, training->progress, err);
}

/* The layers' outputs, and what the most demanding part's fit takes beside them. */
double dnr_fit_bytes(const Model *base, size_t n, char *sum) {
    const Dnr *dnr = (const Dnr *)base;
    double outputs = 0, most = 0;
    char part_sum[FIT_SUM], worst[FIT_SUM] = "", text[32];
    for (size_t l = 0; l <= dnr->layers; l++) {
        const Model *part = l < dnr->layers ? dnr->layer[l].classifier : dnr->combiner;
        double need = model_fit_bytes(part, n, part_sum);
        if (l < dnr->layers)
            outputs += (double)n * (double)dnr->layer[l].width * sizeof(float);
        if (need > most) {
            most = need;
            memcpy(worst, part_sum, sizeof worst);
        }
    }
    snprintf(sum, FIT_SUM, "layer outputs %s, one part's %.200s", memory_text(outputs, text),
             most > 0 ? worst : "fit little");
    return outputs + most;
}

/* Refuses what does not fit; else says in `title` what will be needed. */
static bool announce(const Dnr *dnr, size_t n, char title[64], Error *err) {
    char sum[FIT_SUM], text[32];
    double need = dnr_fit_bytes(&dnr->base, n, sum);
    snprintf(title, 64, "fitting DNR (%s)", memory_text(need, text));
    return memory_check("fit", need, sum, err);
}

/* One step per part. True also when interrupted. */
static bool fit_parts(const Dnr *dnr, Training *training, Error *err) {
    Progress *progress = training->progress;
    const Samples *samples = training->samples;
    progress_begin(progress, training->title, (double)dnr->layers + 2);
    TapsJob job = { dnr->net, samples, { dnr->tap, dnr->layers, training->output } };
    bool ok = taps_extract(&job, progress, err);
    bool go = ok && progress_step(progress, 1, NULL);
    for (size_t l = 0; go && l < dnr->layers; l++) {
        ok = fit_layer(dnr, l, training, err);
        if (!ok)
            error_prefix(err, "%s", dnr_layer_name(dnr, l));
        go = ok && progress_step(progress, 1, dnr_layer_name(dnr, l));
    }
    if (go) {
        ok = fit_combiner(dnr, training, err);
        if (!ok)
            error_prefix(err, "combiner");
        progress_step(progress, 1, "combiner");
    }
    progress_end(progress);
    return ok;
}

static void swap_models(Model **a, Model **b) {
    Model *old = *a;
    *a = *b;
    *b = old;
}

static void swap_parts(Dnr *dnr, Training *training) {
    for (size_t l = 0; l < dnr->layers; l++)
        swap_models(&dnr->layer[l].classifier, &training->classifier[l]);
    swap_models(&dnr->combiner, &training->combiner);
}

bool dnr_fit(Dnr *dnr, const Folds *folds, Progress *progress, Error *err) {
    const Samples *samples = folds->samples;
    if (dnr->busy)
        return error_set(err, ERROR_ARGUMENT, "fit: this dnr is scoring: one of its parts called");
    if (!model_check_samples(&dnr->base, samples, err))
        return false;
    if (samples->features != dnr->base.features)
        return error_set(err, ERROR_ARGUMENT, "fit: samples have %zu features, the net takes %zu",
                         samples->features, dnr->base.features);
    Training training = { .progress = progress };
    if (!announce(dnr, samples->n, training.title, err))
        return false;
    matrix_hold(); /* every layer's kernel matrix in the same memory */
    bool ok = training_make(dnr, folds, &training, err) && fit_parts(dnr, &training, err);
    matrix_release();
    if (ok && !progress_was_interrupted(progress)) {
        swap_parts(dnr, &training);
        ok = dnr_take_sizes(dnr, err);
        if (!ok)
            swap_parts(dnr, &training);
    }
    training_clear(dnr, &training);
    return ok;
}

bool dnr_fit_default(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Dnr *dnr = (Dnr *)base;
    int32_t *fold = malloc(samples->n * sizeof *fold);
    if (!fold)
        return error_memory(err, "fit", samples->n * sizeof *fold);
    Rng rng;
    rng_seed(&rng, dnr->seed);
    bool ok =
        folds_stratified(&(FoldsOf){ "fit", samples->y, samples->n, DNR_FOLDS }, &rng, fold, err) &&
        dnr_fit(dnr, &(Folds){ .samples = samples, .fold = fold }, progress, err);
    free(fold);
    return ok;
}
