/* model.h — what a classifier is.
 *
 * A Model scores a batch of samples and gives gradients of its scores with respect to the samples.
 * A CNN, an SVM, NR, DNR and a model written in Lua are Models; attacks, rejection and measures
 * know nothing else about them.
 *
 * Samples are rows of float32, scores rows of double, in columns that follow `classes` (sorted
 * labels); a model that rejects has one more column, last, the reject class's score.
 * Concrete models put a Model first in their struct and fill it with model_init. They are reference
 * counted, on the main thread: model_retain and model_release. */
#ifndef PERIGEE_MODEL_H
#define PERIGEE_MODEL_H

#include "core/batch.h"
#include "core/fields.h"
#include "core/json.h"
#include "core/labels.h"
#include "core/progress.h"
#include "core/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Model Model;
enum { FIT_SUM = 256 };
struct Tensors; /* data/safetensors.h: named arrays on their way to or from a file */

/* What a training call is given: x is n × features (contiguous rows), y the n labels. */
typedef struct Samples {
    const float *x; /* NULL only where the kind fits_bytes */
    const int32_t *y;
    size_t n, features;
    const unsigned char *bytes; /* the rows as bytes (core/bytes.h), where x is NULL */
} Samples;

/* Samples in folds: fold[i] in 0 … folds−1. oof (n × columns, columns in the order of the samples'
 * sorted labels) gets each sample's scores by a model that was trained on the other folds. */
typedef struct Folds {
    const Samples *samples;
    const int32_t *fold;
    int folds;
    double *oof;
} Folds;

/* The weights w (columns) of one row's scores, whose gradient is wanted. May be called by a worker
 * thread, for each row once and in any order: it reads its context and writes w, or what its
 * context keeps for this row alone. */
typedef void WeighRow(const void *context, size_t row, const double *scores, double *w);

/* What is asked of a gradient call: gradient[i] = d(w[i] · scores(x[i]))/dx, with w given, or
 * following from each row's scores by `weigh`: then one forward pass gives both. The reject
 * column's weight has no effect (its score does not depend on x). */
typedef struct GradientRequest {
    const double *w; /* n × columns; NULL: `weigh` says them */
    WeighRow *weigh;
    const void *context;
    size_t first_row; /* what weigh is told of the batch's first row */
    double wider;     /* kernels as an ascent sees them (below); 0: as they are */
    double *scores;   /* out, n × columns: the bits that a scores call gives; NULL: not wanted */
    float *gradient;  /* out, n × features */
    double *largest; /* out, n: the largest of the kernels exp(−γ‖z − s‖²) of the machine that
                        decides, z being what it is given; as they are. Where no such machine does
                        it stays as it was. NULL: not wanted */
} GradientRequest;

/* What is wanted of one sample, in columns of the scores. */
typedef struct Goal {
    size_t truth;     /* the true class's column */
    ptrdiff_t target; /* the column whose score is to rise; −1: the best class but the truth */
    bool any;         /* with a target: every wrong class is a success, not the target alone */
} Goal;

/* What is asked of an ascent: for each row the direction in which its class c, the goal's target,
 * comes to be accepted, that is s_c > max(θ, s_y), θ being the reject score (−∞ where the model
 * does not reject). It is the gradient of s_c − max(θ, s_y); with `logarithmic` that of
 *
 *     log P_c − log(N_c + max(θ, s_y) − b_c)
 *
 * where a kernel machine decides whose kernels fall off exponentially, s_c = P_c − N_c + b_c with
 * the positive coefficients' part P_c and the negative ones' N_c. Both are positive for the same
 * points; but the second's gradient does not vanish where all kernels do, however far away. The
 * argument of the second logarithm is kept above 1e-6. */
typedef struct Ascent {
    const Goal *goal; /* n */
    bool logarithmic;
    double wider; /* the direction sees the deciding machine's kernels as if their γ were … */
    double wider_below; /* … divided by this, and by that those of the layers before it; 0: by 1 */
    double threshold;   /* a reject score from outside, beside the model's own; −∞: none */
    double *scores;     /* out, n × columns: of the model as it is */
    double *height;     /* out, n: what rises, with kernels as the direction sees them; or NULL */
    float *direction;   /* out, n × features; NULL: not wanted */
    double *largest;    /* out, n, beside a direction: as in GradientRequest */
} Ascent;

/* Where one model goes when it is saved: its arrays into `tensors` under names that start with
 * `prefix`, everything else into the JSON object `meta`, whose lack of memory the whole
 * file's end finds. A model that holds models writes each by
 * `part`, which gives it a prefix and an object in `meta` of that name: a layer's, or a word that
 * no layer may have. Whoever writes files fills this in (files/model_file.h). */
