/* Several tables together: one name, one function. */
#include "spec/table/catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct table *make_table(const char *name, const char *first, const char *second)
{
    struct diagnostics diagnostics = {0};
    AUTO_TEXT struct text json = {0};
    AUTO_TEXT struct text path = {0};
    struct table *table;

    text_format(&path, "%s.json", name);
    text_format(&json,
                "{\"table\": \"%s\", \"version\": 1, \"library\": \"l.so\", \"failure\": 0, \"functions\": ["
                "{\"prototype\": \"int %s(void)\"}, {\"prototype\": \"int %s(void)\"}]}",
                name, first, second);
    assert_int_equal(table_parse(&table, json.data, json.size, path.data, &diagnostics), 0);
    return table;
}

static void functions_of_all_tables_are_found(void **state)
{
    struct diagnostics diagnostics = {0};
    struct catalog catalog = {0};

    (void)state;
    assert_int_equal(catalog_add(&catalog, make_table("one", "z", "b"), &diagnostics), 0);
    assert_int_equal(catalog_add(&catalog, make_table("two", "a", "y"), &diagnostics), 0);
    assert_int_equal(catalog.row_count, 4);
    assert_string_equal(catalog_find(&catalog, "a")->table->name, "two");
    assert_string_equal(catalog_find(&catalog, "z")->table->name, "one");
    assert_string_equal(catalog.by_name[0]->name, "a");
    assert_string_equal(catalog.by_name[3]->name, "z");
    assert_string_equal(catalog_table(&catalog, "two")->name, "two");
    catalog_finish(&catalog);
}

static void names_that_no_table_has_are_not_found(void **state)
{
    struct diagnostics diagnostics = {0};
    struct catalog catalog = {0};

    (void)state;
    assert_null(catalog_find(&catalog, "a"));
    assert_null(catalog_table(&catalog, "one"));
    assert_int_equal(catalog_add(&catalog, make_table("one", "b", "d"), &diagnostics), 0);
    assert_null(catalog_find(&catalog, "a"));
    assert_null(catalog_find(&catalog, "c"));
    assert_null(catalog_find(&catalog, ""));
    catalog_finish(&catalog);
}

static void a_function_in_two_tables_is_refused_and_both_are_named(void **state)
{
    struct diagnostics diagnostics = {0};
    struct catalog catalog = {0};

    (void)state;
    assert_int_equal(catalog_add(&catalog, make_table("one", "a", "b"), &diagnostics), 0);
    assert_int_equal(catalog_add(&catalog, make_table("two", "b", "c"), &diagnostics), -EEXIST);
    assert_int_equal(diagnostics.count, 1);
    assert_string_equal(diagnostics.text.data, "two.json: table two: function b: the active table one has this "
                                               "function too, in one.json; remove one of the rows\n");
    assert_int_equal(catalog.table_count, 1);
    assert_null(catalog_find(&catalog, "c"));
    diagnostics_finish(&diagnostics);
    catalog_finish(&catalog);
}

static void a_table_of_the_same_name_is_refused(void **state)
{
    struct diagnostics diagnostics = {0};
    struct catalog catalog = {0};

    (void)state;
    assert_int_equal(catalog_add(&catalog, make_table("one", "a", "b"), &diagnostics), 0);
    assert_int_equal(catalog_add(&catalog, make_table("one", "c", "d"), &diagnostics), -EEXIST);
    assert_non_null(strstr(diagnostics.text.data, "a table of this name is active already"));
    diagnostics_finish(&diagnostics);
    catalog_finish(&catalog);
}

static void a_file_that_cannot_be_read_leaves_the_catalog_as_it_was(void **state)
{
    struct diagnostics diagnostics = {0};
    struct catalog catalog = {0};

    (void)state;
    assert_int_equal(catalog_add(&catalog, make_table("one", "a", "b"), &diagnostics), 0);
    assert_int_equal(catalog_read(&catalog, "/nowhere/x.json", &diagnostics), -ENOENT);
    assert_int_equal(diagnostics.count, 1);
    assert_int_equal(catalog.row_count, 2);
    diagnostics_finish(&diagnostics);
    catalog_finish(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_all_tables_are_found),
        cmocka_unit_test(names_that_no_table_has_are_not_found),
        cmocka_unit_test(a_function_in_two_tables_is_refused_and_both_are_named),
        cmocka_unit_test(a_table_of_the_same_name_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_leaves_the_catalog_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
