/* Sizes out of a call's arguments: arithmetic, and everything that can go wrong with it. */
#include "spec/base/text.h"
#include "spec/table/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The function whose arguments the sizes below are about. */
static const char prototype[] = "int f(const void *data, int n, unsigned long big, const short *pointed, "
                                "const signed char *small, const unsigned long *huge)";

static struct table *read_table(const char *size)
{
    struct diagnostics diagnostics = {0};
    AUTO_TEXT struct text json = {0};
    struct table *table;

    text_format(&json,
                "{\"table\": \"t\", \"version\": 1, \"library\": \"libt.so\", \"failure\": -1,"
                " \"types\": {\"pair\": {\"struct\": \"char a; long b;\"}, \"e\": {\"enum\": \"FOUR = 4, FIVE\"}},"
                " \"constants\": {\"TEN\": 10},"
                " \"functions\": [{\"prototype\": \"%s\", \"data\": {\"in\": {\"size\": \"%s\"}},"
                " \"pointed\": \"in\", \"small\": \"in\", \"huge\": \"in\"}]}",
                prototype, size);
    if (table_parse(&table, json.data, json.size, "test.json", &diagnostics) < 0)
        fail_msg("%s", diagnostics.text.data);
    return table;
}

struct values {
    const void *data;
    int n;
    unsigned long big;
    const short *pointed;
    const signed char *small;
    const unsigned long *huge;
};

static int evaluate(const char *size, const struct values *values, uint64_t *value)
{
    struct table *table = read_table(size);
    struct values copy = *values;
    void *arguments[] = {&copy.data, &copy.n, &copy.big, &copy.pointed, &copy.small, &copy.huge};
    const struct scope scope = {.arguments = arguments};
    int status = expression_evaluate(table->rows[0].parameters[0].passing.length, &scope, value);

    table_destroy(table);
    return status;
}

static const struct values ordinary = {.n = 7,
                                       .big = 1000,
                                       .pointed = (const short[]){300},
                                       .small = (const signed char[]){-3},
                                       .huge = (const unsigned long[]){5}};

static void expect(const char *size, uint64_t expected)
{
    uint64_t value;

    assert_int_equal(evaluate(size, &ordinary, &value), 0);
    assert_int_equal(value, expected);
}

static void expect_error(const char *size, const struct values *values, int error)
{
    uint64_t value;

    assert_int_equal(evaluate(size, values, &value), error);
}

static void arithmetic_is_that_of_c(void **state)
{
    (void)state;
    expect("n", 7);
    expect("n + 2 * 3", 13);
    expect("(n + 2) * 3", 27);
    expect("n - 2 - 1", 4);
    expect("n / 2", 3);
    expect("n % 4 + 0x10", 19);
    expect("1 << n + 1", 256);
    expect("big >> 3", 125);
    expect("-n + big", 993);
    expect("-(-n)", 7);
    expect("n*n*n", 343);
}

static void every_integer_operator_is_that_of_c(void **state)
{
    (void)state;
    expect("(n == 7) + 2 * (n != 7)", 1);
    expect("(n < 8) + 2 * (n < 7) + 4 * (7 < n)", 1);
    expect("(n <= 7) + 2 * (n <= 6)", 1);
    expect("(n > 6) + 2 * (n > 7)", 1);
    expect("(n >= 7) + 2 * (n >= 8)", 1);
    expect("-n < 0", 1);
    expect("n & 5", 5);
    expect("n | 8", 15);
    expect("n ^ 5", 2);
    expect("(big + 7) & ~7", 1000);
    expect("~-n", 6);
    expect("!n", 0);
    expect("!!n", 1);
    expect("n && big", 1);
    expect("n - 7 || n - 7", 0);
    expect("n > 7 ? n : big", 1000);
    expect("n < 8 ? n : big", 7);
}

