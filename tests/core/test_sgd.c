#include "nn_case.h"

#include "core/array_softmax.h"
#include "core/error.h"
#include "nn/loss.h"
#include "nn/optimizer.h"

/* ---- Softmax and cross-entropy --------------------------------------------------------------- */

static void softmax_agrees_with_the_reference(void **state) {
    (void)state;
    Error err = { 0 };
    Array *scores = npy_load("tests/reference/softmax/scores.npy", &err);
    Array *expected = npy_load("tests/reference/softmax/softmax.npy", &err);
    assert_non_null(scores);
    assert_non_null(expected);
    Array *e = array_contiguous("test", expected, DTYPE_F64, &err);
    Array *s = array_softmax(scores, 1, &err);
    Array *p = array_contiguous("test", s, DTYPE_F64, &err);
    for (size_t i = 0; i < array_size(e); i++)
        assert_float_equal(array_f64(p)[i], array_f64(e)[i], 1e-6);
    array_free(p);
    array_free(e);
    array_free(s);
    array_free(expected);
    array_free(scores);
}

static void softmax_of_large_and_infinite_scores(void **state) {
    (void)state;
    Error err = { 0 };
    Array *scores = array_new2("test", DTYPE_F64, 2, 3, &err);
    memcpy(array_f64(scores), (double[]){ 1000, 1000, -INFINITY, -5000, -5000, -5000 }, 6 * 8);
    Array *p = array_softmax(scores, 1, &err);
    assert_float_equal(array_f64(p)[0], 0.5, 1e-15);
    assert_float_equal(array_f64(p)[2], 0, 0);
    assert_float_equal(array_f64(p)[3], 1.0 / 3, 1e-15);
    array_free(p);
    array_free(scores);
}

static void cross_entropy_by_hand_and_by_differences(void **state) {
    (void)state;
    float scores[6] = { 0, 0, 0, 3, 1, 2 }, slope[6];
    const int32_t target[2] = { 1, 0 };
    size_t hits = 0;
    const ScoredRows scored = { scores, 2, 3, target, 0 };
    double loss = cross_entropy(&scored, &(ScoreSlope){ slope, 0.5 }, &hits);
    assert_float_equal(loss, log(3) + log(1 + exp(-2) + exp(-1)), 1e-7);
    assert_int_equal(hits, 1);
    for (int i = 0; i < 6; i++) {
        float kept = scores[i];
        scores[i] = kept + 0x1p-7f;
        double above = cross_entropy(&scored, NULL, NULL);
        scores[i] = kept - 0x1p-7f;
        double below = cross_entropy(&scored, NULL, NULL);
        scores[i] = kept;
        assert_float_equal(slope[i], 0.5 * (above - below) / 0x1p-6, 1e-5);
    }
}

static double divergence_of(const float *clean, const float *attacked) {
    float ds[6] = { 0 }, da[6];
    return add_divergence(&(ScoredRows){ clean, 2, 3, NULL, 0 }, attacked, &(ScoreSlope){ ds, 1 },
                          da);
}