typedef struct ModelWriter ModelWriter;
struct ModelWriter {
    struct Tensors *tensors;
    const char *prefix;
    JsonNode meta;
    bool (*part)(const ModelWriter *to, const char *name, const Model *part, Error *err);
};

/* The same on the way back. Parts are of any kind; the caller owns the reference. */
typedef struct ModelReader ModelReader;
struct ModelReader {
    const struct Tensors *tensors;
    const char *prefix;
    const struct cJSON *meta;
    Model *(*part)(const ModelReader *from, const char *name, Error *err);
};

/* A model inside another: its options are the other's under "name.", or where the name is empty
 * under their own. */
typedef struct ModelPart {
    const char *name;
    Model *model;
} ModelPart;

/* A batch on its way through a model that is part of another: scores first, and when the whole
 * knows what it wants of them, their gradients. `kept` is what the kind keeps in between. */
typedef struct ModelPass {
    Model *model;
    Batch batch;     /* its rows stay where they are */
    double wider;    /* as an ascent sees kernels on the way back; 0: as they are */
    double *largest; /* out, n, once gradients are there: as in GradientRequest; or NULL */
    void *kept;
    uint64_t changed; /* model_changed of then */
} ModelPass;

/* The request for the rows from `first` on of the batch that it is for. */
GradientRequest request_rows(const GradientRequest *request, const Model *model, size_t first);

Ascent ascent_rows(const Ascent *ascent, const Model *model, size_t first);

/* The operations of one kind of model. NULL entries are answered by model_… with an error that says
 * what the kind cannot do (or by the general way, where one is stated). */
typedef struct ModelKind {
    const char *name; /* as users know it: "net", "svm", "nr", "dnr", "lua" */

    /* A call costs more than its rows (a model written in Lua): long batches are not cut into
     * pieces between which an interrupt is looked for. */
    bool whole_batches;

    void (*free)(Model *model);

    /* scores: n × model_columns(model). Called with n ≥ 1 on a fitted model, with its features. */
    bool (*scores)(Model *model, const Batch *batch, double *scores, Error *err);

    /* With one_pass it answers whole requests in one pass over the batch. Without, it is asked for
     * gradients by w alone, after a call of scores where they or `weigh` are wanted. */
    bool one_pass;
    bool (*gradient)(Model *model, const Batch *batch, const GradientRequest *request, Error *err);

    /* The same in two calls, nothing computed twice; `forget` frees what forward kept. NULL:
     * model_forward scores, and model_backward asks for gradients anew. */
    bool (*forward)(ModelPass *pass, double *scores, Error *err);
    bool (*backward)(ModelPass *pass, const double *w, float *gradient, Error *err);
    void (*forget)(ModelPass *pass);

    /* A kind with kernels, or with a model inside that may have some. NULL: model_ascent goes along
     * the gradient. */
    bool (*ascent)(Model *model, const Batch *batch, const Ascent *ascent, Error *err);

    /* Train anew on these samples. On an interrupt true is returned (progress_was_interrupted
     * tells), and the model keeps what it has, or with all_or_nothing is as it was before. So is a
     * model that failed to train. */
    bool all_or_nothing;
    bool fits_bytes; /* it takes samples that are bytes, and converts some at a time */
    bool (*fit)(Model *model, const Samples *samples, Progress *progress, Error *err);

    /* Out-of-fold scores, and then fitted on everything. NULL: model_fit_folds calls fit once per
     * fold and once more at the end. */
    bool (*fit_folds)(Model *model, const Folds *folds, Progress *progress, Error *err);

    /* The i-th hyperparameter of its own ("C", "kernel.gamma"), false behind the last; and the i-th
     * model in it whose hyperparameters are its own as well. NULL: it has none. */
    bool (*option_at)(Model *model, size_t i, FieldPlace *place);
    bool (*part_at)(const Model *model, size_t i, ModelPart *part);

    /* Hyperparameters whose names only the model itself knows (one written in Lua). */
    bool (*set)(Model *model, const char *name, const Value *value, Error *err);
    bool (*get)(Model *model, const char *name, Value *value, Error *err);

    /* A new model with the same hyperparameters, not fitted. */
    Model *(*clone)(const Model *model, Error *err);

    /* A new model that has learnt the same, hyperparameters of its own beside what fitting made,
     * which is shared and not copied. And let a hyperparameter of its own, as it is set now, count
     * for what was fitted; false: only a fit uses it. NULL: only fits use any. */
    Model *(*fitted_copy)(const Model *model, Error *err);
    bool (*apply)(Model *model, const char *name);

    /* The model whose layers it reads and which it leaves as it is, beside its parts. NULL: none.
     */
    const Model *(*stands_on)(const Model *model);

    /* Write everything to where it says (the "kind" is already there), and make a model of what was
     * written. A reader checks what it finds as it would check a user's numbers. NULL: not made of
     * numbers alone. */
    bool (*save)(const Model *model, const ModelWriter *to, Error *err);
    Model *(*read)(const ModelReader *from, Error *err);

    /* What a user of one that is not fitted is told to do; NULL: "call :fit first". */
    const char *unfitted;

    /* Do two models of the kind stand for one (the same table in Lua)? NULL: only a model for
     * itself.
     */
    bool (*same)(const Model *a, const Model *b);

    /* The shape of one sample as the model takes it. NULL: rows of features. */
    Sizes (*input_shape)(const Model *model);

    /* Memory that the model alone keeps alive, roughly. NULL: next to none. */
    size_t (*bytes)(const Model *model);

    /* Memory that a fit to n samples takes at its peak, about; how it comes about goes to `sum`,
     * which has FIT_SUM bytes. NULL: little beside the samples. */
    double (*fit_bytes)(const Model *model, size_t n, char *sum);
} ModelKind;

