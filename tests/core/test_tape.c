/* tape.h without Lua: what is kept, how often the way back can be gone, what failing leaves. (Each
 * operation's pullback: tests/lua/test_grad.lua.) */
#include "grad/tape.h"

#include "core/array.h"
#include "core/array_math.h"
#include "core/array_values.h"
#include "core/error.h"
#include "grad/operations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Array *numbers(double first, double second) {
    Array *a = array_new1("test", DTYPE_F64, 2, NULL);
    array_f64(a)[0] = first;
    array_f64(a)[1] = second;
    return a;
}

/* a op b, recorded. */
static Array *apply(Tape *tape, const char *name, const Array *a, const Array *b) {
    const Array *in[2] = { a, b };
    Array *y = array_apply(array_op(name), in, NULL);
    Record record = { .operation = operation_find(name),
                      .input = in,
                      .inputs = b ? 2 : 1,
                      .output = &y,
                      .outputs = 1,
                      .source = "script.lua",
                      .line = 12 };
    assert_true(tape_record(tape, &record, NULL));
    return y;
}

static void check_gradient(Tape *tape, size_t input, double first, double second) {
    Array *g = tape_gradient(tape, input, NULL);
    assert_true(array_is_sole(g) && array_is_contiguous(g) && !g->read_only);
    assert_true(array_f64(g)[0] == first && array_f64(g)[1] == second);
    array_free(g);
}

/* y = exp(a) · a, whose gradient is (1 + a) exp(a); at 0 and 0 that is 1. */
typedef struct Case {
    Tape *tape;
    Array *constant, *a, *exponential, *y;
} Case;

static Case exp_times_a(void) {
    Case c = { .tape = tape_new(NULL), .constant = numbers(0, 0) };
    c.a = tape_input(c.tape, c.constant, NULL);
    c.exponential = apply(c.tape, "exp", c.a, NULL);
    c.y = apply(c.tape, "mul", c.exponential, c.a);
    return c;
}

static void drop(Case *c) {
    tape_free(c->tape);
    array_free(c->constant);
    array_free(c->a);
    array_free(c->exponential);
    array_free(c->y);
}

static void test_a_way_that_is_kept_can_be_gone_again(void **state) {
    (void)state;
    Case c = exp_times_a();
    Array *w = numbers(2, 3);
    for (int i = 0; i < 2; i++) {
        assert_true(tape_backward(c.tape, &(Backward){ c.y, w, true }, NULL));
        check_gradient(c.tape, 0, 2, 3);
    }
    assert_true(tape_holds(c.tape, c.exponential));
    assert_true(tape_backward(c.tape, &(Backward){ c.y, w, false }, NULL));
    check_gradient(c.tape, 0, 2, 3);
    assert_false(tape_holds(c.tape, c.exponential)); /* it has gone with the way */
    assert_true(array_f64(w)[0] == 2);               /* nobody wrote over it */
    array_free(w);
    drop(&c);
}

static void test_what_a_tape_knows(void **state) {
    (void)state;
    Case c = exp_times_a();
    Tape *other = tape_new(NULL);
    Array *view = array_share(c.y, NULL);
    assert_true(tape_knows(c.tape, c.a) && tape_knows(c.tape, c.y));
    assert_false(tape_knows(c.tape, c.constant) || tape_knows(c.tape, view));
    assert_false(tape_knows(other, c.y));
    assert_true(tape_holds(c.tape, c.constant)); /* the input's numbers */
    assert_true(c.a->read_only);
    array_free(view);
    tape_free(other);
    drop(&c);
}

/* Of what the tape does not know, and of no answer at all. */
static void test_gradients_of_constants_are_zero(void **state) {
    (void)state;
    Case c = exp_times_a();
    assert_true(tape_backward(c.tape, &(Backward){ .y = c.constant, .keep = true }, NULL));
    check_gradient(c.tape, 0, 0, 0);
    assert_true(tape_backward(c.tape, &(Backward){ .y = NULL }, NULL));
    check_gradient(c.tape, 0, 0, 0);
    drop(&c);
}

static void count_forgotten(void *attributes) {
    ++**(int **)attributes;
}

static bool refuse(const Pull *pull, Error *err) {
    (void)pull;
    return error_set(err, ERROR_ARGUMENT, "refused");
}

static void test_failures_name_the_operation_and_its_line(void **state) {
    (void)state;
    static const Operation refusing = {
        .name = "refusing", .inputs = 1, .pull = refuse, .forget = count_forgotten
    };
    Error err = { 0 };
    int forgotten = 0, **attributes = malloc(sizeof *attributes);
    *attributes = &forgotten;
    Case c = exp_times_a();
    Array *y = array_copy("test", c.y, NULL);
    const Record record = { .operation = &refusing,
                            .input = (const Array *[]){ c.y },
                            .inputs = 1,
                            .output = &y,
                            .outputs = 1,
                            .attributes = attributes };
    assert_true(tape_record(c.tape, &record, NULL)); /* in tail position: the line before stands */
    assert_false(tape_backward(c.tape, &(Backward){ y, c.constant, false }, &err));
    assert_string_equal(err.message, "the gradient of refusing (script.lua:12): refused");
    assert_int_equal(forgotten, 1);
    array_free(y);
    drop(&c);
    assert_int_equal(forgotten, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_way_that_is_kept_can_be_gone_again),
        cmocka_unit_test(test_what_a_tape_knows),
        cmocka_unit_test(test_gradients_of_constants_are_zero),
        cmocka_unit_test(test_failures_name_the_operation_and_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
