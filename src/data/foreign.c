#include "data/foreign.h"

#include "core/fail.h"
#include "core/source.h"

#include <string.h>

enum { LOOK = 1024 };

/* A file's kind; the bytes by which it is known, at a place; what to do. */
typedef struct Foreign {
    const char *what, *magic;
    size_t length, at;
    const char *recipe;
} Foreign;

#define MAGIC(text) (text), sizeof(text) - 1

static const char through_npz[] =
    "a line of Python brings it here, as the help of data.npz has it: ";

static const char pickle[] =
    "d = pickle.load(open(\"in.pkl\", \"rb\"), encoding=\"latin1\"); numpy.savez(\"out.npz\", "
    "x=d[\"data\"], y=d[\"labels\"]), if you trust who made it: loading one runs its code";

/* The first that fits counts: MATLAB's newer files are HDF5 behind a text. */
static const Foreign table[] = {
    { "an HDF5 file of MATLAB 7.3", MAGIC("MATLAB 7.3 MAT-file"), 0,
      "f = h5py.File(\"in.mat\"); numpy.savez(\"out.npz\", x=f[\"x\"][()].T, y=f[\"y\"][()].T)" },
    { "a MATLAB file", MAGIC("MATLAB 5.0 MAT-file"), 0,
      "m = scipy.io.loadmat(\"in.mat\"); numpy.savez(\"out.npz\", x=m[\"x\"], y=m[\"y\"])" },
    { "an HDF5 file", MAGIC("\x89HDF\r\n\x1a\n"), 0,
      "f = h5py.File(\"in.h5\"); numpy.savez(\"out.npz\", x=f[\"x\"][()], y=f[\"y\"][()])" },
    { "an HDF5 file", MAGIC("\x89HDF\r\n\x1a\n"), 512,
      "f = h5py.File(\"in.h5\"); numpy.savez(\"out.npz\", x=f[\"x\"][()], y=f[\"y\"][()])" },
    { "a Parquet file", MAGIC("PAR1"), 0,
      "pandas.read_parquet(\"in.parquet\").to_csv(\"out.csv\", index=False), for data.csv" },
    { "an Arrow or Feather file", MAGIC("ARROW1"), 0,
      "pandas.read_feather(\"in.feather\").to_csv(\"out.csv\", index=False), for data.csv" },
    { "a pickle of Python", MAGIC("\x80\x02"), 0, pickle },
    { "a pickle of Python", MAGIC("\x80\x03"), 0, pickle },
    { "a pickle of Python", MAGIC("\x80\x04"), 0, pickle },
    { "a pickle of Python", MAGIC("\x80\x05"), 0, pickle },
    { "a NetCDF file", MAGIC("CDF\x01"), 0,
      "f = scipy.io.netcdf_file(\"in.nc\"); numpy.savez(\"out.npz\", x=f.variables[\"x\"][:], "
      "y=f.variables[\"y\"][:])" },
};

/* Files that another function reads. */
static const Foreign ours[] = {
    { "a single array of NumPy", MAGIC("\x93NUMPY"), 0,
      "data.npy reads it, and data.new { x =, y = } makes a dataset of two" },
    { "a PNG picture", MAGIC("\x89PNG\r\n\x1a\n"), 0,
      "data.images reads folders of them, a subfolder for each class" },
    { "a JPEG picture", MAGIC("\xff\xd8\xff"), 0,
      "data.images reads folders of them, a subfolder for each class" },
    { "a gzip file", MAGIC("\x1f\x8b\x08"), 0, "gzip -d unpacks it" },
    { "a zip archive", MAGIC("PK\x03\x04"), 0, "data.npz reads it if NumPy wrote it" },
};

static bool fits(const Foreign *kind, const unsigned char *start, size_t size) {
    return size >= kind->at + kind->length &&
           memcmp(start + kind->at, kind->magic, kind->length) == 0;
}

bool foreign_refuse(const char *name, const void *start, size_t size, Error *err) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (fits(&table[i], start, size)) {
            error_set(err, ERROR_FILE, "%s: %s, which is not read here: %s%s", name, table[i].what,
                      through_npz, table[i].recipe);
            return true;
        }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (fits(&ours[i], start, size)) {
            error_set(err, ERROR_FILE, "%s: %s: %s", name, ours[i].what, ours[i].recipe);
            return true;
        }
    return false;
}

bool foreign_refuse_file(const char *path, const char *but, Error *err) {
    unsigned char start[LOOK] = { 0 };
    Source source;
    if (!source_open(&source, path, NULL))
        return false;
    size_t size = source.size < LOOK ? source.size : LOOK;
    bool read = source_read(&source, start, size, NULL);
    source_close(&source);
    return read && memcmp(start, but, strlen(but)) != 0 && foreign_refuse(path, start, size, err);
}
