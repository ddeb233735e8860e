#include "reject/dnr_tune.h"

#include "core/fail.h"
#include "core/folds.h"
#include "core/memory.h"
#include "reject/dnr_parts.h"
#include "svm/matrix_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Field tune_fields[] = {
    { "layers", FIELD_OBJECT, .type = "table", .initial = "each its own C and gamma",
      .meaning =
          "{ C = {…}, gamma = {…} }, the values to try, for all layers or by a layer's name" },
    { "combiner", FIELD_OBJECT, .type = "table", .initial = "its own C and gamma",
      .meaning = "{ C = {…}, gamma = {…} }" },
    { "folds", FIELD_OBJECT, .type = "integer|array", .initial = "5",
      .meaning = "how many folds, or each sample's own (any integers)" },
    { "seed", FIELD_OBJECT, .type = "integer", .initial = "the session's",
      .meaning = "of the folds, drawn so that every class is spread evenly" },
    { "solver", FIELD_WORD, offsetof(DnrTuning, solver), .words = solver_names,
      .meaning = "what the candidates are trained with; the defence keeps its parts' own" },
    { "fit", FIELD_BOOLEAN, offsetof(DnrTuning, fit),
      .meaning = "train the defence on all of ds by what was chosen, with the same folds" },
    { .name = NULL },
};
static const DnrTuning initial = { .solver = SOLVER_SMO, .fit = true };
const Fields dnr_tune_fields = { tune_fields, &initial };

static const char where[] = "dnr.tune";

static const char *part_name(const Dnr *dnr, size_t part) {
    return part < dnr->layers ? dnr_layer_name(dnr, part) : "combiner";
}

const Svc *dnr_tunes(const Dnr *dnr, size_t part) {
    const Model *model = dnr_part(dnr, part);
    return model->kind == &svc_kind ? (const Svc *)model : NULL;
}

/* One call: what is asked, what it holds, what all parts' searches share. */
typedef struct Tuner {
    Dnr *dnr;
    DnrTuning *asked;
    DnrTraining held;
    double *oof; /* n × classes: of the part at work */
    Progress *progress;
    char title[64]; /* of the progress */
} Tuner;

/* ---- Before anything is trained -------------------------------------------------------------- */

/* What messages about a part begin with. */
typedef struct PartWhere {
    char text[128];
} PartWhere;

static PartWhere part_where(const Dnr *dnr, size_t part) {
    PartWhere of;
    snprintf(of.text, sizeof of.text, "%s: %s", where, part_name(dnr, part));
    return of;
}

/* An SVM's own params with the search's solver; they borrow its weights. */
static SvcParams params_of(const Tuner *tuner, size_t part) {
    SvcParams params = *svc_params(dnr_tunes(tuner->dnr, part));
    params.solver = tuner->asked->solver;
    return params;
}

/* C and gamma would be set in both places at once. */
static bool check_apart(const Dnr *dnr, size_t part, Error *err) {
    for (size_t other = 0; other < part; other++)
        if (dnr_part(dnr, other) == dnr_part(dnr, part))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: %s and %s are one and the same svm; give each its own", where,
                             part_name(dnr, other), part_name(dnr, part));
    return true;
}

static bool check_part(const Tuner *tuner, size_t part, Error *err) {
    if (!dnr_tunes(tuner->dnr, part))
        return true;
    SvcParams params = params_of(tuner, part);
    PartWhere of = part_where(tuner->dnr, part);
    const SvcSearch search = { &params, &tuner->asked->part[part].grid, tuner->held.samples,
                               of.text };
    return check_apart(tuner->dnr, part, err) && svc_search_check(&search, err);
}

