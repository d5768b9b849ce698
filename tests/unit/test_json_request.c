/* JSON requests as they are read and checked, before anything is called. */
#include "host/json_request.h"

#include "host/json_api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { LIMIT = 8 << 20 };

static uint8_t base[1];

/* As a client's memory would be: request and response area of 4 MiB, of which nothing is touched here. */
static const struct memory memory = {.base = base,
                                     .arena_offset = 4096,
                                     .arena_size = MEMORY_REQUEST_AREA,
                                     .response_offset = 4096 + MEMORY_REQUEST_AREA,
                                     .response_size = MEMORY_RESPONSE_AREA};

static void read_text(struct json_request *request, struct member_reader *reader, const struct memory *where,
                      const char *text)
{
    cJSON *message = cJSON_Parse(text);

    assert_non_null(message);
    member_start(reader, message);
    json_request_read(request, reader, where, LIMIT);
    cJSON_Delete(message);
}

/* The request must be refused with a text that has `part` in it. */
static void refused(const char *text, const char *part)
{
    struct member_reader reader;
    struct json_request request;

    read_text(&request, &reader, &memory, text);
    assert_true(reader.failed);
    if (!strstr(reader.fault, part))
        fail_msg("%s: \"%s\" has no \"%s\"", text, reader.fault, part);
}

static void the_plainest_request_is_read(void **state)
{
    struct member_reader reader;
    struct json_request request;

    (void)state;
    read_text(&request, &reader, &memory,
              "{\"request_id\": 12345, \"api\": \"echo\", \"payload_size\": 1048576, \"payload_offset\": 0,"
              " \"flags\": [\"zero_copy\", \"async\"]}");
    assert_false(reader.failed);
    assert_int_equal(request.id, 12345);
    assert_string_equal(request.api->function, "winapi_echo");
    assert_int_equal(request.size, 1048576);
    assert_int_equal(request.offset, 0);
    assert_true(request.is_zero_copy && request.is_async);
}

static void members_of_each_api_are_read(void **state)
{
    struct member_reader reader;
    struct json_request request;

    (void)state;
    read_text(&request, &reader, &memory,
              "{\"request_id\": 1, \"api\": \"buffer_test\", \"payload_size\": 4096, \"payload_offset\": 8,"
              " \"operation\": \"verify\", \"pattern\": 4294967295}");
    assert_false(reader.failed);
    assert_int_equal(request.operation, 3);
    assert_int_equal(request.pattern, UINT32_MAX);
    read_text(&request, &reader, &memory,
              "{\"request_id\": 1, \"api\": \"performance\", \"payload_size\": 4096, \"payload_offset\": 8,"
              " \"test_type\": \"throughput\", \"iterations\": 7, \"target_bytes\": 9}");
    assert_false(reader.failed);
    assert_int_equal(request.test_type, 2);
    assert_int_equal(request.iterations, 7);
    assert_int_equal(request.target_bytes, 9);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    refused("{\"api\": \"echo\"}", "request_id is missing");
    refused("{\"request_id\": 1}", "api is missing");
    refused("{\"request_id\": 1, \"api\": \"echo\"}", "payload_size is missing");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1}", "payload_offset is missing");
    refused("{\"request_id\": 1, \"api\": \"buffer_test\", \"payload_size\": 1, \"payload_offset\": 0,"
            " \"operation\": \"write\"}",
            "pattern is missing");
}

static void wrong_values_are_repeated(void **state)
{
    (void)state;
    refused("{\"request_id\": -1, \"api\": \"echo\"}", "request_id is -1");
    refused("{\"request_id\": 1, \"api\": \"shout\"}", "there is no api \"shout\"");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1.5, \"payload_offset\": 0}",
            "payload_size is 1.5");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": \"5\", \"payload_offset\": 0}",
            "payload_size is \"5\"");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"flags\": [\"fast\"]}", "there is no flag fast");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"flags\": [1]}", "there is no flag that is no string");
    refused("{\"request_id\": 1, \"api\": \"performance\", \"iterations\": 0}", "iterations is 0");
    refused("{\"request_id\": 1, \"api\": \"buffer_test\", \"operation\": \"erase\"}",
            "\"read\", \"write\", \"verify\"");
}

