#include "data/mnist.h"

#include "core/array_values.h"
#include "core/fail.h"
#include "core/file.h"
#include "data/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FOLDERS = 3, SIDE = 28 };

typedef struct Folders {
    char path[MAX_FOLDERS][MNIST_PATH];
    int count;
} Folders;

static void add_folder(Folders *folders, const char *base, const char *rest) {
    if (!base || !*base)
        return;
    int length = snprintf(folders->path[folders->count], MNIST_PATH, "%s%s", base, rest);
    if (length < MNIST_PATH - 64) /* room for a file's name */
        folders->count++;
}

static void list_folders(Folders *folders) {
    const char *xdg = getenv("XDG_DATA_HOME");
    folders->count = 0;
    add_folder(folders, getenv("PERIGEE_DATA"), "/mnist");
    add_folder(folders, "data/mnist", "");
    if (xdg && *xdg)
        add_folder(folders, xdg, "/perigee/mnist");
    else
        add_folder(folders, getenv("HOME"), "/.local/share/perigee/mnist");
}

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

bool mnist_find(MnistPart part, char folder[MNIST_PATH], Error *err) {
    Folders folders;
    char path[MNIST_PATH], searched[800] = "";
    list_folders(&folders);
    for (int i = 0; i < folders.count; i++) {
        if (find_file(folders.path[i], part, true, path) &&
            find_file(folders.path[i], part, false, path)) {
            memcpy(folder, folders.path[i], MNIST_PATH);
            return true;
        }
        size_t used = strlen(searched);
        snprintf(searched + used, sizeof searched - used, "%s%s", i ? ", " : "", folders.path[i]);
    }
    return error_set(err, ERROR_FILE,
                     "MNIST's %s files are not in %s; scripts/get-mnist downloads them",
                     part == MNIST_TRAIN ? "training" : "test", searched);
}

/* What idx_load leaves open: size of the images, range of the labels. */
static bool check_mnist(const Dataset *ds, const char *images, const char *labels, Error *err) {
    char text[128];
    if (ds->sample_ndim != 2 || ds->sample_shape[0] != SIDE || ds->sample_shape[1] != SIDE)
        return error_set(err, ERROR_FILE, "%s: samples of shape %s; MNIST's are (28, 28)", images,
                         array_shape_text(ds->sample_ndim, ds->sample_shape, text));
    for (size_t i = 0; i < dataset_count(ds); i++) {
        int32_t label = array_i32(ds->y)[i];
        if (label < 0 || label > 9)
            return error_set(err, ERROR_FILE, "%s: label %zu is %d, outside 0 to 9", labels, i + 1,
                             label);
    }
    return true;
}

Dataset *mnist_load(MnistPart part, Error *err) {
    char folder[MNIST_PATH], images[MNIST_PATH], labels[MNIST_PATH];
    if (!mnist_find(part, folder, err))
        return NULL;
    if (!find_file(folder, part, true, images) || !find_file(folder, part, false, labels)) {
        error_set(err, ERROR_FILE, "%s: its files vanished", folder);
        return NULL;
    }
    Dataset *ds = idx_load(images, labels, part == MNIST_TRAIN ? "MNIST train" : "MNIST test", err);
    if (ds && !check_mnist(ds, images, labels, err)) {
        dataset_free(ds);
        return NULL;
    }
    return ds;
}
