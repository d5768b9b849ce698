/*
 * Rows made ready for libffi: functions of this file are called through their plans.
 *
 * What is asserted is what arrives: the ABI's view of a type is right exactly when the function sees its arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/call/call.h"
#include "spec/call/entry_words.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

static const char table_text[] =
    "{\"table\": \"t\", \"version\": 1, \"library\": \"libt.so\", \"failure\": null, \"types\": {"
    " \"struct box\": \"opaque\","
    " \"mask\": {\"enum\": \"NONE, ALL = 0xFFFFFFFF\", \"unsigned\": true},"
    " \"large\": {\"struct\": \"long numbers[4]; float grid[2][3]; char end;\"},"
    " \"wide\": {\"struct\": \"long double value;\"},"
    " \"nested\": {\"struct\": \"wide inner[1];\"},"
    " \"pair\": {\"struct\": \"float a; long b;\"}},"
    " \"functions\": ["
    "{\"prototype\": \"long take_large(int before, large value, int after)\", \"failure\": -1},"
    "{\"prototype\": \"large give_large(int seed)\"},"
    "{\"prototype\": \"wide give_wide(wide value)\"},"
    "{\"prototype\": \"nested give_nested(nested value)\"},"
    "{\"prototype\": \"pair give_pair(pair value)\"},"
    "{\"prototype\": \"mask give_mask(mask value)\", \"failure\": \"ALL\"},"
    "{\"prototype\": \"void nothing(void)\", \"lost\": \"fail\"},"
    "{\"prototype\": \"int six_words(signed char a, unsigned short b, int64_t c, const void *d, unsigned e, bool f)\","
    " \"d\": {\"in\": {\"size\": 1}}, \"failure\": -1},"
    "{\"prototype\": \"int seven_words(int a, int b, int c, int d, int e, int f, int g)\", \"failure\": -1},"
    "{\"prototype\": \"int with_double(int a, double b)\", \"failure\": -1},"
    "{\"prototype\": \"int ordered(void *out, const int *size, struct box *box, int *more)\", \"failure\": -1,"
    " \"out\": {\"out\": {\"size\": \"*size\", \"capacity\": \"*more\"}}, \"size\": \"in\", \"more\": \"inout\","
    " \"box\": \"close\"}"
    "]}";

struct large {
    long numbers[4];
    float grid[2][3];
    char end;
};

struct wide {
    long double value;
};

struct pair {
    float a;
    long b;
};

static struct table *table;

static int read_table(void **state)
{
    struct diagnostics diagnostics = {0};

    (void)state;
    if (table_parse(&table, table_text, sizeof(table_text) - 1, "test.json", &diagnostics) == 0)
        return 0;
    print_message("%s\n", diagnostics.text.data);
    return -1;
}

static int drop_table(void **state)
{
    (void)state;
    table_destroy(table);
    return 0;
}

static struct plan *plan_for(const char *function)
{
    struct plan *plan = NULL;

    assert_non_null(table_find(table, function));
    assert_int_equal(plan_create(&plan, table_find(table, function)), 0);
    return plan;
}

static void call_once(const char *function, void (*address)(void), void *result, void **arguments)
{
    struct plan *plan = plan_for(function);

    call_through(plan, address, result, arguments);
    plan_destroy(plan);
}

/* ---- what arrives ---- */

static long take_large(int before, struct large value, int after)
{
    return before + value.numbers[3] * 10 + (long)value.grid[1][2] * 100 + value.end * 1000L + after * 10000L;
}

static struct large give_large(int seed)
{
    struct large value = {{seed, 2, 3, 4}, {{5}, {6}}, 'e'};

    return value;
}

static struct wide give_wide(struct wide value)
{
    return (struct wide){value.value * 3};
}

static struct pair give_pair(struct pair value)
{
    return (struct pair){value.a * 2, value.b * 2};
}

static unsigned give_mask(unsigned value)
{
    return value;
}

static void a_large_struct_arrives_by_value(void **state)
{
    struct large value = {{0, 0, 0, 2}, {{0}, {0, 0, 3}}, 4};
    int before = 1, after = 5;
    void *arguments[] = {&before, &value, &after};
    long result = 0;

    (void)state;
    call_once("take_large", (void (*)(void))take_large, &result, arguments);
    assert_int_equal(result, 54321);
}

/* libffi redirects them to its own stack. */
static void the_array_of_arguments_stays_as_it_was(void **state)
{
    struct large value = {0};
    int before = 1, after = 5;
    void *arguments[] = {&before, &value, &after};
    long result;

    (void)state;
    call_once("take_large", (void (*)(void))take_large, &result, arguments);
    assert_ptr_equal(arguments[0], &before);
    assert_ptr_equal(arguments[1], &value);
    assert_ptr_equal(arguments[2], &after);
}

static void a_large_struct_comes_back(void **state)
{
    int seed = 9;
    void *arguments[] = {&seed};
    struct large result;

    (void)state;
    call_once("give_large", (void (*)(void))give_large, &result, arguments);
    assert_int_equal(result.numbers[0], 9);
    assert_true(result.grid[1][0] == 6);
    assert_int_equal(result.end, 'e');
}

