/*
 * winapi-bench-client: an ordinary program that calls functions of libwinapi, zlib and libc, and knows nothing of where
 * they run.  `winapi bench` runs it bare, and under `winapi run`.
 */
#include "preload/command/bench_programs/bench_client.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

static winapi_handle_t handle;

winapi_handle_t bench_client_handle(void)
{
    if (!handle)
        handle = winapi_init();
    return handle;
}

/* A function that hardly anybody calls, through a pointer that the compiler knows nothing of. */
static int (*volatile seven_bits)(int) = toascii;

enum { GIVEN = 0xE1, EXPECTED = 0x61 };

static void do_character(struct bench_work *work)
{
    int (*called)(int) = seven_bits;
    uint64_t digest = bench_digest((uint64_t)called(GIVEN), (uint64_t)called('z')), start = bench_now_ns();

    for (uint32_t i = 0; i < work->job.count; i++)
        called(GIVEN);
    work->answer.took_ns = bench_now_ns() - start;
    work->answer.timed_calls = work->job.count;
    work->answer.calls = work->job.count + 2;
    work->answer.digest = digest;
}

/* What start-up costs is measured with these; everything else with jobs. */
static int print_environment(void)
{
    for (char **variable = environ; *variable; variable++)
        fwrite(*variable, strlen(*variable) + 1, 1, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    static bench_work_function *const functions[JOB_KINDS] = {
        [JOB_ECHO] = bench_client_echo,
        [JOB_CRC32] = bench_client_crc32,
        [JOB_BUFFER] = bench_client_buffer,
        [JOB_ECHO_RATE] = bench_client_echo_rate,
        [JOB_SEED] = bench_client_seed,
        [JOB_CHARACTER] = do_character,
        [JOB_KEEP_LANES] = bench_client_keep_lanes,
    };
    const char *wish = argc > 1 ? argv[1] : "";

    if (strcmp(wish, "--environment") == 0)
        return print_environment();
    if (strcmp(wish, "--first-call") == 0)
        return seven_bits(GIVEN) == EXPECTED ? 0 : 1;
    return bench_work_loop(functions);
}
