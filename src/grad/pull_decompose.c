/* pull_decompose.c — the way back through linear equations and decompositions (Giles, "An extended
 * collection of matrix derivative results", 2008; Townsend, "Differentiating the singular value
 * decomposition", 2016). Everything in double. */
#include "core/array.h"
#include "core/array_linalg.h"
#include "core/array_math.h"
#include "core/array_shape.h"
#include "core/array_solve.h"
#include "core/fail.h"
#include "grad/operations.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* ---- Matrices -------------------------------------------------------------------------------- */

/* A factor of a product, transposed or not; it is freed where `taken`. NULL stays NULL. */
typedef struct Factor {
    const Array *matrix;
    bool turned, taken;
} Factor;

static Factor plain(const Array *matrix) {
    return (Factor){ matrix, false, false };
}

static Factor turned(const Array *matrix) {
    return (Factor){ matrix, true, false };
}

static Factor taken(Array *matrix) {
    return (Factor){ matrix, false, true };
}

static Array *product(Factor a, Factor b, Error *err) {
    Array *made = NULL;
    if (a.matrix && b.matrix) {
        Array *x =
            a.turned ? array_transpose("grad", a.matrix, NULL, err) : array_share(a.matrix, err);
        Array *y = !x         ? NULL
                   : b.turned ? array_transpose("grad", b.matrix, NULL, err)
                              : array_share(b.matrix, err);
        made = y ? array_matmul(x, y, err) : NULL;
        array_free(x);
        array_free(y);
    }
    if (a.taken)
        array_free((Array *)a.matrix);
    if (b.taken)
        array_free((Array *)b.matrix);
    return made;
}

static Array *combined(const char *op, Array *a, Array *b, Error *err) {
    Array *made = a && b ? array_binary(op, a, b, err) : NULL;
    array_free(a);
    array_free(b);
    return made;
}

static Array *negative(Array *a, Error *err) {
    Array *made = a ? array_unary("neg", a, err) : NULL;
    array_free(a);
    return made;
}

/* ---- Equations ------------------------------------------------------------------------------- */

/* y = a⁻¹b: db = a⁻ᵀ dy, da = −db yᵀ. */
static Array *side_share(const Pull *pull, Error *err) {
    Array *back = array_transpose("grad", pull_x(pull, 0), NULL, err);
    Array *db = back ? array_solve(back, pull->dy, err) : NULL;
    array_free(back);
    return db;
}

bool pull_solve(const Pull *pull, Error *err) {
    Array *db = side_share(pull, err);
    if (pull->k == 1 || !db)
        return pull_give(pull, db, err);
    bool vector = db->ndim == 1;
    Array *da =
        vector ? array_outer(db, pull_y(pull), err) : product(plain(db), turned(pull_y(pull)), err);
    array_free(db);
    return pull_give(pull, negative(da, err), err);
}

/* y = a⁻¹: da = −yᵀ dy yᵀ. */
bool pull_inv(const Pull *pull, Error *err) {
    const Array *y = pull_y(pull);
    Array *half = product(turned(y), plain(pull->dy), err);
    return pull_give(pull, negative(product(taken(half), turned(y), err), err), err);
}

/* ---- Decompositions -------------------------------------------------------------------------- */

/* A result or its gradient in double; of no gradient NULL, which is no failure. */
static bool read(const Array *a, Array **out, Error *err) {
    *out = a ? array_contiguous("grad", a, DTYPE_F64, err) : NULL;
    return *out || !a;
}

/* Values so near that their vectors are any two of a plane. */
static bool are_equal(double a, double b, DType dtype) {
    double epsilon = dtype == DTYPE_F32 ? FLT_EPSILON : DBL_EPSILON;
    return fabs(a - b) <= 4 * epsilon * fmax(fabs(a), fabs(b));
}

