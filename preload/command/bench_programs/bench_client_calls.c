/* One call at a time: echo, crc32, srand48. */
#include "preload/command/bench_programs/bench_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { WARM = 500, COUNTER_SIZE = 8, CRC_SIZE_MOST = 4096, ECHO_SIZE_MOST = 1 << 20 };

/* ---- echo ---- */

struct echo {
    char *input, *output;
    uint32_t size; /* characters */
    int error;
};

/* Another text each time: a number in front, and one letter somewhere behind it that wanders. */
static void echo_prepare(void *context, uint32_t index)
{
    struct echo *echo = context;
    uint32_t rest = echo->size - COUNTER_SIZE;

    for (unsigned i = 0; i < COUNTER_SIZE; i++)
        echo->input[i] = (char)('a' + ((index >> (4 * i)) & 0xF));
    echo->input[COUNTER_SIZE + index % rest] ^= 1; /* 'P' and 'Q' */
}

static void echo_act(void *context)
{
    struct echo *echo = context;

    echo->error = winapi_echo(bench_client_handle(), echo->input, echo->output, (size_t)echo->size + 1);
}

static bool echo_check(struct bench_work *work, void *context, uint32_t index)
{
    struct echo *echo = context;

    if (echo->error)
        return bench_work_fail(work, "winapi_echo gave %d: %s", echo->error, winapi_strerror(echo->error));
    if (memcmp(echo->input, echo->output, (size_t)echo->size + 1) != 0)
        return bench_work_fail(work, "winapi_echo gave other text than it got, in call %u", index);
    return true;
}

void bench_client_echo(struct bench_work *work)
{
    static const struct bench_step step = {echo_prepare, echo_act, echo_check};
    struct echo echo = {.size = work->job.size};

    if (echo.size <= COUNTER_SIZE || echo.size > ECHO_SIZE_MOST) {
        bench_work_fail(work, "an echo of %u characters is not measured", echo.size);
        return;
    }
    echo.input = calloc(1, (size_t)echo.size + 1);
    echo.output = calloc(1, (size_t)echo.size + 1);
    if (echo.input && echo.output) {
        memset(echo.input, 'P', echo.size);
        bench_work_sample(work, &step, &echo, WARM);
    } else {
        bench_work_fail(work, "out of memory");
    }
    free(echo.input);
    free(echo.output);
}

/* ---- crc32 ---- */

struct crc {
    unsigned char bytes[CRC_SIZE_MOST];
    uint32_t size;
    uLong result;
};

/* From the definition, bit by bit, so that it does not depend on any zlib. */
static uint32_t crc_of(const unsigned char *bytes, uint32_t size)
{
    uint32_t crc = ~UINT32_C(0);

    for (uint32_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~crc;
}

static void crc_prepare(void *context, uint32_t index)
{
    struct crc *crc = context;

    memcpy(crc->bytes, &index, sizeof(index));
    crc->result = 0;
}

static void crc_act(void *context)
{
    struct crc *crc = context;

    crc->result = crc32(0, crc->bytes, crc->size);
}

static bool crc_check(struct bench_work *work, void *context, uint32_t index)
{
    struct crc *crc = context;
    uint32_t expected = crc_of(crc->bytes, crc->size);

    if (crc->result != expected)
        return bench_work_fail(work, "crc32 gave %08lx in call %u, where %08x is right", crc->result, index, expected);
    return true;
}

void bench_client_crc32(struct bench_work *work)
{
    static const struct bench_step step = {crc_prepare, crc_act, crc_check};
    static struct crc crc;

    if (work->job.size < sizeof(uint32_t) || work->job.size > CRC_SIZE_MOST) {
        bench_work_fail(work, "a crc32 of %u bytes is not measured", work->job.size);
        return;
    }
    crc.size = work->job.size;
    for (uint32_t i = 0; i < crc.size; i++)
        crc.bytes[i] = (unsigned char)(work->job.seed + i * 7);
    bench_work_sample(work, &step, &crc, WARM);
}

/* ---- srand48 ---- */

/* All the calls count together: one that returns before its function has run shows that only then. */
void bench_client_seed(struct bench_work *work)
{
    uint64_t start;
    long number;

    srand48(work->job.seed);
    number = lrand48();
    start = bench_now_ns();
    for (uint32_t i = 0; i < work->job.count; i++)
        srand48(work->job.seed + i);
    work->answer.digest = bench_digest((uint64_t)number, (uint64_t)lrand48());
    work->answer.took_ns = bench_now_ns() - start;
    work->answer.timed_calls = work->job.count;
    work->answer.calls = work->job.count + 1;
}
