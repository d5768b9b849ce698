/* preload/loader/preload_list.c */
#include "preload/loader/preload_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *list, const char *stub, const char *core, const char *expected)
{
    char *found = preload_list_add(list, stub, core);

    assert_non_null(found);
    assert_string_equal(found, expected);
    free(found);
}

static void stub_comes_before_the_core(void **state)
{
    (void)state;
    expect(NULL, "/s.so", "/c.so", "/s.so:/c.so");
    expect("", "/s.so", NULL, "/s.so");
    expect(NULL, NULL, NULL, "");
}

static void what_was_there_stays_behind(void **state)
{
    (void)state;
    expect("a.so b.so::c.so ", "/s.so", "/c.so", "/s.so:/c.so:a.so:b.so:c.so");
}

static void stub_joins_the_core_that_is_there(void **state)
{
    (void)state;
    expect("a.so:libwinapi_preload.so b.so", "/s.so", NULL, "a.so:/s.so:libwinapi_preload.so:b.so");
    expect("a.so:/x/stub-0123456789abcdef.so:libasan.so.8:/l/libwinapi_preload.so", "/s.so", NULL,
           "a.so:libasan.so.8:/s.so:/l/libwinapi_preload.so");
    expect("a.so:libwinapi_preload.so", "/s.so", "/c.so", "/s.so:/c.so:a.so");
}

static void sanitizers_stay_first(void **state)
{
    (void)state;
    expect("a.so:/usr/lib/libasan.so.8:b.so", "/s.so", "/c.so", "/usr/lib/libasan.so.8:/s.so:/c.so:a.so:b.so");
    expect("libtsan.so.2 core.so", "/s.so", NULL, "libtsan.so.2:/s.so:core.so");
}

static void only_address_sanitizer_refuses_to_come_later(void **state)
{
    (void)state;
    assert_true(preload_list_must_be_first("/usr/lib/x86_64-linux-gnu/libasan.so.8"));
    assert_true(preload_list_must_be_first("/usr/lib/clang/14/lib/linux/libclang_rt.asan-x86_64.so"));
    assert_false(preload_list_must_be_first("/usr/lib/x86_64-linux-gnu/libtsan.so.2"));
    assert_false(preload_list_must_be_first("/libasan.so/libz.so.1"));
    assert_false(preload_list_must_be_first(""));
}

static void what_is_replaced_is_dropped(void **state)
{
    (void)state;
    expect("/s.so:a.so", "/s.so", NULL, "/s.so:a.so");
    expect("/x/stub-0123456789abcdef.so:libwinapi_preload.so:a.so", "/s.so", "/l/libwinapi_preload.so",
           "/s.so:/l/libwinapi_preload.so:a.so");
}

static void what_only_looks_like_it_is_kept(void **state)
{
    (void)state;
    expect("/x/stub-0123456789abcdeg.so:stub-1.so:/s.so.1:libasan.so.8/x.so", "/s.so", NULL,
           "/s.so:/x/stub-0123456789abcdeg.so:stub-1.so:/s.so.1:libasan.so.8/x.so");
    expect("libwinapi_preload.so", "/s.so", NULL, "/s.so:libwinapi_preload.so");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stub_comes_before_the_core),
        cmocka_unit_test(what_was_there_stays_behind),
        cmocka_unit_test(stub_joins_the_core_that_is_there),
        cmocka_unit_test(stub_joins_the_core_that_is_there),
        cmocka_unit_test(sanitizers_stay_first),
        cmocka_unit_test(only_address_sanitizer_refuses_to_come_later),
        cmocka_unit_test(what_is_replaced_is_dropped),
        cmocka_unit_test(what_only_looks_like_it_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
