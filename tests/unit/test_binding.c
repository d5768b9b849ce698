/*
 * preload/binding.c, compiled into this program with a search for native functions that is counted.  The program is
 * the object that counts as ours, and libelsewhere is what it opens later.
 */
#include "preload/binding.h"
#include "preload/loader/elf_object.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned searches;

static void *counted_find_native(const char *name)
{
    searches++;
    return elf_find_native(name);
}

#define elf_find_native counted_find_native
#include "preload/binding.c"

enum { CALLS = 100 };

static void *open_library(const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/lib/fixtures/%s.so", getenv("WINAPI_BUILD"), name);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static unsigned searches_in_calls(struct binding *binding)
{
    unsigned before = searches;

    for (int i = 0; i < CALLS; i++)
        (void)binding_native(binding);
    return searches - before;
}

static void native_that_is_there_is_searched_once(void **state)
{
    const struct row row = {.name = "getppid"};
    struct binding binding = {.row = &row};

    (void)state;
    assert_int_equal(searches_in_calls(&binding), 1);
    assert_non_null(binding_native(&binding));
}

static void native_that_is_not_there_is_searched_once(void **state)
{
    const struct row row = {.name = "winapi_no_such_function"};
    struct binding binding = {.row = &row};

    (void)state;
    assert_int_equal(searches_in_calls(&binding), 1);
    assert_null(binding_native(&binding));
}

static void each_binding_is_searched_for_itself(void **state)
{
    const struct row rows[] = {{.name = "winapi_no_such_function"}, {.name = "winapi_nor_this"}};
    struct binding bindings[] = {{.row = &rows[0]}, {.row = &rows[1]}};

    (void)state;
    assert_int_equal(searches_in_calls(&bindings[0]), 1);
    assert_int_equal(searches_in_calls(&bindings[1]), 1);
}

static void native_that_is_loaded_later_is_found_then(void **state)
{
    const struct row rows[] = {{.name = "elsewhere_answer"}, {.name = "winapi_no_such_function"}};
    struct binding comes = {.row = &rows[0]}, never = {.row = &rows[1]};
    void *library;

    (void)state;
    assert_int_equal(searches_in_calls(&comes) + searches_in_calls(&never), 2);
    assert_null(binding_native(&comes));
    library = open_library("libelsewhere");
    assert_non_null(library);
    assert_int_equal(searches_in_calls(&comes) + searches_in_calls(&never), 2);
    assert_non_null(binding_native(&comes));
    assert_ptr_equal(binding_native(&comes), dlsym(library, "elsewhere_answer"));
    assert_null(binding_native(&never));
    assert_int_equal(dlclose(library), 0);
}

static void unloading_alone_starts_no_search(void **state)
{
    const struct row row = {.name = "winapi_no_such_function"};
    struct binding binding = {.row = &row};
    void *library = open_library("libelsewhere");

    (void)state;
    assert_non_null(library);
    assert_int_equal(searches_in_calls(&binding), 1);
    assert_int_equal(dlclose(library), 0);
    assert_int_equal(searches_in_calls(&binding), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_that_is_there_is_searched_once),
        cmocka_unit_test(native_that_is_not_there_is_searched_once),
        cmocka_unit_test(each_binding_is_searched_for_itself),
        cmocka_unit_test(native_that_is_loaded_later_is_found_then),
        cmocka_unit_test(unloading_alone_starts_no_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
