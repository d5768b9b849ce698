/* Large buffers: winapi_buffer_test(), which takes a checksum of what it gets. */
#include "preload/command/bench_programs/bench_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WARM = 10 }; /* calls, until the caches have got used to it */

struct buffers {
    winapi_buffer_t tested; /* what the function gets */
    unsigned char *source;  /* what is changed before each call: the same memory, but for BUFFER_COPIED_FIRST */
    enum bench_buffer kind;
    winapi_buffer_test_result_t result;
    int error;
};

/* Mapped and touched at once, as every byte of it is used many times. */
static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static bool buffers_make(struct buffers *buffers, const struct bench_job *job)
{
    buffers->kind = job->option;
    buffers->tested.size = job->size;
    if (buffers->kind == BUFFER_ALLOCATED)
        return winapi_alloc_buffer(&buffers->tested, job->size) == WINAPI_SUCCESS;
    buffers->tested.data = map(job->size);
    return buffers->tested.data;
}

/* Words that differ from each other, and from job to job. */
static void fill(unsigned char *bytes, size_t size, uint32_t seed)
{
    for (size_t i = 0; i + sizeof(seed) <= size; i += sizeof(seed)) {
        seed = seed * 1664525 + 1013904223;
        memcpy(bytes + i, &seed, sizeof(seed));
    }
}

static void buffers_free(struct buffers *buffers)
{
    if (buffers->source && buffers->source != buffers->tested.data)
        munmap(buffers->source, buffers->tested.size);
    if (buffers->kind == BUFFER_ALLOCATED)
        winapi_free_buffer(&buffers->tested);
    else if (buffers->tested.data)
        munmap(buffers->tested.data, buffers->tested.size);
}

static void prepare(void *context, uint32_t index)
{
    struct buffers *buffers = context;
    size_t words = buffers->tested.size / sizeof(uint32_t);

    ((uint32_t *)(void *)buffers->source)[index * 4099 % words] += index + 1;
}

static void act(void *context)
{
    struct buffers *buffers = context;

    if (buffers->kind == BUFFER_COPIED_FIRST)
        memcpy(buffers->tested.data, buffers->source, buffers->tested.size);
    buffers->error =
        winapi_buffer_test(bench_client_handle(), &buffers->tested, 1, WINAPI_BUFFER_OP_READ, 0, &buffers->result);
}

/* Whether the checksums are right is seen by the digest: the bench gives the same job to a program that runs bare. */
static bool check(struct bench_work *work, void *context, uint32_t index)
{
    struct buffers *buffers = context;

    if (buffers->error)
        return bench_work_fail(work, "winapi_buffer_test gave %d: %s", buffers->error, winapi_strerror(buffers->error));
    if (buffers->result.bytes_processed != buffers->tested.size)
        return bench_work_fail(work, "winapi_buffer_test worked through another size, in call %u", index);
    work->answer.digest = bench_digest(work->answer.digest, buffers->result.checksum);
    return true;
}

void bench_client_buffer(struct bench_work *work)
{
    static const struct bench_step step = {prepare, act, check};
    struct buffers buffers = {0};

    if (buffers_make(&buffers, &work->job))
        buffers.source = buffers.kind == BUFFER_COPIED_FIRST ? map(work->job.size) : buffers.tested.data;
    if (buffers.source) {
        fill(buffers.source, work->job.size, work->job.seed);
        bench_work_sample(work, &step, &buffers, WARM);
    } else {
        bench_work_fail(work, "no memory for buffers of %u bytes", work->job.size);
    }
    buffers_free(&buffers);
}
