#include "classic/pipeline.h"

#include "classic/front.h"
#include "core/array_values.h"
#include "core/fail.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STEPS = 16 };

struct Pipeline {
    Front front; /* its context is the pipeline */
    size_t steps;
    Step step[MOST_STEPS];
};

static bool is_learnt(const Pipeline *self) {
    return self->steps == 0 || self->step[0].learnt.out > 0;
}

/* ---- The function of all steps --------------------------------------------------------------- */

/* rows[i] is what step i is given; rows[0] is the batch itself. */
typedef struct Kept {
    const Pipeline *self;
    Batch rows[MOST_STEPS + 1];
} Kept;

static void forget(Preprocessed *made) {
    Kept *kept = made->kept;
    for (size_t i = 1; kept && i <= MOST_STEPS; i++)
        free((float *)kept->rows[i].x);
    free(kept);
    *made = (Preprocessed){ 0 };
}

static bool go(const Learnt *learnt, const StepKind *kind, const Batch *x, Batch *y, Error *err) {
    float *rows = malloc((x->n * learnt->out + 1) * sizeof *rows);
    *y = (Batch){ rows, x->n, learnt->out, x->where };
    if (!rows)
        return error_memory(err, x->where, x->n * learnt->out * sizeof *rows);
    return kind->forward(learnt, x, rows, err);
}

static bool forward(void *context, const Batch *x, bool back, Preprocessed *made, Error *err) {
    const Pipeline *self = context;
    Kept *kept = calloc(1, sizeof *kept);
    (void)back;
    if (!kept)
        return error_memory(err, x->where, sizeof *kept);
    *made = (Preprocessed){ .kept = kept };
    kept->self = self;
    kept->rows[0] = *x;
    for (size_t i = 0; i < self->steps; i++)
        if (!go(&self->step[i].learnt, self->step[i].kind, &kept->rows[i], &kept->rows[i + 1], err))
            return false;
    made->y = kept->rows[self->steps].x;
    made->features = kept->rows[self->steps].features;
    return true;
}

static bool pull(const Preprocessed *made, const float *dy, float *dx, Error *err) {
    const Kept *kept = made->kept;
    const Pipeline *self = kept->self;
    float *behind = NULL;
    bool ok = true;
    if (self->steps == 0)
        memcpy(dx, dy, kept->rows[0].n * kept->rows[0].features * sizeof *dx);
    for (size_t i = self->steps; ok && i-- > 0;) {
        const Batch *x = &kept->rows[i];
        size_t count = x->n * x->features;
        float *before = i == 0 ? dx : malloc((count + 1) * sizeof *before);
        ok = before || error_memory(err, x->where, count * sizeof *before);
        ok = ok &&
             self->step[i].kind->pull(&self->step[i].learnt, x, behind ? behind : dy, before, err);
        free(behind);
        behind = before;
    }
    if (behind != dx)
        free(behind);
    return ok;
}

static void *retain(void *context) {
    return context;
}

static void release(void *context) {
    (void)context;
}

static const PreprocessCalls calls = { forward, pull, forget, retain, release };

/* ---- Fitting --------------------------------------------------------------------------------- */

/* What the steps learn, and what they make of all samples. */
typedef struct Learning {
    Learnt learnt[MOST_STEPS];
    Samples samples;
    float *rows; /* the samples', or NULL while they are the given ones */
} Learning;

static void learning_clear(Learning *learning) {
    for (size_t i = 0; i < MOST_STEPS; i++)
        learnt_clear(&learning->learnt[i]);
    free(learning->rows);
}

/* One more step, and what it makes of the samples; not where it was interrupted. */
static bool learn_step(const Step *step, Learning *out, size_t i, Progress *progress, Error *err) {
    const Samples *before = &out->samples;
    Batch x = { before->x, before->n, before->features, "fit" }, y = { 0 };
    if (!step_learn(step, before, &out->learnt[i], progress, err))
        return false;
    if (!progress_step(progress, 1, step->kind->name))
        return true;
    bool ok = go(&out->learnt[i], step->kind, &x, &y, err);
    free(out->rows);
    out->rows = (float *)y.x;
    if (ok) {
        out->samples.x = y.x;
        out->samples.features = y.features;
    }
    return ok;
}

