/* Layers whose code is elsewhere: the built-in kinds once more as hosted ones, in the same network,
 * agree with themselves; and what such code may do wrong. */
#include "nn_case.h"

#include "nn/gradient_parts.h"
#include "nn/loss.h"
#include "nn/network_build.h"
#include "nn/optimizer.h"

/* ---- A host for the built-in kinds ----------------------------------------------------------- */

/* What is watched of the host; reset by each test. */
static struct Watch {
    int kept, forgotten, kinds;
    size_t rows; /* of the last call */
    bool fail_forward, fail_backward;
    Network *inner; /* a forward calls it */
} watch;

enum { HOSTS = 5 };
static LayerKind hosted_kind[HOSTS];
static const LayerKind *const plain_kind[HOSTS] = { &layer_conv2d, &layer_relu, &layer_linear,
                                                    &layer_dropout, &layer_maxpool };

static const LayerKind *plain_of(const Layer *layer) {
    return plain_kind[layer->kind - hosted_kind];
}

/* The call with the memory that a tile brings along. */
static void run_plain(const Layer *layer, const LayerCall *call, bool back) {
    const LayerKind *kind = plain_of(layer);
    Tile tile = *call->tile;
    LayerCall with = *call;
    float *scratch = malloc((1 + (kind->scratch ? kind->scratch(layer) : 0)) * sizeof *scratch);
    float *prepared = malloc((1 + (kind->prepared ? kind->prepared(layer) : 0)) * sizeof *prepared);
    assert_true(scratch && prepared);
    if (kind->prepare)
        kind->prepare(layer, call->weights, prepared);
    tile.scratch = scratch;
    tile.prepared = prepared;
    with.tile = &tile;
    (back ? kind->backward : kind->forward)(layer, &with);
    free(scratch);
    free(prepared);
}

static bool host_forward(const Layer *layer, const LayerCall *call, void **kept, Error *err) {
    watch.rows = call->tile->n;
    assert_false(parallel_inside());
    if (watch.fail_forward)
        return error_set(err, ERROR_ARGUMENT, "forward failed");
    if (watch.inner) {
        float x[400] = { 0 }, *y = call->y;
        size_t last = 0;
        Batch one = { x, 1, watch.inner->model.features, "inner" };
        if (!network_outputs(watch.inner, &one, &(Taps){ &last, 1, &y }, err))
            return false;
    }
    run_plain(layer, call, false);
    if (kept) {
        *kept = malloc(1);
        watch.kept++;
    }
    return true;
}

static bool host_backward(const Layer *layer, const LayerCall *call, void *kept, Error *err) {
    assert_non_null(kept);
    if (watch.fail_backward)
        return error_set(err, ERROR_ARGUMENT, "backward failed");
    run_plain(layer, call, true);
    return true;
}

static void host_forget(const Layer *layer, void *kept) {
    (void)layer;
    free(kept);
    watch.forgotten++;
}

static void host_retain(const LayerKind *kind) {
    (void)kind;
    watch.kinds++;
}

static void host_release(const LayerKind *kind) {
    (void)kind;
    watch.kinds--;
}

static void host_clear(Layer *layer) {
    assert_null(layer->hosted);
}

static const LayerHost host = { .retain = host_retain,
                                .release = host_release,
                                .clear = host_clear,
                                .forward = host_forward,
                                .backward = host_backward,
                                .forget = host_forget };

static int set_up(void **state) {
    (void)state;
    for (size_t k = 0; k < HOSTS; k++) {
        hosted_kind[k] = *plain_kind[k];
        hosted_kind[k].host = &host;
        hosted_kind[k].in_place = false;
        hosted_kind[k].backward_reads_x = hosted_kind[k].backward_reads_y = true;
    }
    watch = (struct Watch){ 0 };
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(watch.kept, watch.forgotten);
    assert_int_equal(watch.kinds, 0);
    return 0;
}

/* ---- Networks of both ------------------------------------------------------------------------ */

static const char NET[] =
    "{\"input\":[2,9,8],\"classes\":[0,1,2,3],\"layers\":["
    "{\"kind\":\"conv2d\",\"out\":5,\"kernel\":3,\"padding\":1},{\"kind\":\"relu\"},"
    "{\"kind\":\"maxpool\",\"kernel\":2},{\"kind\":\"conv2d\",\"out\":6,\"kernel\":2},"
    "{\"kind\":\"relu\"},{\"kind\":\"dropout\",\"p\":0.3},{\"kind\":\"flatten\"},"
    "{\"kind\":\"linear\",\"out\":7},{\"kind\":\"relu\"},{\"kind\":\"linear\",\"out\":4}]}";
