/* Descriptors that stay out of the program's way and know themselves. */
#include "spec/wire/descriptor.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void a_raised_descriptor_is_high_and_leads_to_the_same(void **state)
{
    struct descriptor_mark mark;
    int fds[2], raised;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    descriptor_mark(&mark, fds[0]);
    assert_false(mark.is_socket);
    raised = descriptor_raise(fds[0]);
    assert_true(raised >= 200);
    assert_true(raised < 1024);
    assert_int_equal(fcntl(raised, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    assert_true(descriptor_is_ours(&mark, raised));
    descriptor_close(&mark, raised);
    assert_int_equal(fcntl(raised, F_GETFD), -1);
    close(fds[1]);
}

static void beyond_a_low_limit_there_is_room_for_it_where_the_hard_one_allows(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        const struct rlimit low = {.rlim_cur = 16, .rlim_max = 512};
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), raised, next;

        if (setrlimit(RLIMIT_NOFILE, &low) < 0 || (geteuid() == 0 && setuid(65534) < 0))
            _exit(1);
        raised = descriptor_raise(fd);
        next = dup(raised);
        _exit(raised == 511 && next == fd && fcntl(511, F_GETFD) == FD_CLOEXEC ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void under_a_low_limit_it_goes_as_high_as_it_can_or_stays(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        const struct rlimit low = {.rlim_cur = 64, .rlim_max = 64}, none = {.rlim_cur = 4, .rlim_max = 4};
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (setrlimit(RLIMIT_NOFILE, &low) < 0 || (geteuid() == 0 && setuid(65534) < 0))
            _exit(1);
        fd = descriptor_raise(fd);
        if (fd != 63 || descriptor_raise(dup(fd)) != 62)
            _exit(3);
        setrlimit(RLIMIT_NOFILE, &none);
        _exit(descriptor_raise(fd) == fd ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_number_with_another_file_is_not_ours(void **state)
{
    struct descriptor_mark mark, none = {0};
    int fds[2], other[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
    descriptor_mark(&mark, fds[0]);
    assert_true(mark.is_socket);
    assert_false(descriptor_is_gone(&mark, fds[0]));
    assert_int_equal(dup3(other[0], fds[0], O_CLOEXEC), fds[0]);
    assert_false(descriptor_is_ours(&mark, fds[0]));
    assert_true(descriptor_is_gone(&mark, fds[0]));
    descriptor_close(&mark, fds[0]);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC); /* not closed */
    assert_false(descriptor_is_ours(&none, fds[0]));
    assert_false(descriptor_is_ours(&mark, -1));
    close(fds[0]);
    close(fds[1]);
    close(other[0]);
    close(other[1]);
}

static void a_hang_up_is_seen(void **state)
{
    struct descriptor_mark mark;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    descriptor_mark(&mark, fds[0]);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_false(descriptor_is_gone(&mark, fds[0]));
    close(fds[1]);
    assert_true(descriptor_is_gone(&mark, fds[0]));
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raised_descriptor_is_high_and_leads_to_the_same),
        cmocka_unit_test(beyond_a_low_limit_there_is_room_for_it_where_the_hard_one_allows),
        cmocka_unit_test(under_a_low_limit_it_goes_as_high_as_it_can_or_stays),
        cmocka_unit_test(a_number_with_another_file_is_not_ours),
        cmocka_unit_test(a_hang_up_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
