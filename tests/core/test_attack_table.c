/* Every attack of the table on random models, samples and options: points stay inside, results say
 * what the model says of the stored points, runs can be repeated and samples attacked alone. */
#include "attack/attacks.h"
#include "attack/objective.h"

#include "attack_models.h"
#include "core/array_values.h"
#include "core/error.h"
#include "core/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 60, MOST_ROWS = 6, MOST_FEATURES = 9, MOST_CLASSES = 5, STARTS = 4 };

/* One random model with samples, and what is asked of it. */
typedef struct Case {
    double w[MOST_CLASSES * MOST_FEATURES], b[MOST_CLASSES];
    float x[MOST_ROWS * MOST_FEATURES], starts[STARTS * MOST_FEATURES];
    float begin[MOST_ROWS * MOST_FEATURES];
    int32_t y[MOST_ROWS], target[MOST_ROWS];
    TestModel *model, *surrogate;
    AttackTask task;
    AttackParams params;
    Array *lower, *upper, *radii;
} Case;

static void draw_model(Case *c, size_t d, Rng *rng) {
    size_t classes = 2 + rng_below(rng, MOST_CLASSES - 1);
    bool bumps = rng_below(rng, 2);
    for (size_t k = 0; k < classes * d; k++)
        c->w[k] = bumps ? rng_uniform(rng) : rng_normal(rng);
    for (size_t k = 0; k < classes; k++)
        c->b[k] = 0.2 * rng_normal(rng);
    c->model = test_model(classes, d, c->w, c->b);
    c->model->bumps = bumps;
    c->model->base.rejects = rng_below(rng, 2);
    c->surrogate = test_model(classes, d, c->w, NULL);
    c->surrogate->bumps = bumps;
    c->model->threshold = rng_below(rng, 4) ? 0.5 * rng_normal(rng) - bumps : -INFINITY;
}

static Array *draw_bounds(Case *c, size_t n, size_t d, double side, Rng *rng) {
    Error err;
    Array *bounds = array_new1("test", DTYPE_F32, d, &err);
    for (size_t j = 0; j < d; j++) {
        float edge = c->x[j];
        for (size_t i = 1; i < n; i++)
            edge = side * (double)c->x[i * d + j] > side * (double)edge ? c->x[i * d + j] : edge;
        array_f32(bounds)[j] = edge + (float)(side * 0.3 * rng_uniform(rng));
    }
    return bounds;
}

static double draw_radius(Rng *rng) {
    static const double radii[] = { 0, 1e-3, 0.1, 0.5, 3 };
    return radii[rng_below(rng, 5)];
}

static Array *draw_radii(size_t n, Rng *rng) {
    Error err;
    Array *radii = array_new1("test", DTYPE_F64, n, &err);
    for (size_t i = 0; i < n; i++)
        array_f64(radii)[i] = draw_radius(rng);
    return radii;
}

/* Words and booleans of the attack's fields by chance. */
static void draw_options(const Attack *attack, AttackParams *params, Rng *rng) {
    Model *surrogate = params->surrogate;
    *params = attack->params;
    for (const Field *field = attack->fields; field->name; field++) {
        const char *const *word = field->kind == FIELD_WORD ? field->words + (int)field->low : NULL;
        size_t words = 0;
        while (word && word[words])
            words++;
        Value value = field->kind == FIELD_BOOLEAN ? value_boolean(rng_below(rng, 2))
                      : words                      ? value_word(word[rng_below(rng, words)])
                                                   : value_number(0);
        Error err;
        if (words || field->kind == FIELD_BOOLEAN)
            assert_true(field_set(field, params, &value, &err));
    }
    params->surrogate = surrogate;
    params->dmax = draw_radius(rng);
    params->seed = rng_next(rng);
    params->max_iter = attack->params.max_iter > 1 ? 2 + (int)rng_below(rng, 8) : 1;
    if (attack_uses(attack, "eta") && rng_below(rng, 2))
        params->eta = 0.05;
    if (attack_uses(attack, "eta_min") && !isnan(params->eta))
        params->eta_min = 0.05 * (double)(1 + rng_below(rng, 9));
    if (attack_uses(attack, "restarts"))
        params->restarts = (int)rng_below(rng, 3);
}

