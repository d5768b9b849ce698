/* Where in a spec file something stands, and that messages say so. */
#include "spec/table/position.h"
#include "spec/table/table.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The item of that key, wherever it is. */
static const cJSON *find_key(const cJSON *item, const char *key)
{
    const cJSON *found = NULL;

    for (const cJSON *child = item->child; child && !found; child = child->next)
        found = child->string && strcmp(child->string, key) == 0 ? child : find_key(child, key);
    return found;
}

/* The place of the value of `key`, and of byte `offset` of it. */
static struct item_place find(const char *json, const char *key, size_t offset, size_t *byte)
{
    cJSON *tree = cJSON_Parse(json);
    struct table_text text = {.json = json, .size = strlen(json), .tree = tree};
    struct item_place place;

    assert_non_null(tree);
    assert_true(position_find(&text, find_key(tree, key), &place));
    *byte = position_in_string(&text, place.value, offset);
    position_forget(&text);
    cJSON_Delete(tree);
    return place;
}

static void items_are_found_behind_all_that_json_has(void **state)
{
    static const char json[] =
        "\xef\xbb\xbf {\"a\":[1,-2.5e3,true,null,[],{},[[ ]],\"]}\\\"\"],\n\t\"b\" : {\"c\":\"\"} , \"d\":7}";
    struct item_place place;
    size_t byte;

    (void)state;
    place = find(json, "c", 0, &byte);
    assert_memory_equal(json + place.key, "\"c\":", 4);
    assert_memory_equal(json + place.value, "\"\"}", 3);
    place = find(json, "d", 0, &byte);
    assert_memory_equal(json + place.key, "\"d\":", 4);
    assert_memory_equal(json + place.value, "7}", 2);
    place = find(json, "b", 0, &byte);
    assert_memory_equal(json + place.value, "{\"c\"", 4);
}

static void the_root_is_found_and_a_stranger_is_not(void **state)
{
    static const char json[] = "  [ ]";
    cJSON *tree = cJSON_Parse(json), *other = cJSON_Parse(json);
    struct table_text text = {.json = json, .size = strlen(json), .tree = tree};
    struct item_place place;

    (void)state;
    assert_true(position_find(&text, tree, &place));
    assert_int_equal(place.value, 2);
    assert_int_equal(place.key, 2);
    assert_false(position_find(&text, other, &place));
    assert_false(position_find(&text, NULL, &place));
    position_forget(&text);
    text.tree = NULL;
    assert_false(position_find(&text, tree, &place));
    cJSON_Delete(tree);
    cJSON_Delete(other);
}

static void bytes_of_a_string_are_found_behind_escapes(void **state)
{
    /* a, a quote, e with an accent twice, a euro, a clef of two halves, z */
    static const char json[] = "{\"s\": \"a\\\"\\u00e9\xc3\xa9\\u20AC\\ud834\\udd1ez\"}";
    static const struct {
        size_t offset;
        const char *there;
    } bytes[] = {{0, "a"},       {1, "\\\""},    {2, "\\u00e9"}, {4, "\xc3"}, {5, "\xa9"},
                 {6, "\\u20AC"}, {9, "\\ud834"}, {13, "z"},      {14, "\"}"}, {99, "\"}"}};
    size_t byte;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
        find(json, "s", bytes[i].offset, &byte);
        assert_memory_equal(json + byte, bytes[i].there, strlen(bytes[i].there));
    }
}

static void lines_and_columns_count_characters_from_1(void **state)
{
    static const char json[] = "{\r\n \"\xc3\xa9\xe2\x82\xac\": 1}";
    struct table_text text = {.json = json, .size = strlen(json)};
    size_t line, column;

    (void)state;
    position_lines(&text, 0, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 1);
    position_lines(&text, (size_t)(strchr(json, '1') - json), &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 8);
    position_lines(&text, 1000, &line, &column);
    assert_int_equal(line, 2);
}