/* Each would be another number with another precedence. */
static void precedence_is_that_of_c(void **state)
{
    (void)state;
    expect("n & 3 == 3", 1);
    expect("n | 8 ^ 15 & 9", 7);
    expect("n | 1 && 0", 0);
    expect("1 || n && 0", 1);
    expect("n << 1 > n + 6", 1);
    expect("n < 8 == 1", 1);
    expect("!n + 1", 1);
    expect("-n & 15", 9);
    expect("n == 7 ? 1 : 2 + 10", 1);
    expect("n ? 0 ? 1 : 2 : 3", 2);
    expect("n - 7 ? 1 : n ? 2 : 3", 2);
}

static void what_does_not_count_is_not_looked_at(void **state)
{
    struct values values = ordinary;
    uint64_t value;

    (void)state;
    values.pointed = NULL;
    values.big = (unsigned long)INT64_MAX;
    assert_int_equal(evaluate("n ? n : *pointed", &values, &value), 0);
    assert_int_equal(value, 7);
    assert_int_equal(evaluate("n == 7 || *pointed", &values, &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(evaluate("n < 7 && *pointed", &values, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(evaluate("n < 7 ? big * 2 : 1", &values, &value), 0);
    assert_int_equal(value, 1);
    expect_error("n ? *pointed : n", &values, -EFAULT);
    expect_error("*pointed ? n : n", &values, -EFAULT);
    expect_error("n && *pointed", &values, -EFAULT);
    expect_error("*pointed && 0", &values, -EFAULT);
    expect_error("n - 7 || *pointed", &values, -EFAULT);
    expect_error("n ? big * 2 : 1", &values, -EOVERFLOW);
    expect_error("n > big / (n - 7)", &values, -EDOM);
}

/* A branch that is never taken is not there, so what is wrong with its numbers does no harm. */
static void constants_decide_while_they_are_read(void **state)
{
    struct table *table = read_table("sizeof(long) == 8 ? (TEN > FIVE) * n : 1 / 0");
    AUTO_TEXT struct text text = {0};

    (void)state;
    expression_describe(table->rows[0].parameters[0].passing.length, &text);
    assert_string_equal(text.data, "(1*p1)");
    table_destroy(table);
    expect("0 ? 1 << 99 : n", 7);
    expect("(0 && 1 / 0) + n", 7);
    expect("(1 || *pointed / 0) + n", 8);
    expect("(1 && 0 || 2) * n", 7);
    expect("(0 ? 1 / 0 : 0 ? 1 / 0 : 1) * n", 7);
}

static void names_are_constants_types_and_what_pointers_point_to(void **state)
{
    (void)state;
    expect("TEN * FIVE + n", 57);
    expect("sizeof(pair) * n", 112);
    expect("n*sizeof(unsigned long)", 56);
    expect("*pointed", 300);
    expect("n * *pointed", 2100);
    expect("big + *small", 997);
    expect("*huge", 5);
}

static void a_pointer_that_is_null_cannot_be_followed(void **state)
{
    struct values values = ordinary;

    (void)state;
    values.pointed = NULL;
    expect_error("*pointed", &values, -EFAULT);
    expect_error("n + *pointed", &values, -EFAULT);
}

static void an_address_need_not_be_aligned(void **state)
{
    char bytes[sizeof(unsigned long) + 1] = {0, 9};
    struct values values = ordinary;
    uint64_t value;

    (void)state;
    values.huge = (const unsigned long *)(const void *)(bytes + 1);
    assert_int_equal(evaluate("*huge", &values, &value), 0);
    assert_int_equal(value, 9);
}

static void numbers_that_do_not_fit_are_errors(void **state)
{
    struct values values = ordinary;

    (void)state;
    values.big = (unsigned long)INT64_MAX;
    expect_error("big + 1", &values, -EOVERFLOW);
    expect_error("big * 2", &values, -EOVERFLOW);
    expect_error("big << 1", &values, -EOVERFLOW);
    expect_error("-big - 2", &values, -EOVERFLOW);
    values.big = (unsigned long)INT64_MAX + 1;
    expect_error("big", &values, -EOVERFLOW);
}

static void results_below_zero_are_errors(void **state)
{
    struct values values = ordinary;

    (void)state;
    values.n = -1;
    expect_error("n", &values, -ERANGE);
    expect_error("*small", &values, -ERANGE);
}

static void division_by_zero_and_wild_shifts_are_errors(void **state)
{
    struct values values = ordinary;

    (void)state;
    values.n = 0;
    expect_error("big / n", &values, -EDOM);
    expect_error("big % n", &values, -EDOM);
    expect_error("1 << big", &values, -EDOM);
    expect_error("1 << (n - 1)", &values, -EDOM);
    expect_error("(n - 1) >> 1", &values, -EDOM);
}

static void expect_description(const char *size, const char *description)
{
    struct table *table = read_table(size);
    AUTO_TEXT struct text text = {0};

    expression_describe(table->rows[0].parameters[0].passing.length, &text);
    assert_string_equal(text.data, description);
    assert_string_equal(expression_text(table->rows[0].parameters[0].passing.length), size);
    table_destroy(table);
}

static void meaning_is_described_without_names(void **state)
{
    (void)state;
    expect_description("(n + TEN) * *pointed", "((p1+10)**p3)");
    expect_description("n == FIVE ? big : 0", "((p1==5)?p2:0)");
    expect_description("n ? big ? 1 : 2 : 3", "(p1?(p2?1:2):3)");
    expect_description("n > 1 && big <= 2 || !n", "(((p1>1)&&(p2<=2))||(p1==0))");
    expect_description("n & ~3 | big ^ -1", "((p1&-4)|(p2^-1))");
    expect_description("(n < 1) + (n >= 2) + (n != 3)", "(((p1<1)+(p1>=2))+(p1!=3))");
}

static void it_knows_which_pointers_it_follows(void **state)
{
    struct table *table = read_table("n + *pointed");
    const struct expression *length = table->rows[0].parameters[0].passing.length;

    (void)state;
    assert_true(expression_follows(length, 3));
    assert_false(expression_follows(length, 1));
    assert_false(expression_follows(length, 4));
    table_destroy(table);

    table = read_table("*pointed ? n : *small");
    length = table->rows[0].parameters[0].passing.length;
    assert_true(expression_follows(length, 3));
    assert_true(expression_follows(length, 4));
    assert_false(expression_follows(length, 5));
    table_destroy(table);
}

static void fields_are_read_from_the_struct(void **state)
{
    static const char json[] = "{\"table\": \"t\", \"version\": 1, \"library\": \"l.so\", \"failure\": 0,"
                               " \"types\": {\"b\": {\"struct\": \"void *data; unsigned size;\", \"data\": {\"in\": "
                               "{\"size\": \"size * 2\"}}}},"
                               " \"functions\": [{\"prototype\": \"int f(b one)\"}]}";
    struct {
        void *data;
        unsigned size;
    } object = {NULL, 21};
    const struct scope scope = {.object = &object}, nothing = {0};
    struct diagnostics diagnostics = {0};
    struct table *table;
    const struct expression *length;
    uint64_t value;

    (void)state;
    assert_int_equal(table_parse(&table, json, strlen(json), "test.json", &diagnostics), 0);
    length = table->rows[0].parameters[0].type->fields[0].passing.length;
    assert_int_equal(expression_evaluate(length, &scope, &value), 0);
    assert_int_equal(value, 42);
    assert_int_equal(expression_evaluate(length, &nothing, &value), -EFAULT);
    table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_is_that_of_c),
        cmocka_unit_test(every_integer_operator_is_that_of_c),
        cmocka_unit_test(precedence_is_that_of_c),
        cmocka_unit_test(what_does_not_count_is_not_looked_at),
        cmocka_unit_test(constants_decide_while_they_are_read),
        cmocka_unit_test(names_are_constants_types_and_what_pointers_point_to),
        cmocka_unit_test(a_pointer_that_is_null_cannot_be_followed),
        cmocka_unit_test(an_address_need_not_be_aligned),
        cmocka_unit_test(numbers_that_do_not_fit_are_errors),
        cmocka_unit_test(results_below_zero_are_errors),
        cmocka_unit_test(division_by_zero_and_wild_shifts_are_errors),
        cmocka_unit_test(meaning_is_described_without_names),
        cmocka_unit_test(it_knows_which_pointers_it_follows),
        cmocka_unit_test(fields_are_read_from_the_struct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
