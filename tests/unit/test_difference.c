/* What compare mode calls a difference, and what it says of the first one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/call/difference.h"
#include "spec/table/type_names.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static const struct path argument = {.name = "argument"};

static struct difference values(const char *type, const struct path *path, const void *native, const void *remote)
{
    struct difference difference = {0};

    difference_value(&difference, path, type_built_in(type), native, remote);
    return difference;
}

static bool doubles_differ(double native, double remote, double tolerance)
{
    const struct passing passing = {.tolerance = tolerance};
    const struct path path = {.name = "x", .passing = &passing};

    return values("double", &path, &native, &remote).found;
}

static void equal_values_do_not_differ(void **state)
{
    (void)state;
    assert_false(values("int", &argument, &(int){-4}, &(int){-4}).found);
    assert_false(values("bool", &argument, &(unsigned char){1}, &(unsigned char){7}).found);
}

static void a_difference_tells_both_values(void **state)
{
    struct difference difference = values("int", &argument, &(int){-4}, &(int){5});

    (void)state;
    assert_true(difference.found);
    assert_string_equal(difference.where, "argument");
    assert_string_equal(difference.native, "-4");
    assert_string_equal(difference.remote, "5");
    difference = values("uint64_t", &argument, &(uint64_t){UINT64_MAX}, &(uint64_t){0});
    assert_string_equal(difference.native, "18446744073709551615");
    difference = values("double", &argument, &(double){0.1}, &(double){0.2});
    assert_string_equal(difference.native, "0.10000000000000001");
}

static void only_the_first_difference_is_kept(void **state)
{
    struct difference difference = {0};

    (void)state;
    difference_errno(&difference, 1, 2);
    difference_value(&difference, &argument, type_built_in("int"), &(int){3}, &(int){4});
    assert_string_equal(difference.where, "errno");
    assert_string_equal(difference.native, "1");
    assert_string_equal(difference.remote, "2");
}

static void the_way_to_a_value_is_written_out(void **state)
{
    const struct path list = {.name = "list"}, element = {.up = &list, .index = 3, .is_index = true},
                      data = {.up = &element, .name = "data"};
    struct difference difference = {0};
    const int native[] = {1, 2, 3}, remote[] = {1, 2, 4};

    (void)state;
    difference_bytes(&difference, &data, type_built_in("int"), &(struct both){native, remote, sizeof(native)});
    assert_string_equal(difference.where, "list[3].data[2]");
    assert_string_equal(difference.remote, "4");
}

static void a_way_too_long_is_cut(void **state)
{
    char name[300];
    const struct path path = {.name = name};
    struct difference difference;

    (void)state;
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    difference = values("int", &path, &(int){1}, &(int){2});
    assert_int_equal(strlen(difference.where), sizeof(difference.where) - 1);
}

static void what_is_volatile_never_differs(void **state)
{
    const struct passing passing = {.is_volatile = true};
    const struct path path = {.name = "time", .passing = &passing}, inside = {.up = &path, .name = "seconds"};
    struct difference difference = {0};

    (void)state;
    assert_false(values("int", &path, &(int){1}, &(int){2}).found);
    assert_false(values("int", &inside, &(int){1}, &(int){2}).found);
    difference_strings(&difference, &path, "a", "b");
    difference_bytes(&difference, &path, type_built_in("char"), &(struct both){"a", "b", 1});
    difference_handles(&difference, &path, true, false);
    assert_false(difference.found);
}

static void floats_within_the_tolerance_do_not_differ(void **state)
{
    (void)state;
    assert_false(doubles_differ(1000, 1001, 0.01));
    assert_true(doubles_differ(1000, 1020, 0.01));
    assert_true(doubles_differ(1, 1 + 1e-15, 0));
    assert_false(doubles_differ(0.0, -0.0, 0));
}

static void not_a_number_equals_itself_alone(void **state)
{
    (void)state;
    assert_false(doubles_differ(NAN, -NAN, 0));
    assert_true(doubles_differ(NAN, 1, 1));
    assert_true(doubles_differ(1, NAN, 1));
}

static void nothing_is_near_an_infinity(void **state)
{
    (void)state;
    assert_false(doubles_differ(INFINITY, INFINITY, 0));
    assert_true(doubles_differ(INFINITY, -INFINITY, 0.5));
    assert_true(doubles_differ(INFINITY, 1e300, 0.5));
    assert_true(doubles_differ(1, INFINITY, 0.5));
}

static void a_long_double_is_compared_to_its_last_bit(void **state)
{
    long double native = 1, remote = 1 + LDBL_EPSILON;

    (void)state;
    assert_true(values("long double", &argument, &native, &remote).found);
}

static void bytes_after_the_last_whole_element_count_too(void **state)
{
    struct difference difference = {0};

    (void)state;
    difference_bytes(&difference, &argument, type_built_in("int"), &(struct both){"abcdefg", "abcdefX", 7});
    assert_true(difference.found);
    assert_string_equal(difference.where, "argument[6]");
}

static void different_bits_of_one_float_do_not_differ(void **state)
{
    const float native[] = {0.0f, NAN}, remote[] = {-0.0f, -NAN};
    struct difference difference = {0};

    (void)state;
    difference_bytes(&difference, &argument, type_built_in("float"), &(struct both){native, remote, sizeof(native)});
    assert_false(difference.found);
}

static void strings_differ_by_their_letters(void **state)
{
    struct difference difference = {0};
    char copy[] = "same";

    (void)state;
    difference_strings(&difference, &argument, "same", copy);
    difference_strings(&difference, &argument, NULL, NULL);
    assert_false(difference.found);
    difference_strings(&difference, &argument, "one", NULL);
    assert_string_equal(difference.native, "\"one\"");
    assert_string_equal(difference.remote, "NULL");
}

static void handles_differ_when_one_is_null(void **state)
{
    struct difference difference = {0};

    (void)state;
    difference_handles(&difference, &argument, true, true);
    difference_handles(&difference, &argument, false, false);
    assert_false(difference.found);
    difference_handles(&difference, &argument, true, false);
    assert_true(difference.found);
    assert_string_equal(difference.remote, "NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_values_do_not_differ),
        cmocka_unit_test(a_difference_tells_both_values),
        cmocka_unit_test(only_the_first_difference_is_kept),
        cmocka_unit_test(the_way_to_a_value_is_written_out),
        cmocka_unit_test(a_way_too_long_is_cut),
        cmocka_unit_test(what_is_volatile_never_differs),
        cmocka_unit_test(floats_within_the_tolerance_do_not_differ),
        cmocka_unit_test(not_a_number_equals_itself_alone),
        cmocka_unit_test(nothing_is_near_an_infinity),
        cmocka_unit_test(a_long_double_is_compared_to_its_last_bit),
        cmocka_unit_test(bytes_after_the_last_whole_element_count_too),
        cmocka_unit_test(different_bits_of_one_float_do_not_differ),
        cmocka_unit_test(strings_differ_by_their_letters),
        cmocka_unit_test(handles_differ_when_one_is_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
