/* svc.h and svc_search.h: the reference cases trained by us and from their coefficients, gradients
 * by central differences, folds, weights, files, the search. */
#include "reference.h"

#include "core/parallel.h"
#include "files/model_file.h"
#include "svm/svc_search.h"

/* ---- Cases ----------------------------------------------------------------------------------- */

typedef struct Data {
    float *x;
    int32_t *y;
    Samples samples;
} Data;

/* Noisy clouds, one a class, with labels 3c − 4. */
static Data clouds(size_t n, size_t features, int classes, uint64_t seed) {
    Data data = { malloc(n * features * sizeof(float)), malloc(n * sizeof(int32_t)), { 0 } };
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        int c = (int)rng_below(&rng, (uint64_t)classes);
        data.y[i] = 3 * c - 4;
        for (size_t k = 0; k < features; k++)
            data.x[i * features + k] =
                (float)(0.5 * rng_normal(&rng) + ((int)k % classes == c ? 0.7 : 0));
    }
    data.samples = (Samples){ data.x, data.y, n, features };
    return data;
}

static void data_clear(Data *data) {
    free(data->x);
    free(data->y);
}

static Model *new_model(const SvcParams *params) {
    Model *model = (Model *)svc_new(params, &reference_error);
    assert_ok(model);
    return model;
}

static Model *fitted(const SvcParams *params, const Data *data) {
    Model *model = new_model(params);
    assert_ok(model_fit(model, &data->samples, NULL, &reference_error));
    return model;
}

static double *scores_of(Model *model, const float *x, size_t n) {
    double *scores = malloc(n * model_columns(model) * sizeof *scores);
    assert_ok(
        model_scores(model, &(Batch){ x, n, model->features, "scores" }, scores, &reference_error));
    return scores;
}

static float *gradient_of(Model *model, const float *x, size_t n, const double *w) {
    float *gradient = malloc(n * model->features * sizeof *gradient);
    assert_ok(model_gradient(model, &(Batch){ x, n, model->features, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = gradient }, &reference_error));
    return gradient;
}

/* ---- The reference --------------------------------------------------------------------------- */

static void check_reference(Model *model, const char *name, double scores_within,
                            double gradient_within) {
    Array *x = reference_as(name, "test_x", DTYPE_F32);
    Array *scores = reference_as(name, "scores", DTYPE_F64);
    Array *labels = reference_as(name, "test_y_pred", DTYPE_I32);
    Array *w = reference_as(name, "grad_w", DTYPE_F64);
    Array *gradient = reference_as(name, "gradient", DTYPE_F64);
    size_t n = array_length(x), few = array_length(w);
    double *own = scores_of(model, array_f32(x), n);
    assert_close(own, scores, scores_within);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(model_label(model, own + i * model_columns(model)), array_i32(labels)[i]);
    float *own_gradient = gradient_of(model, array_f32(x), few, array_f64(w));
    double *as_double = doubles(own_gradient, few * model->features);
    assert_close(as_double, gradient, gradient_within);
    free(own);
    free(own_gradient);
    free(as_double);
    array_free(x);
    array_free(scores);
    array_free(labels);
    array_free(w);
    array_free(gradient);
}

static const struct ReferenceCase {
    const char *name;
    Kernel kernel;
    double C;
} cases[] = {
    { "small/svm_linear_3class", { .kind = &kernel_linear }, 1 },
    { "small/svm_rbf_4class", { .kind = &kernel_rbf, .gamma = 0.5 }, 2 },
    { "small/svm_rbf_4class_first3", { .kind = &kernel_rbf, .gamma = 0.5 }, 2 },
    { "small/svm_rbf_binary", { .kind = &kernel_rbf, .gamma = 1 }, 1 },
};