/* To be cleared whatever the answer. On an interrupt it is not complete. */
static bool learn(const Pipeline *self, const Samples *samples, Learning *out, Progress *progress,
                  Error *err) {
    *out = (Learning){ .samples = *samples };
    for (size_t i = 0; i < self->steps && !progress_was_interrupted(progress); i++)
        if (!learn_step(&self->step[i], out, i, progress, err))
            return false;
    return true;
}
static void adopt(Pipeline *self, Learning *learning, size_t features) {
    for (size_t i = 0; i < self->steps; i++) {
        learnt_clear(&self->step[i].learnt);
        self->step[i].learnt = learning->learnt[i];
        learning->learnt[i] = (Learnt){ 0 };
    }
    self->front.base.features = features;
    model_changes(&self->front.base);
}

static bool pipeline_fit(Model *base, const Samples *samples, Progress *progress, Error *err) {
    Pipeline *self = (Pipeline *)base;
    Model *model = self->front.model;
    Learning learning;
    progress_begin(progress, "fitting pipeline", (double)self->steps + 1);
    bool ok = learn(self, samples, &learning, progress, err);
    bool learnt = ok && !progress_was_interrupted(progress);
    ok = ok && (!learnt || model_fit(model, &learning.samples, progress, err));
    progress_end(progress);
    /* What an interrupt left as it was has not seen the new steps. */
    bool half = progress_was_interrupted(progress) && model->kind->all_or_nothing;
    if (ok && learnt && !half) {
        adopt(self, &learning, samples->features);
        ok = !model_is_fitted(model) || front_take_classes(&self->front, err);
    }
    learning_clear(&learning);
    return ok;
}

bool pipeline_fit_steps(Pipeline *self, const Samples *samples, Progress *progress, Error *err) {
    Learning learning;
    const Model *model = self->front.model;
    if (!model_check_idle(&self->front.base, "fit_steps", err) ||
        !model_check_samples(&self->front.base, samples, err))
        return false;
    progress_begin(progress, "fitting steps", (double)self->steps);
    bool ok = learn(self, samples, &learning, progress, err);
    progress_end(progress);
    bool learnt = ok && !progress_was_interrupted(progress);
    size_t width = learnt ? learning.samples.features : 0;
    if (learnt && model->features > 0 && model->features != width)
        learnt = ok = error_set(err, ERROR_ARGUMENT,
                                "fit_steps: the steps make %zu features, the %s takes %zu", width,
                                model->kind->name, model->features);
    if (learnt) {
        adopt(self, &learning, samples->features);
        ok = front_take_classes(&self->front, err);
    }
    learning_clear(&learning);
    return ok;
}

/* ---- As part of others ----------------------------------------------------------------------- */

/* "pca", and "pca2" of the second one. */
static void step_name(const Pipeline *self, size_t i, char name[32]) {
    int number = 1;
    for (size_t k = 0; k < i; k++)
        number += self->step[k].kind == self->step[i].kind;
    snprintf(name, 32, number > 1 ? "%s%d." : "%s.", self->step[i].kind->name, number);
}

static bool pipeline_option_at(Model *base, size_t i, FieldPlace *place) {
    Pipeline *self = (Pipeline *)base;
    char name[32];
    for (size_t k = 0; k < self->steps; k++)
        for (const Field *field = self->step[k].kind->fields.field; field->name; field++)
            if (i-- == 0) {
                step_name(self, k, name);
                return fields_place(field, &self->step[k].params, name, place);
            }
    return false;
}

static bool pipeline_part_at(const Model *base, size_t i, ModelPart *part) {
    *part = (ModelPart){ "model", ((const Pipeline *)base)->front.model };
    return i == 0;
}