/* KL(p ‖ q) of two rows: nothing between equal ones, by hand, and both slopes by differences. */
static void divergence_by_hand_and_by_differences(void **state) {
    (void)state;
    float clean[6] = { 0, 0, -90, 3, 1, 2 }, attacked[6] = { 1, 0, -90, 1, 2, 2.5F };
    float ds[6] = { 1, 0, 0, 0, 0, 0 }, da[6];
    assert_float_equal(divergence_of(clean, clean), 0, 1e-12);
    const float two[6] = { 0, 0, -90, 0, 0, 0 }, away[6] = { 1, 0, -90, 0, 0, 0 };
    double q = 1 / (1 + exp(-1));
    assert_float_equal(divergence_of(two, away), 0.5 * log(0.5 / q) + 0.5 * log(0.5 / (1 - q)),
                       1e-7);
    add_divergence(&(ScoredRows){ clean, 2, 3, NULL, 0 }, attacked, &(ScoreSlope){ ds, 0.5 }, da);
    ds[0] -= 1; /* it is added to what is there */
    for (int i = 0; i < 12; i++) {
        float *score = i < 6 ? clean + i : attacked + i - 6, kept = *score;
        *score = kept + 0x1p-7f;
        double above = divergence_of(clean, attacked);
        *score = kept - 0x1p-7f;
        double below = divergence_of(clean, attacked);
        *score = kept;
        assert_float_equal(i < 6 ? ds[i] : da[i - 6], 0.5 * (above - below) / 0x1p-6, 1e-5);
    }
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* Two steps by hand: lr 0.1, momentum 0.5, decay 0.2, the gradient in two parts. */
static void sgd_by_hand(void **state) {
    (void)state;
    Error err = { 0 };
    Optimizer sgd = { .lr = 0.1, .momentum = 0.5, .weight_decay = 0.2 };
    float w[1] = { 1 }, part1[1] = { 0.5f }, part2[1] = { 0.3f };
    assert_true(optimizer_init(&sgd, 1, &err));
    optimizer_step(&sgd, (const float *[]){ part1, part2 }, 2, w);
    assert_float_equal(w[0], 1 - 0.1 * 1.0, 1e-6);
    optimizer_step(&sgd, (const float *[]){ part1 }, 1, w);
    assert_float_equal(w[0], 0.9 - 0.1 * (0.5 * 1 + 0.5 + 0.2 * 0.9), 1e-6);
    optimizer_clear(&sgd);
}

/* ---- Training -------------------------------------------------------------------------------- */

#define WEIGHTS "cnn_forward_backward"

static const char SMALL[] =
    "{\"input\":[1,12,12],\"layers\":[{\"kind\":\"conv2d\",\"out\":6,\"kernel\":3,\"stride\":2},"
    "{\"kind\":\"relu\"},{\"kind\":\"conv2d\",\"out\":8,\"kernel\":3,\"padding\":1},"
    "{\"kind\":\"relu\"},{\"kind\":\"maxpool\",\"kernel\":2},{\"kind\":\"flatten\"},"
    "{\"kind\":\"linear\",\"out\":12},{\"kind\":\"relu\"},{\"kind\":\"linear\",\"out\":5}]}";

static void load_reference(Network *net) {
    Error err = { 0 };
    Tensors tensors;
    tensors_init(&tensors);
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++) {
            char file[128], name[128];
            const char *layer = net->layer[l]->name, *part = net->layer[l]->parameter[p].name;
            snprintf(file, sizeof file, "%s_%s", layer, part);
            snprintf(name, sizeof name, "%s.%s", layer, part);
            Array *values = reference(WEIGHTS, file);
            assert_true(tensors_add(&tensors, (TensorName){ NULL, name }, values, &err));
            array_free(values);
        }
    assert_true(network_load_weights(net, &tensors, NULL, &err));
    tensors_clear(&tensors);
}

static double loss_of(Network *net, const float *x, const int32_t *y, size_t n) {
    Error err = { 0 };
    size_t last = net->layers - 1;
    Pass *pass = network_forward(net, &(Batch){ x, n, ((const Model *)net)->features, "test" },
                                 &(Taps){ .layer = &last, .count = 1 }, &err);
    double loss =
        cross_entropy(&(ScoredRows){ pass_output(pass, 0), n, 5, y, 0 }, NULL, NULL) / (double)n;
    pass_free(pass);
    return loss;
}

/* Ten steps over ten batches in order: the loss before each, and the weights after all. */
static void ten_steps_agree_with_pytorch(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(SMALL);
    load_reference(net);
    Array *x = reference("cnn_sgd", "x"), *y0 = reference("cnn_sgd", "y");
    Array *losses = reference("cnn_sgd", "loss");
    Array *y = array_contiguous("test", y0, DTYPE_I32, &err);
    Samples all = { array_f32(x), array_i32(y), array_length(x), array_row_size(x) };
    TrainParams params = train_defaults();
    params.epochs = 1;
    params.batch = 40;
    params.lr = 0.05;
    params.shuffle = false;
    assert_float_equal(loss_of(net, all.x, all.y, 40), array_f32(losses)[0], 1e-5);
    TrainHistory *history = network_train(net, &all, &params, &err);
    if (!history)
        fail_msg("%s", err.message);
    double mean = 0;
    for (size_t b = 0; b < 10; b++)
        mean += array_f32(losses)[b] / 10;
    assert_float_equal(history->epoch[0].loss, mean, 1e-5);
    free(history);
    for (size_t l = 0; l < net->layers; l++)
        for (int p = 0; p < net->layer[l]->parameters; p++) {
            char file[128];
            snprintf(file, sizeof file, "p_%s_%s", net->layer[l]->name,
                     net->layer[l]->parameter[p].name);
            Array *expected = reference("cnn_sgd", file), *got;
            got = network_parameter(net, l, p, NULL, &err);
            assert_near(file, array_f32(got), array_f32(expected), array_size(got), 1e-5);
            array_free(got);
            array_free(expected);
        }
    array_free(y);
    array_free(losses);
    array_free(y0);
    array_free(x);
    net_done(net);
}

