/*
 * preload/loader/reexec.c.  The program runs itself as a child that then runs itself once more, with a stub without
 * functions in LD_PRELOAD.
 */
#include "preload/loader/reexec.h"

#include "preload/stub/stub_file.h"
#include "spec/base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HASH = 0xabc };

extern char **environ;

static char stub_path[] = "/tmp/test_reexec.XXXXXX";

static int make_stub(void **state)
{
    const struct catalog catalog = {0};
    int fd = mkstemp(stub_path);
    uint8_t *bytes = NULL;
    size_t size = 0;
    int error = stub_file_make(&catalog, HASH, &bytes, &size);

    (void)state;
    if (!error)
        error = file_replace(stub_path, bytes, size, 0700);
    free(bytes);
    close(fd);
    return error;
}

static int remove_stub(void **state)
{
    (void)state;
    return unlink(stub_path);
}

/* What the second run must find; a bit for each that it does not. */
static int judge_second_run(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    const char *expected_pid = getenv("TEST_PID");
    char name[17] = "";

    prctl(PR_GET_NAME, name, 0, 0, 0);
    return (argc != 5 || strcmp(argv[2], "") != 0 || strcmp(argv[3], "a b") != 0 || strcmp(argv[4], "") != 0) |
           (!expected_pid || atoi(expected_pid) != (int)getpid()) << 1 | (getenv("WINAPI_REEXEC") != NULL) << 2 |
           (!preload || strstr(preload, getenv("TEST_STUB")) == NULL) << 3 | (strcmp(name, "renamed") != 0) << 4;
}

static int first_run(void)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("TEST_PID", pid, 1);
    prctl(PR_SET_NAME, "renamed", 0, 0, 0);
    return reexec_with_stub(getenv("TEST_STUB"), HASH) ? 100 : 101;
}

static void program_runs_again_as_the_same_process(void **state)
{
    pid_t child = fork();
    int status = 0;

    (void)state;
    if (child == 0) {
        setenv("TEST_STUB", stub_path, 1);
        /* The stub stands before this program's own sanitizer. */
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        execl("/proc/self/exe", "test_reexec", "again", "", "a b", "", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void set_guard(pid_t pid, const char *hash)
{
    char guard[64];

    snprintf(guard, sizeof(guard), "%d:%s:test_reexec", (int)pid, hash);
    setenv("WINAPI_REEXEC", guard, 1);
}

static void guard_of_this_process_counts_once(void **state)
{
    (void)state;
    set_guard(getpid(), "0000000000000abc");
    setenv("BEHIND_IT", "kept", 1);
    assert_true(reexec_is_second());
    assert_true(reexec_was_done(HASH));
    assert_false(reexec_is_second());
    assert_null(getenv("WINAPI_REEXEC"));
    assert_string_equal(getenv("BEHIND_IT"), "kept");
    assert_false(reexec_was_done(HASH));
}

static void guard_of_another_process_or_stub_is_only_removed(void **state)
{
    (void)state;
    set_guard(getppid(), "0000000000000abc");
    assert_false(reexec_is_second());
    assert_false(reexec_was_done(HASH));
    assert_null(getenv("WINAPI_REEXEC"));
    set_guard(getpid(), "0000000000000abd");
    assert_false(reexec_was_done(HASH));
    assert_null(getenv("WINAPI_REEXEC"));
    setenv("WINAPI_REEXEC", "nonsense", 1);
    assert_false(reexec_was_done(HASH));
    assert_null(getenv("WINAPI_REEXEC"));
}

static void process_without_environment_was_not_run_again(void **state)
{
    char **kept = environ;

    (void)state;
    environ = NULL;
    assert_false(reexec_was_done(HASH));
    environ = kept;
}

static void ordinary_program_is_not_secure(void **state)
{
    (void)state;
    assert_false(reexec_is_secure());
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_runs_again_as_the_same_process),
        cmocka_unit_test(guard_of_this_process_counts_once),
        cmocka_unit_test(guard_of_another_process_or_stub_is_only_removed),
        cmocka_unit_test(process_without_environment_was_not_run_again),
        cmocka_unit_test(ordinary_program_is_not_secure),
    };

    if (argc > 1 && strcmp(argv[1], "again") == 0)
        return reexec_was_done(HASH) ? judge_second_run(argc, argv) : first_run();
    return cmocka_run_group_tests(tests, make_stub, remove_stub);
}
