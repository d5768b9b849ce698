/* Variables into settings.  What is said about values that make no sense: tests/endtoend/variables_each.py. */
#include "preload/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {
    "WINAPI_MODE",       "WINAPI_ROUTE",          "WINAPI_HOST",        "WINAPI_SPEC",
    "WINAPI_TRANSPORT",  "WINAPI_TRACE",          "WINAPI_SOCKET_PORT", "WINAPI_CONNECT_TIMEOUT",
    "WINAPI_DEBUG",      "WINAPI_LOG_LEVEL",      "WINAPI_LOG_FILE",    "WINAPI_CALL_TIMEOUT",
    "WINAPI_SHARED_MEM", "WINAPI_COMPARE_REPORT",
};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unsetenv(names[i]);
    setenv("WINAPI_LOG_LEVEL", "none", 1);
    return 0;
}

/* All that were read: their strings are never freed, as a process reads its settings once. */
static struct settings kept[64];
static size_t kept_count;

static struct settings read_with(const char *name, const char *value)
{
    struct settings *settings = &kept[kept_count++];

    assert_true(kept_count < COUNT_OF(kept));
    if (name)
        setenv(name, value, 1);
    settings_read(settings);
    return *settings;
}

static void without_variables_there_are_defaults(void **state)
{
    struct settings settings = read_with(NULL, NULL);

    (void)state;
    assert_int_equal(settings.mode, MODE_REMOTE);
    assert_int_equal(settings.medium, MEDIUM_MEMORY);
    assert_int_equal(settings.port, 0x1234);
    assert_int_equal(settings.connect_timeout_ms, 5000);
    assert_int_equal(settings.call_timeout_ms, 0);
    assert_null(settings.host);
    assert_null(settings.trace);
    assert_null(settings.shared_memory);
}

static void an_empty_value_counts_as_unset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        setenv(names[i], "", 1);
    without_variables_there_are_defaults(state);
}

static void durations_are_seconds_unless_they_say_ms(void **state)
{
    (void)state;
    assert_int_equal(read_with("WINAPI_CALL_TIMEOUT", "30").call_timeout_ms, 30000);
    assert_int_equal(read_with("WINAPI_CALL_TIMEOUT", "30s").call_timeout_ms, 30000);
    assert_int_equal(read_with("WINAPI_CALL_TIMEOUT", "250ms").call_timeout_ms, 250);
}

static void other_durations_leave_the_default(void **state)
{
    static const char *const wrong[] = {"soon", "-1", "1.5", "3 s", "30sec", "s", "4294967296"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(read_with("WINAPI_CONNECT_TIMEOUT", wrong[i]).connect_timeout_ms, 5000);
}

static void modes_and_media_are_words(void **state)
{
    (void)state;
    assert_int_equal(read_with("WINAPI_MODE", "native").mode, MODE_NATIVE);
    assert_int_equal(read_with("WINAPI_MODE", "compare").mode, MODE_COMPARE);
    assert_int_equal(read_with("WINAPI_MODE", "Native").mode, MODE_REMOTE);
    assert_int_equal(read_with("WINAPI_TRANSPORT", "socket").medium, MEDIUM_SOCKET);
    assert_int_equal(read_with("WINAPI_TRANSPORT", "sockets").medium, MEDIUM_MEMORY);
}

static void a_part_of_a_mode_is_none(void **state)
{
    enum mode mode = MODE_COMPARE;

    (void)state;
    assert_int_equal(mode_parse("remote!", 6, &mode), 0);
    assert_int_equal(mode, MODE_REMOTE);
    assert_int_equal(mode_parse("remote", 3, &mode), -EINVAL);
    assert_int_equal(mode, MODE_REMOTE);
}

static void ports_are_numbers_of_32_bits_but_not_0(void **state)
{
    static const char *const wrong[] = {"", "0", "-1", "+1", " 1", "1 ", "0x", "4294967296", "port"};
    unsigned port = 7;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_true(port_parse(wrong[i], &port) < 0);
    assert_int_equal(port, 7);
    assert_int_equal(port_parse("4660", &port), 0);
    assert_int_equal(port, 4660);
    assert_int_equal(port_parse("0xffffffff", &port), 0);
    assert_int_equal(port, UINT32_MAX);
}

static void trace_goes_to_stderr_or_a_file(void **state)
{
    (void)state;
    assert_string_equal(read_with("WINAPI_TRACE", "1").trace, "");
    assert_string_equal(read_with("WINAPI_TRACE", "/tmp/calls").trace, "/tmp/calls");
    assert_null(read_with("WINAPI_TRACE", "0").trace);
}

static void strings_are_copies(void **state)
{
    struct settings settings = read_with("WINAPI_HOST", "unix:/run/one");

    (void)state;
    setenv("WINAPI_HOST", "unix:/run/other", 1);
    assert_string_equal(settings.host, "unix:/run/one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_variables_there_are_defaults, clear_environment),
        cmocka_unit_test_setup(an_empty_value_counts_as_unset, clear_environment),
        cmocka_unit_test_setup(durations_are_seconds_unless_they_say_ms, clear_environment),
        cmocka_unit_test_setup(other_durations_leave_the_default, clear_environment),
        cmocka_unit_test_setup(modes_and_media_are_words, clear_environment),
        cmocka_unit_test_setup(a_part_of_a_mode_is_none, clear_environment),
        cmocka_unit_test_setup(ports_are_numbers_of_32_bits_but_not_0, clear_environment),
        cmocka_unit_test_setup(trace_goes_to_stderr_or_a_file, clear_environment),
        cmocka_unit_test_setup(strings_are_copies, clear_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
