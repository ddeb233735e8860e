#include "data/mnist.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/file.h"
#include "data/dataset_bytes.h"
#include "data/idx.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 28, CLASSES = 10 };

static const char *const clothes[CLASSES] = { "T-shirt/top", "Trouser",   "Pullover", "Dress",
                                              "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                              "Bag",         "Ankle boot" };
static const char *const kana[CLASSES] = { "o",  "ki", "su", "tsu", "na",
                                           "ha", "ma", "ya", "re",  "wo" };

const IdxSet idx_mnist = { "MNIST", "mnist", "scripts/get-mnist", NULL };
const IdxSet idx_fashion_mnist = { "Fashion-MNIST", "fashion-mnist",
                                   "scripts/get-data fashion-mnist", clothes };
const IdxSet idx_kmnist = { "KMNIST", "kmnist", "scripts/get-data kmnist", kana };

/* "train-images-idx3-ubyte" under one of its four names. */
static bool find_file(const char *folder, MnistPart part, bool images, char path[MNIST_PATH]) {
    static const char *const endings[] = { "", ".gz" };
    for (int dot = 0; dot < 2; dot++)
        for (int packed = 0; packed < 2; packed++) {
            int length =
                snprintf(path, MNIST_PATH, "%s/%s-%s%cidx%c-ubyte%s", folder,
                         part == MNIST_TRAIN ? "train" : "t10k", images ? "images" : "labels",
                         dot ? '.' : '-', images ? '3' : '1', endings[packed]);
            if (length < MNIST_PATH && file_is_readable(path))
                return true;
        }
    return false;
}

static bool has_part(const char *folder, const void *part) {
    char path[MNIST_PATH];
    return find_file(folder, *(const MnistPart *)part, true, path) &&
           find_file(folder, *(const MnistPart *)part, false, path);
}

bool idx_set_find(const IdxSet *set, MnistPart part, char folder[MNIST_PATH], Error *err) {
    char searched[DATA_SEARCHED];
    return data_folder_find(set->folder, has_part, &part, folder, searched) ||
           error_set(err, ERROR_FILE, "%s's %s files are not in %s; %s downloads them", set->name,
                     part == MNIST_TRAIN ? "training" : "test", searched, set->script);
}

/* What idx_load leaves open: size of the images, range of the labels. */
static bool check_set(const IdxSet *set, const Dataset *ds, const char *images, const char *labels,
                      Error *err) {
    char text[128];
    if (ds->sample_ndim != 2 || ds->sample_shape[0] != SIDE || ds->sample_shape[1] != SIDE)
        return error_set(err, ERROR_FILE, "%s: samples of shape %s; %s's are (28, 28)", images,
                         array_shape_text(ds->sample_ndim, ds->sample_shape, text), set->name);
    for (size_t i = 0; i < dataset_count(ds); i++) {
        int32_t label = array_i32(ds->y)[i];
        if (label < 0 || label >= CLASSES)
            return error_set(err, ERROR_FILE, "%s: label %zu is %d, outside 0 to 9", labels, i + 1,
                             label);
    }
    return true;
}

static bool name_classes(const IdxSet *set, ClassNames *out, Error *err) {
    bool ok = true;
    *out = (ClassNames){ 0 };
    for (int c = 0; ok && set->classes && c < CLASSES; c++)
        ok = names_add(&out->names, set->classes[c], strlen(set->classes[c]), err);
    return ok;
}

const Field idx_set_fields[] = {
    STORE_FIELD(offsetof(IdxSetOptions, store)),
    { .name = NULL },
};

Dataset *idx_set_load(const IdxSet *set, const IdxSetOptions *options, ClassNames *classes,
                      Error *err) {
    MnistPart part = options->part;
    char folder[MNIST_PATH], images[MNIST_PATH], labels[MNIST_PATH], source[64];
    if (classes && !name_classes(set, classes, err))
        return NULL;
    if (!idx_set_find(set, part, folder, err))
        return NULL;
    if (!find_file(folder, part, true, images) || !find_file(folder, part, false, labels)) {
        error_set(err, ERROR_FILE, "%s: its files vanished", folder);
        return NULL;
    }
    snprintf(source, sizeof source, "%s %s", set->name, part == MNIST_TRAIN ? "train" : "test");
    Dataset *ds =
        idx_load(images, labels, &(IdxOptions){ .store = options->store, .source = source }, err);
    if (ds && !check_set(set, ds, images, labels, err)) {
        dataset_free(ds);
        return NULL;
    }
    return ds;
}

bool mnist_find(MnistPart part, char folder[MNIST_PATH], Error *err) {
    return idx_set_find(&idx_mnist, part, folder, err);
}

Dataset *mnist_load(MnistPart part, Error *err) {
    return idx_set_load(&idx_mnist, &(IdxSetOptions){ .part = part }, NULL, err);
}
