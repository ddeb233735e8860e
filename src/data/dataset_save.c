#include "data/dataset_save.h"

#include "core/fail.h"
#include "data/csv.h"
#include "data/dataset_npz.h"
#include "data/svmlight.h"

#include <string.h>
#include <strings.h>

typedef bool Save(const Dataset *dataset, const char *path, Error *err);

/* Without a function it is not written. */
static const struct Format {
    const char *ending;
    Save *save;
} formats[] = {
    { ".csv", csv_save },
    { ".svm", svmlight_save },
    { ".svmlight", svmlight_save },
    { ".libsvm", svmlight_save },
    { ".npz", dataset_save_npz },
    { ".npy", NULL },
    { ".tsv", NULL },
    { ".txt", NULL },
    { ".json", NULL },
    { ".arff", NULL },
    { ".xlsx", NULL },
    { ".parquet", NULL },
    { ".mat", NULL },
    { ".h5", NULL },
    { ".hdf5", NULL },
    { ".pkl", NULL },
    { ".pt", NULL },
    { ".safetensors", NULL },
    { ".png", NULL },
    { ".jpg", NULL },
    { ".idx", NULL },
    { ".bin", NULL },
};

bool dataset_save(const Dataset *dataset, const char *path, Error *err) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcasecmp(dot, formats[i].ending) == 0)
            return formats[i].save
                       ? formats[i].save(dataset, path, err)
                       : error_set(
                             err, ERROR_ARGUMENT,
                             "%s: datasets are not written as %s: as .npz, .csv or .svm they are",
                             path, formats[i].ending);
    return dataset_save_npz(dataset, path, err);
}
