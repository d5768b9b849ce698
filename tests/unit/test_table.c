/* Whole tables: defaults, layout, order, families, hashes.  What is refused stands in tests/spec/bad. */
#include "spec/base/own.h"
#include "spec/table/table.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct table *parse(const char *json)
{
    struct diagnostics diagnostics = {0};
    struct table *table;

    if (table_parse(&table, json, strlen(json), "/spec/test.json", &diagnostics) < 0)
        fail_msg("%s", diagnostics.text.data);
    diagnostics_finish(&diagnostics);
    return table;
}

/* A table around rows and whatever else stands at its top. */
static struct table *parse_rows(const char *rest, const char *rows)
{
    AUTO_TEXT struct text json = {0};

    text_format(&json, "{\"table\": \"t\", \"version\": 3, \"library\": \"libt.so\", %s \"functions\": [%s]}", rest,
                rows);
    return parse(json.data);
}

static void assert_described(const struct row *row, const char *expected)
{
    AUTO_TEXT struct text text = {0};

    row_describe(row, &text);
    assert_string_equal(text.data, expected);
}

static void a_row_has_what_the_file_says(void **state)
{
    struct table *table =
        parse_rows("", "{\"prototype\": \"int f(const void *p, int n)\", \"p\": {\"in\": {\"size\": \"n\"}, "
                       "\"nullable\": true}, \"failure\": {\"return\": -1, \"errno\": \"EIO\"}, "
                       "\"lost\": \"native\", \"timeout_ms\": 5, \"compare\": \"safe\", "
                       "\"errno\": false, \"handler\": {\"symbol\": \"g\", \"library\": \"./m.so\"}}");
    const struct row *row = table_find(table, "f");

    (void)state;
    assert_non_null(row);
    assert_null(table_find(table, "g"));
    assert_int_equal(table->version, 3);
    assert_string_equal(table->library, "libt.so");
    assert_string_equal(row->symbol, "g");
    assert_string_equal(row->library, "/spec/m.so");
    assert_int_equal(row->failure.value.integer, -1);
    assert_int_equal(row->failure.error_number, EIO);
    assert_int_equal(row->lost, LOST_NATIVE);
    assert_int_equal(row->timeout_ms, 5);
    assert_true(row->compare_safe && row->keeps_errno && !row->idempotent);
    assert_true(row->parameters[0].passing.nullable);
    assert_int_equal(row->parameters[0].passing.unit, 1);
    table_destroy(table);
}

static void what_a_row_does_not_say_the_table_says(void **state)
{
    struct table *table =
        parse_rows("\"failure\": -7, \"lost\": \"abort\", \"compare\": \"safe\", \"idempotent\": true, "
                   "\"timeout_ms\": 9, \"errno\": false,",
                   "{\"prototype\": \"int a(void)\"}, {\"prototype\": \"void b(void)\", \"lost\": "
                   "\"fail\", \"compare\": \"never\", \"idempotent\": false, \"errno\": true}");

    (void)state;
    assert_int_equal(table->rows[0].failure.value.integer, -7);
    assert_int_equal(table->rows[0].lost, LOST_ABORT);
    assert_true(table->rows[0].compare_safe && table->rows[0].idempotent && table->rows[0].keeps_errno);
    assert_int_equal(table->rows[0].timeout_ms, 9);
    assert_int_equal(table->rows[1].lost, LOST_FAIL);
    assert_false(table->rows[1].compare_safe || table->rows[1].idempotent || table->rows[1].keeps_errno);
    assert_false(table->rows[1].failure.is_given);
    table_destroy(table);
}

static void failure_values_take_the_shape_of_the_result(void **state)
{
    struct table *table =
        parse_rows("\"constants\": {\"BAD\": \"-0x10\"}, \"types\": {\"e\": {\"enum\": \"X = 3, Y\"}},",
                   "{\"prototype\": \"long a(void)\", \"failure\": \"BAD\"}, "
                   "{\"prototype\": \"e b(void)\", \"failure\": \"Y\"}, "
                   "{\"prototype\": \"double c(void)\", \"failure\": \"NaN\"}, "
                   "{\"prototype\": \"float d(void)\", \"failure\": -1.5}, "
                   "{\"prototype\": \"bool e1(void)\", \"failure\": true}, "
                   "{\"prototype\": \"unsigned long f(void)\", \"failure\": -1}");

    (void)state;
    assert_int_equal(table->rows[0].failure.value.integer, -16);
    assert_int_equal(table->rows[1].failure.value.integer, 4);
    assert_true(isnan(table->rows[2].failure.value.floating));
    assert_true(table->rows[3].failure.value.floating == -1.5);
    assert_int_equal(table->rows[4].failure.value.integer, 1);
    assert_int_equal(table->rows[5].failure.value.integer, -1);
    table_destroy(table);
}

