/* reference.h — the reference cases for tests: arrays, the small CNN, its DNR from coefficients.
 * Functions assert what they need; a caller frees what it is given. */
#ifndef PERIGEE_TESTS_REFERENCE_H
#define PERIGEE_TESTS_REFERENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/array_values.h"
#include "core/error.h"
#include "data/npy.h"
#include "nn/network.h"
#include "core/rng.h"
#include "reject/dnr.h"
#include "svm/svc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static Error reference_error;

/* Assert a pointer or a truth that came from a call with &reference_error. */
#define assert_ok(value)                                                                           \
    do {                                                                                           \
        reference_error.message[0] = '\0';                                                         \
        if (!(value))                                                                              \
            fail_msg("%s: %s", #value, reference_error.message);                                   \
    } while (0)

/* The folder of a case: "small/NAME" is in the repository, "mnist" beside it or nowhere. */
static UNUSED const char *reference_folder(const char *name) {
    static char path[512];
    const char *set = getenv("PERIGEE_REFERENCE");
    if (strncmp(name, "small/", 6) == 0)
        snprintf(path, sizeof path, "tests/reference/%s", name + 6);
    else
        snprintf(path, sizeof path, "%s/%s", set ? set : "../shared/reference", name);
    return path;
}

static UNUSED Array *reference_array(const char *name, const char *array) {
    char path[640];
    snprintf(path, sizeof path, "%s/%s.npy", reference_folder(name), array);
    Array *a = npy_load(path, &reference_error);
    assert_ok(a);
    return a;
}

/* An array converted to a contiguous one of `dtype`. */
static UNUSED Array *reference_as(const char *name, const char *array, DType dtype) {
    Array *a = reference_array(name, array);
    Array *b = array_contiguous("test", a, dtype, &reference_error);
    assert_ok(b);
    array_free(a);
    return b;
}

static UNUSED double largest(const Array *a) {
    double most = 0;
    for (size_t i = 0; i < array_size(a); i++) {
        double v = fabs(array_f64(a)[i]);
        most = v > most ? v : most;
    }
    return most;
}

/* |value − expected| ≤ tolerance · the largest expected magnitude, all through. */
static UNUSED void assert_close(const double *value, const Array *expected, double tolerance) {
    double most = largest(expected);
    for (size_t i = 0; i < array_size(expected); i++)
        if (!(fabs(value[i] - array_f64(expected)[i]) <= tolerance * most))
            fail_msg("element %zu: %.9g, expected %.9g (largest %.3g)", i, value[i],
                     array_f64(expected)[i], most);
}

/* The model's labels are the reference's wherever the best class score is farther than `margin`
 * from the threshold and from the next best. Returns how many samples were nearer. (A best score
 * equal to the threshold wins in the reference library; here it is rejected.) */
static UNUSED size_t assert_same_labels(const Model *model, const double *scores, const Array *y,
                                        double margin) {
    size_t columns = model_columns(model), classes = model->classes.count, near = 0;
    for (size_t i = 0; i < array_size(y); i++) {
        const double *row = scores + i * columns;
        size_t best = model_best_class(model, row);
        double gap = model->rejects ? fabs(row[best] - row[classes]) : INFINITY;
        for (size_t c = 0; c < classes; c++)
            gap = c == best ? gap : fmin(gap, row[best] - row[c]);
        if (gap <= margin)
            near++;
        else
            assert_int_equal(model_label(model, row), array_i32(y)[i]);
    }
    return near;
}

static UNUSED double *doubles(const float *x, size_t n) {
    double *d = malloc((n + 1) * sizeof *d);
    for (size_t i = 0; i < n; i++)
        d[i] = x[i];
    return d;
}

/* The CNN of the small cases with the weights of case `name` (p_conv1_weight …). */
static UNUSED Network *small_net(const char *name) {
    cJSON *description =
        cJSON_Parse("{\"input\":[1,12,12],\"layers\":["
                    "{\"kind\":\"conv2d\",\"name\":\"conv1\",\"out\":6,\"kernel\":3,\"stride\":2},"
                    "{\"kind\":\"relu\",\"name\":\"relu1\"},"
                    "{\"kind\":\"conv2d\",\"name\":\"conv2\",\"out\":8,\"kernel\":3,\"padding\":1},"
                    "{\"kind\":\"relu\",\"name\":\"relu2\"},"
                    "{\"kind\":\"maxpool\",\"name\":\"pool\",\"kernel\":2,\"stride\":2},"
                    "{\"kind\":\"flatten\",\"name\":\"flatten\"},"
                    "{\"kind\":\"linear\",\"name\":\"fc1\",\"out\":12},"
                    "{\"kind\":\"relu\",\"name\":\"relu3\"},"
                    "{\"kind\":\"linear\",\"name\":\"fc2\",\"out\":5}],\"classes\":[0,1,2,3,4]}");
    Network *net = network_new(description, 1, &reference_error);
    cJSON_Delete(description);
    assert_ok(net);
    static const char *const names[] = { "conv1", "conv2", "fc1", "fc2" };
    Tensors tensors;
    tensors_init(&tensors);
    for (size_t i = 0; i < 8; i++) {
        char file[64], tensor[64];
        const char *what = i % 2 ? "bias" : "weight";
        snprintf(file, sizeof file, "p_%s_%s", names[i / 2], what);
        snprintf(tensor, sizeof tensor, "%s.%s", names[i / 2], what);
        Array *a = reference_as(name, file, DTYPE_F32);
        assert_ok(tensors_add(&tensors, (TensorName){ NULL, tensor }, a, &reference_error));
        array_free(a);
    }
    assert_ok(network_load_weights(net, &tensors, NULL, &reference_error));
    tensors_clear(&tensors);
    return net;
}

/* An RBF SVM from PREFIX_sv, PREFIX_alpha and PREFIX_b, its classes 0 … ("" for no prefix). */
static UNUSED Model *reference_svm(const char *name, const char *prefix, double gamma, double C) {
    char file[64];
    snprintf(file, sizeof file, "%ssv", prefix);
    Array *sv = reference_as(name, file, DTYPE_F32);
    snprintf(file, sizeof file, "%salpha", prefix);
    Array *alpha = reference_as(name, file, DTYPE_F64);
    snprintf(file, sizeof file, "%sb", prefix);
    Array *b = reference_as(name, file, DTYPE_F64);
    int32_t label[32];
    for (int32_t c = 0; c < 32; c++)
        label[c] = c;
    Labels classes = { label, array_size(b) };
    SvcParams params = svc_defaults();
    params.kernel = (Kernel){ .kind = &kernel_rbf, .gamma = gamma };
    params.C = C;
    Svc *svc = svc_from(&params, &(SvcNumbers){ sv, alpha, b, &classes }, &reference_error);
    array_free(sv);
    array_free(alpha);
    array_free(b);
    assert_ok(svc);
    return (Model *)svc;
}

static UNUSED Model *new_svm(double gamma, double C) {
    SvcParams params = svc_defaults();
    params.kernel = (Kernel){ .kind = &kernel_rbf, .gamma = gamma };
    params.C = C;
    Model *svm = (Model *)svc_new(&params, &reference_error);
    assert_ok(svm);
    return svm;
}

static const char *const small_layers[] = { "relu1", "relu2", "relu3" };

/* A Dnr on the small net; takes over the references to the parts. */
static UNUSED Dnr *small_dnr_of(Network *net, Model *const classifier[3], Model *combiner,
                                double threshold) {
    DnrParts parts = { .net = net,
                       .layers = 3,
                       .layer = small_layers,
                       .classifier = classifier,
                       .combiner = combiner,
                       .threshold = threshold };
    Dnr *dnr = dnr_new(&parts, &reference_error);
    assert_ok(dnr);
    for (size_t l = 0; l < 3; l++)
        model_release(classifier[l]);
    model_release(combiner);
    model_release((Model *)net);
    return dnr;
}

/* The DNR of the case small/dnr: from its coefficients, or with the same parameters to be fitted.
 */
static UNUSED Dnr *small_dnr(bool fitted) {
    static const double gamma[] = { 0.01, 0.05, 0.05 }, C[] = { 10, 10, 1 };
    Model *classifier[3];
    for (size_t l = 0; l < 3; l++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "layer_%s_", small_layers[l]);
        classifier[l] =
            fitted ? reference_svm("small/dnr", prefix, gamma[l], C[l]) : new_svm(gamma[l], C[l]);
    }
    Model *combiner = fitted ? reference_svm("small/dnr", "combiner_", 1, 0.5) : new_svm(1, 0.5);
    return small_dnr_of(small_net("small/dnr"), classifier, combiner,
                        fitted ? 0.9449734381349606 : -INFINITY);
}

#endif
