/* parallel.h's rule: the same bits for any number of threads, in everything that is computed.
 *
 * Every piece of work is done at 1, 2, 3, 5, 16 and 64 threads and its answers are compared byte by
 * byte. Sizes are such that there are several pieces and a last one that is not full. */
#include "reference.h"

#include "attack/attacks.h"
#include "core/array.h"
#include "core/array_create.h"
#include "core/array_linalg.h"
#include "core/array_math.h"
#include "core/array_reduce.h"
#include "core/array_shape.h"
#include "core/array_sort.h"
#include "core/blas.h"
#include "core/parallel.h"
#include "data/digits.h"
#include "nn/train.h"
#include "svm/svc_search.h"

static const int thread_counts[] = { 1, 2, 3, 5, 16, 64 };

/* ---- What a piece of work leaves ------------------------------------------------------------- */

typedef struct Bits {
    char *bytes;
    size_t count;
} Bits;

static void keep(Bits *bits, const void *values, size_t bytes) {
    bits->bytes = realloc(bits->bytes, bits->count + bytes + 1);
    memcpy(bits->bytes + bits->count, values, bytes);
    bits->count += bytes;
}

/* And release it. */
static void keep_array(Bits *bits, Array *a) {
    assert_ok(a);
    assert_true(array_is_contiguous(a));
    keep(bits, a->data, array_size(a) * dtype_size(a->dtype));
    array_free(a);
}

typedef void Work(Bits *bits);

static void check_work(Work *work) {
    int threads = parallel_threads();
    Bits first = { 0 };
    for (size_t k = 0; k < sizeof thread_counts / sizeof *thread_counts; k++) {
        Bits bits = { 0 };
        parallel_set_threads(thread_counts[k]);
        work(k ? &bits : &first);
        if (k && (bits.count != first.count || memcmp(bits.bytes, first.bytes, bits.count) != 0))
            fail_msg("%d threads give other bits than 1", thread_counts[k]);
        free(bits.bytes);
    }
    assert_true(first.count > 0);
    free(first.bytes);
    parallel_set_threads(threads);
}

/* ---- Samples --------------------------------------------------------------------------------- */

static float *noise(size_t n, uint64_t seed) {
    float *x = malloc(n * sizeof *x);
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&rng);
    return x;
}

/* Noise around one centre a class, labels 0, 1, 2 in turn. */
typedef struct Clouds {
    float *x;
    int32_t *y;
    Samples samples;
} Clouds;

static Clouds clouds(size_t n, size_t features) {
    Clouds c = { noise(n * features, n + features), malloc(n * sizeof(int32_t)), { 0 } };
    for (size_t i = 0; i < n; i++) {
        c.y[i] = (int32_t)(i % 3);
        c.x[i * features + i % 3] += 1;
    }
    c.samples = (Samples){ c.x, c.y, n, features };
    return c;
}

static void clouds_clear(Clouds *c) {
    free(c->x);
    free(c->y);
}

/* Scores and gradients of the first 1, 20, 40 and all n rows. */
static void keep_answers(Bits *bits, Model *model, const float *x, size_t n) {
    size_t columns = model_columns(model), counts[] = { 1, 20, 40, n };
    double *scores = malloc(n * columns * sizeof *scores), *w = malloc(n * columns * sizeof *w);
    float *gradient = malloc(n * model->features * sizeof *gradient);
    for (size_t i = 0; i < n * columns; i++)
        w[i] = (double)(i % 5) / 3 - 0.4;
    for (size_t k = 0; k < 4; k++) {
        Batch batch = { x, counts[k], model->features, "test" };
        assert_ok(model_scores(model, &batch, scores, &reference_error));
        assert_ok(model_gradient(model, &batch, &(GradientRequest){ .w = w, .gradient = gradient },
                                 &reference_error));
        keep(bits, scores, counts[k] * columns * sizeof *scores);
        keep(bits, gradient, counts[k] * model->features * sizeof *gradient);
    }
    free(scores);
    free(w);
    free(gradient);
}

/* ---- Arrays ---------------------------------------------------------------------------------- */