struct inner {
    long x;
    char y;
};

struct outer {
    char a;
    struct inner b;
    short c[3][2];
    void *data;
    unsigned size;
};

static void structs_are_laid_out_as_the_compiler_does(void **state)
{
    struct table *table = parse_rows(
        "\"failure\": 0, \"types\": {\"struct outer\": {\"struct\": \"char a; inner b; short c[3][2]; void *data; "
        "unsigned size;\", \"data\": {\"inout\": {\"size\": \"size\"}}}, \"inner\": {\"struct\": \"long x; char "
        "y;\"}},",
        "{\"prototype\": \"int f(struct outer *o)\", \"o\": \"inout\"}");
    const struct type *type = table->rows[0].parameters[0].type->target;

    (void)state;
    assert_int_equal(type->size, sizeof(struct outer));
    assert_int_equal(type->alignment, _Alignof(struct outer));
    assert_int_equal(type->fields[1].offset, offsetof(struct outer, b));
    assert_int_equal(type->fields[2].offset, offsetof(struct outer, c));
    assert_int_equal(type->fields[2].type->size, sizeof(((struct outer *)NULL)->c));
    assert_int_equal(type->fields[3].offset, offsetof(struct outer, data));
    assert_int_equal(type->fields[4].offset, offsetof(struct outer, size));
    assert_string_equal(type->fields[1].type->name, "inner");
    table_destroy(table);
}

static void pointers_that_sizes_follow_come_first(void **state)
{
    struct table *table =
        parse_rows("\"failure\": 0,", "{\"prototype\": \"int f(void *a, void *b, int *n, int *m)\", \"a\": {\"out\": "
                                      "{\"size\": \"*n\", \"capacity\": \"*m\"}}, \"b\": {\"in\": {\"size\": \"*m\"}}, "
                                      "\"n\": \"out\", \"m\": \"in\"}");
    const uint8_t expected[] = {2, 3, 0, 1};

    (void)state;
    assert_memory_equal(table->rows[0].order, expected, sizeof(expected));
    table_destroy(table);
}

static void handles_of_one_class_make_a_family(void **state)
{
    struct table *table =
        parse_rows("\"failure\": null, \"lost\": \"fail\", \"types\": {\"struct a\": \"opaque\", \"b\": \"handle\", "
                   "\"c\": \"opaque\"},",
                   "{\"prototype\": \"struct a *open_a(void)\"}, {\"prototype\": \"void plain(int n)\"}, "
                   "{\"prototype\": \"c *open_c(void)\"}, {\"prototype\": \"void join(struct a *a, b key)\"}, "
                   "{\"prototype\": \"b open_b(void)\"}");

    (void)state;
    assert_int_equal(table->rows[0].family, 1);
    assert_int_equal(table->rows[1].family, 0);
    assert_int_equal(table->rows[2].family, 2);
    assert_int_equal(table->rows[3].family, 1);
    assert_int_equal(table->rows[4].family, 1);
    assert_string_equal(table->rows[0].result.type->handle, "a");
    assert_string_equal(table->rows[0].result.type->name, "struct a *");
    table_destroy(table);
}

static void a_row_is_described_by_what_travels(void **state)
{
    struct table *table = parse_rows(
        "\"types\": {\"uLong\": \"unsigned long\", \"Bytef\": \"unsigned char\"}, \"lost\": \"native\", "
        "\"idempotent\": true,",
        "{\"prototype\": \"uLong crc32(uLong crc, const Bytef *buf, unsigned len)\", \"buf\": {\"in\": {\"size\": "
        "\"len\"}, "
        "\"nullable\": true}}, {\"prototype\": \"const char *v(void)\", \"return\": {\"string\": \"static\"}}, "
        "{\"prototype\": \"double d(const int *a, int n)\", \"a\": {\"in\": {\"size\": \"n\"}}}, "
        "{\"prototype\": \"double e(const int *a, int n)\", \"a\": {\"in\": {\"count\": \"n\"}}}");

    (void)state;
    assert_described(&table->rows[0], "u8 (u8, in u1[p2]?, u4)");
    assert_described(&table->rows[1], "static string ()");
    assert_described(&table->rows[2], "f8 (in s4[p1 bytes], s4)");
    assert_described(&table->rows[3], "f8 (in s4[p1], s4)");
    assert_true(table->rows[2].hash != table->rows[3].hash);
    table_destroy(table);
}

