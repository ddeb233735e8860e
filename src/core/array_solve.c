#include "core/array_solve.h"

#include "core/array.h"
#include "core/array_create.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/blas.h"
#include "core/fail.h"

#include <cblas.h>
#include <stdlib.h>

/* LAPACK's own names, of which no header comes with OpenBLAS alone. Matrices are column by column:
 * a row-major one is its transpose. Behind the arguments stand the lengths of the strings. */
void dgesv_(const blasint *n, const blasint *columns, double *a, const blasint *lda, blasint *pivot,
            double *b, const blasint *ldb, blasint *info);
void dgesdd_(const char *job, const blasint *m, const blasint *n, double *a, const blasint *lda,
             double *s, double *u, const blasint *ldu, double *vt, const blasint *ldvt,
             double *work, const blasint *work_size, blasint *places, blasint *info, size_t);
void dsyevd_(const char *job, const char *triangle, const blasint *n, double *a, const blasint *lda,
             double *w, double *work, const blasint *work_size, blasint *places,
             const blasint *places_size, blasint *info, size_t, size_t);

/* ---- Common ---------------------------------------------------------------------------------- */

static bool refuse_shape(const char *where, const Array *a, const char *expected, Error *err) {
    char text[128];
    return error_set(err, ERROR_ARGUMENT, "%s: expected %s, got shape %s", where, expected,
                     array_shape_text(a->ndim, a->shape, text));
}

static bool is_square(const Array *a) {
    return a->ndim == 2 && a->shape[0] == a->shape[1];
}

/* A contiguous copy in double that LAPACK may write on; only finite numbers. `turned`: of its
 * transpose. */
static Array *doubles(const char *where, const Array *a, bool turned, Error *err) {
    Array *view = turned ? array_transpose(where, a, NULL, err) : array_view(a, err);
    Array *wide = view ? array_astype(where, view, DTYPE_F64, err) : NULL;
    array_free(view);
    if (!wide || array_check_finite(where, wide, err))
        return wide;
    array_free(wide);
    return NULL;
}

/* In the type that the answer has; `values` is freed. */
static Array *answer(const char *where, Array *values, DType of, Error *err) {
    Array *out =
        values ? array_from_doubles(where, values, result_dtype(RESULT_FLOAT, of), err) : NULL;
    array_free(values);
    return out;
}

/* Working space: so many doubles, then so many integers. */
static double *new_work(const char *where, size_t doubles, size_t integers, Error *err) {
    size_t bytes = (doubles + 1) * sizeof(double) + integers * sizeof(blasint);
    double *work = malloc(bytes);
    if (!work)
        error_memory(err, where, bytes);
    return work;
}

static bool begin(const char *where, Error *err) {
    return blas_begin() || error_memory(err, where, 0);
}

static bool too_large(const char *where, Error *err) {
    return error_set(err, ERROR_ARGUMENT, "%s: the matrix is larger than LAPACK can count", where);
}

/* ---- Equations ------------------------------------------------------------------------------- */

/* *b, columns × n, the right-hand sides as rows, becomes the solutions; a is the transpose. */
static bool solve_in_place(const char *where, Array *a, Array *b, Error *err) {
    size_t size = a->shape[0], count = array_size(b) / (size ? size : 1);
    blasint n = (blasint)size, columns = (blasint)count, info = 0;
    if (size == 0 || count == 0)
        return true;
    if ((size_t)n != size || (size_t)columns != count || n < 0 || columns < 0)
        return too_large(where, err);
    blasint *pivot = malloc(size * sizeof *pivot);
    if (!pivot)
        return error_memory(err, where, size * sizeof *pivot);
    bool ok = begin(where, err);
    if (ok) {
        dgesv_(&n, &columns, array_f64(a), &n, pivot, array_f64(b), &n, &info);
        blas_end();
    }
    free(pivot);
    return ok &&
           (info == 0 || error_set(err, ERROR_ARGUMENT, "%s: the matrix (%zu, %zu) is singular",
                                   where, size, size));
}

static Array *solutions(const char *where, const Array *a, Array *sides, Error *err) {
    Array *matrix = sides ? doubles(where, a, true, err) : NULL;
    bool ok = matrix && solve_in_place(where, matrix, sides, err);
    Array *turned = ok ? array_transpose(where, sides, NULL, err) : NULL;
    Array *out = turned ? array_copy(where, turned, err) : NULL;
    array_free(turned);
    array_free(matrix);
    array_free(sides);
    return out;
}

Array *array_solve(const Array *a, const Array *b, Error *err) {
    char first[128], second[128];
    if (!is_square(a)) {
        refuse_shape("solve", a, "a square matrix", err);
        return NULL;
    }
    if ((b->ndim != 1 && b->ndim != 2) || b->shape[0] != a->shape[0]) {
        error_set(err, ERROR_ARGUMENT, "solve: %s and %s: expected (n, n) and (n,) or (n, m)",
                  array_shape_text(a->ndim, a->shape, first),
                  array_shape_text(b->ndim, b->shape, second));
        return NULL;
    }
    DType dtype = array_common_dtype((const Array *[]){ a, b }, 2);
    return answer("solve", solutions("solve", a, doubles("solve", b, true, err), err), dtype, err);
}

Array *array_inv(const Array *a, Error *err) {
    if (!is_square(a)) {
        refuse_shape("inv", a, "a square matrix", err);
        return NULL;
    }
    Array *unit = array_new2("inv", DTYPE_F64, a->shape[0], a->shape[0], err);
    if (unit)
        array_fill_diagonal(unit, 0);
    return answer("inv", solutions("inv", a, unit, err), a->dtype, err);
}

/* ---- Decompositions -------------------------------------------------------------------------- */