static bool check_samples(const Tuner *tuner, Error *err) {
    const Samples *samples = tuner->held.samples;
    const Model *base = &tuner->dnr->base;
    if (tuner->dnr->busy)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: this dnr is being tuned: its parts cannot tune it", where);
    if (!model_check_idle(base, where, err))
        return false;
    if (!model_check_samples(base, samples, err)) {
        error_prefix(err, "%s", where);
        return false;
    }
    return samples->features == base->features ||
           error_set(err, ERROR_ARGUMENT, "%s: samples have %zu features, the net takes %zu", where,
                     samples->features, base->features);
}

static double part_bytes(const DnrNeed *need, size_t part, char *sum) {
    const Tuner *tuner = need->context;
    DnrTuned *tuned = &tuner->asked->part[part];
    if (!dnr_tunes(tuner->dnr, part))
        return model_fit_bytes(dnr_part(tuner->dnr, part), need->n, sum);
    SvcParams params = params_of(tuner, part);
    SvcSearch search = { &params, &tuned->grid, tuner->held.samples, where };
    return svc_search_bytes(&search, tuner->held.classes, sum);
}

/* Refuses what does not fit, now or when all is trained in the end; else says in the progress's
 * title what will be needed. */
static bool announce(Tuner *tuner, Error *err) {
    DnrTuning *asked = tuner->asked;
    size_t n = tuner->held.samples->n;
    DnrNeed need = { n, part_bytes, tuner };
    char sum[FIT_SUM], fit_sum[FIT_SUM], text[32];
    double fit = asked->fit ? dnr_fit_bytes(&tuner->dnr->base, n, fit_sum) : 0;
    asked->bytes = dnr_parts_bytes(tuner->dnr, &need, sum);
    if (fit > asked->bytes) {
        asked->bytes = fit;
        memcpy(sum, fit_sum, sizeof sum);
    }
    snprintf(tuner->title, sizeof tuner->title, "tuning DNR (%s)", memory_text(asked->bytes, text));
    return memory_check(where, asked->bytes, sum, err);
}

/* The folds, for every part as well, and no answer yet. */
static bool begin_parts(Tuner *tuner, Error *err) {
    DnrTraining *held = &tuner->held;
    if (!dnr_training_folds(tuner->dnr, tuner->asked->folds->fold, held, err))
        return false;
    for (size_t part = 0; part <= tuner->dnr->layers; part++) {
        DnrTuned *tuned = &tuner->asked->part[part];
        tuned->grid.fold = held->fold;
        tuned->grid.folds = held->folds;
        tuned->done = false;
        tuned->seconds = 0;
        tuned->found = (SvcFound){ .accuracy = tuned->found.accuracy,
                                   .spread = tuned->found.spread,
                                   .rows = 1,
                                   .columns = 1 };
    }
    return true;
}

static bool check(Tuner *tuner, Error *err) {
    bool ok = check_samples(tuner, err) && begin_parts(tuner, err) && announce(tuner, err);
    for (size_t part = 0; ok && part <= tuner->dnr->layers; part++)
        ok = check_part(tuner, part, err);
    return ok;
}

/* ---- A part ---------------------------------------------------------------------------------- */

/* The grid of an SVM; its oof is the best's. */
static bool search_part(const Tuner *tuner, size_t part, const Samples *samples, Error *err) {
    DnrTuned *tuned = &tuner->asked->part[part];
    SvcParams params = params_of(tuner, part);
    PartWhere of = part_where(tuner->dnr, part);
    tuned->found.oof = tuner->oof;
    return svc_search(&(SvcSearch){ &params, &tuned->grid, samples, of.text }, &tuned->found,
                      tuner->progress, err);
}

static bool judge_oof(const Tuner *tuner, size_t part, const Samples *samples, Error *err) {
    const DnrTraining *held = &tuner->held;
    SvcFound *found = &tuner->asked->part[part].found;
    Labels classes;
    if (!labels_from(where, samples->y, samples->n, &classes, err))
        return false;
    FoldAccuracy accuracy = folds_accuracy(
        &(FoldScores){ samples->y, held->fold, &classes, tuner->oof, samples->n, held->folds });
    labels_clear(&classes);
    *found->accuracy = accuracy.all;
    *found->spread = accuracy.spread;
    found->any = true;
    return true;
}

