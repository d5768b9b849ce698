/* Whole tables: defaults, layout, order, families, hashes.  What is refused stands in tests/spec/bad. */
#include "spec/base/own.h"
#include "spec/table/table.h"
#include "spec/table/type_value.h"

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

/* One text for the compiler and for the table. */
#define LAYOUT(name, attributes, words, ...) \
    struct name {                            \
        __VA_ARGS__                          \
    } attributes;                            \
    static const char name##_text[] = "{\"struct\": \"" #__VA_ARGS__ "\"" words "}"

enum sign { MINUS = -1, NONE, PLUS };
enum color { RED, GREEN, BLUE };

LAYOUT(mixed_bits, , "", char a; int b : 7, c : 12; unsigned d : 20; short e; unsigned short f : 9; unsigned char g : 7;
       char h;);
LAYOUT(wide_bits, , "", unsigned long a : 33; long b : 31; unsigned long c : 1; _Bool d : 1; long e : 62;
       long long f : 64;);
LAYOUT(unnamed_bits, , "", char a : 3; int : 5; char b; int : 0; char c : 2; long : 0; char d : 1;);
LAYOUT(enum_bits, , "", enum sign a : 2; enum color b : 2; unsigned char c : 8; enum color d : 30;);
LAYOUT(packed_all, __attribute__((packed)), ", \"packed\": true", char a; int b; double c; short d[3]; uint64_t e;
       char f;);
LAYOUT(packed_bits, __attribute__((packed)), ", \"packed\": true", unsigned a : 3; int b : 31; unsigned long c : 50;
       char d; int : 0; short e;);
LAYOUT(packed_aligned, __attribute__((packed, aligned(4))), ", \"packed\": true, \"aligned\": 4", char a; short b;
       char c[6];);
LAYOUT(aligned_64, __attribute__((aligned(64))), ", \"aligned\": 64", int a; char b;);
LAYOUT(aligned_less, __attribute__((aligned(2))), ", \"aligned\": 2", int a; char b;);
LAYOUT(of_others, , "", char a; struct packed_all b; char c; struct aligned_64 d; struct mixed_bits e[2]; char f;);

static const struct type *layout_of(const char *name, const char *text, struct table **table)
{
    AUTO_TEXT struct text rest = {0}, row = {0};

    text_format(&rest,
                "\"failure\": 0, \"types\": {\"enum sign\": {\"enum\": \"MINUS = -1, NONE, PLUS\"}, \"enum color\": "
                "{\"enum\": \"RED, GREEN, BLUE\"}, \"struct "
                "packed_all\": %s, \"struct aligned_64\": %s, \"struct mixed_bits\": %s, \"%s\": %s},",
                packed_all_text, aligned_64_text, mixed_bits_text, name, text);
    text_format(&row, "{\"prototype\": \"int f(%s *s)\", \"s\": \"inout\"}", name);
    *table = parse_rows(rest.data, row.data);
    return (*table)->rows[0].parameters[0].type->target;
}

/* The compiler has stored `value` in this member of an object that was zero: the table finds it there, and only there.
 */
static void assert_member(const struct type *type, const char *name, const void *object, size_t size, uint64_t value)
{
    unsigned char expected[256], mine[256] = {0};

    memcpy(expected, object, size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];

        if (strcmp(field->name, name) != 0)
            continue;
        assert_int_equal(value_load(field->type, expected + field->offset), value);
        assert_int_equal(value_store(field->type, mine + field->offset, value), 0);
        assert_memory_equal(mine, expected, size);
        return;
    }
    fail_msg("no member %s", name);
}

