/*
 * Every row of every table, there and back, with generated arguments: request encoded and decoded, both ends compared,
 * a made-up function that writes all it may, reply encoded and decoded, both ends compared again.
 *
 * Both ends live in this process, each with a thread; one mapping serves both.  The tables are found by looking,
 * so a new row is covered without new code.  The seed is printed; WINAPI_SEED runs it again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/clock.h"
#include "tests/roundtrip/same.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROUNDS = 12,
    ARENA_SIZE = 256 << 20,
    LIMIT = 256 << 20,
    STRINGS_MOST = 64,
    SIZES_MOST = 1500,
    ERRNO_BEFORE = 7,
    ERRNO_AFTER = 9,
};

/* Both ends, and what the host's thread finds out about the call that is on its way. */
struct trip {
    struct memory memory;
    struct arena arena;
    struct lane guest_lane, host_lane;
    struct call guest, host;
    struct handle_table handles;
    pthread_t thread;

    struct plan *plan;
    struct arguments arguments, played; /* the guest's, and the host's view of them */
    struct same same;
    _Alignas(16) unsigned char results[2][4096]; /* guest's, host's */
    int host_error;
    const char *strings[STRINGS_MOST]; /* results, kept until the end of the call */
    size_t string_count;
};

static struct trip *kept_by; /* keep_string() has no context */

static const char *keep_string(const char *string, size_t size)
{
    char *kept = malloc(size);

    assert_non_null(kept);
    assert_true(kept_by->string_count < STRINGS_MOST);
    memcpy(kept, string, size);
    return kept_by->strings[kept_by->string_count++] = kept;
}

/* ---- the host ---- */

static int serve(struct trip *trip)
{
    struct frame *reply = lane_reply(&trip->host_lane);
    int error;

    trip->host.plan = trip->plan;
    frame_start(reply, FRAME_RESULT, trip->host_lane.request.header.request, 1);
    error = call_decode_request(&trip->host);
    if (error)
        return error;
    for (size_t i = 0; i < trip->plan->row->parameter_count; i++)
        trip->played.slots[i] = trip->host.arguments[i];
    if (!same_in(&trip->same))
        return -EPROTO;
    arguments_play(&trip->played, trip->results[1]);
    reply->header.error_number = trip->host_lane.request.header.error_number + ERRNO_AFTER - ERRNO_BEFORE;
    return call_encode_reply(&trip->host, trip->results[1]);
}

static void *host_run(void *context)
{
    struct trip *trip = context;

    while (lane_receive(&trip->host_lane) == 0) {
        trip->host_error = serve(trip);
        if (trip->host_error)
            frame_start(lane_reply(&trip->host_lane), FRAME_RESULT, trip->host_lane.request.header.request, 1);
        if (lane_answer(&trip->host_lane))
            break;
    }
    return NULL;
}

/* ---- both ends ---- */

static void open_memory(struct trip *trip)
{
    assert_int_equal(memory_create(&trip->memory, ARENA_SIZE, NULL), 0);
    assert_int_equal(arena_init(&trip->arena, &trip->memory), 0);
    assert_int_equal(lane_open_memory(&trip->guest_lane, &trip->memory, 0, &trip->arena, -1), 0);
    assert_int_equal(lane_open_memory(&trip->host_lane, &trip->memory, 0, NULL, -1), 0);
}

static void open_sockets(struct trip *trip)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(lane_open_socket(&trip->guest_lane, ends[0], LIMIT), 0);
    assert_int_equal(lane_open_socket(&trip->host_lane, ends[1], LIMIT), 0);
}

static struct trip *trip_open(enum medium medium)
{
    struct trip *trip = calloc(1, sizeof(*trip));

    assert_non_null(trip);
    if (medium == MEDIUM_MEMORY)
        open_memory(trip);
    else
        open_sockets(trip);
    handle_table_init(&trip->handles, 77);
    trip->guest = (struct call){.lane = &trip->guest_lane,
                                .handles = handle_door_guest,
                                .error_number = ERRNO_BEFORE,
                                .keep_string = keep_string};
    trip->host = (struct call){.lane = &trip->host_lane, .handles = handle_table_door(&trip->handles), .limit = LIMIT};
    trip->same = (struct same){.guest = &trip->arguments, .host = &trip->played, .handles = &trip->handles};
    kept_by = trip;
    assert_int_equal(pthread_create(&trip->thread, NULL, host_run, trip), 0);
    return trip;
}

static void trip_close(struct trip *trip)
{
    lane_close(&trip->guest_lane);
    assert_int_equal(pthread_join(trip->thread, NULL), 0);
    lane_close(&trip->host_lane);
    call_finish(&trip->guest);
    call_finish(&trip->host);
    handle_table_finish(&trip->handles);
    if (trip->memory.base) {
        assert_int_equal(trip->arena.count, 0); /* nothing is left in it */
        arena_finish(&trip->arena);
        memory_finish(&trip->memory);
    }
    free(trip);
}

/* ---- one call ---- */

struct round {
    const struct row *row;
    uint64_t seed;
    bool copies_all;
};

static void fail_round(const struct round *round, const char *where, const char *what, int error)
{
    fail_msg("%s: %s: %s: %s (error %d); WINAPI_SEED=%llu", round->row->table->name, round->row->name, where,
             what ? what : "", error, (unsigned long long)round->seed);
}

