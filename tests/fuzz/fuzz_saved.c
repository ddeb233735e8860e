/* saved_file.h: a model or a result, as perigee.load reads it; what has been read is asked for
 * scores, or written again. See tests/fuzz/run. */
#include "fuzz.h"

#include "files/saved_file.h"
#include "nn/network.h"

#include <stdlib.h>

enum { MOST_FEATURES = 10000, MOST_COLUMNS = 10000, MOST_OUTPUTS = 1 << 20 };

/* A net of few bytes may say that it pads a picture by thousands of rows: its own affair, until it
 * is asked. */
static bool is_small(Model *model) {
    const ModelKind *kind = model->kind;
    const Network *net = network_of(model);
    for (size_t l = 0; net && l < network_layer_count(net); l++)
        if (network_output_size(net, l) > MOST_OUTPUTS)
            return false;
    const Model *beside = kind->stands_on ? kind->stands_on(model) : NULL;
    if (beside && !is_small((Model *)beside))
        return false;
    ModelPart part;
    for (size_t i = 0; kind->part_at && kind->part_at(model, i, &part); i++)
        if (part.model && !is_small(part.model))
            return false;
    return true;
}

/* Of one sample of zeros. */
static void ask(Model *model) {
    Error err = { 0 };
    size_t d = model->features, columns = model_columns(model);
    if (!model_is_fitted(model) || d > MOST_FEATURES || columns > MOST_COLUMNS || !is_small(model))
        return;
    float *x = calloc(d ? d : 1, sizeof *x);
    double *scores = calloc(columns ? columns : 1, sizeof *scores);
    if (x && scores)
        model_scores(model, &(Batch){ .x = x, .n = 1, .features = d, .where = "fuzz" }, scores,
                     &err);
    free(x);
    free(scores);
}

static void write_again(const Model *model, const AttackResult *result) {
    Tensors tensors;
    Error err = { 0 };
    tensors_init(&tensors);
    if (model)
        model_to(model, NULL, &tensors, &err);
    else
        attack_result_to(result, NULL, &tensors, &err);
    tensors_clear(&tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    Model *model;
    AttackResult *result;
    Error err = { 0 };
    if (!saved_load(fuzz_file(bytes, size), &model, &result, &err))
        return 0;
    if (model)
        ask(model);
    write_again(model, result);
    model_release(model);
    result_free(result);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed) {
    return fuzz_mutate_tensors(bytes, size, most, seed);
}
