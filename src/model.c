#include "model.h"

#include "core/array_values.h"
#include "core/context.h"
#include "core/fail.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_init(Model *model, const ModelKind *kind) {
    *model = (Model){ .kind = kind, .refs = 1 };
}

Model *model_retain(Model *model) {
    if (model)
        model->refs++;
    return model;
}

void model_release(Model *model) {
    if (!model || --model->refs > 0)
        return;
    labels_clear(&model->classes);
    model->kind->free(model);
}

/* ---- Changes --------------------------------------------------------------------------------- */

void model_changes(Model *model) {
    static const ContextSlot slot = { .size = sizeof(uint64_t) };
    uint64_t *now = context_slot(&slot);
    model->changed = ++*now;
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

uint64_t model_changed(const Model *model) {
    uint64_t last = model->changed;
    ModelPart part;
    if (model->kind->stands_on)
        last = later(last, model_changed(model->kind->stands_on(model)));
    for (size_t i = 0; model->kind->part_at && model->kind->part_at(model, i, &part); i++)
        last = later(last, model_changed(part.model));
    return last;
}

bool model_check_unchanged(const Model *model, uint64_t then, Error *err) {
    return model_changed(model) == then ||
           error_set(err, ERROR_ARGUMENT,
                     "this %s was trained or changed after it had answered, and the gradient "
                     "would be another's: ask it again",
                     model->kind->name);
}

bool model_check_fitted_on(const Model *model, const Model *net, uint64_t then, Error *err) {
    return model_changed(net) == then ||
           error_set(err, ERROR_ARGUMENT,
                     "this %s was fitted before the net was trained or changed: fit it again",
                     model->kind->name);
}

bool model_check_inside(const Model *whole, const Model *inside, bool rejects, Error *err) {
    return (inside->rejects == rejects && labels_equal(&inside->classes, &whole->classes)) ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: the model inside has other classes than when it was taken in; call :fit "
                     "or make the %s anew",
                     whole->kind->name, whole->kind->name);
}

/* ---- In use ---------------------------------------------------------------------------------- */

static const ModelUse **innermost_use(void) {
    static const ContextSlot slot = { .size = sizeof(const ModelUse *) };
    return context_slot(&slot);
}

void model_use_begin(ModelUse *use, const Model *model) {
    const ModelUse **now = innermost_use();
    *use = (ModelUse){ model, *now };
    *now = use;
}

void model_use_end(const ModelUse *use) {
    *innermost_use() = use->outer;
}

/* Is it this model, or a part of it? */
static bool is_within(const Model *model, const Model *whole) {
    ModelPart part;
    bool within = model == whole;
    for (size_t i = 0; !within && whole->kind->part_at && whole->kind->part_at(whole, i, &part);
         i++)
        within = is_within(model, part.model);
    return within;
}

bool model_check_idle(const Model *model, const char *where, Error *err) {
    for (const ModelUse *use = *innermost_use(); use; use = use->outer)
        if (is_within(model, use->model))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: this %s is being used: what it calls cannot train it", where,
                             model->kind->name);
    return true;
}

bool model_is_same(const Model *a, const Model *b) {
    return a == b || (a && b && a->kind == b->kind && a->kind->same && a->kind->same(a, b));
}

bool model_is_fitted(const Model *model) {
    return model->classes.count > 0;
}

size_t model_columns(const Model *model) {
    return model->classes.count + (model->rejects ? 1 : 0);
}

bool model_not_fitted(const Model *model, const char *where, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: this %s is not fitted yet; %s", where,
                     model->kind->name,
                     model->kind->unfitted ? model->kind->unfitted : "call :fit first");
}

static bool cannot(const Model *model, const char *what, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: a %s model cannot do this", what, model->kind->name);
}

static bool check_ready(Model *model, const Batch *batch, Error *err) {
    if (!model_is_fitted(model))
        return model_not_fitted(model, batch->where, err);
    if (model->features != 0 && model->features != batch->features)
        return error_set(err, ERROR_ARGUMENT, "%s: samples have %zu features, the %s takes %zu",
                         batch->where, batch->features, model->kind->name, model->features);
    model->features = batch->features;
    return true;
}

