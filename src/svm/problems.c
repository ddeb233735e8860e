#include "svm/problems.h"

#include "core/fail.h"

#include <stdlib.h>
#include <string.h>

/* Before the n sides of a problem. */
typedef struct Numbers {
    double C, positive, negative, tolerance;
} Numbers;

/* Before the places (uint32_t) of the alphas that are not zero, and these. */
typedef struct Answer {
    double b;
    uint64_t supports, unsolved;
} Answer;

static bool make_room(FileBytes *bytes, size_t size, Error *err) {
    *bytes = (FileBytes){ malloc(size + 1), size };
    return bytes->bytes || error_memory(err, "fit", size);
}

static unsigned char *put(unsigned char *at, const void *from, size_t size) {
    memcpy(at, from, size);
    return at + size;
}

/* ---- Problems -------------------------------------------------------------------------------- */

bool problems_write(const SolverTask *task, ProblemRange range, FileBytes *bytes, Error *err) {
    size_t n = task->matrix->n;
    if (!make_room(bytes, range.count * (sizeof(Numbers) + n), err))
        return false;
    unsigned char *at = bytes->bytes;
    for (size_t p = range.first; p < range.first + range.count; p++) {
        const BinaryProblem *problem = &task->problem[p];
        const Numbers numbers = { problem->C, problem->positive, problem->negative,
                                  problem->tolerance };
        at = put(at, &numbers, sizeof numbers);
        at = put(at, problem->side, n);
    }
    return true;
}

bool problems_read(SolverMatrix *matrix, const FileBytes *bytes, Problems *problems, Error *err) {
    size_t n = matrix->n, count = bytes->size / (sizeof(Numbers) + n);
    *problems = (Problems){ .side = malloc(count * n + 1),
                            .alpha = calloc(count * n + 1, sizeof *problems->alpha) };
    BinaryProblem *problem = calloc(count + 1, sizeof *problem);
    problems->task = (SolverTask){ matrix, problem, count, false };
    if (!problem || !problems->side || !problems->alpha)
        return error_memory(err, "fit", count * n * sizeof *problems->alpha);
    const unsigned char *at = bytes->bytes;
    for (size_t p = 0; p < count; p++, at += n) {
        Numbers numbers;
        memcpy(&numbers, at, sizeof numbers);
        at += sizeof numbers;
        memcpy(problems->side + p * n, at, n);
        problem[p] = (BinaryProblem){ .side = problems->side + p * n,
                                      .C = numbers.C,
                                      .positive = numbers.positive,
                                      .negative = numbers.negative,
                                      .tolerance = numbers.tolerance,
                                      .alpha = problems->alpha + p * n };
    }
    return true;
}

void problems_clear(Problems *problems) {
    free(problems->task.problem);
    free(problems->side);
    free(problems->alpha);
    *problems = (Problems){ 0 };
}

/* ---- Answers --------------------------------------------------------------------------------- */

static size_t supports_of(const BinaryProblem *problem, size_t n) {
    size_t supports = 0;
    for (size_t i = 0; i < n; i++)
        supports += problem->alpha[i] != 0;
    return supports;
}

enum { SUPPORT = sizeof(uint32_t) + sizeof(double) };

bool problems_write_answers(const SolverTask *task, FileBytes *bytes, Error *err) {
    size_t n = task->matrix->n, size = 0;
    for (size_t p = 0; p < task->count; p++)
        size += sizeof(Answer) + SUPPORT * supports_of(&task->problem[p], n);
    if (!make_room(bytes, size, err))
        return false;
    unsigned char *at = bytes->bytes;
    for (size_t p = 0; p < task->count; p++) {
        const BinaryProblem *problem = &task->problem[p];
        const Answer answer = { problem->b, supports_of(problem, n), problem->unsolved };
        at = put(at, &answer, sizeof answer);
        for (uint32_t i = 0; i < n; i++) {
            if (problem->alpha[i] == 0)
                continue;
            at = put(at, &i, sizeof i);
            at = put(at, &problem->alpha[i], sizeof problem->alpha[i]);
        }
    }
    return true;
}

/* Where the next answer begins, or NULL where these bytes are none. */
static const unsigned char *read_answer(const unsigned char *at, const unsigned char *end, size_t n,
                                        BinaryProblem *problem) {
    Answer answer;
    if ((size_t)(end - at) < sizeof answer)
        return NULL;
    memcpy(&answer, at, sizeof answer);
    at += sizeof answer;
    if (answer.supports > n || (size_t)(end - at) < SUPPORT * answer.supports)
        return NULL;
    problem->b = answer.b;
    problem->unsolved = answer.unsolved != 0;
    memset(problem->alpha, 0, n * sizeof *problem->alpha);
    for (size_t k = 0; k < answer.supports; k++, at += SUPPORT) {
        uint32_t place;
        memcpy(&place, at, sizeof place);
        if (place >= n)
            return NULL;
        memcpy(&problem->alpha[place], at + sizeof place, sizeof problem->alpha[place]);
    }
    return at;
}

bool problems_read_answers(const SolverTask *task, ProblemRange range, const FileBytes *bytes,
                           Error *err) {
    const unsigned char *at = bytes->bytes, *end = at + bytes->size;
    for (size_t p = range.first; at && p < range.first + range.count; p++)
        at = read_answer(at, end, task->matrix->n, &task->problem[p]);
    return at == end || error_set(err, ERROR_ARGUMENT,
                                  "fit: another rank's answer is not as long as it should "
                                  "be");
}