enum { LAYERS = 10, N = 37, FEATURES = 144, OUTPUTS = 4 };

/* The same network with the layers of the mask hosted. */
static Network *net_hosting(unsigned mask) {
    Error err = { 0 };
    Network *plain = net_of(NET);
    Layer *layer[LAYERS];
    for (size_t l = 0; l < LAYERS; l++) {
        layer[l] = layer_copy(plain->layer[l], &err);
        for (size_t k = 0; k < HOSTS; k++)
            if (mask >> l & 1 && layer[l]->kind == plain_kind[k]) {
                layer[l]->kind = &hosted_kind[k];
                host_retain(layer[l]->kind);
            }
    }
    static const int32_t labels[] = { 0, 1, 2, 3 };
    NetworkParts parts = { .input = plain->input,
                           .layer = layer,
                           .layers = LAYERS,
                           .label = labels,
                           .labels = 4,
                           .seed = 7 };
    Network *net = network_build(&parts, &err);
    if (!net)
        fail_msg("%s", err.message);
    for (size_t l = 0; l < LAYERS; l++)
        layer_free(layer[l]);
    net_done(plain);
    return net;
}

/* None, each end, every second, all that can be. */
static const unsigned masks[] = { 1, 1 << 9, 2, 1 << 3 | 1 << 4, 0x155, 0x2aa, 0x3bf, 1 << 5 };
#define MASKS (sizeof masks / sizeof *masks)

/* What is asked of a network. */
typedef struct Answers {
    double scores[N * OUTPUTS], w[N * OUTPUTS];
    float gradient[N * FEATURES], dx[N * FEATURES];
    float tap[2][N * 200], dweights[4000];
} Answers;

static const size_t tapped[] = { 1, 7, 3 };

static void ask(Network *net, const float *x, Answers *answers) {
    Error err = { 0 };
    Batch batch = { x, N, FEATURES, "test" };
    float enters[N * 360];
    fill_random(enters, N * 360, 5);
    for (size_t i = 0; i < N * OUTPUTS; i++)
        answers->w[i] = (double)(i % 7) - 3;
    assert_true(model_scores(&net->model, &batch, answers->scores, &err));
    GradientRequest request = { .w = answers->w, .gradient = answers->gradient };
    assert_true(model_gradient(&net->model, &batch, &request, &err));
    size_t pair[] = { 3, 7 };
    float *output[] = { answers->tap[0], answers->tap[1] };
    assert_true(network_outputs(net, &batch, &(Taps){ pair, 2, output }, &err));
    Pass *pass = network_forward(net, &batch, &(Taps){ .layer = tapped, .count = 3 }, &err);
    assert_non_null(pass);
    const float *entering[] = { enters, NULL, enters + 11 };
    assert_true(pass_backward_weights(pass, entering,
                                      &(PassSlopes){ answers->dx, answers->dweights }, &err));
    float *again = malloc(sizeof answers->dx);
    assert_true(pass_backward(pass, entering, again, &err));
    assert_memory_equal(again, answers->dx, sizeof answers->dx);
    free(again);
    pass_free(pass);
}

static void compare(const Answers *a, const Answers *b, size_t parameters) {
    for (size_t i = 0; i < N * OUTPUTS; i++)
        assert_float_equal(a->scores[i], b->scores[i], 1e-5);
    assert_near("gradient", a->gradient, b->gradient, N * FEATURES, 1e-5);
    assert_near("dx", a->dx, b->dx, N * FEATURES, 1e-5);
    assert_near("tap", a->tap[0], b->tap[0], N * 6 * 3 * 3, 1e-5);
    assert_near("tap", a->tap[1], b->tap[1], N * 7, 1e-5);
    assert_near("dweights", a->dweights, b->dweights, parameters, 1e-5);
}

static void hosted_layers_answer_as_built_in_ones(void **state) {
    (void)state;
    static float x[N * FEATURES];
    static Answers expected, got, serial;
    fill_random(x, N * FEATURES, 3);
    Network *plain = net_of(NET);
    ask(plain, x, &expected);
    for (size_t m = 0; m < MASKS; m++) {
        Network *net = net_hosting(masks[m]);
        ask(net, x, &got);
        compare(&got, &expected, plain->parameters);
        parallel_set_threads(1);
        ask(net, x, &serial);
        parallel_set_threads(0);
        assert_memory_equal(&serial, &got, sizeof got);
        net_done(net);
    }
    net_done(plain);
}

/* ---- Whole batches of training --------------------------------------------------------------- */

typedef struct Entropy {
    const int32_t *target;
    size_t n;
} Entropy;

