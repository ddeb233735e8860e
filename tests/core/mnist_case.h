/* mnist_case.h — the tutorial on MNIST as the reference ran it: its CNN, samples and parameters. */
#ifndef PERIGEE_TESTS_MNIST_CASE_H
#define PERIGEE_TESTS_MNIST_CASE_H

#include "reference.h"

#include "data/mnist.h"

static UNUSED const char *const mnist_layers[] = { "relu2", "relu3", "relu4" };
static UNUSED const double mnist_gamma[] = { 1e-3, 1e-2, 1e-2 }, mnist_C[] = { 10, 10, 1 };

/* Is it at hand, and MNIST itself? */
static UNUSED bool mnist_case_is_there(void) {
    char folder[MNIST_PATH], path[640];
    snprintf(path, sizeof path, "%s/case.json", reference_folder("mnist"));
    return access(path, R_OK) == 0 && mnist_find(MNIST_TRAIN, folder, &reference_error) &&
           mnist_find(MNIST_TEST, folder, &reference_error);
}

/* The samples that an array of indices of the case names. */
static UNUSED Dataset *mnist_case_samples(MnistPart part, const char *index_name) {
    Dataset *all = mnist_load(part, &reference_error);
    assert_ok(all);
    Array *index = reference_as("mnist", index_name, DTYPE_I32);
    size_t n = array_size(index), *position = malloc(n * sizeof *position);
    for (size_t i = 0; i < n; i++)
        position[i] = (size_t)array_i32(index)[i];
    Dataset *chosen = dataset_take(all, position, n, &reference_error);
    assert_ok(chosen);
    free(position);
    array_free(index);
    dataset_free(all);
    return chosen;
}

static UNUSED Network *mnist_case_net(void) {
    cJSON *description = cJSON_Parse(
        "{\"input\":[1,28,28],\"layers\":["
        "{\"kind\":\"conv2d\",\"name\":\"conv1\",\"out\":64,\"kernel\":5,\"stride\":2},"
        "{\"kind\":\"relu\",\"name\":\"relu1\"},"
        "{\"kind\":\"conv2d\",\"name\":\"conv2\",\"out\":64,\"kernel\":3,\"stride\":2},"
        "{\"kind\":\"relu\",\"name\":\"relu2\"},"
        "{\"kind\":\"conv2d\",\"name\":\"conv3\",\"out\":64,\"kernel\":3},"
        "{\"kind\":\"relu\",\"name\":\"relu3\"},{\"kind\":\"flatten\",\"name\":\"flatten\"},"
        "{\"kind\":\"linear\",\"name\":\"fc1\",\"out\":32},"
        "{\"kind\":\"relu\",\"name\":\"relu4\"},"
        "{\"kind\":\"dropout\",\"name\":\"dropout\",\"p\":0.5},"
        "{\"kind\":\"linear\",\"name\":\"classifier\",\"out\":10}],"
        "\"classes\":[0,1,2,3,4,5,6,7,8,9]}");
    Network *net = network_new(description, 1, &reference_error);
    cJSON_Delete(description);
    assert_ok(net);
    char path[640];
    snprintf(path, sizeof path, "%s/mnist-cnn.safetensors", reference_folder("mnist"));
    Tensors weights;
    tensors_init(&weights);
    assert_ok(tensors_load(&weights, path, &reference_error));
    assert_ok(network_load_weights(net, &weights, NULL, &reference_error));
    tensors_clear(&weights);
    return net;
}

#endif
