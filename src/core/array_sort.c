#include "core/array_sort.h"

#include "core/array.h"
#include "core/array_shape.h"
#include "core/array_transfer.h"
#include "core/fail.h"
#include "core/parallel.h"
#include "core/progress.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Digits of 11 bits: three passes over a 32-bit key, and a histogram that stays in the L1 cache.
 * Short rows take 8 bits, whose histogram costs less than they do; a few elements are inserted. */
enum { DIGIT_BITS = 11, SHORT_BITS = 8, DIGITS = 1 << DIGIT_BITS, SHORT = 2048, FEW = 48 };

static const size_t WORTH_SPLITTING = 1 << 14, PIECE = 1 << 12; /* elements of a piece, about */

/* ---- Keys: unsigned integers in the order of the values -------------------------------------- */

/* Floats: the sign bit set for positive numbers, all bits inverted for negative ones. −0 counts as
 * 0 and every NaN as the largest. Descending order inverts all but NaN, so that equal elements keep
 * their order. */
static inline uint32_t key_f32(float x, bool descending) {
    uint32_t bits;
    if (x != x)
        return UINT32_MAX;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    bits ^= (uint32_t)((int32_t)bits >> 31) | 0x80000000u;
    return descending ? ~bits : bits;
}

static inline uint64_t key_f64(double x, bool descending) {
    uint64_t bits;
    if (x != x)
        return UINT64_MAX;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    bits ^= (uint64_t)((int64_t)bits >> 63) | 0x8000000000000000u;
    return descending ? ~bits : bits;
}

static inline uint32_t key_i32(int32_t x, bool descending) {
    uint32_t bits = (uint32_t)x ^ 0x80000000u;
    return descending ? ~bits : bits;
}

static inline uint32_t key_u8(uint8_t x, bool descending) {
    return descending ? UINT8_MAX - x : x;
}

/* ---- Long rows look for an interrupt --------------------------------------------------------- */

typedef struct Watch {
    double started;
    atomic_bool given_up;
} Watch;

/* The end of the stretch from i on of a loop to n; i itself where it gives up, which every loop
 * after it then does too. */
static size_t stretch(Watch *watch, size_t i, size_t n) {
    if (n <= PROGRESS_STRETCH)
        return n;
    if (atomic_load(&watch->given_up) || progress_gives_up(watch->started)) {
        atomic_store(&watch->given_up, true);
        return i;
    }
    return n - i < PROGRESS_STRETCH ? n : i + PROGRESS_STRETCH;
}

/* ---- Sorting pairs of key and position ------------------------------------------------------- */

typedef struct Pair32 {
    uint32_t key, place;
} Pair32;

typedef struct Pair64 {
    uint64_t key;
    uint32_t place;
} Pair64;

/* Sort item[n] by key, stably, with room[n] to work in. The result is in whichever is returned. A
 * digit that all keys share is skipped. */
#define RADIX_SORT(Pair, Key, suffix)                                                              \
    static void insertion_sort_##suffix(Pair *item, size_t n) {                                    \
        for (size_t i = 1; i < n; i++) {                                                           \
            Pair moving = item[i];                                                                 \
            size_t j = i;                                                                          \
            for (; j > 0 && item[j - 1].key > moving.key; j--)                                     \
                item[j] = item[j - 1];                                                             \
            item[j] = moving;                                                                      \
        }                                                                                          \
    }                                                                                              \
    static Pair *radix_sort_##suffix(Watch *watch, Pair *item, Pair *room, size_t n) {             \
        if (n <= FEW) {                                                                            \
            insertion_sort_##suffix(item, n);                                                      \
            return item;                                                                           \
        }                                                                                          \
        unsigned bits = n < SHORT ? SHORT_BITS : DIGIT_BITS, digits = 1u << bits;                  \
        for (unsigned shift = 0; shift < 8 * sizeof(Key); shift += bits) {                         \
            size_t start[DIGITS], total = 0;                                                       \
            memset(start, 0, digits * sizeof *start);                                              \
            for (size_t i = 0, end; i < n && (end = stretch(watch, i, n)) > i;)                    \
                for (; i < end; i++)                                                               \
                    start[item[i].key >> shift & (digits - 1)]++;                                  \
            if (start[item[0].key >> shift & (digits - 1)] == n)                                   \
                continue;                                                                          \
            for (size_t d = 0; d < digits; d++) {                                                  \
                size_t count = start[d];                                                           \
                start[d] = total;                                                                  \
                total += count;                                                                    \
            }                                                                                      \
            for (size_t i = 0, end; i < n && (end = stretch(watch, i, n)) > i;)                    \
                for (; i < end; i++)                                                               \
                    room[start[item[i].key >> shift & (digits - 1)]++] = item[i];                  \
            Pair *swapped = item;                                                                  \
            item = room;                                                                           \
            room = swapped;                                                                        \
        }                                                                                          \
        return item;                                                                               \
    }