static void keep_product(Bits *bits, size_t m, size_t n, size_t k) {
    float *a = noise(m * k, m), *b = noise(k * n, n), *c = malloc(m * n * sizeof *c);
    double *a64 = doubles(a, m * k), *b64 = doubles(b, k * n), *c64 = malloc(m * n * sizeof *c64);
    for (int turned = 0; turned < 4; turned++) {
        bool ta = turned & 1, tb = turned & 2;
        size_t lda = ta ? m : k, ldb = tb ? k : n;
        blas_sgemm(ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, n);
        blas_dgemm(ta, tb, m, n, k, 1, a64, lda, b64, ldb, 0, c64, n);
        keep(bits, c, m * n * sizeof *c);
        keep(bits, c64, m * n * sizeof *c64);
    }
    free(a), free(b), free(c), free(a64), free(b64), free(c64);
}

static void products(Bits *bits) {
    keep_product(bits, 130, 1100, 20);
    keep_product(bits, 301, 97, 111);
    keep_product(bits, 1030, 70, 33);
}

static Array *random_matrix(size_t rows, size_t columns) {
    Array *a = array_new2("test", DTYPE_F32, rows, columns, &reference_error);
    assert_ok(a);
    float *values = noise(rows * columns, rows);
    memcpy(a->data, values, rows * columns * sizeof *values);
    free(values);
    return a;
}

static void keep_reductions(Bits *bits, const Array *a) {
    for (int r = REDUCE_SUM; r <= REDUCE_NORM_INF; r++) {
        double whole;
        Reduce all = { .reduction = (Reduction)r };
        assert_ok(array_reduce_all(a, &all, &whole, &reference_error));
        keep(bits, &whole, sizeof whole);
        for (int axis = 0; axis < 2; axis++) {
            Reduce one = { .reduction = (Reduction)r, .along = { axis == 0, axis == 1 } };
            keep_array(bits, array_reduce(a, &one, &reference_error));
        }
    }
}

static void arrays(Bits *bits) {
    Array *a = random_matrix(1201, 333), *b = random_matrix(333, 150);
    keep_reductions(bits, a);
    keep_array(bits, array_matmul(a, b, &reference_error));
    keep_array(bits, array_sort(a, &(SortOrder){ 0 }, &reference_error));
    keep_array(bits, array_cumsum(a, -1, &reference_error));
    keep_array(bits, array_apply(array_op("exp"), (const Array *const[]){ a }, &reference_error));
    ExtremePlace least = { .axis = 1 };
    keep_array(bits, array_arg_extreme(a, &least, &reference_error));
    Array *turned = array_transpose("test", a, (const int[]){ 1, 0 }, &reference_error);
    keep_array(bits, array_copy("test", turned, &reference_error));
    array_free(turned);
    array_free(a);
    array_free(b);
}

static void digits(Bits *bits) {
    Dataset *ds = digits_new(&(DigitsOptions){ .n = 203, .seed = 5 }, NULL, &reference_error);
    assert_ok(ds);
    keep(bits, array_f32(dataset_x(ds)), 203 * 784 * sizeof(float));
    keep(bits, array_i32(ds->y), 203 * sizeof(int32_t));
    dataset_free(ds);
}

/* ---- Networks -------------------------------------------------------------------------------- */

static Network *image_net(void) {
    cJSON *description = cJSON_Parse(
        "{\"input\":[1,9,9],\"layers\":["
        "{\"kind\":\"conv2d\",\"out\":16,\"kernel\":3},{\"kind\":\"relu\",\"name\":\"relu1\"},"
        "{\"kind\":\"conv2d\",\"out\":5,\"kernel\":3,\"padding\":1},{\"kind\":\"relu\"},"
        "{\"kind\":\"maxpool\",\"kernel\":2},{\"kind\":\"flatten\"},"
        "{\"kind\":\"linear\",\"out\":24},{\"kind\":\"relu\"},{\"kind\":\"dropout\",\"p\":0.3},"
        "{\"kind\":\"linear\",\"out\":3}],\"classes\":[0,1,2]}");
    Network *net = network_new(description, 1, &reference_error);
    cJSON_Delete(description);
    assert_ok(net);
    return net;
}

