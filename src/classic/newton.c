/* newton.c — all that depends on the samples are products: of their rows with a direction
 * (project), and sums of rows by weights (gather). Rows become double a piece at a time. Since
 * scores are linear, a line search needs neither: z + t · (the direction's). */
#include "classic/newton.h"

#include "core/blas.h"
#include "core/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024, MOST_CG = 250, MOST_HALVINGS = 40 };

/* Parameters are functions × features weights, then functions constants. */
typedef struct Newton {
    const NewtonProblem *problem;
    Progress *progress;
    size_t n, d, functions, size; /* size: of all parameters */
    size_t *column;               /* n: the function of each sample's class; SIZE_MAX: none */
    double *memory, *piece;
    double *at, *gradient, *step, *residual, *along, *bent; /* size each */
    double *z, *p, *shift, *room;                           /* n × functions each */
    bool stopped;
} Newton;

size_t newton_functions(const NewtonProblem *problem) {
    return problem->classes->count == 2 ? 1 : problem->classes->count;
}

static void newton_clear(Newton *self) {
    free(self->column);
    free(self->memory);
}

static bool newton_init(Newton *self, Error *err) {
    const Samples *samples = self->problem->samples;
    size_t n = self->n = samples->n, d = self->d = samples->features;
    size_t functions = self->functions = newton_functions(self->problem);
    size_t size = self->size = functions * (d + 1), rows = n < PIECE ? n : PIECE;
    size_t count = 6 * size + 4 * n * functions + rows * d;
    self->column = malloc(n * sizeof *self->column);
    self->memory = calloc(count, sizeof(double));
    if (!self->column || !self->memory)
        return error_memory(err, "fit", count * sizeof(double));
    double **const part[] = { &self->at,       &self->gradient, &self->step,
                              &self->residual, &self->along,    &self->bent };
    double **const wide[] = { &self->z, &self->p, &self->shift, &self->room };
    for (size_t i = 0; i < 6; i++)
        *part[i] = self->memory + i * size;
    for (size_t i = 0; i < 4; i++)
        *wide[i] = self->memory + 6 * size + i * n * functions;
    self->piece = self->memory + 6 * size + 4 * n * functions;
    for (size_t i = 0; i < n; i++) {
        size_t c = (size_t)labels_find(self->problem->classes, samples->y[i]);
        self->column[i] = functions > 1 ? c : c == 1 ? 0 : SIZE_MAX;
    }
    return true;
}

/* ---- Products with the samples --------------------------------------------------------------- */

static size_t take_piece(const Newton *self, size_t first) {
    size_t rows = self->n - first < PIECE ? self->n - first : PIECE;
    const float *x = self->problem->samples->x + first * self->d;
    for (size_t i = 0; i < rows * self->d; i++)
        self->piece[i] = x[i];
    return rows;
}

/* An interrupt ends whatever goes through the samples, and all that is made of it. */
static bool goes_on(Newton *self) {
    self->stopped = self->stopped || !progress_step(self->progress, 0, NULL);
    return !self->stopped;
}

/* z (n × functions): rows times parameters. */
static void project(Newton *self, const double *params, double *z) {
    size_t d = self->d, k = self->functions;
    for (size_t first = 0; first < self->n && goes_on(self); first += PIECE) {
        size_t rows = take_piece(self, first);
        for (size_t i = 0; i < rows; i++)
            memcpy(z + (first + i) * k, params + k * d, k * sizeof *z);
        blas_dgemm(false, true, rows, k, d, 1, self->piece, d, params, d, 1, z + first * k, k);
    }
}