RADIX_SORT(Pair32, uint32_t, 32)
RADIX_SORT(Pair64, uint64_t, 64)

typedef struct Sorting {
    const char *where;
    SortOrder order;
    bool positions;     /* wanted, not the elements */
    const Array *input; /* contiguous, the axis last */
    Array *out;         /* positions, or elements of the input's type */
    size_t n, pair_bytes;
    char *room;       /* per worker: 2n pairs … */
    uint32_t *places; /* … and n positions */
    Watch *watch;
} Sorting;

/* The positions of a row, values[n], in order. room: 2n pairs. */
#define ORDER(T, suffix, Pair, bits)                                                               \
    static void order_##suffix(const Sorting *s, const void *values, void *room,                   \
                               uint32_t *order) {                                                  \
        const T *x = values;                                                                       \
        Pair *item = room;                                                                         \
        for (size_t i = 0, end; i < s->n && (end = stretch(s->watch, i, s->n)) > i;)               \
            for (; i < end; i++)                                                                   \
                item[i] = (Pair){ key_##suffix(x[i], s->order.descending), (uint32_t)i };          \
        item = radix_sort_##bits(s->watch, item, item + s->n, s->n);                               \
        for (size_t i = 0, end; i < s->n && (end = stretch(s->watch, i, s->n)) > i;)               \
            for (; i < end; i++)                                                                   \
                order[i] = item[i].place;                                                          \
    }

ORDER(float, f32, Pair32, 32)
ORDER(double, f64, Pair64, 64)
ORDER(int32_t, i32, Pair32, 32)
ORDER(uint8_t, u8, Pair32, 32)

/* ---- Rows ------------------------------------------------------------------------------------ */

static void sort_row(const Sorting *s, size_t row, char *room, uint32_t *order) {
    static void (*const find[DTYPE_COUNT])(const Sorting *, const void *, void *,
                                           uint32_t *) = { order_f32, order_f64, order_i32,
                                                           order_u8 };
    size_t size = dtype_size(s->input->dtype);
    const char *from = (const char *)s->input->data + row * s->n * size;
    char *to = (char *)s->out->data + row * s->n * dtype_size(s->out->dtype);
    find[s->input->dtype](s, from, room, order);
    for (size_t i = 0, end; i < s->n && (end = stretch(s->watch, i, s->n)) > i;)
        for (; i < end; i++) {
            if (s->positions)
                ((int32_t *)to)[i] = (int32_t)order[i] + s->order.origin;
            else if (size == sizeof(uint32_t))
                ((uint32_t *)to)[i] = ((const uint32_t *)from)[order[i]];
            else if (size == 1)
                to[i] = from[order[i]];
            else
                ((uint64_t *)to)[i] = ((const uint64_t *)from)[order[i]];
        }
}

static void sort_rows(void *context, size_t first, size_t last, int worker) {
    const Sorting *s = context;
    for (size_t row = first; row < last; row++)
        sort_row(s, row, s->room + (size_t)worker * 2 * s->n * s->pair_bytes,
                 s->places + (size_t)worker * s->n);
}

/* Sort every row of s->input into s->out. */
static bool sort_all(Sorting *s, Error *err) {
    size_t total = array_size(s->input), workers = (size_t)parallel_threads();
    if (total == 0)
        return true;
    if (total < WORTH_SPLITTING || total == s->n) /* worker 0 does it all */
        workers = 1;
    if (s->n > INT32_MAX)
        return error_set(err, ERROR_ARGUMENT, "%s: %zu elements are more than positions can name",
                         s->where, s->n);
    s->pair_bytes = s->input->dtype == DTYPE_F64 ? sizeof(Pair64) : sizeof(Pair32);
    s->room = malloc(workers * 2 * s->n * s->pair_bytes);
    s->places = malloc(workers * s->n * sizeof *s->places);
    Watch watch = { .started = progress_clock() };
    s->watch = &watch;
    bool ok = s->room && s->places, whole = true;
    if (!ok)
        error_memory(err, s->where, workers * s->n * (2 * s->pair_bytes + sizeof *s->places));
    else if (workers == 1)
        sort_rows(s, 0, total / s->n, 0);
    else
        whole = parallel_try(total / s->n, parallel_piece(PIECE, s->n), sort_rows, s);
    free(s->room);
    free(s->places);
    if (!whole || atomic_load(&watch.given_up))
        return error_interrupted(err, s->where);
    return ok;
}

/* a with the axis and the last one exchanged. */
static Array *exchange_last(const Sorting *s, const Array *a, Error *err) {
    int axes[ARRAY_MAX_DIMS];
    for (int d = 0; d < a->ndim; d++)
        axes[d] = d;
    axes[s->order.axis] = a->ndim - 1;
    axes[a->ndim - 1] = s->order.axis;
    return array_transpose(s->where, a, axes, err);
}

/* Sorted elements or their positions along the axis. */
static Array *sort_axis(const Array *a, Sorting *s, Error *err) {
    Array *turned = exchange_last(s, a, err);
    Array *input = turned ? array_contiguous(s->where, turned, a->dtype, err) : NULL;
    Array *out = NULL;
    array_free(turned);
    if (!input)
        return NULL;
    Sizes shape = array_sizes(input);
    s->input = input;
    s->n = input->shape[input->ndim - 1];
    s->out = array_uninitialised(s->where, s->positions ? DTYPE_I32 : a->dtype, &shape, err);
    if (s->out && sort_all(s, err))
        out = exchange_last(s, s->out, err);
    array_free(s->out);
    array_free(input);
    if (!out || s->order.axis == a->ndim - 1)
        return out;
    Array *contiguous = array_contiguous(s->where, out, out->dtype, err);
    array_free(out);
    return contiguous;
}

Array *array_sort(const Array *a, const SortOrder *order, Error *err) {
    Array *out = sort_axis(a, &(Sorting){ .where = "sort", .order = *order }, err);
    if (out && a->origin == ORIGIN_MASK)
        out->origin = ORIGIN_MASK;
    return out;
}

Array *array_argsort(const Array *a, const SortOrder *order, Error *err) {
    return sort_axis(a, &(Sorting){ .where = "argsort", .order = *order, .positions = true }, err);
}

/* ---- unique ---------------------------------------------------------------------------------- */

/* Element i of a sorted contiguous array begins a new value. NaNs are at the end: one value. */
static bool starts_value(const Array *sorted, size_t i) {
    if (i == 0)
        return true;
    double before = array_get(sorted, &(size_t){ i - 1 }), x = array_get(sorted, &i);
    return x != before && !(x != x && before != before);
}

Array *array_unique(const Array *a, Array **counts, Error *err) {
    size_t n = array_size(a), found = 0, bytes = dtype_size(a->dtype);
    Array *flat = array_reshape("unique", a, &(Sizes){ 1, { n } }, err);
    Array *sorted = flat ? array_sort(flat, &(SortOrder){ .axis = 0 }, err) : NULL;
    array_free(flat);
    if (!sorted)
        return NULL;
    double started = progress_clock();
    bool whole = true;
    for (size_t i = 0; i < n && whole; i++) {
        whole = !progress_gives_up_at(i, started) || error_interrupted(err, "unique");
        found += starts_value(sorted, i);
    }
    Array *out = whole ? array_new1("unique", a->dtype, found, err) : NULL;
    Array *times = out ? array_new1("unique", DTYPE_I32, found, err) : NULL;
    found = 0;
    for (size_t i = 0; times && i < n; i++) {
        if (starts_value(sorted, i))
            memcpy((char *)out->data + found++ * bytes, (char *)sorted->data + i * bytes, bytes);
        array_i32(times)[found - 1]++;
    }
    if (out)
        out->origin = sorted->origin;
    array_free(sorted);
    if (!times) {
        array_free(out);
        return NULL;
    }
    if (counts)
        *counts = times;
    else
        array_free(times);
    return out;
}