static Model *pipeline_clone(const Model *base, Error *err) {
    const Pipeline *self = (const Pipeline *)base;
    Model *model = model_clone(self->front.model, err);
    if (!model)
        return NULL;
    Pipeline *copy = pipeline_new(&(PipelineParts){ self->step, self->steps, model }, err);
    model_release(model);
    return (Model *)copy;
}

/* Fitted as the model inside and its steps are, once those have been given to it. */
static bool settle(Pipeline *self, Error *err) {
    if (!is_learnt(self))
        return true;
    self->front.base.features =
        self->steps > 0 ? self->step[0].learnt.in : self->front.model->features;
    return front_take_classes(&self->front, err);
}

static bool take_learnt(Pipeline *self, const Pipeline *from, Error *err) {
    for (size_t i = 0; i < self->steps; i++)
        if (!learnt_copy(&from->step[i].learnt, &self->step[i].learnt, err))
            return false;
    return settle(self, err);
}

/* Steps that have learnt nothing may stand before a model of any classes. */
static bool check_inside(const Pipeline *self, Error *err) {
    const Model *base = &self->front.base;
    return !is_learnt(self) || model_check_inside(base, self->front.model, base->rejects, err);
}

static Model *pipeline_fitted_copy(const Model *base, Error *err) {
    const Pipeline *self = (const Pipeline *)base;
    Model *model = check_inside(self, err) ? model_part_copy(self->front.model, err) : NULL;
    if (!model)
        return NULL;
    Pipeline *copy = pipeline_new(&(PipelineParts){ self->step, self->steps, model }, err);
    model_release(model);
    if (copy && !take_learnt(copy, self, err)) {
        model_release((Model *)copy);
        return NULL;
    }
    return (Model *)copy;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void file_name(size_t i, char name[32]) {
    snprintf(name, 32, "step%zu", i + 1);
}

static bool pipeline_save(const Model *base, const ModelWriter *to, Error *err) {
    const Pipeline *self = (const Pipeline *)base;
    JsonNode list = json_object(to->meta, "steps");
    char name[32];
    if (!check_inside(self, err))
        return false;
    for (size_t i = 0; i < self->steps; i++) {
        file_name(i, name);
        if (!step_save(&self->step[i], to, json_object(list, name), name, err))
            return false;
    }
    return to->part(to, "model", self->front.model, err);
}

/* Each step takes what the one before it makes; all have learnt, or none. */
static bool check_chain(const PipelineParts *parts, Error *err) {
    size_t width = 0;
    for (size_t i = 0; i < parts->steps; i++) {
        const Learnt *learnt = &parts->step[i].learnt;
        if (i > 0 && (learnt->in != width || (learnt->out > 0) != (width > 0)))
            return error_set(err, ERROR_FILE,
                             "load: step %zu of a pipeline takes %zu features, the step before it "
                             "makes %zu",
                             i + 1, learnt->in, width);
        width = learnt->out;
    }
    size_t takes = parts->model->features;
    return width == 0 || takes == 0 || takes == width ||
           error_set(err, ERROR_FILE,
                     "load: the steps of a pipeline make %zu features, its %s takes %zu", width,
                     parts->model->kind->name, takes);
}

static bool read_steps(const ModelReader *from, Step *step, size_t *steps, Error *err) {
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(from->meta, "steps");
    int count = cJSON_GetArraySize(list);
    char name[32];
    if (!cJSON_IsObject(list) || count > MOST_STEPS)
        return error_set(err, ERROR_FILE, "load: a pipeline's steps are missing or too many");
    for (size_t i = 0; i < (size_t)count; i++) {
        file_name(i, name);
        *steps = i + 1;
        if (!step_read(from, cJSON_GetObjectItemCaseSensitive(list, name), name, &step[i], err))
            return false;
    }
    return true;
}

static Model *pipeline_read(const ModelReader *from, Error *err) {
    Step step[MOST_STEPS] = { 0 };
    PipelineParts parts = { .step = step };
    Pipeline *made = NULL, shell = { .steps = 0 };
    if (read_steps(from, step, &parts.steps, err) &&
        (parts.model = from->part(from, "model", err)) && check_chain(&parts, err) &&
        (made = pipeline_new(&parts, err))) {
        memcpy(shell.step, step, sizeof step);
        if (!take_learnt(made, &shell, err)) {
            model_release((Model *)made);
            made = NULL;
        }
    }
    model_release(parts.model);
    for (size_t i = 0; i < parts.steps; i++)
        learnt_clear(&step[i].learnt);
    return (Model *)made;
}

/* ---- The public part ------------------------------------------------------------------------- */

static void pipeline_free(Model *base) {
    Pipeline *self = (Pipeline *)base;
    for (size_t i = 0; i < self->steps; i++)
        learnt_clear(&self->step[i].learnt);
    model_release(self->front.model);
    free(self);
}

static size_t pipeline_bytes(const Model *base) {
    const Pipeline *self = (const Pipeline *)base;
    size_t bytes = sizeof *self;
    for (size_t i = 0; i < self->steps; i++)
        for (size_t k = 0; k < STEP_NUMBERS; k++)
            if (self->step[i].learnt.number[k])
                bytes += array_bytes(self->step[i].learnt.number[k]);
    return bytes;
}

static double pipeline_fit_bytes(const Model *base, size_t n, char *sum) {
    return model_fit_bytes(((const Pipeline *)base)->front.model, n, sum);
}

const ModelKind pipeline_kind = {
    .name = "pipeline",
    .free = pipeline_free,
    FRONT_KIND,
    .fit = pipeline_fit,
    .option_at = pipeline_option_at,
    .part_at = pipeline_part_at,
    .clone = pipeline_clone,
    .fitted_copy = pipeline_fitted_copy,
    .save = pipeline_save,
    .read = pipeline_read,
    .unfitted = "call :fit first, or :fit_steps where the model is fitted already",
    .bytes = pipeline_bytes,
    .fit_bytes = pipeline_fit_bytes,
};

Pipeline *pipeline_new(const PipelineParts *parts, Error *err) {
    if (parts->steps > MOST_STEPS) {
        error_set(err, ERROR_ARGUMENT, "classic.pipeline: expected at most %d steps, got %zu",
                  MOST_STEPS, parts->steps);
        return NULL;
    }
    for (size_t i = 0; i < parts->steps; i++)
        if (!step_check("classic.pipeline", &parts->step[i], err))
            return NULL;
    Pipeline *self = calloc(1, sizeof *self);
    if (!self) {
        error_memory(err, "classic.pipeline", sizeof *self);
        return NULL;
    }
    self->front = (Front){ .model = model_retain(parts->model), .calls = &calls, .context = self };
    model_init(&self->front.base, &pipeline_kind);
    self->steps = parts->steps;
    for (size_t i = 0; i < parts->steps; i++) {
        self->step[i] = parts->step[i];
        self->step[i].learnt = (Learnt){ 0 };
    }
    if (settle(self, err))
        return self;
    model_release(&self->front.base);
    return NULL;
}

Model *pipeline_model(const Pipeline *self) {
    return self->front.model;
}

size_t pipeline_steps(const Pipeline *self) {
    return self->steps;
}

const Step *pipeline_step(const Pipeline *self, size_t i) {
    return &self->step[i];
}

size_t pipeline_width(const Pipeline *self) {
    return self->steps == 0 ? self->front.base.features : self->step[self->steps - 1].learnt.out;
}

bool pipeline_transform(Pipeline *self, const Batch *x, float *y, Error *err) {
    Preprocessed made = { 0 };
    size_t takes = self->steps == 0 ? x->features : self->step[0].learnt.in;
    if (!is_learnt(self))
        return model_not_fitted(&self->front.base, x->where, err);
    if (x->features != takes)
        return error_set(err, ERROR_ARGUMENT,
                         "%s: samples have %zu features, the pipeline takes %zu", x->where,
                         x->features, takes);
    bool ok = forward(self, x, false, &made, err);
    if (ok)
        memcpy(y, made.y, x->n * made.features * sizeof *y);
    forget(&made);
    return ok;
}