static void a_payload_must_lie_inside_the_memory(void **state)
{
    (void)state;
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 4194305, \"payload_offset\": 0}",
            "outside the request area of 4194304 bytes");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1, \"payload_offset\": 4194304}", "outside");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 9007199254740992,"
            " \"payload_offset\": 9007199254740992}",
            "outside");
    refused("{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1e300, \"payload_offset\": 0}", "1e+300");
}

static void the_last_byte_of_the_memory_may_be_used(void **state)
{
    struct member_reader reader;
    struct json_request request;

    (void)state;
    read_text(&request, &reader, &memory,
              "{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1, \"payload_offset\": 4194303}");
    assert_false(reader.failed);
}

static void a_result_must_fit_the_response_area(void **state)
{
    struct memory lopsided = memory;
    struct member_reader reader;
    struct json_request request;
    const char *echo = "{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 8192, \"payload_offset\": 0}";
    const char *verify = "{\"request_id\": 1, \"api\": \"buffer_test\", \"payload_size\": 8192, \"payload_offset\": 0}";

    (void)state;
    lopsided.response_size = 4096;
    read_text(&request, &reader, &lopsided, echo);
    assert_true(reader.failed);
    assert_non_null(strstr(reader.fault, "outside the response area of 4096 bytes"));
    read_text(&request, &reader, &lopsided, verify);
    assert_false(reader.failed);
}

static void a_payload_and_its_copies_must_be_within_the_limit(void **state)
{
    struct memory larger = memory;
    struct member_reader reader;
    struct json_request request;
    char text[200];
    static const struct {
        uint64_t size;
        const char *api, *flag, *fault;
    } cases[] = {
        {LIMIT, "echo", "zero_copy", NULL},
        {LIMIT + 1, "echo", "zero_copy", "8388609: the buffer is larger than this host allows: raise its --max-memory"},
        {LIMIT / 2, "echo", "async", NULL},
        {LIMIT / 2 + 1, "echo", "async", "the call takes more memory than this host allows: raise its --max-memory"},
        {LIMIT, "performance", "async", NULL},
        {LIMIT + 1, "performance", "async", "larger than this host allows"},
    };

    (void)state;
    larger.arena_size = larger.response_size = 2 * (uint64_t)LIMIT;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        snprintf(text, sizeof(text),
                 "{\"request_id\": 1, \"api\": \"%s\", \"payload_size\": %llu, \"payload_offset\": 0,"
                 " \"flags\": [\"%s\"]}",
                 cases[i].api, (unsigned long long)cases[i].size, cases[i].flag);
        read_text(&request, &reader, &larger, text);
        assert_int_equal(reader.failed, cases[i].fault != NULL);
        if (cases[i].fault)
            assert_non_null(strstr(reader.fault, cases[i].fault));
    }
}

static void without_memory_there_is_no_payload(void **state)
{
    const struct memory none = {.fd = -1};
    struct member_reader reader;
    struct json_request request;

    (void)state;
    read_text(&request, &reader, &none,
              "{\"request_id\": 1, \"api\": \"echo\", \"payload_size\": 1, \"payload_offset\": 0}");
    assert_true(reader.failed);
    assert_non_null(strstr(reader.fault, "no shared memory was passed"));
    read_text(&request, &reader, &none,
              "{\"request_id\": 1, \"api\": \"performance\", \"payload_size\": 0, \"payload_offset\": 0}");
    assert_false(reader.failed);
}

static void a_fault_is_one_printable_line(void **state)
{
    (void)state;
    refused("{\"request_id\": 1, \"api\": \"a\\nb\\u00e4\"}", "\"a?b??\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plainest_request_is_read),
        cmocka_unit_test(members_of_each_api_are_read),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(wrong_values_are_repeated),
        cmocka_unit_test(a_payload_must_lie_inside_the_memory),
        cmocka_unit_test(the_last_byte_of_the_memory_may_be_used),
        cmocka_unit_test(a_result_must_fit_the_response_area),
        cmocka_unit_test(a_payload_and_its_copies_must_be_within_the_limit),
        cmocka_unit_test(without_memory_there_is_no_payload),
        cmocka_unit_test(a_fault_is_one_printable_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