static void test_reference_trained(void **state) {
    (void)state;
    for (int k = 0; k < 8; k++) {
        const struct ReferenceCase *c = &cases[k / 2];
        SvcParams params = svc_defaults();
        params.kernel = c->kernel;
        params.C = c->C;
        params.solver = k % 2 ? SOLVER_SMO : SOLVER_LIBSVM;
        Array *x = reference_as(c->name, "train_x", DTYPE_F32);
        Array *y = reference_as(c->name, "train_y", DTYPE_I32);
        Samples samples = { array_f32(x), array_i32(y), array_length(x), array_row_size(x) };
        Model *model = new_model(&params);
        assert_ok(model_fit(model, &samples, NULL, &reference_error));
        check_reference(model, c->name, 3e-3, 5e-3);
        model_release(model);
        array_free(x);
        array_free(y);
    }
}

/* The case's own coefficients; a single b belongs to two classes. */
static Model *from_numbers(const struct ReferenceCase *c) {
    SvcParams params = svc_defaults();
    params.kernel = c->kernel;
    params.C = c->C;
    Array *sv = reference_as(c->name, "sv", DTYPE_F32);
    Array *alpha = reference_as(c->name, "alpha", DTYPE_F64);
    Array *b = reference_as(c->name, "b", DTYPE_F64);
    int32_t label[] = { 0, 1, 2, 3 };
    Labels classes = { label, array_size(b) == 1 ? 2 : array_size(b) };
    Svc *svc = svc_from(&params, &(SvcNumbers){ sv, alpha, b, &classes }, &reference_error);
    assert_ok(svc);
    assert_int_equal(svc_support_count(svc), array_length(sv));
    array_free(sv);
    array_free(alpha);
    array_free(b);
    return (Model *)svc;
}

static void test_reference_from_numbers(void **state) {
    (void)state;
    for (int k = 1; k < 4; k++) {
        Model *model = from_numbers(&cases[k]);
        check_reference(model, cases[k].name, 1e-6, 1e-6);
        model_release(model);
    }
}

/* Two classes may also come with a function each. */
static void test_binary_with_two_rows(void **state) {
    (void)state;
    Error err;
    Array *sv = array_new2("test", DTYPE_F32, 1, 1, &err);
    Array *alpha = array_new2("test", DTYPE_F64, 2, 1, &err);
    Array *b = array_new1("test", DTYPE_F64, 2, &err);
    array_f32(sv)[0] = 2;
    array_f64(alpha)[0] = 1, array_f64(alpha)[1] = -3;
    array_f64(b)[0] = 10, array_f64(b)[1] = 20;
    SvcParams params = svc_defaults();
    params.kernel.kind = &kernel_linear;
    Model *model = (Model *)svc_from(
        &params, &(SvcNumbers){ sv, alpha, b, &(Labels){ (int32_t[]){ 5, 7 }, 2 } },
        &reference_error);
    assert_ok(model);
    double scores[2], w[] = { 1, 1 };
    float x = 1.5f, gradient;
    assert_ok(model_scores(model, &(Batch){ &x, 1, 1, "scores" }, scores, &reference_error));
    assert_ok(model_gradient(model, &(Batch){ &x, 1, 1, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = &gradient },
                             &reference_error));
    assert_true(scores[0] == 13 && scores[1] == 11 && gradient == -4); /* 3 + 10, −9 + 20, 2 − 6 */
    model_release(model);
    array_free(sv);
    array_free(alpha);
    array_free(b);
}

/* Of a function for each class its own coefficients count, of a single one its sides. */
static void test_support_per_class(void **state) {
    (void)state;
    Error err;
    SvcParams params = svc_defaults();
    for (size_t functions = 1; functions <= 2; functions++) {
        static const double coefficient[] = { -1, 2, 3, 0, 0, 4 };
        Array *sv = array_new2("test", DTYPE_F32, 3, 1, &err);
        Array *alpha = array_new2("test", DTYPE_F64, functions, 3, &err);
        Array *b = array_new1("test", DTYPE_F64, functions, &err);
        memcpy(array_f64(alpha), coefficient, functions * 3 * sizeof *coefficient);
        Labels classes = { (int32_t[]){ 5, 7 }, 2 };
        Svc *svc = svc_from(&params, &(SvcNumbers){ sv, alpha, b, &classes }, &reference_error);
        size_t count[2];
        assert_ok(svc);
        svc_support_per_class(svc, count);
        assert_int_equal(count[0], functions == 1 ? 1 : 3);
        assert_int_equal(count[1], functions == 1 ? 2 : 1);
        model_release((Model *)svc);
        array_free(sv);
        array_free(alpha);
        array_free(b);
    }
}