/* ---- What it answers ------------------------------------------------------------------------- */

/* Labels in, labels out, where one model alone stands behind it; among several its scores are more
 * than they. */
ModelAnswers model_answers(const Model *model) {
    ModelAnswers least = model->answers;
    ModelPart part;
    size_t i = 0;
    for (; model->kind->part_at && model->kind->part_at(model, i, &part); i++) {
        ModelAnswers inner = model_answers(part.model);
        least = inner > least ? inner : least;
    }
    return least == MODEL_LABELS && i > 1 ? MODEL_SCORES : least;
}

/* ---- The layout of a sample ------------------------------------------------------------------ */

Sizes model_input_shape(const Model *model) {
    return model->kind->input_shape ? model->kind->input_shape(model) : (Sizes){ 0 };
}

static Sizes without_ones(const Sizes *shape) {
    Sizes rest = { 0 };
    for (int d = 0; d < shape->ndim; d++)
        if (shape->size[d] != 1)
            rest.size[rest.ndim++] = shape->size[d];
    return rest;
}

static bool same_sizes(const Sizes *a, const Sizes *b) {
    return a->ndim == b->ndim && memcmp(a->size, b->size, sizeof a->size) == 0;
}

/* The order of `from`'s axes that lets its sizes follow those of `to` (none of them 1); the axes of
 * size 1 come last. False where there is none. */
static bool axes_between(const Sizes *from, const Sizes *to, int *axis) {
    bool taken[ARRAY_MAX_DIMS] = { false };
    int used = 0;
    for (int d = 0; d < to->ndim; d++)
        for (int k = 0; k < from->ndim && used == d; k++)
            if (!taken[k] && from->size[k] == to->size[d]) {
                taken[k] = true;
                axis[used++] = k;
            }
    bool all = used == to->ndim;
    for (int k = 0; k < from->ndim; k++)
        if (!taken[k]) {
            all = all && from->size[k] == 1;
            axis[used++] = k;
        }
    return all;
}

bool model_check_layout(const Model *model, const Sizes *sample, const char *where, Error *err) {
    Sizes takes = model_input_shape(model);
    Sizes given_sizes = without_ones(sample), wanted = without_ones(&takes);
    int axis[ARRAY_MAX_DIMS];
    if (same_sizes(&given_sizes, &wanted) || !axes_between(sample, &wanted, axis))
        return true;
    char given[128], shape[128], axes[64];
    size_t used = 0;
    for (int d = 0; d < sample->ndim; d++)
        used += (size_t)snprintf(axes + used, sizeof axes - used, ", %d", axis[d] + 2);
    return error_set(err, ERROR_ARGUMENT,
                     "%s: the samples are %s, the %s takes %s; transpose(1%s) of the images "
                     "puts their axes in that order",
                     where, array_shape_text(sample->ndim, sample->size, given), model->kind->name,
                     array_shape_text(takes.ndim, takes.size, shape), axes);
}

GradientRequest request_rows(const GradientRequest *request, const Model *model, size_t first) {
    GradientRequest rest = *request;
    size_t done = first * model_columns(model);
    rest.w = request->w ? request->w + done : NULL;
    rest.scores = request->scores ? request->scores + done : NULL;
    rest.gradient += first * model->features;
    rest.largest = request->largest ? request->largest + first : NULL;
    rest.first_row += first;
    return rest;
}

Ascent ascent_rows(const Ascent *ascent, const Model *model, size_t first) {
    Ascent rest = *ascent;
    rest.goal += first;
    rest.scores += first * model_columns(model);
    rest.height = rest.height ? rest.height + first : NULL;
    rest.direction = rest.direction ? rest.direction + first * model->features : NULL;
    rest.largest = rest.largest ? rest.largest + first : NULL;
    return rest;
}

bool model_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    ModelUse use;
    if (!check_ready(model, batch, err))
        return false;
    if (batch->n == 0)
        return true;
    model_use_begin(&use, model);
    bool ok = model->kind->scores(model, batch, scores, err);
    model_use_end(&use);
    return ok;
}

