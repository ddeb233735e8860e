/* random_models.h — models of random numbers, of every kind that has kernels in it. */
#ifndef PERIGEE_TESTS_RANDOM_MODELS_H
#define PERIGEE_TESTS_RANDOM_MODELS_H

#include "core/array.h"
#include "core/error.h"
#include "nn_case.h"
#include "reject/dnr.h"
#include "reject/layer_model.h"
#include "reject/nr.h"
#include "svm/svc.h"
#include "toy_model.h"

static const char net_json[] =
    "{\"input\":[1,6,6],\"classes\":[0,1,2,3],\"layers\":["
    "{\"kind\":\"conv2d\",\"name\":\"conv\",\"out\":3,\"kernel\":3},"
    "{\"kind\":\"relu\",\"name\":\"relu1\"},{\"kind\":\"flatten\",\"name\":\"flatten\"},"
    "{\"kind\":\"linear\",\"name\":\"fc1\",\"out\":5},{\"kind\":\"relu\",\"name\":\"relu2\"},"
    "{\"kind\":\"linear\",\"name\":\"fc2\",\"out\":4}]}";

static Array *random_array(DType dtype, size_t rows, size_t columns, uint64_t seed) {
    Error err;
    Array *a = columns ? array_new2("test", dtype, rows, columns, &err)
                       : array_new1("test", dtype, rows, &err);
    assert_non_null(a);
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < array_size(a); i++)
        if (dtype == DTYPE_F32)
            array_f32(a)[i] = (float)rng_normal(&rng);
        else
            array_f64(a)[i] = rng_normal(&rng);
    return a;
}

/* m support vectors, classes 0 … count−1 by `functions` functions. */
typedef struct SvmShape {
    size_t m, features, count, functions;
} SvmShape;

static Model *random_svm(const KernelKind *kind, SvmShape shape) {
    static int32_t label[] = { 0, 1, 2, 3 };
    Error err;
    SvcParams params = svc_defaults();
    params.kernel = kernel_of(kind);
    params.kernel.gamma = 1.0 / (double)shape.features;
    params.kernel.coef0 = 1;
    Array *sv = random_array(DTYPE_F32, shape.m, shape.features, 1);
    Array *alpha = random_array(DTYPE_F64, shape.functions, shape.m, 2);
    Array *b = random_array(DTYPE_F64, shape.functions, 0, 3);
    Svc *svc =
        svc_from(&params, &(SvcNumbers){ sv, alpha, b, &(Labels){ label, shape.count } }, &err);
    if (!svc)
        fail_msg("%s", err.message);
    array_free(sv);
    array_free(alpha);
    array_free(b);
    return (Model *)svc;
}

/* Takes over the model. */
static Model *rejecting(Model *model) {
    Error err;
    Nr *nr = nr_new(model, 0.25, &err);
    assert_non_null(nr);
    model_release(model);
    return (Model *)nr;
}

static Model *on_layer(Model *classifier) {
    Error err;
    Network *net = net_of(net_json);
    LayerModel *model = layer_model_new(net, "relu1", classifier, &err);
    if (!model)
        fail_msg("%s", err.message);
    model_release(classifier);
    net_done(net);
    return (Model *)model;
}

/* A kind without a pass of its own among the layers' classifiers, if asked for. */
static Model *random_dnr(bool with_toy) {
    static const char *const names[] = { "relu1", "relu2" };
    Error err;
    Network *net = net_of(net_json);
    Model *first = random_svm(&kernel_rbf, (SvmShape){ 700, 48, 4, 4 }), *second;
    if (with_toy) {
        float x[4 * 5];
        fill_random(x, 20, 11);
        second = toy_new();
        Samples samples = { x, (int32_t[]){ 0, 1, 2, 3 }, 4, 5 };
        assert_true(model_fit(second, &samples, NULL, &err));
    } else {
        second = random_svm(&kernel_poly, (SvmShape){ 30, 5, 4, 4 });
    }
    Model *combiner = random_svm(&kernel_rbf, (SvmShape){ 600, 8, 4, 4 });
    DnrParts parts = { .net = net,
                       .layers = 2,
                       .layer = names,
                       .classifier = (Model *const[]){ first, second },
                       .combiner = combiner,
                       .threshold = 0.1 };
    Dnr *dnr = dnr_new(&parts, &err);
    if (!dnr)
        fail_msg("%s", err.message);
    model_release(first);
    model_release(second);
    model_release(combiner);
    net_done(net);
    return (Model *)dnr;
}

#endif
