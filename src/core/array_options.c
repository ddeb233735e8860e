#include "core/array_options.h"

#include <math.h>

const ArrayOptions array_options_initial = {
    .dtype = -1, .parameter = { 0, 1 }, .ord = 2, .rtol = 1e-5, .atol = 1e-8
};

/* In DType's order, each type under two names. */
static const char *const dtype_words[] = { "f32",     "f64",   "i32",   "u8", "float32",
                                           "float64", "int32", "uint8", NULL };

DType array_options_dtype(const ArrayOptions *options, DType fallback) {
    return options->dtype < 0 ? fallback : (DType)(options->dtype % DTYPE_COUNT);
}

#define AT(field) offsetof(ArrayOptions, field)

/* clang-format off */
#define DTYPE(what)                                                                                \
    { "dtype", FIELD_WORD, AT(dtype), .words = dtype_words, .initial = "\"f32\"",                  \
      .meaning = what }
#define SEED                                                                                       \
    { "seed", FIELD_SEED, AT(seed), .initial = "the session's",                                    \
      .meaning = "makes the call repeatable" }
#define KEEPDIMS                                                                                   \
    { "keepdims", FIELD_BOOLEAN, AT(keepdims), .meaning = "reduced axes stay, with size 1" }
#define END { .name = NULL }

const Field array_create_fields[] = { DTYPE("the type"), END };

#define DIAGONAL                                                                                   \
    { "k", FIELD_INTEGER, AT(diagonal), .low = -INT32_MAX, .high = INT32_MAX,                      \
      .meaning = "which diagonal: above the main one where positive" }
const Field array_eye_fields[] = { DTYPE("the type"), DIAGONAL, END };
const Field array_diag_fields[] = { DIAGONAL, END };

const Field array_seed_fields[] = { SEED, END };

const Field array_uniform_fields[] = {
    { "low", FIELD_NUMBER, AT(parameter[0]), .meaning = "the least" },
    { "high", FIELD_NUMBER, AT(parameter[1]), .meaning = "the bound above" },
    SEED, DTYPE("the type, f32 or f64"), END,
};

const Field array_normal_fields[] = {
    { "mean", FIELD_NUMBER, AT(parameter[0]), .meaning = "the mean" },
    { "std", FIELD_NUMBER, AT(parameter[1]), .high = INFINITY,
      .meaning = "the standard deviation" },
    SEED, DTYPE("the type, f32 or f64"), END,
};

const Field array_sort_fields[] = {
    { "descending", FIELD_BOOLEAN, AT(descending),
      .meaning = "from the greatest; NaN stays last" },
    END,
};

const Field array_reduce_fields[] = { KEEPDIMS, END };

const Field array_deviation_fields[] = {
    KEEPDIMS,
    { "ddof", FIELD_NUMBER, AT(ddof), .high = INFINITY,
      .meaning = "the sum of squares is divided by n − ddof" },
    END,
};

const Field array_norm_fields[] = {
    KEEPDIMS,
    { "ord", FIELD_NUMBER, AT(ord), .meaning = "1, 2 or math.huge: Σ|x|, √Σx² or max|x|" },
    END,
};

const Field array_closeness_fields[] = {
    { "rtol", FIELD_NUMBER, AT(rtol), .high = INFINITY, .meaning = "relative tolerance" },
    { "atol", FIELD_NUMBER, AT(atol), .high = INFINITY, .meaning = "absolute tolerance" },
    { "equal_nan", FIELD_BOOLEAN, AT(equal_nan), .meaning = "whether NaN is close to NaN" },
    END,
};

#define LARGEST 0x1p20 /* sizes beyond this are mistakes */
const Field array_conv_fields[] = {
    { "stride", FIELD_PAIR, AT(stride), 1, LARGEST, .initial = "1",
      .meaning = "pixels from one place to the next" },
    { "padding", FIELD_PAIR, AT(padding), 0, LARGEST, .initial = "0",
      .meaning = "zeros added on every side" },
    END,
};

const Field array_pool_fields[] = {
    { "kernel", FIELD_PAIR, AT(kernel), 1, LARGEST, .required = true,
      .meaning = "the window's size, or { height, width }" },
    { "stride", FIELD_PAIR, AT(stride), 1, LARGEST, .initial = "the kernel",
      .meaning = "pixels from one window to the next" },
    END,
};

const Field array_svd_fields[] = {
    { "full_matrices", FIELD_BOOLEAN, AT(full_matrices),
      .meaning = "all m and n vectors, not the first min(m, n) alone" },
    END,
};
/* clang-format on */
