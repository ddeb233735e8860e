/* problems.h — binary problems as bytes, for whoever can make their matrix too (SolverHelper), and
 * the answers to them. Bytes are read by the program that wrote them, on a machine like it. */
#ifndef PERIGEE_SVM_PROBLEMS_H
#define PERIGEE_SVM_PROBLEMS_H

#include "core/file.h"
#include "svm/solver.h"

/* Some of a task's problems, from `first` on. */
typedef struct ProblemRange {
    size_t first, count;
} ProblemRange;

/* The caller frees the bytes (file_bytes_free), whatever the answer. */
bool problems_write(const SolverTask *task, ProblemRange range, FileBytes *bytes, Error *err);
bool problems_write_answers(const SolverTask *task, FileBytes *bytes, Error *err);

/* A task of those problems on the matrix, with memory of its own; problems_clear whatever the
 * answer. */
typedef struct Problems {
    SolverTask task;
    int8_t *side;
    double *alpha;
} Problems;
bool problems_read(SolverMatrix *matrix, const FileBytes *bytes, Problems *problems, Error *err);
void problems_clear(Problems *problems);

/* What was answered, to the problems themselves. */
bool problems_read_answers(const SolverTask *task, ProblemRange range, const FileBytes *bytes,
                           Error *err);

#endif
