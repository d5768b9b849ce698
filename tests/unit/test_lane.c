/* Lanes, both ends in one process or two: every test runs over both media where the medium is not its subject. */
#include "tests/unit/lane_ends.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static void echo(struct pair *pair, const void *text, size_t size)
{
    struct frame *request = lane_request(&pair->guest);
    bool sent;

    frame_start(request, FRAME_CALL, (uint64_t)(uintptr_t)text, ECHO);
    request->header.inline_size = (uint32_t)size;
    memcpy(request->body, text, size);
    assert_int_equal(lane_exchange(&pair->guest, clock_deadline_ns(20000), &sent), 0);
    assert_true(sent);
    assert_int_equal(pair->guest.reply.header.inline_size, size);
    assert_memory_equal(pair->guest.reply.body, text, size);
}

static void invert(struct pair *pair, uint64_t size)
{
    struct frame *request = lane_request(&pair->guest);
    uint64_t offset = 0;
    uint8_t *data = lane_reserve(&pair->guest, size, &offset);
    bool sent;

    assert_non_null(data);
    for (uint64_t at = 0; at < size; at++)
        data[at] = (uint8_t)(at * 7 + (at >> 12));
    frame_start(request, FRAME_CALL, size, INVERT);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.offset = offset, .size = size, .flags = BUFFER_IN | BUFFER_OUT};
    assert_int_equal(lane_exchange(&pair->guest, clock_deadline_ns(60000), &sent), 0);
    assert_int_equal(pair->guest.reply.header.buffer_count, 1);
    data = lane_payload(&pair->guest, offset, size);
    for (uint64_t at = 0; at < size; at++) {
        if (data[at] != (uint8_t) ~(uint8_t)(at * 7 + (at >> 12)))
            fail_msg("byte %llu differs", (unsigned long long)at);
    }
}

/* ---- what works ---- */

static void check_bodies(struct pair *pair)
{
    static uint8_t most[FRAME_INLINE];

    for (size_t i = 0; i < sizeof(most); i++)
        most[i] = (uint8_t)(i * 3);
    echo(pair, "", 0);
    echo(pair, "hello", 5);
    echo(pair, most, sizeof(most));
    for (int i = 0; i < 2000; i++)
        echo(pair, &i, sizeof(i));
}

static void a_body_comes_back_over_memory(void **state)
{
    struct pair pair;

    (void)state;
    pair_start(&pair, MEDIUM_MEMORY);
    check_bodies(&pair);
    pair_finish(&pair);
    assert_int_equal(pair.received, -ECONNRESET);
}

static void a_body_comes_back_over_a_socket(void **state)
{
    struct pair pair;

    (void)state;
    pair_start(&pair, MEDIUM_SOCKET);
    check_bodies(&pair);
    pair_finish(&pair);
    assert_int_equal(pair.received, -ECONNRESET);
}

static void ends_in_two_processes_understand_each_other(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;

        pair_fork(&pair, medium);
        check_bodies(&pair);
        invert(&pair, 100000);
        pair_finish(&pair);
    }
}

static void payload_of_every_size_comes_back(void **state)
{
    static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 65537, 3 << 20, 100};

    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;

        pair_start(&pair, medium);
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            invert(&pair, sizes[i]);
        pair_finish(&pair);
    }
}

static void sixty_four_mebibytes_come_back(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;

        pair_start(&pair, medium);
        invert(&pair, LARGE);
        pair_finish(&pair);
    }
}

static void payload_is_kept_while_it_is_large_enough(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        uint64_t offset;
        void *first;

        pair_start(&pair, medium);
        first = lane_reserve(&pair.guest, 50000, &offset);
        assert_ptr_equal(lane_reserve(&pair.guest, 10, &offset), first);
        assert_int_equal((uintptr_t)first % MEMORY_PAGE, 0);
        assert_null(lane_reserve(&pair.guest, UINT64_MAX, &offset));
        pair_finish(&pair);
    }
}