/* Scores and then gradients by their weights, for a kind that has no way to do both at once. */
static bool gradient_in_two_calls(Model *model, const Batch *batch, const GradientRequest *request,
                                  Error *err) {
    assert(request->w || request->weigh);
    size_t columns = model_columns(model), count = batch->n * columns;
    double *scratch = malloc(2 * count * sizeof *scratch);
    if (!scratch)
        return error_memory(err, batch->where, 2 * count * sizeof *scratch);
    double *scores = request->scores ? request->scores : scratch, *w = scratch + count;
    bool ok = model->kind->scores(model, batch, scores, err);
    for (size_t i = 0; ok && !request->w && i < batch->n; i++)
        request->weigh(request->context, request->first_row + i, scores + i * columns,
                       w + i * columns);
    GradientRequest weighted = { .w = request->w ? request->w : w,
                                 .wider = request->wider,
                                 .gradient = request->gradient,
                                 .largest = request->largest };
    ok = ok && model->kind->gradient(model, batch, &weighted, err);
    free(scratch);
    return ok;
}

bool model_gradient(Model *model, const Batch *batch, const GradientRequest *request, Error *err) {
    if (!check_ready(model, batch, err))
        return false;
    if (!model->kind->gradient)
        return cannot(model, batch->where, err);
    if (batch->n == 0)
        return true;
    bool by_weights = request->w && !request->scores;
    ModelUse use;
    model_use_begin(&use, model);
    bool ok = by_weights || model->kind->one_pass
                  ? model->kind->gradient(model, batch, request, err)
                  : gradient_in_two_calls(model, batch, request, err);
    model_use_end(&use);
    return ok;
}

/* ---- Ascents --------------------------------------------------------------------------------- */

size_t ascent_class(const Model *model, Goal goal, const double *scores) {
    return goal.target >= 0 ? (size_t)goal.target
                            : scores_best_but(scores, model->classes.count, goal.truth);
}

typedef struct AscentContext {
    const Model *model;
    const Ascent *ascent;
} AscentContext;

/* θ: the reject score, its own or from outside. */
static double ascent_threshold(const AscentContext *of, const double *scores) {
    const Model *model = of->model;
    double own = model->rejects ? scores[model->classes.count] : -INFINITY;
    return fmax(own, of->ascent->threshold);
}

static void weigh_ascent(const void *context, size_t row, const double *scores, double *w) {
    const AscentContext *of = context;
    Goal goal = of->ascent->goal[row];
    memset(w, 0, model_columns(of->model) * sizeof *w);
    w[goal.truth] = scores[goal.truth] > ascent_threshold(of, scores) ? -1 : 0;
    w[ascent_class(of->model, goal, scores)] += 1;
}

static void measure_ascent(const AscentContext *of, size_t n) {
    const Ascent *ascent = of->ascent;
    const double *scores = ascent->scores;
    size_t columns = model_columns(of->model);
    for (size_t i = 0; ascent->height && i < n; i++, scores += columns) {
        Goal goal = ascent->goal[i];
        double floor = fmax(scores[goal.truth], ascent_threshold(of, scores));
        ascent->height[i] = scores[ascent_class(of->model, goal, scores)] - floor;
    }
}

bool ascent_along_gradient(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    AscentContext of = { model, ascent };
    GradientRequest request = { .weigh = weigh_ascent,
                                .context = &of,
                                .wider = ascent->wider,
                                .scores = ascent->scores,
                                .gradient = ascent->direction,
                                .largest = ascent->largest };
    if (!(ascent->direction ? model_gradient(model, batch, &request, err)
                            : model_scores(model, batch, ascent->scores, err)))
        return false;
    measure_ascent(&of, batch->n);
    return true;
}

bool model_ascent(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    if (!model->kind->ascent)
        return ascent_along_gradient(model, batch, ascent, err);
    if (!check_ready(model, batch, err))
        return false;
    if (batch->n == 0)
        return true;
    ModelUse use;
    model_use_begin(&use, model);
    bool ok = model->kind->ascent(model, batch, ascent, err);
    model_use_end(&use);
    return ok;
}