static bool check_distinct(const Array *values, DType dtype, const char *what, Error *err) {
    const double *v = array_f64(values);
    for (size_t i = 0; i + 1 < values->shape[0]; i++)
        if (are_equal(v[i], v[i + 1], dtype))
            return error_set(err, ERROR_ARGUMENT,
                             "two %s are equal (%g), so that their vectors have no gradient", what,
                             v[i]);
    return true;
}

/* m[i][j] becomes m[i][j] / (v_j^p − v_i^p) off the diagonal, and 0 on it. `odd`: of m − mᵀ. */
static Array *by_gaps(Array *m, const Array *values, int power, bool odd, Error *err) {
    Array *made = m ? array_copy("grad", m, err) : NULL;
    size_t n = made ? made->shape[0] : 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double a = array_f64(values)[i], b = array_f64(values)[j];
            double gap = power == 1 ? b - a : (b - a) * (b + a);
            double x = array_f64(m)[i * n + j] - (odd ? array_f64(m)[j * n + i] : 0);
            array_f64(made)[i * n + j] = i == j ? 0 : x / gap;
        }
    array_free(m);
    return made;
}

static void add_to_diagonal(Array *m, const Array *values) {
    size_t n = m->shape[0];
    for (size_t i = 0; i < n; i++)
        array_f64(m)[i * n + i] += array_f64(values)[i];
}

/* w, v = eigh(x): v (diag(dw) + (vᵀ dv) by the gaps) vᵀ, of which eigh sees the symmetric part. */
static Array *eigh_share(const Pull *pull, Array *const w_v[2], Array *const slope[2], Error *err) {
    const Array *w = w_v[0], *v = w_v[1];
    if (slope[1] && !check_distinct(w, pull_input(pull)->form.dtype, "eigenvalues", err))
        return NULL;
    size_t n = w->shape[0];
    Array *inner = slope[1] ? by_gaps(product(turned(v), plain(slope[1]), err), w, 1, false, err)
                            : array_new2("grad", DTYPE_F64, n, n, err);
    if (inner && slope[0])
        add_to_diagonal(inner, slope[0]);
    Array *dx = product(taken(product(plain(v), taken(inner), err)), turned(v), err);
    const double half = 0.5;
    const Array number = { .dtype = DTYPE_F64, .origin = ORIGIN_FLOATS, .data = (void *)&half };
    Array *back = dx ? array_transpose("grad", dx, NULL, err) : NULL;
    Array *sum = combined("add", dx, back, err);
    Array *made = sum ? array_binary("mul", sum, &number, err) : NULL;
    array_free(sum);
    return made;
}

/* The results and their gradients of a node with `count` of them. */
static bool read_all(const Pull *pull, size_t count, Array **value, Array **slope, Error *err) {
    bool ok = true;
    for (size_t o = 0; o < count; o++) {
        const NodeOutput *output = &pull->node->output[o];
        value[o] = slope[o] = NULL;
        assert(output->value);
        ok = ok && read(output->value, &value[o], err) && read(output->gradient, &slope[o], err);
    }
    return ok;
}

static void free_all(size_t count, Array **value, Array **slope) {
    for (size_t o = 0; o < count; o++) {
        array_free(value[o]);
        array_free(slope[o]);
    }
}

bool pull_eigh(const Pull *pull, Error *err) {
    Array *value[2], *slope[2];
    bool ok = read_all(pull, 2, value, slope, err);
    Array *dx = ok ? eigh_share(pull, value, slope, err) : NULL;
    free_all(2, value, slope);
    return pull_give(pull, dx, err);
}

/* m with row i, or column i, times what values[i] are, or divided by it. */
static Array *scaled(Array *m, const Array *values, bool rows, bool divide) {
    for (size_t i = 0; m && i < m->shape[0]; i++)
        for (size_t j = 0; j < m->shape[1]; j++) {
            double s = array_f64(values)[rows ? i : j];
            double *x = array_f64(m) + i * m->shape[1] + j;
            *x = divide ? *x / s : *x * s;
        }
    return m;
}

typedef struct SvdPull {
    Array *value[3], *slope[3]; /* u, s, vt */
} SvdPull;