static void a_struct_of_one_long_double_comes_back(void **state)
{
    struct wide value = {1.0L / 3}, result = {0};
    void *arguments[] = {&value};

    (void)state;
    call_once("give_wide", (void (*)(void))give_wide, &result, arguments);
    assert_true(result.value == value.value * 3);
    result.value = 0;
    call_once("give_nested", (void (*)(void))give_wide, &result, arguments);
    assert_true(result.value == value.value * 3);
}

static void a_struct_of_two_kinds_comes_back(void **state)
{
    struct pair value = {1.5f, 7}, result = {0};
    void *arguments[] = {&value};

    (void)state;
    call_once("give_pair", (void (*)(void))give_pair, &result, arguments);
    assert_true(result.a == 3.0f);
    assert_int_equal(result.b, 14);
}

static void an_unsigned_enum_stays_unsigned(void **state)
{
    unsigned value = 0xFFFFFFFF;
    void *arguments[] = {&value};
    ffi_arg result = 0;

    (void)state;
    call_once("give_mask", (void (*)(void))give_mask, &result, arguments);
    assert_int_equal(result, 0xFFFFFFFF);
}

/* ---- what is planned ---- */

static void pointers_are_in_the_order_of_their_sizes(void **state)
{
    struct plan *plan = plan_for("ordered");

    (void)state;
    assert_int_equal(plan->value_count, 1);
    assert_int_equal(plan->values[0], 2);
    assert_int_equal(plan->pointer_count, 3);
    assert_int_equal(plan->pointers[2], 0); /* out comes after size and more */
    assert_true(plan->has_closes);
    plan_destroy(plan);
}

static void a_function_without_anything_has_a_plan(void **state)
{
    struct plan *plan = plan_for("nothing");

    (void)state;
    assert_int_equal(plan->value_count + plan->pointer_count, 0);
    assert_false(plan->has_closes);
    assert_true(plan->result_size >= sizeof(ffi_arg));
    plan_destroy(plan);
}

static void no_plan_is_destroyed_quietly(void **state)
{
    (void)state;
    plan_destroy(NULL);
}

/* ---- calls that come in ---- */

struct caught {
    ffi_go_closure closure;
    const struct plan *plan;
    uint64_t words[ENTRY_WORDS_MOST];
    size_t count;
};

static void catch_words(ffi_cif *cif, void *result, void **arguments, void *closure)
{
    struct caught *caught = closure;
    const struct row *row = caught->plan->row;
    void *places[ENTRY_WORDS_MOST];

    arguments = entry_words_each(cif, row->parameter_count, arguments, places);
    for (caught->count = 0; caught->count < row->parameter_count; caught->count++)
        caught->words[caught->count] = value_load(row->parameters[caught->count].type, arguments[caught->count]);
    *(ffi_arg *)result = 0;
}

/* Calls an entry made for the plan with these arguments, and shows what it got. */
static struct caught catch_call(struct plan *plan, void **arguments)
{
    struct caught caught = {.plan = plan};
    uint64_t result;

    entry_words_prepare(plan);
    assert_int_equal(ffi_prep_go_closure(&caught.closure, &plan->entry, catch_words), FFI_OK);
    ffi_call_go(&plan->cif, FFI_FN(caught.closure.tramp), &result, arguments, &caught.closure);
    return caught;
}

static void words_are_found_behind_the_first_one(void **state)
{
    signed char a = -3;
    unsigned short b = 65535;
    int64_t c = INT64_MIN;
    void *d = &a;
    unsigned e = 4000000000;
    bool f = true;
    void *arguments[] = {&a, &b, &c, &d, &e, &f};
    struct plan *plan = plan_for("six_words");
    struct caught caught = catch_call(plan, arguments);

    (void)state;
    assert_int_equal(plan->entry.nargs, 1);
    assert_int_equal(caught.words[0], (uint64_t)-3);
    assert_int_equal(caught.words[1], 65535);
    assert_int_equal(caught.words[2], (uint64_t)INT64_MIN);
    assert_ptr_equal((void *)(uintptr_t)caught.words[3], &a);
    assert_int_equal(caught.words[4], 4000000000);
    assert_int_equal(caught.words[5], 1);
    plan_destroy(plan);
}

/* More than registers hold, floating arguments, structs either way: libffi looks for each. */
static void libffi_is_told_of_all_where_there_is_more_than_words(void **state)
{
    static const char *const functions[] = {"seven_words", "take_large",  "give_large",
                                            "give_pair",   "with_double", "nothing"};

    (void)state;
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        struct plan *plan = plan_for(functions[i]);

        entry_words_prepare(plan);
        assert_int_equal(plan->entry.nargs, plan->row->parameter_count);
        plan_destroy(plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_struct_arrives_by_value),
        cmocka_unit_test(the_array_of_arguments_stays_as_it_was),
        cmocka_unit_test(a_large_struct_comes_back),
        cmocka_unit_test(a_struct_of_one_long_double_comes_back),
        cmocka_unit_test(a_struct_of_two_kinds_comes_back),
        cmocka_unit_test(an_unsigned_enum_stays_unsigned),
        cmocka_unit_test(pointers_are_in_the_order_of_their_sizes),
        cmocka_unit_test(a_function_without_anything_has_a_plan),
        cmocka_unit_test(no_plan_is_destroyed_quietly),
        cmocka_unit_test(words_are_found_behind_the_first_one),
        cmocka_unit_test(libffi_is_told_of_all_where_there_is_more_than_words),
    };

    return cmocka_run_group_tests(tests, read_table, drop_table);
}