/* A call whose buffers are the program's: what goes there, what comes back, and one that does both. */
static int call_lent(struct pair *pair, uint8_t *in, uint8_t *out, uint8_t *both, uint64_t size)
{
    static const uint32_t flags[] = {BUFFER_IN, BUFFER_OUT, BUFFER_IN | BUFFER_OUT};
    uint8_t *const lent[] = {in, out, both};
    struct frame *request = lane_request(&pair->guest);
    bool sent;

    frame_start(request, FRAME_CALL, size, INVERT);
    request->header.buffer_count = COUNT_OF(flags);
    lane_take_back(&pair->guest);
    for (uint32_t i = 0; i < COUNT_OF(flags); i++) {
        lane_lend(&pair->guest, i * size, lent[i], size);
        request->buffers[i] = (struct frame_buffer){.offset = i * size, .size = size, .flags = flags[i]};
    }
    return lane_exchange(&pair->guest, clock_deadline_ns(60000), &sent);
}

static void what_is_lent_is_sent_from_and_answered_to(void **state)
{
    enum { SIZE = 300001 };
    static uint8_t in[SIZE], out[SIZE], both[SIZE];
    struct pair pair;

    (void)state;
    pair_start(&pair, MEDIUM_SOCKET);
    memset(in, 1, SIZE);
    memset(both, 3, SIZE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(call_lent(&pair, in, out, both, SIZE), 0);
        assert_int_equal(in[0] + in[SIZE - 1], 2);
        assert_int_equal(out[0] ^ out[SIZE - 1], 0);
        assert_int_equal(out[0], i % 2 ? 0 : 0xFF); /* the host's memory began with zeros, and is inverted each time */
        assert_int_equal(both[0] ^ both[SIZE - 1], 0);
        assert_int_equal(both[0], i % 2 ? 3 : 0xFC);
    }
    assert_null(pair.guest.payload);
    assert_ptr_equal(lane_payload(&pair.guest, SIZE + 1, SIZE - 1), out + 1);
    assert_null(lane_payload(&pair.guest, SIZE + 1, SIZE)); /* the end of one is not the beginning of the next */
    lane_take_back(&pair.guest);
    assert_null(lane_payload(&pair.guest, SIZE + 1, 1));
    pair_finish(&pair);
}

static uint8_t *volatile provided;
static volatile int provisions;

enum { PROVIDED = 3 << 20 };

/* As a garbage collector does that wants to see who writes where. */
static void provide(int number, siginfo_t *info, void *context)
{
    uint8_t *at = info->si_addr;

    (void)number;
    (void)context;
    if (at < provided || at >= provided + PROVIDED)
        _exit(1);
    provisions++;
    mprotect(provided + (at - provided) / MEMORY_PAGE * MEMORY_PAGE, MEMORY_PAGE, PROT_READ | PROT_WRITE);
}

static void what_is_lent_may_come_when_it_is_touched(void **state)
{
    enum { SIZE = PROVIDED / 3 };
    struct sigaction action = {.sa_sigaction = provide, .sa_flags = SA_SIGINFO}, before;
    struct pair pair;

    (void)state;
    provided = mmap(NULL, PROVIDED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(provided, MAP_FAILED);
    memset(provided, 5, PROVIDED);
    pair_fork(&pair, MEDIUM_SOCKET);
    sigaction(SIGSEGV, &action, &before);
    assert_int_equal(mprotect(provided, PROVIDED, PROT_NONE), 0);
    assert_int_equal(call_lent(&pair, provided, provided + SIZE, provided + 2 * SIZE, SIZE), 0);
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(provisions, PROVIDED / MEMORY_PAGE);
    assert_int_equal(provided[0], 5);
    assert_int_equal(provided[SIZE], 0xFF);
    assert_int_equal(provided[2 * SIZE - 1], 0xFF);
    assert_int_equal(provided[PROVIDED - 1], 0xFA);
    pair_finish(&pair);
    munmap(provided, PROVIDED);
}

/* Sends a frame's header with this word and gives the word that comes back. */
static uint32_t word_answered(struct pair *pair, uint32_t word)
{
    struct frame_header header;
    struct frame frame;

    frame_start(&frame, FRAME_CALL, 1, ECHO);
    frame.header.sequence = word;
    assert_int_equal(send(pair->guest.fd, &frame.header, sizeof(header), 0), sizeof(header));
    assert_int_equal(recv(pair->guest.fd, &header, sizeof(header), MSG_WAITALL), sizeof(header));
    return header.sequence;
}

static void a_processor_is_told_to_who_tells(void **state)
{
    struct pair pair;

    (void)state;
    pair_start(&pair, MEDIUM_SOCKET);
    assert_int_equal(word_answered(&pair, 0), 0);
    assert_int_not_equal(word_answered(&pair, 1), 0);
    assert_int_not_equal(word_answered(&pair, UINT32_MAX), 0); /* no processor, no matter */
    assert_int_equal(word_answered(&pair, 0), 0);
    pair_finish(&pair);
}

static void an_answer_written_before_the_end_is_taken(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        bool sent;

        pair_fork(&pair, medium);
        assert_int_equal(pair_call(&pair, ANSWER_DIE, clock_deadline_ns(20000), &sent), 0);
        pair_finish(&pair);
    }
}

