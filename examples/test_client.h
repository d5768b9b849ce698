/*
 * What the files of test_client share: how checks are reported, and the sets of checks.
 *
 * Every check gives one line on stdout, "GROUP: ok WHAT" or "GROUP: FAILED WHAT: why".  Whatever may differ from run
 * to run stands on lines of its own that begin with "  time ", so that two runs can be compared without them.
 */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include <libwinapi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

/* The pattern that the checks use most. */
#define PATTERN 0xAABBCCDDu

struct client {
    winapi_handle_t handle;
    const char *group; /* what the checks are about */
    unsigned passed;
    unsigned failed;

    uint64_t iterations; /* rounds of the stress test, calls of the latency benchmark */
    uint64_t size;       /* bytes of the throughput benchmark */
};

/* Report one check each, and give whether it passed. */
bool client_check(struct client *client, bool passed, const char *what);
bool client_expect(struct client *client, int error, int wanted, const char *what);
bool client_equal(struct client *client, uint64_t value, uint64_t wanted, const char *what);

void client_time(const char *what, uint64_t value, const char *unit);

/* On a terminal only, on stderr, and gone again when `done` reaches `total`. */
void progress_show(const char *what, uint64_t done, uint64_t total);

uint64_t clock_ns(void);

/* The library's checksum by other means: a table of its own. */
uint32_t crc32c_add(uint32_t checksum, const void *data, size_t size);
uint32_t crc32c_buffers(const winapi_buffer_t *buffers, uint32_t count, size_t most);

bool pattern_is_held(const winapi_buffer_t *buffer, uint32_t pattern);

/* Allocates `count` buffers of `size` bytes.  After a failed check none is left. */
bool buffers_alloc(struct client *client, winapi_buffer_t *buffers, uint32_t count, size_t size);
void buffers_free(winapi_buffer_t *buffers, uint32_t count);

/* Writes the pattern to all buffers, reads and verifies it, and gives whether every answer was right. */
bool buffers_round_trip(winapi_handle_t handle, winapi_buffer_t *buffers, uint32_t count, uint32_t pattern);

void echo_test(struct client *client);
void buffer_test(struct client *client);
void performance_test(struct client *client);
void integration_test(struct client *client);
void stress_test(struct client *client);
void latency_benchmark(struct client *client);
void throughput_benchmark(struct client *client);

#endif