/* Three classes 2, 5, 7 of noisy points around three corners, 100 each. */
enum { N = 300, FEATURES = 8 };
static float points[N * FEATURES];
static int32_t labels[N];
static const Samples blobs = { points, labels, N, FEATURES };
static const char BLOB_NET[] =
    "{\"input\":[8],\"layers\":[{\"kind\":\"linear\",\"out\":16},{\"kind\":\"relu\"},"
    "{\"kind\":\"dropout\",\"p\":0.2},{\"kind\":\"linear\",\"out\":3}]}";

static int make_blobs(void **state) {
    (void)state;
    static const int32_t label[3] = { 2, 5, 7 };
    fill_random(points, N * FEATURES, 11);
    for (size_t i = 0; i < N; i++) {
        labels[i] = label[i % 3];
        for (size_t j = 0; j < FEATURES; j++)
            points[i * FEATURES + j] = 0.3f * points[i * FEATURES + j] + (j % 3 == i % 3);
    }
    return 0;
}

static size_t count_right(Network *net) {
    Error err = { 0 };
    double scores[N * 3];
    size_t right = 0;
    assert_true(model_scores(&net->model, &(Batch){ points, N, FEATURES, "test" }, scores, &err));
    for (size_t i = 0; i < N; i++)
        right += model_label(&net->model, scores + 3 * i) == labels[i];
    return right;
}

static TrainParams blob_params(void) {
    TrainParams params = train_defaults();
    params.epochs = 5;
    params.batch = 32;
    params.lr = 0.1;
    params.seed = 3;
    return params;
}

static void training_learns_labels_that_are_no_columns(void **state) {
    (void)state;
    Error err = { 0 };
    TrainParams params = blob_params();
    params.validation = &blobs;
    params.lr_decay = 0.5;
    params.lr_step = 2;
    Network *net = net_of(BLOB_NET);
    assert_false(model_is_fitted(&net->model));
    TrainHistory *history = network_train(net, &blobs, &params, &err);
    assert_non_null(history);
    assert_int_equal(net->model.classes.label[2], 7);
    assert_int_equal(history->epochs, 5);
    assert_true(history->epoch[4].loss < history->epoch[0].loss);
    assert_float_equal(history->epoch[4].validation_accuracy, (double)count_right(net) / N, 1e-12);
    assert_true(count_right(net) > 290);
    assert_float_equal(history->epoch[1].lr, 0.1, 0);
    assert_float_equal(history->epoch[4].lr, 0.025, 1e-12);
    assert_non_null(network_record(net));
    free(history);
    net_done(net);
}

static void the_same_seed_gives_the_same_bits(void **state) {
    (void)state;
    Network *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        Network *net[3];
        parallel_set_threads(threads);
        for (int i = 0; i < 3; i++) {
            Error err = { 0 };
            TrainParams params = blob_params();
            params.seed = i < 2 ? 3 : 4;
            net[i] = net_of(BLOB_NET);
            TrainHistory *history = network_train(net[i], &blobs, &params, &err);
            assert_non_null(history);
            free(history);
        }
        size_t bytes = net[0]->parameters * sizeof(float);
        assert_memory_equal(net[0]->weights, net[1]->weights, bytes);
        assert_memory_not_equal(net[0]->weights, net[2]->weights, bytes);
        first = first ? first : net[0];
        assert_memory_equal(net[0]->weights, first->weights, bytes);
        for (int i = 0; i < 3; i++)
            if (net[i] != first)
                net_done(net[i]);
    }
    net_done(first);
    parallel_set_threads(0);
}

static void stop_in_epoch_three(void *context, const Progress *progress) {
    (void)context;
    if (progress->depth > 0 && progress->level[0].done > 2.5 * N)
        progress_interrupt();
}

