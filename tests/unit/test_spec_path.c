/* Which files are active: names, paths, lists and the user's own directory. */
#include "spec/base/file.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/table/spec_path.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What a test finds in its directory; directories end in '/', and come before what is in them. */
static const char *const entries[] = {
    "shipped/",
    "shipped/zlib.json",
    "winapi/",
    "winapi/spec.d/",
    "winapi/spec.d/b.json",
    "winapi/spec.d/a.json",
    "winapi/spec.d/notes.txt",
    "winapi/spec.d/.hidden.json",
    "winapi/spec.d/folder.json/",
};

static void join(struct text *path, const char *directory, const char *name)
{
    text_finish(path);
    text_format(path, "%s/%s", directory, name);
}

static int set_up(void **state)
{
    char template[] = "/tmp/test_spec_path_XXXXXX";
    char *directory = mkdtemp(template) ? realpath(template, NULL) : NULL;
    AUTO_TEXT struct text path = {0};

    *state = directory;
    if (!directory)
        return -1;
    for (size_t i = 0; i < COUNT_OF(entries); i++) {
        join(&path, directory, entries[i]);
        if (path.data[path.size - 1] == '/' ? mkdir(path.data, 0700) : file_replace(path.data, "{}", 2, 0600))
            return -1;
    }
    return 0;
}

static int tear_down(void **state)
{
    AUTO_TEXT struct text path = {0};

    for (size_t i = COUNT_OF(entries); i > 0; i--) {
        join(&path, *state, entries[i - 1]);
        remove(path.data);
    }
    remove(*state);
    free(*state);
    return 0;
}

static void assert_path(const struct spec_paths *paths, size_t index, const char *directory, const char *name)
{
    AUTO_TEXT struct text expected = {0};

    join(&expected, directory, name);
    assert_true(index < paths->count);
    assert_string_equal(paths->paths[index], expected.data);
}

static void a_name_is_one_of_the_shipped_files(void **state)
{
    AUTO_TEXT struct text shipped = {0};
    struct spec_paths paths = {0};

    join(&shipped, *state, "shipped");
    assert_int_equal(spec_paths_add(&paths, "zlib", shipped.data), 0);
    assert_path(&paths, 0, *state, "shipped/zlib.json");
    assert_int_equal(spec_paths_add(&paths, "lzma", shipped.data), -ENOENT);
    assert_int_equal(spec_paths_add(&paths, "zlib", NULL), -ENOENT);
    assert_int_equal(spec_paths_add(&paths, "", shipped.data), -ENOENT);
    assert_int_equal(paths.count, 1);
    spec_paths_finish(&paths);
}

static void a_path_is_made_absolute_and_kept_once(void **state)
{
    AUTO_TEXT struct text path = {0};
    struct spec_paths paths = {0};

    join(&path, *state, "winapi/../shipped/zlib.json");
    assert_int_equal(spec_paths_add(&paths, path.data, NULL), 0);
    join(&path, *state, "shipped/zlib.json");
    assert_int_equal(spec_paths_add(&paths, path.data, NULL), 0);
    assert_int_equal(paths.count, 1);
    assert_string_equal(paths.paths[0], path.data);
    spec_paths_finish(&paths);
}

static void a_file_that_is_missing_or_a_directory_is_refused(void **state)
{
    struct spec_paths paths = {0};

    assert_int_equal(spec_paths_add(&paths, "./nothing.json", NULL), -ENOENT);
    assert_int_equal(spec_paths_add(&paths, "nothing.json", NULL), -ENOENT);
    assert_int_equal(spec_paths_add(&paths, *state, NULL), -EISDIR);
    assert_int_equal(paths.count, 0);
    spec_paths_finish(&paths);
}

static void a_list_is_taken_in_order_and_empty_entries_are_skipped(void **state)
{
    AUTO_TEXT struct text list = {0};
    AUTO_TEXT struct text shipped = {0};
    struct spec_paths paths = {0};
    char *bad;

    join(&shipped, *state, "shipped");
    text_format(&list, ":%s/winapi/spec.d/b.json::zlib:", (const char *)*state);
    assert_int_equal(spec_paths_add_list(&paths, list.data, shipped.data, &bad), 0);
    assert_null(bad);
    assert_int_equal(paths.count, 2);
    assert_path(&paths, 0, *state, "winapi/spec.d/b.json");
    assert_path(&paths, 1, *state, "shipped/zlib.json");
    spec_paths_finish(&paths);
}

