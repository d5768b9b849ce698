/* Control memory as another program may have written it. */
#include "preload/control/control_view.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { FUNCTIONS = 2, FAMILIES = 1, COUNTS_AT = CONTROL_PAGE };

/* One page, and the counts of one share behind it. */
static struct {
    struct control_header header;
    struct control_function functions[FUNCTIONS];
    struct control_family families[FAMILIES];
    char names[16];
    uint8_t rest[COUNTS_AT];
} memory;

static const uint64_t memory_size = COUNTS_AT + FUNCTIONS * sizeof(struct control_counts);

static uint64_t offset_of(const void *part)
{
    return (uint64_t)((const char *)part - (const char *)&memory);
}

static int make_good(void **state)
{
    (void)state;
    memset(&memory, 0, sizeof(memory));
    memory.header = (struct control_header){.version = CONTROL_VERSION,
                                            .pid = 5,
                                            .function_count = FUNCTIONS,
                                            .family_count = FAMILIES,
                                            .shard_count = 1,
                                            .functions_offset = offset_of(memory.functions),
                                            .families_offset = offset_of(memory.families),
                                            .names_offset = offset_of(memory.names),
                                            .names_size = sizeof(memory.names),
                                            .counts_offset = COUNTS_AT,
                                            .size = memory_size};
    memcpy(memory.header.magic, CONTROL_MAGIC, sizeof(memory.header.magic));
    memcpy(memory.names, "table\0one\0two", sizeof("table\0one\0two"));
    memory.functions[0] = (struct control_function){.name = 6, .mode = 1};
    memory.functions[1] = (struct control_function){.name = 10, .family = 1};
    return 0;
}

static int look(struct control_view *view)
{
    uint64_t size;
    int error = control_view_size(&memory.header, memory_size, &size);

    return error ? error : control_view_open(view, &memory, size, memory_size);
}

static void a_good_one_is_seen(void **state)
{
    struct control_view view;

    (void)state;
    assert_int_equal(look(&view), 0);
    assert_int_equal(view.function_count, FUNCTIONS);
    assert_string_equal(control_view_name(&view, 0), "one");
    assert_string_equal(control_view_name(&view, 1), "two");
    assert_string_equal(control_view_table(&view, 1), "table");
    assert_int_equal(control_view_counts_offset(&view, 0, 1), COUNTS_AT + sizeof(struct control_counts));
}

static void another_version_is_told_apart(void **state)
{
    struct control_view view;

    (void)state;
    memory.header.version++;
    assert_int_equal(look(&view), -EPROTONOSUPPORT);
}

static void the_address_always_ends(void **state)
{
    struct control_view view;

    (void)state;
    memset(memory.header.session.address, 'x', CONTROL_ADDRESS_MOST);
    assert_int_equal(look(&view), 0);
    assert_int_equal(strlen(view.header.session.address), CONTROL_ADDRESS_MOST - 1);
}

#define REFUSES(name, change)                    \
    static void name(void **state)               \
    {                                            \
        struct control_view view;                \
                                                 \
        (void)state;                             \
        change;                                  \
        assert_int_equal(look(&view), -EBADMSG); \
    }

REFUSES(a_wrong_magic_is_refused, memory.header.magic[0]++)
REFUSES(a_size_that_is_not_the_memorys_is_refused, memory.header.size++)
REFUSES(counts_beyond_the_end_are_refused, memory.header.shard_count = 2)
REFUSES(no_shares_are_refused, memory.header.shard_count = 0)
REFUSES(counts_inside_the_header_are_refused, memory.header.counts_offset = 0)
REFUSES(counts_on_half_a_page_are_refused, memory.header.counts_offset -= 8)
REFUSES(functions_beyond_the_end_are_refused, memory.header.functions_offset = COUNTS_AT)
REFUSES(functions_that_wrap_around_are_refused, memory.header.functions_offset = UINT64_MAX - 7)
REFUSES(crooked_functions_are_refused, memory.header.functions_offset++)
REFUSES(too_many_functions_are_refused, memory.header.function_count = UINT32_MAX)
REFUSES(families_beyond_the_end_are_refused, memory.header.families_offset = COUNTS_AT)
REFUSES(more_families_than_functions_are_refused, memory.header.family_count = FUNCTIONS + 1)
REFUSES(names_beyond_the_end_are_refused, memory.header.names_size = UINT64_MAX)
REFUSES(a_name_beyond_the_names_is_refused, memory.functions[0].name = sizeof(memory.names))
REFUSES(a_name_without_an_end_is_refused, memset(memory.names + 10, 'x', 6))
REFUSES(a_table_beyond_the_names_is_refused, memory.functions[1].table = UINT32_MAX)
REFUSES(a_family_that_is_not_there_is_refused, memory.functions[1].family = 2)
REFUSES(an_unknown_mode_is_refused, memory.functions[1].mode = 3)
REFUSES(an_unknown_answer_is_refused, memory.functions[1].answer = CONTROL_ANSWERS)
REFUSES(an_unknown_answer_of_a_family_is_refused, memory.families[0].answer = CONTROL_ANSWERS)

#define TEST(name) cmocka_unit_test_setup(name, make_good)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_one_is_seen),
        TEST(another_version_is_told_apart),
        TEST(the_address_always_ends),
        TEST(a_wrong_magic_is_refused),
        TEST(a_size_that_is_not_the_memorys_is_refused),
        TEST(counts_beyond_the_end_are_refused),
        TEST(no_shares_are_refused),
        TEST(counts_inside_the_header_are_refused),
        TEST(counts_on_half_a_page_are_refused),
        TEST(functions_beyond_the_end_are_refused),
        TEST(functions_that_wrap_around_are_refused),
        TEST(crooked_functions_are_refused),
        TEST(too_many_functions_are_refused),
        TEST(families_beyond_the_end_are_refused),
        TEST(more_families_than_functions_are_refused),
        TEST(names_beyond_the_end_are_refused),
        TEST(a_name_beyond_the_names_is_refused),
        TEST(a_name_without_an_end_is_refused),
        TEST(a_table_beyond_the_names_is_refused),
        TEST(a_family_that_is_not_there_is_refused),
        TEST(an_unknown_mode_is_refused),
        TEST(an_unknown_answer_is_refused),
        TEST(an_unknown_answer_of_a_family_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