void svd_free(Svd *svd) {
    array_free(svd->u);
    array_free(svd->s);
    array_free(svd->vt);
    *svd = (Svd){ 0 };
}

void eigh_free(Eigh *eigh) {
    array_free(eigh->w);
    array_free(eigh->v);
    *eigh = (Eigh){ 0 };
}

/* A work size that LAPACK told; 0 where it is beyond what its integers count. */
static blasint told_size(double size) {
    return size < 0x1p31 ? (blasint)size : 0;
}

/* Of the transpose column by column, which x row by row is: its u is our vt, its vt our u. */
typedef struct SvdCall {
    const char *job;
    blasint m, n, ldvt, info;
    double *x, *s, *u, *vt;
} SvdCall;

static void call_svd(SvdCall *c, double *work, blasint work_size, blasint *places) {
    dgesdd_(c->job, &c->m, &c->n, c->x, &c->m, c->s, c->u, &c->m, c->vt, &c->ldvt, work, &work_size,
            places, &c->info, 1);
}

static bool decompose(Array *x, bool full, Svd *out, Error *err) {
    size_t k = array_size(out->s);
    SvdCall c = { .job = full ? "A" : "S",
                  .m = (blasint)x->shape[1],
                  .n = (blasint)x->shape[0],
                  .ldvt = (blasint)out->u->shape[1],
                  .x = array_f64(x),
                  .s = array_f64(out->s),
                  .u = array_f64(out->vt),
                  .vt = array_f64(out->u) };
    double told;
    if (x->shape[0] > INT32_MAX || x->shape[1] > INT32_MAX)
        return too_large("svd", err);
    call_svd(&c, &told, -1, &(blasint){ 0 });
    blasint size = told_size(told);
    if (size == 0)
        return too_large("svd", err);
    double *work = new_work("svd", (size_t)size, 8 * k, err);
    bool ok = work && begin("svd", err);
    if (ok) {
        call_svd(&c, work, size, (blasint *)(work + size));
        blas_end();
    }
    free(work);
    return ok && (c.info == 0 ||
                  error_set(err, ERROR_ARGUMENT, "svd: LAPACK's iteration did not converge"));
}

/* Of no rows or columns: nothing, and the identity where all vectors are asked for. */
static bool decompose_nothing(bool full, Svd *out) {
    if (full) {
        array_fill_diagonal(out->u, 0);
        array_fill_diagonal(out->vt, 0);
    }
    return true;
}

bool array_svd(const Array *x, bool full, Svd *out, Error *err) {
    *out = (Svd){ 0 };
    if (x->ndim != 2)
        return refuse_shape("svd", x, "a matrix", err);
    size_t m = x->shape[0], n = x->shape[1], k = m < n ? m : n;
    Array *matrix = doubles("svd", x, false, err);
    bool ok = matrix && (out->u = array_new2("svd", DTYPE_F64, m, full ? m : k, err)) &&
              (out->s = array_new1("svd", DTYPE_F64, k, err)) &&
              (out->vt = array_new2("svd", DTYPE_F64, full ? n : k, n, err)) &&
              (k ? decompose(matrix, full, out, err) : decompose_nothing(full, out));
    array_free(matrix);
    if (ok) {
        out->u = answer("svd", out->u, x->dtype, err);
        out->s = answer("svd", out->s, x->dtype, err);
        out->vt = answer("svd", out->vt, x->dtype, err);
        if (out->u && out->s && out->vt)
            return true;
    }
    svd_free(out);
    return false;
}

/* *w gets the values, x the vectors as rows. */
static bool diagonalise(Array *x, Array *w, Error *err) {
    double told;
    blasint n = (blasint)x->shape[0], most, all = -1, info;
    if (x->shape[0] > INT32_MAX)
        return too_large("eigh", err);
    dsyevd_("V", "L", &n, array_f64(x), &n, array_f64(w), &told, &all, &most, &all, &info, 1, 1);
    blasint size = told_size(told);
    if (size == 0)
        return too_large("eigh", err);
    double *work = new_work("eigh", (size_t)size, (size_t)most, err);
    bool ok = work && begin("eigh", err);
    if (ok) {
        dsyevd_("V", "L", &n, array_f64(x), &n, array_f64(w), work, &size, (blasint *)(work + size),
                &most, &info, 1, 1);
        blas_end();
    }
    free(work);
    return ok && (info == 0 ||
                  error_set(err, ERROR_ARGUMENT, "eigh: LAPACK's iteration did not converge"));
}

static void make_symmetric(Array *x) {
    size_t n = x->shape[0];
    double *a = array_f64(x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            a[i * n + j] = a[j * n + i] = a[i * n + j] / 2 + a[j * n + i] / 2;
}

bool array_eigh(const Array *x, Eigh *out, Error *err) {
    *out = (Eigh){ 0 };
    if (!is_square(x))
        return refuse_shape("eigh", x, "a square matrix", err);
    Array *matrix = doubles("eigh", x, false, err);
    Array *w = matrix ? array_new1("eigh", DTYPE_F64, x->shape[0], err) : NULL;
    if (w)
        make_symmetric(matrix);
    if (w && (x->shape[0] == 0 || diagonalise(matrix, w, err))) {
        Array *turned = array_transpose("eigh", matrix, NULL, err);
        Array *v = turned ? array_copy("eigh", turned, err) : NULL;
        array_free(turned);
        out->v = answer("eigh", v, x->dtype, err);
        out->w = out->v ? answer("eigh", w, x->dtype, err) : NULL;
        w = out->v ? NULL : w;
    }
    array_free(w);
    array_free(matrix);
    if (out->w)
        return true;
    eigh_free(out);
    return false;
}