/* ---- Gradients ------------------------------------------------------------------------------- */

/* Central differences of w · scores. Scores of wide rows come from float32 products, so that their
 * differences are coarser. */
static void check_gradient(const SvcParams *params, size_t features, int classes, size_t n) {
    Data data = clouds(120, features, classes, 7);
    Model *model = fitted(params, &data);
    size_t columns = model_columns(model);
    double w[40 * 4];
    float *x = malloc(n * features * sizeof *x), step = features > KERNEL_NARROW ? 0.03f : 1e-3f;
    memcpy(x, data.x, n * features * sizeof *x);
    for (size_t i = 0; i < n * columns; i++)
        w[i] = sin(1 + (double)i);
    float *gradient = gradient_of(model, x, n, w);
    double most = 0;
    for (size_t i = 0; i < n * features; i++)
        most = fmax(most, fabs(gradient[i]));
    for (size_t k = 0; k < features; k += features / 3) {
        double difference[40] = { 0 };
        for (int side = -1; side <= 1; side += 2) {
            for (size_t i = 0; i < n; i++)
                x[i * features + k] = data.x[i * features + k] + (float)side * step;
            double *scores = scores_of(model, x, n);
            for (size_t i = 0; i < n * columns; i++)
                difference[i / columns] += side * w[i] * scores[i];
            free(scores);
        }
        for (size_t i = 0; i < n; i++) {
            double taken = (data.x[i * features + k] + step) - (data.x[i * features + k] - step);
            assert_true(fabs(difference[i] / taken - gradient[i * features + k]) < 2e-3 * most);
            x[i * features + k] = data.x[i * features + k];
        }
    }
    free(gradient);
    free(x);
    model_release(model);
    data_clear(&data);
}

static void test_gradients(void **state) {
    (void)state;
    for (size_t k = 0; kernel_table[k]; k++) {
        if (kernel_table[k]->base == BASE_OWN)
            continue; /* may not take every sample; see test_kernel.c and test_own_base */
        SvcParams params = svc_defaults();
        params.kernel = kernel_of(kernel_table[k]);
        params.kernel.gamma = 0.1;
        params.kernel.coef0 = 1;
        check_gradient(&params, 6, 4, 40); /* narrow rows, many samples: divided by rows */
        check_gradient(&params, 6, 2, 3);  /* few: divided by support vectors */
        check_gradient(&params, 90, 3, 40);
        check_gradient(&params, 90, 3, 1);
    }
}

/* A base of a kernel's own: rbf written that way gives what rbf gives. */
static double squared_distance(const float *x, const float *s, size_t features) {
    double sum = 0;
    for (size_t j = 0; j < features; j++)
        sum += ((double)x[j] - s[j]) * ((double)x[j] - s[j]);
    return sum;
}

static void pull_distance(const float *x, const float *s, size_t features, double slope,
                          double *gradient) {
    for (size_t j = 0; j < features; j++)
        gradient[j] += 2 * slope * ((double)x[j] - s[j]);
}

static void test_own_base(void **state) {
    (void)state;
    KernelKind own = kernel_rbf;
    own.base = BASE_OWN;
    own.pair = squared_distance;
    own.pull = pull_distance;
    Data data = clouds(60, 6, 3, 5);
    SvcParams params = svc_defaults();
    params.kernel.gamma = 0.1;
    Model *plain = fitted(&params, &data);
    params.kernel.kind = &own;
    Model *model = fitted(&params, &data);
    double *expected = scores_of(plain, data.x, 60), *scores = scores_of(model, data.x, 60);
    for (size_t i = 0; i < 60 * 3; i++)
        assert_float_equal(scores[i], expected[i], 1e-4);
    double w[60 * 3];
    float g[60 * 6], h[60 * 6];
    for (size_t i = 0; i < 60 * 3; i++)
        w[i] = (double)(i % 3) - 1;
    Batch batch = { data.x, 60, 6, "test" };
    assert_ok(model_gradient(plain, &batch, &(GradientRequest){ .w = w, .gradient = g },
                             &reference_error));
    assert_ok(model_gradient(model, &batch, &(GradientRequest){ .w = w, .gradient = h },
                             &reference_error));
    for (size_t i = 0; i < 60 * 6; i++)
        assert_float_equal(h[i], g[i], 1e-4);
    free(expected);
    free(scores);
    model_release(plain);
    model_release(model);
    data_clear(&data);
}

