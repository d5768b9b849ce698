/* Whole files: read to the last byte or not at all, replaced whole or not at all. */
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/winapi-test-file-XXXXXX";
static char path[sizeof(directory) + 16];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/file", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static size_t entry_count(void)
{
    DIR *entries = opendir(directory);
    size_t count = 0;

    assert_non_null(entries);
    while (readdir(entries))
        count++;
    closedir(entries);
    return count - 2; /* "." and ".." */
}

static void what_was_written_is_read(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_replace(path, "a\0b", 3, 0600), 0);
    assert_int_equal(file_read(path, 3, &data, &size), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(data, "a\0b", 4);
}

static void a_replacement_leaves_nothing_else_behind(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_replace(path, "longer text", 11, 0600), 0);
    assert_int_equal(file_replace(path, "short", 5, 0600), 0);
    assert_int_equal(file_read(path, 100, &data, &size), 0);
    assert_string_equal(data, "short");
    assert_int_equal(entry_count(), 1);
}

static void mode_is_that_of_open(void **state)
{
    struct stat status;
    mode_t mask = umask(022);

    (void)state;
    assert_int_equal(file_replace(path, "", 0, 0666), 0);
    umask(mask);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
}

static void an_empty_file_is_an_empty_string(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size = 1;

    (void)state;
    assert_int_equal(file_replace(path, "", 0, 0600), 0);
    assert_int_equal(file_read(path, 0, &data, &size), 0);
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
}

static void a_file_without_a_size_is_read(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_read("/proc/self/cmdline", 1 << 20, &data, &size), 0);
    assert_true(size > 0);
}

static void a_large_file_without_a_size_is_whole(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_read("/proc/kallsyms", 1 << 26, &data, &size), 0);
    if (size == 0)
        skip();
    assert_int_equal(data[size - 1], '\n');
    assert_int_equal(strlen(data), size);
}

static void one_byte_too_many_is_refused(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_replace(path, "12345", 5, 0600), 0);
    assert_int_equal(file_read(path, 4, &data, &size), -EFBIG);
    assert_int_equal(file_read("/proc/self/status", 100, &data, &size), -EFBIG);
    assert_int_equal(file_read("/dev/zero", 100000, &data, &size), -EINVAL);
    assert_null(data);
}

static void what_is_not_there_or_no_file_is_an_error(void **state)
{
    AUTO_FREE char *data = NULL;
    size_t size;

    (void)state;
    assert_int_equal(file_read("/nonexistent/file", 100, &data, &size), -ENOENT);
    assert_int_equal(file_read(directory, 100000, &data, &size), -EISDIR);
    assert_null(data);
}

static void a_failed_replacement_leaves_the_old_file(void **state)
{
    char inside[sizeof(path) + 8];

    (void)state;
    assert_int_equal(file_replace("/nonexistent/file", "x", 1, 0600), -ENOENT);
    assert_int_equal(file_replace(path, "old", 3, 0600), 0);
    snprintf(inside, sizeof(inside), "%s/x", path);
    assert_int_equal(file_replace(inside, "x", 1, 0600), -ENOTDIR);
    assert_int_equal(entry_count(), 1);
}

static void a_directory_is_not_replaced(void **state)
{
    char other[sizeof(path) + 8];

    (void)state;
    snprintf(other, sizeof(other), "%s/d", directory);
    assert_int_equal(mkdir(other, 0700), 0);
    size_t before = entry_count();

    assert_int_equal(file_replace(other, "x", 1, 0600), -EISDIR);
    assert_int_equal(entry_count(), before);
    assert_int_equal(rmdir(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_replacement_leaves_nothing_else_behind),
        cmocka_unit_test(mode_is_that_of_open),
        cmocka_unit_test(an_empty_file_is_an_empty_string),
        cmocka_unit_test(a_file_without_a_size_is_read),
        cmocka_unit_test(a_large_file_without_a_size_is_whole),
        cmocka_unit_test(one_byte_too_many_is_refused),
        cmocka_unit_test(what_is_not_there_or_no_file_is_an_error),
        cmocka_unit_test(a_failed_replacement_leaves_the_old_file),
        cmocka_unit_test(a_directory_is_not_replaced),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
