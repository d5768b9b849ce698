/*
 * The functions that this project began with: echo, buffer test and performance test.
 *
 * The library computes everything in the process that calls it.  It is also what winapi-host calls, so a program
 * that runs under libwinapi_preload.so gets the same answers from another process.
 *
 * Every function may be called from any thread at any time.  A function that returns int gives WINAPI_SUCCESS or
 * one of the negative errors below; the comments list errors in the order in which they are looked for.  When a
 * function fails, what it would have written holds zeros, unless its comment says otherwise.
 *
 * Buffers of one call must not overlap, and nobody else may write to them while it runs.
 *
 * A remoted call is looked at before the library sees it.  It gives WINAPI_ERROR_CONNECTION also where its arguments
 * cannot travel: a handle that is no session's any more (NULL gives HANDLE), a count or a size beyond all memory.
 *
 * A checksum is a CRC-32C (Castagnoli, as in iSCSI, RFC 3720 appendix B.4; the nine bytes "123456789" give
 * 0xE3069283), taken over the buffers in the order given, as if they were one stream.
 *
 * Structs are made of scalars and buffers and have no padding.
 */
#ifndef LIBWINAPI_H
#define LIBWINAPI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

enum winapi_error {
    WINAPI_SUCCESS = 0,
    WINAPI_ERROR_PARAMETER = -1,    /* a pointer is NULL that may not be, or a value has no meaning */
    WINAPI_ERROR_HANDLE = -2,       /* not a handle from winapi_init(), or one that was cleaned up */
    WINAPI_ERROR_MEMORY = -3,       /* not enough memory */
    WINAPI_ERROR_BUFFER_COUNT = -4, /* too few or too many buffers */
    WINAPI_ERROR_BUFFER_SIZE = -5,  /* a buffer is too small or too large */
    WINAPI_ERROR_ITERATIONS = -6,   /* no iterations, or too many */
    WINAPI_ERROR_TRUNCATED = -7,    /* the output had not enough room and holds the beginning */
    WINAPI_ERROR_MISMATCH = -8,     /* a buffer does not hold the pattern */
    WINAPI_ERROR_CONNECTION = -9,   /* remoted calls only: the host cannot be reached, was lost, or took too long */
};

#define WINAPI_HANDLES_MOST         1024               /* open at the same time in one process */
#define WINAPI_BUFFERS_MOST         8                  /* in one call */
#define WINAPI_BUFFER_SIZE_LEAST    ((size_t)4 << 10)  /* of each buffer given to a test, bytes */
#define WINAPI_BUFFER_SIZE_MOST     ((size_t)64 << 20) /* the same */
#define WINAPI_ALLOC_SIZE_MOST      ((size_t)1 << 30)  /* of one winapi_alloc_buffer(), bytes */
#define WINAPI_PERF_ITERATIONS_MOST 1000000            /* in one call */
#define WINAPI_PERF_LATENCY_BYTES   ((size_t)4 << 10)  /* read from each buffer in one latency iteration */

/* Stands for one session.  It is no address: nothing lies behind it. */
typedef struct winapi_session *winapi_handle_t;

/*
 * Begins a session, to be ended with winapi_cleanup().
 * NULL when WINAPI_HANDLES_MOST sessions are open (errno EMFILE) or, remoted, when there is no host.
 */
winapi_handle_t winapi_init(void);

/* Ends a session.  NULL and handles that are already cleaned up are left alone. */
void winapi_cleanup(winapi_handle_t handle);

/*
 * Copies the string `input` to `output`, which has room for `output_size` bytes with the NUL.  The two must not
 * overlap.
 *
 * `output` holds a string whenever there is room for one: the empty one after an error, the beginning of `input`
 * after WINAPI_ERROR_TRUNCATED.  What lies behind its NUL is unspecified.
 * Errors: PARAMETER (no output, or no room in it), HANDLE, PARAMETER (no input), TRUNCATED.
 */
int winapi_echo(winapi_handle_t handle, const char *input, char *output, size_t output_size);

typedef struct winapi_buffer {
    void *data;
    size_t size; /* bytes */
} winapi_buffer_t;

/*
 * Allocates `size` bytes, from 1 to WINAPI_ALLOC_SIZE_MOST, all zero and at an address divisible by 4096, to be freed
 * with winapi_free_buffer().  Memory from anywhere else serves the tests as well; remoted, this is the kind that is
 * not copied.
 * Errors, with `buffer` set to NULL and 0: PARAMETER (no buffer), BUFFER_SIZE, MEMORY.
 */
int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size);

/* Frees and sets to NULL and 0.  NULL, and a buffer whose data is NULL, are left alone. */
void winapi_free_buffer(winapi_buffer_t *buffer);