static void draw_samples(Case *c, size_t n, size_t d, Rng *rng) {
    for (size_t k = 0; k < n * d; k++)
        c->x[k] = (float)rng_uniform(rng);
    for (size_t k = 0; k < STARTS * d; k++)
        c->starts[k] = (float)rng_uniform(rng);
    for (size_t k = 0; k < n * d; k++)
        c->begin[k] = (float)(3 * rng_uniform(rng) - 1);
    for (size_t i = 0; i < n; i++) {
        c->y[i] = (int32_t)rng_below(rng, c->model->base.classes.count);
        c->target[i] = (int32_t)rng_below(rng, c->model->base.classes.count);
    }
}

static void draw(Case *c, const Attack *attack, Rng *rng) {
    size_t n = 1 + rng_below(rng, MOST_ROWS), d = 1 + rng_below(rng, MOST_FEATURES);
    AttackParams resolved;
    Error err;
    *c = (Case){ 0 };
    draw_model(c, d, rng);
    draw_samples(c, n, d, rng);
    c->radii = rng_below(rng, 2) ? draw_radii(n, rng) : NULL;
    do {
        c->params.surrogate = &c->surrogate->base;
        draw_options(attack, &c->params, rng);
        c->params.dmax_each = c->radii;
    } while (!attack_resolve(attack, &c->params, &resolved, &err));
    if (rng_below(rng, 3) == 0) {
        c->params.lower_each = c->lower = draw_bounds(c, n, d, -1, rng);
        c->params.upper_each = c->upper = draw_bounds(c, n, d, 1, rng);
    }
    c->task = (AttackTask){ .model = &c->model->base, .x = c->x, .n = n, .features = d };
    c->task.y = rng_below(rng, 4) ? c->y : NULL;
    c->task.target = rng_below(rng, 2) ? c->target : NULL;
    if (attack_uses(attack, "start_from") && rng_below(rng, 2))
        c->task.start = (AttackStart){ .x = c->starts, .n = STARTS };
    if (attack_uses(attack, "start") && rng_below(rng, 2))
        c->task.begin = c->begin;
}

static void clear(Case *c) {
    model_release(&c->model->base);
    model_release(&c->surrogate->base);
    array_free(c->lower);
    array_free(c->upper);
    array_free(c->radii);
}

static AttackResult *run(const Attack *attack, const AttackParams *params, const AttackTask *task) {
    Error err;
    AttackResult *result = attack_run(attack, params, task, NULL, &err);
    if (!result)
        fail_msg("%s", err.message);
    return result;
}

/* ---- What must be true of sample i ---- */

static double radius_of(const Case *c, size_t i) {
    return c->radii ? array_f64(c->radii)[i] : c->params.dmax;
}

static void check_point(const Case *c, size_t i, const float *x, double distance) {
    size_t d = c->task.features;
    const float *x0 = c->x + i * d;
    assert_true(norm_distance((Norm)c->params.norm, x, x0, d) == distance);
    assert_true(distance <= radius_of(c, i) * (1 + 1e-12));
    for (size_t j = 0; j < d; j++) {
        assert_true(x[j] >= (c->lower ? array_f32(c->lower)[j] : 0));
        assert_true(x[j] <= (c->upper ? array_f32(c->upper)[j] : 1));
    }
}

/* The loss of every iterate is that of its scores; the last is the answer, and the best. */
static void check_trace(const Attack *attack, const Case *c, const AttackResult *result, size_t i) {
    const Trace *trace = &result->trace[i];
    const Objective *objective = objective_table[c->params.objective];
    size_t count = array_size(trace->loss), columns = result->columns, d = c->task.features;
    const double *loss = array_f64(trace->loss), *scores = array_f64(trace->scores);
    Goal goal = { (size_t)array_i32(result->y)[i],
                  result->target ? array_i32(result->target)[i] : -1, false };
    const double *distance = array_f64(trace->distance);
    Worth worth, last = { 0 };
    assert_true((trace->iterates != NULL) == c->params.iterates);
    for (size_t t = count; t-- > 0;) {
        assert_true(loss[t] == objective->loss(&c->model->base, scores + t * columns, goal));
        worth = (Worth){ verdict_success(&c->model->base, scores + t * columns, goal), loss[t],
                         attack->minimal ? distance[t] : 0 };
        last = t == count - 1 ? worth : last;
        assert_true(attack->keeps_last || t == count - 1 || worth_more(last, worth));
        if (trace->iterates)
            check_point(c, i, array_f32(trace->iterates) + t * d, distance[t]);
    }
    assert_true(distance[count - 1] == array_f64(result->distance)[i]);
    assert_memory_equal(scores + (count - 1) * columns, array_f64(result->scores) + i * columns,
                        columns * sizeof *scores);
}

