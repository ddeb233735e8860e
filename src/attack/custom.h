/* custom.h — an attack that is not of the table: its step is somebody else's function, which knows
 * nothing of attacks' insides, its options are its own beside those that every attack has.
 *
 * The step is called once an iteration, for all rows that still move. It says where they shall go;
 * the rest is as in every attack: points are projected to ball and box, scored and judged, and the
 * best of them (the last, the nearest) is the answer. So a step may be wrong, but cannot cheat. */
#ifndef PERIGEE_ATTACK_CUSTOM_H
#define PERIGEE_ATTACK_CUSTOM_H

#include "attack/descent.h"
#include "core/rng.h"

/* Points of the active rows, by place: active × features, borrowed. One of both. */
typedef struct CustomPoints {
    const float *f32;
    const double *f64;
} CustomPoints;

/* Who steps. `step` fills *next, which is read before step is called again. It may ask for what is
 * below, set the rows' `stop` (STOP_ENDED) and read the descent; a descent begins with its
 * iteration
 * 1. False with err: the run fails. */
typedef struct CustomStep {
    bool (*step)(void *context, Descent *descent, CustomPoints *next, Error *err);
    void *context;
} CustomStep;

/* Which point is a sample's answer. */
typedef enum CustomAnswer { CUSTOM_BEST, CUSTOM_LAST, CUSTOM_NEAREST } CustomAnswer;

enum { CUSTOM_FIELDS = 40 };

/* What is defined. `attack` comes first: a run's parameters hold the step (AttackParams.custom). */
typedef struct CustomAttack {
    Attack attack;
    Field field[CUSTOM_FIELDS];
    size_t own; /* how many options of its own */
} CustomAttack;

/* One of that name, with the common options only; the texts are borrowed. */
void custom_init(CustomAttack *custom, const char *name, const char *summary, CustomAnswer answer);

/* Add an option: its offset follows. Not for more than ATTACK_OWN. Returns its place in `own` of
 * the default parameters, where the caller puts its default (field_set on attack.params). */
const Field *custom_add(CustomAttack *custom, const Field *option);

/* ---- For the step -----------------------------------------------------------------------------
 *
 * Before it asks: rows that cannot pay for so many answers and for the score of where they will go
 * stop here (STOP_MAX_QUERIES), and get nothing; their points count for nothing. */
void custom_charge(Descent *descent, size_t answers);

/* Scores and losses of these points (active × features), as descent_score_at answers and with its
 * charge. A row that the step then sends to its point is not scored there again. */
bool custom_score(Descent *descent, const float *x, Error *err);

/* The points within ball and box, and rounded, into out (active × features). Fails on what is not
 * finite in float32. */
bool custom_project(const Descent *descent, const CustomPoints *points, float *out, Error *err);

/* g (active × features), in place: of length 1 in the norm, along which a linear function changes
 * most. */
void custom_unit(const Descent *descent, double *g);

/* The row's generator. Its numbers follow from the seed, the sample and where the descent began:
 * they are the same alone and in any batch. */
Rng *custom_rng(const Descent *descent, size_t row);

#endif