static void hashes_depend_on_meaning_alone(void **state)
{
    const char *common = "\"failure\": 0, \"constants\": {\"N\": 2}, \"types\": {\"word\": \"unsigned int\"},";
    struct table *first = parse_rows(common, "{\"prototype\": \"int f(const char *a, unsigned n)\", \"a\": {\"in\": "
                                             "{\"size\": \"n * 2\"}}, \"failure\": -1}");
    struct table *second = parse_rows(common, "{\"prototype\": \"signed f(const char *text, word count)\", \"text\": "
                                              "{\"in\": {\"size\": \"(count) * N\"}}}");
    struct table *third = parse_rows(common, "{\"prototype\": \"int f(const char *a, unsigned n)\", \"a\": {\"in\": "
                                             "{\"size\": \"n * 3\"}}}");

    (void)state;
    assert_true(first->rows[0].hash == second->rows[0].hash);
    assert_true(first->hash == second->hash);
    assert_true(first->rows[0].hash != third->rows[0].hash);
    assert_true(first->hash != third->hash);
    table_destroy(first);
    table_destroy(second);
    table_destroy(third);
}

static void the_text_need_not_end_in_nul(void **state)
{
    static const char json[] = "{\"table\": \"t\", \"version\": 1, \"functions\": []}";
    struct diagnostics diagnostics = {0};
    AUTO_FREE char *exact = malloc(strlen(json));
    struct table *table;

    (void)state;
    assert_non_null(exact);
    memcpy(exact, json, strlen(json));
    assert_int_equal(table_parse(&table, exact, strlen(json), "test.json", &diagnostics), 0);
    assert_int_equal(table->row_count, 0);
    table_destroy(table);
    assert_int_equal(table_parse(&table, exact, strlen(json) - 1, "test.json", &diagnostics), -EINVAL);
    diagnostics_finish(&diagnostics);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct diagnostics diagnostics = {0};
    struct table *table;

    (void)state;
    assert_int_equal(table_read(&table, "/nowhere/x.json", &diagnostics), -ENOENT);
    assert_null(table);
    assert_string_equal(diagnostics.text.data, "/nowhere/x.json: No such file or directory\n");
    diagnostics_finish(&diagnostics);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    char path[] = "/tmp/test_table_XXXXXX";
    AUTO_CLOSE int fd = mkstemp(path);
    struct diagnostics diagnostics = {0};
    struct table *table;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)TABLE_FILE_MOST + 1), 0);
    assert_int_equal(table_read(&table, path, &diagnostics), -EFBIG);
    assert_non_null(strstr(diagnostics.text.data, "at most 64 MiB"));
    unlink(path);
    diagnostics_finish(&diagnostics);
}

static void one_line_is_one_fault_whatever_it_quotes(void **state)
{
    static const char json[] = "{\"table\": \"t\", \"version\": 1, \"a\\nb\": 1, \"functions\": []}";
    struct diagnostics diagnostics = {0};
    struct table *table;

    (void)state;
    assert_int_equal(table_parse(&table, json, strlen(json), "test.json", &diagnostics), -EINVAL);
    assert_int_equal(diagnostics.count, 1);
    assert_ptr_equal(strchr(diagnostics.text.data, '\n'), diagnostics.text.data + diagnostics.text.size - 1);
    diagnostics_finish(&diagnostics);
}

/* 20000 bad rows in a line each: read in a moment, the first 1000 shown. */
static void of_very_many_faults_the_first_are_listed(void **state)
{
    AUTO_TEXT struct text json = {0};
    struct diagnostics diagnostics = {0};
    struct table *table;
    size_t lines = 0;

    (void)state;
    text_add(&json, "{\"table\": \"t\", \"version\": 1, \"library\": \"l\", \"functions\": [\n");
    for (int i = 0; i < 20000; i++)
        text_format(&json, "{\"prototype\": \"int f%d(foo a)\"}%s\n", i, i < 19999 ? "," : "]}");
    assert_int_equal(table_parse(&table, json.data, json.size, "x.json", &diagnostics), -EINVAL);
    for (const char *at = diagnostics.text.data; *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 1001);
    assert_non_null(strstr(diagnostics.text.data, "\nx.json:1001:29: table t: function f999: "));
    assert_non_null(strstr(diagnostics.text.data, "\nmore than 1000 faults: the others are not listed\n"));
    diagnostics_finish(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_what_the_file_says),
        cmocka_unit_test(what_a_row_does_not_say_the_table_says),
        cmocka_unit_test(failure_values_take_the_shape_of_the_result),
        cmocka_unit_test(structs_are_laid_out_as_the_compiler_does),
        cmocka_unit_test(pointers_that_sizes_follow_come_first),
        cmocka_unit_test(handles_of_one_class_make_a_family),
        cmocka_unit_test(a_row_is_described_by_what_travels),
        cmocka_unit_test(hashes_depend_on_meaning_alone),
        cmocka_unit_test(the_text_need_not_end_in_nul),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(one_line_is_one_fault_whatever_it_quotes),
        cmocka_unit_test(of_very_many_faults_the_first_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