static void ignore_signal(int number)
{
    (void)number;
}

static void *signal_often(void *argument)
{
    pthread_t *target = argument;

    for (int i = 0; i < 50; i++) {
        pthread_kill(*target, SIGUSR1);
        usleep(2000);
    }
    return NULL;
}

static void signals_do_not_end_a_wait(void **state)
{
    struct sigaction action = {.sa_handler = ignore_signal}, before;
    pthread_t self = pthread_self(), sender;

    (void)state;
    sigaction(SIGUSR1, &action, &before);
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        bool sent;

        pair_fork(&pair, medium);
        assert_int_equal(pthread_create(&sender, NULL, signal_often, &self), 0);
        assert_int_equal(pair_call(&pair, SILENT, clock_deadline_ns(150), &sent), -ETIMEDOUT);
        assert_int_equal(pthread_join(sender, NULL), 0);
        pair_finish(&pair);
    }
    sigaction(SIGUSR1, &before, NULL);
}

/* ---- what must not ---- */

static void a_deadline_ends_the_wait(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        uint64_t start;
        bool sent = false;

        /* Half a second is for the other thread to take the request on a busy machine. */
        pair_start(&pair, medium);
        start = clock_now_ns();
        assert_int_equal(pair_call(&pair, SILENT, clock_deadline_ns(500), &sent), -ETIMEDOUT);
        assert_true(sent);
        assert_true(clock_now_ns() - start >= 500000000);
        pair_finish(&pair);
    }
}

static void a_host_that_ends_is_noticed(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        bool sent = false;

        pair_fork(&pair, medium);
        assert_int_equal(pair_call(&pair, DIE, clock_deadline_ns(20000), &sent), -ECONNRESET);
        assert_true(sent);
        assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent), -ECONNRESET);
        pair_finish(&pair);
    }
}

static void *kill_soon(void *argument)
{
    const struct pair *pair = argument;

    usleep(30000);
    kill(pair->child, SIGKILL);
    return NULL;
}

static void a_host_killed_during_the_wait_is_noticed_without_a_deadline(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        pthread_t killer;
        bool sent = false;

        pair_fork(&pair, medium);
        assert_int_equal(pthread_create(&killer, NULL, kill_soon, &pair), 0);
        assert_int_equal(pair_call(&pair, SILENT, 0, &sent), -ECONNRESET);
        assert_true(sent);
        assert_int_equal(pthread_join(killer, NULL), 0);
        pair_finish(&pair);
    }
}

static void a_request_that_nobody_takes_was_not_sent(void **state)
{
    struct pair pair;
    bool sent = true;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    assert_false(sent);
    lane_close(&pair.guest);
    assert_int_equal(lane_receive(&pair.host), -ECONNRESET); /* the withdrawn request is passed over */
    pair_finish(&pair);
}