/* A sample alone and in a batch large enough for several blocks. */
static void test_batches(void **state) {
    (void)state;
    for (size_t features = 10; features < 100; features += 80) {
        Data data = clouds(700, features, 3, 5);
        SvcParams params = svc_defaults();
        params.kernel.gamma = 0.1;
        Model *model = fitted(&params, &data);
        double *all = scores_of(model, data.x, 700), *again = scores_of(model, data.x, 700);
        assert_memory_equal(all, again, 700 * 3 * sizeof *all);
        for (size_t i = 0; i < 700; i += 33) {
            double *one = scores_of(model, data.x + i * features, 1);
            for (size_t c = 0; c < 3; c++)
                assert_true(fabs(one[c] - all[i * 3 + c]) < 1e-5);
            free(one);
        }
        free(all);
        free(again);
        model_release(model);
        data_clear(&data);
    }
}

/* Many workers on few samples or few support vectors: the same bits, and no worker leaves its
 * scratch memory (which free() or a sanitizer tells). */
static void check_workers(size_t features, size_t n, size_t trained) {
    Data data = clouds(trained, features, 2, 5), batch = clouds(n, features, 2, 6);
    double *w = malloc(n * 2 * sizeof *w);
    float *gradient[2];
    double *scores[2];
    SvcParams params = svc_defaults();
    Model *model = fitted(&params, &data);
    for (size_t i = 0; i < n * 2; i++)
        w[i] = (double)(i % 3) - 0.5;
    for (int k = 0; k < 2; k++) {
        parallel_set_threads(k ? 24 : 1);
        scores[k] = scores_of(model, batch.x, n);
        gradient[k] = malloc(n * features * sizeof(float));
        assert_ok(model_gradient(model, &(Batch){ batch.x, n, features, "gradient" },
                                 &(GradientRequest){ .w = w, .gradient = gradient[k] },
                                 &reference_error));
    }
    parallel_set_threads(0);
    assert_memory_equal(scores[0], scores[1], n * 2 * sizeof(double));
    assert_memory_equal(gradient[0], gradient[1], n * features * sizeof(float));
    for (int k = 0; k < 2; k++) {
        free(scores[k]);
        free(gradient[k]);
    }
    free(w);
    model_release(model);
    data_clear(&data);
    data_clear(&batch);
}

static void test_many_workers(void **state) {
    (void)state;
    check_workers(80, 370, 60);
    check_workers(5, 380, 2);
    check_workers(5, 3, 200);
}

/* ---- Training -------------------------------------------------------------------------------- */

static void test_same_bits(void **state) {
    (void)state;
    Data data = clouds(300, 5, 4, 3);
    SvcParams params = svc_defaults();
    Model *a = fitted(&params, &data), *b = fitted(&params, &data);
    double *one = scores_of(a, data.x, 300), *two = scores_of(b, data.x, 300);
    assert_memory_equal(one, two, 300 * 4 * sizeof *one);
    assert_int_equal(a->classes.label[0], -4);
    assert_int_equal(a->classes.label[3], 5);
    free(one);
    free(two);
    model_release(a);
    model_release(b);
    data_clear(&data);
}

/* Against training on copies of the other folds. With three classes and more there is one of a
 * single sample: without its fold nothing is known of it, and it gets the lowest score of the row.
 */