/* Scores, label and verdict are the model's for the stored point. */
static void check_judgement(const Case *c, const AttackResult *result, size_t i) {
    Model *model = &c->model->base;
    double scores[MOST_CLASSES + 1];
    const float *x = array_f32(result->x_adv) + i * c->task.features;
    Goal goal = { (size_t)array_i32(result->y)[i],
                  result->target ? array_i32(result->target)[i] : -1, false };
    Error err;
    assert_true(model_scores(model, &(Batch){ x, 1, c->task.features, "test" }, scores, &err));
    assert_memory_equal(scores, array_f64(result->scores) + i * result->columns,
                        result->columns * sizeof *scores);
    assert_int_equal(array_i32(result->label)[i], model_label(model, scores));
    Verdict verdict = result_verdict(result, i);
    assert_int_equal(verdict == VERDICT_WRONG || verdict == VERDICT_EVADED,
                     verdict_success(model, scores, (Goal){ goal.truth, -1, false }));
    assert_true((verdict == VERDICT_WRONG) <= (result_start_verdict(result, i) == VERDICT_WRONG));
    assert_int_equal(verdict == VERDICT_REJECTED, verdict_rejected(model, scores));
    assert_int_equal(result_hit(result, i),
                     goal.target >= 0 && verdict_success(model, scores, goal));
}

/* All rows that the model has scored are counted, but those of the start points and the last look.
 */
static void check_counts(const Attack *attack, const Case *c, const AttackResult *result) {
    size_t rows = 0;
    for (size_t i = 0; i < result->n; i++) {
        rows += (size_t)array_i32(result->score_count)[i];
        bool at_once = ((c->params.early_stop || attack->minimal) &&
                        array_i32(result->stop)[i] == STOP_REACHED) ||
                       array_i32(result->stop)[i] == STOP_MAX_QUERIES;
        assert_true((array_i32(result->gradient_count)[i] > 0) == attack->gradient || at_once);
    }
    assert_int_equal(c->model->rows, rows + result->n + c->task.start.n);
}

static void test_results(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 5);
    for (size_t a = 0; attack_table[a]; a++)
        for (int round = 0; round < ROUNDS; round++) {
            Case c;
            draw(&c, attack_table[a], &rng);
            AttackResult *result = run(attack_table[a], &c.params, &c.task);
            check_counts(attack_table[a], &c, result);
            for (size_t i = 0; i < c.task.n; i++) {
                check_point(&c, i, array_f32(result->x_adv) + i * c.task.features,
                            array_f64(result->distance)[i]);
                check_trace(attack_table[a], &c, result, i);
                check_judgement(&c, result, i);
            }
            result_free(result);
            clear(&c);
        }
}

/* ---- Runs beside each other ---- */

static void assert_same(const AttackResult *a, size_t i, const AttackResult *b, size_t k) {
    size_t d = a->features, count = array_size(a->trace[i].loss);
    assert_memory_equal(array_f32(a->x_adv) + i * d, array_f32(b->x_adv) + k * d,
                        d * sizeof(float));
    assert_int_equal(count, array_size(b->trace[k].loss));
    assert_memory_equal(array_f64(a->trace[i].loss), array_f64(b->trace[k].loss),
                        count * sizeof(double));
    assert_int_equal(array_i32(a->stop)[i], array_i32(b->stop)[k]);
    assert_int_equal(array_i32(a->score_count)[i], array_i32(b->score_count)[k]);
    assert_int_equal(array_i32(a->gradient_count)[i], array_i32(b->gradient_count)[k]);
}

/* Sample i and what is its own. */
static AttackTask task_alone(const Case *c, size_t i) {
    AttackTask one = c->task;
    one.n = 1;
    one.x += i * one.features;
    one.y = one.y ? one.y + i : NULL;
    one.target = one.target ? one.target + i : NULL;
    one.begin = one.begin ? one.begin + i * one.features : NULL;
    return one;
}

