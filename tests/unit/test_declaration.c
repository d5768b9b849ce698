/* C text taken apart: what is understood, and what is refused. */
#include "spec/table/declaration.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct scratch memory;
    struct diagnostics diagnostics;
    struct reading reading;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    if (!world)
        return -1;
    world->reading =
        (struct reading){.memory = &world->memory, .diagnostics = &world->diagnostics, .path = "test.json"};
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    scratch_finish(&world->memory);
    diagnostics_finish(&world->diagnostics);
    free(world);
    return 0;
}

static struct prototype parse(void **state, const char *text)
{
    struct world *world = *state;
    struct prototype prototype;

    if (declaration_prototype(&world->reading, text, &prototype) < 0)
        fail_msg("%s", world->diagnostics.text.data);
    return prototype;
}

/* Refused, with these words somewhere in the message. */
static void refuse(void **state, const char *text, const char *words)
{
    struct world *world = *state;
    struct prototype prototype;

    diagnostics_finish(&world->diagnostics);
    assert_int_equal(declaration_prototype(&world->reading, text, &prototype), -EINVAL);
    assert_int_equal(world->diagnostics.count, 1);
    if (!strstr(world->diagnostics.text.data, words))
        fail_msg("\"%s\" is not in: %s", words, world->diagnostics.text.data);
}

static void a_prototype_gives_names_and_types(void **state)
{
    struct prototype prototype = parse(state, "uLong crc32(uLong crc, const Bytef *buf, unsigned int len);");

    assert_string_equal(prototype.result.name, "crc32");
    assert_string_equal(prototype.result.type, "uLong");
    assert_int_equal(prototype.parameter_count, 3);
    assert_string_equal(prototype.parameters[1].type, "Bytef");
    assert_string_equal(prototype.parameters[1].name, "buf");
    assert_int_equal(prototype.parameters[1].pointer_count, 1);
    assert_true(prototype.parameters[1].is_const);
    assert_string_equal(prototype.parameters[2].type, "unsigned int");
}

static void words_of_a_type_come_in_any_order(void **state)
{
    struct prototype prototype =
        parse(state, "long int unsigned long f(int long a, short signed int b, signed c, char unsigned const d)");

    assert_string_equal(prototype.result.type, "unsigned long long");
    assert_string_equal(prototype.parameters[0].type, "long");
    assert_string_equal(prototype.parameters[1].type, "short");
    assert_string_equal(prototype.parameters[2].type, "int");
    assert_string_equal(prototype.parameters[3].type, "unsigned char");
}

static void combinations_that_c_does_not_have_are_refused(void **state)
{
    refuse(state, "unsigned float f(void)", "C has no type");
    refuse(state, "short long f(void)", "C has no type");
    refuse(state, "int f(signed unsigned a)", "C has no type");
    refuse(state, "int f(int int a)", "twice");
    refuse(state, "int f(long long long a)", "twice");
}

static void const_is_kept_with_the_star_it_belongs_to(void **state)
{
    struct prototype prototype = parse(state, "int f(char const *const *a, char *const b)");

    assert_true(prototype.parameters[0].is_const);
    assert_true(prototype.parameters[0].pointer_is_const[0]);
    assert_false(prototype.parameters[0].pointer_is_const[1]);
    assert_false(prototype.parameters[1].is_const);
    assert_true(prototype.parameters[1].pointer_is_const[0]);
}

static void void_alone_means_no_parameters(void **state)
{
    assert_int_equal(parse(state, "int f(void)").parameter_count, 0);
    assert_int_equal(parse(state, "int f(void *)").parameter_count, 1);
    refuse(state, "int f()", "write \"(void)\"");
}

static void names_of_parameters_may_be_missing(void **state)
{
    struct prototype prototype = parse(state, "int f(int, const struct foo *, enum color)");

    assert_null(prototype.parameters[0].name);
    assert_string_equal(prototype.parameters[1].type, "struct foo");
    assert_string_equal(prototype.parameters[2].type, "enum color");
}

static void comments_and_lines_do_not_matter(void **state)
{
    struct prototype prototype = parse(state, "int /* the result */\n\tf(int a, // first\n int b)");

    assert_int_equal(prototype.parameter_count, 2);
    refuse(state, "int f(int a /* ", "was expected");
}

