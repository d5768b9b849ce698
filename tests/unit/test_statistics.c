/* The counts that supervisor and workers share, and the message made of them. */
#include "host/function.h"
#include "host/statistics.h"
#include "host/statistics_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char spec[] = "{\"table\": \"zlib\", \"version\": 1, \"library\": {\"linux\": \"libz.so.1\"},"
                           " \"functions\": ["
                           "{\"prototype\": \"int first(int a)\", \"failure\": -1},"
                           "{\"prototype\": \"int second(int a)\", \"failure\": -1}]}";

struct fixture {
    struct catalog catalog;
    struct host_functions functions;
    struct statistics *statistics;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct diagnostics diagnostics = {0};
    struct table *table;

    fixture = (struct fixture){0};
    assert_int_equal(table_parse(&table, spec, strlen(spec), "test.json", &diagnostics), 0);
    assert_int_equal(catalog_add(&fixture.catalog, table, &diagnostics), 0);
    assert_int_equal(host_functions_init(&fixture.functions, &fixture.catalog), 0);
    assert_int_equal(statistics_create(&fixture.statistics, fixture.functions.count, 2), 0);
    diagnostics_finish(&diagnostics);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    statistics_destroy(fixture->statistics);
    host_functions_finish(&fixture->functions);
    catalog_finish(&fixture->catalog);
    return 0;
}

static double number_of(const cJSON *message, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(message, name));
}

static void a_call_counted_in_another_process_is_seen_here(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *slot = statistics_client_begin(fixture->statistics, getpid(), getuid());
    const struct call_outcome outcome = {.function = 1, .bytes_in = 10, .bytes_out = 4, .sleeps = 3, .wakes = 2};
    const struct call_outcome other = {.function = 1, .track = TRACKS - 1, .bytes_in = 1, .failed = true, .sleeps = 1};
    struct function_sum *sums;
    int status;
    pid_t child = fork();

    if (child == 0) {
        statistics_count(fixture->statistics, slot, &outcome);
        statistics_count(fixture->statistics, slot, &other);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    for (int ended = 0; ended < 2; ended++) {
        sums = statistics_sum(fixture->statistics);
        assert_int_equal(sums[1].calls, 2);
        assert_int_equal(sums[1].errors, 1);
        assert_int_equal(sums[1].bytes_in, 11);
        assert_int_equal(sums[1].bytes_out, 4);
        assert_int_equal(sums[0].calls, 0);
        free(sums);
        assert_int_equal(statistics_client_sum(slot).calls, ended ? 0 : 2);
        assert_int_equal(statistics_client_sum(slot).sleeps, ended ? 0 : 4);
        assert_int_equal(statistics_client_sum(slot).wakes, ended ? 0 : 2);
        statistics_client_end(fixture->statistics, slot, false);
    }
}

/* Lanes that have the same track one after the other count from 0 each. */
static void sleeps_and_wakes_of_a_track_add_up(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *slot = statistics_client_begin(fixture->statistics, 1, 0);

    statistics_count(fixture->statistics, slot, &(struct call_outcome){.function = 1, .sleeps = 5, .wakes = 4});
    statistics_count(fixture->statistics, slot, &(struct call_outcome){.function = 1, .sleeps = 1});
    assert_int_equal(statistics_client_sum(slot).sleeps, 6);
    assert_int_equal(statistics_client_sum(slot).wakes, 4);
}

/* All of them, and each other one wants the other's tally. */
static void functions_that_share_a_tally_are_all_counted(void **state)
{
    enum { FUNCTIONS = 2 * TALLIES, ROUNDS = 100 };
    struct statistics *statistics;
    struct client_slot *slot;
    struct function_sum *sums;

    (void)state;
    assert_int_equal(statistics_create(&statistics, FUNCTIONS, 1), 0);
    slot = statistics_client_begin(statistics, 1, 0);
    for (uint32_t i = 0; i < ROUNDS * FUNCTIONS; i++)
        statistics_count(statistics, slot, &(struct call_outcome){.function = i % FUNCTIONS, .bytes_in = 2});
    sums = statistics_sum(statistics);
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        assert_int_equal(sums[i].calls, ROUNDS);
        assert_int_equal(sums[i].bytes_in, 2 * ROUNDS);
    }
    free(sums);
    statistics_destroy(statistics);
}

enum { CLIENTS_IN_TURN = 2000, FUNCTIONS_MANY = 4096 }; /* so that looking takes a while */

static void *come_and_go(void *argument)
{
    struct statistics *statistics = argument;

    for (int i = 0; i < CLIENTS_IN_TURN; i++) {
        struct client_slot *slot = statistics_client_begin(statistics, 1, 0);

        statistics_count(statistics, slot, &(struct call_outcome){.function = 0});
        statistics_count(statistics, slot, &(struct call_outcome){.function = TALLIES});
        usleep(20);
        statistics_client_end(statistics, slot, false);
    }
    return NULL;
}

