/* What the tests of nn share: nets from JSON text, arrays of the reference cases, comparisons. */
#ifndef PERIGEE_TESTS_NN_CASE_H
#define PERIGEE_TESTS_NN_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/array_values.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "data/npy.h"
#include "nn/network.h"
#include "nn/network_impl.h"
#include "nn/train.h"

static inline Network *net_from(const char *json, Error *err) {
    cJSON *description = cJSON_Parse(json);
    assert_non_null(description);
    Network *net = network_new(description, 7, err);
    cJSON_Delete(description);
    return net;
}

static inline Network *net_of(const char *json) {
    Error err = { 0 };
    Network *net = net_from(json, &err);
    if (!net)
        fail_msg("%s", err.message);
    return net;
}

static inline void net_done(Network *net) {
    model_release(&net->model);
}

/* The message that a description is refused with contains `part`. */
static inline void assert_refused(const char *json, const char *part) {
    Error err = { 0 };
    assert_null(net_from(json, &err));
    if (!strstr(err.message, part))
        fail_msg("\"%s\" does not mention \"%s\"", err.message, part);
}

static inline Array *reference(const char *folder, const char *name) {
    char path[256];
    Error err = { 0 };
    snprintf(path, sizeof path, "tests/reference/%s/%s.npy", folder, name);
    Array *a = npy_load(path, &err);
    if (!a)
        fail_msg("%s", err.message);
    Array *contiguous = array_contiguous("test", a, DTYPE_F32, &err);
    array_free(a);
    assert_non_null(contiguous);
    return contiguous;
}

static inline void fill_random(float *x, size_t n, uint64_t seed) {
    Rng rng;
    rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&rng);
}

/* |a − b| within `tolerance` of b's largest magnitude, everywhere. */
static inline void assert_near(const char *what, const float *a, const float *b, size_t n,
                               double tolerance) {
    double largest = 1e-30, worst = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - b[i]);
        largest = fmax(largest, fabs(b[i]));
        worst = difference > worst || isnan(difference) ? difference : worst;
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s: off by %g of the largest magnitude", what, worst / largest);
}

#endif