Pieces pieces_of(const Model *model, const Batch *batch, Progress *progress) {
    bool whole = batch->n < MODEL_PIECE || (model->kind->whole_batches && batch->x);
    return (Pieces){ .batch = batch,
                     .progress = progress,
                     .what = batch->where,
                     .most = whole ? batch->n : MODEL_PIECE,
                     .piece = batch_rows(batch, 0, 0),
                     .columns = model_columns(model) };
}

static bool has_several(const Pieces *pieces) {
    return pieces->batch->n > pieces->most;
}

bool pieces_next(Pieces *pieces) {
    const Batch *batch = pieces->batch;
    bool several = has_several(pieces);
    if (!pieces->started && several)
        progress_begin(pieces->progress, pieces->what, (double)batch->n);
    pieces->done += pieces->piece.n;
    bool go = !several || !pieces->started ||
              progress_step(pieces->progress, (double)pieces->piece.n, NULL);
    if (pieces->started && (!go || pieces->done == batch->n))
        return false;
    pieces->started = true;
    size_t left = batch->n - pieces->done;
    pieces->piece = batch_rows(batch, pieces->done, left < pieces->most ? left : pieces->most);
    return true;
}

void pieces_end(Pieces *pieces) {
    if (has_several(pieces))
        progress_end(pieces->progress);
}

bool pieces_check(const Pieces *pieces, const Model *model, Error *err) {
    return model_columns(model) == pieces->columns ||
           error_set(err, ERROR_ARGUMENT,
                     "%s: the %s was fitted to other classes while it was asked",
                     pieces->batch->where, model->kind->name);
}

static bool all_done(const Pieces *pieces, Error *err) {
    const Batch *batch = pieces->batch;
    return pieces->done == batch->n || error_interrupted(err, batch->where);
}

static const ModelHelper **who_helps(void) {
    static const ContextSlot slot = { .size = sizeof(const ModelHelper *) };
    return context_slot(&slot);
}

void model_ask(const ModelHelper *helper) {
    *who_helps() = helper;
}

bool model_answer(Model *model, Pieces *pieces, const GradientRequest *request, Error *err) {
    const ModelHelper *helper = *who_helps();
    bool ok = true, helped = false;
    if (helper && has_several(pieces) && !request->gradient)
        ok = helper->scores(helper, model, pieces, request->scores, &helped, err);
    if (helped || !ok)
        return ok && pieces_check(pieces, model, err);
    while (ok && pieces_next(pieces)) {
        if (!pieces_check(pieces, model, err)) {
            ok = false;
        } else if (request->gradient) {
            GradientRequest part = request_rows(request, model, pieces->done);
            ok = model_gradient(model, &pieces->piece, &part, err);
        } else {
            size_t done = pieces->done * pieces->columns;
            ok = model_scores(model, &pieces->piece, request->scores + done, err);
        }
    }
    pieces_end(pieces);
    return ok && pieces_check(pieces, model, err);
}

bool model_scores_in_pieces(Model *model, const Batch *batch, double *scores, Error *err) {
    return model_gradient_in_pieces(model, batch, &(GradientRequest){ .scores = scores }, err);
}

bool model_gradient_in_pieces(Model *model, const Batch *batch, const GradientRequest *request,
                              Error *err) {
    Pieces pieces = pieces_of(model, batch, NULL);
    return model_answer(model, &pieces, request, err) && all_done(&pieces, err);
}

bool model_ascent_in_pieces(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    Pieces pieces = pieces_of(model, batch, NULL);
    bool ok = true;
    while (ok && pieces_next(&pieces)) {
        Ascent part = ascent_rows(ascent, model, pieces.done);
        ok = model_ascent(model, &pieces.piece, &part, err);
    }
    pieces_end(&pieces);
    return ok && all_done(&pieces, err);
}

bool model_forward(ModelPass *pass, double *scores, Error *err) {
    const ModelKind *kind = pass->model->kind;
    pass->changed = model_changed(pass->model);
    if (!kind->forward || pass->batch.n == 0)
        return model_scores(pass->model, &pass->batch, scores, err);
    if (!check_ready(pass->model, &pass->batch, err))
        return false;
    ModelUse use;
    model_use_begin(&use, pass->model);
    bool ok = kind->forward(pass, scores, err);
    model_use_end(&use);
    return ok;
}