#define MEMBER(layout, member, value)                                                            \
    do {                                                                                         \
        struct layout object;                                                                    \
        memset(&object, 0, sizeof(object));                                                      \
        object.member = value;                                                                   \
        assert_member(type, #member, &object, sizeof(object), (uint64_t)(int64_t)object.member); \
    } while (0)

#define SAME_LAYOUT(layout)                                         \
    type = layout_of("struct " #layout "_", layout##_text, &table); \
    assert_int_equal(type->size, sizeof(struct layout));            \
    assert_int_equal(type->alignment, _Alignof(struct layout))

static void bit_fields_lie_where_the_compiler_has_them(void **state)
{
    const struct type *type;
    struct table *table;

    (void)state;
    SAME_LAYOUT(mixed_bits);
    MEMBER(mixed_bits, b, -33);
    MEMBER(mixed_bits, c, -2048);
    MEMBER(mixed_bits, d, 0xfffff);
    MEMBER(mixed_bits, e, -1);
    MEMBER(mixed_bits, f, 0x1ff);
    MEMBER(mixed_bits, g, 0x7f);
    MEMBER(mixed_bits, h, -1);
    table_destroy(table);
    SAME_LAYOUT(wide_bits);
    MEMBER(wide_bits, a, 0x1ffffffff);
    MEMBER(wide_bits, b, -1);
    MEMBER(wide_bits, c, 1);
    MEMBER(wide_bits, d, 1);
    MEMBER(wide_bits, e, -1);
    MEMBER(wide_bits, f, INT64_MIN);
    table_destroy(table);
    SAME_LAYOUT(unnamed_bits);
    assert_int_equal(type->field_count, 4);
    MEMBER(unnamed_bits, b, -1);
    MEMBER(unnamed_bits, c, -2);
    MEMBER(unnamed_bits, d, -1);
    table_destroy(table);
    SAME_LAYOUT(enum_bits);
    MEMBER(enum_bits, a, MINUS);
    MEMBER(enum_bits, b, BLUE);
    MEMBER(enum_bits, d, BLUE);
    table_destroy(table);
}

static void packed_and_aligned_structs_are_laid_out_as_the_compiler_does(void **state)
{
    const struct type *type;
    struct table *table;

    (void)state;
    SAME_LAYOUT(packed_bits);
    MEMBER(packed_bits, a, 7);
    MEMBER(packed_bits, b, -1);
    MEMBER(packed_bits, c, 0x3ffffffffffff);
    MEMBER(packed_bits, d, -1);
    MEMBER(packed_bits, e, -1);
    table_destroy(table);
    SAME_LAYOUT(packed_aligned);
    MEMBER(packed_aligned, b, -1);
    table_destroy(table);
    SAME_LAYOUT(aligned_64);
    MEMBER(aligned_64, b, -1);
    table_destroy(table);
    SAME_LAYOUT(aligned_less);
    assert_false(type->is_only_behind);
    table_destroy(table);
    SAME_LAYOUT(of_others);
    assert_true(type->is_only_behind);
    assert_int_equal(type->fields[1].offset, offsetof(struct of_others, b));
    assert_int_equal(type->fields[3].offset, offsetof(struct of_others, d));
    assert_int_equal(type->fields[4].offset, offsetof(struct of_others, e));
    MEMBER(of_others, f, -1);
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

static void bit_fields_are_described_by_their_bits(void **state)
{
    struct table *table =
        parse_rows("\"failure\": 0, \"types\": {\"s\": {\"struct\": \"int a : 3, : 4; unsigned b : 9; bool "
                   "c : 1; char d;\", \"packed\": true}},",
                   "{\"prototype\": \"int f(s *p)\", \"p\": \"in\"}");

    (void)state;
    assert_described(&table->rows[0], "s4 (in {s:3, u:9, b:1, s1})");
    table_destroy(table);
}

static void lists_of_strings_are_not_described_as_one_string(void **state)
{
    struct table *table = parse_rows(
        "\"failure\": 0,", "{\"prototype\": \"int f(const char *a, char16_t *b, int n)\", \"a\": \"strings\", \"b\": "
                           "{\"inout\": {\"strings\": true, \"capacity\": \"n\"}}}");

    (void)state;
    assert_described(&table->rows[0], "s4 (in s1[until 0 0], inout u2[until 0 0 room p2], s4)");
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
        cmocka_unit_test(bit_fields_lie_where_the_compiler_has_them),
        cmocka_unit_test(packed_and_aligned_structs_are_laid_out_as_the_compiler_does),
        cmocka_unit_test(pointers_that_sizes_follow_come_first),
        cmocka_unit_test(handles_of_one_class_make_a_family),
        cmocka_unit_test(a_row_is_described_by_what_travels),
        cmocka_unit_test(bit_fields_are_described_by_their_bits),
        cmocka_unit_test(lists_of_strings_are_not_described_as_one_string),
        cmocka_unit_test(hashes_depend_on_meaning_alone),
        cmocka_unit_test(the_text_need_not_end_in_nul),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(one_line_is_one_fault_whatever_it_quotes),
        cmocka_unit_test(of_very_many_faults_the_first_are_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