static void the_entry_at_fault_is_named(void **state)
{
    struct spec_paths paths = {0};
    char *bad;

    (void)state;
    assert_int_equal(spec_paths_add_list(&paths, "./a.json:b", NULL, &bad), -ENOENT);
    assert_string_equal(bad, "./a.json");
    free(bad);
    spec_paths_finish(&paths);
}

static void the_users_files_come_in_the_order_of_their_names(void **state)
{
    struct spec_paths paths = {0};

    assert_int_equal(spec_paths_add_user(&paths, *state, "/nowhere"), 0);
    assert_int_equal(paths.count, 2);
    assert_path(&paths, 0, *state, "winapi/spec.d/a.json");
    assert_path(&paths, 1, *state, "winapi/spec.d/b.json");
    spec_paths_finish(&paths);
}

static void a_user_without_files_is_no_error(void **state)
{
    struct spec_paths paths = {0};

    (void)state;
    assert_int_equal(spec_paths_add_user(&paths, "/nowhere", NULL), 0);
    assert_int_equal(spec_paths_add_user(&paths, NULL, "/nowhere"), 0);
    assert_int_equal(spec_paths_add_user(&paths, "relative", NULL), 0);
    assert_int_equal(spec_paths_add_user(&paths, NULL, NULL), 0);
    assert_int_equal(paths.count, 0);
    spec_paths_finish(&paths);
}

static uint64_t hash_of(char *one, char *other)
{
    char *list[] = {one, other};
    struct spec_paths paths = {.paths = list, .count = other ? 2 : 1};
    const char *bad = NULL;
    uint64_t of_files = 7, of_texts = 7;

    assert_int_equal(spec_paths_hash(&paths, &of_files, &bad), 0);
    assert_int_equal(spec_paths_read(&paths, &bad), 0);
    assert_int_equal(spec_paths_hash(&paths, &of_texts, &bad), 0);
    assert_true(of_files == of_texts);
    spec_paths_forget_texts(&paths);
    return of_files;
}

static void hash_is_of_the_contents_in_order(void **state)
{
    AUTO_TEXT struct text one = {0};
    AUTO_TEXT struct text other = {0};
    uint64_t before;

    join(&one, *state, "one.json");
    join(&other, *state, "two.json");
    assert_int_equal(file_replace(one.data, "{}", 2, 0600), 0);
    assert_int_equal(file_replace(other.data, "{ }", 3, 0600), 0);
    before = hash_of(one.data, other.data);
    assert_true(before == hash_of(one.data, other.data));
    assert_true(before != hash_of(other.data, one.data));
    assert_true(before != hash_of(one.data, NULL));
    assert_int_equal(file_replace(other.data, "{\n}", 3, 0600), 0);
    assert_true(before != hash_of(one.data, other.data));
    unlink(one.data);
    unlink(other.data);
}

/* Files of more than one part, and one that ends with a part. */
static void hash_of_a_large_file_is_that_of_its_text(void **state)
{
    static const size_t sizes[] = {60 << 10, (60 << 10) + 1, 1 << 20};
    AUTO_FREE char *bytes = malloc(1 << 20);
    AUTO_TEXT struct text path = {0};

    assert_non_null(bytes);
    for (size_t i = 0; i < 1 << 20; i++)
        bytes[i] = (char)(i * 31 >> 3);
    join(&path, *state, "large.json");
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(file_replace(path.data, bytes, sizes[i], 0600), 0);
        (void)hash_of(path.data, NULL);
    }
    unlink(path.data);
}

static void missing_spec_file_is_named(void **state)
{
    char missing[] = "/nonexistent/x.json";
    char *list[] = {missing};
    const struct spec_paths paths = {.paths = list, .count = 1};
    const char *bad = NULL;
    uint64_t hash = 5;

    (void)state;
    assert_int_equal(spec_paths_hash(&paths, &hash, &bad), -ENOENT);
    assert_string_equal(bad, missing);
    assert_int_equal(hash, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_one_of_the_shipped_files),
        TEST(a_path_is_made_absolute_and_kept_once),
        TEST(a_file_that_is_missing_or_a_directory_is_refused),
        TEST(a_list_is_taken_in_order_and_empty_entries_are_skipped),
        TEST(the_entry_at_fault_is_named),
        TEST(the_users_files_come_in_the_order_of_their_names),
        TEST(a_user_without_files_is_no_error),
        TEST(hash_is_of_the_contents_in_order),
        TEST(hash_of_a_large_file_is_that_of_its_text),
        TEST(missing_spec_file_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
