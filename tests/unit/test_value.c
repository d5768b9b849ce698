/* C's scalars as eight bytes, and eight bytes as scalars: only what fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/call/value.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <ffi.h>
#include <stdbool.h>
#include <string.h>

static const struct type *type(const char *name)
{
    const struct type *found = type_built_in(name);

    assert_non_null(found);
    return found;
}

/* Not inline: the compiler would complain of sizes that it does not know to be others. */
static __attribute__((noinline)) uint64_t load(const char *name, const void *address)
{
    return value_load(type(name), address);
}

static void assert_fits(const struct type *of, uint64_t value)
{
    uint64_t stored = 0;

    assert_int_equal(value_store(of, &stored, value), 0);
    assert_int_equal(value_load(of, &stored), value);
}

static void assert_does_not_fit(const struct type *of, uint64_t value)
{
    uint64_t stored = 0x5555555555555555;

    assert_int_equal(value_store(of, &stored, value), -ERANGE);
    assert_int_equal(stored, 0x5555555555555555);
}

static void signed_values_are_widened_by_their_sign(void **state)
{
    (void)state;
    assert_int_equal(load("signed char", &(signed char){-3}), (uint64_t)-3);
    assert_int_equal(load("short", &(short){INT16_MIN}), (uint64_t)INT16_MIN);
    assert_int_equal(load("int", &(int){-1}), UINT64_MAX);
    assert_int_equal(load("long", &(long){INT64_MIN}), (uint64_t)INT64_MIN);
}

static void unsigned_values_are_widened_with_zeros(void **state)
{
    (void)state;
    assert_int_equal(load("unsigned char", &(unsigned char){255}), 255);
    assert_int_equal(load("uint16_t", &(uint16_t){UINT16_MAX}), UINT16_MAX);
    assert_int_equal(load("uint32_t", &(uint32_t){UINT32_MAX}), UINT32_MAX);
    assert_int_equal(load("size_t", &(size_t){SIZE_MAX}), SIZE_MAX);
}

static void a_value_need_not_be_aligned(void **state)
{
    unsigned char bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

    (void)state;
    assert_int_equal(load("uint64_t", bytes + 1), 0x0807060504030201);
}

static void every_end_of_a_range_fits(void **state)
{
    (void)state;
    assert_fits(type("int8_t"), (uint64_t)INT8_MIN);
    assert_fits(type("int8_t"), INT8_MAX);
    assert_fits(type("uint8_t"), UINT8_MAX);
    assert_fits(type("int32_t"), (uint64_t)INT32_MIN);
    assert_fits(type("uint32_t"), UINT32_MAX);
    assert_fits(type("uint64_t"), UINT64_MAX);
    assert_fits(type("int64_t"), (uint64_t)INT64_MIN);
}

static void one_beyond_a_range_does_not(void **state)
{
    (void)state;
    assert_does_not_fit(type("int8_t"), (uint64_t)(INT8_MIN - 1));
    assert_does_not_fit(type("int8_t"), INT8_MAX + 1);
    assert_does_not_fit(type("uint8_t"), UINT8_MAX + 1);
    assert_does_not_fit(type("uint8_t"), (uint64_t)-1);
    assert_does_not_fit(type("int32_t"), (uint64_t)INT32_MAX + 1);
    assert_does_not_fit(type("uint32_t"), (uint64_t)UINT32_MAX + 1);
    assert_does_not_fit(type("float"), (uint64_t)1 << 32);
}

static void a_bool_is_zero_or_one(void **state)
{
    (void)state;
    assert_fits(type("bool"), 0);
    assert_fits(type("bool"), 1);
    assert_does_not_fit(type("bool"), 2);
    assert_does_not_fit(type("bool"), (uint64_t)-1);
}

/* An out parameter that the program has never set. */
static void a_bool_that_was_never_set_is_true(void **state)
{
    (void)state;
    assert_int_equal(load("bool", &(unsigned char){0x5A}), 1);
}

static void an_enum_has_the_sign_that_its_table_gives(void **state)
{
    const struct type negative = {.kind = TYPE_ENUM, .size = 4, .target = type("int")};
    const struct type positive = {.kind = TYPE_ENUM, .size = 4, .target = type("unsigned int")};

    (void)state;
    assert_int_equal(value_load(&negative, &(int){-2}), (uint64_t)-2);
    assert_int_equal(value_load(&positive, &(unsigned){0xFFFFFFFE}), 0xFFFFFFFE);
    assert_fits(&positive, 0xFFFFFFFF);
    assert_does_not_fit(&positive, (uint64_t)-1);
    assert_fits(&negative, (uint64_t)-1);
    assert_does_not_fit(&negative, 0xFFFFFFFF);
}