/* What a model answers: gradients as well, scores alone, or labels alone. Of labels alone its
 * scores are 1 in the label's column and 0 in the others, ½ in the reject column: they say nothing
 * of how near another class is. */
typedef enum ModelAnswers { MODEL_GRADIENTS, MODEL_SCORES, MODEL_LABELS } ModelAnswers;

struct Model {
    const ModelKind *kind;
    size_t refs;
    size_t features;  /* 0 while unknown: not fitted, or a Lua model that did not say and has not
                         been called yet (the first batch decides) */
    Labels classes;   /* empty while not fitted */
    bool rejects;     /* the last column is the reject class */
    uint64_t changed; /* when its answers last did, reject scores aside: model_changes */
    ModelAnswers answers; /* by itself: model_answers */
};

/* What it answers with all that it is made of. */
ModelAnswers model_answers(const Model *model);

/* Start a model's base with one reference, not fitted. */
void model_init(Model *model, const ModelKind *kind);

Model *model_retain(Model *model); /* NULL gives NULL */
void model_release(Model *model);  /* frees with the last reference; NULL is fine */

/* A kind that changes what its models answer (by training, by loading weights) says so. When that
 * happened last, in a model or in what it is made of, as a time that only ever rises; and an error
 * unless that is when it was `then`. */
void model_changes(Model *model);
uint64_t model_changed(const Model *model);
bool model_check_unchanged(const Model *model, uint64_t then, Error *err);

/* What a model learnt of a net's features holds while the net is as it had last changed `then`. */
bool model_check_fitted_on(const Model *model, const Model *net, uint64_t then, Error *err);

/* One that holds another: has that still the classes that the whole took from it, and rejects or
 * not, as it is to? */
bool model_check_inside(const Model *whole, const Model *inside, bool rejects, Error *err);

/* ---- In use ---- */

/* While a model answers, what it calls (a kernel, a function or a model written in Lua) trains
 * neither it nor a part of it: that would free what the call is reading. The operations below see
 * to it themselves; a kind that reads its parts for others says so. Uses end in reverse order. */
typedef struct ModelUse {
    const Model *model;
    const struct ModelUse *outer;
} ModelUse;
void model_use_begin(ModelUse *use, const Model *model);
void model_use_end(const ModelUse *use);

/* For ways of training beside model_fit, which asks by itself: an error where it is in use. */
bool model_check_idle(const Model *model, const char *where, Error *err);

bool model_is_same(const Model *a, const Model *b);
bool model_is_fitted(const Model *model);
bool model_not_fitted(const Model *model, const char *where, Error *err); /* the error; false */
size_t model_columns(const Model *model); /* classes, plus one if it rejects */

/* Samples of this shape lie as the model takes them. A shape that has the model's sizes in another
 * order (32 × 32 × 3 for 3 × 32 × 32) does not, and the error says what mends it; one that says
 * nothing of an order (rows of features, no sizes at all) passes, and so does another number of
 * features: the operations complain of that. Sizes of 1 do not count. */
Sizes model_input_shape(const Model *model); /* no sizes: rows of features */
bool model_check_layout(const Model *model, const Sizes *sample, const char *where, Error *err);

/* The kind's operations behind their common checks: fitted, the number of features, n = 0. */
bool model_scores(Model *model, const Batch *batch, double *scores, Error *err);
bool model_gradient(Model *model, const Batch *batch, const GradientRequest *request, Error *err);
bool model_ascent(Model *model, const Batch *batch, const Ascent *ascent, Error *err);
/* For the kinds: the way along the gradient, and a row's class c by its scores. */
bool ascent_along_gradient(Model *model, const Batch *batch, const Ascent *ascent, Error *err);
size_t ascent_class(const Model *model, Goal goal, const double *scores);