static void test_folds(void **state) {
    (void)state;
    for (int k = 4; k < 10; k++) {
        int classes = k / 2;
        Data data = clouds(200, 5, classes, 9);
        if (classes > 2)
            data.y[17] = 99;
        int32_t fold[200];
        for (int i = 0; i < 200; i++)
            fold[i] = i % 4;
        SvcParams params = svc_defaults();
        params.solver = k % 2 ? SOLVER_SMO : SOLVER_LIBSVM;
        Model *model = new_model(&params), *naive = new_model(&params);
        ModelKind plain = *naive->kind;
        const ModelKind *own = naive->kind;
        size_t columns = (size_t)classes + (classes > 2);
        double *a = malloc(200 * columns * sizeof *a), *b = malloc(200 * columns * sizeof *b);
        assert_ok(
            model_fit_folds(model, &(Folds){ &data.samples, fold, 4, a }, NULL, &reference_error));
        plain.fit_folds = NULL;
        naive->kind = &plain;
        assert_ok(
            model_fit_folds(naive, &(Folds){ &data.samples, fold, 4, b }, NULL, &reference_error));
        naive->kind = own;
        for (size_t i = 0; i < 200 * columns; i++)
            assert_true(fabs(a[i] - b[i]) < 3e-3);
        double *after = scores_of(model, data.x, 200), *expected = scores_of(naive, data.x, 200);
        for (size_t i = 0; i < 200 * columns; i++)
            assert_true(fabs(after[i] - expected[i]) < 1e-9);
        free(a);
        free(b);
        free(after);
        free(expected);
        model_release(model);
        model_release(naive);
        data_clear(&data);
    }
}

/* Balanced weights are n / (2 · count) on both sides: the same as giving them as a table. */
static void test_weights(void **state) {
    (void)state;
    Data data = clouds(300, 3, 2, 21);
    double rare = 0, apart = 0;
    for (int i = 0; i < 300; i++) {
        data.y[i] = i % 3 && data.y[i] == -1 ? -1 : -4;
        rare += data.y[i] == -1;
    }
    SvcParams plain = svc_defaults(), balanced = plain, table = plain;
    balanced.balanced = true;
    table.weighted = (int32_t[]){ -1, -4 };
    table.weight = (double[]){ 150 / rare, 150 / (300 - rare) };
    table.weights = 2;
    Model *a = fitted(&plain, &data), *b = fitted(&balanced, &data), *c = fitted(&table, &data);
    double *unweighted = scores_of(a, data.x, 300);
    double *left = scores_of(b, data.x, 300), *right = scores_of(c, data.x, 300);
    assert_memory_equal(left, right, 300 * 2 * sizeof *left);
    for (int i = 0; i < 600; i++)
        apart = fmax(apart, fabs(left[i] - unweighted[i]));
    assert_true(apart > 0.01);
    free(left);
    free(right);
    free(unweighted);
    model_release(a);
    model_release(b);
    model_release(c);
    data_clear(&data);
}

static void expect_failure(Model *model, const Samples *samples, const char *message) {
    assert_false(model_fit(model, samples, NULL, &reference_error));
    assert_string_equal(reference_error.message, message);
}

static void test_failures(void **state) {
    (void)state;
    Data data = clouds(30, 4, 2, 2);
    SvcParams params = svc_defaults();
    Model *model = fitted(&params, &data);
    double *before = scores_of(model, data.x, 30);
    data.x[4 * 9 + 2] = INFINITY;
    expect_failure(model, &data.samples, "fit: sample 10 has a value that is NaN or infinite");
    data.x[4 * 9 + 2] = 0;
    for (int i = 0; i < 30; i++)
        data.y[i] = 6;
    expect_failure(model, &data.samples,
                   "fit: an svm needs samples of two classes or more; all 30 are of class 6");
    data.y[0] = 1; /* without its fold only class 6 is left */
    int32_t fold[30] = { 0 };
    double out[60];
    for (int i = 1; i < 30; i++)
        fold[i] = i % 3;
    assert_false(
        model_fit_folds(model, &(Folds){ &data.samples, fold, 3, out }, NULL, &reference_error));
    assert_non_null(strstr(reference_error.message, "without fold 1 all samples are of one class"));
    data_clear(&data);
    data = clouds(30, 4, 2, 2);
    double *after = scores_of(model, data.x, 30);
    assert_memory_equal(before, after, 60 * sizeof *before);
    free(before);
    free(after);
    model_release(model);
    data_clear(&data);
}