/* It may come between the host's last look and its farewell. */
static void a_request_to_a_host_that_is_leaving_was_not_sent(void **state)
{
    struct pair pair;
    bool sent = true;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    assert_true(lane_leave_when_idle(&pair.host));
    assert_true(lane_leave_when_idle(&pair.host));
    atomic_store(&pair.host.out->closed, 0); /* as if the guest had not seen it yet */
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    assert_false(sent);
    lane_close(&pair.guest);
    assert_int_equal(lane_receive(&pair.host), -ECONNRESET); /* it is passed over */
    pair_finish(&pair);
}

static void a_host_does_not_leave_while_it_serves(void **state)
{
    struct pair pair;
    bool sent = false;

    (void)state;
    pair_start(&pair, MEDIUM_MEMORY);
    assert_int_equal(pair_call(&pair, SILENT, clock_deadline_ns(500), &sent), -ETIMEDOUT);
    assert_true(sent);
    assert_false(lane_leave_when_idle(&pair.host));
    pair_finish(&pair);
}

static void a_request_to_a_closed_lane_was_not_sent(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        bool sent = true;

        pair_open(&pair, medium);
        lane_close(&pair.host);
        assert_int_equal(pair_call(&pair, ECHO, 0, &sent), -ECONNRESET);
        assert_false(sent);
        pair_finish(&pair);
    }
}

static void *close_unread(void *argument)
{
    struct pair *pair = argument;
    int unread = 0;

    while (unread == 0 && ioctl(pair->host.fd, FIONREAD, &unread) == 0)
        usleep(1000);
    lane_close(&pair->host);
    return NULL;
}

static void a_request_that_is_left_unread_was_not_sent(void **state)
{
    struct pair pair;
    pthread_t closer;
    bool sent = true;

    (void)state;
    pair_open(&pair, MEDIUM_SOCKET);
    assert_int_equal(pthread_create(&closer, NULL, close_unread, &pair), 0);
    assert_int_equal(pair_call(&pair, ECHO, 0, &sent), -ECONNRESET);
    assert_false(sent);
    assert_int_equal(pthread_join(closer, NULL), 0);
    pair_finish(&pair);
}

static void a_host_that_leaves_wakes_the_waiter(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;
        bool sent = false;

        pair_start(&pair, medium);
        assert_int_equal(pair_call(&pair, LEAVE, 0, &sent), -ECONNRESET);
        assert_true(sent);
        pair_finish(&pair);
    }
}

static int spoilt_answer(enum medium medium, enum function function)
{
    struct pair pair;
    uint64_t offset;
    bool sent;
    int rc;

    pair_start(&pair, medium);
    assert_non_null(lane_reserve(&pair.guest, 2 * MEMORY_PAGE, &offset));
    frame_start(lane_request(&pair.guest), FRAME_CALL, 1, function);
    lane_request(&pair.guest)->header.buffer_count = 1;
    lane_request(&pair.guest)->buffers[0] =
        (struct frame_buffer){.offset = offset, .size = 1000, .flags = BUFFER_OUT | BUFFER_IN};
    rc = lane_exchange(&pair.guest, clock_deadline_ns(20000), &sent);
    pair_finish(&pair);
    return rc;
}

static void answers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        assert_int_equal(spoilt_answer(medium, INVERT), 0);
        assert_int_equal(spoilt_answer(medium, WRONG_NUMBER), -EBADMSG);
        assert_int_equal(spoilt_answer(medium, WRONG_BUFFER), -EBADMSG);
        assert_int_equal(spoilt_answer(medium, LARGER_BUFFER), -EBADMSG);
        assert_int_equal(spoilt_answer(medium, WRONG_KIND), -EBADMSG);
        assert_int_equal(spoilt_answer(medium, WRONG_COUNT), -EBADMSG);
    }
}