static void floats_keep_their_bits(void **state)
{
    float small = -0.0f;
    double usual = 1e300;
    uint64_t bits = load("double", &usual);

    (void)state;
    assert_int_equal(load("float", &small), 0x80000000);
    assert_memory_equal(&bits, &usual, sizeof(usual));
    assert_false(value_is_wide(type("double")));
    assert_true(value_is_wide(type("long double")));
}

/* libffi takes narrow results as a whole register. */
static void a_narrow_result_fills_a_register(void **state)
{
    ffi_arg result = (ffi_arg)0x5555555555555555;
    float small = 1.5f;
    uint64_t bits = load("float", &small);

    (void)state;
    assert_int_equal(value_store_result(type("int"), &result, (uint64_t)-5), 0);
    assert_int_equal(result, (ffi_arg)-5);
    assert_int_equal(value_store_result(type("uint8_t"), &result, 200), 0);
    assert_int_equal(result, 200);
    assert_int_equal(value_store_result(type("float"), &result, bits), 0);
    assert_memory_equal(&result, &small, sizeof(small));
    assert_int_equal(value_store_result(type("bool"), &result, 2), -ERANGE);
}

/* ---- bit-fields ---- */

struct fields {
    unsigned low : 3;
    int middle : 7;
    _Bool flag : 1;
    unsigned long wide : 50;
};

/* That member, as the table lays it out: which bytes, and which bits of them. */
static struct type bits_of(const char *name, unsigned bit_count, unsigned bit_shift, size_t size)
{
    struct type bits = *type(name);

    bits.bit_count = (uint8_t)bit_count;
    bits.bit_shift = (uint8_t)bit_shift;
    bits.size = size;
    return bits;
}

static void bit_fields_are_loaded_and_stored_among_others(void **state)
{
    struct fields fields = {.low = 5, .middle = -41, .flag = 1, .wide = 0x2aaaaaaaaaaaf};
    struct type low = bits_of("unsigned int", 3, 0, 1), middle = bits_of("int", 7, 3, 2),
                flag = bits_of("bool", 1, 2, 1), wide = bits_of("unsigned long", 50, 3, 7);
    unsigned char *bytes = (unsigned char *)&fields;

    (void)state;
    assert_int_equal(value_load(&low, bytes), 5);
    assert_int_equal((int64_t)value_load(&middle, bytes), -41);
    assert_int_equal(value_load(&flag, bytes + 1), 1);
    assert_int_equal(value_load(&wide, bytes + 1), 0x2aaaaaaaaaaaf);
    assert_int_equal(value_store(&middle, bytes, 63), 0);
    assert_int_equal(value_store(&flag, bytes + 1, 0), 0);
    assert_int_equal(value_store(&wide, bytes + 1, 0x1555555555550), 0);
    assert_int_equal(fields.low, 5);
    assert_int_equal(fields.middle, 63);
    assert_false(fields.flag);
    assert_int_equal(fields.wide, 0x1555555555550);
    assert_int_equal(value_store(&middle, bytes, 64), -ERANGE);
    assert_int_equal(value_store(&middle, bytes, (uint64_t)-65), -ERANGE);
    assert_int_equal(value_store(&low, bytes, 8), -ERANGE);
    assert_int_equal(fields.middle, 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_fields_are_loaded_and_stored_among_others),
        cmocka_unit_test(signed_values_are_widened_by_their_sign),
        cmocka_unit_test(unsigned_values_are_widened_with_zeros),
        cmocka_unit_test(a_value_need_not_be_aligned),
        cmocka_unit_test(every_end_of_a_range_fits),
        cmocka_unit_test(one_beyond_a_range_does_not),
        cmocka_unit_test(a_bool_is_zero_or_one),
        cmocka_unit_test(a_bool_that_was_never_set_is_true),
        cmocka_unit_test(an_enum_has_the_sign_that_its_table_gives),
        cmocka_unit_test(floats_keep_their_bits),
        cmocka_unit_test(a_narrow_result_fills_a_register),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
