/* The cursors: what is written is read back, and neither goes over an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/bytes.h"

#include <errno.h>
#include <string.h>

static void numbers_are_little_endian(void **state)
{
    static const uint8_t expected[] = {1, 5, 4, 3, 2, 13, 12, 11, 10, 9, 8, 7, 6, 'o', 'k'};
    uint8_t bytes[64];
    struct writer writer;
    struct reader reader;

    (void)state;
    writer_start(&writer, bytes, sizeof(bytes), NULL);
    writer_u8(&writer, 1);
    writer_u32(&writer, 0x02030405);
    writer_u64(&writer, 0x060708090A0B0C0D);
    writer_bytes(&writer, "ok", 2);
    assert_false(writer.failed);
    assert_int_equal(writer.size, sizeof(expected));
    assert_memory_equal(bytes, expected, sizeof(expected));

    reader_start(&reader, bytes, writer.size);
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u32(&reader), 0x02030405);
    assert_int_equal(reader_u64(&reader), 0x060708090A0B0C0D);
    assert_ptr_equal(reader_bytes(&reader, 2).data, bytes + 13);
    assert_int_equal(reader_end(&reader), 0);
}

static void check_number(uint64_t value, size_t size)
{
    uint8_t bytes[2 * NUMBER_MOST];
    struct writer writer;
    struct reader reader;

    writer_start(&writer, bytes, sizeof(bytes), NULL);
    writer_number(&writer, value);
    assert_int_equal(writer.size, size);
    reader_start(&reader, bytes, writer.size);
    assert_int_equal(reader_number(&reader), value);
    assert_int_equal(reader_end(&reader), 0);
    memset(bytes + writer.size, 0xFF, sizeof(bytes) - writer.size);
    reader_start(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_number(&reader), value); /* whatever follows */
    for (size_t less = 0; less < size; less++) {
        reader_start(&reader, bytes, less);
        assert_int_equal(reader_number(&reader), 0);
        assert_true(reader.failed);
    }
}

static void numbers_take_as_many_bytes_as_they_need(void **state)
{
    (void)state;
    check_number(0, 1);
    check_number(247, 1);
    check_number(248, 2);
    check_number(255, 2);
    for (size_t bytes = 2; bytes <= 8; bytes++) {
        uint64_t first = UINT64_C(1) << (8 * (bytes - 1));

        check_number(first - 1, bytes == 2 ? 2 : bytes);
        check_number(first, bytes + 1);
    }
    check_number(UINT64_MAX, 9);
    check_number((uint64_t)INT64_MIN, 9);
}

static void a_reader_that_lacks_a_byte_stays_failed(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    struct reader reader;

    (void)state;
    reader_start(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_u64(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(reader_u8(&reader), 0); /* there would be one */
    assert_null(reader_bytes(&reader, 0).data);
    assert_int_equal(reader_end(&reader), -EBADMSG);
}

static void bytes_that_promise_too_much_fail(void **state)
{
    static const uint8_t bytes[] = {1, 2, 3};
    struct reader reader;
    struct span span;

    (void)state;
    reader_start(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_u8(&reader), 1);
    span = reader_bytes(&reader, SIZE_MAX);
    assert_null(span.data);
    assert_int_equal(span.size, 0);
    assert_true(reader.failed);
}

static void bytes_left_over_are_an_error(void **state)
{
    static const uint8_t bytes[] = {1, 2};
    struct reader reader;

    (void)state;
    reader_start(&reader, bytes, sizeof(bytes));
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_end(&reader), -EBADMSG);
    assert_int_equal(reader_u8(&reader), 2);
    assert_int_equal(reader_end(&reader), 0);
}

static void no_bytes_at_all_can_be_read(void **state)
{
    struct reader reader;

    (void)state;
    reader_start(&reader, "", 0);
    assert_int_equal(reader_bytes(&reader, 0).size, 0);
    assert_int_equal(reader_end(&reader), 0);
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_end(&reader), -EBADMSG);
}

static void a_full_writer_without_overflow_stays_failed(void **state)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct writer writer;

    (void)state;
    writer_start(&writer, bytes, 3, NULL);
    writer_u8(&writer, 1);
    writer_u32(&writer, 2);
    assert_true(writer.failed);
    writer_u8(&writer, 3); /* there would be room */
    assert_true(writer.failed);
    assert_int_equal(writer.size, 1);
    assert_int_equal(bytes[1], 9);
}

static void a_full_writer_moves_to_scratch_memory(void **state)
{
    uint8_t bytes[8];
    struct scratch scratch = {0};
    struct writer writer;
    struct reader reader;

    (void)state;
    writer_start(&writer, bytes, sizeof(bytes), &scratch);
    writer_u64(&writer, 0);
    assert_ptr_equal(writer.data, bytes); /* exactly full is not over */
    for (uint64_t i = 1; i < 1000; i++)
        writer_u64(&writer, i);
    assert_ptr_not_equal(writer.data, bytes);
    assert_false(writer.failed);

    reader_start(&reader, writer.data, writer.size);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(reader_u64(&reader), i);
    assert_int_equal(reader_end(&reader), 0);
    scratch_finish(&scratch);
}

static void a_writer_asked_for_more_than_there_can_be_fails(void **state)
{
    uint8_t bytes[8];
    struct scratch scratch = {0};
    struct writer writer;

    (void)state;
    writer_start(&writer, bytes, sizeof(bytes), &scratch);
    writer_u8(&writer, 1);
    writer_bytes(&writer, "x", SIZE_MAX); /* the sizes' sum does not fit */
    assert_true(writer.failed);
    assert_int_equal(writer.size, 1);
    scratch_finish(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(numbers_take_as_many_bytes_as_they_need),
        cmocka_unit_test(a_reader_that_lacks_a_byte_stays_failed),
        cmocka_unit_test(bytes_that_promise_too_much_fail),
        cmocka_unit_test(bytes_left_over_are_an_error),
        cmocka_unit_test(no_bytes_at_all_can_be_read),
        cmocka_unit_test(a_full_writer_without_overflow_stays_failed),
        cmocka_unit_test(a_full_writer_moves_to_scratch_memory),
        cmocka_unit_test(a_writer_asked_for_more_than_there_can_be_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