/* What the host says to a request with this descriptor. */
static int received_with(enum medium medium, struct frame_buffer buffer)
{
    struct pair pair;
    bool sent;

    pair_start(&pair, medium);
    frame_start(lane_request(&pair.guest), FRAME_CALL, 1, ECHO);
    lane_request(&pair.guest)->header.buffer_count = 1;
    lane_request(&pair.guest)->buffers[0] = buffer;
    (void)!lane_exchange(&pair.guest, clock_deadline_ns(20000), &sent);
    pair_finish(&pair);
    return pair.received;
}

static void descriptors_outside_the_payload_are_refused(void **state)
{
    (void)state;
    assert_int_equal(received_with(MEDIUM_MEMORY, (struct frame_buffer){0, 10, BUFFER_OUT, 0}), -ECONNRESET);
    assert_int_equal(received_with(MEDIUM_MEMORY, (struct frame_buffer){ARENA_SIZE, 1, BUFFER_OUT, 0}), -EBADMSG);
    assert_int_equal(received_with(MEDIUM_MEMORY, (struct frame_buffer){0, ARENA_SIZE + 1, BUFFER_OUT, 0}), -EBADMSG);
    assert_int_equal(received_with(MEDIUM_MEMORY, (struct frame_buffer){8, UINT64_MAX, BUFFER_OUT, 0}), -EBADMSG);
    assert_int_equal(received_with(MEDIUM_SOCKET, (struct frame_buffer){0, 10, BUFFER_OUT, 0}), -ECONNRESET);
    assert_int_equal(received_with(MEDIUM_SOCKET, (struct frame_buffer){0, PAYLOAD_MOST + 1, BUFFER_OUT, 0}),
                     -EMSGSIZE);
    assert_int_equal(received_with(MEDIUM_SOCKET, (struct frame_buffer){PAYLOAD_MOST, 1, BUFFER_OUT, 0}), -EMSGSIZE);
    assert_int_equal(received_with(MEDIUM_SOCKET, (struct frame_buffer){8, UINT64_MAX, BUFFER_OUT, 0}), -EBADMSG);
}

static void bytes_behind_a_request_are_refused(void **state)
{
    struct pair pair;
    struct frame frame;

    (void)state;
    pair_open(&pair, MEDIUM_SOCKET);
    frame_start(&frame, FRAME_CALL, 1, ECHO);
    assert_int_equal(send(pair.guest.fd, &frame, sizeof(frame.header) + 1, 0), sizeof(frame.header) + 1);
    assert_int_equal(lane_receive(&pair.host), -EBADMSG);
    pair_finish(&pair);
}

static void a_sequence_that_jumps_is_refused(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    atomic_store(lane_sequence(pair.guest.out), 7);
    assert_int_equal(lane_receive(&pair.host), -EBADMSG);
    pair_finish(&pair);
}

static void an_answer_outside_the_payload_stays_here(void **state)
{
    (void)state;
    for (enum medium medium = MEDIUM_MEMORY; medium <= MEDIUM_SOCKET; medium++) {
        struct pair pair;

        pair_open(&pair, medium);
        frame_start(lane_reply(&pair.host), FRAME_RESULT, 1, ECHO);
        lane_reply(&pair.host)->header.buffer_count = 1;
        lane_reply(&pair.host)->buffers[0] = (struct frame_buffer){.size = UINT64_MAX, .flags = BUFFER_OUT};
        assert_int_equal(lane_answer(&pair.host), -EINVAL);
        pair_finish(&pair);
    }
}

static void a_lane_is_not_used_again_before_the_host_let_go(void **state)
{
    struct pair pair;
    struct lane again;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    lane_close(&pair.guest);
    assert_int_equal(lane_open_memory(&again, &pair.memory, 3, &pair.arena, -1), -EBUSY);
    lane_close(&pair.host);
    assert_int_equal(lane_open_memory(&again, &pair.memory, 3, &pair.arena, -1), 0);
    assert_int_equal(lane_open_memory(&pair.host, &pair.memory, 3, NULL, -1), 0);
    assert_int_equal(lane_open_memory(&pair.guest, &pair.memory, pair.memory.lane_count, &pair.arena, -1), -EINVAL);
    lane_close(&again);
    pair_finish(&pair);
}

