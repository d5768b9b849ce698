/*
 * The files of tests/spec: good ones are read without a word, bad ones with exactly the words that stand beside them.
 *
 * What is expected of NAME.json stands in NAME.expected.
 */
#include "spec/base/file.h"
#include "spec/base/own.h"
#include "spec/table/table.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { EXPECTED_MOST = 1 << 16 };

/* The directory, or its own when the tests lie elsewhere. */
static const char *tests_directory(void)
{
    const char *directory = getenv("WINAPI_TESTS");

    return directory ? directory : WINAPI_SOURCE_DIR "/tests";
}

static int is_json(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".json") == 0;
}

/* Calls `check` for every spec file of the directory and returns how many there were. */
static int for_each(const char *directory, void (*check)(const char *directory, const char *name))
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_json, alphasort);

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        check(directory, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void check_good(const char *directory, const char *name)
{
    struct diagnostics diagnostics = {0};
    AUTO_TEXT struct text path = {0};
    struct table *table;

    text_format(&path, "%s/%s", directory, name);
    if (table_read(&table, path.data, &diagnostics) < 0)
        fail_msg("%s", diagnostics.text.data);
    assert_int_equal(diagnostics.count, 0);
    assert_true(table->row_count > 0);
    table_destroy(table);
    diagnostics_finish(&diagnostics);
}

static void check_bad(const char *directory, const char *name)
{
    struct diagnostics diagnostics = {0};
    AUTO_TEXT struct text path = {0};
    AUTO_FREE char *json = NULL;
    AUTO_FREE char *expected = NULL;
    struct table *table;
    size_t size, expected_size;

    text_format(&path, "%s/%s", directory, name);
    assert_int_equal(file_read(path.data, TABLE_FILE_MOST, &json, &size), 0);
    text_finish(&path);
    text_format(&path, "%s/%.*s.expected", directory, (int)strlen(name) - 5, name);
    assert_int_equal(file_read(path.data, EXPECTED_MOST, &expected, &expected_size), 0);

    assert_true(table_parse(&table, json, size, name, &diagnostics) < 0);
    assert_null(table);
    assert_string_equal(diagnostics.text.data, expected);
    diagnostics_finish(&diagnostics);
}

static void good_files_are_read_without_a_word(void **state)
{
    AUTO_TEXT struct text directory = {0};

    (void)state;
    text_format(&directory, "%s/spec/good", tests_directory());
    for_each(directory.data, check_good);
}

static void bad_files_are_refused_with_the_expected_words(void **state)
{
    AUTO_TEXT struct text directory = {0};

    (void)state;
    text_format(&directory, "%s/spec/bad", tests_directory());
    assert_true(for_each(directory.data, check_bad) > 100);
}

static void the_shipped_files_are_good(void **state)
{
    (void)state;
    check_good(WINAPI_SOURCE_DIR "/spec", "winapi.json");
    check_good(WINAPI_SOURCE_DIR "/spec", "zlib.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read_without_a_word),
        cmocka_unit_test(bad_files_are_refused_with_the_expected_words),
        cmocka_unit_test(the_shipped_files_are_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