/* A long batch, MODEL_PIECE rows at a time (all at once, if the kind takes whole_batches), with a
 * look for an interrupt before each further piece:
 *
 *     Pieces pieces = pieces_of(model, &batch, progress);
 *     while (ok && pieces_next(&pieces))
 *         ok = model_scores(model, &pieces.piece, scores + pieces.done * columns, err);
 *     pieces_end(&pieces);
 *
 * Then pieces.done rows are done: all of them, unless it failed or was interrupted. An empty batch
 * is one empty piece. */
enum { MODEL_PIECE = 1024 };
typedef struct Pieces {
    const Batch *batch;
    Progress *progress; /* NULL: silent. Begun and ended here, if there are several pieces … */
    const char *what;   /* … under this name: batch->where, unless it is changed */
    size_t most;        /* rows of a piece */
    Batch piece;        /* the present one */
    size_t done;        /* rows before it */
    size_t columns;     /* of the model as it was */
    bool started;
} Pieces;
Pieces pieces_of(const Model *model, const Batch *batch, Progress *progress);
bool pieces_next(Pieces *pieces);
void pieces_end(Pieces *pieces);

/* Whoever hears of the progress may train the model between two pieces: an error where rows of its
 * scores have another length by now. */
bool pieces_check(const Pieces *pieces, const Model *model, Error *err);

/* Somebody with whom the scores of a long batch can be shared, such as the other ranks of a job: he
 * is asked where there are several pieces. He fills scores (n × columns) piece by piece, tells
 * pieces->progress, and leaves in pieces->done how many of the first rows are there, all but after
 * an interrupt. *helped stays false where all is left to the caller. The context's; NULL: nobody.
 */
typedef struct ModelHelper {
    bool (*scores)(const struct ModelHelper *helper, Model *model, Pieces *pieces, double *scores,
                   bool *helped, Error *err);
    void *context;
} ModelHelper;
void model_ask(const ModelHelper *helper);

/* What is requested, in these pieces; without a gradient the scores alone. */
bool model_answer(Model *model, Pieces *pieces, const GradientRequest *request, Error *err);

/* Scores or gradients in pieces, without a word. An interrupt is a failure, ERROR_INTERRUPTED. */
bool model_scores_in_pieces(Model *model, const Batch *batch, double *scores, Error *err);
bool model_gradient_in_pieces(Model *model, const Batch *batch, const GradientRequest *request,
                              Error *err);
bool model_ascent_in_pieces(Model *model, const Batch *batch, const Ascent *ascent, Error *err);

/* scores (n × columns) of a pass that says model and batch and nothing else, then gradients by w
 * (n × columns) as often as wanted: the bits of model_scores and model_gradient. A model that has
 * changed meanwhile has no way back. To be cleared whatever the answer. */
bool model_forward(ModelPass *pass, double *scores, Error *err);
bool model_backward(ModelPass *pass, const double *w, float *gradient, Error *err);
void model_pass_clear(ModelPass *pass);

bool model_fit(Model *model, const Samples *samples, Progress *progress, Error *err);
bool model_fit_folds(Model *model, const Folds *folds, Progress *progress, Error *err);
/* The i-th of all its options, those of its parts behind its own. */
bool model_option_at(Model *model, size_t i, FieldPlace *place);
bool model_set(Model *model, const char *name, Value value, Error *err);
bool model_get(Model *model, const char *name, Value *value, Error *err);
/* Where an option of that name is set and got by the kind's own functions: in the model or the part
 * that is returned, as *rest. NULL: nowhere. */
Model *model_sets_itself(Model *model, const char *name, const char **rest);
Model *model_clone(const Model *model, Error *err);
Model *model_fitted_copy(const Model *model, Error *err);
/* The same of a model within another: one that cannot be another without a fit, a net say, stands
 * in both. */
Model *model_part_copy(const Model *part, Error *err);
/* Let the option, its own or a part's, count at once, as it is set now; fails where only a fit uses
 * it. Its parts are changed: they have to be its own (a fitted copy's are). */
bool model_apply(Model *model, const char *name, Error *err);
size_t model_bytes(const Model *model); /* of its struct and what hangs on it alone, roughly */
double model_fit_bytes(const Model *model, size_t n, char *sum);

/* What every fit checks first, for ways of training beside model_fit: there are samples, and none
 * of them has the label by which this model says that it rejects. */
bool model_check_samples(const Model *model, const Samples *samples, Error *err);

/* The column of a row's best class, the reject column left out; the lowest one wins a tie. And the
 * best but one, of columns 0 … count−1. */
size_t model_best_class(const Model *model, const double *row);
size_t scores_best_but(const double *scores, size_t count, size_t left_out);

/* Is every score of these n rows a number? A row with NaN has no label: the error names it. */
bool model_check_rows(const Model *model, const double *scores, const Batch *batch, Error *err);

/* The predicted label of a row of scores: LABEL_REJECTED unless the best class score is higher than
 * the reject score. */
int32_t model_label(const Model *model, const double *row);

#endif