static void a_lane_of_a_host_that_died_can_be_used_again(void **state)
{
    struct pair pair;
    struct lane again;
    bool sent;

    (void)state;
    pair_fork(&pair, MEDIUM_MEMORY);
    assert_int_equal(pair_call(&pair, DIE, clock_deadline_ns(20000), &sent), -ECONNRESET);
    assert_int_equal(lane_open_memory(&again, &pair.memory, 3, &pair.arena, -1), -EBUSY); /* still open here */
    lane_close(&pair.guest);
    assert_int_equal(lane_open_memory(&again, &pair.memory, 3, &pair.arena, -1), 0);
    lane_close(&again);
    pair_finish(&pair);
}

static void payload_stays_taken_while_the_host_may_write(void **state)
{
    struct pair pair;
    uint64_t offset;
    bool sent;

    (void)state;
    pair_start(&pair, MEDIUM_MEMORY);
    assert_non_null(lane_reserve(&pair.guest, 1, &offset));
    assert_int_equal(pair_call(&pair, SILENT, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    lane_close(&pair.guest);
    assert_int_equal(sent ? 1 : 0, pair.arena.count);
    pair_finish(&pair);
}

static void a_number_that_leads_elsewhere_is_not_used(void **state)
{
    struct pair pair;
    int other[2];
    bool sent = true;
    char byte;

    (void)state;
    pair_open(&pair, MEDIUM_SOCKET);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
    assert_int_equal(dup3(other[0], pair.guest.fd, O_CLOEXEC), pair.guest.fd);
    close(other[0]);
    other[0] = pair.guest.fd;
    assert_int_equal(pair_call(&pair, ECHO, 0, &sent), -ECONNRESET);
    assert_false(sent);
    lane_close(&pair.guest);
    assert_int_equal(recv(other[1], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN); /* neither written to nor closed */
    close(other[0]);
    close(other[1]);
    pair_finish(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_comes_back_over_memory),
        cmocka_unit_test(a_body_comes_back_over_a_socket),
        cmocka_unit_test(ends_in_two_processes_understand_each_other),
        cmocka_unit_test(payload_of_every_size_comes_back),
        cmocka_unit_test(sixty_four_mebibytes_come_back),
        cmocka_unit_test(payload_is_kept_while_it_is_large_enough),
        cmocka_unit_test(what_is_lent_is_sent_from_and_answered_to),
        cmocka_unit_test(what_is_lent_may_come_when_it_is_touched),
        cmocka_unit_test(a_processor_is_told_to_who_tells),
        cmocka_unit_test(an_answer_written_before_the_end_is_taken),
        cmocka_unit_test(signals_do_not_end_a_wait),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(a_host_that_ends_is_noticed),
        cmocka_unit_test(a_host_killed_during_the_wait_is_noticed_without_a_deadline),
        cmocka_unit_test(a_request_that_nobody_takes_was_not_sent),
        cmocka_unit_test(a_request_to_a_host_that_is_leaving_was_not_sent),
        cmocka_unit_test(a_host_does_not_leave_while_it_serves),
        cmocka_unit_test(a_request_to_a_closed_lane_was_not_sent),
        cmocka_unit_test(a_request_that_is_left_unread_was_not_sent),
        cmocka_unit_test(a_host_that_leaves_wakes_the_waiter),
        cmocka_unit_test(answers_that_do_not_fit_are_refused),
        cmocka_unit_test(descriptors_outside_the_payload_are_refused),
        cmocka_unit_test(bytes_behind_a_request_are_refused),
        cmocka_unit_test(a_sequence_that_jumps_is_refused),
        cmocka_unit_test(an_answer_outside_the_payload_stays_here),
        cmocka_unit_test(a_lane_is_not_used_again_before_the_host_let_go),
        cmocka_unit_test(a_lane_of_a_host_that_died_can_be_used_again),
        cmocka_unit_test(payload_stays_taken_while_the_host_may_write),
        cmocka_unit_test(a_number_that_leads_elsewhere_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
