/* The control connection over a socket and over a pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/channel.h"
#include "spec/wire/clock.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
    struct channel near, far;
};

static void ends_open(struct ends *ends)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    channel_start(&ends->near, fds[0], fds[0]);
    channel_start(&ends->far, fds[1], fds[1]);
}

static void ends_close(struct ends *ends)
{
    channel_finish(&ends->near);
    channel_finish(&ends->far);
}

/* A message that is nothing but a string of that size. */
static cJSON *message_make(size_t size)
{
    char *text = malloc(size + 1);
    cJSON *message;

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    message = cJSON_CreateString(text);
    free(text);
    assert_non_null(message);
    return message;
}

static void expect_message(struct channel *channel, const cJSON *expected)
{
    cJSON *message = NULL;

    assert_int_equal(channel_receive(channel, &message, CONTROL_MESSAGE_MOST, clock_deadline_ns(20000)), 0);
    assert_true(cJSON_Compare(message, expected, true));
    cJSON_Delete(message);
}

static void expect_failure(struct channel *channel, int rc)
{
    cJSON *message = NULL;

    assert_int_equal(channel_receive(channel, &message, 1000, clock_deadline_ns(20)), rc);
    assert_null(message);
}

/* What channel_receive says to these bytes followed by the end. */
static void expect_failure_of(const char *bytes, size_t size, int rc)
{
    struct ends ends;

    ends_open(&ends);
    assert_int_equal(write(ends.near.fd, bytes, size), size);
    shutdown(ends.near.fd, SHUT_WR);
    expect_failure(&ends.far, rc);
    ends_close(&ends);
}

static void a_message_arrives(void **state)
{
    cJSON *message = cJSON_Parse("{\"message\":\"hello\",\"pid\":12}");
    struct ends ends;

    (void)state;
    ends_open(&ends);
    for (int i = 0; i < 3; i++)
        assert_int_equal(channel_send(&ends.near, message, -1, 0), 0);
    for (int i = 0; i < 3; i++)
        expect_message(&ends.far, message);
    cJSON_Delete(message);
    ends_close(&ends);
}

static void the_length_stands_first_in_little_endian(void **state)
{
    cJSON *message = cJSON_CreateArray();
    struct ends ends;
    char bytes[7];

    (void)state;
    ends_open(&ends);
    assert_int_equal(channel_send(&ends.near, message, -1, 0), 0);
    assert_int_equal(recv(ends.far.fd, bytes, sizeof(bytes), MSG_DONTWAIT), 6);
    assert_memory_equal(bytes, "\2\0\0\0[]", 6);
    cJSON_Delete(message);
    ends_close(&ends);
}

struct sending {
    struct channel *channel;
    const cJSON *message;
    int rc;
};

static void *send_in_thread(void *argument)
{
    struct sending *sending = argument;

    sending->rc = channel_send(sending->channel, sending->message, -1, clock_deadline_ns(20000));
    return NULL;
}

static void expect_large(struct channel *from, struct channel *to)
{
    cJSON *message = message_make(3 << 20);
    struct sending sending = {.channel = from, .message = message};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, send_in_thread, &sending), 0);
    expect_message(to, message);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sending.rc, 0);
    cJSON_Delete(message);
}

static void a_message_larger_than_the_sockets_buffer_arrives(void **state)
{
    struct ends ends;

    (void)state;
    ends_open(&ends);
    expect_large(&ends.near, &ends.far);
    ends_close(&ends);
}

static void a_message_arrives_over_pipes(void **state)
{
    int to[2], back[2];
    struct ends ends;

    (void)state;
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(back, O_CLOEXEC), 0);
    channel_start(&ends.near, back[0], to[1]);
    channel_start(&ends.far, to[0], back[1]);
    expect_large(&ends.near, &ends.far);
    expect_large(&ends.far, &ends.near);
    ends_close(&ends);
}

