/*
 * Buffers: allocating them, and the buffer test.
 *
 * The test works in blocks of 4 KiB, so that a block is written or compared and added to the checksum while it is
 * in the cache.  A block begins with the pattern's first byte, because its size is a multiple of 4.
 */
#include "host/libwinapi/libwinapi_parts.h"

#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096, ALIGNMENT = 4096, PATTERN_SIZE = 4 };

int winapi_alloc_buffer(winapi_buffer_t *buffer, size_t size)
{
    if (!buffer)
        return WINAPI_ERROR_PARAMETER;
    *buffer = (winapi_buffer_t){0};
    if (size == 0 || size > WINAPI_ALLOC_SIZE_MOST)
        return WINAPI_ERROR_BUFFER_SIZE;
    if (posix_memalign(&buffer->data, ALIGNMENT, size)) {
        buffer->data = NULL;
        return WINAPI_ERROR_MEMORY;
    }

    memset(buffer->data, 0, size);
    buffer->size = size;
    return WINAPI_SUCCESS;
}

void winapi_free_buffer(winapi_buffer_t *buffer)
{
    if (!buffer || !buffer->data)
        return;
    free(buffer->data);
    *buffer = (winapi_buffer_t){0};
}

int libwinapi_buffers_check(const winapi_buffer_t *buffers, uint32_t count)
{
    if (count == 0 || count > WINAPI_BUFFERS_MOST)
        return WINAPI_ERROR_BUFFER_COUNT;
    if (!buffers)
        return WINAPI_ERROR_PARAMETER;

    for (uint32_t i = 0; i < count; i++) {
        if (!buffers[i].data)
            return WINAPI_ERROR_PARAMETER;
        if (buffers[i].size < WINAPI_BUFFER_SIZE_LEAST || buffers[i].size > WINAPI_BUFFER_SIZE_MOST)
            return WINAPI_ERROR_BUFFER_SIZE;
    }

    return WINAPI_SUCCESS;
}

/*
 * ISA-L leaves the upper halves of vector registers in use, which makes what the thread does afterwards slower: other
 * vector code, and each switch to it and from it.
 */
static void leave_wide_registers(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroupper" : : : "memory");
#endif
}

uint32_t libwinapi_checksum_add(uint32_t checksum, const void *data, size_t size)
{
    /* ISA-L leaves out the inversions that CRC-32C has at its beginning and end, and writes to nothing. */
    checksum = ~crc32_iscsi((unsigned char *)data, (int)size, ~checksum);
    leave_wide_registers();
    return checksum;
}

static void pattern_fill(unsigned char block[BLOCK_SIZE], uint32_t pattern)
{
    for (size_t i = 0; i < PATTERN_SIZE; i++)
        block[i] = (unsigned char)(pattern >> 8 * i);
    for (size_t size = PATTERN_SIZE; size < BLOCK_SIZE; size *= 2)
        memcpy(block + size, block, size);
}

/* Compares byte by byte a block known to differ; `offset` is where in its buffer it begins. */
static void mismatch_count(winapi_buffer_test_result_t *result, uint32_t buffer, size_t offset,
                           const unsigned char *found, const unsigned char *expected, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (found[i] == expected[i])
            continue;
        if (result->mismatch_bytes++ > 0)
            continue;
        result->mismatch_buffer = buffer;
        result->mismatch_offset = offset + i;
        result->mismatch_expected = expected[i];
        result->mismatch_found = found[i];
    }
}

static void buffer_work(winapi_buffer_test_result_t *result, const winapi_buffer_t *buffer, uint32_t index,
                        winapi_buffer_op_t operation, const unsigned char pattern[BLOCK_SIZE])
{
    for (size_t offset = 0; offset < buffer->size; offset += BLOCK_SIZE) {
        unsigned char *block = (unsigned char *)buffer->data + offset;
        size_t rest = buffer->size - offset;
        size_t size = rest < BLOCK_SIZE ? rest : BLOCK_SIZE;

        if (operation == WINAPI_BUFFER_OP_WRITE)
            memcpy(block, pattern, size);
        else if (operation == WINAPI_BUFFER_OP_VERIFY && memcmp(block, pattern, size) != 0)
            mismatch_count(result, index, offset, block, pattern, size);
        result->checksum = libwinapi_checksum_add(result->checksum, block, size);
    }
    result->bytes_processed += buffer->size;
}

int winapi_buffer_test(winapi_handle_t handle, winapi_buffer_t *buffers, uint32_t buffer_count,
                       winapi_buffer_op_t operation, uint32_t pattern, winapi_buffer_test_result_t *result)
{
    unsigned char block[BLOCK_SIZE];
    int error;

    if (!result)
        return WINAPI_ERROR_PARAMETER;
    *result = (winapi_buffer_test_result_t){0};
    if (!libwinapi_handle_is_open(handle))
        return WINAPI_ERROR_HANDLE;
    if (operation < WINAPI_BUFFER_OP_READ || operation > WINAPI_BUFFER_OP_VERIFY)
        return WINAPI_ERROR_PARAMETER;
    error = libwinapi_buffers_check(buffers, buffer_count);
    if (error)
        return error;

    pattern_fill(block, pattern);
    for (uint32_t i = 0; i < buffer_count; i++)
        buffer_work(result, &buffers[i], i, operation, block);

    return result->mismatch_bytes > 0 ? WINAPI_ERROR_MISMATCH : WINAPI_SUCCESS;
}
