/* Shared memory: made, taken over, and every field of its header made hostile. */
#include "spec/wire/memory.h"

#include "spec/wire/lane.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARENA = 1 << 20, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static const uint64_t no_bound = UINT64_MAX;

/* A header as a program without our library writes it: both areas, no lanes. */
static struct memory_header header_make(void)
{
    return (struct memory_header){
        .magic = {'W', 'I', 'N', 'A'},
        .version = MEMORY_VERSION,
        .size = MEMORY_PAGE + MEMORY_REQUEST_AREA + MEMORY_RESPONSE_AREA,
        .request_offset = MEMORY_PAGE,
        .request_size = MEMORY_REQUEST_AREA,
        .response_offset = MEMORY_PAGE + MEMORY_REQUEST_AREA,
        .response_size = MEMORY_RESPONSE_AREA,
        .state = 1,
    };
}

/* A memfd of that size that starts with the header. */
static int memfd_make(const struct memory_header *header, uint64_t size, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void expect_refused(const struct memory_header *header, const char *part)
{
    struct memory memory;
    const char *why = NULL;
    int fd = memfd_make(header, header_make().size, SEALS);

    assert_int_equal(memory_adopt(&memory, fd, no_bound, &why), -EBADMSG);
    assert_non_null(why);
    if (strstr(why, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, part);
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken over and closed */
    assert_null(memory.base);
}

static void a_memory_is_sealed_sparse_and_shared(void **state)
{
    struct memory memory, adopted;
    const char *why = NULL;
    struct stat status;

    (void)state;
    assert_int_equal(memory_create(&memory, ARENA + 1, NULL), 0);
    assert_int_equal(memory.arena_size, ARENA + MEMORY_PAGE);
    assert_int_equal(memory.lane_count, LANES_MOST);
    assert_int_equal(fcntl(memory.fd, F_GET_SEALS) & SEALS, SEALS);
    assert_int_equal(fcntl(memory.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fstat(memory.fd, &status), 0);
    assert_int_equal(status.st_size, memory.size);
    assert_true(status.st_blocks * 512 <= 2 * MEMORY_PAGE);
    assert_int_equal(ftruncate(memory.fd, 0), -1);

    assert_int_equal(memory_adopt(&adopted, dup(memory.fd), no_bound, &why), 0);
    assert_int_equal(adopted.arena_size, memory.arena_size);
    assert_int_equal(adopted.lanes_offset, memory.lanes_offset);
    assert_int_equal(memory_open(&memory, 106), 0);
    strcpy(memory_at(&memory, 100, 6), "hello");
    assert_string_equal(memory_at(&adopted, 100, 6), "hello");
    memory_finish(&adopted);
    assert_int_equal(((struct memory_header *)(void *)memory.base)->state, 1);
    memory_finish(&memory);
    memory_finish(&memory);
}

static void only_bytes_inside_the_arena_are_given(void **state)
{
    struct memory memory;
    uint64_t offset = 0;
    uint8_t *first;

    (void)state;
    assert_int_equal(memory_create(&memory, ARENA, NULL), 0);
    first = memory_at(&memory, 0, ARENA);
    assert_ptr_equal(first, memory.base + MEMORY_PAGE);
    assert_non_null(memory_at(&memory, ARENA, 0));
    assert_null(memory_at(&memory, 0, ARENA + 1));
    assert_null(memory_at(&memory, ARENA, 1));
    assert_null(memory_at(&memory, UINT64_MAX, 2));
    assert_null(memory_at(&memory, 2, UINT64_MAX));

    assert_true(memory_contains(&memory, first + 10, ARENA - 10, &offset));
    assert_int_equal(offset, 10);
    assert_false(memory_contains(&memory, first + 10, ARENA - 9, &offset));
    assert_false(memory_contains(&memory, first + 10, UINT64_MAX, &offset));
    assert_false(memory_contains(&memory, first - 1, 1, &offset));
    assert_false(memory_contains(&memory, &memory, 1, &offset));
    assert_false(memory_contains(&memory, NULL, 0, &offset));
    memory_finish(&memory);
}

static void a_memory_without_lanes_is_accepted(void **state)
{
    struct memory_header header = header_make();
    struct memory memory;
    const char *why = NULL;

    (void)state;
    assert_int_equal(memory_adopt(&memory, memfd_make(&header, header.size, F_SEAL_SHRINK), header.size, &why), 0);
    assert_null(why);
    assert_int_equal(memory.response_size, MEMORY_RESPONSE_AREA);
    assert_int_equal(memory.lane_count, 0);
    memory_finish(&memory);
}

static void a_hostile_header_is_refused(void **state)
{
    struct memory_header good = header_make(), bad;

    (void)state;
#define REFUSED(field, value, part) \
    do {                            \
        bad = good;                 \
        bad.field = (value);        \
        expect_refused(&bad, part); \
    } while (0)
    REFUSED(magic[3], 'B', "WINA");
    REFUSED(version, 2, "version");
    REFUSED(size, good.size - MEMORY_PAGE, "size");
    REFUSED(size, UINT64_MAX, "size");
    REFUSED(request_offset, 0, "request area");
    REFUSED(request_offset, MEMORY_PAGE + 8, "request area");
    REFUSED(request_offset, UINT64_MAX - MEMORY_PAGE + 1, "request area");
    REFUSED(request_size, 100, "request area");
    REFUSED(request_size, UINT64_MAX - MEMORY_PAGE + 1, "request area");
    REFUSED(request_size, MEMORY_REQUEST_AREA + MEMORY_PAGE, "overlap");
    REFUSED(response_offset, MEMORY_PAGE, "overlap");
    REFUSED(response_offset, good.size, "response area");
    REFUSED(response_size, MEMORY_RESPONSE_AREA + MEMORY_PAGE, "response area");
    REFUSED(lane_count, LANES_MOST + 1, "lanes");
    REFUSED(lane_count, UINT32_MAX, "lanes");
    REFUSED(lane_count, 1, "lanes"); /* at offset 0 */
#undef REFUSED
    bad = good;
    bad.lane_count = 1;
    bad.lanes_offset = bad.response_offset;
    expect_refused(&bad, "overlap");
    bad.lanes_offset = UINT64_MAX - MEMORY_PAGE + 1;
    expect_refused(&bad, "lanes");
}

static void what_is_no_sealed_memory_is_refused(void **state)
{
    struct memory_header header = header_make();
    struct memory memory;
    const char *why = NULL;
    int fds[2];

    (void)state;
    assert_int_equal(memory_adopt(&memory, memfd_make(&header, header.size, 0), no_bound, &why), -EBADMSG);
    assert_non_null(strstr(why, "sealed"));
    assert_int_equal(memory_adopt(&memory, memfd_make(&header, 100, SEALS), no_bound, &why), -EBADMSG);
    assert_non_null(strstr(why, "header page"));
    assert_int_equal(memory_adopt(&memory, memfd_make(&header, header.size, SEALS), header.size - 1, &why), -EFBIG);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(memory_adopt(&memory, fds[0], no_bound, &why), -EBADMSG);
    assert_non_null(strstr(why, "regular file"));
    close(fds[1]);
    assert_int_equal(memory_adopt(&memory, -1, no_bound, &why), -EBADF);
}

static void a_file_replaces_only_what_was_a_memory(void **state)
{
    char path[] = "/tmp/test_memory.XXXXXX";
    struct memory first, second, adopted;
    const char *why;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "precious", 8), 8);
    assert_int_equal(memory_create(&first, ARENA, path), -EEXIST);
    assert_int_equal(lseek(fd, 0, SEEK_END), 8);
    assert_int_equal(ftruncate(fd, 0), 0);
    close(fd);

    assert_int_equal(memory_create(&first, ARENA, path), 0);
    assert_int_equal(memory_adopt(&adopted, dup(first.fd), no_bound, &why), 0);
    assert_int_equal(memory_create(&second, ARENA, path), 0); /* the first goes on in its own file */
    assert_int_equal(memory_open(&second, 6), 0);
    strcpy(memory_at(&second, 0, 6), "other");
    assert_string_equal(memory_at(&adopted, 0, 6), "");
    memory_finish(&adopted);
    memory_finish(&first);
    memory_finish(&second);
    unlink(path);
}

static void a_limit_on_file_size_is_an_error_and_no_signal(void **state)
{
    const struct rlimit limit = {.rlim_cur = ARENA, .rlim_max = ARENA};
    struct memory memory;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(memory_create(&memory, ARENA, NULL) == -EFBIG ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_child_does_not_end_its_parents_memory(void **state)
{
    struct memory memory;
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(memory_create(&memory, ARENA, NULL), 0);
    child = fork();
    if (child == 0) {
        memory_finish(&memory);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(((struct memory_header *)(void *)memory.base)->state, 1);
    memory_finish(&memory);
}

static bool can_be_read(const uint8_t *address)
{
    int ends[2];
    bool can;

    assert_int_equal(pipe(ends), 0);
    can = write(ends[1], address, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return can;
}

static void an_arena_is_opened_step_by_step(void **state)
{
    struct memory memory;
    uint8_t *arena;

    (void)state;
    assert_int_equal(memory_create(&memory, 3 * (uint64_t)MEMORY_STEP - MEMORY_PAGE, NULL), 0);
    arena = memory.base + memory.arena_offset;
    assert_false(can_be_read(arena));
    assert_true(can_be_read(memory.base));
    assert_true(can_be_read(memory.base + memory.response_offset));
    assert_true(can_be_read(memory.base + memory.size - 1));
    assert_int_equal(memory_open(&memory, 1), 0);
    assert_true(can_be_read(arena + MEMORY_STEP - 1));
    assert_false(can_be_read(arena + MEMORY_STEP));
    assert_int_equal(memory_open(&memory, memory.arena_size), 0);
    assert_true(can_be_read(arena + memory.arena_size - 1));
    assert_int_equal(memory_open(&memory, 1), 0);
    memory_finish(&memory);
}

static void a_program_that_locks_its_memory_gets_no_pages_for_it(void **state)
{
    struct memory memory;
    struct stat status;

    (void)state;
    if (mlockall(MCL_FUTURE) < 0)
        skip(); /* not allowed here */
    assert_int_equal(memory_create(&memory, 4 * (uint64_t)MEMORY_STEP, NULL), 0);
    assert_int_equal(memory_open(&memory, 1), 0);
    assert_int_equal(fstat(memory.fd, &status), 0);
    assert_true(status.st_blocks * 512 <= 2 * MEMORY_PAGE);
    memory_finish(&memory);
    munlockall();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memory_is_sealed_sparse_and_shared),
        cmocka_unit_test(only_bytes_inside_the_arena_are_given),
        cmocka_unit_test(a_memory_without_lanes_is_accepted),
        cmocka_unit_test(a_hostile_header_is_refused),
        cmocka_unit_test(what_is_no_sealed_memory_is_refused),
        cmocka_unit_test(a_file_replaces_only_what_was_a_memory),
        cmocka_unit_test(a_limit_on_file_size_is_an_error_and_no_signal),
        cmocka_unit_test(a_child_does_not_end_its_parents_memory),
        cmocka_unit_test(an_arena_is_opened_step_by_step),
        cmocka_unit_test(a_program_that_locks_its_memory_gets_no_pages_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
