#include "svm/own_kernel.h"

#include "core/context.h"
#include "core/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS = KERNEL_OWN + 3 };

typedef struct OwnKernel {
    KernelKind kind;
    Kernel initial;
    Field field[PARAMETERS + 1];
    char *names; /* what the kind's and the fields' names point into */
    bool is_named;
    size_t refs;
    struct OwnKernel *older; /* in the session's list */
} OwnKernel;

/* ---- The session's --------------------------------------------------------------------------- */

static OwnKernel **newest(void) {
    static const ContextSlot slot = { .size = sizeof(OwnKernel *) };
    return context_slot(&slot);
}

const KernelKind *own_kernel_find(const char *name) {
    const KernelKind *built_in = kernel_find(name);
    if (built_in)
        return built_in;
    for (OwnKernel *own = *newest(); own; own = own->older)
        if (own->is_named && strcmp(own->kind.name, name) == 0)
            return &own->kind;
    return NULL;
}

static void forget(const OwnKernel *own) {
    OwnKernel **at = newest();
    while (*at && *at != own)
        at = &(*at)->older;
    if (*at)
        *at = own->older;
}

bool own_kernel_is_named(const KernelKind *kind) {
    return ((const OwnKernel *)kind)->is_named;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void count(const KernelKind *kind, int change) {
    OwnKernel *own = (OwnKernel *)kind;
    own->refs += (size_t)change;
    if (own->refs > 0)
        return;
    forget(own);
    own->kind.calls->release(own->kind.context);
    free(own->names);
    free(own);
}

static bool check_parts(const OwnKernelParts *parts, Error *err) {
    if (parts->name && kernel_find(parts->name))
        return error_set(err, ERROR_ARGUMENT, "svm.kernel: name: \"%s\" is a built-in kernel's",
                         parts->name);
    return parts->parameters <= KERNEL_OWN ||
           error_set(err, ERROR_ARGUMENT, "svm.kernel: expected at most %d parameters, got %zu",
                     KERNEL_OWN, parts->parameters);
}

/* The next of the kernel's own places, or the one that all kernels have under that name. */
static size_t place_of(const char *name, size_t *own) {
    if (strcmp(name, "gamma") == 0)
        return offsetof(Kernel, gamma);
    if (strcmp(name, "coef0") == 0)
        return offsetof(Kernel, coef0);
    if (strcmp(name, "degree") == 0)
        return offsetof(Kernel, degree);
    return offsetof(Kernel, own) + (*own)++ * sizeof(double);
}

/* A copy of the word behind those before it. */
static const char *keep_name(char **next, const char *name) {
    char *kept = *next;
    size_t size = strlen(name) + 1;
    memcpy(kept, name, size);
    *next += size;
    return kept;
}

static void fill(OwnKernel *own, const OwnKernelParts *parts) {
    char *next = own->names;
    size_t used = 0;
    own->kind = (KernelKind){ .name = keep_name(&next, parts->name ? parts->name : "lua"),
                              .base = BASE_OWN,
                              .calls = parts->calls,
                              .context = parts->context,
                              .count = count,
                              .fields = { own->field, &own->initial } };
    own->initial.kind = &own->kind;
    for (size_t i = 0; i < parts->parameters; i++) {
        Field field = { .name = keep_name(&next, parts->parameter[i].name),
                        .kind = FIELD_NUMBER,
                        .offset = place_of(parts->parameter[i].name, &used),
                        .low = -INFINITY,
                        .high = INFINITY,
                        .open = FIELD_ABOVE_LOW | FIELD_BELOW_HIGH,
                        .meaning = "a parameter of its own" };
        own->field[i] = field;
        *(double *)((char *)&own->initial + field.offset) = parts->parameter[i].value;
    }
}

const KernelKind *own_kernel_new(const OwnKernelParts *parts, Error *err) {
    size_t bytes = (parts->name ? strlen(parts->name) : 0) + sizeof "lua";
    for (size_t i = 0; i < parts->parameters; i++)
        bytes += strlen(parts->parameter[i].name) + 1;
    if (!check_parts(parts, err))
        return NULL;
    OwnKernel *own = calloc(1, sizeof *own);
    char *names = malloc(bytes);
    if (!own || !names) {
        free(own);
        free(names);
        error_memory(err, "svm.kernel", sizeof *own + bytes);
        return NULL;
    }
    own->names = names;
    own->is_named = parts->name != NULL;
    own->refs = 1;
    fill(own, parts);
    own->older = *newest();
    *newest() = own;
    return &own->kind;
}

/* ---- Is it a kernel? ------------------------------------------------------------------------- */

const char *own_kernel_words(const Kernel *kernel) {
    bool named = !kernel->kind->calls || own_kernel_is_named(kernel->kind);
    return named ? kernel->kind->name : "written in Lua";
}

bool own_kernel_check_values(const KernelCall *call, KernelTile tile, const double *values,
                             Error *err) {
    for (size_t k = 0; k < tile.rows * tile.columns; k++)
        if (!isfinite(values[k]))
            return error_set(err, ERROR_ARGUMENT,
                             "%s: the kernel %s answers %s for samples %zu and %zu", call->x.where,
                             own_kernel_words(call->kernel), isnan(values[k]) ? "nan" : "infinity",
                             tile.row + k / tile.columns + 1, tile.column + k % tile.columns + 1);
    return true;
}

/* Rounding apart, where one of the products is in float32. */
static bool agree(double a, double b) {
    return fabs(a - b) <= 1e-3 * fmax(fabs(a), fabs(b)) + 1e-6;
}

bool own_kernel_check(const Kernel *kernel, const Batch *rows, Error *err) {
    enum { FEW = 4, MORE = 16 };
    size_t n = rows->n, few = n < FEW ? n : FEW, more = n < MORE ? n : MORE;
    const Batch some = batch_rows(rows, 0, few), others = batch_rows(rows, n - more, more);
    KernelCall there = { kernel, some, others, NULL }, back = { kernel, others, some, NULL };
    KernelTile tile = { 0, few, n - more, more }, mirror = { n - more, more, 0, few };
    double k[FEW * MORE], mirrored[FEW * MORE];
    const KernelCalls *calls = kernel->kind->calls;
    if (!calls->values(&there, k, NULL, err) || !own_kernel_check_values(&there, tile, k, err) ||
        !calls->values(&back, mirrored, NULL, err) ||
        !own_kernel_check_values(&back, mirror, mirrored, err))
        return false;
    for (size_t i = 0; i < few; i++)
        for (size_t j = 0; j < more; j++)
            if (!agree(k[i * more + j], mirrored[j * few + i]))
                return error_set(err, ERROR_ARGUMENT,
                                 "%s: the kernel %s is not symmetric: samples %zu and %zu give %g "
                                 "one way round and %g the other",
                                 rows->where, own_kernel_words(kernel), i + 1, n - more + j + 1,
                                 k[i * more + j], mirrored[j * few + i]);
    return true;
}