bool model_backward(ModelPass *pass, const double *w, float *gradient, Error *err) {
    if (!model_check_unchanged(pass->model, pass->changed, err))
        return false;
    GradientRequest request = { .w = w, .gradient = gradient, .largest = pass->largest };
    if (!pass->kept)
        return model_gradient(pass->model, &pass->batch, &request, err);
    ModelUse use;
    model_use_begin(&use, pass->model);
    bool ok = pass->model->kind->backward(pass, w, gradient, err);
    model_use_end(&use);
    return ok;
}

void model_pass_clear(ModelPass *pass) {
    if (pass->kept)
        pass->model->kind->forget(pass);
    pass->kept = NULL;
}

bool model_check_samples(const Model *model, const Samples *samples, Error *err) {
    if (samples->n == 0)
        return error_set(err, ERROR_ARGUMENT, "fit: the dataset is empty");
    for (size_t i = 0; model->rejects && i < samples->n; i++)
        if (samples->y[i] == LABEL_REJECTED)
            return error_set(err, ERROR_ARGUMENT,
                             "fit: sample %zu has the label %d, by which the %s says that it "
                             "rejects; give its class another label",
                             i + 1, LABEL_REJECTED, model->kind->name);
    return true;
}

bool model_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    if (!model->kind->fit)
        return cannot(model, "fit", err);
    return model_check_idle(model, "fit", err) && model_check_samples(model, samples, err) &&
           model->kind->fit(model, samples, progress, err);
}

/* The samples of fold k, or with `outside` all others, copied together; `position` gets where they
 * were. */
typedef struct Subset {
    int k;
    bool outside;
    float *x;
    int32_t *y;
    size_t *position;
    size_t n;
} Subset;

static void subset_clear(Subset *subset) {
    free(subset->x);
    free(subset->y);
    free(subset->position);
}

static bool subset_has(const Subset *subset, const Folds *folds, size_t i) {
    return (folds->fold[i] == subset->k) != subset->outside;
}

/* Fills a subset that says k and outside, and nothing else. On failure it holds nothing. */
static bool subset_take(const Folds *folds, Subset *subset, Error *err) {
    const Samples *all = folds->samples;
    size_t n = 0, width = all->features;
    for (size_t i = 0; i < all->n; i++)
        n += subset_has(subset, folds, i);
    subset->x = malloc((n * width + 1) * sizeof(float));
    subset->y = malloc((n + 1) * sizeof(int32_t));
    subset->position = malloc((n + 1) * sizeof(size_t));
    if (!subset->x || !subset->y || !subset->position) {
        subset_clear(subset);
        return error_memory(err, "fit", n * width * sizeof(float));
    }
    for (size_t i = 0; i < all->n; i++) {
        if (!subset_has(subset, folds, i))
            continue;
        memcpy(subset->x + subset->n * width, all->x + i * width, width * sizeof(float));
        subset->y[subset->n] = all->y[i];
        subset->position[subset->n++] = i;
    }
    return true;
}

static bool is_interrupted(const Progress *progress) {
    return progress_was_interrupted(progress) || progress_interrupt_pending();
}

/* Out-of-fold scores fold by fold. */
typedef struct FoldRun {
    Model *model;
    const Folds *folds;
    Labels classes; /* of all samples */
    Progress *progress;
} FoldRun;

/* The held samples' scores into oof, in the columns of all classes: a class that the other folds
 * lack keeps the lowest score of its row. */
static bool score_held(const FoldRun *run, const Subset *held, Error *err) {
    Model *model = run->model;
    size_t columns = model_columns(model), count = run->classes.count;
    double *scores = malloc((held->n * columns + 1) * sizeof *scores);
    if (!scores)
        return error_memory(err, "fit", held->n * columns * sizeof *scores);
    Batch batch = { held->x, held->n, run->folds->samples->features, "fit" };
    Pieces pieces = pieces_of(model, &batch, NULL);
    bool ok = true;
    while (ok && pieces_next(&pieces))
        ok = model_scores(model, &pieces.piece, scores + pieces.done * columns, err);
    for (size_t i = 0; ok && i < pieces.done; i++) {
        const double *from = scores + i * columns;
        /* All that is held has its position, and pieces are never empty.
           NOLINTNEXTLINE(clang-analyzer-core.*) */
        double *to = run->folds->oof + held->position[i] * count, lowest = from[0];
        for (size_t c = 1; c < model->classes.count; c++)
            lowest = from[c] < lowest ? from[c] : lowest;
        for (size_t c = 0; c < count; c++) {
            ptrdiff_t column = labels_find(&model->classes, run->classes.label[c]);
            to[c] = column < 0 ? lowest : from[column];
        }
    }
    free(scores);
    return ok;
}

