/* The log as the program around it sees it: one write a line, errno kept, no signal, no descriptor. */
#include "spec/base/log.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char received[8192];

/* Runs `write_lines` with stderr on a pipe and gives what arrived there. */
static const char *captured(void (*write_lines)(void))
{
    int ends[2];
    int saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[1]);
    write_lines();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);

    ssize_t size = read(ends[0], received, sizeof(received) - 1);

    close(ends[0]);
    assert_true(size >= 0);
    received[size] = '\0';
    return received;
}

static const char *with_pid(const char *format)
{
    static char line[256];

    snprintf(line, sizeof(line), format, (int)getpid());
    return line;
}

static void write_warning(void)
{
    log_start("winapi", LOG_WARN, NULL);
    log_warn("table %s: %d", "zlib", 7);
}

static void a_warning_is_program_pid_and_message(void **state)
{
    (void)state;
    assert_string_equal(captured(write_warning), with_pid("winapi[%d]: table zlib: 7\n"));
}

static void write_debug(void)
{
    log_start("winapi-host", LOG_DEBUG, NULL);
    log_debug("here");
}

static void chatter_names_its_level(void **state)
{
    (void)state;
    assert_string_equal(captured(write_debug), with_pid("winapi-host[%d]: debug: here\n"));
}

static void write_too_quiet(void)
{
    log_start("winapi", LOG_WARN, NULL);
    log_info("not shown");
    log_debug("not shown");
    log_trace("not shown");
    log_start("winapi", LOG_NONE, NULL);
    log_error("not shown");
    log_write(LOG_NONE, "not shown");
}

static void what_the_level_excludes_is_not_written(void **state)
{
    (void)state;
    assert_string_equal(captured(write_too_quiet), "");
}

static void write_long(void)
{
    char text[3000];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_start("winapi", LOG_WARN, NULL);
    log_warn("%s", text);
}

static void a_long_line_ends_in_dots_within_1_kib(void **state)
{
    const char *line = captured(write_long);

    (void)state;
    assert_int_equal(strlen(line), 1024);
    assert_string_equal(line + 1024 - 5, "x...\n");
}

static void write_exact(void)
{
    size_t prefix = strlen(with_pid("winapi[%d]: "));

    log_start("winapi", LOG_WARN, NULL);
    log_warn("%0*d", (int)(1023 - prefix), 1);
}

static void a_line_that_just_fits_is_not_cut(void **state)
{
    const char *line = captured(write_exact);

    (void)state;
    assert_int_equal(strlen(line), 1024);
    assert_string_equal(line + 1024 - 5, "0001\n");
}

static void write_hostile(void)
{
    log_start("winapi", LOG_WARN, NULL);
    log_warn("name %s", "a\nwinapi[1]: forged\x1b[2J");
}

static void text_from_elsewhere_starts_no_line(void **state)
{
    (void)state;
    assert_string_equal(captured(write_hostile), with_pid("winapi[%d]: name a winapi[1]: forged [2J\n"));
}

static void write_errno(void)
{
    log_start("winapi", LOG_WARN, NULL);
    errno = ENOENT;
    log_warn("%m");
    assert_int_equal(errno, ENOENT);
}

static void errno_is_kept_and_can_be_named(void **state)
{
    (void)state;
    assert_string_equal(captured(write_errno), with_pid("winapi[%d]: No such file or directory\n"));
}

static void a_reader_that_went_away_raises_no_signal(void **state)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);
    sigset_t pending;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    close(ends[0]);
    close(ends[1]);
    log_start("winapi", LOG_WARN, NULL);
    log_warn("nobody reads this");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    assert_int_equal(sigpending(&pending), 0);
    assert_false(sigismember(&pending, SIGPIPE));
}

