/* attack_run_inside.h — the state of one run of an attack, and what the files of it (attack_run*.c)
 * have from one another. */
#ifndef PERIGEE_ATTACK_ATTACK_RUN_INSIDE_H
#define PERIGEE_ATTACK_ATTACK_RUN_INSIDE_H

#include "attack/descent.h"
#include "attack/start_scores.h"
#include "core/session.h"

typedef struct Run {
    Problem problem;
    AttackParams params;
    const AttackTask *task;
    AttackTask own;   /* the task once the result has its samples, which nobody can write over */
    Model *attacked;  /* the task's, with the classes of the start (attacked.h) */
    Model *mean;      /* of several calls of it; NULL where one is an answer */
    Goal *goal;       /* n */
    Extent *extent;   /* n */
    size_t *sample;   /* 0 … n−1 */
    size_t per;       /* rows of each sample in a descent: 1, or its wrong classes */
    uint64_t *stream; /* n */
    size_t *left;     /* n: queries that may still be spent; NULL: any number */
    bool *unpaid;     /* n: has something been left out for lack of them? */
    Worth *best;      /* n: how good the answer so far is */
    const double *start_scores;     /* of the task's start points */
    StartScores *kept_start_scores; /* what holds them: taken from the attack, … */
    StartScores *own_start_scores;  /* … or this run's own */
    bool ended;                     /* by on_step (parts.h) */
    AttackResult *result;
    Progress *progress;

    /* For each ATTACK_GROUP, where the session's generator goes on for it: models that draw from it
     * answer a group alike in any set. NULL: all go on one after the other. */
    SessionState *session;
} Run;

/* ---- The run: attack_run.c ------------------------------------------------------------------- */

/* A score of sample i, where it is asked for outside of a descent. */
void run_count_score(const Run *run, size_t i);

/* What one descent of one sample is to the progress. */
size_t run_iterations(const Run *run);

/* By a step that said so, or within a call that failed for it. */
bool run_is_interrupted(const Run *run);

/* Is it to end with what there is? */
bool run_is_over(const Run *run);

/* ---- Before it: attack_run_prepare.c --------------------------------------------------------- */

/* Check the task and fill in the run, whose params are resolved (those given are `params`): what is
 * each sample's own, the result's beginning. */
bool run_prepare(Run *run, const AttackParams *params, Error *err);

/* ---- One descent: attack_run_descend.c ------------------------------------------------------- */

/* Where some samples start: n rows of their numbers and, if they are not where they are, points
 * that may have been scored. */
typedef struct Starts {
    const size_t *sample;
    size_t n;
    const float *x;       /* n × features; NULL: where they are */
    const double *scores; /* n × columns, or NULL */
    bool first;           /* no descent of theirs was before */
} Starts;

/* The goal of the k-th row of sample i, of `per`. */
Goal run_row_goal(const Run *run, size_t i, size_t k);

/* One descent of these samples; better answers go into the result. */
bool run_descend(Run *run, const Starts *starts, Error *err);

/* ---- Where descents set out: attack_run_starts.c --------------------------------------------- */

/* Scores of the double start's points, before the first group. */
bool run_score_starts(Run *run, Error *err);

/* The first descent of n samples, whose numbers follow one another, from the points that the user
 * has chosen. */
bool run_begin_elsewhere(Run *run, const size_t *group, size_t n, Error *err);

/* Every further descent of n samples that have had their first: restarts, double start. */
bool run_further_starts(Run *run, const size_t *group, size_t n, Error *err);

#endif
