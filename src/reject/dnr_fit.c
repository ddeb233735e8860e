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

/* ---- What training holds --------------------------------------------------------------------- */

void dnr_training_clear(const Dnr *dnr, DnrTraining *training) {
    for (size_t l = 0; training->output && l < dnr->layers; l++)
        free(training->output[l]);
    free(training->output);
    free(training->fold);
    free(training->inputs);
}

bool dnr_training_folds(const Dnr *dnr, const int32_t *fold, DnrTraining *training, Error *err) {
    size_t n = training->samples->n;
    Labels classes;
    if (!labels_from(training->where, training->samples->y, n, &classes, err))
        return false;
    training->classes = classes.count;
    training->inputs_width = dnr->layers * classes.count;
    labels_clear(&classes);
    training->fold = malloc(n * sizeof *training->fold);
    if (!training->fold)
        return error_memory(err, training->where, n * sizeof *training->fold);
    FoldsOf of = { .where = training->where, .n = n };
    bool ok = folds_number(&of, fold, training->fold, err);
    training->folds = of.k;
    return ok;
}

bool dnr_training_make(const Dnr *dnr, DnrTraining *training, Error *err) {
    size_t n = training->samples->n;
    training->inputs = malloc(n * training->inputs_width * sizeof *training->inputs);
    training->output = calloc(dnr->layers, sizeof *training->output);
    bool ok = training->inputs && training->output;
    for (size_t l = 0; ok && l < dnr->layers; l++) {
        training->output[l] = malloc(n * dnr->layer[l].width * sizeof(float));
        ok = training->output[l] != NULL;
    }
    return ok || error_memory(err, training->where, n * training->inputs_width * sizeof(float));
}

bool dnr_training_outputs(const Dnr *dnr, DnrTraining *training, Progress *progress, Error *err) {
    TapsJob job = { dnr->net, training->samples, { dnr->tap, dnr->layers, training->output } };
    return taps_extract(&job, progress, err);
}

void dnr_training_take(size_t layer, const double *oof, DnrTraining *training) {
    size_t classes = training->classes, width = training->inputs_width;
    for (size_t i = 0; i < training->samples->n; i++)
        for (size_t c = 0; c < classes; c++)
            training->inputs[i * width + layer * classes + c] = (float)oof[i * classes + c];
    free(training->output[layer]);
    training->output[layer] = NULL;
}

Model *dnr_part(const Dnr *dnr, size_t part) {
    return part < dnr->layers ? dnr->layer[part].classifier : dnr->combiner;
}

double dnr_parts_bytes(const Dnr *dnr, const DnrNeed *need, char *sum) {
    double outputs = 0, most = 0;
    char part_sum[FIT_SUM], worst[FIT_SUM] = "", text[32];
    for (size_t l = 0; l <= dnr->layers; l++) {
        double bytes = need->bytes(need, l, part_sum);
        if (l < dnr->layers)
            outputs += (double)need->n * (double)dnr->layer[l].width * sizeof(float);
        if (bytes > most) {
            most = bytes;
            memcpy(worst, part_sum, sizeof worst);
        }
    }
    snprintf(sum, FIT_SUM, "layer outputs %s, one part's %.200s", memory_text(outputs, text),
             most > 0 ? worst : "fit little");
    return outputs + most;
}

/* ---- A fit ----------------------------------------------------------------------------------- */

enum { TITLE = 96 };

/* What it builds before any of it replaces the old parts. */
typedef struct Training {
    DnrTraining held;
    Progress *progress;
    char title[TITLE];  /* of the progress */
    Model **classifier; /* fresh clones, trained */
    Model *combiner;
} Training;

static void training_clear(const Dnr *dnr, Training *training) {
    for (size_t l = 0; training->classifier && l < dnr->layers; l++)
        model_release(training->classifier[l]);
    free(training->classifier);
    model_release(training->combiner);
    dnr_training_clear(dnr, &training->held);
}