static void a_file_takes_the_lines_and_no_descriptor_stays(void **state)
{
    char path[] = "/tmp/winapi-test-log-XXXXXX";
    AUTO_CLOSE int file = mkstemp(path);
    int lowest_before = dup(file);

    (void)state;
    assert_true(file >= 0 && close(lowest_before) == 0);
    log_start("winapi", LOG_WARN, path);
    log_warn("one");
    log_error("two");
    log_start("winapi", LOG_WARN, NULL);
    unlink(path);

    ssize_t size = read(file, received, sizeof(received) - 1);
    AUTO_CLOSE int lowest_after = dup(file);

    assert_true(size > 0);
    received[size] = '\0';
    assert_non_null(strstr(received, ": one\n"));
    assert_non_null(strstr(received, ": two\n"));
    assert_int_equal(lowest_after, lowest_before);
}

static void write_without_file(void)
{
    log_start("winapi", LOG_WARN, "/nonexistent/log");
    log_warn("still said");
    log_start("winapi", LOG_WARN, NULL);
}

static void a_file_that_cannot_be_opened_means_stderr(void **state)
{
    (void)state;
    assert_string_equal(captured(write_without_file), with_pid("winapi[%d]: still said\n"));
}

static void write_hushed(void)
{
    log_start("winapi", LOG_DEBUG, NULL);
    log_hush(true);
    log_error("said before");
    log_hush(false);
    log_error("said now");
}

static void what_is_hushed_is_not_written(void **state)
{
    (void)state;
    assert_string_equal(captured(write_hushed), with_pid("winapi[%d]: said now\n"));
}

static void the_level_that_counts_has_a_name(void **state)
{
    (void)state;
    log_start("winapi", LOG_INFO, NULL);
    assert_string_equal(log_level_name(), "info");
}

static void level_names_are_read_in_any_case(void **state)
{
    enum log_level level = LOG_NONE;

    (void)state;
    assert_int_equal(log_level_parse("Debug", &level), 0);
    assert_int_equal(level, LOG_DEBUG);
    assert_int_equal(log_level_parse("none", &level), 0);
    assert_int_equal(level, LOG_NONE);
}

static void other_level_names_are_refused(void **state)
{
    enum log_level level = LOG_INFO;

    (void)state;
    assert_int_equal(log_level_parse("", &level), -EINVAL);
    assert_int_equal(log_level_parse("debugging", &level), -EINVAL);
    assert_int_equal(log_level_parse("4", &level), -EINVAL);
    assert_int_equal(level, LOG_INFO);
}

static void take_line(const char *text, void *context)
{
    snprintf(context, 64, "%s", text);
}

static char taken[64];

static void write_diverted(void)
{
    log_start("winapi", LOG_NONE, NULL);
    log_divert(take_line, taken);
    log_error("one\ntwo %d", 3);
    log_divert(NULL, NULL);
    log_error("this goes nowhere at this level");
}

static void diverted_lines_are_handed_over_at_any_level(void **state)
{
    (void)state;
    assert_string_equal(captured(write_diverted), "");
    assert_string_equal(taken, "one two 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warning_is_program_pid_and_message),
        cmocka_unit_test(chatter_names_its_level),
        cmocka_unit_test(what_the_level_excludes_is_not_written),
        cmocka_unit_test(a_long_line_ends_in_dots_within_1_kib),
        cmocka_unit_test(a_line_that_just_fits_is_not_cut),
        cmocka_unit_test(text_from_elsewhere_starts_no_line),
        cmocka_unit_test(errno_is_kept_and_can_be_named),
        cmocka_unit_test(a_reader_that_went_away_raises_no_signal),
        cmocka_unit_test(a_file_takes_the_lines_and_no_descriptor_stays),
        cmocka_unit_test(a_file_that_cannot_be_opened_means_stderr),
        cmocka_unit_test(what_is_hushed_is_not_written),
        cmocka_unit_test(the_level_that_counts_has_a_name),
        cmocka_unit_test(level_names_are_read_in_any_case),
        cmocka_unit_test(other_level_names_are_refused),
        cmocka_unit_test(diverted_lines_are_handed_over_at_any_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