/* A part without a grid: a clone of it in the same folds. */
static bool judge_part(const Tuner *tuner, size_t part, const Samples *samples, Error *err) {
    const DnrTraining *held = &tuner->held;
    Model *model = model_clone(dnr_part(tuner->dnr, part), err);
    bool ok =
        model && model_fit_folds(model, &(Folds){ samples, held->fold, held->folds, tuner->oof },
                                 tuner->progress, err);
    if (ok && !progress_was_interrupted(tuner->progress))
        ok = (model_columns(model) == held->classes ||
              error_set(err, ERROR_ARGUMENT, "the %s has %zu columns for %zu classes",
                        model->kind->name, model_columns(model), held->classes)) &&
             judge_oof(tuner, part, samples, err);
    if (!ok)
        error_prefix(err, "%s: %s", where, part_name(tuner->dnr, part));
    model_release(model);
    return ok;
}

/* "relu2: C 10, gamma 0.01: 97.40 %" */
static void describe_part(const Tuner *tuner, size_t part, char text[96]) {
    const DnrTuned *tuned = &tuner->asked->part[part];
    const SvcFound *found = &tuned->found;
    const Svc *svc = dnr_tunes(tuner->dnr, part);
    char C[32] = "", gamma[32] = "";
    if (svc)
        snprintf(C, sizeof C, " C %.4g,", tuned->grid.C[found->C]);
    if (svc && kernel_has(&svc_params(svc)->kernel, "gamma"))
        snprintf(gamma, sizeof gamma, " gamma %.4g,", tuned->grid.gamma[found->gamma]);
    snprintf(text, 96, "%.24s:%s%s %.2f %%", part_name(tuner->dnr, part), C, gamma,
             100 * found->accuracy[found->C * found->columns + found->gamma]);
}

/* A part on its inputs; a layer's scores go to the combiner's. False if it failed; without an
 * interrupt the part is then done. */
static bool tune_part(Tuner *tuner, size_t part, Error *err) {
    const Dnr *dnr = tuner->dnr;
    DnrTraining *held = &tuner->held;
    DnrTuned *tuned = &tuner->asked->part[part];
    bool is_layer = part < dnr->layers;
    const Samples samples = { is_layer ? held->output[part] : held->inputs, held->samples->y,
                              held->samples->n,
                              is_layer ? dnr->layer[part].width : held->inputs_width };
    double start = progress_clock();
    bool ok = dnr_tunes(dnr, part) ? search_part(tuner, part, &samples, err)
                                   : judge_part(tuner, part, &samples, err);
    tuned->seconds = progress_clock() - start;
    tuned->done = ok && !progress_was_interrupted(tuner->progress);
    if (tuned->done && is_layer)
        dnr_training_take(part, tuner->oof, held);
    return ok;
}

/* ---- What was chosen ------------------------------------------------------------------------- */

typedef struct Chosen {
    double C, gamma;
} Chosen;

/* Set C and gamma of every SVM; `chosen` gets what they were before. */
static bool exchange(Dnr *dnr, Chosen *chosen, Error *err) {
    bool ok = true;
    for (size_t part = 0; ok && part <= dnr->layers; part++) {
        const Svc *svc = dnr_tunes(dnr, part);
        if (!svc)
            continue;
        Model *model = dnr_part(dnr, part);
        Chosen before = { svc_params(svc)->C, svc_params(svc)->kernel.gamma };
        ok = model_set(model, "C", value_number(chosen[part].C), err) &&
             (!kernel_has(&svc_params(svc)->kernel, "gamma") ||
              model_set(model, "kernel.gamma", value_number(chosen[part].gamma), err));
        chosen[part] = before;
    }
    return ok;
}

