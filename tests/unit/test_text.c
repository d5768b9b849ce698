/* Growing text: what it holds, and that it never loses what it had. */
#include "spec/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void nothing_added_is_no_memory(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    assert_null(text.data);
    assert_int_equal(text.size, 0);
}

static void pieces_follow_each_other(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add(&text, "one ");
    text_add_bytes(&text, "two, three", 3);
    text_format(&text, " %d", 3);
    assert_string_equal(text.data, "one two 3");
    assert_int_equal(text.size, strlen("one two 3"));
    assert_false(text.failed);
}

static void an_added_nul_counts_as_a_byte(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add_bytes(&text, "a\0b", 3);
    assert_int_equal(text.size, 3);
    assert_memory_equal(text.data, "a\0b", 4);
}

static void every_length_around_a_doubling_is_whole(void **state)
{
    char expected[300];

    (void)state;
    memset(expected, 'x', sizeof(expected));
    for (int length = 0; length < (int)sizeof(expected); length++) {
        AUTO_TEXT struct text text = {0};

        text_add(&text, "<");
        text_format(&text, "%.*s", length, expected);
        text_add(&text, ">");
        assert_int_equal(text.size, length + 2);
        assert_memory_equal(text.data + 1, expected, (size_t)length);
        assert_string_equal(text.data + 1 + length, ">");
    }
}

static void a_size_beyond_all_memory_fails_and_keeps_the_rest(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add(&text, "kept");
    text_add_bytes(&text, "", SIZE_MAX - 2);
    assert_true(text.failed);
    assert_string_equal(text.data, "kept");
}

static void a_failed_text_stays_failed(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add(&text, "kept");
    text_add_bytes(&text, "", SIZE_MAX);
    text_add(&text, " lost");
    text_format(&text, "%d", 1);
    text_add_escaped(&text, "\n", 1);
    assert_true(text.failed);
    assert_string_equal(text.data, "kept");
}

static void finished_text_may_be_used_again(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add_bytes(&text, "", SIZE_MAX);
    text_finish(&text);
    assert_false(text.failed);
    text_add(&text, "new");
    assert_string_equal(text.data, "new");
}

static void escapes_are_those_of_c(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add_escaped(&text, "a\n\r\t\"\\\x01\xff", 8);
    assert_string_equal(text.data, "a\\n\\r\\t\\\"\\\\\\x01\\xff");
}

/* "\x01" followed by "f" would be read back as the one byte 0x1f. */
static void an_escape_does_not_swallow_the_digit_after_it(void **state)
{
    AUTO_TEXT struct text text = {0};

    (void)state;
    text_add_escaped(&text,
                     "\x01"
                     "f\xff"
                     "9\x02g",
                     6);
    assert_string_equal(text.data, "\\001f\\3779\\x02g");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_added_is_no_memory),
        cmocka_unit_test(pieces_follow_each_other),
        cmocka_unit_test(an_added_nul_counts_as_a_byte),
        cmocka_unit_test(every_length_around_a_doubling_is_whole),
        cmocka_unit_test(a_size_beyond_all_memory_fails_and_keeps_the_rest),
        cmocka_unit_test(a_failed_text_stays_failed),
        cmocka_unit_test(finished_text_may_be_used_again),
        cmocka_unit_test(escapes_are_those_of_c),
        cmocka_unit_test(an_escape_does_not_swallow_the_digit_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
