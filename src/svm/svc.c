/* svc.c — the SVM as a Model; the work is done next door.
 *
 *     fit     gram.c      the bases of all pairs of samples, or their kernel values at once
 *             solver.c    the kernel matrix, and binary problems on it (smo.c, libsvm.c, screen.c)
 *             train.c     machines: the one-vs-all problems of all classes, and of all folds
 *     scores  decision.c  the union of the support vectors with alpha and b: two products a block
 *     files   svc_file.c
 *
 * A plain fit is the case of no folds: machine 0 learns from everything and becomes the model, the
 * others only give out-of-fold scores. An Svc keeps apart what its next fit will use (params, which
 * options change) and what the last one made (decision, with the kernel it was trained with), so
 * that setting gamma never bends a fitted model. A new decision replaces the old one when all is
 * done: a failure or an interrupt leaves the model as it was. */
#include "svm/svc.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "svm/decision_ascent.h"
#include "svm/decompose.h"
#include "svm/gram.h"
#include "svm/matrix_memory.h"
#include "svm/svc_parts.h"
#include "svm/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Hyperparameters ------------------------------------------------------------------------- */

static const SvcParams initial = SVC_INITIAL;

static const Field fields[] = {
    SVC_C_FIELD,
    SVC_COMMON_FIELDS,
    { .name = NULL },
};
const Fields svc_fields = { fields, &initial };

static const Field from_fields[] = {
    { "sv", FIELD_OBJECT, .type = "array|table", .required = true, .meaning = "support vectors" },
    { "alpha", FIELD_OBJECT, .type = "array|table", .required = true,
      .meaning = "their coefficients, signs included" },
    { "b", FIELD_OBJECT, .type = "array|table", .required = true, .meaning = "constants" },
    { "classes", FIELD_OBJECT, .type = "integer[]", .required = true, .meaning = "labels, rising" },
    SVC_C_FIELD,
    SVC_COMMON_FIELDS,
    { .name = NULL },
};
const Fields svc_from_fields = { from_fields, &initial };

SvcParams svc_defaults(void) {
    SvcParams params = initial;
    params.solver = solver_default();
    return params;
}

/* The SVM's own options, then its kernel's. */
static bool svc_option_at(Model *model, size_t i, FieldPlace *place) {
    SvcParams *params = &((Svc *)model)->params;
    const size_t own = sizeof fields / sizeof *fields - 1;
    const Field *of_kernel = params->kernel.kind->fields.field;
    if (i < own)
        return fields_place(&fields[i], params, "", place);
    for (i -= own; of_kernel && of_kernel->name && i > 0; i--)
        of_kernel++;
    return fields_place(of_kernel, &params->kernel, "kernel.", place);
}

static bool check_weights(const char *where, const SvcParams *params, Error *err) {
    for (size_t i = 0; i < params->weights; i++)
        if (!(params->weight[i] > 0 && isfinite(params->weight[i])))
            return error_set(err, ERROR_ARGUMENT, "%s: weights: expected a number above 0, got %g",
                             where, params->weight[i]);
    return true;
}

bool svc_check_memory(const char *where, double memory, Error *err) {
    char text[32], least[32];
    return memory == 0 || memory >= DECOMPOSE_LEAST ||
           error_set(err, ERROR_ARGUMENT, "%s: memory: expected %s at least, got %s", where,
                     memory_text(DECOMPOSE_LEAST, least), memory_text(memory, text));
}

static bool check_params(const char *where, const SvcParams *params, Error *err) {
    bool ok = kernel_check(where, &params->kernel, err);
    for (const Field *field = fields; ok && field->name; field++)
        if (field->kind != FIELD_OBJECT && !field_check(field, params, err)) {
            error_prefix(err, "%s", where);
            return false;
        }
    return ok && check_weights(where, params, err) && svc_check_memory(where, params->memory, err);
}

static void weights_clear(SvcParams *params) {
    free((int32_t *)params->weighted);
    free((double *)params->weight);
    params->weighted = NULL;
    params->weight = NULL;
    params->weights = 0;
}

void svc_params_clear(SvcParams *params) {
    weights_clear(params);
    kernel_release(&params->kernel);
}

