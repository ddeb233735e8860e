#include "svm/decision.h"

#include "core/array.h"
#include "core/fail.h"

#include <stdlib.h>

size_t decision_vectors(const Decision *decision) {
    return decision->sv ? array_length(decision->sv) : 0;
}

size_t decision_functions(const Decision *decision) {
    return decision->alpha->shape[0];
}

size_t decision_features(const Decision *decision) {
    return decision->sv->shape[1];
}

static bool check_shapes(const char *where, const DecisionParts *parts, Error *err) {
    const Array *sv = parts->sv, *alpha = parts->alpha, *b = parts->b;
    char sv_text[128], alpha_text[128], b_text[128];
    if (sv->ndim == 2 && alpha->ndim == 2 && b->ndim == 1 && alpha->shape[1] == sv->shape[0] &&
        alpha->shape[0] == b->shape[0] && array_size(sv) > 0 && array_size(b) > 0)
        return true;
    return error_set(err, ERROR_ARGUMENT,
                     "%s: sv %s, alpha %s and b %s do not agree: expected (m, features), "
                     "(classes, m) and (classes,), none of them empty",
                     where, array_shape_text(sv->ndim, sv->shape, sv_text),
                     array_shape_text(alpha->ndim, alpha->shape, alpha_text),
                     array_shape_text(b->ndim, b->shape, b_text));
}

bool decision_init(Decision *decision, const char *where, const DecisionParts *parts, Error *err) {
    if (!kernel_check(where, parts->kernel, err) || !check_shapes(where, parts, err))
        return false;
    Decision made = { .sv = NULL };
    kernel_assign(&made.kernel, parts->kernel);
    made.sv = array_contiguous(where, parts->sv, DTYPE_F32, err);
    made.alpha = made.sv ? array_contiguous(where, parts->alpha, DTYPE_F64, err) : NULL;
    made.b = made.alpha ? array_contiguous(where, parts->b, DTYPE_F64, err) : NULL;
    made.rows = made.b ? calloc(1, sizeof *made.rows) : NULL;
    if (made.rows) {
        *decision = made;
        return true;
    }
    if (made.b)
        error_memory(err, where, sizeof *made.rows);
    decision_clear(&made);
    return false;
}

void decision_clear(Decision *decision) {
    if (decision->rows)
        kernel_rows_clear(decision->rows);
    free(decision->rows);
    array_free(decision->sv);
    array_free(decision->alpha);
    array_free(decision->b);
    kernel_release(&decision->kernel);
    *decision = (Decision){ 0 };
}
