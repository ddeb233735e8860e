/* npz.h — NumPy's .npz: a zip archive with one .npy file per array.
 *
 * Reads what numpy.savez and numpy.savez_compressed write; they read what is written here. Stored
 * and deflated entries only; sizes in the archive are checked against what its bytes can hold. */
#ifndef PERIGEE_DATA_NPZ_H
#define PERIGEE_DATA_NPZ_H

#include "data/names.h"
#include "data/npy.h"
#include "data/safetensors.h"

/* Arrays by name (NULL ends them), and one among them that is not read as it is. */
typedef struct NpzWanted {
    const char *names[5];
    const char *other; /* or NULL */
    NpyAs as;
} NpzWanted;

/* The arrays that are wanted (a missing one is an error), or every one that can be read if that is
 * NULL (the entries left out are then keys among the texts of `out`, with the
 * reasons; none read is an error), into `out`, which is overwritten when this succeeds. Messages
 * start with the path. */
bool npz_load(const char *path, const NpzWanted *wanted, Tensors *out, Error *err);

/* The names of an archive's arrays, in its order, into `out`, which is overwritten when this
 * succeeds. */
bool npz_names(const char *path, Names *out, Error *err);

/* The same as npz_load from bytes in memory; `name` is what messages call them. */
bool npz_parse(const char *name, const void *bytes, size_t size, const NpzWanted *wanted,
               Tensors *out, Error *err);

/* Writes beside `path` and renames: the arrays, at least one, in the order of their names, deflated
 * or stored. The same arrays give the same bytes: entries carry no date. */
bool npz_save(const Tensors *tensors, bool deflate, const char *path, Error *err);

#endif