/* Who is told that a fit was interrupted has the svm as it was. */
static void check_interrupted_fit(const SvcParams *params, const Samples *samples,
                                  Progress *progress) {
    Model *model = new_model(params);
    bool ok = model_fit(model, samples, progress, &reference_error);
    progress_clear_interrupt();
    assert_ok(ok);
    assert_true(progress_was_interrupted(progress));
    assert_false(model_is_fitted(model));
    model_release(model);
}

static void test_interrupt(void **state) {
    (void)state;
    Data data = clouds(100, 4, 3, 2);
    SvcParams params = svc_defaults();
    Progress progress = progress_new();
    progress_interrupt();
    check_interrupted_fit(&params, &data.samples, &progress);
    data_clear(&data);
}

static void interrupt_at_the_end(void *context, const Progress *progress) {
    const struct ProgressLevel *level = &progress->level[0];
    (void)context;
    if (progress->depth == 1 && level->done >= level->total)
        progress_interrupt();
}

static void test_interrupt_at_the_end(void **state) {
    (void)state;
    Data data = clouds(100, 4, 3, 2);
    for (int kind = SOLVER_LIBSVM; kind <= SOLVER_SMO; kind++) {
        SvcParams params = svc_defaults();
        params.solver = kind;
        Progress progress = progress_new();
        progress.listener = interrupt_at_the_end;
        check_interrupted_fit(&params, &data.samples, &progress);
    }
    data_clear(&data);
}

/* ---- Hyperparameters, files ------------------------------------------------------------------ */

static void test_set_and_get(void **state) {
    (void)state;
    SvcParams params = svc_defaults();
    params.kernel = (Kernel){ .kind = &kernel_poly, .gamma = 1, .degree = 2 };
    Model *model = new_model(&params);
    const char *const names[] = { "C", "tolerance", "kernel.gamma", "kernel.coef0",
                                  "kernel.degree" };
    Value value;
    for (int i = 0; i < 5; i++) {
        assert_ok(model_set(model, names[i], value_number(3), &reference_error));
        assert_ok(model_get(model, names[i], &value, &reference_error));
        assert_true(value.number[0] == 3);
    }
    assert_false(model_set(model, "kernel.degree", value_number(2.5), &reference_error));
    assert_false(model_set(model, "C", value_number(0), &reference_error));
    assert_string_equal(reference_error.message, "svm: C: expected a number above 0, got 0");
    assert_ok(model_get(model, "C", &value, &reference_error));
    assert_true(value.number[0] == 3);
    Model *copy = model_clone(model, &reference_error);
    assert_ok(copy);
    assert_ok(model_get(copy, "kernel.degree", &value, &reference_error));
    assert_true(value.number[0] == 3);
    model_release(copy);
    model_release(model);
    params.kernel.kind = &kernel_linear;
    model = new_model(&params);
    assert_false(model_set(model, "kernel.gamma", value_number(1), &reference_error));
    assert_string_equal(reference_error.message,
                        "svm: unknown option 'kernel.gamma' (valid: C, kernel, "
                        "tolerance, weights, memory, solver)");
    model_release(model);
}

/* A fitted model keeps the kernel it was trained with until it is trained again. */
static void test_file(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/perigee-test-svc-%ld.safetensors", (long)getpid());
    Data data = clouds(100, 5, 3, 4);
    SvcParams params = svc_defaults();
    params.weighted = (int32_t[]){ -1, 2 };
    params.weight = (double[]){ 0.1, 7 };
    params.weights = 2;
    params.solver = SOLVER_SMO;
    for (int round = 0; round < 2; round++) {
        Model *model = round ? fitted(&params, &data) : new_model(&params);
        assert_ok(model_set(model, "kernel.gamma", value_number(0.1), &reference_error));
        assert_ok(model_save(model, path, NULL, &reference_error));
        Model *back = model_load(path, &reference_error);
        assert_ok(back);
        const SvcParams *read = svc_params((Svc *)back);
        assert_true(read->kernel.gamma == 0.1 && read->weights == 2 && read->weight[0] == 0.1 &&
                    read->weighted[1] == 2 && read->solver == SOLVER_SMO);
        assert_int_equal(model_is_fitted(back), round);
        if (round) {
            double *a = scores_of(model, data.x, 100), *b = scores_of(back, data.x, 100);
            assert_memory_equal(a, b, 300 * sizeof *a);
            free(a);
            free(b);
        }
        model_release(model);
        model_release(back);
    }
    remove(path);
    data_clear(&data);
}