/* Train on all folds but k and put fold k's scores into oof. */
static bool score_fold(const FoldRun *run, int k, Error *err) {
    Subset rest = { .k = k, .outside = true }, held = { .k = k };
    if (!subset_take(run->folds, &rest, err))
        return false;
    bool ok = subset_take(run->folds, &held, err);
    if (ok) {
        Samples training = { rest.x, rest.y, rest.n, run->folds->samples->features };
        ok = model_fit(run->model, &training, run->progress, err);
        /* A fit that was interrupted may have left the model as it was: not fitted. */
        if (ok && held.n > 0 && !is_interrupted(run->progress))
            ok = score_held(run, &held, err);
        subset_clear(&held);
    }
    subset_clear(&rest);
    return ok;
}

bool model_fit_folds(Model *model, const Folds *folds, Progress *progress, Error *err) {
    const Samples *samples = folds->samples;
    if (!model_check_idle(model, "fit", err) || !model_check_samples(model, samples, err))
        return false;
    if (model->kind->fit_folds)
        return model->kind->fit_folds(model, folds, progress, err);
    FoldRun run = { .model = model, .folds = folds, .progress = progress };
    if (!labels_from("fit", samples->y, samples->n, &run.classes, err))
        return false;
    progress_begin(progress, "fitting folds", folds->folds + 1);
    bool ok = true, go = true;
    for (int k = 0; k < folds->folds && go; k++) {
        ok = score_fold(&run, k, err);
        go = progress_step(progress, 1, NULL) && ok;
    }
    if (go)
        ok = model_fit(model, samples, progress, err);
    progress_end(progress);
    labels_clear(&run.classes);
    return ok;
}

bool model_option_at(Model *model, size_t i, FieldPlace *place) {
    size_t own = 0, part = 0;
    if (model->kind->option_at) {
        while (own <= i && model->kind->option_at(model, own, place))
            own++;
        if (own > i)
            return true;
    }
    ModelPart inner;
    for (i -= own; model->kind->part_at && model->kind->part_at(model, part, &inner); part++) {
        size_t count = 0;
        while (count <= i && model_option_at(inner.model, count, place))
            count++;
        if (count > i)
            return *inner.name == '\0' || fields_part(place, inner.name);
        i -= count;
    }
    return false;
}

static bool has_option(Model *model, const char *name) {
    FieldPlace place;
    for (size_t i = 0; model_option_at(model, i, &place); i++)
        if (strcmp(place.name, name) == 0)
            return true;
    return false;
}

Model *model_sets_itself(Model *model, const char *name, const char **rest) {
    ModelPart inner;
    *rest = name;
    if (model->kind->set)
        return model;
    if (has_option(model, name))
        return NULL;
    for (size_t i = 0; model->kind->part_at && model->kind->part_at(model, i, &inner); i++) {
        size_t length = strlen(inner.name);
        if (strncmp(name, inner.name, length) != 0 || (length > 0 && name[length] != '.'))
            continue;
        Model *found = model_sets_itself(inner.model, name + length + (length > 0), rest);
        if (found)
            return found;
    }
    return NULL;
}

static bool option_at(void *model, size_t i, FieldPlace *place) {
    return model_option_at(model, i, place);
}

static bool of_this_model(const Model *model, bool ok, Error *err) {
    if (!ok)
        error_prefix(err, "%s", model->kind->name);
    return ok;
}

bool model_set(Model *model, const char *name, Value value, Error *err) {
    FieldPlace place;
    const char *rest;
    Model *other = model_sets_itself(model, name, &rest);
    if (other)
        return other->kind->set(other, rest, &value, err);
    return of_this_model(
        model,
        fields_locate(option_at, model, name, &place, err) && fields_set(&place, &value, err), err);
}

