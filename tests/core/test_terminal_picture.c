#include "core/error.h"
#include "plot/terminal_picture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *draw(const Panel *panels, size_t count, PictureMode mode, size_t width) {
    Error err = { 0 };
    char *text = terminal_picture(panels, count, &(PictureSpace){ mode, width, 0 }, &err);
    assert_non_null(text);
    return text;
}

static void colours_at_the_ends_and_outside(void **state) {
    (void)state;
    Rgb black = colour_at(COLOUR_GREY, -3), white = colour_at(COLOUR_GREY, 2);
    assert_int_equal(black.r + black.g + black.b, 0);
    assert_int_equal(white.r + white.g + white.b, 3 * 255);
    Rgb middle = colour_at(COLOUR_DIVERGING, 0.5);
    assert_int_equal(middle.r, 247);
    assert_int_equal(middle.b, 247);
    Rgb nan = colour_at(COLOUR_HEAT, NAN);
    assert_int_equal(nan.g, 0);
    assert_int_equal(nan.r, 255);
}

static void xterm_colours_are_the_nearest(void **state) {
    (void)state;
    assert_int_equal(colour_xterm256((Rgb){ 0, 0, 0 }), 16);
    assert_int_equal(colour_xterm256((Rgb){ 255, 255, 255 }), 231);
    assert_int_equal(colour_xterm256((Rgb){ 255, 0, 0 }), 196);
    assert_int_equal(colour_xterm256((Rgb){ 0, 255, 0 }), 46);
    assert_int_equal(colour_xterm256((Rgb){ 0, 0, 255 }), 21);
    assert_int_equal(colour_xterm256((Rgb){ 128, 128, 128 }), 244);
}

static void plain_puts_two_pixel_rows_into_one_line(void **state) {
    (void)state;
    const float value[] = { 0, 1, 0, 1 };
    Panel panel = { value, 2, 2, 0, 1, COLOUR_GREY, "ab", false };
    char *text = draw(&panel, 1, PICTURE_PLAIN, 10);
    assert_string_equal(text, "ab\n @\n");
    free(text);
}

static void rgb_sends_a_colour_only_where_it_changes(void **state) {
    (void)state;
    const float value[] = { 0, 0, 1, 1 };
    Panel panel = { value, 2, 2, 0, 1, COLOUR_GREY, NULL, false };
    char *text = draw(&panel, 1, PICTURE_RGB, 10);
    assert_string_equal(text, "\033[38;2;0;0;0m\033[48;2;255;255;255m\xe2\x96\x80"
                              "\xe2\x96\x80\033[0m\n");
    free(text);
}

static void panels_share_a_line_while_they_fit(void **state) {
    (void)state;
    const float value[4] = { 1, 1, 1, 1 };
    Panel two[] = { { value, 2, 2, 0, 1, COLOUR_GREY, NULL, false },
                    { value, 2, 2, 0, 1, COLOUR_GREY, NULL, false } };
    char *wide = draw(two, 2, PICTURE_PLAIN, 6), *narrow = draw(two, 2, PICTURE_PLAIN, 5);
    assert_string_equal(wide, "@@  @@\n");
    assert_string_equal(narrow, "@@\n\n@@\n");
    free(wide);
    free(narrow);
}

static void a_wide_panel_is_averaged_into_the_width(void **state) {
    (void)state;
    const float value[] = { 0, 1, 1, 1 };
    Panel panel = { value, 1, 4, 0, 1, COLOUR_GREY, NULL, false };
    char *text = draw(&panel, 1, PICTURE_PLAIN, 2);
    assert_string_equal(text, "+@\n"); /* means 0.5 and 1 */
    free(text);
}

static void nan_and_a_flat_range_are_drawn(void **state) {
    (void)state;
    const float value[] = { NAN, 3 };
    Panel panel = { value, 1, 2, 3, 3, COLOUR_GREY, NULL, false };
    char *text = draw(&panel, 1, PICTURE_PLAIN, 8);
    assert_string_equal(text, "?+\n");
    free(text);
}

static void captions_are_cut_by_characters_not_bytes(void **state) {
    (void)state;
    const float value[4] = { 1, 1, 1, 1 };
    Panel panel = { value, 2, 2, 0, 1, COLOUR_GREY, "\xc3\xa9\xc3\xa9\xc3\xa9", false };
    char *text = draw(&panel, 1, PICTURE_PLAIN, 8);
    assert_string_equal(text, "\xc3\xa9\xc3\xa9\n@@\n");
    free(text);
}

static void sixel_is_framed_and_names_its_size(void **state) {
    (void)state;
    const float value[] = { 0, 1 };
    Panel panel = { value, 1, 2, 0, 1, COLOUR_GREY, NULL, false };
    char *text = draw(&panel, 1, PICTURE_SIXEL, 8);
    assert_ptr_equal(strstr(text, "\033P0;1;0q\"1;1;20;10"), text);
    assert_string_equal(text + strlen(text) - 3, "\033\\\n");
    /* the left pixel is black (16), ten columns of a full band, then ten empty ones */
    assert_non_null(strstr(text, "#16!10~!10?$"));
    free(text);
}

static void three_planes_are_colours(void **state) {
    (void)state;
    const float value[] = { 1, 0, 0.5F, 0, 0, 1 }; /* red and green of both pixels, then blue */
    Panel panel = { value, 1, 2, 0, 1, COLOUR_GREY, NULL, true };
    char *text = draw(&panel, 1, PICTURE_RGB, 10);
    assert_string_equal(text, "\033[38;2;255;128;0m\xe2\x96\x80"
                              "\033[38;2;0;0;255m\xe2\x96\x80\033[0m\n");
    free(text);
    text = draw(&panel, 1, PICTURE_PLAIN, 1); /* both in one cell, as bright as their mean */
    assert_string_equal(text, "=\n");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_at_the_ends_and_outside),
        cmocka_unit_test(xterm_colours_are_the_nearest),
        cmocka_unit_test(plain_puts_two_pixel_rows_into_one_line),
        cmocka_unit_test(rgb_sends_a_colour_only_where_it_changes),
        cmocka_unit_test(panels_share_a_line_while_they_fit),
        cmocka_unit_test(a_wide_panel_is_averaged_into_the_width),
        cmocka_unit_test(nan_and_a_flat_range_are_drawn),
        cmocka_unit_test(captions_are_cut_by_characters_not_bytes),
        cmocka_unit_test(three_planes_are_colours),
        cmocka_unit_test(sixel_is_framed_and_names_its_size),
    };
    return cmocka_run_group_tests_name("terminal_picture", tests, NULL, NULL);
}