/* Batches of several pieces, the last batch of two, the last of these not full. */
static void training(Bits *bits) {
    Clouds c = clouds(331, 81), held = clouds(70, 81);
    Network *net = image_net();
    TrainParams params = train_defaults();
    params.epochs = 2;
    params.batch = 150;
    params.shift = 1;
    params.weight_decay = 1e-3;
    params.validation = &held.samples;
    TrainHistory *history = network_train(net, &c.samples, &params, &reference_error);
    assert_ok(history);
    for (size_t e = 0; e < history->epochs; e++) {
        const struct TrainEpoch *epoch = &history->epoch[e];
        double figures[] = { epoch->loss, epoch->accuracy, epoch->validation_loss,
                             epoch->validation_accuracy };
        keep(bits, figures, sizeof figures);
    }
    for (size_t l = 0; l < network_layer_count(net); l++)
        for (int p = 0; p < network_parameters(net, l); p++)
            keep_array(bits, network_parameter(net, l, p, NULL, &reference_error));
    char *record = cJSON_PrintUnformatted(network_record(net));
    keep(bits, record, strlen(record));
    free(record);
    free(history);
    model_release((Model *)net);
    clouds_clear(&c);
    clouds_clear(&held);
}

static void passes(Bits *bits) {
    enum { N = 75 };
    Network *net = image_net();
    float *x = noise(N * 81, 3), *slope = noise(N * 3, 4), *dx = malloc(N * 81 * sizeof *dx);
    size_t count = network_vector_size(net), last = network_layer_count(net) - 1;
    float *dweights = malloc(count * sizeof *dweights);
    keep_answers(bits, (Model *)net, x, N);
    Batch batch = { x, N, 81, "test" };
    Pass *pass = network_forward(net, &batch, &(Taps){ &last, 1, NULL }, &reference_error);
    assert_ok(pass);
    const float *entering = slope;
    assert_ok(
        pass_backward_weights(pass, &entering, &(PassSlopes){ dx, dweights }, &reference_error));
    keep(bits, dx, N * 81 * sizeof *dx);
    keep(bits, dweights, count * sizeof *dweights);
    pass_free(pass);
    model_release((Model *)net);
    free(x), free(slope), free(dx), free(dweights);
}

/* ---- SVMs ------------------------------------------------------------------------------------ */

/* Fit with folds, then answers; more samples than a tile of the Gram matrix, more support vectors
 * than a piece. */
static void keep_svm(Bits *bits, const SvcParams *params, size_t n, size_t features) {
    Clouds c = clouds(n, features);
    int32_t *fold = malloc(n * sizeof *fold);
    double *oof = malloc(n * 3 * sizeof *oof);
    for (size_t i = 0; i < n; i++)
        fold[i] = (int32_t)(i % 4);
    Model *model = (Model *)svc_new(params, &reference_error);
    assert_ok(model);
    assert_ok(model_fit_folds(model, &(Folds){ &c.samples, fold, 4, oof }, NULL, &reference_error));
    assert_true(svc_support_count((Svc *)model) > 300);
    keep(bits, oof, n * 3 * sizeof *oof);
    keep_array(bits, svc_alpha((Svc *)model, &reference_error));
    keep_array(bits, svc_b((Svc *)model, &reference_error));
    keep_answers(bits, model, c.x, 301);
    model_release(model);
    clouds_clear(&c);
    free(fold);
    free(oof);
}

static void svms(Bits *bits, SolverKind solver) {
    SvcParams params = svc_defaults();
    params.solver = solver;
    params.kernel = (Kernel){ .kind = &kernel_rbf, .gamma = 0.1 };
    keep_svm(bits, &params, 530, 20);
    params.kernel.gamma = 0.01;
    keep_svm(bits, &params, 530, 90);
    params.kernel = (Kernel){ .kind = &kernel_linear };
    params.C = 0.001;
    keep_svm(bits, &params, 530, 90);
}

/* The last one has more samples than libsvm is given at once; of some classes most matter. */
static void svms_by_libsvm(Bits *bits) {
    SvcParams params = svc_defaults();
    svms(bits, SOLVER_LIBSVM);
    params.kernel = (Kernel){ .kind = &kernel_rbf, .gamma = 0.5 };
    keep_svm(bits, &params, 1600, 3);
}