static bool training_make(const Dnr *dnr, const int32_t *fold, Training *training, Error *err) {
    training->classifier = calloc(dnr->layers, sizeof *training->classifier);
    if (!training->classifier)
        return error_memory(err, "fit", dnr->layers * sizeof(Model *));
    return dnr_training_folds(dnr, fold, &training->held, err) &&
           dnr_training_make(dnr, &training->held, err);
}

/* Train layer l's classifier and put its out-of-fold scores beside the other layers'. */
static bool fit_layer(const Dnr *dnr, size_t l, Training *training, Error *err) {
    Progress *progress = training->progress;
    DnrTraining *held = &training->held;
    const DnrLayer *layer = &dnr->layer[l];
    size_t n = held->samples->n, classes = held->classes;
    Model *model = training->classifier[l] = model_clone(layer->classifier, err);
    if (!model)
        return false;
    double *oof = malloc(n * classes * sizeof *oof);
    if (!oof)
        return error_memory(err, "fit", n * classes * sizeof *oof);
    Samples samples = { held->output[l], held->samples->y, n, layer->width };
    bool ok =
        model_fit_folds(model, &(Folds){ &samples, held->fold, held->folds, oof }, progress, err);
    if (ok && !progress_was_interrupted(progress)) {
        ok = model_columns(model) == classes ||
             error_set(err, ERROR_ARGUMENT, "fit: the %s has %zu columns for %zu classes",
                       model->kind->name, model_columns(model), classes);
        if (ok)
            dnr_training_take(l, oof, held);
    }
    free(oof);
    return ok;
}

static bool fit_combiner(const Dnr *dnr, Training *training, Error *err) {
    const DnrTraining *held = &training->held;
    Samples samples = { held->inputs, held->samples->y, held->samples->n, held->inputs_width };
    training->combiner = model_clone(dnr->combiner, err);
    return training->combiner && model_fit(training->combiner, &samples, training->progress, err);
}

static double part_fit_bytes(const DnrNeed *need, size_t part, char *sum) {
    return model_fit_bytes(dnr_part(need->context, part), need->n, sum);
}

double dnr_fit_bytes(const Model *base, size_t n, char *sum) {
    return dnr_parts_bytes((const Dnr *)base, &(DnrNeed){ n, part_fit_bytes, base }, sum);
}

/* Refuses what does not fit; else says in `title` what will be needed, and where that is much what
 * the other solver would need (solver_bytes). */
static bool announce(const Dnr *dnr, size_t n, char title[TITLE], Error *err) {
    static const double MUCH = 4e9;
    char sum[FIT_SUM], text[32];
    double need = dnr_fit_bytes(&dnr->base, n, sum);
    const char *other = need > MUCH ? strstr(sum, "; solver = ") : NULL;
    snprintf(title, TITLE, "fitting DNR (%s%s)", memory_text(need, text), other ? other : "");
    return memory_check("fit", need, sum, err);
}

/* One step per part. True also when interrupted. */
static bool fit_parts(const Dnr *dnr, Training *training, Error *err) {
    Progress *progress = training->progress;
    progress_begin(progress, training->title, (double)dnr->layers + 2);
    bool ok = dnr_training_outputs(dnr, &training->held, progress, err);
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
        return error_set(err, ERROR_ARGUMENT,
                         "fit: this dnr is being tuned: its parts cannot train it");
    if (!model_check_idle(&dnr->base, "fit", err) || !model_check_samples(&dnr->base, samples, err))
        return false;
    if (samples->features != dnr->base.features)
        return error_set(err, ERROR_ARGUMENT, "fit: samples have %zu features, the net takes %zu",
                         samples->features, dnr->base.features);
    Training training = { .held = { .samples = samples, .where = "fit" }, .progress = progress };
    if (!announce(dnr, samples->n, training.title, err))
        return false;
    matrix_hold(); /* every layer's kernel matrix in the same memory */
    bool ok = training_make(dnr, folds->fold, &training, err) && fit_parts(dnr, &training, err);
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