/* (uᵀ du) by the gaps, its columns times s, or what dvt adds to it; either may be nothing. */
static Array *inner_of(const SvdPull *p, Error *err) {
    const Array *u = p->value[0], *s = p->value[1], *vt = p->value[2];
    size_t k = s->shape[0];
    Array *inner = array_new2("grad", DTYPE_F64, k, k, err);
    if (inner && p->slope[1])
        add_to_diagonal(inner, p->slope[1]);
    if (p->slope[0]) {
        Array *m = by_gaps(product(turned(u), plain(p->slope[0]), err), s, 2, true, err);
        inner = combined("add", inner, scaled(m, s, false, false), err);
    }
    if (p->slope[2]) {
        Array *m = by_gaps(product(plain(vt), turned(p->slope[2]), err), s, 2, true, err);
        inner = combined("add", inner, scaled(m, s, true, false), err);
    }
    return inner;
}

/* What moves the vectors out of their space: (1 − u uᵀ) du s⁻¹ vt, u s⁻¹ dvt (1 − vtᵀ vt). */
static Array *outside_of(const SvdPull *p, Array *dx, Error *err) {
    const Array *u = p->value[0], *s = p->value[1], *vt = p->value[2];
    if (p->slope[0] && u->shape[0] > u->shape[1]) {
        Array *within = product(plain(u), taken(product(turned(u), plain(p->slope[0]), err)), err);
        Array *out = combined("sub", array_share(p->slope[0], err), within, err);
        out = scaled(out, s, false, true);
        dx = combined("add", dx, product(taken(out), plain(vt), err), err);
    }
    if (p->slope[2] && vt->shape[1] > vt->shape[0]) {
        Array *within =
            product(taken(product(plain(p->slope[2]), turned(vt), err)), plain(vt), err);
        Array *out = combined("sub", array_share(p->slope[2], err), within, err);
        out = scaled(out, s, true, true);
        dx = combined("add", dx, product(plain(u), taken(out), err), err);
    }
    return dx;
}

static bool check_vectors(const Pull *pull, const SvdPull *p, Error *err) {
    const Array *s = p->value[1];
    size_t k = s->shape[0];
    if (!p->slope[0] && !p->slope[2])
        return true;
    if (*(const bool *)pull->node->attributes)
        return error_set(err, ERROR_ARGUMENT,
                         "with full_matrices the values have a gradient, the vectors have none");
    if (!check_distinct(s, pull_input(pull)->form.dtype, "singular values", err))
        return false;
    return k == 0 || array_f64(s)[k - 1] > 0 ||
           error_set(err, ERROR_ARGUMENT,
                     "a singular value is 0, so that its vectors have no gradient");
}

/* The first k columns of u, rows of vt: all but with full_matrices. */
static bool drop_others(SvdPull *p, Error *err) {
    size_t k = p->value[1]->shape[0];
    Array *u = p->value[0], *vt = p->value[2];
    Array *left = array_slice(
        u, (Slice[]){ { .count = u->shape[0], .step = 1 }, { .count = k, .step = 1 } }, err);
    Array *right = left ? array_rows(vt, 0, k, err) : NULL;
    if (!right) {
        array_free(left);
        return false;
    }
    array_free(u);
    array_free(vt);
    p->value[0] = left;
    p->value[2] = right;
    return true;
}

bool pull_svd(const Pull *pull, Error *err) {
    SvdPull p;
    bool ok = read_all(pull, 3, p.value, p.slope, err) && check_vectors(pull, &p, err) &&
              drop_others(&p, err);
    Array *inner = ok ? inner_of(&p, err) : NULL;
    Array *half = product(plain(p.value[0]), taken(inner), err);
    Array *dx = product(taken(half), plain(p.value[2]), err);
    dx = dx ? outside_of(&p, dx, err) : NULL;
    free_all(3, p.value, p.slope);
    return pull_give(pull, dx, err);
}
