/*
 * How test_client reports, and the small tools of its checks.
 */
#include "test_client.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool passed_count(struct client *client, const char *what)
{
    client->passed++;
    printf("%s: ok %s\n", client->group, what);
    return true;
}

bool client_check(struct client *client, bool passed, const char *what)
{
    if (passed)
        return passed_count(client, what);

    client->failed++;
    printf("%s: FAILED %s\n", client->group, what);
    return false;
}

bool client_expect(struct client *client, int error, int wanted, const char *what)
{
    if (error == wanted)
        return passed_count(client, what);

    client->failed++;
    printf("%s: FAILED %s: %d (%s) instead of %d (%s)\n", client->group, what, error, winapi_strerror(error), wanted,
           winapi_strerror(wanted));
    return false;
}

bool client_equal(struct client *client, uint64_t value, uint64_t wanted, const char *what)
{
    if (value == wanted)
        return passed_count(client, what);

    client->failed++;
    printf("%s: FAILED %s: 0x%" PRIx64 " instead of 0x%" PRIx64 "\n", client->group, what, value, wanted);
    return false;
}

void client_time(const char *what, uint64_t value, const char *unit)
{
    printf("  time %-24s %10" PRIu64 " %s\n", what, value, unit);
}

void progress_show(const char *what, uint64_t done, uint64_t total)
{
    static uint64_t shown_ns;
    uint64_t now = clock_ns();

    if (!isatty(STDERR_FILENO))
        return;
    if (done >= total) {
        fputs("\r\033[K", stderr);
        return;
    }
    if (now - shown_ns < 100000000)
        return;

    shown_ns = now;
    fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " (%" PRIu64 "%%)", what, done, total, done * 100 / total);
}

uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t crc32c_table[256];

static void crc32c_prepare(void)
{
    const uint32_t polynomial = 0x82F63B78; /* Castagnoli's, bits reversed */

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;

        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? polynomial : 0);
        crc32c_table[i] = value;
    }
}

uint32_t crc32c_add(uint32_t checksum, const void *data, size_t size)
{
    static pthread_once_t prepared = PTHREAD_ONCE_INIT;
    const unsigned char *bytes = data;

    pthread_once(&prepared, crc32c_prepare);
    checksum = ~checksum;
    for (size_t i = 0; i < size; i++)
        checksum = checksum >> 8 ^ crc32c_table[(checksum ^ bytes[i]) & 0xFF];

    return ~checksum;
}

uint32_t crc32c_buffers(const winapi_buffer_t *buffers, uint32_t count, size_t most)
{
    uint32_t checksum = 0;

    for (uint32_t i = 0; i < count; i++)
        checksum = crc32c_add(checksum, buffers[i].data, buffers[i].size < most ? buffers[i].size : most);

    return checksum;
}

bool pattern_is_held(const winapi_buffer_t *buffer, uint32_t pattern)
{
    const unsigned char *bytes = buffer->data;

    for (size_t i = 0; i < buffer->size; i++) {
        if (bytes[i] != (unsigned char)(pattern >> 8 * (i % 4)))
            return false;
    }

    return true;
}

bool buffers_alloc(struct client *client, winapi_buffer_t *buffers, uint32_t count, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        int error = winapi_alloc_buffer(&buffers[i], size);

        if (error) {
            client_expect(client, error, WINAPI_SUCCESS, "a buffer is allocated");
            buffers_free(buffers, i);
            return false;
        }
    }

    return true;
}

void buffers_free(winapi_buffer_t *buffers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        winapi_free_buffer(&buffers[i]);
}

/* Whether all of the buffers were worked through with the right checksum and without a mismatch. */
static bool answer_is_right(const winapi_buffer_test_result_t *result, const winapi_buffer_t *buffers, uint32_t count)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += buffers[i].size;

    return result->bytes_processed == bytes && result->mismatch_bytes == 0 &&
           result->checksum == crc32c_buffers(buffers, count, SIZE_MAX);
}

bool buffers_round_trip(winapi_handle_t handle, winapi_buffer_t *buffers, uint32_t count, uint32_t pattern)
{
    winapi_buffer_test_result_t written;
    winapi_buffer_test_result_t read;
    winapi_buffer_test_result_t verified;

    if (winapi_buffer_test(handle, buffers, count, WINAPI_BUFFER_OP_WRITE, pattern, &written) ||
        !answer_is_right(&written, buffers, count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!pattern_is_held(&buffers[i], pattern))
            return false;
    }
    if (winapi_buffer_test(handle, buffers, count, WINAPI_BUFFER_OP_READ, 0, &read) ||
        read.checksum != written.checksum)
        return false;

    return !winapi_buffer_test(handle, buffers, count, WINAPI_BUFFER_OP_VERIFY, pattern, &verified) &&
           verified.checksum == written.checksum && verified.mismatch_bytes == 0;
}