/* However the looks fall: what has been counted once is never missing, nor there twice. */
static void counts_only_grow_while_clients_end(void **state)
{
    struct statistics *statistics;
    uint64_t before = 0, now = 0;
    pthread_t clients;

    (void)state;
    assert_int_equal(statistics_create(&statistics, FUNCTIONS_MANY, 1), 0);
    assert_int_equal(pthread_create(&clients, NULL, come_and_go, statistics), 0);
    while (before < CLIENTS_IN_TURN) {
        struct function_sum *sums = statistics_sum(statistics);

        now = sums[0].calls;
        free(sums);
        assert_in_range(now, before, CLIENTS_IN_TURN);
        before = now;
    }
    assert_int_equal(pthread_join(clients, NULL), 0);
    statistics_destroy(statistics);
}

static void one_client_more_than_there_are_slots_gets_none(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *first = statistics_client_begin(fixture->statistics, 1, 0);

    assert_non_null(first);
    assert_non_null(statistics_client_begin(fixture->statistics, 2, 0));
    assert_null(statistics_client_begin(fixture->statistics, 3, 0));
    statistics_client_end(fixture->statistics, first, false);
    assert_ptr_equal(statistics_client_begin(fixture->statistics, 3, 0), first);
}

static void a_slot_that_is_used_again_remembers_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *slot = statistics_client_begin(fixture->statistics, 1, 0);

    statistics_client_name(slot, "first");
    statistics_call_begin(slot, 3, 1);
    statistics_count(fixture->statistics, slot, &(struct call_outcome){.function = 1});
    statistics_client_end(fixture->statistics, slot, true);
    slot = statistics_client_begin(fixture->statistics, 2, 0);
    assert_int_equal(statistics_client_sum(slot).calls, 0);
    assert_int_equal(atomic_load(&slot->name_size), 0);
    assert_int_equal(atomic_load(&slot->tracks[3]), 0);
    assert_int_equal(atomic_load(&fixture->statistics->crashed_clients), 1);
}

static void the_function_that_a_thread_is_in_can_be_named(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *slot = statistics_client_begin(fixture->statistics, 1, 0);
    char text[64], little[8];

    statistics_describe_tracks(slot, &fixture->functions, text, sizeof(text));
    assert_string_equal(text, "no function");
    statistics_call_begin(slot, 7, 0);
    statistics_call_begin(slot, TRACK_CONNECTION, 1);
    statistics_describe_tracks(slot, &fixture->functions, text, sizeof(text));
    assert_string_equal(text, "zlib: first, zlib: second");
    statistics_describe_tracks(slot, &fixture->functions, little, sizeof(little));
    assert_string_equal(little, "zlib: f");
    statistics_call_end(slot, 7);
    statistics_describe_tracks(slot, &fixture->functions, text, sizeof(text));
    assert_string_equal(text, "zlib: second");
}

static void the_message_shows_called_functions_and_clients(void **state)
{
    struct fixture *fixture = *state;
    struct client_slot *slot = statistics_client_begin(fixture->statistics, 77, 0);
    const cJSON *functions, *client;
    cJSON *message;

    statistics_client_name(slot, "guest\n1");
    statistics_count(fixture->statistics, slot, &(struct call_outcome){.function = 1, .bytes_in = 5});
    message = statistics_message(fixture->statistics, &fixture->functions, false);
    functions = cJSON_GetObjectItemCaseSensitive(message, "functions");
    client = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(message, "clients"), 0);
    assert_int_equal(cJSON_GetArraySize(functions), 1);
    assert_string_equal(cJSON_GetObjectItem(functions->child, "name")->valuestring, "second");
    assert_int_equal(number_of(functions->child, "bytes_in"), 5);
    assert_int_equal(number_of(client, "pid"), 77);
    assert_string_equal(cJSON_GetObjectItem(client, "program")->valuestring, "guest?1");
    cJSON_Delete(message);
}

static void the_message_shows_uncalled_functions_when_asked(void **state)
{
    struct fixture *fixture = *state;
    cJSON *message = statistics_message(fixture->statistics, &fixture->functions, true);

    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(message, "functions")), 2);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(message, "clients")), 0);
    cJSON_Delete(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_counted_in_another_process_is_seen_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sleeps_and_wakes_of_a_track_add_up, set_up, tear_down),
        cmocka_unit_test(functions_that_share_a_tally_are_all_counted),
        cmocka_unit_test(counts_only_grow_while_clients_end),
        cmocka_unit_test_setup_teardown(one_client_more_than_there_are_slots_gets_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slot_that_is_used_again_remembers_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_function_that_a_thread_is_in_can_be_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_message_shows_called_functions_and_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_message_shows_uncalled_functions_when_asked, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
