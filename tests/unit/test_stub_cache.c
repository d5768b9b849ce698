/* preload/stub/stub_cache.c */
#include "preload/stub/stub_file.h"

#include "spec/base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_stub_cache.XXXXXX";

/* The cache and the runtime directory lie apart in a directory that each test has for itself. */
static int enter_directory(void **state)
{
    char path[64];

    (void)state;
    strcpy(directory + sizeof(directory) - 7, "XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/cache", directory);
    setenv("XDG_CACHE_HOME", path, 1);
    snprintf(path, sizeof(path), "%s/run", directory);
    setenv("XDG_RUNTIME_DIR", path, 1);
    return 0;
}

static int leave_directory(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

/* The path of the stub of hash 1 below the test's directory, malloc'ed; checks that it succeeded. */
static char *cache(void)
{
    const struct catalog catalog = {0};
    struct diagnostics diagnostics = {0};
    char *path = NULL;

    assert_int_equal(stub_file_cache(&catalog, 1, &path, &diagnostics), 0);
    diagnostics_finish(&diagnostics);
    assert_non_null(path);
    return path;
}

static void expect_below(char *path, const char *below)
{
    assert_memory_equal(path, directory, strlen(directory));
    assert_string_equal(path + strlen(directory), below);
    free(path);
}

static void stub_is_named_by_its_hash(void **state)
{
    (void)state;
    expect_below(cache(), "/cache/winapi/stub-0000000000000001.so");
}

/* Root's own home is closed to the users that its children become. */
static void roots_stubs_can_be_read_by_all(void **state)
{
    char *path;

    (void)state;
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
    path = stub_cache_place(1);
    assert_string_equal(path, geteuid() == 0 ? "/var/cache/winapi" : "/home/somebody/.cache/winapi");
    free(path);
}

static void stub_that_is_there_is_used_again(void **state)
{
    struct stat first, second;
    char *path = cache();

    (void)state;
    assert_int_equal(stat(path, &first), 0);
    free(path);
    path = cache();
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
    free(path);
}

static void file_with_other_bytes_is_replaced(void **state)
{
    char *path = cache();
    struct stat status;

    (void)state;
    assert_int_equal(file_replace(path, "\177ELF", 4, 0600), 0);
    free(path);
    path = cache();
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size > 4096);
    free(path);
}

static void directory_that_others_can_write_to_is_not_used(void **state)
{
    char path[96];

    (void)state;
    snprintf(path, sizeof(path), "%s/winapi", getenv("XDG_CACHE_HOME"));
    assert_int_equal(mkdir(getenv("XDG_CACHE_HOME"), 0700), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    expect_below(cache(), "/run/winapi/stub-0000000000000001.so");
}

static void link_to_a_directory_is_not_used(void **state)
{
    char path[96];

    (void)state;
    snprintf(path, sizeof(path), "%s/winapi", getenv("XDG_CACHE_HOME"));
    assert_int_equal(mkdir(getenv("XDG_CACHE_HOME"), 0700), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    expect_below(cache(), "/run/winapi/stub-0000000000000001.so");
}

static void directory_that_ld_preload_cannot_express_is_not_used(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/my cache", directory);
    setenv("XDG_CACHE_HOME", path, 1);
    expect_below(cache(), "/run/winapi/stub-0000000000000001.so");
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(stub_is_named_by_its_hash),
        IN_DIRECTORY(roots_stubs_can_be_read_by_all),
        IN_DIRECTORY(stub_that_is_there_is_used_again),
        IN_DIRECTORY(file_with_other_bytes_is_replaced),
        IN_DIRECTORY(directory_that_others_can_write_to_is_not_used),
        IN_DIRECTORY(link_to_a_directory_is_not_used),
        IN_DIRECTORY(directory_that_ld_preload_cannot_express_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
