#include "core/notes.h"
#include "core/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void a_note_is_left_by_an_interrupt_alone(void **state) {
    (void)state;
    note_leave("stopped at epoch %d", 1);
    assert_string_equal(note_left(), "");
    progress_interrupt();
    note_leave("stopped at epoch %d", 2);
    progress_clear_interrupt();
    assert_string_equal(note_left(), "stopped at epoch 2");
    note_forget();
    assert_string_equal(note_left(), "");
}

static void the_outermost_call_has_the_last_word(void **state) {
    (void)state;
    progress_interrupt();
    note_leave("the fit was stopped");
    note_leave("the search of %s was stopped", "\x1b[2J\xff");
    progress_clear_interrupt();
    assert_string_equal(note_left(), "the search of \\x1b[2J\\xff was stopped");
    note_forget();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_is_left_by_an_interrupt_alone),
        cmocka_unit_test(the_outermost_call_has_the_last_word),
    };
    return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