/* ---- The search ------------------------------------------------------------------------------ */

/* By a fit in folds; the deviation of the four folds' own accuracies goes to *spread. */
static double fold_accuracy(const SvcParams *params, const Data *data, const int32_t *fold,
                            double *spread) {
    double *out = malloc(data->samples.n * 3 * sizeof *out), right = 0;
    double of[4] = { 0 }, here[4] = { 0 }, squares = 0;
    Model *model = new_model(params);
    assert_ok(
        model_fit_folds(model, &(Folds){ &data->samples, fold, 4, out }, NULL, &reference_error));
    for (size_t i = 0; i < data->samples.n; i++) {
        bool good = model_label(model, out + i * 3) == data->y[i];
        right += good;
        here[fold[i]] += good;
        of[fold[i]]++;
    }
    double mean = (here[0] / of[0] + here[1] / of[1] + here[2] / of[2] + here[3] / of[3]) / 4;
    for (int k = 0; k < 4; k++)
        squares += pow(here[k] / of[k] - mean, 2);
    *spread = sqrt(squares / 4);
    model_release(model);
    free(out);
    return right / (double)data->samples.n;
}

/* The out-of-fold scores that come with the answer are the best pair's. */
static void check_oof(const Data *data, const int32_t *fold, const SvcFound *found,
                      SvcParams params) {
    double *out = malloc(data->samples.n * 3 * sizeof *out);
    Model *model = new_model(&params);
    assert_ok(
        model_fit_folds(model, &(Folds){ &data->samples, fold, 4, out }, NULL, &reference_error));
    for (size_t k = 0; k < data->samples.n * 3; k++)
        assert_true(fabs(found->oof[k] - out[k]) < 1e-3);
    model_release(model);
    free(out);
}

static void test_search(void **state) {
    (void)state;
    Data data = clouds(240, 4, 3, 8);
    int32_t fold[240];
    for (int i = 0; i < 240; i++)
        fold[i] = (i / 5) % 4;
    double C[] = { 0.01, 1, 30 }, gamma[] = { 0.01, 0.3 }, accuracy[6], spread[6], best = 0;
    double oof[240 * 3], deviation;
    SvcGrid grid = { C, 3, gamma, 2, fold, 4 };
    SvcFound found = { .accuracy = accuracy, .spread = spread, .oof = oof };
    SvcParams params = svc_defaults();
    params.tolerance = 1e-6; /* the search's matrix is rounded once more: scores agree by this */
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found, NULL,
                         &reference_error));
    assert_true(found.any && found.rows == 3 && found.columns == 2);
    for (size_t k = 0; k < 6; k++) {
        params.C = C[k / 2];
        params.kernel.gamma = gamma[k % 2];
        assert_true(accuracy[k] == fold_accuracy(&params, &data, fold, &deviation));
        assert_true(fabs(spread[k] - deviation) < 1e-15);
        best = fmax(best, accuracy[k]);
    }
    assert_true(accuracy[found.C * 2 + found.gamma] == best);
    params.C = C[found.C];
    params.kernel.gamma = gamma[found.gamma];
    check_oof(&data, fold, &found, params);
    params.kernel.kind = &kernel_linear; /* has no gamma: one column */
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found, NULL,
                         &reference_error));
    assert_int_equal(found.columns, 1);
    gamma[1] = -1;
    params.kernel.kind = &kernel_rbf;
    assert_false(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found,
                            NULL, &reference_error));
    assert_non_null(
        strstr(reference_error.message, "the rbf kernel: gamma: expected a number above 0"));
    gamma[1] = 1;
    progress_interrupt();
    Progress progress = progress_new();
    bool ok = svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found,
                         &progress, &reference_error);
    progress_clear_interrupt();
    assert_true(ok && !found.any && isnan(accuracy[0]));
    data_clear(&data);
}