/* out = penalised + C Σ_i r_i (x_i, 1), with the penalty's part where there is one. */
static void gather(Newton *self, const double *r, const double *penalised, double *out) {
    size_t d = self->d, k = self->functions;
    double C = self->problem->C;
    memcpy(out, penalised, k * d * sizeof *out);
    memset(out + k * d, 0, k * sizeof *out);
    for (size_t first = 0; first < self->n && goes_on(self); first += PIECE) {
        size_t rows = take_piece(self, first);
        blas_dgemm(true, false, k, d, rows, C, r + first * k, k, self->piece, d, 1, out, d);
    }
    for (size_t i = 0; i < self->n * k; i++)
        out[k * d + i % k] += C * r[i];
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* ---- The objective --------------------------------------------------------------------------- */

/* log Σ exp over a row's scores; a single function stands against a class of score 0. */
static double log_sum(const double *z, size_t k) {
    double top = k == 1 ? 0 : z[0], sum = 0;
    for (size_t c = 0; c < k; c++)
        top = fmax(top, z[c]);
    for (size_t c = 0; c < k; c++)
        sum += exp(z[c] - top);
    return top + log(sum + (k == 1 ? exp(-top) : 0));
}

/* At z + t · shift, with the penalty of parameters at + t · step. */
static double objective(const Newton *self, double t) {
    size_t k = self->functions, weights = k * self->d;
    double loss = 0, penalty = 0;
    for (size_t i = 0; i < self->n; i++) {
        double *row = self->room + i * k;
        for (size_t c = 0; c < k; c++)
            row[c] = self->z[i * k + c] + t * self->shift[i * k + c];
        double truth = self->column[i] == SIZE_MAX ? 0 : row[self->column[i]];
        loss += log_sum(row, k) - truth;
    }
    for (size_t j = 0; j < weights; j++) {
        double w = self->at[j] + t * self->step[j];
        penalty += w * w;
    }
    return penalty / 2 + self->problem->C * loss;
}

/* Probabilities at z, and the gradient. */
static void find_gradient(Newton *self) {
    size_t k = self->functions;
    for (size_t i = 0; i < self->n; i++) {
        double all = log_sum(self->z + i * k, k);
        for (size_t c = 0; c < k; c++) {
            self->p[i * k + c] = exp(self->z[i * k + c] - all);
            self->room[i * k + c] = self->p[i * k + c] - (self->column[i] == c ? 1 : 0);
        }
    }
    gather(self, self->room, self->at, self->gradient);
}

/* bent = the Hessian times along. */
static void bend(Newton *self) {
    size_t k = self->functions;
    project(self, self->along, self->room);
    for (size_t i = 0; i < self->n; i++) {
        double *row = self->room + i * k;
        const double *p = self->p + i * k;
        double mean = dot(p, row, k);
        for (size_t c = 0; c < k; c++)
            row[c] = p[c] * (row[c] - mean);
    }
    gather(self, self->room, self->along, self->bent);
}

static double largest_entry(const Newton *self) {
    double largest = 0;
    for (size_t j = 0; j < self->size; j++)
        largest = fmax(largest, fabs(self->gradient[j]));
    return largest / fmax(1, self->problem->C * (double)self->n);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* step ≈ −H⁻¹ gradient: the residual to `small` of the gradient. */
static void find_step(Newton *self, double small) {
    size_t size = self->size;
    double *step = self->step, *r = self->residual, *along = self->along;
    memset(step, 0, size * sizeof *step);
    for (size_t j = 0; j < size; j++)
        along[j] = r[j] = -self->gradient[j];
    double square = dot(r, r, size), enough = square * small * small;
    for (int i = 0; i < MOST_CG && square > enough && !self->stopped; i++) {
        bend(self);
        double curve = dot(along, self->bent, size);
        if (!(curve > 0))
            break;
        double t = square / curve, before = square;
        for (size_t j = 0; j < size; j++) {
            step[j] += t * along[j];
            r[j] -= t * self->bent[j];
        }
        square = dot(r, r, size);
        for (size_t j = 0; j < size; j++)
            along[j] = r[j] + square / before * along[j];
    }
}

/* Go along the step as far as the objective falls enough; false where it falls no more. */
static bool go(Newton *self) {
    double slope = dot(self->gradient, self->step, self->size), t = 1;
    project(self, self->step, self->shift);
    double before = objective(self, 0), rounding = 1e-15 * fabs(before);
    int tries = 0;
    while (tries < MOST_HALVINGS && goes_on(self) &&
           !(objective(self, t) <= before + 1e-4 * t * slope + rounding)) {
        t /= 2;
        tries++;
    }
    if (tries == MOST_HALVINGS || !(slope < 0))
        return false;
    for (size_t j = 0; j < self->size; j++)
        self->at[j] += t * self->step[j];
    for (size_t i = 0; i < self->n * self->functions; i++)
        self->z[i] += t * self->shift[i];
    return true;
}

static void iterate(Newton *self, NewtonAnswer *out) {
    const NewtonProblem *problem = self->problem;
    progress_begin(self->progress, "fitting logistic", (double)problem->max_iter);
    find_gradient(self);
    out->largest = largest_entry(self);
    for (size_t i = 0; i < problem->max_iter && out->largest > problem->tolerance && !self->stopped;
         i++) {
        char detail[48];
        find_step(self, fmin(0.25, sqrt(out->largest)));
        if (self->stopped || !go(self))
            break;
        find_gradient(self);
        out->largest = largest_entry(self);
        snprintf(detail, sizeof detail, "gradient %.2g", out->largest);
        self->stopped = self->stopped || !progress_step(self->progress, 1, detail);
    }
    out->converged = out->largest <= problem->tolerance && !self->stopped;
    progress_end(self->progress);
}

bool newton_solve(const NewtonProblem *problem, NewtonAnswer *out, Progress *progress, Error *err) {
    Newton self = { .problem = problem, .progress = progress };
    bool ok = newton_init(&self, err);
    if (ok) {
        size_t weights = self.functions * self.d;
        iterate(&self, out);
        memcpy(out->weight, self.at, weights * sizeof(double));
        memcpy(out->b, self.at + weights, self.functions * sizeof(double));
    }
    newton_clear(&self);
    return ok;
}