static void choose(const Tuner *tuner, Chosen *chosen) {
    for (size_t part = 0; part <= tuner->dnr->layers; part++) {
        const DnrTuned *tuned = &tuner->asked->part[part];
        if (!dnr_tunes(tuner->dnr, part))
            continue;
        chosen[part].C = tuned->grid.C[tuned->found.C];
        if (tuned->grid.gammas > 0)
            chosen[part].gamma = tuned->grid.gamma[tuned->found.gamma];
    }
}

/* Train by the values that have been set; what is not trained in the end has the old ones again. */
static bool fit_chosen(Tuner *tuner, Chosen *before, Error *err) {
    Dnr *dnr = tuner->dnr;
    bool ok = dnr_fit(dnr, tuner->asked->folds, tuner->progress, err);
    if (!ok)
        error_prefix(err, "%s", where);
    tuner->asked->done = ok && !progress_was_interrupted(tuner->progress);
    if (tuner->asked->done)
        progress_step(tuner->progress, 1, NULL);
    else
        exchange(dnr, before, NULL);
    return ok;
}

static bool take_chosen(Tuner *tuner, Error *err) {
    size_t parts = tuner->dnr->layers + 1;
    Chosen *chosen = calloc(parts, sizeof *chosen);
    if (!chosen)
        return error_memory(err, where, parts * sizeof *chosen);
    choose(tuner, chosen);
    bool ok = exchange(tuner->dnr, chosen, err);
    tuner->asked->done = ok;
    if (ok && tuner->asked->fit)
        ok = fit_chosen(tuner, chosen, err);
    free(chosen);
    return ok;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static bool hold(Tuner *tuner, Error *err) {
    DnrTraining *held = &tuner->held;
    size_t bytes = held->samples->n * held->classes * sizeof *tuner->oof;
    tuner->oof = malloc(bytes);
    return (tuner->oof || error_memory(err, where, bytes)) &&
           dnr_training_make(tuner->dnr, held, err);
}

/* Layers, combiner, and what was chosen. True also when interrupted. */
static bool tune_parts(Tuner *tuner, Error *err) {
    Dnr *dnr = tuner->dnr;
    Progress *progress = tuner->progress;
    char text[96];
    matrix_hold();    /* every layer's matrices in the same memory */
    dnr->busy = true; /* a part written in Lua must not fit us meanwhile */
    bool ok = dnr_training_outputs(dnr, &tuner->held, progress, err);
    bool go = ok && progress_step(progress, 1, NULL);
    for (size_t part = 0; go && part <= dnr->layers; part++) {
        ok = tune_part(tuner, part, err);
        go = ok && tuner->asked->part[part].done;
        if (go)
            describe_part(tuner, part, text);
        go = go && progress_step(progress, 1, text);
    }
    dnr->busy = false;
    matrix_release();
    return ok;
}

/* Was every part judged, and no stop asked for since? */
static bool all_done(const Tuner *tuner) {
    return tuner->asked->part[tuner->dnr->layers].done &&
           !progress_was_interrupted(tuner->progress);
}

bool dnr_tune(Dnr *dnr, DnrTuning *tuning, Progress *progress, Error *err) {
    Tuner tuner = { .dnr = dnr,
                    .asked = tuning,
                    .held = { .samples = tuning->folds->samples, .where = where },
                    .progress = progress };
    double start = progress_clock();
    tuning->done = false;
    bool ok = check(&tuner, err) && hold(&tuner, err);
    progress_begin(progress, tuner.title, (double)dnr->layers + (tuning->fit ? 3 : 2));
    ok = ok && tune_parts(&tuner, err);
    dnr_training_clear(dnr, &tuner.held);
    free(tuner.oof);
    if (ok && all_done(&tuner))
        ok = take_chosen(&tuner, err);
    progress_end(progress);
    tuning->seconds = progress_clock() - start;
    return ok;
}