/* A copy with weights of its own. */
static bool weights_copy(const char *where, const SvcParams *from, SvcParams *to, Error *err) {
    size_t n = from->weights;
    int32_t *weighted = malloc((n + 1) * sizeof *weighted);
    double *weight = malloc((n + 1) * sizeof *weight);
    if (!weighted || !weight) {
        free(weighted);
        free(weight);
        return error_memory(err, where, n * (sizeof *weighted + sizeof *weight));
    }
    if (n > 0) {
        memcpy(weighted, from->weighted, n * sizeof *weighted);
        memcpy(weight, from->weight, n * sizeof *weight);
    }
    *to = *from;
    to->weighted = weighted;
    to->weight = weight;
    return true;
}

/* With a kernel of its own besides. */
static bool params_copy(const char *where, const SvcParams *from, SvcParams *to, Error *err) {
    if (!weights_copy(where, from, to, err))
        return false;
    to->kernel.kind = NULL;
    kernel_assign(&to->kernel, &from->kernel);
    return true;
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

Svc *svc_make(const char *where, const SvcParams *params, Error *err) {
    if (!check_params(where, params, err))
        return NULL;
    Svc *svc = calloc(1, sizeof *svc);
    if (!svc) {
        error_memory(err, where, sizeof *svc);
        return NULL;
    }
    if (!params_copy(where, params, &svc->params, err)) {
        free(svc);
        return NULL;
    }
    model_init(&svc->base, &svc_kind);
    return svc;
}

static void svc_free(Model *model) {
    Svc *svc = (Svc *)model;
    svc_params_clear(&svc->params);
    decision_clear(&svc->decision);
    free(svc);
}

static Model *svc_clone(const Model *model, Error *err) {
    return (Model *)svc_new(&((const Svc *)model)->params, err);
}

/* Take over a decision and classes: the model is fitted from here on. */
static void adopt(Svc *svc, Decision *decision, Labels *classes) {
    decision_clear(&svc->decision);
    labels_clear(&svc->base.classes);
    svc->decision = *decision;
    svc->base.classes = *classes;
    svc->base.features = decision_features(decision);
    model_changes(&svc->base);
    *decision = (Decision){ 0 };
    *classes = (Labels){ 0 };
}

static bool check_functions(const char *where, size_t functions, size_t classes, Error *err) {
    if (classes < 2)
        return error_set(err, ERROR_ARGUMENT, "%s: classes: expected two or more, got %zu", where,
                         classes);
    if (functions == classes || (classes == 2 && functions == 1))
        return true;
    return error_set(err, ERROR_ARGUMENT, "%s: alpha has %zu rows for %zu classes", where,
                     functions, classes);
}

static bool numbers_only(const Decision *decision, const char *where, Error *err) {
    if (array_check_finite("sv", decision->sv, err) &&
        array_check_finite("alpha", decision->alpha, err) &&
        array_check_finite("b", decision->b, err))
        return true;
    error_prefix(err, "%s", where);
    return false;
}

Svc *svc_make_from(const char *where, const SvcParams *params, const SvcNumbers *numbers,
                   Error *err) {
    Svc *svc = svc_make(where, params, err);
    DecisionParts parts = { &params->kernel, numbers->sv, numbers->alpha, numbers->b };
    Decision decision = { 0 };
    Labels own = { 0 };
    bool ok = svc && decision_init(&decision, where, &parts, err) &&
              numbers_only(&decision, where, err) &&
              check_functions(where, decision_functions(&decision), numbers->classes->count, err) &&
              labels_copy(where, numbers->classes, &own, err);
    if (ok) {
        adopt(svc, &decision, &own);
        return svc;
    }
    decision_clear(&decision);
    if (svc)
        model_release((Model *)svc);
    return NULL;
}

static Model *svc_fitted_copy(const Model *model, Error *err) {
    const Svc *svc = (const Svc *)model;
    const Decision *from = &svc->decision;
    Svc *copy = svc_make("with", &svc->params, err);
    if (!copy || !model_is_fitted(model))
        return (Model *)copy;
    DecisionParts parts = { &from->kernel, from->sv, from->alpha, from->b };
    Decision decision = { 0 };
    Labels classes = { 0 };
    if (labels_copy("with", &model->classes, &classes, err) &&
        decision_init(&decision, "with", &parts, err)) {
        adopt(copy, &decision, &classes);
        copy->unsolved = svc->unsolved;
        return &copy->base;
    }
    labels_clear(&classes);
    model_release(&copy->base);
    return NULL;
}

/* The kernel and its parameters; C and the rest have done their work. */
static bool svc_apply(Model *model, const char *name) {
    Svc *svc = (Svc *)model;
    Kernel *fitted = &svc->decision.kernel;
    const Kernel *set = &svc->params.kernel;
    if (!model_is_fitted(model))
        return true;
    if (strncmp(name, "kernel", 6) != 0)
        return false;
    if (name[6] == '.' && fitted->kind == set->kind)
        field_copy(fields_find(set->kind->fields.field, name + 7), fitted, set);
    else
        kernel_assign(fitted, set);
    return true;
}

/* ---- Scores and gradients -------------------------------------------------------------------- */

/* Two classes with one function: its columns are (−f, f). */
static bool is_single(const Svc *svc) {
    return decision_functions(&svc->decision) == 1;
}

/* From n values of f to their n × 2 columns, in place: backwards. */
static void spread(double *scores, size_t n) {
    while (n-- > 0) {
        double f = scores[n];
        scores[2 * n + 1] = f;
        scores[2 * n] = -f;
    }
}

static double single_weight(const double *w) {
    return w[1] - w[0];
}

/* n weights of f from n × 2 of its columns, for free(). */
static double *single_weights(const Batch *batch, const double *w, Error *err) {
    double *single = malloc((batch->n + 1) * sizeof *single);
    if (!single)
        error_memory(err, batch->where, batch->n * sizeof *single);
    for (size_t i = 0; single && i < batch->n; i++)
        single[i] = single_weight(w + 2 * i);
    return single;
}

/* The context is the request for both columns. */
static void weigh_single(const void *context, size_t row, const double *f, double *w) {
    const GradientRequest *request = context;
    double both[2] = { -*f, *f }, weights[2];
    request->weigh(request->context, row, both, weights);
    *w = single_weight(weights);
}

static bool svc_scores(Model *model, const Batch *batch, double *scores, Error *err) {
    const Svc *svc = (const Svc *)model;
    bool ok = decision_values(&svc->decision, batch, scores, err);
    if (ok && is_single(svc))
        spread(scores, batch->n);
    return ok;
}

static DecisionView view_of(const Svc *svc, double wider) {
    return (DecisionView){ .decision = &svc->decision, .wider = wider };
}

static bool svc_gradient(Model *model, const Batch *batch, const GradientRequest *request,
                         Error *err) {
    const Svc *svc = (const Svc *)model;
    if (!is_single(svc))
        return decision_gradient(view_of(svc, request->wider), batch, request, err);
    double *single = request->w ? single_weights(batch, request->w, err) : NULL;
    if (request->w && !single)
        return false;
    GradientRequest inner = { .w = single,
                              .weigh = weigh_single,
                              .context = request,
                              .first_row = request->first_row,
                              .wider = request->wider,
                              .scores = request->scores,
                              .gradient = request->gradient,
                              .largest = request->largest };
    bool ok = decision_gradient(view_of(svc, request->wider), batch, &inner, err);
    if (ok && request->scores)
        spread(request->scores, batch->n);
    free(single);
    return ok;
}

static bool svc_forward(ModelPass *pass, double *scores, Error *err) {
    const Svc *svc = (const Svc *)pass->model;
    DecisionView view = view_of(svc, pass->wider);
    view.largest = pass->largest;
    pass->kept = decision_forward(view, &pass->batch, scores, err);
    if (pass->kept && is_single(svc))
        spread(scores, pass->batch.n);
    return pass->kept != NULL;
}

static bool svc_backward(ModelPass *pass, const double *w, float *gradient, Error *err) {
    const Svc *svc = (const Svc *)pass->model;
    double *single = is_single(svc) ? single_weights(&pass->batch, w, err) : NULL;
    if (is_single(svc) && !single)
        return false;
    bool ok = decision_backward(pass->kept, single ? single : w, gradient, err);
    free(single);
    return ok;
}

static void svc_forget(ModelPass *pass) {
    decision_pass_free(pass->kept);
}

/* Of a column: its function, and the sign that this has in it. */
static size_t function_of(const Svc *svc, size_t column, double *sign) {
    *sign = is_single(svc) && column == 0 ? -1 : 1;
    return is_single(svc) ? 0 : column;
}

typedef struct AscentOf {
    const Svc *svc;
    const Ascent *ascent;
} AscentOf;

static LogGoal log_goal(const void *context, size_t row, const double *f) {
    const AscentOf *of = context;
    const Svc *svc = of->svc;
    Goal wanted = of->ascent->goal[row];
    double both[2] = { -*f, *f };
    LogGoal goal = { .threshold = of->ascent->threshold };
    size_t rising = ascent_class(&svc->base, wanted, is_single(svc) ? both : f);
    goal.rising = function_of(svc, rising, &goal.up);
    goal.falling = function_of(svc, wanted.truth, &goal.down);
    return goal;
}

static bool svc_ascent(Model *model, const Batch *batch, const Ascent *ascent, Error *err) {
    const Svc *svc = (const Svc *)model;
    if (!ascent->logarithmic || !svc->decision.kernel.kind->decay)
        return ascent_along_gradient(model, batch, ascent, err);
    AscentOf of = { svc, ascent };
    LogAscent asked = { log_goal,       &of, ascent->scores, ascent->height, ascent->direction,
                        ascent->largest };
    bool ok = decision_ascent(view_of(svc, ascent->wider), batch, &asked, err);
    if (ok && is_single(svc))
        spread(ascent->scores, batch->n);
    return ok;
}

/* ---- Training -------------------------------------------------------------------------------- */

typedef struct Training {
    Svc *svc;
    const Folds *folds; /* none: 0 of them */
    const Labels *classes;
    const TrainingSet *set;
    Kernel kernel; /* kept: one written in Lua may give the Svc another */
} Training;

static bool machine_decision(const Training *training, const Machine *machine, Decision *decision,
                             Error *err) {
    const Samples *samples = training->folds->samples;
    const Kernel *kernel = &training->kernel;
    size_t d = samples->features, functions = machine->functions, m = machine->supports;
    if (m == 0)
        return error_set(err, ERROR_ARGUMENT,
                         "fit: no sample becomes a support vector with C %g and tolerance %g: "
                         "expected a larger C, or a smaller tolerance",
                         machine->C, training->svc->params.tolerance);
    Array *sv = array_new2("fit", DTYPE_F32, m, d, err);
    Array *alpha = sv ? array_new2("fit", DTYPE_F64, functions, m, err) : NULL;
    Array *b = alpha ? array_new1("fit", DTYPE_F64, functions, err) : NULL;
    bool ok = b != NULL;
    for (size_t k = 0; ok && k < m; k++) {
        memcpy(array_f32(sv) + k * d, samples->x + machine->support[k] * d, d * sizeof(float));
        for (size_t f = 0; f < functions; f++)
            array_f64(alpha)[f * m + k] = machine->alpha[k * functions + f];
    }
    if (ok)
        memcpy(array_f64(b), machine->b, functions * sizeof(double));
    ok = ok && decision_init(decision, "fit", &(DecisionParts){ kernel, sv, alpha, b }, err);
    array_free(sv);
    array_free(alpha);
    array_free(b);
    return ok;
}

static double svc_fit_bytes(const Model *model, size_t n, char *sum) {
    const SvcParams *params = &((const Svc *)model)->params;
    return solver_is_partial(params->solver, &params->kernel, n, params->memory)
               ? solver_partial_bytes(n, params->memory, sum)
               : solver_bytes(params->solver, n, sum);
}

/* Of all machines. */
static size_t problems_of(const Training *training) {
    return machine_functions(training->classes) * ((size_t)training->folds->folds + 1);
}

static bool training_matrix(const Training *training, SolverMatrix *matrix, Error *err) {
    const Samples *samples = training->folds->samples;
    char sum[FIT_SUM];
    double need = svc_fit_bytes(&training->svc->base, samples->n, sum) - (double)matrix_kept();
    if (!memory_check("fit", need, sum, err))
        return false;
    Batch batch = { samples->x, samples->n, samples->features, "fit" };
    return solver_matrix_make(
        matrix, &(SolverSource){ &training->kernel, batch, NULL, problems_of(training) }, err);
}

enum { OUT_OF_FOLD_PIECE = 16 }; /* samples */

typedef struct OutOfFold {
    const TrainingSet *set;
    const Machine *machine; /* machine[k] was trained without fold k */
    double *scores;
} OutOfFold;

static void out_of_fold_body(void *context, size_t first, size_t last, int worker) {
    const OutOfFold *work = context;
    (void)worker;
    for (size_t i = first; i < last; i++)
        machine_scores(work->set, &work->machine[work->set->fold[i]], i,
                       work->scores + i * work->set->classes->count);
}

/* machine[0] learns from everything, machine[1 + k] from all folds but k. */
static Machine *new_machines(double C, int folds, Error *err) {
    Machine *machine = calloc((size_t)folds + 1, sizeof *machine);
    if (!machine)
        error_memory(err, "fit", ((size_t)folds + 1) * sizeof *machine);
    for (int k = 0; machine && k <= folds; k++)
        machine[k] = (Machine){ .C = C, .held_out = k - 1 };
    return machine;
}

/* Train on the kernel matrix; `classes` moves into the model. */
static bool train_machines(const Training *training, Labels *classes, Progress *progress,
                           Error *err) {
    Svc *svc = training->svc;
    const Folds *folds = training->folds;
    const TrainingSet *set = training->set;
    Machine *machine = new_machines(svc->params.C, folds->folds, err);
    Decision decision = { 0 };
    size_t count = (size_t)folds->folds + 1;
    MachineTask task = { set, machine, count };
    bool ok = machine && machines_train("fit", &task, progress, err);
    if (ok && task.solved && !progress_was_interrupted(progress)) {
        OutOfFold work = { set, machine + 1, folds->oof };
        if (folds->folds > 0)
            parallel_for(folds->samples->n, OUT_OF_FOLD_PIECE, out_of_fold_body, &work);
        ok = machine_decision(training, &machine[0], &decision, err);
        if (ok) {
            adopt(svc, &decision, classes);
            svc->unsolved = task.unsolved;
        }
    }
    for (size_t k = 0; machine && k < count; k++)
        machine_clear(&machine[k]);
    free(machine);
    return ok;
}

static bool check_training(const Folds *folds, const Labels *classes, Error *err) {
    const Samples *samples = folds->samples;
    const int32_t *fold = folds->fold;
    if (classes->count < 2)
        return error_set(
            err, ERROR_ARGUMENT,
            "fit: an svm needs samples of two classes or more; all %zu are of class %d", samples->n,
            (int)samples->y[0]);
    for (size_t i = 0; fold && i < samples->n; i++)
        if (fold[i] < 0 || fold[i] >= folds->folds)
            return error_set(err, ERROR_ARGUMENT, "fit: sample %zu is in fold %d of %d", i + 1,
                             (int)fold[i], folds->folds);
    return true;
}

static bool svc_fit_folds(Model *model, const Folds *folds, Progress *progress, Error *err) {
    Svc *svc = (Svc *)model;
    const Samples *samples = folds->samples;
    Labels classes = { 0 };
    SolverMatrix matrix = { .kind = svc->params.solver,
                            .n = samples->n,
                            .memory = svc->params.memory };
    Training training = { .svc = svc, .folds = folds, .classes = &classes };
    if (svc->busy)
        return error_set(err, ERROR_ARGUMENT,
                         "fit: this svm is being trained: its kernel cannot train it");
    svc->busy = true;
    kernel_assign(&training.kernel, &svc->params.kernel);
    bool ok = labels_from("fit", samples->y, samples->n, &classes, err) &&
              check_training(folds, &classes, err) &&
              training_check_weights(&svc->params, &classes, "fit", err) &&
              training_matrix(&training, &matrix, err);
    if (ok) {
        TrainingSet set = { &matrix, samples->y, &classes, folds->fold, &svc->params };
        Labels adopted = { 0 };
        training.set = &set;
        ok = labels_copy("fit", &classes, &adopted, err) &&
             train_machines(&training, &adopted, progress, err);
        labels_clear(&adopted);
    }
    svc->busy = false;
    kernel_release(&training.kernel);
    solver_matrix_clear(&matrix);
    labels_clear(&classes);
    return ok;
}

static bool svc_fit(Model *model, const Samples *samples, Progress *progress, Error *err) {
    return svc_fit_folds(model, &(Folds){ .samples = samples }, progress, err);
}

/* With the rows that its first scores will make: nobody asks again then. */
static size_t svc_bytes(const Model *model) {
    const Decision *decision = &((const Svc *)model)->decision;
    return decision->sv
               ? array_bytes(decision->sv) + array_bytes(decision->alpha) +
                     kernel_rows_bytes(decision_vectors(decision), decision_features(decision))
               : 0;
}

/* ---- The public part ------------------------------------------------------------------------- */

const ModelKind svc_kind = {
    .name = "svm",
    .free = svc_free,
    .scores = svc_scores,
    .one_pass = true,
    .gradient = svc_gradient,
    .forward = svc_forward,
    .backward = svc_backward,
    .forget = svc_forget,
    .ascent = svc_ascent,
    .all_or_nothing = true,
    .fit = svc_fit,
    .fit_folds = svc_fit_folds,
    .option_at = svc_option_at,
    .clone = svc_clone,
    .fitted_copy = svc_fitted_copy,
    .apply = svc_apply,
    .save = svc_save,
    .read = svc_read,
    .bytes = svc_bytes,
    .fit_bytes = svc_fit_bytes,
};

Svc *svc_new(const SvcParams *params, Error *err) {
    return svc_make("svm.new", params, err);
}

Svc *svc_from(const SvcParams *params, const SvcNumbers *numbers, Error *err) {
    const int32_t *label = numbers->classes->label;
    for (size_t i = 1; i < numbers->classes->count; i++)
        if (label[i] <= label[i - 1]) {
            error_set(err, ERROR_ARGUMENT,
                      "svm.from: classes: expected rising labels, got %d before %d",
                      (int)label[i - 1], (int)label[i]);
            return NULL;
        }
    return svc_make_from("svm.from", params, numbers, err);
}

size_t svc_unsolved(const Svc *svc) {
    return svc->unsolved;
}

size_t svc_support_count(const Svc *svc) {
    return decision_vectors(&svc->decision);
}

void svc_support_per_class(const Svc *svc, size_t *count) {
    size_t m = decision_vectors(&svc->decision);
    bool sides = model_is_fitted(&svc->base) && decision_functions(&svc->decision) == 1;
    for (size_t c = 0; c < svc->base.classes.count; c++) {
        const double *row = array_f64(svc->decision.alpha) + (sides ? 0 : c * m);
        count[c] = 0;
        for (size_t i = 0; i < m; i++)
            count[c] += sides ? (c == 0 ? row[i] < 0 : row[i] > 0) : row[i] != 0;
    }
}

const SvcParams *svc_params(const Svc *svc) {
    return &svc->params;
}

const Kernel *svc_kernel(const Svc *svc) {
    return model_is_fitted(&svc->base) ? &svc->decision.kernel : &svc->params.kernel;
}

void svc_take_kernel(SvcParams *params, const Kernel *kernel) {
    kernel_assign(&params->kernel, kernel);
}

bool svc_take_weights(SvcParams *params, const SvcParams *from, Error *err) {
    SvcParams copy;
    if (!check_weights("svm", from, err) || !weights_copy("svm", from, &copy, err))
        return false;
    weights_clear(params);
    params->weighted = copy.weighted;
    params->weight = copy.weight;
    params->weights = copy.weights;
    params->balanced = copy.balanced;
    return true;
}

static Array *share(const Array *a, Error *err) {
    if (a)
        return array_share_read_only(a, err);
    error_set(err, ERROR_ARGUMENT, "svm: it is not fitted yet");
    return NULL;
}

Array *svc_support_vectors(const Svc *svc, Error *err) {
    return share(svc->decision.sv, err);
}

Array *svc_alpha(const Svc *svc, Error *err) {
    return share(svc->decision.alpha, err);
}

Array *svc_b(const Svc *svc, Error *err) {
    return share(svc->decision.b, err);
}
