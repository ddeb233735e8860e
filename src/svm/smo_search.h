/* smo_search.h — the search of smo.c, included there once for each type of number that errors have.
 */

/* Its state. error[t] = y_t − Σ K_ts beta_s is minus the signed gradient: the KKT conditions hold
 * where no sample that may rise has a larger error than one that may fall. `rise` and `fall` are 0
 * where beta may move up or down and −∞ or +∞ where it is at that bound, so that a sum masks it.
 * The largest of something is found block by block: the compiler vectorises a plain maximum, and
 * its place is then looked for in one block only. */
typedef struct NAME(Search) {
    const SmoProblem *problem;
    REAL *error, *rise, *fall;
    float *diagonal;
    double *beta;
    void *memory;
} NAME(Search);

/* Subtract step·(K_i − K_j) from the errors and find the next violation on the way. */
SIMD_CLONES static Violation NAME(move_errors)(NAME(Search) * s, const float *restrict row_i,
                                               const float *restrict row_j, double taken) {
    const size_t n = s->problem->n;
    REAL *restrict error = s->error;
    const REAL *restrict rise = s->rise, *restrict fall = s->fall, step = (REAL)taken;
    REAL highest = -INFINITY, lowest = INFINITY;
    size_t best_block = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        REAL most = -INFINITY, least = INFINITY;
        size_t end = block_end(n, start);
#pragma omp simd reduction(max : most) reduction(min : least)
        for (size_t t = start; t < end; t++) {
            error[t] -= step * ((REAL)row_i[t] - (REAL)row_j[t]);
            REAL up = error[t] + rise[t], down = error[t] + fall[t];
            most = up > most ? up : most;
            least = down < least ? down : least;
        }
        if (most > highest) {
            highest = most;
            best_block = start;
        }
        lowest = least < lowest ? least : lowest;
    }
    Violation v = { best_block, highest, lowest };
    while (v.index + 1 < n && error[v.index] + rise[v.index] != highest)
        v.index++;
    return v;
}

/* What the objective falls by, times two, from a step with i alone and each sample of a block that
 * may fall: (error_i − error_t)² / curvature. Single precision is enough to choose. Answers the
 * most. */
static inline __attribute__((always_inline)) float
NAME(block_gains)(const NAME(Search) * s, const float *restrict row, size_t start, size_t count,
                  REAL error_i, float diagonal_i, float *restrict gain) {
    const float *restrict diagonal = s->diagonal + start;
    const REAL *restrict error = s->error + start, *restrict fall = s->fall + start;
    const float flat = (float)LEAST_CURVATURE;
    float most = -1;
#pragma omp simd reduction(max : most)
    for (size_t t = 0; t < count; t++) {
        float gap = (float)(error_i - (error[t] + fall[t]));
        float curvature = diagonal_i + diagonal[t] - 2 * row[start + t];
        curvature = curvature > flat ? curvature : flat;
        gap = gap > 0 ? gap : 0; /* a sample with no gap gains nothing; −∞ squared would */
        gain[t] = gap * gap / curvature;
        most = gain[t] > most ? gain[t] : most;
    }
    return most;
}

/* The partner of i: of the samples that may fall and whose error is smaller, the one with which the
 * objective falls most. */
SIMD_CLONES static size_t NAME(best_partner)(const NAME(Search) * s, const float *restrict row,
                                             size_t i) {
    const size_t n = s->problem->n;
    const REAL error_i = s->error[i];
    const float diagonal_i = s->diagonal[i];
    float gain[BLOCK], best = -1;
    size_t best_block = 0, partner = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        size_t count = block_end(n, start) - start;
        float most = NAME(block_gains)(s, row, start, count, error_i, diagonal_i, gain);
        if (most > best) {
            best = most;
            best_block = start;
        }
    }
    size_t count = block_end(n, best_block) - best_block;
    NAME(block_gains)(s, row, best_block, count, error_i, diagonal_i, gain);
    while (partner + 1 < count && gain[partner] != best)
        partner++;
    return best_block + partner;
}

static void NAME(mark_bounds)(NAME(Search) * s, size_t t) {
    s->rise[t] = s->beta[t] < high_bound(s->problem, t) ? 0 : -INFINITY;
    s->fall[t] = s->beta[t] > low_bound(s->problem, t) ? 0 : INFINITY;
}