static void lines_are_the_same_in_any_order(void **state)
{
    static const char json[] = "ab\n\n\xc3\xa9" // a character of two bytes
                               "d\nefg";
    static const struct {
        size_t at, line, column;
    } places[] = {{9, 4, 2}, {8, 4, 1}, {6, 3, 2}, {7, 3, 3}, {3, 2, 1}, {10, 4, 3},
                  {2, 1, 3}, {1, 1, 2}, {4, 3, 1}, {0, 1, 1}, {8, 4, 1}, {2, 1, 3}};
    struct table_text text = {.json = json, .size = strlen(json)};
    size_t line, column;

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        position_lines(&text, places[i].at, &line, &column);
        assert_int_equal(line, places[i].line);
        assert_int_equal(column, places[i].column);
    }
}

/* What stands where the message of a table's only fault points to, and what the message says behind that. */
static void points_to(const char *json, const char *there, const char *words)
{
    struct diagnostics diagnostics = {0};
    struct table *table;
    size_t line, column, size;
    const char *at = json;

    assert_int_equal(table_parse(&table, json, strlen(json), "x.json", &diagnostics), -EINVAL);
    assert_int_equal(diagnostics.count, 1);
    if (sscanf(diagnostics.text.data, "x.json:%zu:%zu: ", &line, &column) != 2)
        fail_msg("no place: %s", diagnostics.text.data);
    for (; line > 1; line--)
        at = strchr(at, '\n') + 1;
    at += column - 1; /* one byte for each character in these tests */
    size = strlen(there);
    if (strncmp(at, there, size) != 0)
        fail_msg("points to: %.20s\n%s", at, diagnostics.text.data);
    assert_non_null(strstr(diagnostics.text.data, words));
    diagnostics_finish(&diagnostics);
}

#define ROW(rest)                                                                                                      \
    "{\"table\": \"t\", \"version\": 1, \"library\": \"l\", \"failure\": -1,\n\"functions\": [\n{\"prototype\": " rest \
    "}]}"

static void faults_say_where_they_are(void **state)
{
    (void)state;
    points_to("{\"table\": \"t\", \"functions\": [],\n\"version\": 1, \"librari\": 2}", "\"librari\"",
              "table t: unknown key");
    points_to(ROW("\"int f(int a, foo b)\""), "b)\"", "parameter b: unknown type");
    points_to(ROW("\"int f(int a;\""), ";\"", "function f: prototype: ");
    points_to(ROW("\"int f(int a)\", \"a\": \"in\""), "\"a\": \"in\"", "parameter a: ");
    points_to(ROW("\"int f(int *a)\""), "a)\"", "parameter a: the pointer");
    points_to(ROW("\"int f(int *a)\", \"a\": {\"in\": {\"count\": \"1 +  n\"}}"), "n\"}}", "no parameter or constant");
    points_to(ROW("\"int f(int *a)\", \"a\": {\"in\": {\"count\": 0}}"), "0}}", "not more than 0");
    points_to(ROW("\"int f(int a)\", \"failure\": {\"return\": 1, \"errn\": 2}"), "\"errn\"", "unknown key");
    /* what is escaped, and a comment, do not shift what stands behind them */
    points_to(ROW("\"int f(int /* \\u20ac\\t */ a, foo b)\""), "b)\"", "parameter b: unknown type");
    /* the parameter, not the function or the type of that name */
    points_to(ROW("\"int a(a a)\""), "a)\"", "parameter a: unknown type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_behind_all_that_json_has),
        cmocka_unit_test(the_root_is_found_and_a_stranger_is_not),
        cmocka_unit_test(bytes_of_a_string_are_found_behind_escapes),
        cmocka_unit_test(lines_and_columns_count_characters_from_1),
        cmocka_unit_test(lines_are_the_same_in_any_order),
        cmocka_unit_test(faults_say_where_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