/* The first answer is there, and somebody has enough. */
static void interrupt_after_one(void *context, const Progress *progress) {
    const double *accuracy = context;
    (void)progress;
    if (!isnan(*accuracy))
        progress_interrupt();
}

static void test_search_stops_between_values(void **state) {
    (void)state;
    Data data = clouds(60, 4, 3, 8);
    int32_t fold[60];
    for (size_t i = 0; i < 60; i++)
        fold[i] = (int32_t)(i % 4);
    double accuracy[3] = { NAN, NAN, NAN };
    SvcGrid grid = { (const double[]){ 3, 1, 30 }, 3, (const double[]){ 0.1 }, 1, fold, 4 };
    SvcFound found = { .accuracy = accuracy };
    SvcParams params = svc_defaults();
    progress_listen(interrupt_after_one, accuracy);
    Progress progress = progress_new();
    progress_listen(NULL, NULL);
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found,
                         &progress, &reference_error));
    progress_clear_interrupt();
    assert_true(progress_was_interrupted(&progress) && found.any && found.C == 0);
    assert_true(accuracy[0] > 0 && isnan(accuracy[1]) && isnan(accuracy[2]));
    data_clear(&data);
}

/* Nine answers alike: the first is the best. */
static void test_search_ties(void **state) {
    (void)state;
    Data data = clouds(60, 4, 3, 8);
    int32_t fold[60];
    for (size_t i = 0; i < 60; i++) {
        fold[i] = (int32_t)(i % 4);
        data.x[i * 4 + (size_t)((data.y[i] + 4) / 3)] += 9; /* far apart */
    }
    double accuracy[9];
    SvcGrid grid = {
        (const double[]){ 3, 1, 30 }, 3, (const double[]){ 0.1, 0.01, 0.03 }, 3, fold, 4
    };
    SvcFound found = { .accuracy = accuracy };
    SvcParams params = svc_defaults();
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found, NULL,
                         &reference_error));
    for (size_t k = 0; k < 9; k++)
        assert_true(accuracy[k] == 1);
    assert_int_equal(found.C, 0);
    assert_int_equal(found.gamma, 0);
    data_clear(&data);
}

/* The first value of gamma needs the second of C, which is as good as the second of gamma with the
 * first of C: that pair is named before. */
static void test_search_ties_across_columns(void **state) {
    (void)state;
    Data data = clouds(60, 4, 3, 8);
    int32_t fold[60];
    for (size_t i = 0; i < 60; i++) {
        fold[i] = (int32_t)(i % 4);
        data.x[i * 4 + (size_t)((data.y[i] + 4) / 3)] += 9; /* far apart */
        data.y[i] = data.y[i] == 2; /* two in three are alike: all, to a lenient machine */
    }
    double accuracy[4];
    SvcGrid grid = { (const double[]){ 1, 1e7 }, 2, (const double[]){ 1e-6, 0.1 }, 2, fold, 4 };
    SvcFound found = { .accuracy = accuracy };
    SvcParams params = svc_defaults();
    assert_ok(svc_search(&(SvcSearch){ &params, &grid, &data.samples, "svm.search" }, &found, NULL,
                         &reference_error));
    assert_true(accuracy[0] < 1 && accuracy[1] == 1 && accuracy[2] == 1);
    assert_int_equal(found.C, 0);
    assert_int_equal(found.gamma, 1);
    data_clear(&data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_trained),
        cmocka_unit_test(test_reference_from_numbers),
        cmocka_unit_test(test_binary_with_two_rows),
        cmocka_unit_test(test_support_per_class),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_own_base),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_many_workers),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_interrupt_at_the_end),
        cmocka_unit_test(test_set_and_get),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_stops_between_values),
        cmocka_unit_test(test_search_ties),
        cmocka_unit_test(test_search_ties_across_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