static bool entropy(void *context, const float *logits, float *slopes, Error *err) {
    const Entropy *entropy_of = context;
    (void)err;
    cross_entropy(&(ScoredRows){ logits, entropy_of->n, OUTPUTS, entropy_of->target, 0 },
                  &(ScoreSlope){ slopes, 1.0 / (double)entropy_of->n }, NULL);
    return true;
}

/* One step of training, by hand. */
static void step_by_pass(Network *net, const Samples *samples) {
    Error err = { 0 };
    GradientParts parts;
    Entropy context = { samples->y, samples->n };
    Rng rng;
    rng_seed(&rng, 11);
    PassRoom room = { 0 };
    TrainingBatch batch = { samples->x, samples->n, rng_fork(&rng), entropy, &context, &room };
    Optimizer sgd = { .lr = 0.1, .momentum = 0 };
    assert_true(gradient_parts_init(&parts, samples->n, net->parameters, &err));
    assert_true(optimizer_init(&sgd, net->parameters, &err));
    if (!network_pass_gradients(net, &batch, &parts, &err))
        fail_msg("%s", err.message);
    optimizer_step(&sgd, (const float *const *)parts.vector, parts.count, net->weights);
    network_weights_changed(net);
    optimizer_clear(&sgd);
    gradient_parts_clear(&parts);
    pass_room_clear(&room);
}

/* The bits of training tile by tile without hosted layers, and as good as those with some. */
static void a_whole_batch_is_trained_as_by_tiles(void **state) {
    (void)state;
    static float x[N * FEATURES];
    int32_t y[N];
    Error err = { 0 };
    fill_random(x, N * FEATURES, 3);
    for (size_t i = 0; i < N; i++)
        y[i] = (int32_t)(i * 5 % OUTPUTS);
    Samples samples = { x, y, N, FEATURES };
    Network *tiles = net_of(NET), *whole = net_of(NET);
    TrainParams params = train_defaults();
    params.epochs = 1;
    params.batch = N;
    params.lr = 0.1;
    params.momentum = 0;
    params.shuffle = false;
    params.seed = 11;
    free(network_train(tiles, &samples, &params, &err));
    step_by_pass(whole, &samples);
    assert_memory_equal(whole->weights, tiles->weights, tiles->parameters * sizeof *tiles->weights);
    for (size_t m = 0; m < MASKS; m++) {
        Network *net = net_hosting(masks[m]);
        step_by_pass(net, &samples);
        assert_int_equal(watch.rows, N);
        assert_near("weights", net->weights, tiles->weights, tiles->parameters, 1e-5);
        net_done(net);
    }
    net_done(whole);
    net_done(tiles);
}

/* ---- What goes wrong ------------------------------------------------------------------------- */

static void a_host_may_fail(void **state) {
    (void)state;
    static float x[N * FEATURES], gradient[N * FEATURES];
    double scores[N * OUTPUTS], w[N * OUTPUTS] = { 1 };
    Error err = { 0 };
    Network *net = net_hosting(0x2aa);
    Batch batch = { x, N, FEATURES, "test" };
    GradientRequest request = { .w = w, .gradient = gradient };
    watch.fail_backward = true;
    assert_false(model_gradient(&net->model, &batch, &request, &err));
    assert_string_equal(err.message, "backward failed");
    watch.fail_forward = true;
    assert_false(model_scores(&net->model, &batch, scores, &err));
    assert_string_equal(err.message, "forward failed");
    assert_false(model_gradient(&net->model, &batch, &request, &err));
    watch.fail_forward = watch.fail_backward = false;
    assert_true(model_gradient(&net->model, &batch, &request, &err));
    net_done(net);
}

static void a_layer_may_call_other_nets_but_not_its_own(void **state) {
    (void)state;
    static float x[N * FEATURES];
    double scores[N * OUTPUTS];
    Error err = { 0 };
    Network *net = net_hosting(1),
            *other = net_of("{\"input\":[3],\"layers\":[{\"kind\":\"relu\"}]}");
    Batch batch = { x, N, FEATURES, "test" };
    watch.inner = other;
    assert_true(model_scores(&net->model, &batch, scores, &err));
    watch.inner = net;
    assert_false(model_scores(&net->model, &batch, scores, &err));
    assert_non_null(
        strstr(err.message, "a layer's function called the net that the layer stands in"));
    watch.inner = NULL;
    assert_true(model_scores(&net->model, &batch, scores, &err));
    net_done(other);
    net_done(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hosted_layers_answer_as_built_in_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_whole_batch_is_trained_as_by_tiles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_may_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_layer_may_call_other_nets_but_not_its_own, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
