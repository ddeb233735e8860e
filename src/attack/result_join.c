/* Results of the parts of a set, one behind the other, as one. */
#include "attack/result.h"
#include "core/array.h"
#include "core/array_create.h"
#include "core/array_index.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char where[] = "attack result";

typedef struct Joining {
    const AttackResult *const *part;
    size_t count;
    bool kernels; /* does any of them have kernels? */
} Joining;

/* How many parts have it. */
static size_t having(const Joining *joining, const ResultArray *which) {
    size_t count = 0;
    for (size_t p = 0; p < joining->count; p++)
        count += *result_array(joining->part[p], which) != NULL;
    return count;
}

/* What a part has left out because it was known of none of its samples; no radius was one of any
 * length. */
static Array *left_out(const AttackResult *part, const ResultArray *which, Error *err) {
    const Sizes sizes = result_sizes(part, which);
    Array *made = array_new(where, DTYPE_F64, &sizes, err);
    bool radius = which->offset == offsetof(AttackResult, dmax);
    for (size_t i = 0; made && i < array_size(made); i++)
        array_f64(made)[i] = radius ? INFINITY : NAN;
    return made;
}

static Array *join_array(const Joining *joining, const ResultArray *which, Error *err) {
    Array **each = calloc(joining->count, sizeof *each);
    Array *joined = NULL;
    bool ok = each || error_memory(err, where, joining->count * sizeof *each);
    for (size_t p = 0; ok && p < joining->count; p++) {
        const Array *own = *result_array(joining->part[p], which);
        each[p] = own ? array_share(own, err) : left_out(joining->part[p], which, err);
        ok = each[p] != NULL;
    }
    if (ok)
        joined = array_concatenate((const Array *const *)each, joining->count, 0, err);
    for (size_t p = 0; each && p < joining->count; p++)
        array_free(each[p]);
    free(each);
    return joined;
}

static bool join_arrays(const Joining *joining, const AttackResult *to, Error *err) {
    bool ok = true;
    for (size_t k = 0; ok && k < RESULT_ARRAYS; k++) {
        const ResultArray *which = &result_arrays[k];
        size_t parts = having(joining, which);
        if (parts == joining->count || (parts > 0 && which->dtype == DTYPE_F64))
            ok = (*result_array(to, which) = join_array(joining, which, err)) != NULL;
    }
    return ok;
}

/* Where a search was followed, and kernels are known of samples of other parts: none was known. */
static bool note_no_kernels(Trace *trace, Error *err) {
    size_t count = array_size(trace->gradient_norm);
    if (!(trace->largest_kernel = array_new1(where, DTYPE_F64, count, err)))
        return false;
    for (size_t t = 0; t < count; t++)
        array_f64(trace->largest_kernel)[t] = NAN;
    return true;
}

static bool join_traces(const Joining *joining, const AttackResult *to, Error *err) {
    size_t at = 0;
    bool ok = true;
    for (size_t p = 0; ok && p < joining->count; p++)
        for (size_t i = 0; ok && i < joining->part[p]->n; i++) {
            Trace *trace = &to->trace[at++];
            ok = trace_share(trace, &joining->part[p]->trace[i], err);
            if (ok && joining->kernels && trace->gradient_norm && !trace->largest_kernel)
                ok = note_no_kernels(trace, err);
        }
    return ok;
}

static bool set_params(AttackResult *result, const char *params, Error *err) {
    char *copy = params ? strdup(params) : NULL;
    if (!params)
        return true;
    if (!copy)
        return error_memory(err, where, strlen(params));
    free(result->params);
    result->params = copy;
    return true;
}

AttackResult *result_join(const AttackResult *const *part, size_t count, const char *params,
                          Error *err) {
    Joining joining = { part, count, false };
    ResultSize size = { .features = part[0]->features };
    for (size_t p = 0; p < count; p++) {
        size.n += part[p]->n;
        joining.kernels = joining.kernels || part[p]->kernel_end;
    }
    AttackResult *to = result_header(&part[0]->classes, part[0]->rejects, &size, err);
    if (to && result_copy_words(to, part[0], err) && set_params(to, params, err) &&
        join_arrays(&joining, to, err) && join_traces(&joining, to, err))
        return to;
    result_free(to);
    return NULL;
}
