/*
 * Bytes in order: one checked cursor for reading, one for writing.  Little-endian.
 *
 * A number below 248 is one byte; any other is 247 + n, and behind it its lower n bytes, 1 to 8.  So a small call fits
 * the one cache line that two processes cannot do without.
 *
 * Both stay failed: read or write all there is, then ask once.
 */
#ifndef WINAPI_SPEC_WIRE_BYTES_H
#define WINAPI_SPEC_WIRE_BYTES_H

#include "spec/base/error.h"
#include "spec/base/scratch.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *data; /* NULL when size is 0 and the reader has failed */
    size_t size;
};

enum { NUMBER_MOST = 9, NUMBER_SHORT = 248 };

/* Writes a number where there is room for NUMBER_MOST; gives its end. */
static inline uint8_t *number_put(uint8_t *at, uint64_t value)
{
    unsigned size;

    if (value < NUMBER_SHORT) {
        *at = (uint8_t)value;
        return at + 1;
    }
    size = (71 - (unsigned)__builtin_clzll(value)) / 8;
    *at = (uint8_t)(NUMBER_SHORT - 1 + size);
    value = htole64(value);
    memcpy(at + 1, &value, sizeof(value));
    return at + 1 + size;
}

/* Reads a number; gives its end, or NULL: it ends behind `end`. */
static inline const uint8_t *number_take(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    size_t size;
    uint64_t bits = 0;

    if (at == end)
        return NULL;
    if (*at < NUMBER_SHORT) {
        *value = *at;
        return at + 1;
    }
    size = (size_t)*at++ - (NUMBER_SHORT - 1);
    if ((size_t)(end - at) < size)
        return NULL;
    if ((size_t)(end - at) >= sizeof(bits)) {
        memcpy(&bits, at, sizeof(bits));
        bits = le64toh(bits) & (UINT64_MAX >> (64 - 8 * size));
    } else {
        memcpy(&bits, at, size);
        bits = le64toh(bits);
    }
    *value = bits;
    return at + size;
}

struct reader {
    const uint8_t *data;
    size_t size; /* bytes in all */
    size_t at;   /* bytes read */
    bool failed;
};

static inline void reader_start(struct reader *reader, const void *data, size_t size)
{
    *reader = (struct reader){.data = data, .size = size};
}

/* The next `size` bytes, inside the message.  Empty, and failed, when there are fewer.  Here every bound is checked. */
static inline struct span reader_bytes(struct reader *reader, size_t size)
{
    struct span span = {0};

    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return span;
    }
    span = (struct span){.data = reader->data + reader->at, .size = size};
    reader->at += size;
    return span;
}

/* Numbers are 0 when the reader has failed. */
static inline uint8_t reader_u8(struct reader *reader)
{
    struct span span = reader_bytes(reader, sizeof(uint8_t));

    return span.size != 0 ? *span.data : 0;
}

static inline uint32_t reader_u32(struct reader *reader)
{
    struct span span = reader_bytes(reader, sizeof(uint32_t));
    uint32_t value = 0;

    if (span.size != 0)
        memcpy(&value, span.data, sizeof(value));
    return le32toh(value);
}

static inline uint64_t reader_u64(struct reader *reader)
{
    struct span span = reader_bytes(reader, sizeof(uint64_t));
    uint64_t value = 0;

    if (span.size != 0)
        memcpy(&value, span.data, sizeof(value));
    return le64toh(value);
}

static inline uint64_t reader_number(struct reader *reader)
{
    const uint8_t *at = reader->data + reader->at, *end = reader->data + reader->size;
    uint64_t value = 0;

    at = reader->failed || reader->at == reader->size ? NULL : number_take(at, end, &value);
    if (at == NULL) {
        reader->failed = true;
        return 0;
    }
    reader->at = (size_t)(at - reader->data);
    return value;
}

/* 0 when everything was read and nothing failed, else -EBADMSG: bytes left over are an error too. */
MUST_CHECK static inline int reader_end(const struct reader *reader)
{
    return reader->failed || reader->at != reader->size ? -EBADMSG : 0;
}

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

static inline void writer_start(struct writer *writer, void *data, size_t capacity, struct scratch *overflow)
{
    *writer = (struct writer){.data = data, .capacity = capacity, .overflow = overflow};
}

/* Makes room for `size` more bytes where there is too little; false, and failed, when there is none. */
MUST_CHECK bool writer_grow(struct writer *writer, size_t size);

/* Where the next `size` bytes go; NULL when the writer has failed.  Here every bound is checked. */
static inline uint8_t *writer_room(struct writer *writer, size_t size)
{
    uint8_t *room;

    if (writer->failed || (size > writer->capacity - writer->size && !writer_grow(writer, size)))
        return NULL;
    room = writer->data + writer->size;
    writer->size += size;
    return room;
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size);

static inline void writer_u8(struct writer *writer, uint8_t value)
{
    uint8_t *room = writer_room(writer, sizeof(value));

    if (room != NULL)
        *room = value;
}

static inline void writer_u32(struct writer *writer, uint32_t value)
{
    uint8_t *room = writer_room(writer, sizeof(value));

    value = htole32(value);
    if (room != NULL)
        memcpy(room, &value, sizeof(value));
}

static inline void writer_u64(struct writer *writer, uint64_t value)
{
    uint8_t *room = writer_room(writer, sizeof(value));

    value = htole64(value);
    if (room != NULL)
        memcpy(room, &value, sizeof(value));
}

static inline void writer_number(struct writer *writer, uint64_t value)
{
    uint8_t bytes[NUMBER_MOST];

    if (!writer->failed && writer->capacity - writer->size >= NUMBER_MOST) {
        writer->size = (size_t)(number_put(writer->data + writer->size, value) - writer->data);
        return;
    }
    writer_bytes(writer, bytes, (size_t)(number_put(bytes, value) - bytes));
}

#endif