static void a_descriptor_rides_along(void **state)
{
    cJSON *message = cJSON_CreateArray();
    struct ends ends;
    int fds[2];
    char byte;

    (void)state;
    ends_open(&ends);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(channel_send(&ends.near, message, fds[1], 0), 0);
    assert_int_equal(channel_send(&ends.near, message, -1, 0), 0);
    close(fds[1]);

    expect_message(&ends.far, message);
    assert_true(ends.far.received_fd >= 0);
    assert_int_equal(fcntl(ends.far.received_fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(ends.far.received_fd, "x", 1), 1);
    assert_int_equal(read(fds[0], &byte, 1), 1);

    expect_message(&ends.far, message); /* nobody took it: it is closed, so the pipe ends */
    assert_int_equal(ends.far.received_fd, -1);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    close(fds[0]);
    cJSON_Delete(message);
    ends_close(&ends);
}

static void a_descriptor_over_a_pipe_is_refused(void **state)
{
    cJSON *message = cJSON_CreateArray();
    struct channel channel;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    channel_start(&channel, fds[0], fds[1]);
    assert_int_equal(channel_send(&channel, message, fds[0], 0), -ENOTSOCK);
    channel_finish(&channel);
    cJSON_Delete(message);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    expect_failure_of("\4\0\0\0nope", 8, -EBADMSG);
    expect_failure_of("\4\0\0\0[] x", 8, -EBADMSG); /* more behind the value */
    expect_failure_of("\0\0\0\0", 4, -EBADMSG);
    expect_failure_of("\3\0\0\0[1", 6, -ECONNRESET);
    expect_failure_of("\3\0", 2, -ECONNRESET);
    expect_failure_of("", 0, -ECONNRESET);
    expect_failure_of("\xE9\3\0\0{}", 6, -EMSGSIZE); /* 1001 of 1000 bytes */
    expect_failure_of("\xFF\xFF\xFF\xFF{}", 6, -EMSGSIZE);
}

static void waiting_ends_with_the_deadline(void **state)
{
    cJSON *message = message_make(3 << 20);
    struct ends ends;

    (void)state;
    ends_open(&ends);
    expect_failure(&ends.far, -ETIMEDOUT);
    assert_int_equal(write(ends.near.fd, "\2\0\0\0[", 5), 5);
    expect_failure(&ends.far, -ETIMEDOUT);
    assert_int_equal(channel_send(&ends.near, message, -1, clock_deadline_ns(20)), -ETIMEDOUT); /* nobody reads */
    cJSON_Delete(message);
    ends_close(&ends);
}

static void an_end_that_hung_up_is_noticed_without_a_signal(void **state)
{
    cJSON *message = cJSON_CreateArray();
    struct channel channel;
    struct ends ends;
    int fds[2];

    (void)state;
    ends_open(&ends);
    assert_false(channel_is_gone(&ends.near));
    channel_finish(&ends.far);
    assert_true(channel_is_gone(&ends.near));
    assert_int_equal(channel_send(&ends.near, message, -1, 0), -EPIPE); /* SIGPIPE would end the test */
    ends_close(&ends);

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    channel_start(&channel, -1, fds[1]);
    close(fds[0]);
    assert_int_equal(channel_send(&channel, message, -1, 0), -EPIPE);
    channel_finish(&channel);
    cJSON_Delete(message);
}

static void a_message_over_the_limit_is_not_sent(void **state)
{
    cJSON *message = message_make(CONTROL_MESSAGE_MOST);
    struct ends ends;
    char byte;

    (void)state;
    ends_open(&ends);
    assert_int_equal(channel_send(&ends.near, message, -1, 0), -EMSGSIZE); /* two quotes too many */
    assert_int_equal(recv(ends.far.fd, &byte, 1, MSG_DONTWAIT), -1);
    cJSON_Delete(message);
    ends_close(&ends);
}

static void a_number_that_leads_elsewhere_is_not_used(void **state)
{
    cJSON *message = cJSON_CreateArray();
    struct ends ends;
    int fds[2], number;

    (void)state;
    ends_open(&ends);
    number = ends.near.fd;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(dup3(fds[1], number, O_CLOEXEC), number);
    assert_true(channel_is_gone(&ends.near));
    assert_int_equal(channel_send(&ends.near, message, -1, 0), -ECONNRESET);
    channel_finish(&ends.near);
    assert_int_equal(fcntl(number, F_GETFD), FD_CLOEXEC); /* still open */
    close(number);
    close(fds[0]);
    close(fds[1]);
    channel_finish(&ends.far);
    cJSON_Delete(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives),
        cmocka_unit_test(the_length_stands_first_in_little_endian),
        cmocka_unit_test(a_message_larger_than_the_sockets_buffer_arrives),
        cmocka_unit_test(a_message_arrives_over_pipes),
        cmocka_unit_test(a_descriptor_rides_along),
        cmocka_unit_test(a_descriptor_over_a_pipe_is_refused),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(waiting_ends_with_the_deadline),
        cmocka_unit_test(an_end_that_hung_up_is_noticed_without_a_signal),
        cmocka_unit_test(a_message_over_the_limit_is_not_sent),
        cmocka_unit_test(a_number_that_leads_elsewhere_is_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
