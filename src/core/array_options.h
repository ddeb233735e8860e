/* array_options.h — the options of functions of arrays, a table of fields for each family of them.
 *
 * One struct holds them all; a function reads those of its family's table. */
#ifndef PERIGEE_CORE_ARRAY_OPTIONS_H
#define PERIGEE_CORE_ARRAY_OPTIONS_H

#include "core/fields.h"
#include "core/types.h"

typedef struct ArrayOptions {
    int dtype; /* a word's place; −1 where none is told */
    int diagonal;
    uint64_t seed;
    double parameter[2]; /* of a distribution */
    double ddof, ord, rtol, atol;
    bool keepdims, descending, equal_nan, full_matrices;
    size_t kernel[2], stride[2], padding[2]; /* 0: not told */
} ArrayOptions;

extern const ArrayOptions array_options_initial;

extern const Field array_create_fields[]; /* dtype */
extern const Field array_eye_fields[];    /* dtype, k */
extern const Field array_seed_fields[];
extern const Field array_uniform_fields[], array_normal_fields[];
extern const Field array_sort_fields[];
extern const Field array_reduce_fields[]; /* keepdims; with ddof, with ord */
extern const Field array_deviation_fields[], array_norm_fields[];
extern const Field array_closeness_fields[];
extern const Field array_diag_fields[]; /* k */
extern const Field array_conv_fields[], array_pool_fields[];
extern const Field array_svd_fields[];

/* The type that is told, or the fallback. */
DType array_options_dtype(const ArrayOptions *options, DType fallback);

#endif