static AttackParams params_alone(const Case *c, size_t i) {
    AttackParams own = c->params;
    own.dmax_each = NULL;
    own.dmax = radius_of(c, i);
    return own;
}

/* This model's scores do not depend on the batch: a second run and a run of one sample give the
 * same bits. */
static void test_again_and_alone(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 6);
    for (size_t a = 0; attack_table[a]; a++)
        for (int round = 0; round < ROUNDS / 2; round++) {
            Case c;
            draw(&c, attack_table[a], &rng);
            AttackResult *first = run(attack_table[a], &c.params, &c.task);
            AttackResult *again = run(attack_table[a], &c.params, &c.task);
            for (size_t i = 0; i < c.task.n; i++) {
                AttackTask one = task_alone(&c, i);
                AttackParams own = params_alone(&c, i);
                AttackResult *alone = run(attack_table[a], &own, &one);
                assert_same(first, i, again, i);
                assert_same(first, i, alone, 0);
                result_free(alone);
            }
            result_free(first);
            result_free(again);
            clear(&c);
        }
}

/* ---- Budgets ---- */

static size_t spent_on(const AttackResult *result, size_t i) {
    return (size_t)array_i32(result->score_count)[i] + (size_t)array_i32(result->gradient_count)[i];
}

/* A line search of pgd_exp with its halvings, its gradient, and a further start of each class. */
enum { DEAREST = 4 + 11 + 1 + MOST_CLASSES };

/* Nobody passes its number, and who has stopped for it was near; the answer is what was found. */
static void check_budget(const Case *c, const AttackResult *result, const AttackResult *whole) {
    for (size_t i = 0; i < result->n; i++) {
        size_t most = (size_t)array_i32(c->params.max_queries)[0];
        bool stopped = array_i32(result->stop)[i] == STOP_MAX_QUERIES;
        bool reached = array_i32(result->stop)[i] == STOP_REACHED;
        assert_true(spent_on(result, i) <= most && spent_on(result, i) >= 1);
        assert_true(!stopped || most - spent_on(result, i) < DEAREST);
        assert_true(stopped || reached || spent_on(result, i) == spent_on(whole, i));
        check_point(c, i, array_f32(result->x_adv) + i * c->task.features,
                    array_f64(result->distance)[i]);
        check_judgement(c, result, i);
    }
}

static void test_max_queries(void **state) {
    (void)state;
    static const int32_t budgets[] = { 1, 2, 7, 50 };
    Rng rng;
    Error err;
    rng_seed(&rng, 8);
    Array *most = array_new1("test", DTYPE_I32, 1, &err);
    size_t ended = 0;
    for (size_t a = 0; attack_table[a]; a++)
        for (int round = 0; round < ROUNDS; round++) {
            Case c;
            draw(&c, attack_table[a], &rng);
            c.task.rule = c.task.target ? TARGET_ANY : (TargetRule)rng_below(&rng, 3);
            AttackResult *whole = run(attack_table[a], &c.params, &c.task);
            c.params.max_queries = most;
            array_i32(most)[0] = budgets[round % 4];
            c.model->rows = 0;
            AttackResult *result = run(attack_table[a], &c.params, &c.task);
            check_counts(attack_table[a], &c, result);
            check_budget(&c, result, whole);
            for (size_t i = 0; i < result->n; i++)
                ended += array_i32(result->stop)[i] == STOP_MAX_QUERIES;
            result_free(result);
            result_free(whole);
            clear(&c);
        }
    assert_true(ended > ROUNDS);
    array_free(most);
}

/* A sample's budget is its own: it gets the same ones alone and in a batch. */
static void test_budgets_alone(void **state) {
    (void)state;
    Rng rng;
    Error err;
    rng_seed(&rng, 9);
    for (size_t a = 0; attack_table[a]; a++)
        for (int round = 0; round < ROUNDS; round++) {
            Case c;
            draw(&c, attack_table[a], &rng);
            c.task.rule = c.task.target ? TARGET_ANY : TARGET_EACH;
            Array *most = array_new1("test", DTYPE_I32, c.task.n, &err);
            for (size_t i = 0; i < c.task.n; i++)
                array_i32(most)[i] = 1 + (int32_t)rng_below(&rng, 60);
            c.params.max_queries = most;
            AttackResult *all = run(attack_table[a], &c.params, &c.task);
            for (size_t i = 0; i < c.task.n; i++) {
                AttackTask one = task_alone(&c, i);
                AttackParams params = params_alone(&c, i);
                Array *own = array_rows(most, i, 1, &err);
                params.max_queries = own;
                AttackResult *alone = run(attack_table[a], &params, &one);
                assert_true(spent_on(all, i) <= (size_t)array_i32(most)[i]);
                assert_same(all, i, alone, 0);
                result_free(alone);
                array_free(own);
            }
            result_free(all);
            array_free(most);
            clear(&c);
        }
}

