/* Addresses, and Unix sockets by short and long paths. */
#include "spec/wire/address.h"

#include "spec/wire/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_address.XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void expect_refused(const char *text, const char *part)
{
    struct address address;
    const char *why = NULL;

    assert_int_equal(address_parse(&address, text, &why), -EINVAL);
    assert_non_null(why);
    assert_non_null(strstr(why, part));
}

static void known_addresses_are_parsed(void **state)
{
    const char *text = "unix:/run/x:y", *command = "exec:ssh box winapi-host --stdio";
    struct address address;
    const char *why;

    (void)state;
    assert_int_equal(address_parse(&address, text, &why), 0);
    assert_int_equal(address.kind, ADDRESS_UNIX);
    assert_ptr_equal(address.text, text + 5);
    assert_null(why);
    assert_int_equal(address_parse(&address, command, &why), 0);
    assert_int_equal(address.kind, ADDRESS_EXEC);
    assert_string_equal(address.text, "ssh box winapi-host --stdio");
}

static void other_addresses_are_refused_with_what_would_be_right(void **state)
{
    (void)state;
    expect_refused("", "unix:PATH");
    expect_refused("/run/x", "unix:PATH");
    expect_refused("UNIX:/run/x", "unix:PATH");
    expect_refused("unix:", "path");
    expect_refused("exec:  ", "command");
    expect_refused("vsock:2:4660", "vsock");
    expect_refused("hyperv:x:1", "hyperv");
    expect_refused("tcp:localhost:1", "tcp");
}

static void the_default_path_is_the_users_own(void **state)
{
    char *path = address_default_path("/run/user/7", 0x1234);
    char expected[64];

    (void)state;
    assert_string_equal(path, "/run/user/7/winapi/host-0x1234");
    free(path);
    snprintf(expected, sizeof(expected), "/tmp/winapi-%u/host-0x99", (unsigned)geteuid());
    path = address_default_path(NULL, 0x99);
    assert_string_equal(path, expected);
    free(path);
    path = address_default_path("", 0x99);
    assert_string_equal(path, expected);
    free(path);
}

/* Listens, connects, sends a byte through; leaves the socket's name behind. */
static void connect_once(const char *path)
{
    int listener = address_listen_unix(path);
    int near = address_connect_unix(path, clock_deadline_ns(20000));
    int far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char byte = 0;

    assert_true(listener >= 0);
    assert_true(near >= 0);
    assert_int_equal(fcntl(near, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(listener, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(near, "x", 1), 1);
    assert_int_equal(read(far, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(near);
    close(far);
    close(listener);
}

static void who_connects_reaches_who_listens(void **state)
{
    char path[256], parent[128];
    struct stat status;

    (void)state;
    snprintf(parent, sizeof(parent), "%s/made", directory);
    snprintf(path, sizeof(path), "%s/socket", parent);
    connect_once(path);
    assert_int_equal(stat(parent, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 077, 0); /* nobody else may connect */
    connect_once(path);                        /* in place of the stale one */
    unlink(path);
    rmdir(parent);
}

static void a_path_longer_than_a_socket_name_works(void **state)
{
    char parent[256], path[512];

    (void)state;
    snprintf(parent, sizeof(parent), "%s/%0150d", directory, 0);
    snprintf(path, sizeof(path), "%s/socket", parent);
    connect_once(path);
    connect_once(path);
    unlink(path);
    rmdir(parent);
}

static void a_name_too_long_for_any_directory_is_refused(void **state)
{
    char path[256];

    (void)state;
    snprintf(path, sizeof(path), "%s/%0100d", directory, 0);
    assert_int_equal(address_listen_unix(path), -ENAMETOOLONG);
}

static void a_second_listener_is_refused(void **state)
{
    char path[128];
    int listener;

    (void)state;
    snprintf(path, sizeof(path), "%s/socket", directory);
    listener = address_listen_unix(path);
    assert_true(listener >= 0);
    assert_int_equal(address_listen_unix(path), -EADDRINUSE);
    close(listener);
    unlink(path);
}

static void a_file_is_not_taken_for_a_stale_socket(void **state)
{
    char path[128];
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/file", directory);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(address_listen_unix(path), -EADDRINUSE);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
}

static void where_nobody_listens_nobody_is_reached(void **state)
{
    char path[128];
    int listener;

    (void)state;
    snprintf(path, sizeof(path), "%s/socket", directory);
    assert_int_equal(address_connect_unix(path, 0), -ENOENT);
    listener = address_listen_unix(path);
    assert_true(listener >= 0);
    close(listener);
    assert_int_equal(address_connect_unix(path, 0), -ECONNREFUSED);
    unlink(path);
}

static void a_full_backlog_ends_with_the_deadline(void **state)
{
    char path[128];
    int waiting[8], count = 0, listener, fd = 0;

    (void)state;
    snprintf(path, sizeof(path), "%s/socket", directory);
    listener = address_listen_unix(path);
    assert_int_equal(listen(listener, 1), 0);
    while (count < (int)COUNT_OF(waiting)) {
        fd = address_connect_unix(path, clock_deadline_ns(30));
        if (fd < 0)
            break;
        waiting[count++] = fd;
    }
    assert_int_equal(fd, -ETIMEDOUT);
    while (count > 0)
        close(waiting[--count]);
    close(listener);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_addresses_are_parsed),
        cmocka_unit_test(other_addresses_are_refused_with_what_would_be_right),
        cmocka_unit_test(the_default_path_is_the_users_own),
        cmocka_unit_test(who_connects_reaches_who_listens),
        cmocka_unit_test(a_path_longer_than_a_socket_name_works),
        cmocka_unit_test(a_name_too_long_for_any_directory_is_refused),
        cmocka_unit_test(a_second_listener_is_refused),
        cmocka_unit_test(a_file_is_not_taken_for_a_stale_socket),
        cmocka_unit_test(where_nobody_listens_nobody_is_reached),
        cmocka_unit_test(a_full_backlog_ends_with_the_deadline),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