static void what_is_not_there_yet_is_called_by_its_name(void **state)
{
    refuse(state, "int f(const char *format, ...)", "\"...\"");
    refuse(state, "int f(void (*callback)(int))", "callbacks");
    refuse(state, "int f(int callback(int))", "callbacks");
    refuse(state, "void (*f(void))(int)", "callbacks");
    refuse(state, "int f(union u a)", "unions");
    refuse(state, "int f(struct { int a; } a)", "without a name");
    refuse(state, "int f(int ****a)", "stars");
}

static void what_is_not_c_is_refused_where_it_stands(void **state)
{
    refuse(state, "int f(int a b)", "position 13: prototype: two names, \"a\" and \"b\"");
    refuse(state, "int f(int a", "position 12");
    refuse(state, "int f(int a))", "position 13");
    refuse(state, "int f(int a,)", "a type was expected");
    refuse(state, "", "a type was expected");
    refuse(state, "int", "the name of the function is missing");
    refuse(state, "int f(int a[)", "']' is missing");
    refuse(state, "int f(\xff\xfe)", "a type was expected");
}

static void one_parameter_too_many_is_refused(void **state)
{
    AUTO_TEXT struct text text = {0};

    text_add(&text, "int f(int a");
    for (int i = 1; i < TABLE_PARAMETERS_MOST; i++)
        text_format(&text, ", int a%d", i);
    text_add(&text, ")");
    assert_int_equal(parse(state, text.data).parameter_count, TABLE_PARAMETERS_MOST);

    text.data[--text.size] = '\0';
    text_add(&text, ", int more)");
    refuse(state, text.data, "more than 64 parameters");
}

static void members_share_a_type_and_have_arrays(void **state)
{
    struct world *world = *state;
    struct declaration *members;
    size_t count;

    assert_int_equal(declaration_members(&world->reading, "int a, *b; char name[ 16 ][N * 2];", &members, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(members[0].pointer_count, 0);
    assert_int_equal(members[1].pointer_count, 1);
    assert_string_equal(members[1].type, "int");
    assert_int_equal(members[2].array_count, 2);
    assert_string_equal(members[2].arrays[1], "N * 2");
}

static void bit_fields_keep_what_stands_behind_the_colon(void **state)
{
    struct world *world = *state;
    struct declaration *members;
    size_t count;

    assert_int_equal(declaration_members(&world->reading, "unsigned a : 3, : 0, b:N + 1; char c;", &members, &count),
                     0);
    assert_int_equal(count, 4);
    assert_string_equal(members[0].bits, "3");
    assert_null(members[1].name);
    assert_string_equal(members[1].bits, "0");
    assert_string_equal(members[2].name, "b");
    assert_string_equal(members[2].bits, "N + 1");
    assert_null(members[3].bits);
}

static void members_that_are_no_members_are_refused(void **state)
{
    static const char *const texts[] = {"int a",           "int a : ;",  "int *a : 3;", "int;",
                                        "int (*f)(void);", "int a,, b;", "; int a;"};
    struct world *world = *state;
    struct declaration *members;
    size_t count;

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(declaration_members(&world->reading, texts[i], &members, &count), -EINVAL);
    assert_int_equal(world->diagnostics.count, COUNT_OF(texts));
}

static void names_are_letters_and_digits(void **state)
{
    (void)state;
    assert_true(declaration_is_name("_a1"));
    assert_false(declaration_is_name("1a"));
    assert_false(declaration_is_name("a b"));
    assert_false(declaration_is_name(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_prototype_gives_names_and_types),
        TEST(words_of_a_type_come_in_any_order),
        TEST(combinations_that_c_does_not_have_are_refused),
        TEST(const_is_kept_with_the_star_it_belongs_to),
        TEST(void_alone_means_no_parameters),
        TEST(names_of_parameters_may_be_missing),
        TEST(comments_and_lines_do_not_matter),
        TEST(what_is_not_there_yet_is_called_by_its_name),
        TEST(what_is_not_c_is_refused_where_it_stands),
        TEST(one_parameter_too_many_is_refused),
        TEST(members_share_a_type_and_have_arrays),
        TEST(bit_fields_keep_what_stands_behind_the_colon),
        TEST(members_that_are_no_members_are_refused),
        TEST(names_are_letters_and_digits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
