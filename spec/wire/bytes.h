/*
 * Bytes in order: one checked cursor for reading, one for writing.  Little-endian.
 *
 * Both stay failed: read or write all there is, then ask once.
 */
#ifndef WINAPI_SPEC_WIRE_BYTES_H
#define WINAPI_SPEC_WIRE_BYTES_H

#include "spec/base/error.h"
#include "spec/base/scratch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *data; /* NULL when size is 0 and the reader has failed */
    size_t size;
};

struct reader {
    const uint8_t *data;
    size_t size; /* bytes in all */
    size_t at;   /* bytes read */
    bool failed;
};

void reader_start(struct reader *reader, const void *data, size_t size);
uint8_t reader_u8(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);

/* The next `size` bytes, inside the message.  Empty, and failed, when there are fewer. */
struct span reader_bytes(struct reader *reader, size_t size);

/* 0 when everything was read and nothing failed, else -EBADMSG: bytes left over are an error too. */
MUST_CHECK int reader_end(const struct reader *reader);

/*
 * Starts in the memory it was given and moves to scratch memory when that is full, so that `data` is the given
 * memory exactly while the bytes fit it.
 */
struct writer {
    uint8_t *data;
    size_t size;              /* bytes written */
    size_t capacity;          /* bytes at data */
    struct scratch *overflow; /* NULL: full is failed */
    bool failed;
};

void writer_start(struct writer *writer, void *data, size_t capacity, struct scratch *overflow);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_bytes(struct writer *writer, const void *bytes, size_t size);

#endif
