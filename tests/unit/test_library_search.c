/* preload/command/library_search.c and loader_cache.c.  The libraries that are found are this very program. */
#include "preload/command/library_search.h"

#include "preload/command/loader_cache.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 512, PATHS = 8 };

static char folder[] = "/tmp/winapi-search.XXXXXX";

static const char *in_folder(const char *below)
{
    static char paths[PATHS][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % PATHS];

    assert_true(snprintf(path, PATH_SIZE, "%s/%s", folder, below) < PATH_SIZE);
    return path;
}

static int place(const char *directory, const char *name)
{
    char below[PATH_SIZE];

    mkdir(in_folder(directory), 0700);
    if (snprintf(below, sizeof(below), "%s/%s", directory, name) >= (int)sizeof(below))
        return -1;
    return symlink("/proc/self/exe", in_folder(below));
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    return place("run", "libx.so") || place("variable", "libx.so") || place("outer", "libx.so") ||
           place("outer", "libouter.so");
}

static int tear_down(void **state)
{
    static const char *const names[] = {"run/libx.so", "variable/libx.so", "outer/libx.so", "outer/libouter.so",
                                        "run",         "variable",         "outer",         "text/libx.so",
                                        "text"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        remove(in_folder(names[i]));
    return rmdir(folder);
}

/* `below` NULL: it is not to be found. */
static void expect(const struct library_search *search, const char *name, const struct library_asker *asker,
                   const char *below)
{
    AUTO_FREE char *found = library_search_find(search, name, asker);

    if (below)
        assert_string_equal(found ? found : "", in_folder(below));
    else
        assert_null(found);
}

static void runpath_comes_after_the_variable_for_glibc(void **state)
{
    const struct elf_file file = {.runpath = "$ORIGIN/run:/nonexistent"};
    const struct library_asker asker = {.file = &file, .path = in_folder("program")};
    struct library_search search = {.libc = LIBC_GLIBC, .loader = "/lib64/ld-linux-x86-64.so.2"};

    (void)state;
    expect(&search, "libx.so", &asker, "run/libx.so");
    search.library_path = in_folder("variable");
    expect(&search, "libx.so", &asker, "variable/libx.so");
    expect(&search, "libouter.so", &asker, NULL);
}

static void rpath_comes_first_and_is_inherited(void **state)
{
    const struct elf_file outer_file = {.rpath = "${ORIGIN}/outer"}, file = {0}, own_runpath = {.runpath = "/none"};
    const struct library_asker outer = {.file = &outer_file, .path = in_folder("program")};
    const struct library_asker asker = {.file = &file, .path = in_folder("library"), .outer = &outer};
    const struct library_asker with_runpath = {.file = &own_runpath, .path = in_folder("library"), .outer = &outer};
    const struct library_search search = {.libc = LIBC_GLIBC, .library_path = in_folder("variable")};

    (void)state;
    expect(&search, "libx.so", &asker, "outer/libx.so");
    expect(&search, "libx.so", &with_runpath, "variable/libx.so");
    expect(&search, "libouter.so", &with_runpath, NULL);
}

static void musl_takes_runpath_of_all_that_ask(void **state)
{
    const struct elf_file outer_file = {.runpath = "$ORIGIN/outer"}, file = {.runpath = "/none"};
    const struct library_asker outer = {.file = &outer_file, .path = in_folder("program")};
    const struct library_asker asker = {.file = &file, .path = in_folder("library"), .outer = &outer};
    const struct library_search search = {.libc = LIBC_MUSL, .loader = "/lib/ld-musl-x86_64.so.1"};

    (void)state;
    expect(&search, "libouter.so", &asker, "outer/libouter.so");
    assert_true(library_is_musl_itself("libpthread.so.0"));
    assert_true(library_is_musl_itself("libc.so"));
    assert_false(library_is_musl_itself("libcrypt.so.1"));
    assert_false(library_is_musl_itself("c.so"));
}

static void what_is_no_library_is_passed_over(void **state)
{
    const struct elf_file file = {.runpath = "$ORIGIN/text:$ORIGIN/run"};
    const struct library_asker asker = {.file = &file, .path = in_folder("program")};
    const struct library_search search = {.libc = LIBC_GLIBC};

    (void)state;
    mkdir(in_folder("text"), 0700);
    assert_int_equal(file_replace(in_folder("text/libx.so"), "text", 4, 0600), 0);
    expect(&search, "libx.so", &asker, "run/libx.so");
    expect(&search, "no/libx.so", &asker, NULL);
}

static void interpreters_tell_the_libc(void **state)
{
    (void)state;
    assert_int_equal(libc_of("/lib64/ld-linux-x86-64.so.2"), LIBC_GLIBC);
    assert_int_equal(libc_of("/lib/ld-musl-x86_64.so.1"), LIBC_MUSL);
    assert_int_equal(libc_of("/system/bin/linker64"), LIBC_OTHER);
    assert_int_equal(libc_of(NULL), LIBC_NONE);
}

static void put_number(uint8_t *at, uint32_t number)
{
    memcpy(at, &number, sizeof(number));
}

/* Two entries of one name, and one whose path leads outside. */
static size_t make_cache(uint8_t *bytes)
{
    static const char texts[] = "libx.so\0/first\0/second";
    enum { HEADER = 48, ENTRY = 24, TEXTS = HEADER + 3 * ENTRY };

    memset(bytes, 0, TEXTS);
    memcpy(bytes, "glibc-ld.so.cache1.1", 20);
    put_number(bytes + 20, 3);
    for (size_t i = 0; i < 3; i++) {
        put_number(bytes + HEADER + i * ENTRY + 4, TEXTS);
        put_number(bytes + HEADER + i * ENTRY + 8, i == 0 ? TEXTS + 8 : i == 1 ? TEXTS + 15 : 100000);
    }
    memcpy(bytes + TEXTS, texts, sizeof(texts));
    return TEXTS + sizeof(texts);
}

static void cache_gives_all_paths_of_a_name(void **state)
{
    uint8_t bytes[256], old[512] = "ld.so-1.7.0";
    size_t size = make_cache(bytes);

    (void)state;
    assert_string_equal(loader_cache_find(bytes, size, "libx.so", 0), "/first");
    assert_string_equal(loader_cache_find(bytes, size, "libx.so", 1), "/second");
    assert_null(loader_cache_find(bytes, size, "libx.so", 2));
    assert_null(loader_cache_find(bytes, size, "liby.so", 0));
    put_number(old + 12, 3); /* three entries of 12 bytes: the newer list begins at 56 */
    memcpy(old + 56, bytes, size);
    assert_string_equal(loader_cache_find(old, 56 + size, "libx.so", 1), "/second");
}

static void cache_that_lies_is_as_good_as_none(void **state)
{
    uint8_t bytes[256];
    size_t size = make_cache(bytes);

    (void)state;
    put_number(bytes + 20, UINT32_MAX);
    for (size_t cut = 1; cut <= size; cut++) {
        AUTO_FREE uint8_t *copy = malloc(cut);

        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        (void)loader_cache_find(copy, cut, "libx.so", 5);
    }
    assert_null(loader_cache_find("glibc", 5, "libx.so", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runpath_comes_after_the_variable_for_glibc),
        cmocka_unit_test(rpath_comes_first_and_is_inherited),
        cmocka_unit_test(musl_takes_runpath_of_all_that_ask),
        cmocka_unit_test(what_is_no_library_is_passed_over),
        cmocka_unit_test(interpreters_tell_the_libc),
        cmocka_unit_test(cache_gives_all_paths_of_a_name),
        cmocka_unit_test(cache_that_lies_is_as_good_as_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
