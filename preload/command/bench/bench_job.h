/*
 * What `winapi bench` asks of its programs, and what they answer: structs as they are, through a socket pair that is
 * the program's standard input and output.  Both ends are of one build.
 *
 * A job is answered by one answer, behind which its samples follow: nanoseconds, 32 bits each.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_JOB_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_JOB_H

#include <stdint.h>

enum bench_job_kind {
    /* of winapi-bench-client */
    JOB_ECHO,       /* samples of winapi_echo() of `size` characters */
    JOB_CRC32,      /* samples of zlib's crc32() of `size` bytes */
    JOB_BUFFER,     /* samples of winapi_buffer_test() of `size` bytes; `option` is an enum bench_buffer */
    JOB_ECHO_RATE,  /* `threads` threads that call winapi_echo() with 32 characters from start_ns to end_ns */
    JOB_SEED,       /* `count` calls of srand48(), then one of lrand48(): how long all of it takes */
    JOB_CHARACTER,  /* `count` calls of toascii(): how long all of it takes */
    JOB_KEEP_LANES, /* `threads` threads that call once, and live until the program ends */

    /* of winapi-bench-floor */
    JOB_SPIN,        /* samples of a ping-pong of one cache line */
    JOB_FUTEX,       /* samples of a ping-pong of two futex waits */
    JOB_FUTEX_RATE,  /* `threads` pairs of those from start_ns to end_ns */
    JOB_SOCKET,      /* samples of a ping-pong of `size` bytes; `option` is an enum bench_socket */
    JOB_TRANSFER,    /* samples of sending `size` bytes to who takes their checksum */
    JOB_SYSTEM_CALL, /* `count` system calls that do nothing: how long all of it takes */
    JOB_KINDS
};

enum bench_buffer {
    BUFFER_ALLOCATED,    /* by winapi_alloc_buffer() */
    BUFFER_OWN,          /* ordinary memory of the program's */
    BUFFER_COPIED_FIRST, /* ordinary memory, and memcpy() to another piece of it belongs to what is timed */
};

enum bench_socket { SOCKET_BLOCKING, SOCKET_POLLING };

/* Members that a job does not name are ignored. */
struct bench_job {
    uint32_t kind;
    uint32_t size;    /* bytes */
    uint32_t count;   /* samples, or calls */
    uint32_t threads; /* or pairs */
    uint32_t option;
    uint32_t seed;             /* decides the contents, so two programs can be given the same work */
    int32_t other_cpu;         /* floors: where the other side runs; -1: wherever it likes */
    uint32_t reserved;         /* 0 */
    uint64_t start_ns, end_ns; /* of CLOCK_MONOTONIC */
};

struct bench_answer {
    uint32_t failed;       /* `text` says why */
    uint32_t sample_count; /* that follow */
    uint64_t calls;        /* of the function that the job is about, also those that were not timed */
    uint64_t timed_calls;
    uint64_t took_ns; /* for the timed calls together */
    uint64_t digest;  /* of what the calls gave; the same job gives the same anywhere */
    uint64_t is_late; /* some could not begin with the others: to be done again, with more time before */
    char text[160];   /* ends with a NUL */
};

enum { BENCH_SAMPLES_MOST = 1 << 20, BENCH_THREADS_MOST = 64, BENCH_ECHO_RATE_SIZE = 32 };

#endif