static void an_interrupt_leaves_a_net(void **state) {
    (void)state;
    Error err = { 0 };
    TrainParams params = blob_params();
    params.epochs = 1000;
    Network *net = net_of(BLOB_NET);
    progress_listen(stop_in_epoch_three, NULL);
    Progress progress = progress_new();
    params.progress = &progress;
    TrainHistory *history = network_train(net, &blobs, &params, &err);
    assert_non_null(history);
    progress_listen(NULL, NULL);
    assert_true(progress_was_interrupted(&progress));
    progress_clear_interrupt();
    assert_true(history->interrupted);
    assert_int_equal(history->epochs, 2);
    assert_true(count_right(net) > 250);
    free(history);
    net_done(net);
}

static void training_that_blows_up_changes_nothing(void **state) {
    (void)state;
    Error err = { 0 };
    TrainParams params = blob_params();
    params.lr = 1e6;
    params.epochs = 50;
    Network *net = net_of(BLOB_NET), *twin = net_of(BLOB_NET);
    assert_null(network_train(net, &blobs, &params, &err));
    assert_non_null(strstr(err.message, "no longer finite"));
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    assert_false(model_is_fitted(&net->model));
    /* One step, after which no loss is taken. */
    params.lr = 1e39;
    params.epochs = 1;
    params.batch = N;
    assert_null(network_train(net, &blobs, &params, &err));
    assert_non_null(strstr(err.message, "weights are no longer finite"));
    assert_memory_equal(net->weights, twin->weights, net->parameters * sizeof(float));
    net_done(twin);
    net_done(net);
}

static void samples_that_do_not_fit(void **state) {
    (void)state;
    Error err = { 0 };
    TrainParams params = blob_params();
    Network *net = net_of(BLOB_NET);
    Samples two = { points, labels, 2, FEATURES }, narrow = { points, labels, N, 4 };
    assert_null(network_train(net, &two, &params, &err));
    assert_non_null(strstr(err.message, "2 classes, the net 3 outputs"));
    assert_null(network_train(net, &narrow, &params, &err));
    assert_non_null(strstr(err.message, "4 features, the net takes 8"));
    params.shift = 1;
    assert_null(network_train(net, &blobs, &params, &err));
    assert_non_null(strstr(err.message, "shift needs images"));
    params.shift = 0;
    float spoilt[3 * FEATURES] = { 0 };
    spoilt[FEATURES] = NAN;
    Samples odd = { spoilt, (const int32_t[]){ labels[0], labels[1], labels[2] }, 3, FEATURES };
    Network *known = net_of(BLOB_NET);
    TrainHistory *history = network_train(known, &blobs, &params, &err);
    assert_non_null(history);
    free(history);
    assert_null(network_train(known, &odd, &params, &err));
    assert_string_equal(err.message, "train: sample 2 has a value that is NaN or infinite");
    net_done(known);
    Samples other = { points, (const int32_t[]){ 1000 }, 1, FEATURES };
    Progress progress = progress_new();
    params.validation = &other;
    params.progress = &progress;
    assert_null(network_train(net, &blobs, &params, &err));
    assert_string_equal(err.message,
                        "validation: train: label 1000 is not among the net's classes");
    assert_true(progress.start == 0); /* refused before anything was trained */
    net_done(net);
}

/* fit starts anew: twice the same; a clone has the parameters and no classes. */
static void fit_as_a_model(void **state) {
    (void)state;
    Error err = { 0 };
    Network *net = net_of(BLOB_NET);
    assert_true(model_set(&net->model, "epochs", value_number(4), &err));
    assert_true(model_set(&net->model, "lr", value_number(0.1), &err));
    assert_false(model_set(&net->model, "batch", value_number(2.5), &err));
    assert_non_null(strstr(err.message, "batch: expected an integer from 1 to"));
    assert_false(model_set(&net->model, "rate", value_number(1), &err));
    assert_non_null(strstr(err.message, "(valid: epochs, batch, lr"));
    assert_true(model_fit(&net->model, &blobs, NULL, &err));
    float *weights = malloc(net->parameters * sizeof *weights);
    memcpy(weights, net->weights, net->parameters * sizeof *weights);
    assert_true(model_fit(&net->model, &blobs, NULL, &err));
    assert_memory_equal(weights, net->weights, net->parameters * sizeof *weights);
    free(weights);
    Model *clone = model_clone(&net->model, &err);
    Value epochs;
    assert_false(model_is_fitted(clone));
    assert_true(model_get(clone, "epochs", &epochs, &err));
    assert_float_equal(epochs.number[0], 4, 0);
    model_release(clone);
    net_done(net);
}