typedef enum winapi_buffer_op {
    WINAPI_BUFFER_OP_READ = 1,   /* take the checksum of what is there; the pattern is ignored */
    WINAPI_BUFFER_OP_WRITE = 2,  /* fill with the pattern; the checksum is that of the new contents */
    WINAPI_BUFFER_OP_VERIFY = 3, /* compare with the pattern; the checksum is that of what is there */
} winapi_buffer_op_t;

/*
 * The mismatch_ members are for WINAPI_ERROR_MISMATCH and are 0 otherwise.  Of a buffer filled by WRITE with
 * 0xAABBCCDD whose byte at offset 5 became 0x00: buffer 0, offset 5, expected 0xCC, found 0x00, 1 byte.
 */
typedef struct winapi_buffer_test_result {
    uint64_t bytes_processed;   /* the sum of the buffers' sizes */
    uint64_t mismatch_bytes;    /* how many bytes, in all buffers, are not as the pattern says */
    uint64_t mismatch_offset;   /* where in its buffer the first of them is */
    uint32_t mismatch_buffer;   /* index of that buffer */
    uint32_t mismatch_expected; /* the byte that the pattern wants there */
    uint32_t mismatch_found;    /* the byte that is there */
    uint32_t checksum;          /* of all buffers, see above */
} winapi_buffer_test_result_t;

/*
 * Works through 1 to WINAPI_BUFFERS_MOST buffers, each of WINAPI_BUFFER_SIZE_LEAST to WINAPI_BUFFER_SIZE_MOST bytes.
 *
 * The pattern is four bytes, least significant first on every machine: 0xAABBCCDD is DD CC BB AA DD CC ...  It
 * begins anew with each buffer; where a size is no multiple of 4 the buffer ends inside it.  Always all buffers are
 * worked through: VERIFY does not stop at the first mismatch, and fills in the whole result then.
 * Errors: PARAMETER (no result), HANDLE, PARAMETER (unknown operation), BUFFER_COUNT, PARAMETER (no buffers),
 * then for each buffer PARAMETER (no data), BUFFER_SIZE; last MISMATCH (VERIFY).
 */
int winapi_buffer_test(winapi_handle_t handle, winapi_buffer_t *buffers, uint32_t buffer_count,
                       winapi_buffer_op_t operation, uint32_t pattern, winapi_buffer_test_result_t *result);

typedef enum winapi_perf_type {
    WINAPI_PERF_LATENCY = 1,    /* a pass reads the first WINAPI_PERF_LATENCY_BYTES of each buffer */
    WINAPI_PERF_THROUGHPUT = 2, /* a pass reads all of each buffer */
} winapi_perf_type_t;

typedef struct winapi_perf_test_params {
    winapi_perf_type_t test_type;
    uint32_t iterations;   /* passes, 1 to WINAPI_PERF_ITERATIONS_MOST; for THROUGHPUT the most that are made */
    uint64_t target_bytes; /* THROUGHPUT: enough after the pass that reaches it; 0: no such end.  LATENCY: ignored */
} winapi_perf_test_params_t;

/*
 * Times are those of single passes, in nanoseconds of CLOCK_MONOTONIC, by the process in which the function runs.
 * Percentiles are exact: the smallest measured time that so many percent of the passes did not exceed.
 */
typedef struct winapi_perf_test_result {
    uint64_t throughput_mbps; /* bytes_processed in total_time_ns, in MB/s of 10^6 bytes, rounded down */
    uint64_t avg_latency_ns;  /* rounded down */
    uint64_t min_latency_ns;
    uint64_t p50_latency_ns;
    uint64_t p90_latency_ns;
    uint64_t p99_latency_ns;
    uint64_t max_latency_ns;
    uint64_t total_time_ns; /* sum of all passes */
    uint64_t bytes_processed;
    uint32_t iterations; /* passes made */
    uint32_t checksum;   /* of what one pass reads: for THROUGHPUT the same as WINAPI_BUFFER_OP_READ gives */
} winapi_perf_test_result_t;

/*
 * Measures how long passes over the caller's buffers take; a pass reads them and takes their checksum.
 *
 * Buffers are as for winapi_buffer_test(), and are not changed.  LATENCY also takes none (`buffer_count` 0, when
 * `buffers` may be NULL): its pass is then empty and shows what the measuring itself costs.
 * Errors: PARAMETER (no result), HANDLE, PARAMETER (no params, or an unknown test), ITERATIONS, those of buffers as
 * winapi_buffer_test(), MEMORY.
 */
int winapi_perf_test(winapi_handle_t handle, const winapi_perf_test_params_t *params, winapi_buffer_t *buffers,
                     uint32_t buffer_count, winapi_perf_test_result_t *result);

/* What an error means, in English without a full stop.  Static; never NULL, also for a number that is no error. */
const char *winapi_strerror(int error);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