/* Another seed gives other points where the attack says that it draws, or restarts at random. One
 * that goes nowhere but where it is better may not have gone anywhere yet: such a one is not looked
 * at. */
static void test_seeds(void **state) {
    (void)state;
    Rng rng;
    rng_seed(&rng, 7);
    for (size_t a = 0; attack_table[a]; a++)
        for (int restarts = 0; restarts <= attack_uses(attack_table[a], "restarts"); restarts++) {
            Case c;
            draw(&c, attack_table[a], &rng);
            c.params.dmax = attack_table[a]->minimal ? INFINITY : 0.3;
            c.params.dmax_each = NULL;
            c.params.eta = 0.05;
            c.params.restarts = restarts;
            c.params.max_iter = attack_table[a]->counts_start ? 2 : 1;
            AttackResult *one = run(attack_table[a], &c.params, &c.task);
            c.params.seed++;
            AttackResult *other = run(attack_table[a], &c.params, &c.task);
            size_t bytes = c.task.n * c.task.features * sizeof(float);
            bool same = memcmp(array_f32(one->x_adv), array_f32(other->x_adv), bytes) == 0;
            bool moved = array_size(one->trace[0].loss) > 1 || array_size(other->trace[0].loss) > 1;
            bool differ = attack_table[a]->draws && (attack_table[a]->keeps_last || moved);
            if (differ && same)
                fail_msg("attack.%s: two seeds, one point", attack_table[a]->name);
            if (!attack_table[a]->draws && restarts == 0)
                assert_true(same);
            assert_int_equal(attack_uses(attack_table[a], "seed"),
                             attack_table[a]->draws || attack_uses(attack_table[a], "restarts"));
            result_free(one);
            result_free(other);
            clear(&c);
        }
}

/* ---- The table itself ---- */

static void test_names_and_options(void **state) {
    (void)state;
    for (size_t a = 0; attack_table[a]; a++) {
        const Attack *attack = attack_table[a];
        assert_ptr_equal(attack_find(attack->name), attack);
        assert_true(attack->summary && attack->trials > 0 && attack->states <= ATTACK_STATES);
        assert_true(attack_uses(attack, "model") && attack_uses(attack, "dmax"));
        assert_false(attack_uses(attack, "nothing"));
        for (const Field *field = attack->fields; field->name; field++) {
            assert_non_null(field->meaning);
            assert_ptr_equal(fields_find(attack->fields, field->name), field); /* once only */
        }
    }
    assert_null(attack_find("nothing"));
}

/* What a field does not take is refused and leaves the parameters as they were. */
static void test_unfit_values_are_refused(void **state) {
    (void)state;
    Value other = { .kind = VALUE_OTHER, .got = "a table" };
    for (size_t a = 0; attack_table[a]; a++)
        for (const Field *field = attack_table[a]->fields; field->name; field++) {
            AttackParams params = attack_table[a]->params, before = params;
            const Value values[] = { other, value_word("sideways"), value_number(-1.5),
                                     value_number(NAN),
                                     field->kind == FIELD_BOOLEAN ? value_whole(1)
                                                                  : value_boolean(true) };
            for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
                Error err;
                assert_false(field_set(field, &params, &values[k], &err));
                assert_non_null(strstr(err.message, field->name));
                assert_memory_equal(&params, &before, sizeof params);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_again_and_alone),
        cmocka_unit_test(test_max_queries),
        cmocka_unit_test(test_budgets_alone),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_names_and_options),
        cmocka_unit_test(test_unfit_values_are_refused),
    };
    return cmocka_run_group_tests_name("attack table", tests, NULL, NULL);
}