/* What has come back is compared once more, as compare mode does it: it must find nothing. */
static void compare_again(struct trip *trip, const struct round *round)
{
    struct difference difference = {0};
    int error;

    trip->guest.compares = true;
    trip->guest.difference = &difference;
    error = call_decode_reply(&trip->guest, trip->results[0]);
    trip->guest.compares = false;
    if (error)
        fail_round(round, "compare", trip->guest.fault_what, error);
    if (difference.found)
        fail_round(round, "compare finds a difference", difference.where, 0);
}

static void exchange(struct trip *trip, const struct round *round)
{
    bool sent;
    int error;

    trip->guest.plan = trip->plan;
    trip->guest.copies_all = round->copies_all;
    error = call_encode_request(&trip->guest, trip->arguments.slots, round->seed, 1);
    if (error)
        fail_round(round, trip->guest.fault_name, trip->guest.fault_what, error);
    error = lane_exchange(&trip->guest_lane, clock_deadline_ns(60000), &sent);
    if (error)
        fail_round(round, "exchange", NULL, error);
    if (trip->same.fault[0])
        fail_round(round, "at the host", trip->same.fault, trip->host_error);
    if (trip->host_error)
        fail_round(round, trip->host.fault_name, trip->host.fault_what, trip->host_error);
    error = call_decode_reply(&trip->guest, trip->results[0]);
    if (error)
        fail_round(round, trip->guest.fault_name, trip->guest.fault_what, error);
    assert_int_equal(trip->guest_lane.reply.header.error_number, ERRNO_AFTER);
}

static void start_played(struct trip *trip, const struct round *round)
{
    trip->played = (struct arguments){.row = round->row,
                                      .state = round->seed * 4 + 3,
                                      .handles = &trip->handles,
                                      .is_host = true,
                                      .size_most = SIZES_MOST};
    memset(trip->results, 0xA5, sizeof(trip->results));
    trip->same.fault[0] = '\0';
    trip->host_error = 0;
}

static void finish_round(struct trip *trip)
{
    arguments_finish(&trip->arguments);
    arguments_finish(&trip->played);
    while (trip->string_count)
        free((char *)trip->strings[--trip->string_count]);
}

/* False: this seed has no sizes for this row. */
static bool run_round(struct trip *trip, const struct round *round)
{
    bool uses_arena = trip->memory.base && !round->copies_all;

    trip->arguments = (struct arguments){
        .handles = &trip->handles, .arena = uses_arena ? &trip->arena : NULL, .size_most = SIZES_MOST};
    if (!arguments_make(&trip->arguments, round->row, round->seed)) {
        arguments_finish(&trip->arguments);
        return false;
    }
    arguments_keep(&trip->arguments);
    start_played(trip, round);
    exchange(trip, round);
    if (!same_out(&trip->same, (struct twins){trip->results[0], trip->results[1]}))
        fail_round(round, "back at the guest", trip->same.fault, 0);
    compare_again(trip, round);
    finish_round(trip);
    return true;
}

/* ---- all rows ---- */

static uint64_t seed;

static void run_row(struct trip *trip, const struct row *row)
{
    int done = 0;

    assert_int_equal(plan_create(&trip->plan, row), 0);
    assert_true(trip->plan->result_size <= sizeof(trip->results[0]));
    for (int i = 0; i < 8 * ROUNDS && done < ROUNDS; i++)
        done += run_round(trip, &(struct round){row, seed + (uint64_t)i * 1000003, i % 2});
    if (done < ROUNDS)
        fail_msg("%s: %s: no arguments could be made for it", row->table->name, row->name);
    plan_destroy(trip->plan);
}

static size_t run_table(const char *path)
{
    struct diagnostics diagnostics = {0};
    struct table *table;
    size_t rows = 0;

    if (table_read(&table, path, &diagnostics))
        fail_msg("%s", diagnostics.text.data);
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct trip *trip = trip_open(medium);

        for (size_t i = 0; i < table->row_count; i++)
            run_row(trip, &table->rows[i]);
        rows = table->row_count;
        trip_close(trip);
    }
    table_destroy(table);
    diagnostics_finish(&diagnostics);
    return rows;
}

static bool is_table(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && strcmp(end, ".json") == 0 && strcmp(name, "schema.json") != 0;
}

static size_t run_directory(const char *directory)
{
    DIR *files = opendir(directory);
    const struct dirent *file;
    char path[4096];
    size_t rows = 0;

    assert_non_null(files);
    while ((file = readdir(files))) {
        if (!is_table(file->d_name))
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, file->d_name);
        rows += run_table(path);
        print_message("%s\n", path);
    }
    closedir(files);
    return rows;
}

static void every_row_of_a_shipped_table_goes_there_and_back(void **state)
{
    (void)state;
    assert_true(run_directory(WINAPI_SOURCE_DIR "/spec") >= 13);
}

static void every_shape_of_argument_goes_there_and_back(void **state)
{
    (void)state;
    assert_true(run_directory(WINAPI_SOURCE_DIR "/tests/fixtures") >= 96);
}

static void every_good_table_of_the_tests_goes_there_and_back(void **state)
{
    (void)state;
    assert_true(run_directory(WINAPI_SOURCE_DIR "/tests/spec/good") >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_a_shipped_table_goes_there_and_back),
        cmocka_unit_test(every_shape_of_argument_goes_there_and_back),
        cmocka_unit_test(every_good_table_of_the_tests_goes_there_and_back),
    };
    const char *given = getenv("WINAPI_SEED");

    seed = given ? strtoull(given, NULL, 0) : clock_now_ns() % 1000000007;
    print_message("WINAPI_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