static void train(Network *net, const Samples *samples, const TrainParams *params) {
    Error err = { 0 };
    TrainHistory *history = network_train(net, samples, params, &err);
    assert_non_null(history);
    free(history);
}

/* A batch that is not full is a batch of its own size. */
static void the_last_batch_counts_its_own_samples(void **state) {
    (void)state;
    static const char net_text[] = "{\"input\":[8],\"layers\":[{\"kind\":\"linear\",\"out\":3}],"
                                   "\"classes\":[2,5,7]}";
    TrainParams params = blob_params();
    Samples five = { points, labels, 5, FEATURES }, three = { points, labels, 3, FEATURES };
    Samples two = { points + 3 * FEATURES, labels + 3, 2, FEATURES };
    const Samples *parts[] = { &three, &two };
    Network *whole = net_of(net_text), *apart = net_of(net_text);
    params.epochs = 1;
    params.batch = 3;
    params.momentum = 0;
    params.shuffle = false;
    train(whole, &five, &params);
    for (int i = 0; i < 2; i++) {
        params.batch = parts[i]->n;
        train(apart, parts[i], &params);
    }
    assert_memory_equal(whole->weights, apart->weights, whole->parameters * sizeof(float));
    net_done(whole);
    net_done(apart);
}

/* Where the one lit pixel of an image was when a linear layer learned from it. */
static size_t shifted_place(uint64_t seed) {
    float image[49] = { [3 * 7 + 3] = 1 }, before[98];
    const int32_t label = 2;
    Samples one = { image, &label, 1, 49 };
    TrainParams params = blob_params();
    Network *net = net_of("{\"input\":[1,7,7],\"layers\":[{\"kind\":\"flatten\"},"
                          "{\"kind\":\"linear\",\"out\":2}],\"classes\":[2,5]}");
    params.epochs = 1;
    params.shift = 2;
    params.seed = seed;
    memcpy(before, net->weights, sizeof before);
    train(net, &one, &params);
    size_t place = 0;
    while (place < 49 && net->weights[place] == before[place])
        place++;
    net_done(net);
    return place;
}

/* All places up to two pixels away in both directions, and no other. */
static void shifts_reach_as_far_as_asked(void **state) {
    (void)state;
    int seen[50] = { 0 };
    for (uint64_t seed = 1; seed <= 400; seed++)
        seen[shifted_place(seed)]++;
    for (size_t place = 0; place < 49; place++) {
        size_t y = place / 7, x = place % 7;
        bool near = y >= 1 && y <= 5 && x >= 1 && x <= 5;
        assert_int_equal(seen[place] > 0, near);
    }
    assert_int_equal(seen[49], 0);
}

/* Training on shifted images moves them and nothing else: an untouched one among its shifts. */
static void shifted_images_train(void **state) {
    (void)state;
    Error err = { 0 };
    TrainParams params = blob_params();
    Array *x = reference("cnn_sgd", "x"), *y0 = reference("cnn_sgd", "y");
    Array *y = array_contiguous("test", y0, DTYPE_I32, &err);
    Samples all = { array_f32(x), array_i32(y), array_length(x), array_row_size(x) };
    Network *net = net_of(SMALL);
    params.shift = 2;
    params.lr = 0.01;
    params.epochs = 2;
    TrainHistory *history = network_train(net, &all, &params, &err);
    assert_non_null(history);
    assert_true(isfinite(history->epoch[1].loss));
    free(history);
    array_free(y);
    array_free(y0);
    array_free(x);
    net_done(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_agrees_with_the_reference),
        cmocka_unit_test(softmax_of_large_and_infinite_scores),
        cmocka_unit_test(cross_entropy_by_hand_and_by_differences),
        cmocka_unit_test(divergence_by_hand_and_by_differences),
        cmocka_unit_test(sgd_by_hand),
        cmocka_unit_test(ten_steps_agree_with_pytorch),
        cmocka_unit_test(training_learns_labels_that_are_no_columns),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(an_interrupt_leaves_a_net),
        cmocka_unit_test(training_that_blows_up_changes_nothing),
        cmocka_unit_test(samples_that_do_not_fit),
        cmocka_unit_test(fit_as_a_model),
        cmocka_unit_test(shifted_images_train),
        cmocka_unit_test(the_last_batch_counts_its_own_samples),
        cmocka_unit_test(shifts_reach_as_far_as_asked),
    };
    return cmocka_run_group_tests(tests, make_blobs, NULL);
}