/* Move beta_i up and that of its best partner, j, down by the same amount, to the pair's minimum or
 * to the first bound. A variable that reaches its bound is put there exactly. */
static Violation NAME(take_step)(NAME(Search) * s, Violation v) {
    const SmoProblem *p = s->problem;
    size_t i = v.index;
    const float *row_i = row_of(p, i);
    size_t j = NAME(best_partner)(s, row_i, i);
    double curvature = (double)s->diagonal[i] + (double)s->diagonal[j] - 2 * (double)row_i[j];
    double gap = (double)s->error[i] - (double)s->error[j];
    double step = gap / fmax(curvature, LEAST_CURVATURE);
    double room_i = high_bound(p, i) - s->beta[i], room_j = s->beta[j] - low_bound(p, j);
    double taken = fmin(step, fmin(room_i, room_j));
    s->beta[i] = taken == room_i ? high_bound(p, i) : s->beta[i] + taken;
    s->beta[j] = taken == room_j ? low_bound(p, j) : s->beta[j] - taken;
    NAME(mark_bounds)(s, i);
    NAME(mark_bounds)(s, j);
    return NAME(move_errors)(s, row_i, row_of(p, j), taken);
}

static bool NAME(search_begin)(const SmoProblem *p, double *beta, NAME(Search) * s, Error *err) {
    size_t n = p->n, bytes = n * (3 * sizeof(REAL) + sizeof(float));
    *s = (NAME(Search)){ .problem = p, .beta = beta, .memory = malloc(bytes) };
    if (!s->memory)
        return error_memory(err, "svm", bytes);
    s->error = s->memory;
    s->rise = s->error + n;
    s->fall = s->rise + n;
    s->diagonal = (float *)(s->fall + n);
    for (size_t t = 0; t < n; t++) {
        if (!p->error)
            beta[t] = 0;
        s->error[t] = (REAL)(p->error ? p->error[t] : p->y[t]);
        s->diagonal[t] = p->gram ? p->gram[t * p->stride + t] : p->diagonal[t];
        NAME(mark_bounds)(s, t);
    }
    return true;
}

/* b is the error of any free sample; their mean, or the middle of what the bound ones allow. */
static double NAME(intercept)(const NAME(Search) * s) {
    double sum = 0, upper = INFINITY, lower = -INFINITY;
    size_t free_samples = 0;
    for (size_t t = 0; t < s->problem->n; t++) {
        bool rises = s->rise[t] == 0, falls = s->fall[t] == 0;
        if (rises && falls) {
            sum += s->error[t];
            free_samples++;
        } else if (rises) {
            lower = fmax(lower, s->error[t]);
        } else if (falls) {
            upper = fmin(upper, s->error[t]);
        }
    }
    if (free_samples > 0)
        return sum / (double)free_samples;
    if (isinf(lower) || isinf(upper)) /* one class only: nothing but its own side bounds b */
        return isinf(lower) ? (isinf(upper) ? 0 : upper) : lower;
    return (lower + upper) / 2;
}

/* ½ βᵀKβ − yᵀβ = −½ Σ β_t (error_t + y_t), since Kβ = y − error. */
static double NAME(objective)(const NAME(Search) * s) {
    double sum = 0;
    for (size_t t = 0; t < s->problem->n; t++)
        sum += s->beta[t] * ((double)s->error[t] + s->problem->y[t]);
    return -0.5 * sum;
}

static bool NAME(solve)(const SmoProblem *problem, SmoSolution *solution, Error *err) {
    NAME(Search) s;
    if (!NAME(search_begin)(problem, solution->beta, &s, err))
        return false;
    size_t iteration = 0, limit = smo_limit(problem->n);
    bool stopped = false;
    const float *any = row_of(problem, 0);
    Violation v = NAME(move_errors)(&s, any, any, 0);
    while (v.most - v.least >= problem->tolerance && iteration < limit && !stopped) {
        v = NAME(take_step)(&s, v);
        if (++iteration % STOP_EVERY == 0 && problem->stop)
            stopped = problem->stop(problem->context);
    }
    solution->b = NAME(intercept)(&s);
    solution->objective = NAME(objective)(&s);
    solution->iterations = iteration;
    for (size_t t = 0; solution->error && t < problem->n; t++)
        solution->error[t] = s.error[t];
    solution->converged = !(v.most - v.least >= problem->tolerance);
    free(s.memory);
    return true;
}

#undef NAME
#undef REAL
