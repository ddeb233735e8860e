/* svms FEATURES.npy LABELS.npy GAMMA C — a Gram matrix and the ten one-vs-all SVMs on it, each
 * step by itself, for the bench: name, seconds, unit and processor seconds a line.
 *
 *     gram          the RBF kernel's values of all pairs in float32
 *     svms.libsvm   the matrix laid out for libsvm, and ten problems
 *     svms.smo      ten problems by our own solver */
#include "core/array_values.h"
#include "core/blas.h"
#include "core/error.h"
#include "data/npy.h"
#include "svm/gram.h"
#include "svm/svc.h"
#include "svm/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 3 };

typedef struct Clock {
    double wall, cpu;
} Clock;

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static Clock read_clock(void) {
    return (Clock){ seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID) };
}

static void die(const Error *err) {
    fprintf(stderr, "svms: %s\n", err->message);
    exit(1);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_median(const char *name, double *wall, double *cpu) {
    qsort(wall, RUNS, sizeof *wall, by_value);
    qsort(cpu, RUNS, sizeof *cpu, by_value);
    printf("%s %.6g s %.6g\n", name, wall[RUNS / 2], cpu[RUNS / 2]);
    fflush(stdout);
}

typedef struct Problem {
    Kernel kernel;
    const Array *x, *y;
    SvcParams params;
    Labels classes;
} Problem;

static void fill(const Problem *problem, SolverKind kind, SolverMatrix *matrix) {
    size_t n = array_length(problem->x);
    Error err;
    float *values =
        gram_values(&problem->kernel,
                    &(Batch){ array_f32(problem->x), n, array_row_size(problem->x), "svms" }, &err);
    *matrix = (SolverMatrix){ .kind = kind, .n = n };
    if (!values)
        die(&err);
    solver_matrix_take(matrix, &values);
}

static void time_matrix(const Problem *problem) {
    double wall[RUNS], cpu[RUNS];
    for (int run = 0; run < RUNS; run++) {
        SolverMatrix matrix;
        Clock start = read_clock();
        fill(problem, SOLVER_SMO, &matrix);
        Clock end = read_clock();
        wall[run] = end.wall - start.wall;
        cpu[run] = end.cpu - start.cpu;
        solver_matrix_clear(&matrix);
    }
    print_median("gram", wall, cpu);
}

static void time_solver(const char *name, const Problem *problem, SolverKind kind) {
    double wall[RUNS], cpu[RUNS];
    SolverMatrix matrix;
    fill(problem, kind, &matrix);
    TrainingSet set = { &matrix, array_i32(problem->y), &problem->classes, NULL, &problem->params };
    for (int run = 0; run < RUNS; run++) {
        Machine machine = { .C = problem->params.C, .held_out = -1 };
        MachineTask task = { &set, &machine, 1, false };
        Error err;
        Clock start = read_clock();
        if (!machines_train("svms", &task, NULL, &err))
            die(&err);
        Clock end = read_clock();
        wall[run] = end.wall - start.wall;
        cpu[run] = end.cpu - start.cpu;
        machine_clear(&machine);
    }
    print_median(name, wall, cpu);
    solver_matrix_clear(&matrix);
}

int main(int argc, char **argv) {
    blas_mend(argv);
    if (argc != 5) {
        fputs("usage: svms FEATURES.npy LABELS.npy GAMMA C\n", stderr);
        return 2;
    }
    Error err;
    Array *x = npy_load(argv[1], &err), *y = x ? npy_load(argv[2], &err) : NULL;
    Problem problem = { .kernel = { .kind = &kernel_rbf, .gamma = atof(argv[3]) },
                        .x = x,
                        .y = y,
                        .params = svc_defaults() };
    if (!y || !labels_from("svms", array_i32(y), array_length(x), &problem.classes, &err))
        die(&err);
    problem.params.C = atof(argv[4]);
    problem.params.kernel = problem.kernel;
    time_matrix(&problem);
    time_solver("svms.libsvm", &problem, SOLVER_LIBSVM);
    time_solver("svms.smo", &problem, SOLVER_SMO);
    labels_clear(&problem.classes);
    array_free(x);
    array_free(y);
    return 0;
}