bool model_get(Model *model, const char *name, Value *value, Error *err) {
    FieldPlace place;
    const char *rest;
    Model *other = model_sets_itself(model, name, &rest);
    if (other)
        return other->kind->get(other, rest, value, err);
    if (!of_this_model(model, fields_locate(option_at, model, name, &place, err), err))
        return false;
    *value = field_get(place.field, place.object);
    return true;
}

Model *model_clone(const Model *model, Error *err) {
    if (model->kind->clone)
        return model->kind->clone(model, err);
    cannot(model, "clone", err);
    return NULL;
}

Model *model_fitted_copy(const Model *model, Error *err) {
    if (model->kind->fitted_copy)
        return model->kind->fitted_copy(model, err);
    error_set(err, ERROR_ARGUMENT,
              "with: only training uses the options of a %s: :set changes them for its next fit",
              model->kind->name);
    return NULL;
}

Model *model_part_copy(const Model *part, Error *err) {
    return part->kind->fitted_copy ? model_fitted_copy(part, err) : model_retain((Model *)part);
}

static bool has_own_option(Model *model, const char *name) {
    FieldPlace place;
    for (size_t i = 0; model->kind->option_at && model->kind->option_at(model, i, &place); i++)
        if (strcmp(place.name, name) == 0)
            return true;
    return false;
}

/* The part that has the option, under the name *rest; NULL: none. */
static Model *part_with(const Model *model, const char *name, const char **rest) {
    ModelPart inner;
    for (size_t i = 0; model->kind->part_at && model->kind->part_at(model, i, &inner); i++) {
        size_t length = strlen(inner.name);
        if (strncmp(name, inner.name, length) != 0 || (length > 0 && name[length] != '.'))
            continue;
        *rest = name + length + (length > 0);
        if (inner.model->kind->set || has_option(inner.model, *rest))
            return inner.model;
    }
    return NULL;
}

/* One that sets its own has done so by now. */
static bool counts_at_once(Model *model, const char *name) {
    if (model->kind->set)
        return true;
    if (has_own_option(model, name))
        return model->kind->apply && model->kind->apply(model, name);
    Model *part = part_with(model, name, &name);
    return part && counts_at_once(part, name);
}

bool model_apply(Model *model, const char *name, Error *err) {
    return counts_at_once(model, name) ||
           error_set(err, ERROR_ARGUMENT,
                     "with: %s: only training uses it, so the copy would answer the same: :set it "
                     "for the next fit",
                     name);
}

size_t model_bytes(const Model *model) {
    return 512 + (model->kind->bytes ? model->kind->bytes(model) : 0);
}

double model_fit_bytes(const Model *model, size_t n, char *sum) {
    *sum = '\0';
    return model->kind->fit_bytes ? model->kind->fit_bytes(model, n, sum) : 0;
}

size_t model_best_class(const Model *model, const double *row) {
    assert(model->classes.count > 0);
    size_t best = 0;
    for (size_t c = 1; c < model->classes.count; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

size_t scores_best_but(const double *scores, size_t count, size_t left_out) {
    size_t best = left_out == 0 ? 1 : 0;
    for (size_t c = best + 1; c < count; c++)
        if (c != left_out && scores[c] > scores[best])
            best = c;
    return best;
}

bool model_check_rows(const Model *model, const double *scores, const Batch *batch, Error *err) {
    size_t columns = model_columns(model);
    for (size_t i = 0; i < batch->n * columns; i++)
        if (isnan(scores[i]))
            return error_set(
                err, ERROR_ARGUMENT,
                "%s: the scores of sample %zu are not all numbers, so it has no label: "
                "look for NaN in its features, or in the %s's own numbers",
                batch->where, i / columns + 1, model->kind->name);
    return true;
}

int32_t model_label(const Model *model, const double *row) {
    size_t best = model_best_class(model, row);
    if (model->rejects && !(row[best] > row[model->classes.count]))
        return LABEL_REJECTED;
    return model->classes.label[best];
}
