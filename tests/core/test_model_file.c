/* model_file.h: models of every kind to a file and back, and files that are not what they say. */
#include "reference.h"
#include "toy_model.h"

#include "files/model_file.h"
#include "reject/layer_model.h"
#include "reject/nr.h"

static char path[64];

static int make_path(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/perigee-test-%ld.safetensors", (long)getpid());
    return 0;
}

static int remove_path(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

/* Save, load, and demand the same bits from both. Takes over the model. */
static void round_trip(Model *model, const char *kind) {
    Array *x = reference_as("small/dnr", "test_x", DTYPE_F32);
    size_t n = 16, columns = model_columns(model);
    assert_ok(model_save(model, path, NULL, &reference_error));
    Model *loaded = model_load(path, &reference_error);
    assert_ok(loaded);
    assert_string_equal(loaded->kind->name, kind);
    assert_int_equal(model_columns(loaded), columns);
    assert_true(labels_equal(&loaded->classes, &model->classes));
    double scores[256], again[256], w[256];
    float gradient[16 * 144], gradient_again[16 * 144];
    for (size_t i = 0; i < 256; i++)
        w[i] = (double)(i % 7) - 3;
    const float *rows = array_f32(x);
    assert_ok(model_scores(model, &(Batch){ rows, n, 144, "scores" }, scores, &reference_error));
    assert_ok(model_scores(loaded, &(Batch){ rows, n, 144, "scores" }, again, &reference_error));
    assert_memory_equal(scores, again, n * columns * sizeof *scores);
    assert_ok(model_gradient(model, &(Batch){ rows, n, 144, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = gradient }, &reference_error));
    assert_ok(model_gradient(loaded, &(Batch){ rows, n, 144, "gradient" },
                             &(GradientRequest){ .w = w, .gradient = gradient_again },
                             &reference_error));
    assert_memory_equal(gradient, gradient_again, sizeof gradient);
    model_release(loaded);
    model_release(model);
    array_free(x);
}

static void test_net(void **state) {
    (void)state;
    round_trip((Model *)small_net("small/dnr"), "net");
}

static void test_dnr(void **state) {
    (void)state;
    round_trip((Model *)small_dnr(true), "dnr");
}

static void test_nr_on_a_layer(void **state) {
    (void)state;
    Network *net = small_net("small/dnr");
    Model *svm = reference_svm("small/nr", "", 0.05, 10);
    LayerModel *layer = layer_model_new(net, "fc2", svm, &reference_error);
    assert_ok(layer);
    Nr *nr = nr_new((Model *)layer, 0.1, &reference_error);
    assert_ok(nr);
    model_release((Model *)layer);
    model_release(svm);
    model_release((Model *)net);
    round_trip((Model *)nr, "nr");
}

/* Not fitted, with a threshold of −inf: hyperparameters come back too. */
static void test_unfitted_dnr(void **state) {
    (void)state;
    Dnr *dnr = small_dnr(false);
    assert_ok(model_set((Model *)dnr, "relu2.C", value_number(0.1), &reference_error));
    cJSON *header = cJSON_Parse("{\"seed\":7}");
    assert_ok(model_save((Model *)dnr, path, header, &reference_error));
    cJSON_Delete(header);
    Model *loaded = model_load(path, &reference_error);
    assert_ok(loaded);
    assert_false(model_is_fitted(loaded));
    assert_true(dnr_threshold((Dnr *)loaded) == -INFINITY);
    Value value;
    assert_ok(model_get(loaded, "relu2.C", &value, &reference_error));
    assert_true(value.number[0] == 0.1);
    model_release(loaded);
    Tensors tensors;
    tensors_init(&tensors);
    assert_ok(tensors_load(&tensors, path, &reference_error));
    const char *text = tensors_text(&tensors, "perigee");
    assert_non_null(strstr(text, "\"threshold\":null"));
    assert_non_null(strstr(text, "\"written_by\":{\"seed\":7}"));
    assert_non_null(tensors_find(&tensors, "net.", "conv1.weight"));
    tensors_clear(&tensors);
    model_release((Model *)dnr);
}

static void test_part_that_cannot_be_saved(void **state) {
    (void)state;
    Model *classifier[3] = { toy_new(), toy_new(), toy_new() };
    Dnr *dnr = small_dnr_of(small_net("small/dnr"), classifier, new_svm(1, 1), -INFINITY);
    unlink(path);
    assert_false(model_save((Model *)dnr, path, NULL, &reference_error));
    assert_string_equal(reference_error.message, "save: relu1: a toy model is not made of numbers "
                                                 "alone and cannot be saved");
    assert_int_not_equal(access(path, F_OK), 0);
    model_release((Model *)dnr);
}

/* Write `text` as the metadata of a file that holds the arrays of the small DNR, and load it. */
static void refuse(const char *text, const char *words) {
    Dnr *dnr = small_dnr(true);
    assert_ok(model_save((Model *)dnr, path, NULL, &reference_error));
    model_release((Model *)dnr);
    Tensors tensors;
    tensors_init(&tensors);
    assert_ok(tensors_load(&tensors, path, &reference_error));
    assert_ok(tensors_set_text(&tensors, "perigee", text, &reference_error));
    assert_ok(tensors_save(&tensors, path, &reference_error));
    tensors_clear(&tensors);
    assert_null(model_load(path, &reference_error));
    assert_int_equal(reference_error.kind, ERROR_FILE);
    assert_memory_equal(reference_error.message, path, strlen(path));
    if (!strstr(reference_error.message, words))
        fail_msg("\"%s\" lacks \"%s\"", reference_error.message, words);
}

static char *saved_text(void) {
    Dnr *dnr = small_dnr(true);
    assert_ok(model_save((Model *)dnr, path, NULL, &reference_error));
    model_release((Model *)dnr);
    Tensors tensors;
    tensors_init(&tensors);
    assert_ok(tensors_load(&tensors, path, &reference_error));
    char *text = strdup(tensors_text(&tensors, "perigee"));
    tensors_clear(&tensors);
    return text;
}

/* The saved metadata with one item of the object at `part` ("" for the whole) replaced. */
static void refuse_with(const char *part, const char *key, const char *json, const char *words) {
    char *text = saved_text();
    cJSON *meta = cJSON_Parse(text);
    free(text);
    cJSON *object = *part ? cJSON_GetObjectItem(meta, part) : meta;
    assert_non_null(object);
    cJSON_DeleteItemFromObject(object, key);
    if (json)
        cJSON_AddItemToObject(object, key, cJSON_Parse(json));
    char *changed = cJSON_PrintUnformatted(meta);
    refuse(changed, words);
    cJSON_free(changed);
    cJSON_Delete(meta);
}

static void test_refuses(void **state) {
    (void)state;
    refuse("{", "not a JSON object");
    refuse("[1]", "not a JSON object");
    refuse("{}", "which kind");
    refuse("{\"kind\":\"oracle\"}", "unknown kind \"oracle\"");
    refuse("{\"kind\":\"dnr\"}", "no list of layers");
    refuse("{\"kind\":\"nr\",\"threshold\":1}", "no part \"model\"");
    refuse("{\"kind\":\"layer\"}", "names no layer");
    refuse_with("", "threshold", "\"low\"", "threshold is not a number");
    refuse_with("", "layers", "[\"relu1\",\"relu2\",\"relu9\"]", "no part \"relu9\"");
    refuse_with("", "layers", "[\"relu1\",\"relu2\"]", "combiner");
    refuse_with("", "layers", "[\"relu1\",\"relu1\",\"relu3\"]", "twice");
    refuse_with("", "layers", "[1,2,3]", "not names");
    refuse_with("", "layers", "[]", "one layer at least");
    refuse_with("", "net", "{\"kind\":\"nr\"}", "net");
    refuse_with("", "combiner", NULL, "no part \"combiner\"");
    refuse_with("classifiers", "relu2", "{\"kind\":\"svm\"}", "relu2");
    refuse_with("combiner", "kernel", "{\"name\":\"rbf\",\"gamma\":-1,\"coef0\":0,\"degree\":3}",
                "the rbf kernel: gamma: expected");
}

static void test_not_a_model(void **state) {
    (void)state;
    unlink(path);
    assert_null(model_load(path, &reference_error));
    assert_non_null(strstr(reference_error.message, path));
    Tensors tensors;
    tensors_init(&tensors);
    assert_ok(tensors_save(&tensors, path, &reference_error));
    tensors_clear(&tensors);
    assert_null(model_load(path, &reference_error));
    assert_non_null(strstr(reference_error.message, "load_weights"));
}

/* A path is one as it stands; a word that is no file is a model of the program's own. */
static void test_names_of_files(void **state) {
    (void)state;
    static const struct {
        const char *name, *folder, *found;
    } cases[] = {
        { "/nowhere/net", "lua", "/nowhere/net" },
        { "Makefile", "lua", "Makefile" },
        { "mnist-cnn", "lua", "lua/perigee/models/mnist-cnn.safetensors" },
        { "mnist-cnn-shifted", "lua", "lua/perigee/models/mnist-cnn-shifted.safetensors" },
        { "mnist-cnn", NULL, NULL },
        { "mnist-cnm", "lua", NULL },
    };
    char found[MODEL_PATH];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool there = model_find(cases[i].name, cases[i].folder, found, &reference_error);
        assert_true(there == (cases[i].found != NULL));
        if (there)
            assert_string_equal(found, cases[i].found);
    }
    assert_string_equal(reference_error.message,
                        "mnist-cnm: no such file, and no shipped model of that name "
                        "(lua/perigee/models/mnist-cnm.safetensors)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_files),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_dnr),
        cmocka_unit_test(test_nr_on_a_layer),
        cmocka_unit_test(test_unfitted_dnr),
        cmocka_unit_test(test_part_that_cannot_be_saved),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_not_a_model),
    };
    return cmocka_run_group_tests_name("model_file", tests, make_path, remove_path);
}