static void svms_by_smo(Bits *bits) {
    svms(bits, SOLVER_SMO);
}

static void search(Bits *bits) {
    enum { N = 140 };
    Clouds c = clouds(N, 10);
    SvcParams params = svc_defaults();
    int32_t fold[N];
    double accuracy[4];
    for (size_t i = 0; i < N; i++)
        fold[i] = (int32_t)(i % 3);
    SvcGrid grid = { (const double[]){ 0.1, 10 }, 2, (const double[]){ 0.05, 0.5 }, 2, fold, 3 };
    SvcFound found = { .accuracy = accuracy };
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &c.samples, "svm.search" }, &found, NULL,
                         &reference_error));
    keep(bits, accuracy, sizeof accuracy);
    keep(bits, &found.C, sizeof found.C);
    keep(bits, &found.gamma, sizeof found.gamma);
    clouds_clear(&c);
}

/* ---- DNR and attacks ------------------------------------------------------------------------- */

/* The small DNR fitted, and the samples it is asked about. */
static Dnr *fitted_dnr(Array **x, Array **y) {
    Array *train_x = reference_as("small/dnr", "train_x", DTYPE_F32);
    Array *train_y = reference_as("small/dnr", "train_y", DTYPE_I32);
    Samples samples = { array_f32(train_x), array_i32(train_y), array_length(train_x), 144 };
    Dnr *dnr = small_dnr(false);
    assert_ok(model_fit((Model *)dnr, &samples, NULL, &reference_error));
    assert_ok(dnr_set_threshold(dnr, 0.3, &reference_error));
    *x = train_x;
    *y = train_y;
    return dnr;
}

static void dnr(Bits *bits) {
    Array *x, *y;
    Dnr *model = fitted_dnr(&x, &y);
    keep_answers(bits, (Model *)model, array_f32(x), array_length(x));
    model_release((Model *)model);
    array_free(x);
    array_free(y);
}

static void keep_attack(Bits *bits, const Attack *attack, const AttackTask *task) {
    AttackParams params = attack->params;
    params.norm = attack_uses(attack, "start_from") ? NORM_L2 : params.norm;
    params.dmax = 1.5;
    params.seed = 7;
    if (attack_uses(attack, "max_iter"))
        params.max_iter = 12;
    if (attack_uses(attack, "restarts"))
        params.restarts = 1;
    params.surrogate = task->model;
    AttackTask own = *task;
    if (!attack_uses(attack, "start_from"))
        own.start = (AttackStart){ 0 };
    AttackResult *result = attack_run(attack, &params, &own, NULL, &reference_error);
    assert_ok(result);
    keep(bits, array_f32(result->x_adv), task->n * 144 * sizeof(float));
    keep(bits, array_f64(result->scores), task->n * result->columns * sizeof(double));
    for (size_t i = 0; i < task->n; i++) {
        const Array *loss = result->trace[i].loss;
        keep(bits, array_f64(loss), array_size(loss) * sizeof(double));
    }
    result_free(result);
}

static void attacks(Bits *bits) {
    Array *x, *y;
    Dnr *model = fitted_dnr(&x, &y);
    AttackTask task = { .model = (Model *)model,
                        .x = array_f32(x),
                        .y = array_i32(y),
                        .n = 37,
                        .features = 144,
                        .start = { .x = array_f32(x) + 40 * 144, .n = 30 } };
    for (size_t a = 0; attack_table[a]; a++)
        keep_attack(bits, attack_table[a], &task);
    model_release((Model *)model);
    array_free(x);
    array_free(y);
}

/* ---------------------------------------------------------------------------------------------- */

static void test_work(void **state) {
    check_work(*(Work **)*state);
}

int main(void) {
    static Work *works[] = { products,       arrays,      digits, training, passes,
                             svms_by_libsvm, svms_by_smo, search, dnr,      attacks };
    static const char *const names[] = { "products", "arrays", "digits", "training", "passes",
                                         "libsvm",   "smo",    "search", "dnr",      "attacks" };
    enum { COUNT = sizeof works / sizeof *works };
    struct CMUnitTest tests[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ names[i], test_work, NULL, NULL, &works[i] };
    return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
